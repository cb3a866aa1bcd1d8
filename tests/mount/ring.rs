//! What is special about a mount whose requests come over io_uring: thousands who wait beside
//! those who do not, what they take, signals that the kernel does not pass on, and its end.

use std::time::{Duration, Instant};

use libc::{O_RDWR, O_WRONLY, SIGKILL, SIGTERM};

use crate::faults::state;
use crate::harness::deadline::comes_true;
use crate::harness::mount::{is_mounted, unmount_lazily};
use crate::harness::{Child, Mount, command, eventually, pipefs, run, sh, sys, uring};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_without_fuse};

/// Threads that read until there is an end, or an error: `$1` is the pipe, then how many there are
/// and the size of a read.
const READERS: &str = "
import os, sys, threading
threading.stack_size(128 << 10)
end = os.open(sys.argv[1], os.O_RDWR)
def read():
    try:
        while os.read(end, int(sys.argv[3])):
            pass
    except OSError:
        pass
for _ in range(int(sys.argv[2])):
    threading.Thread(target=read).start()
";

/// Of one process: more of them hinder each other.
const MAX_THREADS: usize = 250;

/// A shared pipe and so many reads that wait at it.
struct Crowd {
    processes: Vec<Child>,
}

impl Crowd {
    fn gather(mount: &Mount, name: &str, count: usize, size: usize) -> Self {
        sys::mkfifo(mount.path(name), 0o666).unwrap();
        let reads = |count: usize| {
            let mut python = command("python3");
            python.args(["-c", READERS]).arg(mount.path(name));
            Child::spawn(python.args([count.to_string(), size.to_string()]))
        };
        let firsts = (0..count).step_by(MAX_THREADS);
        let processes = firsts.map(|first| reads(MAX_THREADS.min(count - first))).collect();
        let waiting = || state(mount.dir())["waiting_operations"] == count;
        let all_wait = comes_true(12 * SOON, waiting);
        assert!(all_wait, "{} of {count}", state(mount.dir())["waiting_operations"]);
        Self { processes }
    }

    fn is_gone_within(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        for process in &mut self.processes {
            process.wait(deadline.saturating_duration_since(Instant::now()));
        }
    }

    fn kill(&self) {
        self.processes.iter().for_each(|process| process.signal(SIGKILL));
    }
}

/// How a mount with a crowd on it can end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// The driver gets this signal.
    Signal(i32),
    /// It is unmounted lazily, and the crowd is killed.
    Lazy,
    /// It is unmounted lazily, and the driver gets this signal.
    LazyThen(i32),
    /// The crowd is killed, and the mount is taken down at once.
    Readers,
    /// The driver gets SIGTERM, and SIGKILL so many milliseconds later.
    Twice(u64),
}

/// Whatever happens, both the driver and the crowd end, and nobody is left in the kernel.
fn assert_everybody_ends(count: usize, end: End) {
    let mut mount = Mount::new().lasting(Duration::from_secs(300));
    let mut crowd = Crowd::gather(&mount, "crowd", count, 9);
    let lazily = || {
        assert_succeeded(&run(pipefs().args(["umount", "--lazy"]).arg(mount.dir()), SOON));
    };
    match end {
        End::Signal(signal) => mount.signal(signal),
        End::Lazy => {
            lazily();
            crowd.kill();
        }
        End::LazyThen(signal) => {
            lazily();
            mount.signal(signal);
        }
        End::Readers => {
            crowd.kill();
            let umount = r#"until umount "$1"; do sleep 0.01; done"#;
            assert_succeeded(&run(&mut sh(umount, &[mount.dir()]), SOON));
        }
        End::Twice(milliseconds) => {
            mount.signal(SIGTERM);
            std::thread::sleep(Duration::from_millis(milliseconds));
            mount.signal(SIGKILL);
        }
    }
    let start = Instant::now();
    let status = mount.wait(2 * SOON);
    if !matches!(end, End::Signal(SIGKILL) | End::LazyThen(SIGKILL) | End::Twice(_)) {
        assert!(status.success(), "{count} at {end:?}: {status}: {}", mount.log());
        assert!(!is_mounted(mount.dir()), "{count} at {end:?}: the mount was left behind");
    }
    crowd.is_gone_within(6 * SOON);
    assert!(!mount.log().contains("panicked"), "{}", mount.log());
    unmount_lazily(mount.dir());
    eprintln!("{count} at {end:?}: {:?}", start.elapsed());
}

/// SEMANTICS: close-driver-stops
#[test]
fn a_mount_ends_however_many_wait_on_it() {
    skip_without_fuse!();
    for count in [10, 100, 1000, 10_000] {
        assert_everybody_ends(count, End::Signal(SIGTERM));
    }
}

/// A driver that is killed, at any moment of its end, leaves nothing in the kernel that waits.
#[test]
fn a_driver_can_be_killed_however_many_wait() {
    skip_without_fuse!();
    for count in [10, 100, 1000, 10_000] {
        assert_everybody_ends(count, End::Signal(SIGKILL));
    }
    for milliseconds in [0, 1, 2, 3, 5, 8, 13, 21, 34, 55] {
        assert_everybody_ends(500, End::Twice(milliseconds));
    }
}

/// SEMANTICS: close-umount
#[test]
fn a_lazy_unmount_ends_with_the_last_of_many() {
    skip_without_fuse!();
    for count in [10, 1000] {
        assert_everybody_ends(count, End::Lazy);
        assert_everybody_ends(count, End::Readers);
        assert_everybody_ends(count, End::LazyThen(SIGTERM));
        assert_everybody_ends(count, End::LazyThen(SIGKILL));
    }
    assert_everybody_ends(10_000, End::Lazy);
}

