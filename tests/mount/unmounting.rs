//! Taking a mount down while it is in use: refused, or everybody who waits is woken.

use std::time::{Duration, Instant};

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, POLLIN};
use pipefs_mount::functions::wire;

use crate::harness::actor::Step;
use crate::harness::calls::set_attribute;
use crate::harness::functions::wait_structure;
use crate::harness::mount::is_mounted;
use crate::harness::{Actor, Fd, Mount, pipefs, run};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_without_fuse};

/// SEMANTICS: close-umount
#[test]
fn umount_is_refused_while_an_end_is_open() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let path = place.path().join("p");
    let end = Fd::open(&path, O_WRONLY | O_CREAT).unwrap();
    let refused = place.umount();
    assert!(!refused.status.success(), "{refused:?}");
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("busy") && said.contains(place.path().to_str().unwrap()), "{said}");
    // The refusal has harmed nothing.
    end.write_all(b"still here").unwrap();
    drop(end);
    let client = Fd::open(&path, O_RDONLY).unwrap();
    assert_eq!(client.read(99).unwrap(), b"still here");
    drop(client);
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// SEMANTICS: close-umount
///
/// Data that nobody reads does not keep a mount.
#[test]
fn umount_is_not_refused_because_of_data() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let end = Fd::open(place.path().join("p"), O_WRONLY | O_CREAT).unwrap();
    end.write_all(b"nobody reads this").unwrap();
    drop(end);
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// SEMANTICS: close-umount
///
/// Unless it is done lazily: the open ends go on, and the driver ends with the last of them.
#[test]
fn a_lazy_umount_lets_open_ends_go_on() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let path = place.path().join("p");
    let server = Fd::open(&path, O_WRONLY | O_CREAT).unwrap();
    let client = Fd::open(&path, O_RDONLY).unwrap();
    let lazy = run(pipefs().args(["umount", "--lazy"]).arg(place.path()), SOON);
    assert_succeeded(&lazy);
    assert!(!is_mounted(place.path()));
    server.write_all(b"goes on").unwrap();
    assert_eq!(client.read(99).unwrap(), b"goes on");
    assert_eq!(place.drivers().len(), 1);
    drop(server);
    assert_eq!(client.read(99).unwrap(), b"");
    drop(client);
    place.assert_nothing_is_left();
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
    set_attribute(mount.make("close"), "user.pipefs.linger", b"flush").unwrap();
    let mut waiters = vec![
        call("open", O_RDONLY, vec![]),
        call("read", O_RDWR | O_CREAT, vec![Step::Read(1)]),
        call("first-read", O_RDONLY | O_CREAT, vec![Step::Read(1)]),
        call("write", O_WRONLY | O_CREAT, full),
        call("fsync", O_WRONLY | O_CREAT, vec![Step::Write(9, b'x'), Step::Fsync]),
        call("close", O_WRONLY, vec![Step::Write(9, b'x'), Step::Close]),
        call("poll", O_RDWR | O_CREAT, vec![Step::Poll(POLLIN, -1)]),
        call("connect", O_RDWR | O_CREAT, vec![Step::Ioctl(wire::CONNECT, vec![0xFF; 4])]),
        call(".", O_RDONLY, vec![Step::Ioctl(wire::WAIT, wait_structure("open", None))]),
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
