//! How a pipe comes to be, how many instances it may have, and clients for whom nothing listens.

use std::time::Duration;

use libc::{O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};

use crate::harness::calls::attribute;
use crate::harness::process::timed;
use crate::harness::{Errno, Mount, Task, eventually, run, sh, sys};
use crate::{SOON, skip_without_fuse};

fn is_regular(mode: u32) -> bool {
    mode & libc::S_IFMT == libc::S_IFREG
}

/// SEMANTICS: create-ways
#[test]
fn pipes_are_created_by_open_touch_mkfifo_and_mknod() {
    skip_without_fuse!();
    let mount = Mount::new();
    drop(mount.open("by-write", O_WRONLY | O_CREAT));
    drop(mount.open("by-read", O_RDONLY | O_CREAT));
    drop(mount.open("by-both", O_RDWR | O_CREAT));
    let touched = run(&mut sh("touch \"$1\"", &[mount.path("by-touch")]), SOON);
    assert!(touched.status.success(), "{touched:?}");
    sys::mkfifo(mount.path("by-mkfifo"), 0o644).unwrap();
    sys::mknod(mount.path("by-mknod"), libc::S_IFIFO | 0o644).unwrap();
    for name in ["by-write", "by-read", "by-both", "by-touch", "by-mkfifo", "by-mknod"] {
        let stat = sys::stat(mount.path(name)).unwrap();
        assert!(is_regular(stat.st_mode), "{name} has mode {:o}", stat.st_mode);
    }
    assert_eq!(sys::mkfifo(mount.path("by-touch"), 0o644), Err(Errno::EEXIST));
    let device = sys::mknod(mount.path("device"), libc::S_IFCHR | 0o644);
    assert_eq!(device, Err(Errno::EPERM));
}

/// SEMANTICS: create-ways
///
/// Also where the new pipe is a shared one that nobody reads yet.
#[test]
fn touch_creates_a_shared_pipe_too() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=shared"]);
    let touched = run(&mut sh("touch \"$1\" && touch \"$1\"", &[mount.path("p")]), SOON);
    assert!(touched.status.success(), "{touched:?}");
    assert!(is_regular(sys::stat(mount.path("p")).unwrap().st_mode));
}

/// SEMANTICS: create-excl, create-missing
#[test]
fn existing_and_missing_names() {
    skip_without_fuse!();
    let mount = Mount::new();
    let exclusive = O_CREAT | O_EXCL;
    drop(mount.open("p", O_WRONLY | exclusive));
    for access in [O_WRONLY, O_RDONLY, O_RDWR] {
        assert_eq!(mount.refused("p", access | exclusive), Errno::EEXIST, "{access}");
        assert_eq!(mount.refused("missing", access), Errno::ENOENT, "{access}");
        assert_eq!(mount.refused("missing", access | O_NONBLOCK), Errno::ENOENT, "{access}");
    }
    assert_eq!(mount.refused("missing/p", O_WRONLY | O_CREAT), Errno::ENOENT);
    assert_eq!(mount.refused("p/below", O_WRONLY | O_CREAT), Errno::ENOTDIR);
}

/// SEMANTICS: create-never-waits
#[test]
fn create_for_reading_does_not_wait_but_its_first_read_does() {
    skip_without_fuse!();
    let mount = Mount::new();
    let client = mount.open("p", O_RDONLY | O_CREAT);
    // The directory is not locked: others create beside it.
    drop(mount.open("other", O_WRONLY | O_CREAT));
    let mut reading = Task::spawn(move || client.read(9));
    reading.assert_waits();
    let server = mount.open("p", O_WRONLY);
    server.write_all(b"x").unwrap();
    assert_eq!(reading.join(SOON).unwrap(), b"x");
}

/// SEMANTICS: create-mkfifo
#[test]
fn mkfifo_makes_a_shared_pipe() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"mkfifo "$1" && { echo one > "$1" & echo two > "$1" & wait; cat "$1"; }"#;
    let output = run(&mut sh(script, &[mount.path("p")]), SOON);
    let mut lines: Vec<_> = output.stdout.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    assert_eq!(lines, [b"one\n", b"two\n"], "one cat gets what both wrote: {output:?}");
}

