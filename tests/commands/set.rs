//! `pipefs set`.

use std::fs;
use std::time::Duration;

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::calls::attribute;
use crate::harness::watchdog::new_directory;
use crate::harness::{Mount, Task, command, run, sys};
use crate::{Ran, SOON, does, pipefs_does, skip_unless_root, skip_without_fuse};

fn settings(mount: &Mount, name: &str) -> Vec<String> {
    let read = |key: &str| attribute(mount.path(name), &format!("user.pipefs.{key}")).unwrap();
    pipefs::Settings::KEYS.map(|key| String::from_utf8(read(key)).unwrap()).into()
}

/// SEMANTICS: command-set
#[test]
fn settings_are_changed() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let changes = [
        "access=duplex",
        "mode=shared",
        "type=message",
        "framing=line",
        "capacity=4M",
        "max_instances=7",
        "open=fail",
        "wait_timeout=1500ms",
        "linger=drop",
        "lifetime=last-close",
        "overflow=drop-oldest",
    ];
    assert_eq!(does("set", &path, &changes).text(), "");
    let wanted = [
        "duplex",
        "shared",
        "message",
        "line",
        "4194304",
        "7",
        "fail",
        "1500ms",
        "drop",
        "last-close",
        "drop-oldest",
    ];
    assert_eq!(settings(&mount, "p"), wanted);
    does("set", &path, &["capacity=1M", "capacity=2M"]).text();
    assert_eq!(settings(&mount, "p")[4], "2097152", "the last one counts");
}

/// SEMANTICS: command-set, command-errors
#[test]
fn all_or_nothing_is_changed() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"x").unwrap();
    let before = settings(&mount, "p");
    for changes in [
        &["mode=shared"][..],
        &["capacity=1", "overflow=error", "mode=shared"],
        &["capacity=1", "capacity=2", "type=message", "open=fail"],
    ] {
        let said = does("set", &path, changes).refusal(7);
        assert!(said.contains("in use") && said.contains("close it everywhere"), "{said}");
        assert_eq!(settings(&mount, "p"), before, "{changes:?}");
    }
    for (changes, expected) in [
        (&["capacity=1", "mode=both"][..], "`both` is no value for mode: expected instance"),
        (&["capacity=1", "colour=red"], "unknown setting `colour`"),
        (&["capacity=1", "mode"], "`mode` is no KEY=VALUE"),
        (&["capacity=1", ""], "`` is no KEY=VALUE"),
    ] {
        let said = does("set", &path, changes).refusal(2);
        assert!(said.contains(expected), "{said}");
        assert_eq!(settings(&mount, "p"), before, "{changes:?}");
    }
    // What is said to help does help.
    drop(writer);
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"x");
    does("set", &path, &["capacity=1", "mode=shared"]).text();
    pipefs_does(&[path.to_str().unwrap()]).refusal(2);
    does("set", &path, &[]).refusal(2);
}

/// SEMANTICS: command-set
///
/// What is in the way is found out after some settings have been changed already: a writer that
/// waits notices the larger capacity for a moment and goes on, and the pipe is as before.
#[test]
fn what_was_changed_is_put_back() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=1"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"full").unwrap();
    let mut writing = Task::spawn(move || (writer.write(b"more"), writer));
    writing.assert_waits();
    does("set", mount.path("p"), &["capacity=1K", "mode=shared"]).refusal(7);
    assert_eq!(settings(&mount, "p")[4], "1");
    assert!(writing.ends_within(Duration::from_secs(10)), "it was larger for a moment");
}

/// SEMANTICS: command-errors
#[test]
fn who_may_not_write_may_not_set() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    let path = mount.make("p");
    sys::chmod(&path, 0o644).unwrap();
    let place = new_directory();
    let binary = place.join("pipefs");
    fs::copy(env!("CARGO_BIN_EXE_pipefs"), &binary).unwrap();
    let mut other = command(&binary);
    other.arg("set").arg(&path).arg("capacity=1");
    sys::run_as_user(&mut other, 65_534, 65_534);
    let said = Ran::from(run(&mut other, SOON)).refusal(6);
    assert!(said.contains("not permitted"), "{said}");
    assert_eq!(settings(&mount, "p")[4], "1048576");
    fs::remove_dir_all(place).unwrap();
}
