//! Closing: nothing that was accepted is lost. Each row of the table of closing, and fsync.

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, POLLERR, POLLIN};

use crate::harness::actor::Step;
use crate::harness::deadline::A_WHILE;
use crate::harness::{Actor, Errno, Fd, Mount, Task, eventually, run, sh};
use crate::{SOON, skip_without_fuse};

/// A connected server and client: the server writes, the client reads.
fn outbound(mount: &Mount, name: &str) -> (Fd, Fd) {
    let server = mount.open(name, O_WRONLY | O_CREAT);
    let client = mount.open(name, O_RDONLY);
    (server, client)
}

/// A connected server and client that both read and write.
fn duplex(mount: &Mount, name: &str) -> (Fd, Fd) {
    let server = mount.open(name, O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open(name, O_RDWR);
    (server, client)
}

/// SEMANTICS: close-drains
#[test]
fn a_client_reads_what_is_left_then_end_of_file() {
    skip_without_fuse!();
    let mount = Mount::new();
    let data: Vec<u8> = (0..700_000_u32).map(|number| (number % 251) as u8).collect();
    let (server, client) = outbound(&mount, "p");
    server.write_all(&data).unwrap();
    server.close().unwrap();
    assert!(client.read_to_end().unwrap() == data);
    assert_eq!(client.read(9).unwrap(), b"", "end of file stays");
    let (server, client) = duplex(&mount, "d");
    server.write_all(&data).unwrap();
    server.close().unwrap();
    assert_eq!(client.write(b"x"), Err(Errno::EPIPE));
    assert!(client.read_to_end().unwrap() == data);
}

/// SEMANTICS: close-drains, read-end-of-file
#[test]
fn a_client_that_waits_in_read_gets_end_of_file() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (server, client) = outbound(&mount, "p");
    let mut reading = Task::spawn(move || client.read(9));
    reading.assert_waits();
    server.close().unwrap();
    assert_eq!(reading.join(SOON).unwrap(), b"");
}

/// SEMANTICS: close-lingers, close-unlink
#[test]
fn data_without_a_client_waits_for_one() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    server.write_all(b"kept").unwrap();
    server.close().unwrap();
    std::thread::sleep(A_WHILE);
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read_to_end().unwrap(), b"kept");
    drop(client);
    // A name that is removed takes its data along; a new pipe of that name is another one.
    mount.open("p", O_WRONLY).write_all(b"dropped").unwrap();
    std::fs::remove_file(mount.path("p")).unwrap();
    mount.open("p", O_WRONLY | O_CREAT).write_all(b"new").unwrap();
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"new");
}

/// SEMANTICS: close-empty
#[test]
fn an_instance_with_nothing_in_it_is_gone() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "open=fail"]);
    drop(mount.open("p", O_WRONLY | O_CREAT));
    assert_eq!(mount.refused("p", O_RDONLY), Errno::EBUSY);
    let touched = run(&mut sh("touch \"$1\" \"$2\"", &[mount.path("p"), mount.path("q")]), SOON);
    assert!(touched.status.success(), "{touched:?}");
    assert_eq!(mount.refused("p", O_RDONLY), Errno::EBUSY);
    assert_eq!(mount.refused("q", O_RDONLY), Errno::EBUSY);
}

/// SEMANTICS: close-client
#[test]
fn a_server_whose_client_has_closed_gets_epipe() {
    skip_without_fuse!();
    let mount = Mount::new();
    for (server, client) in [outbound(&mount, "p"), duplex(&mount, "d")] {
        server.write_all(b"x").unwrap();
        client.close().unwrap();
        assert_eq!(server.write(b"y"), Err(Errno::EPIPE));
        assert_eq!(server.write(b"y"), Err(Errno::EPIPE), "and again");
    }
}

/// SEMANTICS: close-client
#[test]
fn a_server_that_waits_in_write_gets_epipe() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let (server, client) = outbound(&mount, "p");
    server.write_all(&[0; 4096]).unwrap();
    let mut writing = Task::spawn(move || server.write(b"x"));
    writing.assert_waits();
    client.close().unwrap();
    assert_eq!(writing.join(SOON), Err(Errno::EPIPE));
}

/// SEMANTICS: close-client, read-end-of-file
#[test]
fn a_server_reads_what_its_client_left_then_end_of_file() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=inbound"]);
    mount.make("p");
    let server = mount.open("p", O_RDONLY);
    let client = mount.open("p", O_WRONLY);
    client.write_all(b"last words").unwrap();
    client.close().unwrap();
    assert_eq!(server.read_to_end().unwrap(), b"last words");
    let mount = Mount::new();
    let (server, client) = duplex(&mount, "d");
    client.write_all(b"last words").unwrap();
    client.close().unwrap();
    assert_eq!(server.read_to_end().unwrap(), b"last words");
}

/// SEMANTICS: close-client
#[test]
fn what_a_client_left_unread_is_not_for_the_next_one() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (server, client) = outbound(&mount, "p");
    server.write_all(b"for the first").unwrap();
    assert_eq!(client.read(3).unwrap(), b"for");
    client.close().unwrap();
    let mut opening = mount.opening("p", O_RDONLY);
    opening.assert_waits();
    drop(server);
    mount.open("p", O_WRONLY).write_all(b"for the second").unwrap();
    assert_eq!(opening.join(SOON).unwrap().read_to_end().unwrap(), b"for the second");
}

