//! What goes through pipes.

use windows_sys::Win32::Foundation::{STATUS_END_OF_FILE, STATUS_PIPE_CLOSING};

use crate::client::{ATTRIBUTES, BOTH, Disposition, READ, WRITE};
use crate::driver::answer::Status;
use crate::mounted::Mount;

const END: Status = Status::of(STATUS_END_OF_FILE);

#[test]
fn a_writer_may_have_left_before_its_reader_comes() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    assert_eq!(server.write(b"hello").unwrap(), 5);
    server.close();
    let client = mount.client.opened(r"\p", READ);
    assert_eq!(client.read(2).unwrap(), b"he");
    assert_eq!(client.read(100).unwrap(), b"llo");
    assert_eq!(client.read(100), Err(END));
    assert_eq!(client.read(100), Err(END), "again");
}

#[test]
fn a_reader_waits_for_a_writer_and_then_for_data() {
    let mount = Mount::new();
    let client = mount.client.created(r"\p", READ);
    let read = client.begin_read(100);
    read.assert_waits();
    let server = mount.client.opened(r"\p", WRITE);
    read.assert_waits();
    server.write(b"now").unwrap();
    assert_eq!(read.data().unwrap(), b"now");
    let read = client.begin_read(100);
    read.assert_waits();
    server.close();
    assert_eq!(read.data(), Err(END));
}

#[test]
fn two_way_pipes_go_both_ways() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", BOTH);
    let client = mount.client.opened(r"\p", BOTH);
    let request = server.begin_read(100);
    client.write(b"question").unwrap();
    assert_eq!(request.data().unwrap(), b"question");
    server.write(b"answer").unwrap();
    assert_eq!(client.read(100).unwrap(), b"answer");
    drop(client);
    assert_eq!(server.read(100), Err(END));
    assert_eq!(server.write(b"nobody"), Err(Status::of(STATUS_PIPE_CLOSING)));
}

#[test]
fn a_write_waits_while_the_pipe_is_full() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    mount.set(r"\p", "capacity", "4K").unwrap();
    let server = mount.client.opened(r"\p", WRITE);
    let client = mount.client.opened(r"\p", READ);
    assert_eq!(server.write(&[1; 4096]).unwrap(), 4096);
    let write = server.begin_write(&[2; 4096]);
    write.assert_waits();
    assert_eq!(client.read(4096).unwrap(), [1; 4096]);
    assert_eq!(write.count().unwrap(), 4096);
    assert_eq!(client.read(4096).unwrap(), [2; 4096]);
}

/// More than the adapter takes at once.
#[test]
fn a_large_write_arrives_as_a_whole() {
    const BYTES: usize = 5 << 20;
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    let client = mount.client.opened(r"\p", READ);
    let sent: Vec<u8> = (0..BYTES).map(|at| (at % 251) as u8).collect();
    let write = server.begin_write(&sent);
    let mut received = Vec::new();
    while received.len() < BYTES {
        received.extend(client.read(1 << 20).unwrap());
    }
    assert_eq!(write.count().unwrap() as usize, BYTES);
    assert!(received == sent, "the same bytes");
}

#[test]
fn a_read_gets_one_message() {
    let mount = Mount::new();
    mount.client.created(r"\p", ATTRIBUTES).close();
    mount.set(r"\p", "type", "message").unwrap();
    let server = mount.client.opened(r"\p", WRITE);
    let client = mount.client.opened(r"\p", READ);
    server.write(b"one").unwrap();
    server.write(b"and two").unwrap();
    assert_eq!(client.read(100).unwrap(), b"one");
    assert_eq!(client.read(3).unwrap(), b"and", "a part of the next one");
    assert_eq!(client.read(100).unwrap(), b" two");
    server.close();
    assert_eq!(client.read(100), Err(END));
}

#[test]
fn a_flush_waits_until_all_is_read() {
    let mount = Mount::new();
    let server = mount.client.created(r"\p", WRITE);
    let client = mount.client.opened(r"\p", READ);
    assert_eq!(server.begin_flush().answer().status(), Status::SUCCESS, "nothing to wait for");
    server.write(b"data").unwrap();
    let flush = server.begin_flush();
    flush.assert_waits();
    assert_eq!(client.read(100).unwrap(), b"data");
    assert_eq!(flush.answer().status(), Status::SUCCESS);
}

#[test]
fn each_writer_gets_a_reader_to_itself() {
    let mount = Mount::new();
    let first = mount.client.created(r"\p", WRITE);
    let second = mount.client.open(r"\p", WRITE, Disposition::OpenAlways).unwrap();
    first.write(b"first").unwrap();
    second.write(b"second").unwrap();
    first.close();
    second.close();
    for expected in [&b"first"[..], b"second"] {
        let reader = mount.client.opened(r"\p", READ);
        assert_eq!(reader.read(100).unwrap(), expected);
        assert_eq!(reader.read(100), Err(END));
    }
}
