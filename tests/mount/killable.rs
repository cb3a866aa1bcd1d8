//! Whoever waits can be interrupted and killed, at once, and the pipe goes on working.

use std::time::Duration;

use libc::{O_CREAT, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY};
use libc::{SIGALRM, SIGINT, SIGKILL, SIGTERM};
use pipefs_mount::functions::wire;

use crate::harness::actor::{Step, killed_by};
use crate::harness::calls::{attribute, set_attribute};
use crate::harness::functions::{transact_structure, wait_structure};
use crate::harness::process::timed;
use crate::harness::{Actor, Errno, Mount, StateWatch, eventually, run, sh};
use crate::{SOON, skip_without_fuse};

/// How long a process may live after its signal.
const PROMPT: Duration = Duration::from_millis(100);

/// How often a time is measured before it counts as too long: on a machine that is busy with
/// other things a process that was killed may wait for its turn.
const TRIES: u32 = 3;

/// The calls that can wait. Each is brought about on a pipe of its own that holds 4 KiB.
const CALLS: [&str; 12] = [
    "open",
    "read",
    "first-read",
    "client-read",
    "write",
    "fsync",
    "close",
    "poll",
    "connect",
    "transact",
    "send-empty",
    "listening",
];

/// The steps that wait in this call; the last of them does.
fn steps(mount: &Mount, call: &str, name: &str) -> Vec<Step> {
    let path = mount.path(name);
    let open = |flags| Step::Open(path.clone(), flags);
    match call {
        "open" => {
            mount.make(name);
            vec![open(O_RDONLY)]
        }
        "read" => vec![open(O_RDWR | O_CREAT), Step::Read(9)],
        "first-read" => vec![open(O_RDONLY | O_CREAT), Step::Read(9)],
        "client-read" => vec![open(O_RDONLY), Step::Read(9)],
        "write" => {
            vec![open(O_WRONLY | O_CREAT), Step::Write(4096, b'a'), Step::Write(5000, b'b')]
        }
        "fsync" => vec![open(O_WRONLY | O_CREAT), Step::Write(5, b'a'), Step::Fsync],
        "close" => {
            set_attribute(mount.make(name), "user.pipefs.linger", b"flush").unwrap();
            vec![open(O_WRONLY), Step::Write(5, b'a'), Step::Close]
        }
        "poll" => vec![open(O_RDWR | O_CREAT), Step::Poll(libc::POLLIN, -1)],
        "connect" => {
            let forever = wire::FOREVER.to_ne_bytes().to_vec();
            vec![open(O_RDWR | O_CREAT), Step::Ioctl(wire::CONNECT, forever)]
        }
        "transact" => {
            let transaction = transact_structure(b"request", 9, None);
            let transact = Step::Ioctl(wire::transact(transaction.len()), transaction);
            make_message_pipe(mount, name);
            vec![open(O_RDWR), open(O_RDWR), transact]
        }
        "send-empty" => {
            let send = Step::Ioctl(wire::SEND_EMPTY, Vec::new());
            make_message_pipe(mount, name);
            vec![open(O_WRONLY), Step::Write(4096, b'a'), send]
        }
        "listening" => {
            mount.make(name);
            let directory = Step::Open(mount.dir().into(), O_RDONLY | O_DIRECTORY);
            vec![directory, Step::Ioctl(wire::WAIT, wait_structure(name, None))]
        }
        other => panic!("no steps for {other}"),
    }
}

fn make_message_pipe(mount: &Mount, name: &str) {
    let path = mount.make(name);
    set_attribute(path, "user.pipefs.type", b"message").expect("it has no instance yet");
}

