//! Messages as the pipe functions see them: read modes, and empty ones.

use std::time::Duration;

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, POLLIN};

use crate::harness::{Errno, Fd, Mount, Task, sys};
use crate::{SOON, skip_without_fuse};

const BYTES: u32 = 0;
const MESSAGES: u32 = 1;

fn messages() -> (Mount, Fd, Fd) {
    let mount = Mount::with(&["-o", "type=message,capacity=16M"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    (mount, writer, reader)
}

/// SEMANTICS: ioctl-state
#[test]
fn a_new_end_reads_messages_if_the_pipe_has_them() {
    skip_without_fuse!();
    let (mount, _writer, reader) = messages();
    assert_eq!(reader.handle_state(), Ok((MESSAGES, 1)));
    assert_eq!(reader.set_read_mode(BYTES), Ok(0));
    assert_eq!(reader.handle_state(), Ok((BYTES, 1)));
    let duplicate = reader.duplicate().unwrap();
    assert_eq!(duplicate.set_read_mode(MESSAGES), Ok(0));
    assert_eq!(reader.handle_state(), Ok((MESSAGES, 1)), "it is the end's");
    let _second = mount.open("p", O_WRONLY);
    assert_eq!(reader.handle_state(), Ok((MESSAGES, 2)));
    let mount = Mount::new();
    let end = mount.open("p", O_RDWR | O_CREAT);
    assert_eq!(end.handle_state(), Ok((BYTES, 1)));
    assert_eq!(end.set_read_mode(MESSAGES), Err(Errno::EINVAL));
    assert_eq!(end.set_read_mode(BYTES), Ok(0));
}

/// SEMANTICS: ioctl-read-bytes
#[test]
fn a_reader_of_bytes_reads_across_messages() {
    skip_without_fuse!();
    let (_mount, writer, reader) = messages();
    reader.set_read_mode(BYTES).unwrap();
    for message in ["one", "two", "three"] {
        writer.write_all(message.as_bytes()).unwrap();
    }
    assert_eq!(reader.read(5).unwrap(), b"onetw");
    reader.set_read_mode(MESSAGES).unwrap();
    assert_eq!(reader.read(99).unwrap(), b"o", "the rest of its message");
    assert_eq!(reader.read(99).unwrap(), b"three");
    reader.set_read_mode(BYTES).unwrap();
    let pieces: Vec<u8> = (0..1 << 20).map(|at: u32| (at / 1000 % 251) as u8).collect();
    for piece in pieces.chunks(100_000) {
        writer.write_all(piece).unwrap();
    }
    assert!(reader.read_to_page(1 << 20).unwrap() == pieces, "1 MiB at once");
    for piece in pieces.chunks(100_000) {
        writer.write_all(piece).unwrap();
    }
    writer.write_all(b"and more").unwrap();
    let all = reader.read_to_page(3 << 20).unwrap();
    assert!(all[..1 << 20] == pieces && all[1 << 20..] == *b"and more", "{}", all.len());
}

/// SEMANTICS: ioctl-read-bytes, message-queue
///
/// Both read one shared pipe; each as it wants to.
#[test]
fn a_reader_of_bytes_beside_a_reader_of_messages() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    sys::mkfifo(mount.path("queue"), 0o666).unwrap();
    let writer = mount.open("queue", O_RDWR);
    let [of_bytes, of_messages] = [(); 2].map(|()| mount.open("queue", O_RDONLY | O_NONBLOCK));
    of_bytes.set_read_mode(BYTES).unwrap();
    for message in ["first", "second", "third"] {
        writer.write_all(message.as_bytes()).unwrap();
    }
    assert_eq!(of_messages.read(99).unwrap(), b"first");
    assert_eq!(of_bytes.read(99).unwrap(), b"secondthird");
    assert_eq!(of_messages.read(99), Err(Errno::EAGAIN));
    writer.send_empty().unwrap();
    assert_eq!(of_bytes.read(99), Err(Errno::EAGAIN), "an empty one is nothing to it");
    writer.write_all(b"after").unwrap();
    assert_eq!(of_messages.ready() & POLLIN, POLLIN);
    assert_eq!(of_bytes.read(99).unwrap(), b"after");
}

/// SEMANTICS: ioctl-empty-message
#[test]
fn an_empty_message_is_read_as_nothing() {
    skip_without_fuse!();
    let (_mount, writer, reader) = messages();
    assert_eq!(writer.send_empty(), Ok(0));
    writer.write_all(b"after").unwrap();
    assert_eq!(reader.ready(), POLLIN);
    let peek = reader.peek(9).unwrap();
    assert_eq!((peek.messages, peek.total_bytes, peek.data.len()), (2, 5, 0));
    assert_eq!(reader.info().unwrap().state, 3, "it is no end of file");
    assert_eq!(reader.read(9).unwrap(), b"");
    assert_eq!(reader.read(9).unwrap(), b"after");
    let mut reading = Task::spawn(move || (reader.read(9), reader.read(9), reader));
    reading.assert_waits();
    writer.send_empty().unwrap();
    reading.assert_waits();
    drop(writer);
    let (empty, end, reader) = reading.join(SOON);
    assert_eq!((empty, end), (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!(reader.info().unwrap().state, 4);
}

/// SEMANTICS: ioctl-empty-message
///
/// Each takes the room of one byte, so a writer of them cannot fill memory.
#[test]
fn an_empty_message_waits_for_room() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,capacity=2"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
    let reader = mount.open("p", O_RDONLY);
    assert_eq!((writer.send_empty(), writer.send_empty()), (Ok(0), Ok(0)));
    assert_eq!(writer.write(b"x"), Err(Errno::EAGAIN));
    let mut sending = Task::spawn(move || (writer.send_empty(), writer));
    sending.assert_waits();
    assert_eq!(reader.read(9).unwrap(), b"", "an ioctl does not see O_NONBLOCK");
    let (sent, writer) = sending.join(SOON);
    assert_eq!(sent, Ok(0));
    let mut sending = Task::spawn(move || writer.send_empty());
    sending.assert_waits();
    drop(reader);
    assert_eq!(sending.join(SOON), Err(Errno::EPIPE));
}

/// SEMANTICS: ioctl-empty-message
#[test]
fn an_empty_message_of_a_pending_client_waits_for_its_server() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    mount.make("p");
    let client = mount.open("p", O_RDWR | O_APPEND | O_NONBLOCK);
    let mut sending = Task::spawn(move || (client.send_empty(), client));
    sending.assert_waits();
    let server = mount.open("p", O_RDWR | O_TRUNC);
    let (sent, client) = sending.join(SOON);
    assert_eq!(sent, Ok(0));
    assert_eq!(server.peek(0).unwrap().messages, 1);
    let limit = Some(Duration::from_millis(50));
    assert_eq!(client.transact(b"x", 9, limit), Err(Errno::ETIMEDOUT));
    assert_eq!((server.read(9).unwrap(), server.read(9).unwrap()), (vec![], b"x".to_vec()));
}
