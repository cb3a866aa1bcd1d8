//! Group L: information and identity.

use crate::pipes::{
    Call, Code, DUPLEX, Direction, INBOUND, Info, MESSAGES, OUTBOUND, Outcome, ReadMode, Spec,
    Wants, Whose,
};
use crate::story::Story;

crate::on_each_arm! {
    everywhere {
        l1_what_is_said_of_a_pipe,
        l2_what_is_said_of_a_handle,
        l3_all_that_is_said_of_an_instance,
        l7_who_is_at_the_other_end,
        l8_who_is_there_after_a_disconnect,
    }
    here {
        l5_asking_when_disconnected,
    }
}

fn l1_what_is_said_of_a_pipe(p: &mut Story) {
    let spec = Spec { most_instances: Some(7), capacity_bytes: 1234, ..MESSAGES };
    let (server, client) = p.pair(spec);
    p.done(Call::SetNoWait(client, true));
    for (end, is_server) in [(server, true), (client, false)] {
        let info = p.info(end);
        assert_eq!((info.is_server, info.messages), (is_server, true));
        assert_eq!((info.most_instances, info.capacity_bytes), (Some(7), 1234));
    }
    let server = p.server_of("bytes", DUPLEX);
    let info = p.info(server);
    assert_eq!((info.messages, info.most_instances), (false, None));
}

fn l2_what_is_said_of_a_handle(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    assert_eq!((p.info(server).instances, p.info(client).instances), (1, 1));
    let more = [(); 2].map(|()| p.server(MESSAGES));
    assert_eq!((p.info(server).instances, p.info(client).instances), (3, 3));
    p.close(more[0]);
    assert_eq!(p.info(client).instances, 2);
    assert_eq!(p.info(client).reads, ReadMode::Message);
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    assert_eq!(p.info(client).reads, ReadMode::Byte);
}

fn l3_all_that_is_said_of_an_instance(p: &mut Story) {
    let spec = Spec { most_instances: Some(3), capacity_bytes: 100, ..DUPLEX };
    let (server, client) = p.pair(spec);
    p.writes(server, "12345");
    p.writes(client, "123");
    let expected = Info {
        is_server: true,
        messages: false,
        reads: ReadMode::Byte,
        direction: Direction::Duplex,
        most_instances: Some(3),
        instances: 1,
        capacity_bytes: 100,
        readable_bytes: 3,
        writable_bytes: 95,
        state: 3,
    };
    assert_eq!(p.info(server), expected);
    let client_expected =
        Info { is_server: false, readable_bytes: 5, writable_bytes: 97, ..expected };
    assert_eq!(p.info(client), client_expected);
    for (name, spec) in [("out", OUTBOUND), ("in", INBOUND)] {
        let server = p.server_of(name, spec);
        assert_eq!(p.info(server).direction, spec.direction);
    }
}

fn l5_asking_when_disconnected(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.disconnect(server);
    assert_eq!(p.info(server).state, 1);
    assert_eq!(p.info(client).state, 1, "Windows: not connected");
    assert_eq!(p.refused(Call::Process(client, Whose::Server)), Code::NotConnected);
    assert_eq!(p.refused(Call::Peek(client, 9)), Code::NotConnected);
}

fn l7_who_is_at_the_other_end(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    let expected = p.processes();
    for end in [server, client] {
        let found = (p.process(end, Whose::Server), p.process(end, Whose::Client));
        assert_eq!(found, expected);
    }
    p.close(client);
    assert_eq!(p.process(server, Whose::Client), expected.1);
    let server = p.server(DUPLEX);
    let client = p.client(Wants::Both);
    p.close(server);
    assert_eq!(p.process(client, Whose::Server), expected.0);
}

fn l8_who_is_there_after_a_disconnect(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.disconnect(server);
    assert_eq!(p.refused(Call::Process(server, Whose::Client)), Code::NotFound);
    assert_eq!(p.refused(Call::Process(client, Whose::Server)), Code::NotConnected);
    assert_eq!(p.refused(Call::Process(client, Whose::Client)), Code::NotConnected);
    let expected = p.processes().0;
    assert_eq!(p.call(Call::Process(server, Whose::Server)), Outcome::Process(expected));
}
