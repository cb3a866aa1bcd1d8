//! Hundreds who wait at once: for each other, and for being killed.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SIGINT, SIGKILL, SIGTERM};

use crate::harness::actor::{Step, killed_by};
use crate::harness::process::tasks;
use crate::harness::{Actor, Mount, Task, eventually, sys, uring};
use crate::observing::state;
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

/// How many descriptors of /dev/fuse the driver has.
fn devices(mount: &Mount) -> usize {
    let all = fs::read_dir(format!("/proc/{}/fd", mount.pid())).unwrap();
    let links = all.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
    links.filter(|link| link == Path::new("/dev/fuse")).count()
}

/// The kernel looks for a request among those that came by the same descriptor. So a crowd is
/// spread over several, and whoever is in it is answered and can be killed as ever.
#[test]
fn a_crowd_is_spread_over_descriptors() {
    const READS: usize = 1500;
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=shared"]);
    let server = mount.open("p", O_RDWR | O_CREAT);
    let few = devices(&mount);
    let ends: Vec<_> = (0..READS).map(|_| mount.open("p", O_RDONLY)).collect();
    assert_eq!(devices(&mount), few, "nobody waits");
    let reads: Vec<_> = ends.into_iter().map(|end| Task::spawn(move || end.read(1))).collect();
    let mut killed: Vec<_> = (0..20)
        .map(|_| Actor::start(&[Step::Open(mount.path("p"), O_RDONLY), Step::Read(1)]))
        .collect();
    killed.iter_mut().for_each(Actor::until_waiting);
    let waiting = || state(&mount)["waiting_operations"].as_u64().unwrap();
    eventually(SOON, || waiting() == (READS + killed.len()) as u64);
    let most = 33 * std::thread::available_parallelism().map_or(4, usize::from);
    let devices = devices(&mount);
    let is_plain = few > 0 && !uring::is_wanted();
    assert!(devices <= most && (devices > few || !is_plain), "{devices} descriptors, before {few}");
    for actor in &mut killed {
        actor.child.signal(SIGINT);
        assert!(killed_by(actor.child.wait(SOON), SIGINT), "{actor:?}");
    }
    assert_eq!(waiting(), READS as u64);
    server.write_all(&[b'x'; READS]).unwrap();
    for read in reads {
        assert_eq!(read.join(SOON).unwrap(), b"x");
    }
    drop(server);
    assert_eq!(mount.open("p", O_RDWR).write(b"y"), Ok(1));
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
