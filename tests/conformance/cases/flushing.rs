//! Group J: flushing.

use crate::pipes::{Call, Code, DUPLEX, Outcome, Spec};
use crate::story::{Story, write};

crate::on_each_arm! {
    everywhere {
        j1_a_flush_waits_until_all_is_read,
        j3_the_other_side_goes,
    }
    here {
        j5_nobody_is_connected,
    }
    engine {
        j2_later_data_does_not_count,
        j4_a_write_that_waits_does_not_count,
    }
}

/// SEMANTICS: fsync-waits
fn j1_a_flush_waits_until_all_is_read(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "one");
    p.writes(server, "two");
    p.writes(client, "the other direction does not count");
    let flush = p.waits(Call::Flush(server));
    p.reads(client, 5, "onetw");
    p.still_waits(flush);
    p.reads(client, 5, "o");
    assert_eq!(p.ended(flush), Outcome::Done);
}

/// SEMANTICS: fsync-waits
fn j2_later_data_does_not_count(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.done(Call::Flush(server));
    p.waits(Call::Read(client, 3));
    p.done(Call::Flush(server));
    p.writes(server, "three more");
    let flush = p.waits(Call::Flush(server));
    p.writes(server, " later");
    p.reads(client, 7, "ee more");
    assert_eq!(p.ended(flush), Outcome::Done);
    p.reads(client, 99, " later");
}

/// SEMANTICS: fsync-waits
fn j3_the_other_side_goes(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "unread");
    let flush = p.waits(Call::Flush(server));
    p.close(client);
    assert_eq!(p.ended(flush), Outcome::Failed(Code::BrokenPipe));
    let (server, client) = p.pair(DUPLEX);
    p.writes(client, "unread");
    let flush = p.waits(Call::Flush(client));
    p.disconnect(server);
    assert_eq!(p.ended(flush), Outcome::Failed(Code::NotConnected));
}

/// SEMANTICS: fsync-waits, write-whole
fn j4_a_write_that_waits_does_not_count(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..DUPLEX });
    p.writes(server, "full");
    let waiting = p.waits(write(server, "waits"));
    let flush = p.waits(Call::Flush(server));
    p.reads(client, 4, "full");
    assert_eq!(p.ended(flush), Outcome::Done, "Windows: it waits for both");
    assert_eq!(p.ended(waiting), Outcome::Written(5));
    let waiting = p.waits(write(server, "again"));
    p.cancel(waiting);
    let flush = p.waits(Call::Flush(server));
    p.reads(client, 99, "waits");
    assert_eq!(p.ended(flush), Outcome::Done);
}

/// SEMANTICS: fsync-waits
fn j5_nobody_is_connected(p: &mut Story) {
    let server = p.server(DUPLEX);
    p.done(Call::Flush(server));
    let client = p.client(crate::pipes::Wants::Both);
    p.disconnect(server);
    p.done(Call::Flush(server));
    assert_eq!(p.refused(Call::Flush(client)), Code::NotConnected);
    p.listen(server);
    p.writes(server, "written before anybody came");
    let flush = p.waits(Call::Flush(server));
    let client = p.client(crate::pipes::Wants::Both);
    p.reads(client, 99, "written before anybody came");
    assert_eq!(p.ended(flush), Outcome::Done, "Windows: there was nothing to be written");
    p.close(client);
    p.done(Call::Flush(server));
}