/// What the ended process had written, and nothing else, is there; then the pipe is used anew.
fn assert_goes_on_working(mount: &Mount, call: &str, name: &str) {
    let accepted: Vec<u8> = match call {
        "write" | "send-empty" => vec![b'a'; 4096],
        "fsync" | "close" => vec![b'a'; 5],
        _ => Vec::new(),
    };
    if !accepted.is_empty() {
        let reader = mount.open(name, O_RDONLY);
        let data = reader.read_to_end().unwrap();
        assert!(data == accepted, "{call}: {} bytes instead of {}", data.len(), accepted.len());
    }
    if call == "close" {
        set_attribute(mount.path(name), "user.pipefs.linger", b"keep").unwrap();
    }
    let script = r#"echo "it works" > "$1" && cat "$1""#;
    let output = run(&mut sh(script, &[mount.path(name)]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "it works\n", "{call}: {output:?}");
}

/// One process waits in `call`, with `before` done first, and is ended by `end`; the time of that,
/// or of its longest uninterruptible sleep if that is more.
fn wait_and_end(
    mount: &Mount,
    call: &str,
    name: &str,
    before: &[Step],
    end: impl Fn(&mut Actor) -> Duration,
) -> Duration {
    // A client needs a server that writes nothing; it leaves when the client has gone.
    let server = (call == "client-read").then(|| mount.open(name, O_WRONLY | O_CREAT));
    let mut all = before.to_vec();
    all.extend(steps(mount, call, name));
    let mut actor = Actor::start(&all);
    actor.until_waiting();
    let watch = StateWatch::start();
    watch.add(actor.child.pid());
    let time = end(&mut actor).max(watch.finish());
    drop(server);
    assert_goes_on_working(mount, call, name);
    time
}

/// Ends processes in every call, and wants each to be prompt in one of a few tries.
pub(crate) fn assert_prompt(calls: &[&str], time_of: impl Fn(&str, &str) -> Duration) {
    for call in calls {
        let mut times = Vec::new();
        while times.len() < TRIES as usize && times.iter().all(|time| *time > PROMPT) {
            times.push(time_of(call, &format!("{call}-{}", times.len())));
        }
        assert!(times.iter().any(|time| *time <= PROMPT), "{call} ended after {times:?}");
    }
}

fn assert_prompt_in_every_call(before: &[Step], end: impl Fn(&mut Actor) -> Duration) {
    let mount = Mount::with(&["-o", "capacity=4K"]);
    assert_prompt(&CALLS, |call, name| wait_and_end(&mount, call, name, before, &end));
}

fn assert_ended_by(signal: i32) {
    assert_prompt_in_every_call(&[], |actor| {
        let (status, time) = actor.end_by(signal);
        assert!(killed_by(status, signal), "{status}");
        time
    });
}

/// SEMANTICS: wait-interrupt, ioctl-waits
#[test]
fn sigint_ends_whoever_waits() {
    skip_without_fuse!();
    assert_ended_by(SIGINT);
}

/// SEMANTICS: wait-interrupt, ioctl-waits
#[test]
fn sigterm_ends_whoever_waits() {
    skip_without_fuse!();
    assert_ended_by(SIGTERM);
}

/// SEMANTICS: wait-kill, ioctl-waits
#[test]
fn sigkill_ends_whoever_waits() {
    skip_without_fuse!();
    assert_ended_by(SIGKILL);
}

/// SEMANTICS: wait-interrupt, ioctl-waits
#[test]
fn sigalrm_ends_whoever_waits() {
    skip_without_fuse!();
    assert_ended_by(SIGALRM);
}

/// SEMANTICS: wait-interrupt, ioctl-waits
#[test]
fn a_signal_that_is_handled_gives_eintr() {
    skip_without_fuse!();
    assert_prompt_in_every_call(&[Step::Handle(SIGALRM, false)], |actor| {
        let (outcome, time) = timed(|| {
            actor.child.signal(SIGALRM);
            actor.last_outcome(SOON)
        });
        assert_eq!(outcome, Err(Errno::EINTR));
        time
    });
}

/// SEMANTICS: wait-interrupt, ioctl-waits
#[test]
fn an_alarm_of_its_own_gives_eintr() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    for call in CALLS.into_iter().filter(|call| *call != "client-read") {
        let mut all = steps(&mount, call, call);
        // As late as can be: an alarm that comes before the call that waits ends nothing.
        let last = all.len() - 1;
        all.splice(last..last, [Step::Handle(SIGALRM, false), Step::Alarm(150)]);
        let mut actor = Actor::start(&all);
        assert_eq!(actor.last_outcome(SOON), Err(Errno::EINTR), "{call}");
        assert_goes_on_working(&mount, call, call);
    }
}

/// SEMANTICS: wait-interrupt
///
/// A write of several requests that is interrupted in the middle says how much was accepted.
#[test]
fn an_interrupted_write_says_what_was_accepted() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let mut actor = Actor::start(&[
        Step::Handle(SIGALRM, false),
        Step::Open(mount.path("p"), O_WRONLY | O_CREAT),
        Step::Write(5 << 20, b'a'),
    ]);
    actor.until_waiting();
    actor.child.signal(SIGALRM);
    let count = actor.last_outcome(SOON).expect("the first request was accepted");
    let reader = mount.open("p", O_RDONLY | O_NONBLOCK);
    let data = reader.read_to_end().unwrap();
    assert_eq!(data.len(), usize::try_from(count).unwrap());
    assert!((4096..=1 << 20).contains(&count), "{count}");
}

/// SEMANTICS: wait-interrupt, wait-kill
#[test]
fn timeout_ends_whoever_waits() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    mount.make("p");
    let calls = [
        r#"cat "$1""#,
        r#"sh -c 'exec cat <> "$0"' "$1""#,
        r#"dd if=/dev/zero of="$1" bs=4096 count=9 status=none conv=notrunc"#,
        r#"dd if=/dev/zero of="$1" bs=9 count=1 status=none conv=fsync"#,
    ];
    for (signal, code) in [("INT", 124), ("TERM", 124), ("ALRM", 124), ("KILL", 137)] {
        let time_of = |call: &str| {
            let script = format!(r#"timeout -s {signal} 0.2 {call}"#);
            let (output, time) = timed(|| run(&mut sh(&script, &[mount.path("p")]), SOON));
            assert_eq!(output.status.code(), Some(code), "{script}: {output:?}");
            drain(&mount, "p");
            time
        };
        for call in calls {
            // Beside one that waits for nothing of ours, for the time that shells need to start.
            let late = |_| time_of(call).saturating_sub(time_of("sleep 100"));
            let times: Vec<_> = (0..TRIES).map(late).scan(false, stop_when_prompt).collect();
            assert!(
                times.iter().any(|time| *time <= PROMPT),
                "{signal}: {call}: late by {times:?}"
            );
        }
    }
    assert_goes_on_working(&mount, "open", "p");
}

/// What was accepted stays; it is not for the next call. A process that was killed a moment ago may
/// still hold its end.
fn drain(mount: &Mount, name: &str) {
    eventually(SOON, || {
        let reader = mount.open(name, O_RDONLY | O_NONBLOCK);
        while reader.read(1 << 16).is_ok_and(|data| !data.is_empty()) {}
        drop(reader);
        let state = attribute(mount.path(name), "user.pipefs.state").unwrap();
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        state["instances"] == serde_json::json!([])
    });
}

/// Passes times on up to the first that is short enough.
fn stop_when_prompt(done: &mut bool, time: Duration) -> Option<Duration> {
    let go_on = !*done;
    *done |= time <= PROMPT;
    go_on.then_some(time)
}
