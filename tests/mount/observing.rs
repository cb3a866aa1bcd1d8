//! What a mount tells of itself: counters in its state, and its log.

use libc::{ENOENT, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY, SIGALRM, SIGTERM, SIGUSR1};
use serde_json::{Value, json};

use crate::harness::actor::Step;
use crate::harness::calls::attribute;
use crate::harness::{Actor, Errno, Mount, eventually, sys};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_without_fuse};

/// What the mount says of itself.
pub(crate) fn state(mount: &Mount) -> Value {
    let text = attribute(mount.dir(), "user.pipefs.state").unwrap();
    serde_json::from_slice(&text).unwrap()
}

pub(crate) fn totals(mount: &Mount) -> Value {
    state(mount)["totals"].clone()
}

/// > The root directory's state counts what the mount was asked and what it answered.
///
/// SEMANTICS: attribute-totals
#[test]
fn what_was_asked_and_answered_is_counted() {
    skip_without_fuse!();
    let options = "wait_timeout=100ms,overflow=drop-newest,capacity=8";
    let mount = Mount::with(&["-o", options]);
    let zero = totals(&mount);
    for key in ["written_bytes", "read_bytes", "interrupted", "timed_out", "malformed"] {
        assert_eq!(zero[key], 0, "{key}");
    }
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    for word in ["hello", "world", "gone"] {
        writer.write_all(word.as_bytes()).unwrap();
    }
    assert_eq!(reader.read(99).unwrap(), b"helloworld");
    reader.set_nonblocking(true).unwrap();
    assert_eq!(reader.read(99), Err(Errno::EAGAIN));
    assert_eq!(mount.refused("missing", O_RDONLY), Errno(ENOENT));
    mount.make("empty");
    assert_eq!(mount.refused("empty", O_RDONLY), Errno::ETIMEDOUT);
    let read = [
        Step::Handle(SIGALRM, false),
        Step::Open(mount.path("duplex"), libc::O_RDWR | O_CREAT),
        Step::Alarm(50),
        Step::Read(9),
    ];
    assert_eq!(Actor::start(&read).last_outcome(SOON), Err(Errno::EINTR));
    let poll = Actor::start(&[
        Step::Open(mount.path("p"), O_WRONLY | O_NONBLOCK),
        Step::Poll(libc::POLLOUT, 0),
    ])
    .last_outcome(SOON);
    assert_eq!(poll, Ok(libc::POLLOUT.into()));

    let totals = totals(&mount);
    let expected = json!({
        "written_bytes": 14, "read_bytes": 10, "dropped_bytes": 4, "dropped_count": 1,
        "interrupted": 1, "timed_out": 1, "waited_operations": 2, "malformed": 0,
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&totals[key], value, "{key} in {totals}");
    }
    let errors = &totals["errors"];
    assert_eq!((&errors["EAGAIN"], &errors["EINTR"]), (&json!(1), &json!(1)), "{errors}");
    assert!(errors["ENOENT"].as_u64() >= Some(1), "{errors}");
    let requests = &totals["requests"];
    for (kind, count) in [("read", 3), ("write", 3), ("interrupt", 1), ("poll", 1)] {
        assert_eq!(requests[kind], count, "{kind} in {requests}");
    }
    for kind in ["lookup", "open", "create", "getxattr", "getattr"] {
        assert!(requests[kind].as_u64() >= Some(1), "{kind} in {requests}");
    }
    assert_eq!(requests["other"], Value::Null, "each kind of request has its name: {requests}");
}

/// The state in the line of the log that has it.
fn logged_state(log: &str) -> Option<Value> {
    let line = log.lines().find(|line| line.contains("state of "))?;
    assert!(line.contains("INFO"), "{line}");
    let start = line.find(": {").map(|at| at + 2)?;
    serde_json::from_str(&line[start..]).ok()
}

/// > SIGUSR1 to the driver writes the state to its log, whatever its level, and ends nothing.
///
/// SEMANTICS: mount-usr1
#[test]
fn a_signal_asks_for_the_state() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "user_memory=2M"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"hello").unwrap();
    mount.signal(SIGUSR1);
    eventually(SOON, || logged_state(&mount.log()).is_some());
    let state = logged_state(&mount.log()).unwrap();
    assert_eq!((&state["pipes"], &state["memory_used_bytes"]), (&json!(1), &json!(5)));
    assert_eq!(state["user_memory_limit_bytes"], 2 << 20);
    assert_eq!(state["totals"]["written_bytes"], 5);
    mount.signal(SIGUSR1);
    eventually(SOON, || mount.log().matches("state of ").count() == 2);
    assert!(!mount.log().contains("mounted on"), "nothing else is at this level");
    writer.write_all(b"goes on").unwrap();
    assert_eq!(mount.open("p", O_RDONLY).read(99).unwrap(), b"hellogoes on");
}

/// SEMANTICS: mount-usr1
#[test]
fn a_driver_in_the_background_writes_its_state_too() {
    skip_without_fuse!();
    let mount = MountPoint::new();
    let log = mount.path().with_file_name("log");
    assert_succeeded(&mount.mount(&["--log-file", log.to_str().unwrap()]));
    let read = || std::fs::read_to_string(&log).unwrap();
    let drivers = mount.drivers();
    assert_eq!(drivers.len(), 1, "{drivers:?}");
    sys::kill(drivers[0], SIGUSR1).unwrap();
    eventually(SOON, || logged_state(&read()).is_some());
    assert_eq!(logged_state(&read()).unwrap()["pipes"], 0);
    mount.assert_it_works();
    assert_succeeded(&mount.umount());
    mount.assert_nothing_is_left();
    std::fs::remove_file(&log).unwrap();
}

/// A person sees at each level what it is for.
#[test]
fn the_log_says_what_the_mount_was_made_with_and_what_ends_it() {
    skip_without_fuse!();
    let options = "memory=8M,user_memory=2M,max_pipes=unlimited,total_instances=7,mode=shared";
    let mut mount = Mount::with(&["-v", "-o", options]);
    eventually(SOON, || mount.log().contains("mounted on"));
    let log = mount.log();
    let line = log.lines().find(|line| line.contains("mounted on")).unwrap();
    assert!(line.contains("INFO"), "{line}");
    for part in ["memory=8388608,", "user_memory=2097152,", "max_pipes=unlimited,"] {
        assert!(line.contains(part), "{line}");
    }
    for part in ["total_instances=7,", "mode=shared,", "overflow=block"] {
        assert!(line.contains(part), "{line}");
    }
    mount.signal(SIGTERM);
    assert!(mount.wait(SOON).success());
    let log = mount.log();
    assert!(log.contains("SIGTERM: stopping") && log.contains("is gone"), "{log}");
    assert!(!log.contains("WARN") && !log.contains("ERROR") && !log.contains("DEBUG"), "{log}");
}
