//! `pipefs ls`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};
use serde_json::Value;

use crate::harness::watchdog::new_directory;
use crate::harness::{Mount, Task, command, pipefs, run, sh, sys};
use crate::{Ran, SOON, does, on_terminal, skip_unless_root, skip_without_fuse};

/// The columns of each line.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines().map(|line| line.split_whitespace().collect()).collect()
}

fn member<'a>(listed: &'a Value, name: &str) -> &'a Value {
    let mut found = listed.as_array().unwrap().iter().filter(|object| object["name"] == name);
    found.next().unwrap_or_else(|| panic!("no {name} in {listed}"))
}

/// SEMANTICS: command-ls
#[test]
fn what_goes_on_is_listed() {
    skip_without_fuse!();
    let mount = Mount::new();
    let owner = if sys::effective_uid() == 0 { "root" } else { &*whoami() };
    assert_eq!(does("ls", mount.dir(), &[]).text(), "");
    let _served = [mount.open("calls", O_RDWR | O_CREAT | O_TRUNC), mount.open("calls", O_RDWR)];
    let _listens = mount.open("calls", O_RDWR | O_TRUNC);
    mount.open("greeting", O_WRONLY | O_CREAT).write_all(&[b'x'; 1536]).unwrap();
    mount.make("idle");
    let jobs = mount.path("jobs");
    does("create", &jobs, &["--mode", "shared", "--type", "message"]).text();
    let writers = [mount.open("jobs", O_WRONLY), mount.open("jobs", O_WRONLY)];
    writers[0].write_all(b"one").unwrap();
    writers[1].write_all(b"two").unwrap();
    let _waits = mount.open("waits", O_RDONLY | O_CREAT | O_NONBLOCK);
    fs::create_dir(mount.path("sub")).unwrap();
    mount.make("sub/inner");

    let wanted = [
        format!("0 - 0 {owner} - connected 1, listening 1 calls"),
        format!("1.5K - 0 {owner} - listening 1 greeting"),
        format!("0 - 0 {owner} - - idle"),
        format!("6 2 0 {owner} shared,message shared 2 jobs"),
        format!("- - - {owner} directory - sub/"),
        format!("0 - 1 {owner} - - waits"),
    ];
    let text = does("ls", mount.dir(), &[]).text();
    let lines: Vec<String> = rows(&text).iter().map(|row| row.join(" ")).collect();
    assert_eq!(lines, wanted);
    let starts: Vec<usize> =
        text.lines().map(|line| line.rfind(' ').expect("columns") + 1).collect();
    assert!(starts.iter().all(|start| *start == starts[0]), "aligned:\n{text}");

    let shown = on_terminal(&["ls", "--recursive", mount.dir().to_str().unwrap()]);
    let (head, rest) = shown.split_once('\n').unwrap();
    assert_eq!(head.split_whitespace().last(), Some("NAME"), "{shown}");
    assert_eq!(rows(rest).len(), 7, "{shown}");
    assert_eq!(rows(rest)[6].join(" "), format!("0 - 0 {owner} - - sub/inner"));
    // Looking has changed nothing.
    assert_eq!(does("ls", mount.dir(), &[]).text(), text);
}

fn whoami() -> String {
    String::from_utf8(run(command("id").arg("-un"), SOON).stdout).unwrap().trim().to_owned()
}

/// SEMANTICS: command-ls
#[test]
fn programs_get_an_array() {
    skip_without_fuse!();
    let mount = Mount::new();
    assert_eq!(does("ls", mount.dir(), &["--json"]).json(), Value::Array(Vec::new()));
    mount.open("p", O_WRONLY | O_CREAT).write_all(b"hello").unwrap();
    sys::chmod(mount.path("p"), 0o640).unwrap();
    fs::create_dir_all(mount.path("a/b")).unwrap();
    mount.make("a/b/q");
    let listed = does("ls", mount.dir(), &["--json", "-R"]).json();
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["a", "p", "a/b", "a/b/q"]);
    let pipe = member(&listed, "p");
    assert_eq!((&pipe["kind"], &pipe["permissions"]), (&"pipe".into(), &"0640".into()));
    assert_eq!((&pipe["uid"], &pipe["buffered_bytes"]), (&sys::effective_uid().into(), &5.into()));
    assert_eq!(pipe["settings"]["mode"], "instance");
    assert_eq!(pipe["instances"][0]["state"], "listening");
    let directory = member(&listed, "a/b");
    assert_eq!((&directory["kind"], &directory["settings"]), (&"directory".into(), &Value::Null));
    // The same on a terminal.
    let shown = on_terminal(&["ls", "--json", "-R", mount.dir().to_str().unwrap()]);
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), listed);
}

/// SEMANTICS: command-ls
///
/// Pipes come and go while they are listed.
#[test]
fn a_pipe_may_vanish_meanwhile() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("stays");
    fs::create_dir(mount.path("sub")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (dir, stopped) = (mount.dir().to_owned(), Arc::clone(&stop));
    let changing = Task::spawn(move || {
        let mut rounds = 0;
        while !stopped.load(Ordering::Relaxed) {
            for number in 0..20 {
                sys::mknod(dir.join(format!("p{number}")), libc::S_IFREG | 0o644).unwrap();
                fs::create_dir(dir.join(format!("sub/d{number}"))).unwrap();
            }
            for number in 0..20 {
                fs::remove_file(dir.join(format!("p{number}"))).unwrap();
                fs::remove_dir(dir.join(format!("sub/d{number}"))).unwrap();
            }
            rounds += 1;
        }
        rounds
    });
    let mut fewest = usize::MAX;
    let mut most = 0;
    for _ in 0..50 {
        let listed = does("ls", mount.dir(), &["--json", "-R"]).json();
        member(&listed, "stays");
        fewest = fewest.min(listed.as_array().unwrap().len());
        most = most.max(listed.as_array().unwrap().len());
    }
    stop.store(true, Ordering::Relaxed);
    assert!(changing.join(SOON) > 0);
    assert!(fewest < most, "always {most}: nothing came or went");
}