/// SEMANTICS: open-oldest-first
#[test]
fn clients_get_the_instance_that_listens_longest() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let servers: Vec<_> = (0..5).map(|_| mount.open("p", O_WRONLY)).collect();
    // Written in another order than opened: what counts is who listens longest.
    for number in [3, 0, 4, 1, 2] {
        servers[number].write_all(number.to_string().as_bytes()).unwrap();
    }
    let clients: Vec<_> = (0..5).map(|_| mount.open("p", O_RDONLY)).collect();
    let got: Vec<_> = clients.iter().map(|client| client.read(9).unwrap()).collect();
    assert_eq!(got, [b"0", b"1", b"2", b"3", b"4"]);
}

/// SEMANTICS: open-server-listens
#[test]
fn a_new_instance_is_connectable_at_once() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "open=fail"]);
    for round in 0..200 {
        let server = mount.open("p", O_WRONLY | O_CREAT);
        let client = mount.open("p", O_RDONLY);
        server.write_all(b"x").unwrap();
        assert_eq!(client.read(9).unwrap(), b"x", "round {round}");
    }
}

/// SEMANTICS: open-max-instances
#[test]
fn max_instances_limits_server_opens() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "max_instances=2"]);
    mount.make("p");
    let first = mount.open("p", O_WRONLY);
    let second = mount.open("p", O_WRONLY);
    assert_eq!(mount.refused("p", O_WRONLY), Errno::EBUSY);
    assert_eq!(mount.refused("p", O_WRONLY | O_CREAT | O_NONBLOCK), Errno::EBUSY);
    // A client is no server.
    second.write_all(b"x").unwrap();
    let clients = [mount.open("p", O_RDONLY), mount.open("p", O_RDONLY)];
    assert_eq!(clients[1].read(9).unwrap(), b"x");
    drop((first, clients));
    drop(second);
    drop((mount.open("p", O_WRONLY), mount.open("p", O_WRONLY)));
}

/// SEMANTICS: open-max-instances
#[test]
fn the_default_is_unlimited() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let servers: Vec<_> = (0..300).map(|_| mount.open("p", O_WRONLY)).collect();
    servers[299].write_all(b"last").unwrap();
    let clients: Vec<_> = (0..300).map(|_| mount.open("p", O_RDONLY)).collect();
    assert_eq!(clients[299].read(9).unwrap(), b"last");
}

/// SEMANTICS: open-fail
#[test]
fn open_fail_gives_ebusy_at_once() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "open=fail"]);
    mount.make("p");
    let (error, time) = timed(|| mount.refused("p", O_RDONLY));
    assert_eq!(error, Errno::EBUSY);
    assert!(time < Duration::from_secs(1), "{time:?}");
    assert_eq!(mount.refused("missing", O_RDONLY), Errno::ENOENT);
    // With the only instance taken, the next client is refused, too.
    let server = mount.open("p", O_WRONLY);
    let client = mount.open("p", O_RDONLY);
    assert_eq!(mount.refused("p", O_RDONLY), Errno::EBUSY);
    drop((client, server));
}

/// SEMANTICS: open-waits, open-wait-timeout
#[test]
fn open_waits_up_to_wait_timeout() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "wait_timeout=300ms"]);
    mount.make("p");
    let (error, time) = timed(|| mount.refused("p", O_RDONLY));
    assert_eq!(error, Errno::ETIMEDOUT);
    assert!((300..1300).contains(&time.as_millis()), "{time:?}");
    // A server in time is in time, and the deadline does not come back for the open file.
    let opening = mount.opening("p", O_RDONLY);
    std::thread::sleep(Duration::from_millis(100));
    let server = mount.open("p", O_WRONLY);
    let client = opening.join(SOON).unwrap();
    let mut reading = Task::spawn(move || client.read(9));
    assert!(!reading.ends_within(Duration::from_millis(500)));
    server.write_all(b"x").unwrap();
    assert_eq!(reading.join(SOON).unwrap(), b"x");
}

