//! Processes that share one open file, as the children of a shell that redirected its output do:
//! their writes wait side by side, whatever their lengths.

use std::sync::Arc;

use libc::{O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SIGKILL};
use serde_json::Value;

use crate::harness::{Child, Errno, Fd, Mount, Task, calls, eventually, run, sh, sys};
use crate::{SOON, skip_without_fuse};

/// What write(2) moves at most (`MAX_RW_COUNT`).
const LONGEST_WRITE: usize = 0x7fff_f000;

/// How many operations wait in the driver. One that waits for another in the kernel has not come
/// to it.
fn waiting(mount: &Mount) -> u64 {
    let state = calls::attribute(mount.dir(), "user.pipefs.state").unwrap();
    let state: Value = serde_json::from_slice(&state).unwrap();
    state["waiting_operations"].as_u64().unwrap()
}

/// Three writes wait through one open file, each longer than the one before; the reader's end ends
/// them.
#[track_caller]
fn assert_side_by_side(mount: &Mount, writer: Fd, reader: Fd, what: &str) {
    let writer = Arc::new(writer);
    // Never touched, so it takes no memory.
    let zeroes = Arc::new(vec![0_u8; LONGEST_WRITE]);
    let writes: Vec<_> = [2, 3 << 20, LONGEST_WRITE]
        .into_iter()
        .zip(1..)
        .map(|(length, number)| {
            let (writer, zeroes) = (Arc::clone(&writer), Arc::clone(&zeroes));
            let write = Task::spawn(move || writer.write(&zeroes[..length]));
            let came = crate::harness::deadline::comes_true(SOON, || waiting(mount) == number);
            assert!(came, "{what}: a write of {length} bytes waits in the kernel");
            write
        })
        .collect();
    drop(reader);
    for write in writes {
        assert_eq!(write.join(SOON), Err(Errno::EPIPE), "{what}");
    }
    assert_eq!(writer.stat().unwrap().st_size, 0, "{what}");
}

/// SEMANTICS: wait-no-d-state
#[test]
fn writes_of_any_length_wait_side_by_side() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=1"]);
    mount.make("there");
    let kinds = [
        ("new", O_WRONLY | O_CREAT),
        ("new and truncated", O_WRONLY | O_CREAT | O_TRUNC),
        ("new and read, too", O_RDWR | O_CREAT | O_TRUNC),
        ("there", O_WRONLY),
    ];
    for (name, flags) in kinds {
        let writer = mount.open(name, flags);
        let reader = mount.open(name, if flags & O_RDWR == 0 { O_RDONLY } else { O_RDWR });
        writer.write_all(b"x").unwrap();
        assert_side_by_side(&mount, writer, reader, name);
    }
}

/// SEMANTICS: wait-no-d-state, limit-truncate
///
/// Once it has written, or once a moment has passed.
#[test]
fn writes_wait_side_by_side_though_the_open_truncated() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=1,mode=shared"]);
    mount.make("p");
    for writes_first in [true, false] {
        let writer = mount.open("p", O_WRONLY | O_TRUNC);
        let reader = mount.open("p", O_RDONLY);
        if writes_first {
            writer.write_all(b"x").unwrap();
        } else {
            mount.open("p", O_WRONLY).write_all(b"x").unwrap();
            eventually(SOON, || calls::kept_size(&writer).unwrap() > 0);
        }
        let what = format!("after a write of its own: {writes_first}");
        assert_side_by_side(&mount, writer, reader, &what);
        assert_eq!(mount.open("p", O_RDONLY).read(9).unwrap(), b"x");
    }
}

/// SEMANTICS: wait-no-d-state, file-truncate
///
/// What is done to an open file's attributes changes nothing about that.
#[test]
fn writes_wait_side_by_side_after_ftruncate() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=1"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    calls::truncate_open(&writer, 0).unwrap();
    writer.write_all(b"x").unwrap();
    assert_side_by_side(&mount, writer, reader, "after ftruncate");
}

/// SEMANTICS: wait-no-d-state, wait-kill
///
/// The children of a shell that redirected its output: each can be killed.
#[test]
fn writers_of_one_open_file_can_be_killed() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=1"]);
    let script = r#"
        printf x >&3
        sh -c 'echo $$; exec echo first >&3' &
        sh -c 'echo $$; exec echo the second >&3' &
        sh -c 'echo $$; exec dd if=/dev/zero bs=3M count=1 status=none >&3' &
        wait
    "#;
    mount.make("there");
    for redirection in ["3> new", "3> there", "3<> rdwr"] {
        let script = format!("cd \"$1\" && exec {redirection}\n{script}");
        let mut shell = Child::spawn(&mut sh(&script, &[mount.dir()]));
        eventually(SOON, || shell.stdout().lines().count() == 3 && waiting(&mount) == 3);
        let pids: Vec<i32> = shell.stdout().lines().map(|line| line.parse().unwrap()).collect();
        // The last one first: it holds up nobody, and nobody holds it up.
        for (pid, left) in pids.into_iter().rev().zip([2, 1, 0]) {
            sys::kill(pid, SIGKILL).unwrap();
            eventually(SOON, || waiting(&mount) == left);
        }
        shell.wait(SOON);
    }
}

/// SEMANTICS: limit-file-size
///
/// The limit is 1024 bytes, of bash's units one.
#[test]
fn a_limit_of_the_file_size_is_one_of_each_write_or_of_all_that_is_appended() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"
        cd "$1" && ulimit -f 1 && trap '' XFSZ
        write() { dd if=/dev/zero bs=$1 count=1 status=none; }
        { write 1000 && write 1000 && write 1000; } > p || exit 1
        { write 1000 && write 1000; } >> q && exit 2
        { write 500 && write 500; } >> q || exit 3
    "#;
    let output =
        run(crate::harness::command("bash").args(["-c", script, "bash"]).arg(mount.dir()), SOON);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap().len(), 3000);
    let appender = mount.open("q", O_WRONLY | O_APPEND);
    assert!(calls::kept_size(&appender).unwrap() < 1024);
}
