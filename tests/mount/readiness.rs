//! Readiness: each row of the table of poll events, on ends of every kind.

use std::time::Duration;

use libc::{
    O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, POLLERR, POLLHUP, POLLIN, POLLOUT,
};

use crate::harness::actor::Step;
use crate::harness::deadline::A_WHILE;
use crate::harness::events::select;
use crate::harness::process::timed;
use crate::harness::{Actor, Errno, Fd, Mount, Task, sys};
use crate::{SOON, skip_without_fuse};

/// A mount whose pipes hold 4 KiB, with a connected writer and reader.
fn connected() -> (Mount, Fd, Fd) {
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    (mount, writer, reader)
}

/// SEMANTICS: poll-reader
#[test]
fn a_reader_is_ready_when_there_is_data_or_end_of_file() {
    skip_without_fuse!();
    let (_mount, writer, reader) = connected();
    assert_eq!(reader.ready(), 0, "nothing is written");
    writer.write_all(b"ab").unwrap();
    assert_eq!(reader.ready(), POLLIN);
    reader.read(1).unwrap();
    assert_eq!(reader.ready(), POLLIN, "a byte is left");
    reader.read(1).unwrap();
    assert_eq!(reader.ready(), 0);
    writer.write_all(b"last").unwrap();
    writer.close().unwrap();
    assert_eq!(reader.ready(), POLLIN | POLLHUP);
    reader.read(9).unwrap();
    assert_eq!(reader.ready(), POLLIN | POLLHUP, "end of file can be read");
    assert_eq!(reader.read(9).unwrap(), b"");
    assert_eq!(reader.ready(), POLLIN | POLLHUP, "and read again");
}

/// SEMANTICS: poll-writer
#[test]
fn a_writer_is_ready_when_a_write_would_be_accepted() {
    skip_without_fuse!();
    let (_mount, writer, reader) = connected();
    assert_eq!(writer.ready(), POLLOUT);
    writer.write_all(&[0; 4095]).unwrap();
    assert_eq!(writer.ready(), POLLOUT, "below capacity");
    writer.write_all(&[0; 2]).unwrap();
    assert_eq!(writer.ready(), 0, "at capacity");
    reader.read(1).unwrap();
    assert_eq!(writer.ready(), 0, "still at capacity");
    reader.read(1).unwrap();
    assert_eq!(writer.ready(), POLLOUT);
    reader.close().unwrap();
    assert_ne!(writer.ready() & POLLERR, 0);
    assert_eq!(writer.ready() & (POLLIN | POLLHUP), 0);
}

/// SEMANTICS: poll-writer
#[test]
fn a_server_without_a_client_may_write() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let server = mount.open("p", O_WRONLY | O_CREAT);
    assert_eq!(server.ready(), POLLOUT);
    server.write_all(&[0; 4096]).unwrap();
    assert_eq!(server.ready(), 0);
    let duplex = mount.open("d", O_RDWR | O_CREAT);
    assert_eq!(duplex.ready(), POLLOUT);
}

/// SEMANTICS: poll-pending
#[test]
fn a_pending_client_has_no_event() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let client = mount.open("p", O_RDONLY | O_NONBLOCK);
    assert_eq!(client.ready(), 0);
    let server = mount.open("p", O_WRONLY);
    assert_eq!(client.ready(), 0, "connected, and nothing is written");
    server.write_all(b"x").unwrap();
    assert_eq!(client.ready(), POLLIN);
    drop(server);
    assert_eq!(client.ready(), POLLIN | POLLHUP);
}

/// SEMANTICS: poll-reader, poll-writer
#[test]
fn a_duplex_end_is_both() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("p", O_RDWR);
    assert_eq!((server.ready(), client.ready()), (POLLOUT, POLLOUT));
    client.write_all(&[0; 4096]).unwrap();
    assert_eq!((server.ready(), client.ready()), (POLLIN | POLLOUT, 0));
    server.write_all(&[0; 4096]).unwrap();
    assert_eq!((server.ready(), client.ready()), (POLLIN, POLLIN));
    client.close().unwrap();
    let ready = server.ready();
    assert_eq!(ready & (POLLIN | POLLHUP | POLLERR), POLLIN | POLLHUP | POLLERR, "{ready:#x}");
}

