//! `pipefs stat`.

use std::fs;

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};
use serde_json::Value;

use crate::harness::calls::{attribute, set_attribute};
use crate::harness::watchdog::new_directory;
use crate::harness::{Child, Fd, Mount, eventually, pipefs, run, sh, sys};
use crate::{Ran, SOON, does, on_terminal, skip_without_fuse};

/// The value behind a word at the beginning of a line.
fn field<'a>(text: &'a str, what: &str) -> &'a str {
    let mut lines = text.lines().map(str::trim_start);
    let value = lines.find_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {what} in\n{text}")).trim()
}

/// SEMANTICS: command-stat
#[test]
fn people_see_everything() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("jobs");
    let options = ["--type=message", "--capacity=4M", "--wait-timeout=5s", "--permissions=0640"];
    does("create", &path, &options).text();
    let script = r#"exec 3<> "$1"; echo opened; exec sleep 60"#;
    let holder = Child::spawn(&mut sh(script, &[&path]));
    eventually(SOON, || holder.stdout().contains("opened"));
    // Not in a thread that ends: nobody could tell the process by its number.
    let client = Fd::open(&path, O_RDWR).unwrap();
    client.write_all(b"hello").unwrap();
    let _listens = mount.open("jobs", O_RDWR | O_TRUNC);

    let text = does("stat", &path, &[]).text();
    assert_eq!(text.lines().next(), path.to_str());
    for (what, value) in [
        ("permissions", "0640"),
        ("buffered", "5 bytes"),
        ("waiting clients", "0"),
        ("access", "auto"),
        ("mode", "instance"),
        ("type", "message"),
        ("capacity", "4M (4194304 bytes)"),
        ("wait_timeout", "5000ms"),
        ("opens", "3"),
        ("written", "5 bytes"),
        ("read", "0 bytes"),
        ("dropped count", "0"),
        ("instance 1:", "connected, holds 5 bytes, 1 message"),
        ("instance 2:", "listening, holds 0 bytes"),
    ] {
        assert_eq!(field(&text, what), value, "{what}");
    }
    for key in pipefs::Settings::KEYS {
        field(&text, key);
    }
    let (pid, own) = (holder.pid(), std::process::id());
    let owner = field(&text, "owner");
    assert_eq!(field(&text, "server"), format!("pid {pid} (sleep), {owner}"));
    assert!(field(&text, "client").starts_with(&format!("pid {own} (")), "{text}");
    // The same on a terminal, and looking has changed nothing.
    assert_eq!(on_terminal(&["stat", path.to_str().unwrap()]), text);
}

/// SEMANTICS: command-stat
#[test]
fn programs_get_the_state_and_the_name() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (one, two) = (mount.make("one"), mount.make("two"));
    mount.open("two", O_WRONLY).write_all(b"x").unwrap();
    let output = run(pipefs().args(["stat", "--json"]).args([&one, &two]), SOON);
    let text = Ran::from(output).text();
    assert_eq!(text.lines().count(), 2, "a line each");
    for (line, path) in text.lines().zip([&one, &two]) {
        let mut object: Value = serde_json::from_str(line).unwrap();
        let name = object.as_object_mut().unwrap().remove("name");
        assert_eq!(name, Some(path.to_str().unwrap().into()));
        let state = attribute(path, "user.pipefs.state").unwrap();
        assert_eq!(object, serde_json::from_slice::<Value>(&state).unwrap());
    }
}

/// SEMANTICS: command-stat
#[test]
fn what_each_reader_of_a_broadcast_has_is_shown() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=broadcast,overflow=drop-oldest,capacity=8"]);
    let writer = mount.open("news", O_WRONLY | O_CREAT);
    let (fast, _slow) = (mount.open("news", O_RDONLY), mount.open("news", O_RDONLY));
    writer.write_all(b"12345678").unwrap();
    assert_eq!(fast.read(9).unwrap(), b"12345678");
    writer.write_all(b"abc").unwrap();
    let text = does("stat", mount.path("news"), &[]).text();
    assert!(text.contains(", holds 3 bytes\n"), "{text}");
    assert_eq!(text.matches(", missed ").count(), 1, "{text}");
    let text = does("ls", mount.dir(), &[]).text();
    assert!(text.contains(" broadcast  broadcast 3  news\n"), "{text}");
}

/// SEMANTICS: command-stat
#[test]
fn of_very_many_instances_some_are_listed() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    for _ in 0..300 {
        mount.open("p", O_WRONLY).write_all(b"x").unwrap();
    }
    let text = does("stat", &path, &[]).text();
    let listed = text.matches("listening").count();
    assert!(text.ends_with(&format!("  {} more instances, not listed\n", 300 - listed)), "{text}");
    let text = does("ls", mount.dir(), &[]).text();
    let wanted = format!("listening {listed}, {} more", 300 - listed);
    assert!(text.contains(&wanted), "{text}");
}

