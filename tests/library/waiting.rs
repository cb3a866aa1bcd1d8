//! Timeouts, ends that do not wait, and what ends a wait.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use pipefs::{Error, Namespace, PipeOptions, ServerEnd, Wanted};

use super::deadline::{PATIENCE, Task};
use super::{pair, until_waiting};

const SHORT: Duration = Duration::from_millis(30);

#[test]
fn a_read_that_times_out_takes_nothing_and_later_ones_work() {
    let (pipes, mut server, mut client) = pair(PipeOptions::duplex());
    client.set_read_timeout(Some(SHORT));
    let start = Instant::now();
    assert_eq!(client.read(&mut [0; 9]).unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() >= SHORT);
    server.write_all(b"later").unwrap();
    let mut buffer = [0; 9];
    assert_eq!(client.read(&mut buffer).unwrap(), 5);
    client.set_read_timeout(None);
    let read = Task::spawn(move || client.read(&mut [0; 9]).unwrap());
    until_waiting(&pipes, 1);
    server.write_all(b"x").unwrap();
    assert_eq!(read.join(PATIENCE), 1);
}

#[test]
fn a_write_that_times_out_writes_nothing() {
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages().capacity_bytes(1));
    server.set_write_timeout(Some(SHORT));
    server.write_message(b"first").unwrap();
    assert_eq!(server.write_message(b"second"), Err(Error::TimedOut));
    assert_eq!(server.drain(), Err(Error::TimedOut));
    assert_eq!(client.read_message(9).unwrap().unwrap().data, b"first");
    server.write_message(b"third").unwrap();
    assert_eq!(client.read_message(9).unwrap().unwrap().data, b"third");
    assert_eq!(server.drain(), Ok(()));
}

#[test]
fn an_end_that_does_not_wait_says_so() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages().capacity_bytes(1));
    let clone = client.clone();
    client.set_nonblocking(true);
    assert_eq!(clone.read_message(9), Err(Error::WouldBlock), "clones are one end");
    clone.write_message(b"fits").unwrap();
    assert_eq!(clone.write_message(b"does not"), Err(Error::WouldBlock));
    assert_eq!(clone.write_message(b""), Err(Error::WouldBlock));
    assert_eq!(server.read_message(99).unwrap().unwrap().data, b"fits");
    client.set_nonblocking(false);
    let read = Task::spawn(move || clone.read_message(9));
    until_waiting(&pipes, 1);
    server.write_message(b"x").unwrap();
    assert_eq!(read.join(PATIENCE).unwrap().unwrap().data, b"x");
}

#[test]
fn what_waits_ends_when_the_other_end_closes() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages().capacity_bytes(1));
    server.write_message(b"full").unwrap();
    let (reading, writing, draining) = (server.clone(), server.clone(), server.clone());
    let read = Task::spawn(move || reading.read_message(9));
    let write = Task::spawn(move || writing.write_message(b"waits"));
    let drain = Task::spawn(move || draining.drain());
    until_waiting(&pipes, 3);
    drop(client);
    assert_eq!(read.join(PATIENCE), Ok(None));
    assert_eq!(write.join(PATIENCE), Err(Error::BrokenPipe));
    assert_eq!(drain.join(PATIENCE), Err(Error::BrokenPipe));
}

#[test]
fn what_waits_ends_when_the_server_disconnects() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages().capacity_bytes(1));
    client.write_message(b"full").unwrap();
    let (reading, writing, draining) = (client.clone(), client.clone(), client.clone());
    let read = Task::spawn(move || reading.read_message(9));
    let write = Task::spawn(move || writing.write_message(b"waits"));
    let drain = Task::spawn(move || draining.drain());
    until_waiting(&pipes, 3);
    server.disconnect().unwrap();
    assert_eq!(read.join(PATIENCE), Err(Error::Reset));
    assert_eq!(write.join(PATIENCE), Err(Error::BrokenPipe));
    assert_eq!(drain.join(PATIENCE), Err(Error::NotConnected));
}

#[test]
fn writers_wait_when_the_namespace_is_full() {
    let pipes = Namespace::with_memory_limit(10);
    let a_server = pipes.create("a", PipeOptions::outbound()).unwrap();
    let b_server = pipes.create("b", PipeOptions::outbound()).unwrap();
    let mut reader = pipes.open("a", Wanted::READ).unwrap();
    (&a_server).write_all(&[7; 10]).unwrap();
    let write = Task::spawn(move || (&b_server).write_all(&[7; 10]).map(|()| b_server));
    until_waiting(&pipes, 1);
    reader.read_exact(&mut [0; 10]).unwrap();
    assert!(write.join(PATIENCE).is_ok());
}

#[test]
fn the_last_drop_waits_with_linger_flush() {
    let options = PipeOptions::duplex().messages().set("linger", "flush").unwrap();
    let (pipes, server, client) = pair(options);
    let clone = server.clone();
    server.write_message(b"x").unwrap();
    drop(clone);
    let closing = Task::spawn(move || drop(server));
    until_waiting(&pipes, 1);
    assert_eq!(client.read_message(9).unwrap().unwrap().data, b"x");
    closing.join(PATIENCE);
    assert_eq!(client.read_message(9), Ok(None));

    for hurry in [
        |end: &ServerEnd| end.set_nonblocking(true),
        |end: &ServerEnd| {
            end.set_write_timeout(Some(SHORT));
        },
    ] {
        let (_pipes, server, client) = pair(options);
        server.write_message(b"x").unwrap();
        hurry(&server);
        Task::spawn(move || drop(server)).join(PATIENCE);
        assert_eq!(client.read_message(9).unwrap().unwrap().data, b"x");
    }
}

/// An answer that comes at the moment of the timeout is never lost: each byte that the writer got
/// rid of is read once.
#[test]
fn a_timeout_and_an_answer_at_the_same_moment_lose_nothing() {
    const COUNT: u32 = 2_000;
    let (_pipes, server, client) = pair(PipeOptions::duplex().messages());
    client.set_read_timeout(Some(Duration::from_micros(50)));
    let reading = Task::spawn(move || {
        let (mut read, mut timeouts) = (Vec::new(), 0);
        while read.len() < COUNT as usize {
            match client.read_message(4) {
                Ok(message) => read.push(message.expect("the server is there").data),
                Err(Error::TimedOut) => timeouts += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
        (read, timeouts)
    });
    for number in 0..COUNT {
        server.write_message(&number.to_le_bytes()).unwrap();
        std::thread::sleep(Duration::from_micros(u64::from(number % 100)));
    }
    let (read, timeouts) = reading.join(PATIENCE);
    let expected: Vec<_> = (0..COUNT).map(|number| number.to_le_bytes().to_vec()).collect();
    assert!(read == expected, "not each message once, in order");
    assert!(timeouts > 0, "the test has tried nothing");
}