/// SEMANTICS: poll-reader
#[test]
fn a_shared_reader_hangs_up_and_is_revived() {
    skip_without_fuse!();
    let mount = Mount::new();
    sys::mkfifo(mount.path("p"), 0o666).unwrap();
    let reader = mount.open("p", O_RDONLY | O_NONBLOCK);
    assert_eq!(reader.ready(), 0, "there was no writer yet");
    let (one, two) = (mount.open("p", O_WRONLY), mount.open("p", O_WRONLY));
    assert_eq!(reader.ready(), 0);
    one.write_all(b"x").unwrap();
    assert_eq!(reader.ready(), POLLIN);
    drop(one);
    assert_eq!(reader.ready(), POLLIN, "one writer is left");
    drop(two);
    assert_eq!(reader.ready() & (POLLIN | POLLHUP), POLLIN | POLLHUP);
    assert_eq!(reader.read(9).unwrap(), b"x");
    assert_eq!(reader.read(9).unwrap(), b"");
    assert_ne!(reader.ready() & POLLHUP, 0);
    let writer = mount.open("p", O_WRONLY);
    assert_eq!(reader.ready(), 0, "a new writer takes the hang-up back");
    assert_eq!(reader.read(9), Err(Errno::EAGAIN));
    writer.write_all(b"again").unwrap();
    assert_eq!(reader.ready(), POLLIN);
    assert_eq!(reader.read(9).unwrap(), b"again");
}

/// SEMANTICS: poll-reader
///
/// A poll that waits is woken by what another process does.
#[test]
fn a_poll_that_waits_is_woken_by_another_process() {
    skip_without_fuse!();
    let (mount, writer, reader) = connected();
    let polling = |name: &str, flags, events| {
        let mut actor =
            Actor::start(&[Step::Open(mount.path(name), flags), Step::Poll(events, -1)]);
        actor.until_waiting();
        actor
    };
    let server = mount.open("in", O_WRONLY | O_CREAT);
    let mut for_data = polling("in", O_RDONLY, POLLIN);
    server.write_all(b"x").unwrap();
    assert_eq!(for_data.last_outcome(SOON), Ok(i64::from(POLLIN)));
    let server = mount.open("hup", O_WRONLY | O_CREAT);
    let mut for_end = polling("hup", O_RDONLY, POLLIN);
    server.close().unwrap();
    assert_eq!(for_end.last_outcome(SOON), Ok(i64::from(POLLIN | POLLHUP)));
    // And the other way round: another process writes, reads and leaves.
    let mut other = Actor::start(&[
        Step::Open(mount.path("back"), O_WRONLY | O_CREAT),
        Step::Sleep(100),
        Step::Write(1, b'x'),
        Step::Sleep(100),
    ]);
    other.until_waiting_in(1);
    let client = mount.open("back", O_RDONLY);
    assert_eq!(client.poll(POLLIN, SOON), Ok(POLLIN));
    client.read(9).unwrap();
    assert_eq!(client.poll(POLLIN, SOON), Ok(POLLIN | POLLHUP));
    drop((writer, reader));
}

/// SEMANTICS: poll-writer
#[test]
fn a_poll_for_room_is_woken_when_there_is_room() {
    skip_without_fuse!();
    let (_mount, writer, reader) = connected();
    writer.write_all(&[0; 5000]).unwrap();
    let waiting = writer.duplicate().unwrap();
    let mut polling = Task::spawn(move || waiting.poll(POLLOUT, SOON));
    polling.assert_waits();
    assert_eq!(reader.read(900).unwrap().len(), 900);
    polling.assert_waits();
    assert_eq!(reader.read(900).unwrap().len(), 900);
    assert_eq!(polling.join(SOON), Ok(POLLOUT));
    writer.write_all(&[0; 5000]).unwrap();
    let mut polling = Task::spawn(move || writer.poll(POLLOUT, SOON));
    polling.assert_waits();
    reader.close().unwrap();
    assert_ne!(polling.join(SOON).unwrap() & POLLERR, 0);
}

/// SEMANTICS: poll-reader
///
/// A timeout holds, and polling again and again does not use anything up.
#[test]
fn timeouts_hold_on_an_idle_end() {
    skip_without_fuse!();
    let (_mount, writer, reader) = connected();
    let (events, time) = timed(|| reader.poll(POLLIN, Duration::from_millis(150)));
    assert_eq!(events, Ok(0));
    assert!((150..2000).contains(&time.as_millis()), "{time:?}");
    let (ready, time) = timed(|| select(&reader, true, false, Duration::from_millis(150)));
    assert_eq!(ready, (false, false));
    assert!((149..2000).contains(&time.as_millis()), "{time:?}");
    for _ in 0..2_000 {
        assert_eq!(reader.ready(), 0);
    }
    for _ in 0..50 {
        assert_eq!(reader.poll(POLLIN, Duration::from_millis(1)), Ok(0));
    }
    writer.write_all(b"x").unwrap();
    assert_eq!(reader.poll(POLLIN, SOON), Ok(POLLIN));
}

