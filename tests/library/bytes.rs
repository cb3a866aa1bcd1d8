//! Ends as `std::io::Read` and `Write`; the kinds of errors.

use std::error::Error as _;
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read, Write};

use pipefs::settings::MESSAGE_MAX_BYTES;
use pipefs::{Error, Namespace, PipeOptions, Wanted};

use super::deadline::{PATIENCE, Task, within};
use super::{pair, until_waiting};

#[test]
fn what_is_written_can_be_read_also_when_the_writer_has_gone() {
    let pipes = Namespace::new();
    let mut server = pipes.create("p", PipeOptions::outbound()).unwrap();
    server.write_all(b"hello ").unwrap();
    server.write_all(b"world").unwrap();
    drop(server);
    let mut client = pipes.open("p", Wanted::READ).unwrap();
    let mut five = [0; 5];
    assert_eq!(client.read(&mut five).unwrap(), 5);
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!((&five[..], rest.as_str()), (&b"hello"[..], " world"));
    assert_eq!(client.read(&mut five).unwrap(), 0);
}

#[test]
fn a_read_returns_what_is_there() {
    let (_pipes, mut server, mut client) = pair(PipeOptions::duplex());
    server.write_all(b"ab").unwrap();
    let mut buffer = [0; 100];
    assert_eq!(client.read(&mut buffer).unwrap(), 2);
    assert_eq!(client.read(&mut []).unwrap(), 0);
    assert_eq!(server.write(&[]).unwrap(), 0);
}

#[test]
fn more_than_a_pipe_holds_goes_through_it() {
    const ALL_BYTES: usize = 5_000_003;
    let (pipes, mut server, mut client) = pair(PipeOptions::duplex().capacity_bytes(4096));
    let data: Vec<u8> = (0..ALL_BYTES).map(|at| (at % 251) as u8).collect();
    let expected = data.clone();
    let writing = Task::spawn(move || server.write_all(&data));
    let read = within(PATIENCE, move || {
        let (mut read, mut buffer, mut most) = (Vec::new(), vec![0; 70_000], 0);
        loop {
            most = most.max(pipes.state("pipe").unwrap().instances[0].1);
            match client.read(&mut buffer).unwrap() {
                0 => break,
                count => read.extend_from_slice(&buffer[..count]),
            }
        }
        assert!(most <= (1 << 20) + 4096, "{most} bytes were buffered");
        read
    });
    writing.join(PATIENCE).unwrap();
    assert!(read == expected, "what was read is not what was written");
}

/// A flush must not wait for the other end: `BufWriter` flushes when it is dropped.
#[test]
fn buffered_readers_and_writers_work() {
    let (_pipes, server, client) = pair(PipeOptions::duplex());
    let mut writer = BufWriter::new(server.clone());
    writeln!(writer, "one").unwrap();
    writeln!(writer, "two").unwrap();
    writer.flush().unwrap();
    drop(writer);
    (&server).flush().unwrap();
    let mut lines = BufReader::new(client).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "one");
    assert_eq!(lines.next().unwrap().unwrap(), "two");
    drop(server);
    assert!(lines.next().is_none());
}

#[test]
fn one_thread_reads_while_another_one_writes_the_same_end() {
    let (pipes, server, client) = pair(PipeOptions::duplex());
    let reading = client.clone();
    let read = Task::spawn(move || {
        let mut text = [0; 4];
        (&reading).read_exact(&mut text).map(|()| text)
    });
    until_waiting(&pipes, 1);
    (&client).write_all(b"ping").unwrap();
    let mut text = [0; 4];
    (&server).read_exact(&mut text).unwrap();
    (&server).write_all(&text).unwrap();
    assert_eq!(&read.join(PATIENCE).unwrap(), b"ping");
}

#[test]
fn draining_waits_until_the_other_end_has_read_everything() {
    let (pipes, mut server, mut client) = pair(PipeOptions::duplex());
    server.drain().unwrap();
    server.write_all(b"abc").unwrap();
    let draining = server.clone();
    let drain = Task::spawn(move || draining.drain());
    until_waiting(&pipes, 1);
    client.read_exact(&mut [0; 2]).unwrap();
    until_waiting(&pipes, 1);
    client.read_exact(&mut [0; 1]).unwrap();
    assert_eq!(drain.join(PATIENCE), Ok(()));

    server.write_all(b"abc").unwrap();
    let drain = Task::spawn(move || server.drain());
    until_waiting(&pipes, 1);
    drop(client);
    assert_eq!(drain.join(PATIENCE), Err(Error::BrokenPipe));
}

#[test]
fn errors_have_a_kind_and_keep_their_cause() {
    let (_pipes, mut server, mut client) = pair(PipeOptions::duplex());
    server.set_nonblocking(true);
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.disconnect().unwrap();
    assert_eq!(client.read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let error = client.write(b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    let inside = error.get_ref().and_then(|inside| inside.downcast_ref());
    assert_eq!(inside, Some(&Error::BrokenPipe));
    assert!(error.source().is_none() && error.to_string() == Error::BrokenPipe.to_string());
}

#[test]
fn an_end_has_the_directions_that_it_was_opened_for() {
    let pipes = Namespace::new();
    let mut server = pipes.create("p", PipeOptions::outbound()).unwrap();
    let mut client = pipes.open("p", Wanted::READ).unwrap();
    assert_eq!(server.read(&mut [0]).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(client.write(b"x").unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[test]
fn a_write_to_a_message_pipe_is_one_message() {
    let (_pipes, mut server, mut client) = pair(PipeOptions::duplex().messages());
    server.write_all(b"one").unwrap();
    server.write_all(b"two").unwrap();
    let mut buffer = [0; 100];
    assert_eq!(client.read(&mut buffer).unwrap(), 3);
    assert_eq!(client.read(&mut buffer[..1]).unwrap(), 1);
    assert_eq!(client.read(&mut buffer[1..]).unwrap(), 2);
    assert_eq!(&buffer[..3], b"two");
    let error = server.write(&vec![0; MESSAGE_MAX_BYTES + 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
