//! Group H: looking at what is there.

use crate::pipes::{Call, Code, DUPLEX, MESSAGES, ReadMode};
use crate::story::Story;

crate::on_each_arm! {
    everywhere {
        h1_a_look_takes_nothing,
        h2_a_look_shows_the_first_message,
        h4_a_look_without_a_buffer,
        h5_a_look_goes_by_the_type,
        h6_a_look_when_nobody_is_connected,
    }
    here {
        h3_a_look_at_bytes_leaves_nothing,
    }
}

fn h1_a_look_takes_nothing(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    assert_eq!(p.peeks_bytes(client, 9), (String::new(), 0), "it does not wait");
    p.writes(server, "abc");
    for _ in 0..2 {
        assert_eq!(p.peeks_bytes(client, 9), ("abc".into(), 3));
    }
    assert_eq!(p.peeks_bytes(server, 9), (String::new(), 0), "the other direction");
    p.reads(client, 9, "abc");
}

fn h2_a_look_shows_the_first_message(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "first");
    p.writes(server, "second");
    assert_eq!(p.peeks(client, 99), ("first".into(), 11, 0));
    assert_eq!(p.peeks(client, 2), ("fi".into(), 11, 3));
    p.reads_part(client, 4, "firs");
    assert_eq!(p.peeks(client, 99), ("t".into(), 7, 0));
    p.reads(client, 99, "t");
    assert_eq!(p.peeks(client, 1), ("s".into(), 6, 5));
}

fn h3_a_look_at_bytes_leaves_nothing(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "one");
    p.writes(server, "two");
    assert_eq!(p.peeks(client, 4), ("onet".into(), 6, 0), "across writes");
    assert_eq!(p.peeks(client, 99), ("onetwo".into(), 6, 0));
}

fn h4_a_look_without_a_buffer(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "first");
    p.writes(server, "second");
    assert_eq!(p.peeks(client, 0), (String::new(), 11, 5));
}

fn h5_a_look_goes_by_the_type(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    p.writes(server, "one");
    p.writes(server, "two");
    assert_eq!(p.peeks(client, 99), ("one".into(), 6, 0));
    p.reads(client, 99, "onetwo");
}

fn h6_a_look_when_nobody_is_connected(p: &mut Story) {
    let server = p.server(DUPLEX);
    assert_eq!(p.refused(Call::Peek(server, 9)), Code::BadPipe, "listening");
    let client = p.client(crate::pipes::Wants::Both);
    p.disconnect(server);
    assert_eq!(p.refused(Call::Peek(server, 9)), Code::BadPipe, "disconnected");
    assert_eq!(p.refused(Call::Peek(client, 9)), Code::NotConnected);
    let (server, client) = p.pair(DUPLEX);
    p.writes(client, "left");
    p.close(client);
    assert_eq!(p.peeks_bytes(server, 9), ("left".into(), 4));
    p.reads(server, 9, "left");
    assert_eq!(p.refused(Call::Peek(server, 9)), Code::BrokenPipe);
}
