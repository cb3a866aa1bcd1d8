//! Taking a mount down while it is in use: refused, or everybody who waits is woken.

use std::time::{Duration, Instant};

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, POLLIN};

use crate::harness::actor::Step;
use crate::harness::mount::is_mounted;
use crate::harness::{Actor, Mount, pipefs, run};
use crate::{SOON, skip_without_fuse};

/// SEMANTICS: close-umount
#[test]
fn umount_is_refused_while_an_end_is_open() {
    skip_without_fuse!();
    let mut mount = Mount::new();
    let end = mount.open("p", O_WRONLY | O_CREAT);
    let refused = run(pipefs().arg("umount").arg(mount.dir()), SOON);
    assert!(!refused.status.success(), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr).to_lowercase();
    assert!(said.contains("busy") || said.contains("in use") || said.contains("open"), "{said}");
    // The refusal has harmed nothing.
    end.write_all(b"still here").unwrap();
    drop(end);
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read(99).unwrap(), b"still here");
    drop(client);
    let done = run(pipefs().arg("umount").arg(mount.dir()), SOON);
    assert!(done.status.success(), "{done:?}");
    let status = mount.wait(SOON);
    assert!(status.success(), "the driver of an unmounted directory ended with {status}");
    assert!(!is_mounted(mount.dir()));
}

/// SEMANTICS: close-umount
///
/// Data that nobody reads does not keep a mount.
#[test]
fn umount_is_not_refused_because_of_data() {
    skip_without_fuse!();
    let mut mount = Mount::new();
    mount.open("p", O_WRONLY | O_CREAT).write_all(b"nobody reads this").unwrap();
    let done = run(pipefs().arg("umount").arg(mount.dir()), SOON);
    assert!(done.status.success(), "{done:?}");
    assert!(mount.wait(SOON).success());
}

/// A process that waits in each of the calls that can wait; each is its last step.
fn waiters(mount: &Mount) -> Vec<(&'static str, Actor)> {
    let full = vec![Step::Write(4096, b'x'), Step::Write(1, b'y')];
    let call = |name: &'static str, flags: i32, steps: Vec<Step>| {
        let mut all = vec![Step::Open(mount.path(name), flags)];
        all.extend(steps);
        (name, Actor::start(&all))
    };
    mount.make("open");
    let mut waiters = vec![
        call("open", O_RDONLY, vec![]),
        call("read", O_RDWR | O_CREAT, vec![Step::Read(1)]),
        call("first-read", O_RDONLY | O_CREAT, vec![Step::Read(1)]),
        call("write", O_WRONLY | O_CREAT, full),
        call("fsync", O_WRONLY | O_CREAT, vec![Step::Write(9, b'x'), Step::Fsync]),
        call("poll", O_RDWR | O_CREAT, vec![Step::Poll(POLLIN, -1)]),
    ];
    for (_, waiter) in &mut waiters {
        waiter.until_waiting();
    }
    waiters
}

fn everybody_is_woken_by(signal: i32) {
    let mut mount = Mount::with(&["-o", "capacity=4K"]);
    let mut waiters = waiters(&mount);
    let start = Instant::now();
    mount.signal(signal);
    let status = mount.wait(SOON);
    let time = start.elapsed();
    assert!(status.success(), "{status}: {}", mount.log());
    assert!(time < Duration::from_secs(1), "the driver took {time:?} to end");
    assert!(!is_mounted(mount.dir()), "the driver has ended, but the mount is there");
    for (name, waiter) in &mut waiters {
        let outcome = waiter.last_outcome(SOON);
        if *name == "poll" {
            let woken = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL | POLLIN;
            let events = outcome.expect("poll itself does not fail");
            assert_ne!(events & i64::from(woken), 0, "poll: {events:#x}");
        } else {
            assert!(outcome.is_err(), "{name} was expected to fail, got {outcome:?}");
        }
    }
    let time = start.elapsed();
    assert!(time < Duration::from_secs(2), "the last waiter was woken after {time:?}");
}

/// SEMANTICS: close-driver-stops
#[test]
fn sigterm_of_the_driver_wakes_everybody_and_unmounts() {
    skip_without_fuse!();
    everybody_is_woken_by(libc::SIGTERM);
}

/// SEMANTICS: close-driver-stops
#[test]
fn sigint_of_the_driver_wakes_everybody_and_unmounts() {
    skip_without_fuse!();
    everybody_is_woken_by(libc::SIGINT);
}

/// SEMANTICS: limit-driver-gone
///
/// A driver that dies without a word wakes them, too: then it is the kernel that does.
#[test]
fn the_kernel_wakes_everybody_when_the_driver_is_killed() {
    skip_without_fuse!();
    let mut mount = Mount::with(&["-o", "capacity=4K"]);
    let mut waiters = waiters(&mount);
    mount.signal(libc::SIGKILL);
    mount.wait(SOON);
    for (name, waiter) in &mut waiters {
        let outcome = waiter.last_outcome(SOON);
        assert!(outcome.is_err() || *name == "poll", "{name} got {outcome:?}");
    }
}