/// Each request that waits has an entry of the ring to itself, and others need one, too.
#[test]
fn thousands_who_wait_are_in_nobodys_way() {
    skip_without_fuse!();
    let mount = Mount::new().lasting(Duration::from_secs(180));
    let mut crowd = Crowd::gather(&mount, "crowd", 5000, 1);
    let script = r#"
        for number in $(seq 100); do
            echo "$number" > "$1/other" && [ "$(cat "$1/other")" = "$number" ] || exit
        done"#;
    // On each of the CPUs, and moving between them.
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    for cpu in (0..cpus).map(Some).chain([None]) {
        let mut script = sh(script, &[mount.dir()]);
        if let Some(cpu) = cpu {
            let mut bound = command("taskset");
            bound.arg("-c").arg(cpu.to_string()).arg(script.get_program()).args(script.get_args());
            script = bound;
        }
        assert_succeeded(&run(&mut script, 6 * SOON));
    }
    let writer = mount.open("crowd", O_WRONLY);
    for _ in 0..50 {
        writer.write_all(&[b'x'; 1000]).unwrap();
    }
    eventually(6 * SOON, || state(mount.dir())["waiting_operations"] == 5000);
    crowd.kill();
    crowd.is_gone_within(2 * SOON);
    eventually(SOON, || state(mount.dir())["waiting_operations"] == 0);
}

/// SEMANTICS: memory-bounded
///
/// Entries that were used for data do not keep the memory.
#[test]
fn entries_that_were_used_give_their_memory_back() {
    skip_without_fuse!();
    const READERS: usize = 2000;
    const SIZE: usize = 64 << 10;
    let mount = Mount::with(&["-o", "memory=1G,capacity=16M"]).lasting(Duration::from_secs(180));
    let mut crowd = Crowd::gather(&mount, "crowd", READERS, SIZE);
    let writer = mount.open("crowd", O_WRONLY);
    let piece = vec![7; SIZE];
    for _ in 0..2 * READERS {
        writer.write_all(&piece).unwrap();
    }
    eventually(6 * SOON, || state(mount.dir())["waiting_operations"] == READERS);
    let is_bounded = || mount.rss_bytes() <= 32 << 20;
    assert!(comes_true(SOON, is_bounded), "{} bytes of memory are taken", mount.rss_bytes());
    crowd.kill();
    crowd.is_gone_within(2 * SOON);
}

/// Forks a process that reads, and kills it at some moment around the time when the request is on
/// its way; prints those that are not gone within two seconds.
const KILLS: &str = "
import os, random, signal, sys, time
random.seed(1)
end = os.open(sys.argv[1], os.O_RDWR)
for round in range(int(sys.argv[2])):
    ready, go = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(go, b'x')
        os.read(end, 9)
        os._exit(0)
    os.read(ready, 1)
    moment = time.perf_counter() + random.uniform(0, 150e-6)
    while time.perf_counter() < moment:
        pass
    os.kill(child, signal.SIGKILL)
    deadline = time.monotonic() + 2
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            print('stuck in round', round)
            break
    os.close(ready), os.close(go)
";

/// SEMANTICS: wait-kill
///
/// The kernel forgets to pass on a signal that comes while the request is on its way to the ring.
#[test]
fn whoever_is_killed_at_the_wrong_moment_is_gone_all_the_same() {
    skip_without_fuse!();
    let mount = Mount::new().lasting(Duration::from_secs(120));
    sys::mkfifo(mount.path("p"), 0o666).unwrap();
    let _writer = mount.open("p", O_RDWR);
    let mut python = command("python3");
    let output = run(python.args(["-c", KILLS]).arg(mount.path("p")).arg("600"), 9 * SOON);
    assert_succeeded(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
}

/// Closes, and looks at once from another CPU whether the end of file is there: a close is done
/// before the same process's next request, which may be in the queue of another CPU.
const MOVES: &str = "
import os, sys
path, rounds = sys.argv[1], int(sys.argv[2])
cpus = sorted(os.sched_getaffinity(0))
for round in range(rounds):
    os.sched_setaffinity(0, [cpus[round % len(cpus)]])
    writer = os.open(path, os.O_WRONLY | os.O_CREAT)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.write(writer, b'x')
    os.read(reader, 9)
    os.close(writer)
    os.sched_setaffinity(0, [cpus[(round + 1) % len(cpus)]])
    try:
        assert os.read(reader, 9) == b'', 'data out of nothing'
    except BlockingIOError:
        print('not closed yet in round', round)
    os.close(reader)
";

/// SEMANTICS: close-at-once
#[test]
fn a_close_is_done_before_the_next_request_from_another_cpu() {
    skip_without_fuse!();
    let mount = Mount::new().lasting(Duration::from_secs(120));
    let movers: Vec<_> = (0..3)
        .map(|mover| {
            let mut python = command("python3");
            let path = mount.path(format!("p{mover}"));
            Child::spawn(python.args(["-c", MOVES]).arg(path).arg("3000"))
        })
        .collect();
    for mut mover in movers {
        assert!(mover.wait(9 * SOON).success(), "{mover:?}");
        assert_eq!(mover.stdout(), "");
    }
}

/// SEMANTICS: mount-uring
#[test]
fn a_mount_that_is_asked_to_has_a_ring_for_each_cpu() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&["-o", "uring"]));
    let possible = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let last: usize = possible.trim().rsplit(['-', ',']).next().unwrap().parse().unwrap();
    assert_eq!(uring::rings_of(place.drivers()[0]), last + 1);
    place.assert_it_works();
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}