/// SEMANTICS: command-ls-unknown
///
/// A copy of the command that other users may run, wherever this one was built.
#[test]
fn what_may_not_be_read_is_unknown() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    for name in ["closed/hidden", "open/seen", "names/only"] {
        let _ = fs::create_dir(mount.path(name).parent().unwrap());
        mount.make(name);
    }
    let (secret, public) = (mount.make("secret"), mount.make("public"));
    sys::chmod(&secret, 0o600).unwrap();
    sys::chmod(&public, 0o644).unwrap();
    for (directory, mode) in [("closed", 0o700), ("open", 0o755), ("names", 0o744)] {
        fs::set_permissions(mount.path(directory), PermissionsExt::from_mode(mode)).unwrap();
    }
    let binary = new_directory().join("pipefs");
    fs::copy(env!("CARGO_BIN_EXE_pipefs"), &binary).unwrap();
    let as_other = |arguments: &[&str]| -> Ran {
        let mut other = command(&binary);
        other.arg("ls").arg(mount.dir()).args(arguments);
        sys::run_as_user(&mut other, 65_534, 65_534);
        run(&mut other, SOON).into()
    };

    let text = as_other(&[]).text();
    let row = |name| text.lines().find(|line| line.ends_with(name)).unwrap().split_whitespace();
    assert_eq!(row("secret").collect::<Vec<_>>().join(" "), "? ? ? root ? ? secret");
    assert_eq!(row("public").collect::<Vec<_>>().join(" "), "0 - 0 root - - public");
    let listed = as_other(&["--json"]).json();
    let error = member(&listed, "secret")["error"].as_str().unwrap();
    assert!(error.contains("ermission"), "{error}");
    assert_eq!(member(&listed, "secret")["permissions"], "0600");

    // A directory that cannot be read is a failure, and the others are listed nevertheless.
    let ran = as_other(&["-R"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert_eq!(ran.said.lines().count(), 1, "{ran:?}");
    assert!(ran.said.contains("/closed") && ran.said.contains("not permitted"), "{ran:?}");
    let printed = String::from_utf8(ran.printed).unwrap();
    assert!(printed.contains("open/seen") && !printed.contains("hidden"), "{printed}");
    let row = printed.lines().find(|line| line.ends_with("names/only")).unwrap();
    assert_eq!(row.split_whitespace().collect::<String>(), "??????names/only");
    fs::remove_dir_all(binary.parent().unwrap()).unwrap();
}

/// SEMANTICS: command-ls
#[test]
fn ten_thousand_pipes_are_listed() {
    skip_without_fuse!();
    let mount = Mount::new().lasting(Duration::from_secs(300));
    for number in 0..10_000 {
        sys::mknod(mount.path(format!("p{number:05}")), libc::S_IFREG | 0o644).unwrap();
    }
    let output = run(pipefs().arg("ls").arg(mount.dir()), Duration::from_secs(120));
    let text = Ran::from(output).text();
    assert_eq!(text.lines().count(), 10_000);
    assert!(text.lines().last().unwrap().ends_with("p09999"), "in the order of names");
    let output = run(pipefs().args(["ls", "--json"]).arg(mount.dir()), Duration::from_secs(120));
    assert_eq!(Ran::from(output).json().as_array().unwrap().len(), 10_000);
    // A reader that leaves early is no failure, and nobody goes on for it.
    let script = r#"("$0" ls --json "$1"; echo "ended with $?" >&2) | head -n 2"#;
    let mut shell = command("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_pipefs")]).arg(mount.dir());
    let output = run(&mut shell, Duration::from_secs(120));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "ended with 0\n");
    assert_eq!(output.stdout.split(|byte| *byte == b'\n').count(), 3);
}

/// SEMANTICS: command-errors
#[test]
fn what_cannot_be_listed_is_said() {
    skip_without_fuse!();
    let mut mount = Mount::new();
    let pipe = mount.make("p");
    let said = does("ls", &pipe, &[]).refusal(5);
    assert!(said.contains("`pipefs stat`"), "{said}");
    assert!(does("ls", mount.path("nowhere"), &[]).refusal(5).contains("does not exist"));
    let said = does("ls", "/proc", &[]).refusal(5);
    assert!(said.contains("not on a pipefs") && said.contains("mounted on"), "{said}");
    let script = format!(r#"exec {} ls "$1" >/dev/full"#, env!("CARGO_BIN_EXE_pipefs"));
    let said = Ran::from(run(&mut sh(&script, &[mount.dir()]), SOON)).refusal(1);
    assert!(said.contains("standard output"), "{said}");

    mount.signal(libc::SIGKILL);
    mount.wait(SOON);
    for arguments in [&[][..], &["-R"]] {
        let said = does("ls", mount.dir(), arguments).refusal(3);
        assert!(said.contains("pipefs umount"), "{said}");
    }
}