/// SEMANTICS: open-oldest-first
#[test]
fn waiting_clients_are_served_in_the_order_in_which_they_came() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let mut openings = Vec::new();
    for clients in 1..=4 {
        openings.push(mount.opening("p", O_RDONLY));
        let state = || attribute(mount.path("p"), "user.pipefs.state").unwrap();
        let waiting = format!("\"waiting_clients\":{clients}}}");
        eventually(SOON, || String::from_utf8_lossy(&state()).ends_with(&waiting));
    }
    for (number, opening) in openings.into_iter().enumerate() {
        let server = mount.open("p", O_WRONLY);
        server.write_all(number.to_string().as_bytes()).unwrap();
        let client = opening.join(SOON).unwrap();
        assert_eq!(client.read(9).unwrap(), number.to_string().as_bytes());
    }
}

/// SEMANTICS: open-nonblock-pending
#[test]
fn a_nonblocking_client_is_pending_until_it_is_connected() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let client = mount.open("p", O_RDONLY | O_NONBLOCK);
    assert_eq!(client.read(9), Err(Errno::EAGAIN));
    assert_eq!(client.ready(), 0);
    let server = mount.open("p", O_WRONLY);
    assert_eq!(client.read(9), Err(Errno::EAGAIN), "connected, but nothing is written");
    server.write_all(b"x").unwrap();
    assert_eq!(client.poll(libc::POLLIN, SOON), Ok(libc::POLLIN));
    assert_eq!(client.read(9).unwrap(), b"x");
}

/// SEMANTICS: open-nonblock-pending
#[test]
fn a_nonblocking_client_that_writes_is_pending_too() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=inbound"]);
    mount.make("p");
    let client = mount.open("p", O_WRONLY | O_NONBLOCK);
    assert_eq!(client.write(b"x"), Err(Errno::EAGAIN));
    assert_eq!(client.ready(), 0);
    let server = mount.open("p", O_RDONLY);
    assert_eq!(client.poll(libc::POLLOUT, SOON), Ok(libc::POLLOUT));
    assert_eq!(client.write(b"x"), Ok(1));
    assert_eq!(server.read(9).unwrap(), b"x");
}

/// SEMANTICS: open-nonblock-pending, wait-nonblock
///
/// Also by a client that is not connected yet.
#[test]
fn a_pending_client_that_may_wait_waits_in_its_first_read() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let client = mount.open("p", O_RDONLY | O_NONBLOCK);
    client.set_nonblocking(false).unwrap();
    let mut reading = Task::spawn(move || client.read(9));
    reading.assert_waits();
    mount.open("p", O_WRONLY).write_all(b"x").unwrap();
    assert_eq!(reading.join(SOON).unwrap(), b"x");
}

/// SEMANTICS: shared-writer-nonblock
#[test]
fn a_nonblocking_writer_of_a_shared_pipe_needs_a_reader() {
    skip_without_fuse!();
    let mount = Mount::new();
    sys::mkfifo(mount.path("p"), 0o666).unwrap();
    assert_eq!(mount.refused("p", O_WRONLY | O_NONBLOCK), Errno::ENXIO);
    let reader = mount.open("p", O_RDONLY | O_NONBLOCK);
    let writer = mount.open("p", O_WRONLY | O_NONBLOCK);
    writer.write_all(b"x").unwrap();
    assert_eq!(reader.read(9).unwrap(), b"x");
    drop((reader, writer));
    assert_eq!(mount.refused("p", O_WRONLY | O_NONBLOCK), Errno::ENXIO);
}

/// SEMANTICS: create-ways
///
/// The end that it opens is one like any other.
#[test]
fn every_kind_of_create_gives_a_working_end() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("a", O_WRONLY | O_CREAT | O_TRUNC);
    writer.write_all(b"a").unwrap();
    assert_eq!(mount.open("a", O_RDONLY).read(9).unwrap(), b"a");
    let server = mount.open("b", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("b", O_RDWR | O_CREAT);
    client.write_all(b"b").unwrap();
    assert_eq!(server.read(9).unwrap(), b"b");
}
