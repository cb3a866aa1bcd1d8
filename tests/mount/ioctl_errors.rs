//! The pipe functions that are ioctls: what is refused.

use libc::O_WRONLY;
use libc::{O_APPEND, O_CREAT, O_DIRECTORY, O_NONBLOCK, O_PATH, O_RDONLY, O_RDWR, O_TRUNC};
use std::fs;
use std::time::Duration;

use pipefs_mount::functions::wire;

use crate::harness::calls::{ioctl, ioctl_at, set_attribute};
use crate::harness::functions::{OTHER_END, transact_structure, wait_structure};
use crate::harness::{Errno, Fd, Mount, Task};
use crate::{SOON, skip_without_fuse};

const LIMIT: Option<Duration> = Some(Duration::from_millis(20));

/// What a test calls on an end: never for long.
type Call = fn(&Fd) -> Result<(), Errno>;

const CALLS: [(&str, Call); 6] = [
    ("connect", |end| end.connect(Some(Duration::ZERO)).map(drop)),
    ("disconnect", |end| end.disconnect().map(drop)),
    ("peek", |end| end.peek(9).map(drop)),
    ("transact", |end| end.transact(b"x", 9, LIMIT).map(drop)),
    ("peer", |end| end.peer(OTHER_END).map(drop)),
    ("send-empty", |end| end.send_empty().map(drop)),
];

/// Ends of a new message pipe: the one that is asked, and the other if that is still there.
type Ends = (Fd, Option<Fd>);

fn listening(mount: &Mount, name: &str) -> Ends {
    (mount.open(name, O_RDWR | O_CREAT | O_TRUNC), None)
}

fn pending(mount: &Mount, name: &str) -> Ends {
    mount.make(name);
    (mount.open(name, O_RDWR | O_APPEND | O_NONBLOCK), None)
}

fn server(mount: &Mount, name: &str) -> Ends {
    (listening(mount, name).0, Some(mount.open(name, O_RDWR)))
}

fn client(mount: &Mount, name: &str) -> Ends {
    let (server, client) = server(mount, name);
    (client.expect("it has come"), Some(server))
}

/// What is expected of each of [`CALLS`] in turn; `None` where it waits, which others show.
type Expected = [Option<Result<(), Errno>>; CALLS.len()];

const fn refused(errno: Errno) -> Option<Result<(), Errno>> {
    Some(Err(errno))
}

const OK: Option<Result<(), Errno>> = Some(Ok(()));
const NOT_ITS: Option<Result<(), Errno>> = refused(Errno::EOPNOTSUPP);
const AGAIN: Option<Result<(), Errno>> = refused(Errno::EAGAIN);
const EXPIRES: Option<Result<(), Errno>> = refused(Errno::ETIMEDOUT);
const BROKEN: Option<Result<(), Errno>> = refused(Errno::EPIPE);
const BAD_STATE: Option<Result<(), Errno>> = refused(Errno::EBADFD);
const NOT_CONNECTED: Option<Result<(), Errno>> = refused(Errno::ENOTCONN);
const NOBODY: Option<Result<(), Errno>> = refused(Errno::ESRCH);

/// Makes each call on an end of its own.
#[track_caller]
fn assert_answers(
    mount: &Mount,
    end: &str,
    make: impl Fn(&Mount, &str) -> Ends,
    expected: Expected,
) {
    for ((what, call), expected) in CALLS.into_iter().zip(expected) {
        let Some(expected) = expected else { continue };
        let ends = make(mount, &format!("{end}, {what}"));
        assert_eq!(call(&ends.0), expected, "{what} on {end}");
        let (state, set) = (ends.0.handle_state(), ends.0.set_read_mode(0));
        assert!(ends.0.info().is_ok() && state.is_ok() && set.is_ok(), "{end}");
    }
}

/// SEMANTICS: ioctl-of-listening, ioctl-of-disconnecting, ioctl-of-left-server
#[test]
fn what_a_server_is_refused() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let expected = [AGAIN, OK, BAD_STATE, BAD_STATE, NOBODY, OK];
    assert_answers(&mount, "it listens", listening, expected);
    assert_answers(&mount, "it has a client", server, [OK, OK, OK, EXPIRES, OK, OK]);
    let disconnects = |mount: &Mount, name: &str| {
        let (server, client) = server(mount, name);
        server.disconnect().unwrap();
        (server, client)
    };
    let expected = [AGAIN, NOT_CONNECTED, BAD_STATE, BAD_STATE, NOBODY, NOT_CONNECTED];
    assert_answers(&mount, "it has disconnected its client", disconnects, expected);
    let is_left = |mount: &Mount, name: &str| (server(mount, name).0, None);
    let expected = [BROKEN, OK, BROKEN, BAD_STATE, OK, BROKEN];
    assert_answers(&mount, "its client has left", is_left, expected);
}

