//! Users beside each other on one mount: what one of them uses up is not the others'. Those who are
//! other users need root.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libc::{EBUSY, ENOSPC, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY, POLLOUT};
use pipefs_mount::impersonate::Impersonation;
use serde_json::Value;

use crate::harness::actor::Step;
use crate::harness::calls::attribute;
use crate::harness::{Actor, Errno, Fd, Mount, Task, command, eventually, run, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

const MIB: usize = 1 << 20;

/// Users, and their group, that nothing here belongs to.
const ANNA: u32 = 65_001;
const BERT: u32 = 65_002;
const GROUP: u32 = 65_000;

/// Megabytes of the stream that is timed.
const STREAM: usize = 64 * MIB;

fn state(mount: &Mount) -> Value {
    let text = attribute(mount.dir(), "user.pipefs.state").unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn used_by(mount: &Mount, uid: u32) -> u64 {
    let state = state(mount);
    let users = state["users"].as_array().unwrap();
    let user = users.iter().find(|user| user["uid"] == uid);
    user.map_or(0, |user| user["used_bytes"].as_u64().unwrap())
}

/// A pipe that everybody may use.
fn make(mount: &Mount, name: &str) {
    sys::chmod(mount.make(name), 0o666).unwrap();
}

/// Sends much through a pipe of the user's own and tells how long that took.
fn stream(mount: &Mount, uid: u32, name: &str) -> Duration {
    make(mount, name);
    let path = mount.path(name);
    let start = Instant::now();
    let writes = [Step::Open(path.clone(), O_WRONLY), Step::WriteThroughAlarms(STREAM, 64 << 10)];
    let writer = Actor::start_as(uid, GROUP, &writes);
    let reads = [Step::Open(path, O_RDONLY), Step::ReadToEnd];
    let mut reader = Actor::start_as(uid, GROUP, &reads);
    assert_eq!(reader.last_outcome(SOON), Ok(STREAM as i64));
    drop(writer);
    start.elapsed()
}

/// > With `user_memory` the writers of one user together hold no more than that, plus at most one
/// > write for each lane that is being read.
///
/// SEMANTICS: user-memory
#[test]
fn a_user_at_its_limit_waits_and_another_ones_stream_runs() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,memory=64M,user_memory=4M,capacity=64M"]);
    let before = stream(&mount, BERT, "first");
    make(&mount, "hoard");
    make(&mount, "annas");
    let mut steps = vec![Step::Open(mount.path("hoard"), O_WRONLY)];
    steps.extend([const { Step::Write(MIB, b'x') }; 5]);
    let mut hoarder = Actor::start_as(ANNA, GROUP, &steps);
    hoarder.until_waiting();
    let open = Step::Open(mount.path("annas"), O_WRONLY);
    let mut waits = Actor::start_as(ANNA, GROUP, &[open.clone(), Step::Write(1, b'x')]);
    waits.until_waiting();
    let polls = [open, Step::Poll(POLLOUT, 30_000)];
    let mut polls = Actor::start_as(ANNA, GROUP, &polls);
    polls.until_waiting();
    assert_eq!(used_by(&mount, ANNA), 4 * MIB as u64);

    let beside = stream(&mount, BERT, "second");
    println!("{} MiB took {before:?} alone, {beside:?} beside one who waits", STREAM / MIB);
    assert!(beside < 4 * before + Duration::from_secs(1), "{beside:?}, alone {before:?}");
    assert_eq!(used_by(&mount, ANNA), 4 * MIB as u64, "which waits on");
    assert_eq!(polls.outcomes().len(), 1);

    let reader = mount.open("hoard", O_RDONLY);
    assert_eq!(reader.read_exactly(5 * MIB).unwrap().len(), 5 * MIB);
    assert_eq!(hoarder.last_outcome(SOON), Ok(MIB as i64));
    assert_eq!(waits.last_outcome(SOON), Ok(1));
    assert_eq!(polls.last_outcome(SOON), Ok(POLLOUT.into()));
    for name in ["hoard", "annas", "first", "second"] {
        std::fs::remove_file(mount.path(name)).unwrap();
    }
    drop(reader);
    eventually(SOON, || state(&mount)["memory_used_bytes"] == 0 && used_by(&mount, ANNA) == 0);
}

/// In one pipe that both write to.
///
/// SEMANTICS: user-memory
#[test]
fn a_user_at_its_limit_holds_up_nobody_in_a_shared_pipe() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,mode=shared,user_memory=1M,capacity=64M"]);
    make(&mount, "p");
    let open = Step::Open(mount.path("p"), O_WRONLY);
    let hoards = [open.clone(), Step::Write(MIB, b'a'), Step::Write(MIB, b'a')];
    let mut anna = Actor::start_as(ANNA, GROUP, &hoards);
    anna.until_waiting();
    let mut bert = Actor::start_as(BERT, GROUP, &[open, Step::Write(MIB, b'b')]);
    assert_eq!(bert.last_outcome(SOON), Ok(MIB as i64));
    assert_eq!((used_by(&mount, ANNA), used_by(&mount, BERT)), (MIB as u64, MIB as u64));
    let reader = mount.open("p", O_RDONLY);
    let all = reader.read_exactly(3 * MIB).unwrap();
    assert_eq!(all.iter().filter(|byte| **byte == b'b').count(), MIB);
    assert!(all[..MIB].iter().all(|byte| *byte == b'a'));
    assert_eq!(anna.last_outcome(SOON), Ok(MIB as i64));
    assert_eq!((used_by(&mount, ANNA), used_by(&mount, BERT)), (0, 0));
}

