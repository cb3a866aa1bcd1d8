//! The pipe functions that are ioctls: what each does on a mount.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};
use libc::{POLLERR, POLLHUP, POLLIN, POLLOUT};

use crate::harness::actor::Step;
use crate::harness::calls::{attribute, session_of};
use crate::harness::functions::{CLIENT, Info, OTHER_END, Peek, SERVER};
use crate::harness::{Actor, Errno, Fd, Mount, Task, command, eventually, run, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// Both ends of one instance of `p`. They are opened in this thread: one that has ended is
/// nobody's process.
fn connected(mount: &Mount) -> (Fd, Fd) {
    let server = Fd::open(mount.path("p"), O_RDWR | O_CREAT | O_TRUNC).unwrap();
    (server, Fd::open(mount.path("p"), O_RDWR).unwrap())
}

fn messages() -> Mount {
    Mount::with(&["-o", "type=message"])
}

/// SEMANTICS: open-rdwr-append
#[test]
fn appending_both_ways_makes_a_client() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let mut opening = mount.opening("p", O_RDWR | O_APPEND);
    opening.assert_waits();
    let server = mount.open("p", O_RDWR | O_TRUNC);
    let client = opening.join(SOON).unwrap();
    for (from, to) in [(&server, &client), (&client, &server)] {
        from.write_all(b"through").unwrap();
        assert_eq!(to.read(99).unwrap(), b"through");
    }
    let second = mount.open("p", O_RDWR | O_APPEND | O_NONBLOCK);
    assert_eq!(second.info().unwrap().role, 0, "a pending client, not a second server");
    let both = mount.open("p", O_RDWR | O_APPEND | O_TRUNC);
    assert_eq!(both.info().unwrap().role, 1, "O_TRUNC counts for more");
    for access in ["outbound", "inbound"] {
        let mount = Mount::with(&["-o", &format!("access={access}")]);
        assert_eq!(mount.refused("p", O_RDWR | O_APPEND | O_CREAT), Errno::EACCES);
    }
}

/// SEMANTICS: ioctl-connect
#[test]
fn connect_returns_when_a_client_comes() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN));
    assert_eq!(server.connect(Some(Duration::from_millis(50))), Err(Errno::ETIMEDOUT));
    let mut connecting = Task::spawn(move || (server.connect(None), server));
    connecting.assert_waits();
    let client = mount.open("p", O_RDWR);
    let (result, server) = connecting.join(SOON);
    assert_eq!(result, Ok(0));
    assert_eq!(server.connect(None), Ok(1), "it was there already");
    drop(client);
    assert_eq!(server.connect(None), Err(Errno::EPIPE));
}

