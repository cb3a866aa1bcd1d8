//! Hundreds who wait at once: for each other, and for being killed.

use std::time::{Duration, Instant};

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SIGKILL, SIGTERM};

use crate::harness::actor::{Step, killed_by};
use crate::harness::process::tasks;
use crate::harness::{Actor, Mount, Task, sys};
use crate::{SOON, skip_without_fuse};

const CROWD: usize = 300;

/// What the driver may have of threads, however many wait: some for each CPU and a few more.
fn most_threads() -> usize {
    4 * std::thread::available_parallelism().map_or(4, usize::from) + 8
}

/// SEMANTICS: wait-order
///
/// Those who wait cost the driver no threads, and each is served when its turn comes.
#[test]
fn hundreds_of_reads_and_opens_wait_without_threads() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("opens");
    let opens: Vec<_> = (0..CROWD).map(|_| mount.opening("opens", O_RDONLY)).collect();
    let servers: Vec<_> =
        (0..CROWD).map(|_| mount.open("reads", O_RDWR | O_CREAT | O_TRUNC)).collect();
    let clients: Vec<_> = (0..CROWD).map(|_| mount.open("reads", O_RDWR)).collect();
    let reads: Vec<_> =
        clients.into_iter().map(|client| Task::spawn(move || client.read(99))).collect();
    std::thread::sleep(Duration::from_millis(300));
    let threads = tasks(mount.pid()).len();
    assert!(threads <= most_threads(), "{threads} threads for {} who wait", 2 * CROWD);
    for (number, server) in servers.iter().enumerate() {
        server.write_all(number.to_string().as_bytes()).unwrap();
    }
    for (number, read) in reads.into_iter().enumerate() {
        assert_eq!(read.join(SOON).unwrap(), number.to_string().into_bytes());
    }
    for number in 0..CROWD {
        let server = mount.open("opens", O_WRONLY);
        server.write_all(number.to_string().as_bytes()).unwrap();
    }
    let clients = opens.into_iter().map(|open| open.join(SOON).unwrap());
    let mut got: Vec<usize> = clients
        .map(|client| String::from_utf8(client.read_to_end().unwrap()).unwrap().parse().unwrap())
        .collect();
    got.sort_unstable();
    assert!(got.into_iter().eq(0..CROWD));
}

/// SEMANTICS: wait-kill
///
/// All at once, as when a service is stopped.
#[test]
fn a_crowd_that_is_killed_at_once_is_gone_at_once() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    mount.make("open");
    sys::mkfifo(mount.path("shared"), 0o666).unwrap();
    let holder = mount.open("shared", O_RDWR);
    for signal in [SIGTERM, SIGKILL] {
        let mut crowd = Vec::new();
        for _ in 0..20 {
            let path = |name: &str| mount.path(name);
            crowd.extend([
                Actor::start(&[Step::Open(path("open"), O_RDONLY)]),
                Actor::start(&[Step::Open(path("shared"), O_RDONLY), Step::Read(9)]),
                Actor::start(&[Step::Open(path("new"), O_RDWR | O_CREAT | O_TRUNC), Step::Read(9)]),
                Actor::start(&[
                    Step::Open(path("full"), O_WRONLY | O_CREAT),
                    Step::Write(4096, b'x'),
                    Step::Write(1, b'x'),
                ]),
            ]);
        }
        crowd.iter_mut().for_each(Actor::until_waiting);
        let start = Instant::now();
        crowd.iter().for_each(|actor| actor.child.signal(signal));
        for actor in &mut crowd {
            let status = actor.child.wait(SOON);
            assert!(killed_by(status, signal), "{status}: {actor:?}");
        }
        let time = start.elapsed();
        assert!(time < Duration::from_secs(3), "{} processes took {time:?}", crowd.len());
        holder.write_all(b"x").unwrap();
        assert_eq!(holder.read(9).unwrap(), b"x", "nobody is left who reads");
        for _ in 0..20 {
            assert_eq!(mount.open("full", O_RDONLY).read_to_end().unwrap().len(), 4096);
        }
    }
}

/// SEMANTICS: close-driver-stops
///
/// However many there are.
#[test]
fn a_crowd_is_woken_when_the_driver_stops() {
    skip_without_fuse!();
    let mut mount = Mount::new();
    mount.make("p");
    let opens: Vec<_> = (0..CROWD).map(|_| mount.opening("p", O_RDONLY)).collect();
    std::thread::sleep(Duration::from_millis(200));
    let start = Instant::now();
    mount.signal(SIGTERM);
    assert!(mount.wait(SOON).success());
    for open in opens {
        assert!(open.join(SOON).is_err());
    }
    let time = start.elapsed();
    assert!(time < Duration::from_secs(3), "{time:?}");
}
