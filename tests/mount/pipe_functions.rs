//! The pipe functions as programs in Rust call them, on a mount.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::Duration;

use pipefs_mount::pipe_functions::{
    Arrival, Condition, Direction, EndRole, Mode, PipeFunctions, PipeType, ReadMode,
    TRANSACT_MAX_BYTES, Whose,
};

use crate::harness::{Mount, Task};
use crate::{SOON, skip_without_fuse};

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

fn server(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap()
}

fn client(path: &Path) -> File {
    OpenOptions::new().read(true).append(true).open(path).unwrap()
}

/// SEMANTICS: ioctl-connect, ioctl-disconnect, ioctl-wait
#[test]
fn a_server_serves_one_client_after_the_other() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let path = mount.path("p");
    let server = server(&path);
    let kind = |result: std::io::Result<Arrival>| result.map_err(|error| error.kind());
    assert_eq!(kind(server.connect(AT_ONCE)), Err(ErrorKind::WouldBlock));
    let nanosecond = Some(Duration::from_nanos(1));
    assert_eq!(kind(server.connect(nanosecond)), Err(ErrorKind::TimedOut));
    let root = File::open(mount.dir()).unwrap();
    root.wait_for("p", None).unwrap();
    assert_eq!(root.wait_for("q", None).unwrap_err().kind(), ErrorKind::NotFound);
    for _ in 0..2 {
        let waiting = server.try_clone().unwrap();
        let mut connecting = Task::spawn(move || waiting.connect(None).unwrap());
        connecting.assert_waits();
        let mut client = client(&path);
        assert_eq!(connecting.join(SOON), Arrival::Now);
        assert_eq!(server.connect(None).unwrap(), Arrival::Before);
        assert_eq!(root.wait_for("p", AT_ONCE).unwrap_err().kind(), ErrorKind::WouldBlock);
        server.disconnect().unwrap();
        let reset = client.read(&mut [0; 9]).unwrap_err();
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        assert_eq!(client.info().unwrap().condition, Some(Condition::Disconnected));
    }
}

/// SEMANTICS: ioctl-peek, ioctl-transact, ioctl-empty-message
#[test]
fn messages_are_looked_at_and_exchanged() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let path = mount.path("p");
    let (mut server, mut client) = (server(&path), client(&path));
    let long = vec![7; TRANSACT_MAX_BYTES];
    let request = long.clone();
    let transaction = Task::spawn(move || {
        let reply = client.transact(&request, 5, Some(SOON)).unwrap();
        let mut rest = [0; 100];
        let count = client.read(&mut rest).unwrap();
        (reply, rest[..count].to_vec(), client)
    });
    let mut buffer = vec![0; TRANSACT_MAX_BYTES];
    assert_eq!(server.read(&mut buffer).unwrap(), long.len());
    assert_eq!(buffer, long);
    // There is room for a reply as long as the request.
    server.write_all(&[8; TRANSACT_MAX_BYTES]).unwrap();
    server.write_all(b"next").unwrap();
    let (reply, rest, client) = transaction.join(SOON);
    assert_eq!((reply.data.len(), reply.left_bytes), (TRANSACT_MAX_BYTES, 0));
    assert_eq!(rest, b"next");

    server.write_all(b"message").unwrap();
    server.send_empty().unwrap();
    let peeked = client.peek(4).unwrap();
    assert_eq!((&*peeked.data, peeked.total_bytes), (&b"mess"[..], 7));
    assert_eq!((peeked.left_bytes, peeked.messages), (3, 2));
    assert_eq!(client.peek(usize::MAX).unwrap().data, b"message");
    let busy = client.transact(b"", 5, Some(SOON)).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::ResourceBusy);
}

/// SEMANTICS: ioctl-info, ioctl-state, ioctl-peer
#[test]
fn ends_tell_what_they_are() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,max_instances=3,capacity=8K"]);
    let path = mount.path("p");
    let server = server(&path);
    assert_eq!(server.info().unwrap().condition, Some(Condition::Listening));
    let mut client = client(&path);
    client.write_all(b"request").unwrap();
    let info = server.info().unwrap();
    assert_eq!((info.role, info.condition), (Some(EndRole::Server), Some(Condition::Connected)));
    assert_eq!((info.pipe_type, info.mode), (PipeType::Message, Mode::Instance));
    assert_eq!((info.direction, info.instances), (Some(Direction::Duplex), 1));
    assert_eq!((info.max_instances, info.capacity_bytes), (Some(3), 8192));
    assert_eq!((info.readable_bytes, info.writable_bytes), (7, 8192));
    assert_eq!((info.dropped_bytes, info.dropped_count), (0, 0));
    assert_eq!(client.info().unwrap().writable_bytes, 8192 - 7);

    assert_eq!(client.read_mode().unwrap(), ReadMode::Message);
    client.set_read_mode(ReadMode::Byte).unwrap();
    assert_eq!(client.read_mode().unwrap(), ReadMode::Byte);

    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for (end, whose) in [(&server, Whose::Client), (&client, Whose::Peer), (&client, Whose::Client)]
    {
        let peer = end.peer(whose).unwrap();
        assert_eq!(peer.pid, std::process::id());
        assert_eq!(
            (peer.uid, peer.gid),
            (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw())
        );
        assert_eq!(peer.host, host.trim_end().as_bytes());
        // 0 where the session's leader is outside of the process's PID namespace.
        assert_eq!(peer.session, nix::unistd::getsid(None).unwrap().as_raw().cast_unsigned());
    }
}
