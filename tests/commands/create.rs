//! `pipefs create`.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::harness::calls::attribute;
use crate::harness::watchdog::new_directory;
use crate::harness::{Mount, Task, command, pipefs, run, sh, sys};
use crate::{Ran, SOON, does, pipefs_does, skip_unless_root, skip_without_fuse};

fn setting(mount: &Mount, name: &str, key: &str) -> String {
    let value = attribute(mount.path(name), &format!("user.pipefs.{key}")).unwrap();
    String::from_utf8(value).unwrap()
}

fn names(mount: &Mount) -> Vec<String> {
    let entries = fs::read_dir(mount.dir()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// SEMANTICS: command-create
#[test]
fn every_setting_can_be_given() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=2M"]);
    assert_eq!(does("create", mount.path("plain"), &[]).text(), "");
    assert_eq!(setting(&mount, "plain", "capacity"), "2097152", "the mount's own default");
    let values = [
        ("access", "duplex"),
        ("mode", "shared"),
        ("type", "message"),
        ("framing", "line"),
        ("capacity", "4194304"),
        ("max_instances", "7"),
        ("open", "fail"),
        ("wait_timeout", "1500ms"),
        ("linger", "drop"),
        ("overflow", "drop-oldest"),
    ];
    for (key, value) in values {
        // The option of its own, in both spellings, and by -o.
        let dashed = format!("--{}={value}", key.replace('_', "-"));
        for (way, arguments) in [
            ("dashed", &[&*dashed][..]),
            ("apart", &[&format!("--{key}"), value]),
            ("listed", &["-o", &format!("{key}={value}")]),
        ] {
            let name = format!("{key}-{way}");
            does("create", mount.path(&name), arguments).text();
            assert_eq!(setting(&mount, &name, key), value, "{name}");
        }
    }
    let all: Vec<String> = values.iter().map(|(key, value)| format!("{key}={value}")).collect();
    does("create", mount.path("all"), &["-o", &all.join(","), "-o", "linger=keep"]).text();
    for (key, value) in values.iter().filter(|(key, _)| *key != "linger") {
        assert_eq!(setting(&mount, "all", key), *value);
    }
    assert_eq!(setting(&mount, "all", "linger"), "keep", "the last one counts");
    does("create", mount.path("both"), &["--open=fail", "-o", "open=wait"]).text();
    assert_eq!(setting(&mount, "both", "open"), "fail", "an option goes before -o");
    does("create", mount.path("twice"), &["--open=fail", "--open=wait"]).text();
    assert_eq!(setting(&mount, "twice", "open"), "wait", "the last one counts");
}

/// SEMANTICS: command-create
#[test]
fn a_new_pipe_is_not_opened() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (one, two) = (mount.path("one"), mount.path("two"));
    let output = run(pipefs().arg("create").args([&one, &two]).arg("--mode=shared"), SOON);
    assert_eq!(Ran::from(output).text(), "");
    for path in [&one, &two] {
        assert!(fs::metadata(path).unwrap().is_file());
        let state = does("stat", path, &["--json"]).json();
        assert_eq!(
            (&state["totals"]["opens"], &state["instances"]),
            (&0.into(), &vec![0; 0].into())
        );
    }
    assert_eq!(names(&mount), ["one", "two"], "and nothing else");
}