/// SEMANTICS: ioctl-of-pending, ioctl-of-client, ioctl-of-left-client, ioctl-of-disconnected
#[test]
fn what_a_client_is_refused() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let expected = [NOT_ITS, NOT_ITS, AGAIN, NOT_CONNECTED, NOBODY, None];
    assert_answers(&mount, "it has no instance", pending, expected);
    let expected = [NOT_ITS, NOT_ITS, OK, EXPIRES, OK, OK];
    assert_answers(&mount, "it has a server", client, expected);
    let is_left = |mount: &Mount, name: &str| (client(mount, name).0, None);
    let expected = [NOT_ITS, NOT_ITS, BROKEN, BAD_STATE, OK, BROKEN];
    assert_answers(&mount, "its server has left", is_left, expected);
    let is_disconnected = |mount: &Mount, name: &str| {
        let (client, server) = client(mount, name);
        server.as_ref().expect("it is there").disconnect().unwrap();
        (client, server)
    };
    let expected = [NOT_ITS, NOT_ITS, NOT_CONNECTED, NOT_CONNECTED, NOT_CONNECTED, BROKEN];
    assert_answers(&mount, "it was disconnected", is_disconnected, expected);
}

/// SEMANTICS: ioctl-of-member, ioctl-of-byte-pipe, ioctl-one-direction
#[test]
fn what_is_refused_because_of_what_the_pipe_or_the_end_is() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    for mode in ["shared", "broadcast"] {
        let member = |mount: &Mount, name: &str| {
            set_attribute(mount.make(name), "user.pipefs.mode", mode.as_bytes()).unwrap();
            (mount.open(name, O_RDWR), None)
        };
        assert_answers(&mount, mode, member, [NOT_ITS, NOT_ITS, OK, BAD_STATE, NOT_ITS, OK]);
    }
    let of_bytes = |mount: &Mount, name: &str| {
        set_attribute(mount.make(name), "user.pipefs.type", b"byte").unwrap();
        client(mount, name)
    };
    let expected = [NOT_ITS, NOT_ITS, OK, BAD_STATE, OK, refused(Errno::EINVAL)];
    assert_answers(&mount, "it has no messages", of_bytes, expected);
    let handle = refused(Errno::EBADF);
    for (what, flags, peek, send_empty) in
        [("it only reads", O_RDONLY, OK, handle), ("it only writes", O_WRONLY, handle, OK)]
    {
        let one_way = |mount: &Mount, name: &str| {
            let server = listening(mount, name).0;
            (mount.open(name, flags), Some(server))
        };
        let expected = [NOT_ITS, NOT_ITS, peek, BAD_STATE, OK, send_empty];
        assert_answers(&mount, what, one_way, expected);
    }
    let (end, _server) = client(&mount, "reads bytes");
    end.set_read_mode(0).unwrap();
    assert_eq!(end.transact(b"x", 9, LIMIT), Err(Errno::EBADFD));
}

/// SEMANTICS: ioctl-of-left-client, ioctl-peek
///
/// What a server left can be looked at until it is read.
#[test]
fn what_was_left_can_be_peeked() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (client, server) = client(&mount, "p");
    server.unwrap().write_all(b"left").unwrap();
    assert_eq!(client.peek(9).unwrap().data, b"left");
    assert_eq!(client.read(9).unwrap(), b"left");
    assert_eq!(client.peek(9), Err(Errno::EPIPE));
}

/// A number with another size, or another direction.
fn altered(number: u32, size: usize, direction: Option<u32>) -> u32 {
    let direction = direction.unwrap_or(number >> 30);
    number & 0xFFFF | (size as u32) << 16 | direction << 30
}

/// SEMANTICS: ioctl-numbers
#[test]
fn a_number_that_is_none_of_ours_is_refused() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let (end, _other) = client(&mount, "p");
    let root = Fd::open(mount.dir(), O_RDONLY | O_DIRECTORY).unwrap();
    let unknown = [
        wire::CONNECT + 10,                     // the type is ours, the number is not
        (wire::DISCONNECT & 0xFF) | 0xF1 << 8,  // another's type
        libc::TCGETS as u32,                    // isatty(3)
        u32::from_ne_bytes([0xFF; 4]) & 0xFF00, // number 0, and no size
    ];
    for number in unknown {
        let mut room = vec![0; 1 << 14];
        for file in [&end, &root] {
            assert_eq!(ioctl_at(file, number, room.as_mut_ptr()), Err(Errno::ENOTTY), "{number:x}");
        }
    }
    let fixed = [
        wire::CONNECT,
        wire::DISCONNECT,
        wire::INFO,
        wire::GET_STATE,
        wire::SET_STATE,
        wire::PEER,
        wire::SEND_EMPTY,
    ];
    for number in fixed {
        let size = (number >> 16 & 0x3FFF) as usize;
        for other in [0, size / 2, size + 4, size + 8].into_iter().filter(|other| *other != size) {
            let number = altered(number, other, None);
            let result = ioctl(&end, number, &mut vec![0; other]);
            assert_eq!(result, Err(Errno::EINVAL), "{number:x}");
        }
        for direction in (0..4).filter(|direction| *direction != number >> 30) {
            let number = altered(number, size, Some(direction));
            let result = ioctl(&end, number, &mut vec![0; size]);
            assert_eq!(result, Err(Errno::EINVAL), "{number:x}");
        }
    }
    for too_small in 0..wire::PEEK_BYTES {
        let result = ioctl(&end, wire::peek(too_small), &mut vec![0; too_small]);
        assert_eq!(result, Err(Errno::EINVAL));
    }
    for too_small in 0..wire::TRANSACT_BYTES {
        let result = ioctl(&end, wire::transact(too_small), &mut vec![0; too_small]);
        assert_eq!(result, Err(Errno::EINVAL));
    }
    let wait = altered(wire::WAIT, 100, None);
    assert_eq!(ioctl(&root, wait, &mut [0; 100]), Err(Errno::EINVAL));
}