/// SEMANTICS: poll-reader, poll-writer
#[test]
fn select_works_on_both_ends() {
    skip_without_fuse!();
    let (_mount, writer, reader) = connected();
    assert_eq!(select(&writer, true, true, Duration::ZERO), (false, true));
    assert_eq!(select(&reader, true, false, Duration::ZERO), (false, false));
    writer.write_all(&[0; 4096]).unwrap();
    assert_eq!(select(&writer, false, true, Duration::ZERO), (false, false));
    assert_eq!(select(&reader, true, false, Duration::ZERO), (true, false));
    let waiting = writer.duplicate().unwrap();
    let mut selecting = Task::spawn(move || select(&waiting, false, true, SOON));
    selecting.assert_waits();
    reader.read(10).unwrap();
    assert_eq!(selecting.join(SOON), (false, true));
    reader.close().unwrap();
    let waiting = select(&writer, false, true, A_WHILE);
    assert_eq!(waiting, (false, true), "a write does not wait: it fails");
}

/// SEMANTICS: poll-reader
///
/// All who wait for the same file are woken.
#[test]
fn all_polls_of_one_file_are_woken() {
    skip_without_fuse!();
    let (_mount, writer, reader) = connected();
    let mut polls: Vec<_> = (0..8)
        .map(|_| {
            let waiting = reader.duplicate().unwrap();
            Task::spawn(move || waiting.poll(POLLIN, SOON))
        })
        .collect();
    polls.iter_mut().for_each(Task::assert_waits);
    writer.write_all(b"x").unwrap();
    for poll in polls {
        assert_eq!(poll.join(SOON), Ok(POLLIN));
    }
}

/// SEMANTICS: wait-nonblock
#[test]
fn fcntl_changes_nonblocking_for_the_next_request() {
    skip_without_fuse!();
    let (_mount, writer, reader) = connected();
    reader.set_nonblocking(true).unwrap();
    assert_eq!(reader.read(9), Err(Errno::EAGAIN));
    reader.set_nonblocking(false).unwrap();
    let waiting = reader.duplicate().unwrap();
    let mut reading = Task::spawn(move || waiting.read(9));
    reading.assert_waits();
    // Set while another request waits: that one goes on waiting, the next does not wait.
    reader.set_nonblocking(true).unwrap();
    assert_eq!(reader.read(9), Err(Errno::EAGAIN));
    reading.assert_waits();
    writer.write_all(b"x").unwrap();
    assert_eq!(reading.join(SOON).unwrap(), b"x");
    writer.set_nonblocking(true).unwrap();
    writer.write_all(&[0; 4096]).unwrap();
    assert_eq!(writer.write(b"y"), Err(Errno::EAGAIN));
    writer.set_nonblocking(false).unwrap();
    let mut writing = Task::spawn(move || writer.write(b"y"));
    writing.assert_waits();
    reader.read(100).unwrap();
    assert_eq!(writing.join(SOON), Ok(1));
}

/// SEMANTICS: instance-duplex
///
/// One thread waits in read while another writes through the same descriptor, at both ends.
#[test]
fn a_duplex_end_reads_and_writes_at_the_same_time() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("p", O_RDWR);
    let reading_on = |end: &Fd| {
        let end = end.duplicate().unwrap();
        Task::spawn(move || end.read(9))
    };
    let (mut at_server, mut at_client) = (reading_on(&server), reading_on(&client));
    at_server.assert_waits();
    at_client.assert_waits();
    let (written, time) = timed(|| server.write(b"to client"));
    assert_eq!(written, Ok(9));
    assert!(time < Duration::from_secs(1), "the write waited for the read: {time:?}");
    assert_eq!(at_client.join(SOON).unwrap(), b"to client");
    at_server.assert_waits();
    assert_eq!(client.write(b"to server"), Ok(9));
    assert_eq!(at_server.join(SOON).unwrap(), b"to server");
}