/// SEMANTICS: ioctl-connect, ioctl-disconnect
///
/// One instance serves one client after the other.
#[test]
fn after_a_disconnect_the_next_client_can_come() {
    skip_without_fuse!();
    let mount = messages();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let serving = Task::spawn(move || {
        for _ in 0..8 {
            assert!(matches!(server.connect(None), Ok(0 | 1)));
            let name = server.read(99).unwrap();
            server.write_all(&[&b"hello "[..], &name].concat()).unwrap();
            // The client has read it, or has gone.
            let _ = server.fsync();
            server.disconnect().unwrap();
        }
        server.info().unwrap()
    });
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let opening = mount.opening("p", O_RDWR | O_APPEND);
            Task::spawn(move || {
                let client = opening.join(SOON * 2).unwrap();
                let name = number.to_string();
                client.write_all(name.as_bytes()).unwrap();
                assert_eq!(client.read(99).unwrap(), format!("hello {name}").as_bytes());
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join(SOON * 2));
    let info = serving.join(SOON);
    assert_eq!((info.state, info.instances), (1, 1));
}

/// SEMANTICS: ioctl-disconnect, ioctl-disconnect-discards, attribute-state
#[test]
fn a_disconnected_client_is_told_once() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (server, client) = connected(&mount);
    server.write_all(b"unread").unwrap();
    client.write_all(b"unread, too").unwrap();
    assert_eq!(server.disconnect(), Ok(0));
    assert_eq!(client.ready(), POLLIN | POLLHUP | POLLERR);
    assert_eq!(client.read(99), Err(Errno::ECONNRESET));
    assert_eq!(client.read(99).unwrap(), b"");
    assert_eq!(client.read(99).unwrap(), b"");
    assert_eq!(client.write(b"x"), Err(Errno::EPIPE));
    assert_eq!(client.fsync(), Err(Errno::ENOTCONN));
    assert_eq!(client.info().unwrap().state, 1);
    assert_eq!(server.disconnect(), Err(Errno::ENOTCONN));
    assert_eq!(server.read(99), Err(Errno::ENOTCONN));
    assert_eq!(server.write(b"x"), Err(Errno::ENOTCONN));
    assert_eq!(server.ready(), POLLIN | POLLHUP | POLLERR);
    assert_eq!(sys::stat(mount.path("p")).unwrap().st_blocks, 0);
    let state = attribute(mount.path("p"), "user.pipefs.state").unwrap();
    assert!(String::from_utf8_lossy(&state).contains(r#""state":"disconnected""#), "{state:?}");
    let mut opening = mount.opening("p", O_RDWR | O_APPEND);
    opening.assert_waits();
    assert_eq!(server.connect(Some(Duration::ZERO)), Ok(0), "it was waiting");
    let next = opening.join(SOON).unwrap();
    assert_eq!(server.ready(), POLLOUT);
    server.write_all(b"for the next").unwrap();
    assert_eq!(next.read(99).unwrap(), b"for the next");
    assert_eq!(client.read(99).unwrap(), b"", "the old one has nothing of it");
}

/// SEMANTICS: ioctl-disconnect, ioctl-disconnect-discards
#[test]
fn a_disconnect_ends_what_waits_at_both_ends() {
    skip_without_fuse!();
    type Call = fn(&Fd) -> Result<usize, Errno>;
    let read: Call = |end| end.read(9).map(|data| data.len());
    let write: Call = |end| end.write(b"x");
    let flush: Call = |end| end.fsync().map(|()| 0);
    let connect: Call = |end| end.connect(None).map(|result| result as usize);
    let transact: Call = |end| end.transact(b"?", 9, None).map(|(data, _)| data.len());
    let mount = Mount::with(&["-o", "type=message,capacity=1"]);
    let calls = [
        ("reads", read, Errno::ECONNRESET, Errno::ENOTCONN),
        ("writes", write, Errno::EPIPE, Errno::ENOTCONN),
        ("flushes", flush, Errno::ENOTCONN, Errno::ENOTCONN),
        ("transacts", transact, Errno::ECONNRESET, Errno::ENOTCONN),
    ];
    for (what, call, of_client, of_server) in calls {
        for (waits_at, expected) in [("client", of_client), ("server", of_server)] {
            let (server, client) = connected(&mount);
            let end = if waits_at == "client" { &client } else { &server };
            if what == "writes" || what == "flushes" {
                end.write_all(b"fills it").unwrap();
            }
            let end = end.duplicate().unwrap();
            let mut waiting = Task::spawn(move || call(&end));
            waiting.assert_waits();
            server.disconnect().unwrap();
            assert_eq!(waiting.join(SOON), Err(expected), "the {waits_at} {what}");
            let told = expected == Errno::ECONNRESET;
            let next = if told { Ok(Vec::new()) } else { Err(Errno::ECONNRESET) };
            assert_eq!(client.read(9), next, "once, whichever it was: the {waits_at} {what}");
        }
    }
    let server = mount.open("p", O_RDWR | O_TRUNC);
    let end = server.duplicate().unwrap();
    let mut waiting = Task::spawn(move || connect(&end));
    waiting.assert_waits();
    server.disconnect().unwrap();
    assert_eq!(waiting.join(SOON), Err(Errno::ENOTCONN));
}

/// SEMANTICS: ioctl-peek
#[test]
fn peek_takes_nothing() {
    skip_without_fuse!();
    let mount = messages();
    let (server, client) = connected(&mount);
    let nothing = Peek { data: Vec::new(), total_bytes: 0, left_bytes: 0, messages: 0 };
    assert_eq!(client.peek(9), Ok(nothing));
    server.write_all(b"first").unwrap();
    server.write_all(b"second").unwrap();
    for (room, data, left_bytes) in [(0, &b""[..], 5), (2, b"fi", 3), (5, b"first", 0)] {
        let expected = Peek { data: data.to_vec(), total_bytes: 11, left_bytes, messages: 2 };
        assert_eq!(client.peek(room), Ok(expected));
    }
    assert_eq!(client.set_read_mode(0), Ok(0));
    assert_eq!(client.peek(99).unwrap().data, b"first", "the read mode does not matter");
    assert_eq!(client.read(99).unwrap(), b"firstsecond");
    let large = vec![7; 100_000];
    server.write_all(&large).unwrap();
    let most = (1 << 14) - 1 - 24;
    let peek = client.peek(most).unwrap();
    assert_eq!((peek.data.len(), peek.left_bytes as usize), (most, large.len() - most));
    let mount = Mount::new();
    let (server, client) = connected(&mount);
    server.write_all(b"first").unwrap();
    server.write_all(b"second").unwrap();
    let all = Peek { data: b"firstsec".to_vec(), total_bytes: 11, left_bytes: 0, messages: 0 };
    assert_eq!(client.peek(8), Ok(all), "bytes have no boundaries");
}

/// SEMANTICS: ioctl-transact
#[test]
fn a_transaction_gets_the_reply() {
    skip_without_fuse!();
    let mount = messages();
    let (server, client) = connected(&mount);
    let serving = Task::spawn(move || {
        assert_eq!(server.read(100).unwrap(), b"request");
        server.write_all(b"a long reply").unwrap();
        server
    });
    assert_eq!(client.transact(b"request", 7, None), Ok((b"a long ".to_vec(), 5)));
    let server = serving.join(SOON);
    assert_eq!(client.transact(b"too early", 99, None), Err(Errno::EBUSY));
    assert_eq!(client.read(99).unwrap(), b"reply");
    let soon = Some(Duration::from_millis(50));
    assert_eq!(client.transact(b"unanswered", 99, soon), Err(Errno::ETIMEDOUT));
    assert_eq!(server.read(99).unwrap(), b"unanswered", "and nothing of the one that was busy");
    let longest = vec![3; (1 << 14) - 1 - 16];
    let expected = longest.clone();
    let serving = Task::spawn(move || {
        assert!(server.read(1 << 20).unwrap() == expected);
        server.write_all(&expected).unwrap();
        assert_eq!(server.read(9).unwrap(), b"");
        server.send_empty().unwrap();
        server
    });
    assert_eq!(client.transact(&longest, 0, None), Ok((longest, 0)));
    assert_eq!(client.transact(b"", 9, None), Ok((Vec::new(), 0)), "both empty");
    drop(serving.join(SOON));
}

/// SEMANTICS: ioctl-transact
///
/// Each transaction is the answer to the other end's.
#[test]
fn a_transaction_may_answer_a_transaction() {
    skip_without_fuse!();
    const ROUNDS: u32 = 500;
    let mount = messages();
    let (server, client) = connected(&mount);
    let counting = move |end: Fd, mut number: u32| {
        while number < ROUNDS {
            let (reply, left) = end.transact(&number.to_ne_bytes(), 4, None).unwrap();
            let next = u32::from_ne_bytes(reply.try_into().unwrap());
            assert_eq!((next, left), (number + 1, 0));
            number = next + 1;
        }
        end.write_all(&number.to_ne_bytes()).unwrap();
        end
    };
    let asking = Task::spawn(move || counting(client, 0));
    assert_eq!(server.read(4).unwrap(), 0_u32.to_ne_bytes());
    let server = counting(server, 1);
    drop(asking.join(SOON));
    drop(server);
}

/// SEMANTICS: ioctl-transact
#[test]
fn a_transaction_does_not_wait_for_room_and_ends_with_its_peer() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,capacity=1"]);
    let (server, client) = connected(&mount);
    client.write_all(b"first").unwrap();
    let mut asking = Task::spawn(move || (client.transact(b"second", 99, None), client));
    asking.assert_waits();
    assert_eq!([server.read(99).unwrap(), server.read(99).unwrap()], [&b"first"[..], b"second"]);
    drop(server);
    let (result, client) = asking.join(SOON);
    assert_eq!(result, Ok((Vec::new(), 0)));
    assert_eq!(client.info().unwrap().state, 4, "so it was no empty message");
}

/// SEMANTICS: ioctl-info
#[test]
fn info_tells_what_an_end_is() {
    skip_without_fuse!();
    let options = "type=message,capacity=10,max_instances=7,overflow=drop-newest";
    let mount = Mount::with(&["-o", options]);
    let pending = mount.open("p", O_RDWR | O_CREAT | O_APPEND);
    let expected = |role, direction, state| Info {
        role,
        pipe_type: 1,
        mode: 0,
        direction,
        state,
        max_instances: 7,
        instances: u32::from(role != 0),
        capacity_bytes: 10,
        readable_bytes: 0,
        writable_bytes: if role == 0 { 0 } else { 10 },
        dropped_bytes: 0,
        dropped_count: 0,
    };
    assert_eq!(pending.info(), Ok(expected(0, 0, 0)));
    drop(pending);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    assert_eq!(server.info(), Ok(expected(1, 3, 2)));
    let client = mount.open("p", O_RDWR);
    assert_eq!(server.info(), Ok(expected(1, 3, 3)));
    assert_eq!(client.info(), Ok(expected(2, 3, 3)));
    client.write_all(b"0123456789").unwrap();
    client.write_all(b"dropped").unwrap();
    assert_eq!(client.info().unwrap().writable_bytes, 0);
    let info = server.info().unwrap();
    assert_eq!((info.readable_bytes, info.dropped_bytes, info.dropped_count), (10, 7, 1));
    let second = mount.open("p", O_RDWR | O_TRUNC);
    assert_eq!(client.info().unwrap().instances, 2);
    drop(second);
    drop(client);
    assert_eq!(server.info().unwrap().state, 4);
    server.disconnect().unwrap();
    assert_eq!(server.info(), Ok(expected(1, 3, 1)));
    for (access, number) in [("outbound", 1), ("inbound", 2)] {
        let mount = Mount::with(&["-o", &format!("access={access}")]);
        mount.make("p");
        let flags = if number == 1 { O_WRONLY } else { O_RDONLY };
        let info = mount.open("p", flags).info().unwrap();
        assert_eq!((info.role, info.direction, info.pipe_type), (1, number, 0));
        assert_eq!(info.max_instances, 0, "there is no limit");
    }
    for (mode, number) in [("shared", 1), ("broadcast", 2)] {
        let mount = Mount::with(&["-o", &format!("mode={mode}")]);
        let info = mount.open("p", O_RDWR | O_CREAT).info().unwrap();
        assert_eq!((info.role, info.mode, info.state), (3, number, 3));
    }
}

/// SEMANTICS: ioctl-peer
#[test]
fn both_ends_know_the_other_also_when_it_has_gone() {
    skip_without_fuse!();
    skip_unless_root!();
    const USER: u32 = 12_345;
    const GROUP: u32 = 23_456;
    let mount = Mount::with(&["-o", "allow_other"]);
    let server = Fd::open(mount.path("p"), O_RDWR | O_CREAT | O_TRUNC).unwrap();
    sys::chmod(mount.path("p"), 0o666).unwrap();
    let peer = [Step::Open(mount.path("p"), O_RDWR), Step::Read(9)];
    let mut actor = Actor::start_as(USER, GROUP, &peer);
    actor.until_waiting();
    let known = server.peer(OTHER_END).unwrap();
    assert_eq!((known.pid, known.uid, known.gid), (actor.child.pid() as u32, USER, GROUP));
    assert_eq!(known.session, session_of(actor.child.pid()));
    let name = run(command("uname").arg("-n"), SOON).stdout;
    assert_eq!(known.host, String::from_utf8(name).unwrap().trim_end());
    assert_eq!(server.peer(CLIENT), Ok(known));
    let own = server.peer(SERVER).unwrap();
    let user = std::fs::metadata("/proc/self").unwrap();
    assert_eq!((own.pid, own.uid, own.gid), (std::process::id(), user.uid(), user.gid()));
    actor.end_by(libc::SIGKILL);
    eventually(SOON, || server.info().unwrap().state == 4);
    let gone = server.peer(OTHER_END).unwrap();
    assert_eq!((gone.uid, gone.gid, gone.session), (USER, GROUP, 0));
    server.disconnect().unwrap();
    assert_eq!(server.peer(OTHER_END), Err(Errno::ESRCH));
    assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN));
    let client = Fd::open(mount.path("p"), O_RDWR).unwrap();
    assert_eq!(client.peer(OTHER_END), server.peer(SERVER));
    assert_eq!(server.peer(OTHER_END), client.peer(CLIENT));
}