/// A thousand writers, each with a pipe of its own, who want four times the limit: it is exceeded
/// by the requests that are under way, one for each of the driver's threads, and nothing is left.
fn assert_a_thousand_writers_stay_within(options: &str, uid: u32) {
    const WRITERS: usize = 1000;
    const WRITES: usize = 4;
    const REQUEST: usize = 64 << 10;
    const LIMIT: u64 = 64 << 20;
    /// Each data thread has one request in hand.
    const MOST_THREADS: u64 = 4;
    let mount = Arc::new(Mount::with(&["-o", options]).lasting(Duration::from_secs(120)));
    let (most, over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let watching = (Arc::clone(&mount), Arc::clone(&most), Arc::clone(&over));
    let watch = thread::spawn(move || {
        let (mount, most, over) = watching;
        let mut resident = 0;
        while !over.load(Ordering::Relaxed) {
            let used = state(&mount)["memory_used_bytes"].as_u64().unwrap();
            most.fetch_max(used, Ordering::Relaxed);
            resident = mount.rss_bytes().max(resident);
        }
        resident
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let path = mount.path(number.to_string());
            Task::spawn(move || {
                let user = (uid > 0).then(|| Impersonation::of(uid, GROUP, &[]).unwrap());
                let writer = Fd::open_with_mode(path, O_WRONLY | O_CREAT, 0o666).unwrap();
                let data = vec![7; REQUEST];
                (0..WRITES).for_each(|_| assert_eq!(writer.write(&data), Ok(REQUEST)));
                drop(user);
            })
        })
        .collect();
    // Where few get all that they want, these are those who do: the others wait.
    let served = LIMIT as usize / REQUEST / WRITES + MOST_THREADS as usize;
    let waiting = || state(&mount)["waiting_operations"].as_u64().unwrap();
    eventually(SOON, || waiting() >= (WRITERS - served) as u64);
    let waiting = waiting();
    for number in 0..WRITERS {
        let reader = mount.open(&number.to_string(), O_RDONLY);
        assert_eq!(reader.read_to_end().unwrap().len(), WRITES * REQUEST);
    }
    writers.into_iter().for_each(|writer| writer.join(SOON));
    over.store(true, Ordering::Relaxed);
    let (resident, most) = (watch.join().unwrap(), most.load(Ordering::Relaxed));
    println!("{most} bytes were held at most, {resident} resident, and {waiting} waited");
    assert!(most <= LIMIT + MOST_THREADS * REQUEST as u64, "{most} bytes were held");
    let handed_over = LIMIT + (WRITERS * REQUEST) as u64;
    assert!(resident <= 2 * handed_over + 32 * MIB as u64, "{resident} bytes were resident");
    let end = state(&mount);
    assert_eq!((&end["memory_used_bytes"], &end["instances"]), (&0.into(), &0.into()));
    assert_eq!((&end["users"], &end["waiting_operations"]), (&Value::Array(vec![]), &0.into()));
}

/// SEMANTICS: write-memory, memory-bounded
#[test]
fn a_thousand_writers_stay_within_the_memory() {
    skip_without_fuse!();
    assert_a_thousand_writers_stay_within("memory=64M", 0);
}

/// SEMANTICS: user-memory
#[test]
fn a_thousand_writers_stay_within_the_memory_of_their_user() {
    skip_without_fuse!();
    skip_unless_root!();
    assert_a_thousand_writers_stay_within("allow_other,memory=1G,user_memory=64M", ANNA);
}

/// Users who have come, written, and gone.
#[test]
fn users_who_are_gone_leave_nothing_behind() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,mode=shared,user_memory=1M"]);
    make(&mount, "p");
    let path = mount.path("p");
    let writing = Task::spawn(move || {
        for uid in 1..=2000 {
            let user = Impersonation::of(uid, GROUP, &[]).unwrap();
            Fd::open(&path, O_WRONLY).unwrap().write_all(b"x").unwrap();
            drop(user);
        }
    });
    writing.join(SOON);
    let full = state(&mount);
    assert_eq!(full["memory_used_bytes"], 2000);
    let listed = full["users"].as_array().unwrap().len() as u64;
    assert_eq!(listed + full["users_not_listed"].as_u64().unwrap(), 2000);
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap().len(), 2000);
    let empty = state(&mount);
    assert_eq!((&empty["users"], &empty["memory_used_bytes"]), (&Value::Array(vec![]), &0.into()));
}

