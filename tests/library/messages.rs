//! Messages, transactions, calls, and looking ahead.

use std::io::Write;
use std::time::Duration;

use pipefs::settings::MESSAGE_MAX_BYTES;
use pipefs::{Error, Message, Namespace, PipeOptions, ReadMode, Wanted};

use super::deadline::{PATIENCE, Task};
use super::{pair, until_waiting};

fn message(data: &[u8]) -> Option<Message> {
    Some(Message { data: data.to_vec(), left_bytes: 0 })
}

#[test]
fn a_read_gets_one_message_and_says_what_is_left_of_it() {
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages());
    server.write_message(b"first").unwrap();
    server.write_message(b"second").unwrap();
    let part = Some(Message { data: b"fi".to_vec(), left_bytes: 3 });
    assert_eq!(client.read_message(2), Ok(part));
    assert_eq!(client.read_message(3), Ok(message(b"rst")), "exactly the rest is all of it");
    assert_eq!(client.read_message(99), Ok(message(b"second")));
}

#[test]
fn an_empty_message_is_not_the_end() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    let reading = client.clone();
    let read = Task::spawn(move || reading.read_message(9));
    until_waiting(&pipes, 1);
    server.write_message(b"").unwrap();
    assert_eq!(read.join(PATIENCE), Ok(message(b"")), "one that waited");
    server.write_message(b"").unwrap();
    server.write_message(b"x").unwrap();
    drop(server);
    assert_eq!(client.read_message(9), Ok(message(b"")));
    assert_eq!(client.read_message(9), Ok(message(b"x")));
    assert_eq!(client.read_message(9), Ok(None));
    assert_eq!(client.read_message(9), Ok(None));
}

#[test]
fn an_empty_message_waits_for_room_too() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages().capacity_bytes(1));
    server.write_message(b"x").unwrap();
    let write = Task::spawn(move || server.write_message(b"").map(|()| server));
    until_waiting(&pipes, 1);
    assert_eq!(client.read_message(9), Ok(message(b"x")));
    let _server = write.join(PATIENCE).unwrap();
    assert_eq!(client.read_message(9), Ok(message(b"")));
}

#[test]
fn messages_have_a_limit() {
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages());
    let longest = vec![7; MESSAGE_MAX_BYTES];
    server.write_message(&longest).unwrap();
    assert_eq!(client.read_message(usize::MAX).unwrap().unwrap().data.len(), MESSAGE_MAX_BYTES);
    let too_long = [longest, vec![7]].concat();
    assert_eq!(server.write_message(&too_long), Err(Error::MessageTooLong));
    assert_eq!(server.transact(&too_long, 9), Err(Error::MessageTooLong));
    assert_eq!(client.info().unwrap().readable_bytes, 0);
}

#[test]
fn byte_pipes_have_no_messages() {
    let (_pipes, server, client) = pair(PipeOptions::duplex());
    assert_eq!(server.write_message(b"x"), Err(Error::Invalid));
    assert_eq!(server.write_message(b""), Err(Error::Invalid));
    assert_eq!(client.read_message(9), Err(Error::Invalid));
    assert_eq!(client.set_read_mode(ReadMode::Message), Err(Error::Invalid));
    assert_eq!(client.set_read_mode(ReadMode::Byte), Ok(()));
    assert_eq!(client.transact(b"x", 9), Err(Error::BadState));
}

#[test]
fn each_end_reads_in_the_mode_that_it_has_set() {
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages());
    client.set_read_mode(ReadMode::Byte).unwrap();
    assert_eq!(client.info().unwrap().read_mode, ReadMode::Byte);
    for end in [&b"ab"[..], b"", b"cd"] {
        server.write_message(end).unwrap();
        client.write_message(end).unwrap();
    }
    assert_eq!(client.read_message(3), Ok(message(b"abc")));
    assert_eq!(server.read_message(3), Ok(message(b"ab")));
    client.set_read_mode(ReadMode::Message).unwrap();
    assert_eq!(client.read_message(3), Ok(message(b"d")));
}

#[test]
fn peeking_takes_nothing() {
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages());
    assert_eq!(client.peek(9), Ok(pipefs::Peeked::default()));
    server.write_message(b"first").unwrap();
    server.write_message(b"second").unwrap();
    for (most, copied, left) in [(0, &b""[..], 5), (2, b"fi", 3), (99, b"first", 0)] {
        let peeked = client.peek(most).unwrap();
        assert_eq!((&peeked.data[..], peeked.left_bytes), (copied, left));
        assert_eq!((peeked.total_bytes, peeked.messages), (11, 2));
    }
    drop(server);
    client.read_message(99).unwrap();
    assert_eq!(client.peek(99).unwrap().data, b"second", "what is buffered can be seen");
    client.read_message(99).unwrap();
    assert_eq!(client.peek(99), Err(Error::BrokenPipe));

    let pipes = Namespace::new();
    let mut server = pipes.create("p", PipeOptions::duplex()).unwrap();
    assert_eq!(server.peek(9), Err(Error::BadState), "nobody is there");
    let client = pipes.open("p", Wanted::BOTH).unwrap();
    server.write_all(b"by").unwrap();
    server.write_all(b"tes").unwrap();
    let peeked = client.peek(4).unwrap();
    assert_eq!((&peeked.data[..], peeked.total_bytes, peeked.left_bytes), (&b"byte"[..], 5, 0));
}

