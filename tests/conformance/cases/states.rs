//! Group C: listening, connecting, disconnecting.

use crate::pipes::{Call, Code, DUPLEX, End, OUTBOUND, Outcome, Wait, Wants};
use crate::story::{NAME, Story, open};

crate::on_each_arm! {
    everywhere {
        c1_listening_waits_for_a_client,
        c2_the_client_was_first,
        c3_the_client_was_first_and_has_gone,
        c4_listening_without_waiting,
        c6_a_client_cannot_listen,
        c7_nobody_gets_in_after_a_disconnect,
        c8_a_second_disconnect,
        c9_a_client_cannot_disconnect,
        c10_a_disconnect_ends_a_listen,
        c11_one_instance_serves_many,
        c13_a_cancelled_listen,
        c14_clients_get_the_instance_that_has_been_listening_longest,
        c15_numbers_of_states,
    }
    engine {
        c12_a_close_ends_a_listen,
    }
}

fn c1_listening_waits_for_a_client(p: &mut Story) {
    let server = p.server(DUPLEX);
    let connect = p.waits(Call::Connect(server, Wait::Forever));
    p.client(Wants::Both);
    assert_eq!(p.ended(connect), Outcome::Done);
}

fn c2_the_client_was_first(p: &mut Story) {
    let (server, _) = p.pair(DUPLEX);
    assert_eq!(p.refused(Call::Connect(server, Wait::Forever)), Code::AlreadyConnected);
}

fn c3_the_client_was_first_and_has_gone(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(client, "left");
    p.close(client);
    assert_eq!(p.refused(Call::Connect(server, Wait::Forever)), Code::NoData);
    p.reads(server, 9, "left");
    assert_eq!(p.refused(Call::Read(server, 9)), Code::BrokenPipe);
    assert_eq!(p.refused(Call::Connect(server, Wait::Forever)), Code::NoData);
    p.disconnect(server);
    let connect = p.waits(Call::Connect(server, Wait::Forever));
    p.client(Wants::Both);
    assert_eq!(p.ended(connect), Outcome::Done);
}

fn c4_listening_without_waiting(p: &mut Story) {
    let server = p.server(DUPLEX);
    assert_eq!(p.refused(Call::Connect(server, Wait::No)), Code::Listening);
    p.client(Wants::Both);
    assert_eq!(p.refused(Call::Connect(server, Wait::No)), Code::AlreadyConnected);
}

fn c6_a_client_cannot_listen(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    assert_eq!(p.refused(Call::Connect(client, Wait::Forever)), Code::InvalidFunction);
    p.writes(server, "x");
    p.reads(client, 9, "x");
}

fn c7_nobody_gets_in_after_a_disconnect(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.disconnect(server);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    p.close(client);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    p.listen(server);
    p.client(Wants::Both);
}

fn c8_a_second_disconnect(p: &mut Story) {
    let (server, _) = p.pair(DUPLEX);
    p.disconnect(server);
    assert_eq!(p.refused(Call::Disconnect(server)), Code::NotConnected);
}

fn c9_a_client_cannot_disconnect(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "kept");
    assert_eq!(p.refused(Call::Disconnect(client)), Code::InvalidFunction);
    p.reads(client, 9, "kept");
    p.writes(client, "x");
    p.reads(server, 9, "x");
}

fn c10_a_disconnect_ends_a_listen(p: &mut Story) {
    let server = p.server(DUPLEX);
    let connect = p.waits(Call::Connect(server, Wait::Forever));
    p.disconnect(server);
    assert_eq!(p.ended(connect), Outcome::Failed(Code::NotConnected));
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
}

fn c11_one_instance_serves_many(p: &mut Story) {
    let server = p.server(DUPLEX);
    for number in 0..8 {
        let connect = p.waits(Call::Connect(server, Wait::Forever));
        let client = p.client(Wants::Both);
        assert_eq!(p.ended(connect), Outcome::Done);
        p.writes(client, &format!("question {number}"));
        p.reads(server, 99, &format!("question {number}"));
        p.writes(server, "answer");
        p.reads(client, 99, "answer");
        p.close(client);
        p.disconnect(server);
    }
}

fn c12_a_close_ends_a_listen(p: &mut Story) {
    let server = p.server(DUPLEX);
    let connect = p.waits(Call::Connect(server, Wait::Forever));
    p.close(server);
    assert!(matches!(p.ended(connect), Outcome::Failed(_)));
}

fn c13_a_cancelled_listen(p: &mut Story) {
    let server = p.server(DUPLEX);
    let connect = p.waits(Call::Connect(server, Wait::Forever));
    p.cancel(connect);
    let client = p.client(Wants::Both);
    p.writes(client, "x");
    p.reads(server, 9, "x");
}

/// SEMANTICS: open-oldest-first
fn c14_clients_get_the_instance_that_has_been_listening_longest(p: &mut Story) {
    let servers = [(); 3].map(|()| p.server(OUTBOUND));
    let is_connected = |p: &mut Story, server: End| match p.refused(Call::Connect(server, Wait::No))
    {
        Code::AlreadyConnected => true,
        Code::Listening => false,
        other => panic!("{other:?}"),
    };
    // Who calls Connect is not preferred.
    let connect = p.waits(Call::Connect(servers[1], Wait::Forever));
    let first = p.client(Wants::Read);
    assert!(is_connected(p, servers[0]));
    p.still_waits(connect);
    // The first one listens again, behind the others.
    p.close(first);
    p.disconnect(servers[0]);
    p.listen(servers[0]);
    p.client(Wants::Read);
    assert_eq!(p.ended(connect), Outcome::Done);
    p.client(Wants::Read);
    assert!(is_connected(p, servers[2]));
    assert!(!is_connected(p, servers[0]));
    p.client(Wants::Read);
    assert!(is_connected(p, servers[0]));
}

fn c15_numbers_of_states(p: &mut Story) {
    let server = p.server(DUPLEX);
    assert_eq!(p.info(server).state, 2);
    let client = p.client(Wants::Both);
    assert_eq!((p.info(server).state, p.info(client).state), (3, 3));
    p.close(client);
    assert_eq!(p.info(server).state, 4);
    p.disconnect(server);
    assert_eq!(p.info(server).state, 1);
    p.listen(server);
    assert_eq!(p.info(server).state, 2);
    let client = p.client(Wants::Both);
    p.close(server);
    assert_eq!(p.info(client).state, 4);
}
