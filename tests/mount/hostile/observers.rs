//! Who looks at pipes again and again, or at very large ones, holds up nobody who uses them; and
//! names and paths do not pass for what a log says.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use libc::{O_CREAT, O_EXCL, O_RDWR, O_TRUNC};
use pipefs_mount::pipe_functions::{PipeFunctions, Whose};

use super::OTHER;
use crate::harness::actor::Step;
use crate::harness::calls::{attribute, set_attribute};
use crate::harness::mount::is_mounted;
use crate::harness::watchdog::new_directory;
use crate::harness::{Actor, Errno, Fd, Mount, eventually, pipefs, run};
use crate::session::assert_succeeded;
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// Ends of the large pipe; each is an open file of the test, of which a process may have 1024.
const ENDS: usize = 700;

/// A round trip that takes longer than this was held up; most take a hundredth.
const HELD_UP: Duration = Duration::from_millis(100);

/// Round trips on a duplex pipe, as long as others do what they do; the median time.
fn median_round_trip(server: &Fd, client: &Fd) -> Duration {
    let mut times: Vec<_> = (0..300)
        .map(|_| {
            let start = Instant::now();
            client.write_all(b"ping").unwrap();
            assert_eq!(server.read(9).unwrap(), b"ping");
            server.write_all(b"pong").unwrap();
            assert_eq!(client.read(9).unwrap(), b"pong");
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// SEMANTICS: attribute-state
///
/// > It lists at most 200 instances, and 400 ends of them.
#[test]
fn who_reads_large_states_in_a_loop_holds_up_no_stream() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=duplex"]);
    let (server, client) = (mount.open("p", O_RDWR | O_CREAT), mount.open("p", O_RDWR));
    let large = mount.make("large");
    set_attribute(&large, "user.pipefs.mode", b"shared").unwrap();
    let ends: Vec<_> = (0..ENDS).map(|_| Fd::open(&large, O_RDWR).unwrap()).collect();
    let state = attribute(&large, "user.pipefs.state").unwrap();
    assert!(state.len() < 64 << 10);
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    let instance = &state["instances"][0];
    assert_eq!(instance["ends"].as_array().unwrap().len(), 400);
    assert_eq!(instance["ends_not_listed"], ENDS - 400);

    let (stop, looks) = (AtomicBool::new(false), AtomicU32::new(0));
    let median = thread::scope(|scope| {
        for path in [large.as_path(), mount.dir()] {
            let (stop, looks) = (&stop, &looks);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    attribute(path, "user.pipefs.state").unwrap();
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let median = median_round_trip(&server, &client);
        stop.store(true, Ordering::Relaxed);
        median
    });
    assert!(looks.load(Ordering::Relaxed) > 2, "they did look");
    assert!(median < HELD_UP, "{median:?}");
    drop(ends);
}

/// SEMANTICS: command-log
///
/// > Each record of a log is one line, whatever names are in it.
#[test]
fn a_path_cannot_forge_records_of_the_log() {
    skip_without_fuse!();
    let base = new_directory();
    let name = b"x\n[2000-01-01T00:00:00Z ERROR pipefs] forged\x1b[31m";
    let dir = base.join(std::ffi::OsStr::from_bytes(name));
    fs::create_dir(&dir).unwrap();
    let log = base.join("log");
    let arguments = ["mount", "-vv", "--log-file", log.to_str().unwrap()];
    assert_succeeded(&run(pipefs().args(arguments).arg(&dir), SOON));
    fs::write(dir.join("p"), "hello").unwrap();
    assert_succeeded(&run(pipefs().arg("umount").arg(&dir), SOON));
    let gone = || fs::read_to_string(&log).is_ok_and(|text| text.contains("is gone"));
    eventually(SOON, gone);
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("forged"), "it is in there: {text}");
    assert!(!text.contains('\x1b'), "{text:?}");
    for line in text.lines() {
        assert!(line.starts_with("[20") && !line.starts_with("[2000"), "{line}");
    }
    assert!(!is_mounted(&base));
}

/// SEMANTICS: create-excl
///
/// > A server that makes the name with `O_EXCL` knows that it is the first, and that the pipe is
/// > its own.
#[test]
fn a_careful_server_is_the_first_or_fails() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,access=duplex"]);
    let first = O_RDWR | O_TRUNC | O_CREAT | O_EXCL;
    // Somebody was faster, and serves under a name that others trust.
    let steps = [
        Step::Open(mount.path("bank"), first),
        Step::Chmod(mount.path("bank"), 0o666),
        Step::Read(9),
    ];
    let mut squatter = Actor::start_as(OTHER, OTHER, &steps);
    squatter.until_waiting();
    assert_eq!(mount.refused("bank", first), Errno::EEXIST);
    // A client can see whose the name is, and who serves.
    assert_eq!(fs::metadata(mount.path("bank")).unwrap().uid(), OTHER);
    let client = fs::File::options().read(true).write(true).open(mount.path("bank")).unwrap();
    assert_eq!(client.peer(Whose::Server).unwrap().uid, OTHER);
    // In a directory of its own nobody can be faster.
    fs::create_dir(mount.path("service")).unwrap();
    let path = mount.path("service/bank");
    let steps = [Step::Open(path.clone(), first)];
    let mut squatter = Actor::start_as(OTHER, OTHER, &steps);
    assert_eq!(squatter.last_outcome(SOON), Err(Errno::EACCES));
    drop(Fd::open(&path, first).unwrap());
}
