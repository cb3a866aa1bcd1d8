//! Settings and state as extended attributes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};
use serde_json::Value;

use crate::harness::calls::{attribute, attributes, set_attribute};
use crate::harness::{Child, Errno, Mount, Task, command, eventually, run, sh, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

fn state(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&attribute(path, "user.pipefs.state").unwrap()).unwrap()
}

/// SEMANTICS: attribute-settings
#[test]
fn settings_are_read_and_written() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let path = mount.make("p");
    assert_eq!(attribute(&path, "user.pipefs.capacity").unwrap(), b"4096");
    for (key, value, shown) in [
        ("access", "duplex", "duplex"),
        ("mode", "shared", "shared"),
        ("type", "message", "message"),
        ("framing", "line", "line"),
        ("capacity", "8M", "8388608"),
        ("max_instances", "3", "3"),
        ("open", "fail", "fail"),
        ("wait_timeout", "5s", "5000ms"),
        ("linger", "flush", "flush"),
        ("linger", "drop", "drop"),
        ("lifetime", "last-close", "last-close"),
        ("overflow", "error", "error"),
    ] {
        let name = format!("user.pipefs.{key}");
        set_attribute(&path, &name, value.as_bytes()).unwrap();
        assert_eq!(attribute(&path, &name).unwrap(), shown.as_bytes(), "{key}");
        assert!(attributes(&path).unwrap().contains(&name));
    }
    let other = mount.make("q");
    assert_eq!(attribute(other, "user.pipefs.mode").unwrap(), b"instance", "a pipe's own");
}

/// SEMANTICS: attribute-refused
#[test]
fn a_value_that_is_refused_changes_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let huge = "9".repeat(60_000);
    let values = [&b""[..], b"-1", b"0", b"4M\n", b"\xff\xfe", b"none at all", huge.as_bytes()];
    for key in pipefs::Settings::KEYS {
        let name = format!("user.pipefs.{key}");
        let before = attribute(&path, &name).unwrap();
        for value in values {
            assert_eq!(set_attribute(&path, &name, value), Err(Errno::EINVAL), "{key} {value:?}");
        }
        assert_eq!(attribute(&path, &name).unwrap(), before, "{key}");
    }
    assert_eq!(set_attribute(&path, "user.pipefs.colour", b"red"), Err(Errno::EOPNOTSUPP));
    assert_eq!(set_attribute(&path, "user.other", b"x"), Err(Errno::EOPNOTSUPP));
    assert_eq!(set_attribute(&path, "user.pipefs.state", b"{}"), Err(Errno::EPERM));
    assert_eq!(attribute(&path, "user.pipefs.colour"), Err(Errno::ENODATA));
    assert_eq!(attribute(&path, "user.other"), Err(Errno::ENODATA));
}

/// SEMANTICS: attribute-in-use
#[test]
fn what_instances_are_made_by_waits_until_there_are_none() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"x").unwrap();
    let path = mount.path("p");
    for (key, value) in [("access", "duplex"), ("mode", "shared"), ("type", "message")] {
        let name = format!("user.pipefs.{key}");
        assert_eq!(set_attribute(&path, &name, value.as_bytes()), Err(Errno::EBUSY), "{key}");
    }
    set_attribute(&path, "user.pipefs.type", b"byte").unwrap();
    set_attribute(&path, "user.pipefs.capacity", b"1").unwrap();
    drop(writer);
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"x");
    set_attribute(&path, "user.pipefs.mode", b"shared").unwrap();
}

/// SEMANTICS: attribute-settings
///
/// A writer that waits goes on when its pipe becomes larger.
#[test]
fn a_larger_capacity_lets_a_writer_go_on() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=1"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"full").unwrap();
    let mut writing = Task::spawn(move || (writer.write(b"more"), writer));
    writing.assert_waits();
    set_attribute(mount.path("p"), "user.pipefs.capacity", b"1K").unwrap();
    assert_eq!(writing.join(SOON).0, Ok(4));
}

/// SEMANTICS: attribute-state
#[test]
fn the_state_shows_instances_and_who_holds_them() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    server.write_all(b"hello").unwrap();
    let seen = state(mount.path("p"));
    assert_eq!(seen["settings"]["access"], "auto");
    assert_eq!(seen["instances"][0]["state"], "listening");
    assert_eq!(seen["instances"][0]["buffered_bytes"], 5);
    assert_eq!(seen["instances"][0]["ends"][0]["role"], "server");
    assert_eq!(seen["instances"][0]["ends"][0]["uid"], sys::effective_uid());
    let client = mount.open("p", O_RDWR);
    assert_eq!(client.read(2).unwrap(), b"he");
    let seen = state(mount.path("p"));
    assert_eq!(seen["instances"][0]["state"], "connected");
    assert_eq!(seen["buffered_bytes"], 3);
    assert_eq!(seen["totals"]["read_bytes"], 2);
    drop(client);
    let seen = state(mount.path("p"));
    assert_eq!(seen["instances"][0]["state"], "closing");
    assert_eq!(seen["totals"]["discarded_bytes"], 3);
    let pending = mount.open("p", O_RDWR | O_NONBLOCK);
    drop((server, pending));
    let summary = state(mount.dir());
    assert_eq!((&summary["pipes"], &summary["directories"]), (&1.into(), &1.into()));
    assert_eq!((&summary["ends"], &summary["memory_used_bytes"]), (&0.into(), &0.into()));
}

