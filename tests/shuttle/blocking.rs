//! The pipe functions for threads: whoever sleeps is woken. A lost wake-up is a deadlock here, and
//! shuttle finds those.

use std::time::Duration;

use pipefs::{Error, Namespace, PipeOptions, Wanted};
use shuttle::thread;

use crate::explore::explore;

/// A server and a client that take turns, in a pipe that each message fills.
fn talk() {
    let pipes = Namespace::new();
    let options = PipeOptions::duplex().messages().capacity_bytes(1);
    let server = pipes.create("talk", options).expect("a new name");
    let serving = thread::spawn(move || {
        server.connect().expect("a client comes");
        while let Some(message) = server.read_message(100).expect("it can be read") {
            server.write_message(&message.data).expect("the client is there");
        }
    });
    let client = pipes.open("talk", Wanted::BOTH).expect("it listens, or will");
    for word in [&b"one"[..], b"two"] {
        client.write_message(word).expect("the server is there");
        let reply = client.read_message(100).expect("it can be read").expect("a reply");
        assert_eq!(reply.data, word);
    }
    drop(client);
    serving.join().expect("it does not panic");
}

/// A client that waits for as long as it likes, and a server that may come too late.
fn meet_in_time() {
    let pipes = Namespace::new();
    let options = || PipeOptions::duplex().max_instances(2);
    let first = pipes.create("late", options()).expect("a new name");
    let taken = pipes.open("late", Wanted::BOTH).expect("it listens");
    let waiting = thread::spawn({
        let pipes = pipes.clone();
        move || match pipes.wait("late", Some(Duration::from_secs(1))) {
            Ok(()) | Err(Error::TimedOut) => {}
            other => panic!("the wait comes to {other:?}"),
        }
    });
    let second = pipes.create("late", options()).expect("there may be two");
    match second.connect_timeout(Duration::from_secs(1)) {
        Err(Error::TimedOut) => {}
        other => panic!("nobody comes: {other:?}"),
    }
    waiting.join().expect("it does not panic");
    drop((first, taken, second));
}

/// An end that is closed while its other thread sleeps at it.
fn hang_up() {
    let pipes = Namespace::new();
    let server = pipes.create("gone", PipeOptions::duplex().messages()).expect("a new name");
    let client = pipes.open("gone", Wanted::BOTH).expect("it listens");
    let reading = thread::spawn(move || {
        assert!(server.read_message(100).expect("an end is no error").is_none());
    });
    let removing = thread::spawn({
        let pipes = pipes.clone();
        move || pipes.remove("gone").expect("it is there")
    });
    drop(client);
    reading.join().expect("it does not panic");
    removing.join().expect("it does not panic");
}

#[test]
fn a_talk_comes_to_its_end() {
    explore("blocking: a talk", 4000, talk);
}

#[test]
fn a_wait_with_a_deadline_ends() {
    explore("blocking: deadlines", 4000, meet_in_time);
}

#[test]
fn a_reader_sees_its_peer_go() {
    explore("blocking: hanging up", 4000, hang_up);
}