/// SEMANTICS: command-stat-mount
#[test]
fn people_see_the_whole_mount() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "memory=8M,user_memory=2M,max_pipes=unlimited"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(&[7; 1500]).unwrap();
    let text = does("stat", mount.dir(), &[]).text();
    assert_eq!(text.lines().next(), mount.dir().to_str());
    for (what, value) in [
        ("pipes", "1"),
        ("max pipes", "unlimited"),
        ("instances", "1"),
        ("total instances", "100000"),
        ("memory limit", "8M (8388608 bytes)"),
        ("memory used", "1.5K (1500 bytes)"),
        ("user memory limit", "2M (2097152 bytes)"),
        ("written", "1.5K (1500 bytes)"),
        ("read", "0 bytes"),
        ("interrupted", "0"),
        ("write", "1"),
    ] {
        assert_eq!(field(&text, what), value, "{what}\n{text}");
    }
    let (_, users) = text.split_once("  users\n").unwrap();
    let user = users.lines().next().unwrap();
    assert!(user.ends_with(" 1.5K (1500 bytes)"), "{user}");

    let json = does("stat", mount.dir(), &["--json"]).json();
    assert_eq!(json["name"], mount.dir().to_str().unwrap());
    assert_eq!(json["totals"]["requests"]["write"], 1);
    assert_eq!((&json["max_pipes"], &json["memory_used_bytes"]), (&Value::Null, &1500.into()));
}

/// SEMANTICS: command-errors
#[test]
fn what_is_no_pipe_is_said() {
    skip_without_fuse!();
    let mount = Mount::new();
    let pipe = mount.make("p");
    fs::create_dir(mount.path("sub")).unwrap();
    let place = new_directory();
    let file = place.join("file");
    fs::write(&file, "").unwrap();
    // As a copy with all attributes has it; not every filesystem takes it.
    let _ = set_attribute(&file, "user.pipefs.state", b"{}");
    sys::mkfifo(place.join("fifo"), 0o600).unwrap();
    for command in ["stat", "peek", "set"] {
        let more = if command == "set" { &["capacity=1M"][..] } else { &[] };
        for (path, said) in [
            (mount.path("missing"), "does not exist: `pipefs create`"),
            (mount.path("p/x"), "is no directory"),
            (mount.path("sub"), "is a directory: `pipefs ls`"),
            (file.clone(), "is not on a pipefs"),
            (place.clone(), "is not on a pipefs"),
            (place.join("fifo"), "is not on a pipefs"),
            ("/dev/null".into(), "is not on a pipefs"),
        ] {
            let refusal = does(command, &path, more).refusal(5);
            assert!(refusal.contains(path.to_str().unwrap()), "{refusal}");
            assert!(refusal.contains(said), "{command}: {refusal}");
        }
        does(command, "", more).refusal(2);
        does(command, "n".repeat(300), more).refusal(1);
        let said = does(command, "n".repeat(100_000), more).refusal(1);
        assert!(said.len() < 10_000, "{} bytes", said.len());
    }
    fs::remove_dir_all(place).unwrap();

    // A link from elsewhere leads to the pipe.
    let link = new_directory().join("link");
    std::os::unix::fs::symlink(&pipe, &link).unwrap();
    assert!(does("stat", &link, &[]).text().contains("waiting clients"));
}

/// SEMANTICS: command-errors
///
/// One name that cannot be shown does not keep the others from being shown.
#[test]
fn each_name_has_its_turn() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (one, two) = (mount.make("one"), mount.make("two"));
    let missing = [mount.path("first"), mount.path("second")];
    let names = [&missing[0], &one, &missing[1], &two];
    let ran = Ran::from(run(pipefs().arg("stat").args(names), SOON));
    assert_eq!(ran.code, Some(5));
    let said: Vec<&str> = ran.said.lines().collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("/first`") && said[1].contains("/second`"), "{said:?}");
    let printed = String::from_utf8(ran.printed).unwrap();
    assert_eq!(printed.matches("waiting clients").count(), 2);
}

/// SEMANTICS: command-errors
#[test]
fn a_dead_mount_is_said() {
    skip_without_fuse!();
    let mut mount = Mount::new();
    let path = mount.make("p");
    let _held = mount.open("q", O_RDWR | O_CREAT);
    mount.signal(libc::SIGKILL);
    mount.wait(SOON);
    for (command, more) in
        [("stat", &[][..]), ("peek", &[]), ("set", &["capacity=1M"]), ("create", &[])]
    {
        let said = does(command, &path, more).refusal(3);
        assert!(said.contains("`pipefs umount`"), "{command}: {said}");
    }
}