/// SEMANTICS: attribute-state
#[test]
fn the_state_names_the_process() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"exec 3> "$1"; echo opened; exec sleep 60"#;
    let holder = Child::spawn(&mut sh(script, &[mount.path("p")]));
    eventually(SOON, || holder.stdout().contains("opened"));
    let end = state(mount.path("p"))["instances"][0]["ends"][0].clone();
    assert_eq!((&end["pid"], &end["role"]), (&holder.pid().into(), &"server".into()));
}

/// SEMANTICS: attribute-state
///
/// An attribute has at most 64 KiB; what is not listed is counted.
#[test]
fn the_state_of_very_many_instances_fits() {
    skip_without_fuse!();
    let mount = Mount::new().lasting(Duration::from_secs(60));
    mount.make("p");
    for _ in 0..1000 {
        mount.open("p", O_WRONLY).write_all(b"x").unwrap();
    }
    let seen = state(mount.path("p"));
    let listed = seen["instances"].as_array().unwrap().len() as u64;
    assert!(listed > 50);
    assert_eq!(listed + seen["instances_not_listed"].as_u64().unwrap(), 1000);
    assert_eq!(seen["buffered_bytes"], 1000);
}

/// SEMANTICS: attribute-peek
#[test]
fn a_peek_takes_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    assert_eq!(attribute(&path, "user.pipefs.peek").unwrap(), b"");
    for text in [&b"first"[..], b"second"] {
        mount.open("p", O_WRONLY).write_all(text).unwrap();
    }
    assert_eq!(attribute(&path, "user.pipefs.peek").unwrap(), b"first");
    assert!(!attributes(&path).unwrap().contains(&"user.pipefs.peek".to_owned()));
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"first");
    assert_eq!(attribute(&path, "user.pipefs.peek").unwrap(), b"second");
    let long = mount.open("long", O_WRONLY | O_CREAT);
    long.write_all(&vec![7; 200_000]).unwrap();
    assert_eq!(attribute(mount.path("long"), "user.pipefs.peek").unwrap().len(), 64 << 10);
}

/// SEMANTICS: attribute-peek
#[test]
fn a_peek_at_messages_shows_the_next_one() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"one").unwrap();
    writer.write_all(b"two").unwrap();
    assert_eq!(attribute(mount.path("p"), "user.pipefs.peek").unwrap(), b"one");
    assert_eq!(state(mount.path("p"))["instances"][0]["buffered_messages"], 2);
}

/// SEMANTICS: attribute-permissions
#[test]
fn permissions_guard_settings_and_data() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    let path = mount.make("p");
    mount.open("p", O_WRONLY).write_all(b"secret").unwrap();
    let python = "import os, sys
for call in (lambda p: os.getxattr(p, 'user.pipefs.peek'),
             lambda p: os.setxattr(p, 'user.pipefs.capacity', b'1')):
    try:
        call(sys.argv[1])
        print('allowed')
    except PermissionError:
        print('refused')
";
    for (mode, expected) in [
        (0o600, "refused\nrefused\n"),
        (0o644, "allowed\nrefused\n"),
        (0o666, "allowed\nallowed\n"),
    ] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let mut other = command("python3");
        other.args(["-c", python]).arg(&path);
        sys::run_as_user(&mut other, 65534, 65534);
        let output = run(&mut other, SOON);
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{mode:o} {output:?}");
    }
}

/// SEMANTICS: attribute-state
///
/// An inode of the kernel's for each open, and none when name and open files have gone.
#[test]
fn the_state_counts_the_kernels_inodes() {
    skip_without_fuse!();
    let mount = Mount::new();
    let doors = || state(mount.dir())["doors"].as_u64().unwrap();
    assert_eq!(doors(), 0);
    let ends: Vec<_> = (0..10).map(|_| mount.open("p", O_WRONLY | O_CREAT)).collect();
    assert_eq!(doors(), 10);
    std::fs::remove_file(mount.path("p")).unwrap();
    assert_eq!(doors(), 10, "open files go on");
    drop(ends);
    eventually(SOON, || doors() == 0);
}
