//! Signals while data moves: whatever a call says was moved has been moved, once, and nothing else.

use std::path::PathBuf;
use std::time::Duration;

use libc::{O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_WRONLY, SIGALRM};
use pipefs_mount::functions::wire;

use crate::harness::actor::{Step, sequence};
use crate::harness::functions::{transact_structure, wait_structure};
use crate::harness::{Actor, Errno, Mount, sys};
use crate::{SOON, skip_without_fuse};

/// Bytes that go through a pipe while alarms come.
const TOTAL: usize = 2_000_000;

/// Time between two alarms: about as long as a request takes, so that many meet one.
const ALARM_MICROSECONDS: u64 = 150;

/// How often each call is interrupted: the moments that matter are short.
const TIMES: u32 = 10_000;

/// A process that opens the pipe and gets alarms all the time; `calm` ones get none.
fn actor(path: PathBuf, flags: i32, calm: bool, step: Step) -> Actor {
    let mut steps = vec![Step::Open(path, flags), Step::Handle(SIGALRM, false)];
    if !calm {
        steps.push(Step::AlarmEvery(ALARM_MICROSECONDS));
    }
    steps.push(step);
    Actor::start(&steps)
}

/// Sends the sequence through a pipe while either or both sides are interrupted all the time.
fn assert_nothing_is_lost_or_doubled(shared: bool, calm_writer: bool, calm_reader: bool) {
    let what = format!("shared {shared}, calm writer {calm_writer}, calm reader {calm_reader}");
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let path = mount.path("p");
    if shared {
        sys::mkfifo(&path, 0o666).unwrap();
    } else {
        mount.make("p");
    }
    // Writes below capacity, above it, of several pages, and of several requests.
    let mut interrupted = 0;
    for piece in [700, 5_000, 40_000, 1_500_000] {
        let write = Step::WriteThroughAlarms(TOTAL, piece);
        let mut writer = actor(path.clone(), O_WRONLY, calm_writer, write);
        let mut reader = actor(path.clone(), O_RDONLY, calm_reader, Step::ReadThroughAlarms);
        interrupted += writer.last_outcome(SOON * 3).unwrap();
        interrupted += reader.last_outcome(SOON * 3).unwrap();
        let data = reader.data();
        assert_eq!(data.len(), TOTAL, "{what}, pieces of {piece}");
        assert!(data == sequence(0, TOTAL), "{what}, pieces of {piece}: other bytes");
    }
    assert!(interrupted > 0, "{what}: no call was interrupted, so this has shown nothing");
}

/// SEMANTICS: wait-interrupt
#[test]
fn an_interrupted_writer_loses_and_doubles_nothing() {
    skip_without_fuse!();
    assert_nothing_is_lost_or_doubled(false, false, true);
    assert_nothing_is_lost_or_doubled(true, false, true);
}

/// SEMANTICS: wait-interrupt
#[test]
fn an_interrupted_reader_loses_and_doubles_nothing() {
    skip_without_fuse!();
    assert_nothing_is_lost_or_doubled(false, true, false);
    assert_nothing_is_lost_or_doubled(true, true, false);
}

/// SEMANTICS: wait-interrupt
#[test]
fn two_interrupted_sides_lose_and_double_nothing() {
    skip_without_fuse!();
    assert_nothing_is_lost_or_doubled(false, false, false);
    assert_nothing_is_lost_or_doubled(true, false, false);
}

/// SEMANTICS: wait-interrupt
///
/// A client whose open is interrupted has taken no instance.
#[test]
fn an_interrupted_open_takes_no_instance() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    for round in 0..100_u64 {
        let mut client = Actor::start(&[
            Step::Handle(SIGALRM, false),
            Step::Alarm(3 + round % 5),
            Step::Open(mount.path("p"), O_RDONLY),
            Step::ReadToEnd,
        ]);
        std::thread::sleep(Duration::from_micros(3_000 + 97 * round));
        let server = mount.open("p", O_WRONLY | O_CREAT);
        let written = server.write(b"once");
        drop(server);
        let opened = client.finish(SOON)[2];
        // A client that was connected took the instance along, whether or not it was interrupted
        // while it read; of one that was not there is no trace.
        if opened.is_ok() {
            assert!(written == Ok(4) || written == Err(Errno::EPIPE), "{round}: {written:?}");
            let mut next = mount.opening("p", O_RDONLY);
            assert!(!next.ends_within(Duration::from_millis(1)), "round {round}: served twice");
            mount.open("p", O_WRONLY).write_all(b"more").unwrap();
            let next = next.join(SOON).unwrap();
            assert_eq!(next.read_to_end().unwrap(), b"more", "round {round}");
        } else {
            assert_eq!((opened, written), (Err(Errno::EINTR), Ok(4)), "round {round}");
            let next = mount.open("p", O_RDONLY);
            assert_eq!(next.read_to_end().unwrap(), b"once", "round {round}");
        }
    }
}

/// Interrupts one call again and again: each time it has to end.
#[track_caller]
fn assert_always_ends(before: &[Step], call: Step) {
    let mut steps = before.to_vec();
    steps.push(Step::Handle(SIGALRM, false));
    steps.push(Step::AlarmEvery(ALARM_MICROSECONDS));
    steps.push(Step::Repeat(TIMES, Box::new(call.clone())));
    let interrupted = Actor::start(&steps).last_outcome(SOON * 3);
    assert_eq!(interrupted, Ok(TIMES.into()), "{call:?}");
}

/// SEMANTICS: wait-interrupt
///
/// A signal may come before the driver has seen the request, while it looks at it, and while it is
/// parked: each time the call ends, though nothing else ever happens to it.
#[test]
fn a_signal_ends_a_call_whenever_it_comes() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]).lasting(Duration::from_secs(120));
    let path = mount.make("open");
    let open = |name: &str, flags| Step::Open(mount.path(name), flags);
    let full = [open("write", O_WRONLY | O_CREAT), Step::Write(4096, b'x')];
    let unread = [open("fsync", O_WRONLY | O_CREAT), Step::Write(1, b'x')];
    assert_always_ends(&[], Step::Open(path, O_RDONLY));
    assert_always_ends(&[open("read", O_RDWR | O_CREAT)], Step::Read(9));
    assert_always_ends(&[open("client", O_RDONLY | O_CREAT)], Step::Read(9));
    assert_always_ends(&full, Step::Write(9, b'y'));
    assert_always_ends(&unread, Step::Fsync);
}

/// SEMANTICS: ioctl-waits
#[test]
fn a_signal_ends_a_pipe_function_whenever_it_comes() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]).lasting(Duration::from_secs(120));
    let open = |name: &str, flags| Step::Open(mount.path(name), flags);
    let server = [open("connect", O_RDWR | O_CREAT)];
    assert_always_ends(&server, Step::Ioctl(wire::CONNECT, vec![0xFF; 4]));
    mount.make("p");
    let directory = [Step::Open(mount.dir().into(), O_RDONLY | O_DIRECTORY)];
    assert_always_ends(&directory, Step::Ioctl(wire::WAIT, wait_structure("p", None)));
    let both = [open("transact", O_RDWR | O_CREAT), open("transact", O_RDWR)];
    let transaction = transact_structure(b"request", 9, None);
    let transact = wire::transact(transaction.len());
    assert_always_ends(&both, Step::Ioctl(transact, transaction));
}
