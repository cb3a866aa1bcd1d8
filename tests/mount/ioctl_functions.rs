//! The pipe functions that are ioctls, each on a mount, where everything goes well.

use std::time::Duration;

use libc::{O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC};

use crate::harness::functions::{CLIENT, OTHER_END, SERVER};
use crate::harness::{Errno, Fd, Mount, Task};
use crate::{SOON, skip_without_fuse};

/// A mount of message pipes, and both ends of one of them.
fn connected() -> (Mount, Fd, Fd) {
    let mount = Mount::with(&["-o", "type=message"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("p", O_RDWR);
    (mount, server, client)
}

#[test]
fn connect_returns_when_a_client_comes() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN));
    assert_eq!(server.connect(Some(Duration::from_millis(50))), Err(Errno::ETIMEDOUT));
    let mut connecting = Task::spawn(move || (server.connect(None), server));
    connecting.assert_waits();
    let _client = mount.open("p", O_RDWR);
    let (result, server) = connecting.join(SOON);
    assert_eq!(result, Ok(0));
    assert_eq!(server.connect(None), Ok(1), "it was there already");
}

#[test]
fn a_transaction_gets_the_reply() {
    skip_without_fuse!();
    let (_mount, server, client) = connected();
    let serving = Task::spawn(move || {
        assert_eq!(server.read(100).unwrap(), b"request");
        server.write_all(b"a reply").unwrap();
        server
    });
    assert_eq!(client.transact(b"request", 5, None), Ok((b"a reply".to_vec(), 0)));
    let server = serving.join(SOON);
    let answering = Task::spawn(move || server.transact(b"", 100, None));
    assert_eq!(client.read(100).unwrap(), b"");
    assert_eq!(client.send_empty(), Ok(0));
    assert_eq!(answering.join(SOON), Ok((Vec::new(), 0)));
}

#[test]
fn a_wait_on_a_directory_ends_when_an_instance_listens() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let root = Fd::open(mount.dir(), O_RDONLY | O_DIRECTORY).unwrap();
    assert_eq!(root.wait_for("p", Some(Duration::ZERO)), Err(Errno::EAGAIN));
    let mut waiting = Task::spawn(move || (root.wait_for("p", None), root));
    waiting.assert_waits();
    let server = mount.open("p", O_RDWR | O_TRUNC);
    let (result, root) = waiting.join(SOON);
    assert_eq!(result, Ok(0));
    assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN), "nothing is taken");
    drop(server);
    assert_eq!(root.wait_for("q", None), Err(Errno::ENOENT));
}

#[test]
fn both_ends_know_the_other() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    // In this thread: one that has ended is nobody's process.
    let server = Fd::open(mount.path("p"), O_RDWR | O_CREAT | O_TRUNC).unwrap();
    let client = Fd::open(mount.path("p"), O_RDWR).unwrap();
    for (end, which) in
        [(&server, OTHER_END), (&client, OTHER_END), (&client, SERVER), (&server, CLIENT)]
    {
        let peer = end.peer(which).unwrap();
        assert_eq!(peer.pid, std::process::id());
    }
    assert_eq!(server.info().unwrap().role, 1);
    assert_eq!(client.info().unwrap().role, 2);
    assert_eq!(client.handle_state(), Ok((1, 1)));
    client.write_all(b"123").unwrap();
    assert_eq!(server.peek(2).unwrap().data, b"12");
    assert_eq!(server.disconnect(), Ok(0));
    assert_eq!(client.read(9), Err(Errno::ECONNRESET));
}