/// SEMANTICS: command-create
#[test]
fn permissions_are_as_given_or_as_the_umask_says() {
    skip_without_fuse!();
    let mount = Mount::new();
    let binary = env!("CARGO_BIN_EXE_pipefs");
    for (name, umask, options, wanted) in [
        ("a", "0022", "", 0o644),
        ("b", "0077", "--mode=shared", 0o600),
        ("c", "0077", "--permissions=0666", 0o666),
        ("d", "0", "--permissions=0 --mode=shared", 0),
        ("e", "0277", "--capacity=1M", 0o400),
        ("f", "0022", "--permissions=640 --capacity=1M", 0o640),
    ] {
        let script = format!(r#"umask {umask}; exec {binary} create "$1" {options}"#);
        Ran::from(run(&mut sh(&script, &[mount.path(name)]), SOON)).text();
        let metadata = fs::metadata(mount.path(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, wanted, "{name}");
        assert_eq!(metadata.uid(), sys::effective_uid());
    }
    for bad in ["", "8", "-1", "+600", "1000", "0o600", "rw", "99999999999999999999"] {
        let said = does("create", mount.path("bad"), &[&format!("--permissions={bad}")]).refusal(2);
        assert!(said.contains("--permissions"), "{said}");
    }
    assert!(!mount.path("bad").exists());
}

/// SEMANTICS: command-create
///
/// Whoever waits for the name to appear finds a pipe with all its settings.
#[test]
fn a_pipe_has_its_settings_from_the_first_moment() {
    skip_without_fuse!();
    let mount = Mount::new();
    let dir = mount.dir().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let watching = Task::spawn(move || {
        let mut seen = 0;
        while !stopped.load(Ordering::Relaxed) {
            if let Ok(mode) = attribute(dir.join("p"), "user.pipefs.mode") {
                assert_eq!(mode, b"shared");
                seen += 1;
            }
        }
        seen
    });
    for _ in 0..50 {
        does("create", mount.path("p"), &["--capacity=4M", "--type=message", "--mode=shared"])
            .text();
        fs::remove_file(mount.path("p")).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    assert!(watching.join(SOON) > 0, "it was never seen");
    assert!(names(&mount).is_empty(), "{:?}", names(&mount));
}

/// SEMANTICS: command-create, command-errors
#[test]
fn a_name_that_is_taken_stays_as_it_is() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    fs::create_dir(mount.path("d")).unwrap();
    for name in ["p", "d"] {
        for more in [&[][..], &["--mode", "shared"]] {
            let said = does("create", mount.path(name), more).refusal(5);
            assert!(said.contains("exists already: `pipefs set`"), "{said}");
        }
    }
    assert_eq!(setting(&mount, "p", "mode"), "instance");
    assert_eq!(names(&mount), ["d", "p"]);
    // The others of several are made.
    let paths = ["p", "q"].map(|name| mount.path(name));
    let ran = Ran::from(run(pipefs().args(["create", "--mode=shared"]).args(paths), SOON));
    assert_eq!(ran.refusal(5).matches("exists already").count(), 1);
    assert_eq!(setting(&mount, "q", "mode"), "shared");
}

/// SEMANTICS: command-errors, max-pipes
#[test]
fn that_there_are_as_many_names_as_there_may_be_is_said() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "max_pipes=1"]);
    mount.make("p");
    for more in [&[][..], &["--mode", "shared"]] {
        let refusal = does("create", mount.path("x"), more).refusal(1);
        assert!(refusal.contains("larger max_pipes"), "{refusal}");
    }
    assert_eq!(names(&mount), ["p"]);
}

/// SEMANTICS: command-errors
#[test]
fn where_no_pipe_can_be_is_said() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let place = new_directory();
    for (path, said) in [
        (place.join("x"), "is not on a pipefs"),
        (mount.path("missing/x"), "/missing` does not exist"),
        (mount.path("p/x"), "not a directory"),
        (mount.path("x/"), "ends in a name"),
        (mount.path(".."), "ends in a name"),
    ] {
        for more in [&[][..], &["--mode", "shared"]] {
            let refusal = does("create", &path, more).refusal(5);
            assert!(refusal.contains(said), "{refusal}");
        }
    }
    let long = does("create", mount.path("n".repeat(256)), &["--mode", "shared"]).refusal(1);
    assert!(long.contains("at most 255 bytes"), "{long}");
    assert_eq!(names(&mount), ["p"]);
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0, "no plain file was made");
    fs::remove_dir(place).unwrap();
    // 255 bytes are a name.
    does("create", mount.path("n".repeat(255)), &["--mode", "shared"]).text();
    pipefs_does(&["create"]).refusal(2);
}

/// SEMANTICS: command-errors
#[test]
fn others_directories_are_refused() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    fs::create_dir(mount.path("mine")).unwrap();
    fs::set_permissions(mount.path("mine"), PermissionsExt::from_mode(0o755)).unwrap();
    let place = new_directory();
    let binary = place.join("pipefs");
    fs::copy(env!("CARGO_BIN_EXE_pipefs"), &binary).unwrap();
    let as_other = |arguments: &[&str], path| -> Ran {
        let mut other = command(&binary);
        other.args(arguments).arg(path);
        sys::run_as_user(&mut other, 65_534, 65_534);
        run(&mut other, SOON).into()
    };
    for more in [&["create"][..], &["create", "--mode=shared"]] {
        let said = as_other(more, mount.path("mine/p")).refusal(6);
        assert!(said.contains("not permitted"), "{said}");
    }
    // In a directory of all users, a pipe of one's own with permissions that hinder even its owner.
    as_other(&["create", "--mode=shared", "--permissions=0400"], mount.path("own")).text();
    assert_eq!(fs::metadata(mount.path("own")).unwrap().uid(), 65_534);
    assert_eq!(setting(&mount, "own", "mode"), "shared");
    mount.make("roots");
    sys::chmod(mount.path("roots"), 0o600).unwrap();
    for command in ["stat", "peek"] {
        as_other(&[command], mount.path("roots")).refusal(6);
    }
    fs::remove_dir_all(place).unwrap();
}
