//! Clients that do what nobody expects.

use std::time::Duration;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY};

use super::state;
use crate::harness::{Child, Errno, Mount, StateWatch, command, eventually, run, sh, sys};
use crate::{SOON, skip_without_fuse};

/// SEMANTICS: close-killed
///
/// Others are served as ever, and when it is killed everything has gone.
#[test]
fn a_client_with_ten_thousand_open_files_is_one_like_others() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = "
import os, resource, sys, time
resource.setrlimit(resource.RLIMIT_NOFILE, (10100, 10100))
held = [os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT) for _ in range(10000)]
os.write(held[-1], b'x')
print('all', flush=True)
time.sleep(60)";
    let mut python = command("python3");
    let mut client = Child::spawn(python.args(["-c", script]).arg(mount.path("many")));
    eventually(6 * SOON, || client.stdout().contains("all") || client.state() == 'X');
    assert!(client.stdout().contains("all"), "{client:?}");
    assert_eq!(state(mount.dir())["ends"], 10_000);
    let other = r#"echo hello > "$1" && cat "$1""#;
    let output = run(&mut sh(other, &[mount.path("other")]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n");
    let watch = StateWatch::start();
    watch.add(client.pid());
    client.signal(libc::SIGKILL);
    client.wait(SOON);
    watch.finish();
    eventually(SOON, || state(mount.dir())["ends"] == 0);
    assert_eq!(mount.open("many", O_RDONLY).read_to_end().unwrap(), b"x", "what it wrote stays");
    std::fs::remove_file(mount.path("many")).unwrap();
    std::fs::remove_file(mount.path("other")).unwrap();
    eventually(SOON, || state(mount.dir())["doors"] == 0);
}

/// SEMANTICS: write-full
///
/// It costs its writer the pipe's capacity, and nobody else anything.
#[test]
fn a_reader_that_never_reads_holds_up_its_own_writer_only() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=64K"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
    let _reader = mount.open("p", O_RDONLY);
    let piece = [7; 1000];
    while writer.write(&piece).is_ok() {}
    assert_eq!(writer.write(&piece), Err(Errno::EAGAIN));
    let used = state(mount.dir())["memory_used_bytes"].as_u64().unwrap();
    assert!((64 << 10..(64 << 10) + 1000).contains(&used), "{used}");
    for name in ["p", "other"] {
        let script = r#"echo hello > "$1" && cat "$1""#;
        let output = run(&mut sh(script, &[mount.path(name)]), SOON);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{name}");
    }
}

/// SEMANTICS: close-last-copy
///
/// Children have their parent's ends; the last of them closes, however each of them ends.
#[test]
fn an_end_outlives_the_process_that_opened_it_in_its_children() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"
        exec 3> "$1"
        for number in 1 2 3; do (echo "$number" >&3; sleep 60) & echo "$!"; done
        exec 3>&-
        wait
    "#;
    let mut parent = Child::spawn(&mut sh(script, &[mount.path("p")]));
    eventually(SOON, || parent.stdout().lines().count() == 3);
    let children: Vec<i32> = parent.stdout().lines().map(|pid| pid.parse().unwrap()).collect();
    let client = mount.open("p", O_RDONLY);
    let mut got = Vec::new();
    while got.len() < 6 {
        got.extend(client.read(99).unwrap());
    }
    parent.signal(libc::SIGKILL);
    parent.wait(SOON);
    client.set_nonblocking(true).unwrap();
    for pid in children {
        assert_eq!(client.read(9), Err(Errno::EAGAIN), "{pid} has it open");
        // Its sleep(1) has it open as well.
        let kill = r#"pkill -KILL -P "$1"; kill -KILL "$1""#;
        assert!(run(&mut sh(kill, &[pid.to_string()]), SOON).status.success());
    }
    assert_ne!(client.poll(libc::POLLIN, Duration::from_secs(10)).unwrap() & libc::POLLHUP, 0);
    assert_eq!(client.read(9).unwrap(), b"");
    assert!(sys::stat(mount.path("p")).is_ok());
}
