//! The driver is killed or stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libc::{O_CREAT, O_RDONLY, O_WRONLY, SIGCONT, SIGKILL, SIGSTOP};

use crate::harness::actor::sequence;
use crate::harness::deadline::A_WHILE;
use crate::harness::mount::is_mounted;
use crate::harness::process::{Stat, tasks};
use crate::harness::{Child, Errno, Fd, Task, eventually, pipefs, run, sys, uring};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_without_fuse};

const STREAMS: usize = 50;

/// A stream that never ends: both sides go on until there is an error.
struct Stream {
    writer: Task<Errno>,
    reader: Task<Errno>,
}

/// Its writer is a server, and there before the reader.
fn endless(path: PathBuf) -> Stream {
    let server = Fd::open(&path, O_WRONLY | O_CREAT).unwrap();
    let client = Fd::open(&path, O_RDONLY).unwrap();
    let piece = vec![7; 4096];
    let writer = Task::spawn(move || {
        loop {
            if let Err(error) = server.write(&piece) {
                return error;
            }
        }
    });
    let reader = Task::spawn(move || {
        loop {
            match client.read(1 << 16) {
                Ok(data) => assert!(!data.is_empty(), "no end of file without a close"),
                Err(error) => return error,
            }
        }
    });
    Stream { writer, reader }
}

/// SEMANTICS: limit-driver-gone, mount-stale
#[test]
fn a_driver_that_is_killed_gives_each_of_its_streams_an_error() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let streams: Vec<_> =
        (0..STREAMS).map(|number| endless(place.path().join(number.to_string()))).collect();
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    let start = Instant::now();
    sys::kill(driver, SIGKILL).unwrap();
    for Stream { writer, reader } in streams {
        for side in [writer, reader] {
            let error = side.join(SOON);
            let gone = [Errno::ECONNABORTED, Errno::ENOTCONN, Errno::EIO, Errno::ENODEV];
            // What was on its way to a ring.
            let cancelled = uring::is_wanted() && error == Errno(libc::ECANCELED);
            assert!(gone.contains(&error) || cancelled, "{error:?}");
        }
    }
    let time = start.elapsed();
    assert!(time < Duration::from_secs(1), "the last of them got its error after {time:?}");
    assert_succeeded(&place.mount(&[]));
    place.assert_it_works();
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// SEMANTICS: write-whole
///
/// As when the machine sleeps: streams go on where they were, and nothing is lost.
#[test]
fn a_driver_that_is_stopped_goes_on_where_it_was() {
    skip_without_fuse!();
    const PIECE: usize = 50_000;
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&["-o", "wait_timeout=2s"]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    let path = place.path().join("p");
    let server = Fd::open(&path, O_WRONLY | O_CREAT).unwrap();
    let client = Fd::open(&path, O_RDONLY).unwrap();
    let is_enough = Arc::new(AtomicBool::new(false));
    let theirs = Arc::clone(&is_enough);
    let writer = Task::spawn(move || {
        let mut total = 0;
        while !theirs.load(Ordering::SeqCst) {
            server.write_all(&sequence(total, PIECE)).unwrap();
            total += PIECE;
        }
        total
    });
    let mut reader = Task::spawn(move || {
        let mut total = 0;
        loop {
            let data = client.read(1 << 20).unwrap();
            if data.is_empty() {
                return total;
            }
            assert!(data == sequence(total, data.len()), "{} bytes at {total}", data.len());
            total += data.len();
        }
    });
    Fd::open(place.path().join("empty"), O_WRONLY | O_CREAT).unwrap().close().unwrap();
    let expiring = place.path().join("empty");
    let mut expiring = Task::spawn(move || Fd::open(expiring, O_RDONLY).map(drop));
    expiring.assert_waits();
    sys::kill(driver, SIGSTOP).unwrap();
    // Not what a test may do otherwise: the passing of this time is what is tested.
    thread::sleep(Duration::from_secs(10));
    assert!(!reader.ends_within(Duration::ZERO), "the writer has not ended");
    sys::kill(driver, SIGCONT).unwrap();
    assert_eq!(expiring.join(SOON), Err(Errno::ETIMEDOUT), "that time counts");
    is_enough.store(true, Ordering::SeqCst);
    let written = writer.join(SOON);
    assert_eq!(reader.join(SOON), written);
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// Stops a process, and waits until all its threads have stopped: one that has not can still take
/// a request, which then nobody answers, and whoever sent it cannot even be killed.
fn stop(driver: i32) {
    sys::kill(driver, SIGSTOP).unwrap();
    eventually(SOON, || {
        let stats = tasks(driver).into_iter().map(|task| Stat::read(driver, task));
        stats.flatten().all(|stat| stat.state == 'T')
    });
}

/// SEMANTICS: close-umount, umount-ends
///
/// A driver that does not answer does not hold up those who want to be rid of it.
#[test]
fn a_mount_whose_driver_is_stopped_can_be_taken_down() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    if uring::is_wanted() {
        return assert_is_taken_down_when_it_goes_on(&place, driver);
    }
    let end = Fd::open(place.path().join("p"), O_WRONLY | O_CREAT).unwrap();
    stop(driver);
    let refused = place.umount();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("busy"), "{refused:?}");
    let again = place.mount(&[]);
    let said = String::from_utf8_lossy(&again.stderr);
    assert!(!again.status.success() && said.contains("already"), "{again:?}");
    assert_succeeded(&run(pipefs().args(["umount", "--lazy"]).arg(place.path()), SOON));
    assert!(!is_mounted(place.path()));
    drop(end);
    sys::kill(driver, SIGCONT).unwrap();
    eventually(SOON, || place.drivers().is_empty());

    // With nothing open an ordinary unmount does.
    assert_succeeded(&place.mount(&[]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    stop(driver);
    assert_succeeded(&place.umount());
    sys::kill(driver, SIGCONT).unwrap();
    place.assert_nothing_is_left();
}

/// The kernel does not take back what is on its way to a ring.
fn assert_is_taken_down_when_it_goes_on(place: &MountPoint, driver: i32) {
    stop(driver);
    let mut umount = Child::spawn(pipefs().arg("umount").arg(place.path()));
    std::thread::sleep(A_WHILE);
    sys::kill(driver, SIGCONT).unwrap();
    assert!(umount.wait(SOON).success(), "{umount:?}");
    place.assert_nothing_is_left();
}