/// SEMANTICS: ioctl-numbers
#[test]
fn what_a_structure_says_is_checked() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let (end, _other) = client(&mount, "p");
    let root = Fd::open(mount.dir(), O_RDONLY | O_DIRECTORY).unwrap();
    let set = |mut bytes: Vec<u8>, at: usize, value: u32| {
        bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        bytes
    };
    let transaction = transact_structure(b"12345", 5, LIMIT);
    for (at, value) in [(0, 6), (0, u32::MAX), (4, 1), (8, 0), (12, 1)] {
        let mut bytes = set(transaction.clone(), at, value);
        let result = ioctl(&end, wire::transact(bytes.len()), &mut bytes);
        assert_eq!(result, Err(Errno::EINVAL), "{value} at {at}");
    }
    for (at, value) in [(0, 3), (20, 1)] {
        let mut bytes = set(vec![0; wire::PEER_BYTES], at, value);
        assert_eq!(ioctl(&end, wire::PEER, &mut bytes), Err(Errno::EINVAL), "{value} at {at}");
    }
    assert_eq!(end.set_read_mode(2), Err(Errno::EINVAL));
    let mut reserved = set(wait_structure("p", LIMIT), 4, 1);
    assert_eq!(ioctl(&root, wire::WAIT, &mut reserved), Err(Errno::EINVAL));
    let mut endless = wait_structure(&"p".repeat(256), LIMIT);
    assert_eq!(ioctl(&root, wire::WAIT, &mut endless), Err(Errno::EINVAL));
    let mut rest = wait_structure("p\0what follows does not matter", LIMIT);
    assert_eq!(ioctl(&root, wire::WAIT, &mut rest), Err(Errno::ETIMEDOUT));
}

/// SEMANTICS: ioctl-bad-address
#[test]
fn a_pointer_that_is_not_valid_is_refused() {
    skip_without_fuse!();
    /// A request of one byte, a second, and room for no more, in memory that is only read.
    static REQUEST: [u32; 5] = [1, 0, 1000, 0, 0];
    let mount = Mount::with(&["-o", "type=message"]);
    let (end, server) = client(&mount, "p");
    let server = server.unwrap();
    server.write_all(b"stays").unwrap();
    let numbers = [wire::SET_STATE, wire::INFO, wire::PEER, wire::peek(24), wire::transact(16)];
    for number in numbers {
        let nowhere = std::ptr::without_provenance_mut(8);
        assert_eq!(ioctl_at(&end, number, nowhere), Err(Errno::EFAULT), "{number:x}");
    }
    assert_eq!(end.read(9).unwrap(), b"stays");
    let serving = Task::spawn(move || {
        assert_eq!(server.read(9).unwrap(), b"\0", "the first request that was sent");
        server.write_all(b"lost").unwrap();
        server
    });
    let read_only = (&raw const REQUEST).cast::<u8>().cast_mut();
    let number = wire::transact(size_of_val(&REQUEST));
    assert_eq!(ioctl_at(&end, number, read_only), Err(Errno::EFAULT));
    drop(serving.join(SOON));
    assert_eq!(end.read(9).unwrap(), b"", "its reply is lost");
}

/// SEMANTICS: ioctl-directory
#[test]
fn pipes_and_directories_have_functions_of_their_own() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    fs::create_dir(mount.path("directory")).unwrap();
    for name in ["", "directory"] {
        let directory = Fd::open(mount.path(name), O_RDONLY | O_DIRECTORY).unwrap();
        for (what, call) in CALLS {
            assert_eq!(call(&directory), Err(Errno::EISDIR), "{what} on {name}");
        }
        assert_eq!(directory.info().unwrap_err(), Errno::EISDIR);
        assert_eq!(directory.handle_state(), Err(Errno::EISDIR));
        assert_eq!(directory.set_read_mode(0), Err(Errno::EISDIR));
    }
    let (end, _other) = client(&mount, "p");
    assert_eq!(end.wait_for("p", LIMIT), Err(Errno::ENOTDIR));
    let only_a_path = Fd::open(mount.path("p"), O_PATH).unwrap();
    assert_eq!(only_a_path.info().unwrap_err(), Errno::EBADF);
    let elsewhere = Fd::open("/", O_RDONLY | O_DIRECTORY).unwrap();
    assert_eq!(elsewhere.wait_for("p", LIMIT), Err(Errno::ENOTTY));
}
