//! Group D: clients.

use crate::pipes::{Call, Code, DUPLEX, INBOUND, MESSAGES, OUTBOUND, Wants};
use crate::story::{NAME, Story, open};

crate::on_each_arm! {
    everywhere {
        d1_a_missing_name,
        d2_nobody_listens,
        d3_busy_until_somebody_listens,
    }
    here {
        d4_a_direction_that_is_not_there,
        d5_neither_reading_nor_writing,
        d6_a_fresh_client,
    }
}

/// SEMANTICS: create-missing
fn d1_a_missing_name(p: &mut Story) {
    for wants in [Wants::Read, Wants::Write, Wants::Both] {
        assert_eq!(p.refused(open(NAME, wants)), Code::FileNotFound);
    }
}

/// SEMANTICS: open-fail
fn d2_nobody_listens(p: &mut Story) {
    let (server, _) = p.pair(DUPLEX);
    for wants in [Wants::Read, Wants::Write, Wants::Both] {
        assert_eq!(p.refused(open(NAME, wants)), Code::PipeBusy);
    }
    p.writes(server, "x");
}

/// SEMANTICS: open-fail
fn d3_busy_until_somebody_listens(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.close(client);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    let other = p.server(DUPLEX);
    let client = p.client(Wants::Both);
    p.writes(client, "x");
    p.reads(other, 9, "x");
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    p.disconnect(server);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    p.listen(server);
    p.client(Wants::Both);
}

/// SEMANTICS: open-wronly, open-rdonly, open-rdwr
fn d4_a_direction_that_is_not_there(p: &mut Story) {
    p.server_of("out", OUTBOUND);
    assert_eq!(p.refused(open("out", Wants::Both)), Code::AccessDenied);
    // Windows refuses this, too. Here it is a server's open.
    p.client_of("out", Wants::Write);
    p.client_of("out", Wants::Read);
    p.client_of("out", Wants::Read);
    assert_eq!(p.refused(open("out", Wants::Read)), Code::PipeBusy);

    p.server_of("in", INBOUND);
    assert_eq!(p.refused(open("in", Wants::Both)), Code::AccessDenied);
    p.client_of("in", Wants::Read);
    p.client_of("in", Wants::Write);
    p.client_of("in", Wants::Write);
    assert_eq!(p.refused(open("in", Wants::Write)), Code::PipeBusy);

    for wants in [Wants::Both, Wants::Read, Wants::Write] {
        p.server(DUPLEX);
        let client = p.client(wants);
        if wants == Wants::Read {
            assert_eq!(p.refused(Call::Write(client, b"x".into())), Code::AccessDenied);
        }
        assert_eq!(p.refused(open(NAME, wants)), Code::PipeBusy);
    }
}

fn d5_neither_reading_nor_writing(p: &mut Story) {
    p.server(DUPLEX);
    assert_eq!(p.refused(open(NAME, Wants::Nothing)), Code::InvalidParameter);
    p.client(Wants::Both);
}

/// SEMANTICS: message-read
fn d6_a_fresh_client(p: &mut Story) {
    let server = p.server(MESSAGES);
    let client = p.client(Wants::Both);
    p.writes(server, "one");
    p.writes(server, "two");
    p.reads(client, 99, "one");
    p.reads(client, 99, "two");
    p.waits(Call::Read(client, 99));
}
