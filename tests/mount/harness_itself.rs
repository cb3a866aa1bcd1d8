//! The harness proves its own words, without a mount: on a FIFO of the kernel.

use std::time::Duration;

use crate::harness::actor::{Actor, Step, killed_by};
use crate::harness::process::timed;
use crate::harness::{Child, Errno, Fd, StateWatch, Task, run, sh, sys, watchdog, within};

fn fifo() -> std::path::PathBuf {
    let path = watchdog::new_directory().join("fifo");
    sys::mkfifo(&path, 0o600).unwrap();
    path
}

#[test]
fn an_actor_reports_what_came_of_each_step() {
    let fifo = fifo();
    let end = Fd::open(&fifo, libc::O_RDWR).unwrap();
    end.write_all(b"hello").unwrap();
    let mut actor = Actor::start(&[
        Step::Open(fifo, libc::O_RDONLY),
        Step::Read(100),
        Step::Open("/nonexistent".into(), libc::O_RDONLY),
        Step::Nonblocking(true),
        Step::Read(1),
    ]);
    let outcomes = actor.finish(Duration::from_secs(5));
    assert_eq!(
        outcomes,
        [Ok(0), Ok(5), Err(Errno::ENOENT), Ok(0), Err(Errno::EAGAIN)],
        "{actor:?}"
    );
    assert_eq!(actor.data(), b"hello");
}

#[test]
fn a_waiting_actor_is_seen_to_wait_and_can_be_ended() {
    let fifo = fifo();
    let mut actor = Actor::start(&[Step::Open(fifo, libc::O_RDWR), Step::Read(1)]);
    actor.until_waiting();
    assert_eq!(actor.child.state(), 'S');
    let (status, time) = actor.end_by(libc::SIGTERM);
    assert!(killed_by(status, libc::SIGTERM), "{status}");
    assert!(time < Duration::from_secs(1), "{time:?}");
}

#[test]
fn an_actor_that_handles_a_signal_gets_eintr() {
    let fifo = fifo();
    let mut actor = Actor::start(&[
        Step::Open(fifo, libc::O_RDWR),
        Step::Handle(libc::SIGALRM, false),
        Step::Alarm(30),
        Step::Read(1),
    ]);
    assert_eq!(actor.last_outcome(Duration::from_secs(5)), Err(Errno::EINTR));
}

#[test]
fn a_program_that_hangs_is_a_failure_and_is_killed() {
    let hung = std::panic::catch_unwind(|| {
        let mut child = Child::spawn(&mut sh::<&str>("echo before; sleep 1000 & sleep 1000", &[]));
        child.wait(Duration::from_millis(300));
    });
    let message = *hung.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("hung") && message.contains("before"), "{message}");
    let left = || watchdog::processes_mentioning("sleep\u{0}1000");
    crate::harness::eventually(Duration::from_secs(5), || left().is_empty());
}

#[test]
fn a_program_has_its_status_and_its_output() {
    let output = run(&mut sh("echo \"$1\"; echo no >&2; exit 3", &["yes"]), Duration::from_secs(5));
    assert_eq!(output.status.code(), Some(3));
    assert_eq!((&*output.stdout, &*output.stderr), (&b"yes\n"[..], &b"no\n"[..]));
}

#[test]
fn what_several_processes_print_at_once_is_whole() {
    let script = r#"for i in 1 2 3 4; do (for j in 1 2 3 4 5; do sh -c 'echo line'; done) & done
        wait"#;
    let output = run(&mut sh::<&str>(script, &[]), Duration::from_secs(20));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "line\n".repeat(20));
}

#[test]
fn a_closure_that_hangs_is_a_failure() {
    let ((), time) = timed(|| {
        let hung = std::panic::catch_unwind(|| {
            within(Duration::from_millis(50), || std::thread::sleep(Duration::from_secs(3)));
        });
        assert!(hung.is_err());
    });
    assert!(time < Duration::from_secs(2), "{time:?}");
    let mut task = Task::spawn(|| 5);
    assert!(task.ends_within(Duration::from_secs(5)));
    assert_eq!(task.join(Duration::ZERO), 5);
}

#[test]
fn the_state_watch_sees_uninterruptible_sleep() {
    // The parent of a vfork is in D until its child execs or ends.
    let script = "import ctypes,time\nif ctypes.CDLL(None).vfork()==0: time.sleep(5)";
    let mut python = crate::harness::command("python3");
    let child = Child::spawn(python.args(["-c", script]));
    let watch = StateWatch::start();
    watch.add(child.pid());
    std::thread::sleep(Duration::from_millis(4500));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| watch.finish())).is_err());
    let idle = Child::spawn(&mut sh::<&str>("sleep 100", &[]));
    crate::harness::assert_never_in_d_state(idle.pid(), Duration::from_millis(200));
}

#[test]
fn a_test_binary_that_is_killed_leaves_nothing_behind() {
    // This test binary again, with one test that starts a child and waits; it is killed there.
    let mut other = crate::harness::command("/proc/self/exe");
    other.args([
        "--exact",
        "--ignored",
        "--nocapture",
        "harness_itself::started_only_to_be_killed",
    ]);
    let mut other = Child::spawn(&mut other);
    crate::harness::eventually(Duration::from_secs(10), || other.stdout().contains("base "));
    let printed = other.stdout();
    let base = printed.lines().find_map(|line| line.split("base ").nth(1)).unwrap().to_owned();
    assert!(std::path::Path::new(&base).exists());
    other.signal(libc::SIGKILL);
    other.wait(Duration::from_secs(5));
    let sleepers = || run(&mut sh("grep -lsF \"$1\" /proc/[0-9]*/environ", &[&base]), DEADLINE);
    crate::harness::eventually(Duration::from_secs(10), || {
        !std::path::Path::new(&base).exists() && sleepers().stdout.is_empty()
    });
}

const DEADLINE: Duration = Duration::from_secs(10);

#[test]
#[ignore = "a_test_binary_that_is_killed_leaves_nothing_behind starts it"]
fn started_only_to_be_killed() {
    let _child = Child::spawn(&mut sh::<&str>("trap '' TERM; sleep 1001 & wait; sleep 1001", &[]));
    println!("base {}", watchdog::base().display());
    std::thread::sleep(Duration::from_secs(60));
}
