//! A server and its clients, one after the other; who they are.

use std::time::Duration;

use pipefs::{Arrival, EndRole, Error, Namespace, PipeOptions, State, Wanted};

use super::deadline::{PATIENCE, Task};
use super::{pair, until_waiting};

#[test]
fn connect_says_whether_the_client_was_there_before() {
    let pipes = Namespace::new();
    let server = pipes.create("p", PipeOptions::duplex()).unwrap();
    let waiting = server.clone();
    let connect = Task::spawn(move || waiting.connect());
    until_waiting(&pipes, 1);
    let client = pipes.open("p", Wanted::BOTH).unwrap();
    assert_eq!(connect.join(PATIENCE), Ok(Arrival::Now));
    assert_eq!(server.connect(), Ok(Arrival::Before));
    drop(client);
    assert_eq!(server.connect(), Err(Error::BrokenPipe));
}

#[test]
fn a_server_that_has_waited_long_enough_listens_on() {
    let pipes = Namespace::new();
    let server = pipes.create("p", PipeOptions::duplex()).unwrap();
    let short = Duration::from_millis(30);
    assert_eq!(server.connect_timeout(short), Err(Error::TimedOut));
    assert_eq!(server.connect_timeout(Duration::ZERO), Err(Error::TimedOut));
    server.set_nonblocking(true);
    assert_eq!(server.connect(), Err(Error::WouldBlock));
    let _client = pipes.open("p", Wanted::BOTH).unwrap();
    assert_eq!(server.connect_timeout(PATIENCE), Ok(Arrival::Before));
}

#[test]
fn one_instance_serves_many_clients_one_after_the_other() {
    let pipes = Namespace::new();
    let server = pipes.create("p", PipeOptions::duplex().messages()).unwrap();
    let serving = Task::spawn(move || {
        for _ in 0..8 {
            server.connect().unwrap();
            let request = server.read_message(99).unwrap().expect("a request");
            server.write_message(&[&b"re: "[..], &request.data].concat()).unwrap();
            server.drain().unwrap();
            server.disconnect().unwrap();
        }
        server
    });
    for number in 0..8_u8 {
        let client = pipes.open("p", Wanted::BOTH).unwrap();
        client.write_message(&[number]).unwrap();
        let reply = client.read_message(99).unwrap().expect("a reply");
        assert_eq!(reply.data, [b"re: ", &[number][..]].concat());
    }
    let server = serving.join(PATIENCE);
    assert_eq!(pipes.state("p").unwrap().instances, [(State::Disconnected, 0)]);
    drop(server);
}

#[test]
fn disconnecting_throws_the_client_out_with_what_is_unread() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    server.write_message(b"lost").unwrap();
    client.write_message(b"lost too").unwrap();
    server.disconnect().unwrap();
    assert_eq!(server.disconnect(), Err(Error::NotConnected));
    assert_eq!(server.read_message(9), Err(Error::NotConnected));
    assert_eq!(server.write_message(b"x"), Err(Error::NotConnected));
    assert_eq!(client.write_message(b"x"), Err(Error::BrokenPipe));
    assert_eq!(client.drain(), Err(Error::NotConnected));
    assert_eq!(client.peek(9), Err(Error::NotConnected));
    assert_eq!(client.read_message(9), Err(Error::Reset), "the first read says so");
    assert_eq!(client.read_message(9), Ok(None));
    // Until the server connects again nobody else can come.
    assert_eq!(pipes.wait("pipe", Some(Duration::from_millis(30))), Err(Error::TimedOut));
    let opening = pipes.clone();
    let open = Task::spawn(move || opening.open("pipe", Wanted::BOTH));
    until_waiting(&pipes, 1);
    assert_eq!(server.connect(), Ok(Arrival::Now));
    let second = open.join(PATIENCE).unwrap();
    second.write_message(b"fresh").unwrap();
    assert_eq!(server.read_message(9).unwrap().unwrap().data, b"fresh");
}

#[test]
fn disconnecting_a_server_that_listens_keeps_clients_away() {
    let pipes = Namespace::new();
    let server = pipes.create("p", PipeOptions::duplex()).unwrap();
    let waiting = server.clone();
    let connect = Task::spawn(move || waiting.connect());
    until_waiting(&pipes, 1);
    server.disconnect().unwrap();
    assert_eq!(connect.join(PATIENCE), Err(Error::NotConnected));
    assert_eq!(pipes.wait("p", Some(Duration::ZERO)), Err(Error::TimedOut));
}

#[test]
fn each_end_knows_both_processes() {
    let pipes = Namespace::new();
    let server = pipes.create("p", PipeOptions::duplex()).unwrap();
    assert_eq!(server.client_process_id(), Err(Error::NobodyThere));
    let client = pipes.open("p", Wanted::BOTH).unwrap();
    let me = std::process::id();
    assert_eq!((server.client_process_id(), server.server_process_id()), (Ok(me), Ok(me)));
    assert_eq!((client.client_process_id(), client.server_process_id()), (Ok(me), Ok(me)));
    drop(server);
    assert_eq!(client.server_process_id(), Ok(me), "also when it has closed");

    let (_pipes, server, client) = pair(PipeOptions::duplex());
    server.disconnect().unwrap();
    assert_eq!(server.client_process_id(), Err(Error::NobodyThere));
    assert_eq!(client.server_process_id(), Err(Error::NotConnected));
}

#[test]
fn an_end_says_what_it_is() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    server.write_message(b"12345").unwrap();
    let info = client.info().unwrap();
    assert_eq!((info.role, info.state), (Some(EndRole::Client), Some(State::Connected)));
    assert_eq!((info.readable_bytes, info.instances), (5, 1));
    assert_eq!(server.info().unwrap().role, Some(EndRole::Server));
    assert_eq!(pipes.engine().end_info(client.id()).unwrap(), info);
}

#[test]
fn an_end_closes_with_its_last_clone() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    let clone = client.clone();
    drop(client);
    server.write_message(b"hello").unwrap();
    assert_eq!(clone.read_message(9).unwrap().unwrap().data, b"hello");
    drop(clone);
    assert_eq!(server.write_message(b"hello"), Err(Error::BrokenPipe));
    drop(server);
    assert_eq!(pipes.engine().end_count(), 0);
}
