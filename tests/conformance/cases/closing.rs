//! Group K: closing, and broken pipes.

use crate::pipes::{Call, Code, DUPLEX, MESSAGES, OUTBOUND, Outcome, ReadMode, Spec, Wants};
use crate::story::{Story, write};

crate::on_each_arm! {
    everywhere {
        k1_what_was_written_before_a_close,
        k2_a_write_after_the_other_side_has_closed,
        k3_a_read_waits_when_the_other_side_closes,
        k4_a_write_waits_when_the_other_side_closes,
        k7_an_empty_message_then_a_close,
        k10_the_read_mode_after_a_close,
    }
    here {
        k5_a_disconnect_discards_both_ways,
        k6_a_disconnect_ends_what_waits,
        k8_a_server_nobody_has_connected_to,
    }
}

/// SEMANTICS: close-drains
fn k1_what_was_written_before_a_close(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "from the server");
    p.close(server);
    p.reads(client, 8, "from the");
    p.reads(client, 99, " server");
    for _ in 0..2 {
        assert_eq!(p.refused(Call::Read(client, 9)), Code::BrokenPipe);
    }
    let (server, client) = p.pair(DUPLEX);
    p.writes(client, "from the client");
    p.close(client);
    p.reads(server, 99, "from the client");
    assert_eq!(p.refused(Call::Read(server, 9)), Code::BrokenPipe);
}

/// SEMANTICS: close-client
fn k2_a_write_after_the_other_side_has_closed(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(client, "unread");
    p.close(client);
    assert_eq!(p.refused(write(server, "x")), Code::NoData);
    p.reads(server, 99, "unread");
    assert_eq!(p.refused(write(server, "x")), Code::NoData);
    let (server, client) = p.pair(DUPLEX);
    p.close(server);
    assert_eq!(p.refused(write(client, "x")), Code::NoData);
}

/// SEMANTICS: read-end-of-file
fn k3_a_read_waits_when_the_other_side_closes(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    let read = p.waits(Call::Read(client, 9));
    p.close(server);
    assert_eq!(p.ended(read), Outcome::Failed(Code::BrokenPipe));
    let (server, client) = p.pair(DUPLEX);
    let read = p.waits(Call::Read(server, 9));
    p.close(client);
    assert_eq!(p.ended(read), Outcome::Failed(Code::BrokenPipe));
}

/// SEMANTICS: close-client
fn k4_a_write_waits_when_the_other_side_closes(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..OUTBOUND });
    p.writes(server, "full");
    let waiting = p.waits(write(server, "x"));
    p.close(client);
    assert_eq!(p.ended(waiting), Outcome::Failed(Code::BrokenPipe));
    assert_eq!(p.refused(write(server, "x")), Code::NoData);
}

fn k5_a_disconnect_discards_both_ways(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "unread");
    p.writes(client, "unread");
    p.disconnect(server);
    assert_eq!(p.refused(Call::Read(server, 9)), Code::NotConnected);
    assert_eq!(p.refused(write(server, "x")), Code::NotConnected);
    assert_eq!(p.refused(Call::Read(client, 9)), Code::NotConnected);
    assert_eq!(p.refused(Call::Read(client, 9)), Code::BrokenPipe, "Windows: not connected");
    assert_eq!(p.refused(write(client, "x")), Code::NoData, "Windows: not connected");
}

fn k6_a_disconnect_ends_what_waits(p: &mut Story) {
    let failed = |code| Outcome::Failed(code);
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..DUPLEX });
    let reads = [server, client].map(|end| p.waits(Call::Read(end, 9)));
    p.disconnect(server);
    assert_eq!(reads.map(|read| p.ended(read)), [const { Outcome::Failed(Code::NotConnected) }; 2]);
    p.listen(server);
    let client = p.client(Wants::Both);
    let writes = [server, client].map(|end| {
        p.writes(end, "full");
        p.waits(write(end, "x"))
    });
    p.disconnect(server);
    assert_eq!(p.ended(writes[0]), failed(Code::NotConnected));
    assert_eq!(p.ended(writes[1]), failed(Code::BrokenPipe), "Windows: not connected");
}

fn k7_an_empty_message_then_a_close(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "");
    p.close(server);
    p.reads(client, 9, "");
    assert_eq!(p.refused(Call::Read(client, 9)), Code::BrokenPipe);
}

/// SEMANTICS: open-server-listens, example-greeting
fn k8_a_server_nobody_has_connected_to(p: &mut Story) {
    let server = p.server(DUPLEX);
    p.writes(server, "hello");
    let read = p.waits(Call::Read(server, 99));
    let client = p.client(Wants::Both);
    p.still_waits(read);
    p.reads(client, 99, "hello");
    p.writes(client, "hello yourself");
    p.was_read(read, "hello yourself");
}

fn k10_the_read_mode_after_a_close(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "one");
    p.writes(server, "two");
    p.close(server);
    assert_eq!(p.info(client).reads, ReadMode::Message);
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    assert_eq!(p.info(client).reads, ReadMode::Byte);
    p.reads(client, 99, "onetwo");
}