/// SEMANTICS: shared-keeps-unread
#[test]
fn what_a_reader_of_a_shared_pipe_left_stays() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=shared"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"first\nsecond\n").unwrap();
    let reader = mount.open("p", O_RDONLY);
    assert_eq!(reader.read(6).unwrap(), b"first\n");
    reader.close().unwrap();
    let reader = mount.open("p", O_RDONLY);
    assert_eq!(reader.read(9).unwrap(), b"second\n");
    drop(writer);
    assert_eq!(reader.read(9).unwrap(), b"");
}

/// SEMANTICS: close-killed
#[test]
fn a_killed_server_has_closed() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    mount.make("p");
    let mut server = Actor::start(&[
        Step::Open(mount.path("p"), O_WRONLY),
        Step::Write(4096, b'a'),
        Step::Write(10, b'b'),
    ]);
    server.until_waiting();
    let client = mount.open("p", O_RDONLY | O_NONBLOCK);
    assert_eq!(client.read(96).unwrap(), [b'a'; 96]);
    server.child.signal(libc::SIGKILL);
    server.child.wait(SOON);
    client.set_nonblocking(false).unwrap();
    let rest = client.read_to_end().unwrap();
    assert_eq!(&rest[..4000], [b'a'; 4000]);
    // The second write was accepted once the first 96 bytes were read, or was never.
    assert!(rest[4000..].is_empty() || rest[4000..] == [b'b'; 10], "{:?}", &rest[4000..]);
}

/// SEMANTICS: close-killed
#[test]
fn a_killed_client_has_closed() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let steps = [Step::Open(mount.path("p"), O_RDONLY), Step::Read(9)];
    let mut client = Actor::start(&steps);
    client.until_waiting();
    assert_eq!(server.ready() & POLLERR, 0);
    client.child.signal(libc::SIGKILL);
    client.child.wait(SOON);
    eventually(SOON, || server.ready() & POLLERR != 0);
    assert_eq!(server.write(b"x"), Err(Errno::EPIPE));
}

/// SEMANTICS: close-unlink
#[test]
fn open_ends_go_on_when_the_name_is_removed() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (server, client) = duplex(&mount, "p");
    server.write_all(b"before").unwrap();
    std::fs::remove_file(mount.path("p")).unwrap();
    assert_eq!(mount.refused("p", O_RDWR), Errno::ENOENT);
    server.write_all(b", after").unwrap();
    assert_eq!(client.read(99).unwrap(), b"before, after");
    client.write_all(b"back").unwrap();
    assert_eq!(server.read(99).unwrap(), b"back");
    // A new pipe of that name has nothing to do with the old one.
    let new = mount.open("p", O_WRONLY | O_CREAT);
    new.write_all(b"new").unwrap();
    assert_eq!(client.poll(POLLIN, A_WHILE), Ok(0));
    server.close().unwrap();
    assert_eq!(client.read(9).unwrap(), b"");
    assert_eq!(mount.open("p", O_RDONLY).read(9).unwrap(), b"new");
}

/// SEMANTICS: close-unlink
#[test]
fn an_open_that_waits_gets_enoent_when_the_name_is_removed() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let mut first = mount.opening("p", O_RDONLY);
    let mut second = mount.opening("p", O_RDONLY);
    first.assert_waits();
    second.assert_waits();
    std::fs::remove_file(mount.path("p")).unwrap();
    assert_eq!(first.join(SOON).unwrap_err(), Errno::ENOENT);
    assert_eq!(second.join(SOON).unwrap_err(), Errno::ENOENT);
}

/// SEMANTICS: close-unlink, write-memory
#[test]
fn the_memory_of_removed_pipes_is_free_again() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "memory=4M"]);
    let piece = vec![0; 1 << 20];
    for round in 0..20 {
        let server = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
        assert_eq!(server.write(&piece), Ok(piece.len()), "round {round}");
        drop(server);
        std::fs::remove_file(mount.path("p")).unwrap();
    }
}

/// SEMANTICS: fsync-waits
#[test]
fn fsync_waits_until_everything_is_read() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (server, client) = outbound(&mount, "p");
    assert_eq!(server.fsync(), Ok(()), "nothing is buffered");
    server.write_all(b"hello").unwrap();
    let mut flushing = Task::spawn(move || (server.fsync(), server));
    flushing.assert_waits();
    assert_eq!(client.read(4).unwrap(), b"hell");
    flushing.assert_waits();
    assert_eq!(client.read(4).unwrap(), b"o");
    let (result, server) = flushing.join(SOON);
    assert_eq!(result, Ok(()));
    // What is written later is not this fsync's: the end goes on working.
    server.write_all(b"more").unwrap();
    assert_eq!(client.read(9).unwrap(), b"more");
    assert_eq!(server.fsync(), Ok(()));
}

/// SEMANTICS: fsync-waits
#[test]
fn fsync_gets_epipe_when_the_reader_leaves() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (server, client) = outbound(&mount, "p");
    server.write_all(b"hello").unwrap();
    let mut flushing = Task::spawn(move || server.fsync());
    flushing.assert_waits();
    assert_eq!(client.read(1).unwrap(), b"h");
    client.close().unwrap();
    assert_eq!(flushing.join(SOON), Err(Errno::EPIPE));
}

/// SEMANTICS: fsync-waits
#[test]
fn fsync_waits_for_a_client_to_come() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    server.write_all(b"hello").unwrap();
    let mut flushing = Task::spawn(move || server.fsync());
    flushing.assert_waits();
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read(9).unwrap(), b"hello");
    assert_eq!(flushing.join(SOON), Ok(()));
}