#[test]
fn either_end_transacts_with_the_other() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    let asking = client.clone();
    let asked = Task::spawn(move || asking.transact(b"question", 99));
    until_waiting(&pipes, 1);
    // A transaction may answer a transaction.
    assert_eq!(server.read_message(99), Ok(message(b"question")));
    let asking = server.clone();
    let asked_back = Task::spawn(move || asking.transact(b"which one?", 3));
    assert_eq!(asked.join(PATIENCE), Ok(message(b"which one?")));
    until_waiting(&pipes, 1);
    client.write_message(b"this one").unwrap();
    let part = Some(Message { data: b"thi".to_vec(), left_bytes: 5 });
    assert_eq!(asked_back.join(PATIENCE), Ok(part));
    assert_eq!(server.read_message(99), Ok(message(b"s one")));
}

#[test]
fn transactions_are_refused_before_anything_is_sent() {
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages());
    server.write_message(b"unread").unwrap();
    assert_eq!(client.transact(b"x", 9), Err(Error::Busy));
    client.read_message(9).unwrap();
    client.set_read_mode(ReadMode::Byte).unwrap();
    assert_eq!(client.transact(b"x", 9), Err(Error::BadState));
    client.set_read_mode(ReadMode::Message).unwrap();
    client.set_nonblocking(true);
    assert_eq!(client.transact(b"x", 9), Err(Error::WouldBlock));
    assert_eq!(server.info().unwrap().readable_bytes, 0);
    server.disconnect().unwrap();
    client.set_nonblocking(false);
    assert_eq!(client.transact(b"x", 9), Err(Error::NotConnected));

    let pipes = Namespace::new();
    let server = pipes.create("p", PipeOptions::duplex().messages()).unwrap();
    assert_eq!(server.transact(b"x", 9), Err(Error::BadState), "nobody is there");
    let one_way = pipes.open("p", Wanted::READ).unwrap();
    assert_eq!(one_way.transact(b"x", 9), Err(Error::BadState));
}

#[test]
fn a_transaction_tells_an_empty_reply_from_none() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    let asking = client.clone();
    let asked = Task::spawn(move || asking.transact(b"", 9));
    assert_eq!(server.read_message(9), Ok(message(b"")));
    server.write_message(b"").unwrap();
    assert_eq!(asked.join(PATIENCE), Ok(message(b"")));
    let asked = Task::spawn(move || client.transact(b"", 9));
    until_waiting(&pipes, 1);
    drop(server);
    assert_eq!(asked.join(PATIENCE), Ok(None));
}

#[test]
fn a_transaction_that_times_out_leaves_its_request() {
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages());
    client.set_read_timeout(Some(Duration::from_millis(30)));
    assert_eq!(client.transact(b"x", 9), Err(Error::TimedOut));
    assert_eq!(server.read_message(9), Ok(message(b"x")));
    server.write_message(b"late").unwrap();
    assert_eq!(client.read_message(9), Ok(message(b"late")));
}

#[test]
fn a_call_waits_for_an_instance_and_returns_the_whole_reply() {
    for open in ["wait", "fail"] {
        let pipes = Namespace::new();
        let options = PipeOptions::duplex().messages().set("open", open).unwrap();
        let server = pipes.create("p", options).unwrap();
        let other = pipes.open("p", Wanted::BOTH).unwrap();
        let calling = pipes.clone();
        let call = Task::spawn(move || calling.call("p", b"size?", None));
        until_waiting(&pipes, 1);
        drop(other);
        server.disconnect().unwrap();
        server.connect().unwrap();
        assert_eq!(server.read_message(9), Ok(message(b"size?")));
        server.write_message(&[7; 200_000]).unwrap();
        assert_eq!(call.join(PATIENCE), Ok(vec![7; 200_000]));
        assert_eq!(server.read_message(9), Ok(None), "the caller has closed");
    }
}

#[test]
fn calls_fail_as_what_they_consist_of_does() {
    let pipes = Namespace::new();
    let soon = Some(Duration::from_millis(30));
    assert_eq!(pipes.call("p", b"x", None), Err(Error::NotFound));
    let server = pipes.create("p", PipeOptions::duplex().messages()).unwrap();
    assert_eq!(pipes.call("p", b"x", soon), Err(Error::TimedOut), "no reply");
    assert_eq!(server.read_message(9), Ok(message(b"x")));
    assert_eq!(pipes.call("p", b"x", soon), Err(Error::TimedOut), "no instance");
    server.disconnect().unwrap();
    let calling = pipes.clone();
    let call = Task::spawn(move || calling.call("p", b"x", None));
    server.connect().unwrap();
    server.read_message(9).unwrap();
    drop(server);
    assert_eq!(call.join(PATIENCE), Err(Error::BrokenPipe));
    let _bytes = pipes.create("bytes", PipeOptions::duplex()).unwrap();
    assert_eq!(pipes.call("bytes", b"x", None), Err(Error::BadState));
    let _one_way = pipes.create("one way", PipeOptions::outbound().messages()).unwrap();
    assert_eq!(pipes.call("one way", b"x", None), Err(Error::AccessDenied));
    let options = PipeOptions::duplex().messages().wait_timeout(Duration::from_millis(30));
    drop(pipes.create("default", options).unwrap());
    assert_eq!(pipes.call("default", b"x", None), Err(Error::TimedOut));
}

#[test]
fn lines_can_be_messages() {
    let options = PipeOptions::duplex().messages().set("framing", "line").unwrap();
    let (_pipes, mut server, client) = pair(options);
    server.write_all(b"one\ntw").unwrap();
    server.write_all(b"o\n").unwrap();
    assert_eq!(client.read_message(9), Ok(message(b"one\n")));
    assert_eq!(client.read_message(9), Ok(message(b"two\n")));
}