/// > A mount has at most `max_pipes` names, those of directories included: creating one more fails
/// > with `ENOSPC`.
///
/// SEMANTICS: max-pipes, file-statfs
#[test]
fn names_are_limited() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "max_pipes=3"]);
    mount.make("a");
    std::fs::create_dir(mount.path("sub")).unwrap();
    let free = || sys::statfs(mount.dir()).map(|all| (all.f_files, all.f_ffree)).unwrap();
    assert_eq!(free(), (3, 1));
    mount.make("sub/b");
    let refused = |flags| mount.refused("c", O_CREAT | O_NONBLOCK | flags);
    assert_eq!(refused(O_WRONLY), Errno(ENOSPC));
    assert_eq!(sys::mkfifo(mount.path("c"), 0o666), Err(Errno(ENOSPC)));
    let directory = std::fs::create_dir(mount.path("sub/c")).unwrap_err();
    assert_eq!(directory.raw_os_error(), Some(ENOSPC));
    let touch = run(command("touch").arg(mount.path("c")), SOON);
    assert!(String::from_utf8_lossy(&touch.stderr).contains("No space left"), "{touch:?}");
    assert_eq!(free(), (3, 0));
    // What is there goes on, and what goes makes room.
    mount.open("a", O_WRONLY).write_all(b"x").unwrap();
    std::fs::remove_file(mount.path("sub/b")).unwrap();
    mount.make("c");
}

/// > With `total_instances` instances on the mount, a server's open fails with `EBUSY`.
///
/// SEMANTICS: total-instances
#[test]
fn instances_are_limited_over_all_pipes() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "total_instances=2"]);
    let servers = ["a", "b"].map(|name| mount.open(name, O_WRONLY | O_CREAT));
    sys::mknod(mount.path("c"), libc::S_IFREG | 0o666).unwrap();
    assert_eq!(mount.refused("c", O_WRONLY), Errno(EBUSY));
    assert_eq!(mount.refused("d", O_WRONLY | O_CREAT), Errno(EBUSY));
    assert!(!mount.path("d").exists(), "a refused open leaves no name behind");
    let client = mount.open("a", O_RDONLY);
    drop(servers);
    drop(client);
    mount.open("c", O_WRONLY);
}
