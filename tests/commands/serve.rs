//! `pipefs serve`: what its programs get, how many there are, and what cannot be served.

use std::ffi::OsStr;
use std::fs;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::Duration;

use libc::{O_RDWR, O_WRONLY, SIGCONT, SIGINT, SIGSTOP, SIGTERM};

use crate::harness::actor::sequence;
use crate::harness::process::Stat;
use crate::harness::sys::memory_file;
use crate::harness::watchdog::new_directory;
use crate::harness::{Child, Mount, eventually, pipefs, run, sh};
use crate::{Ran, SOON, does, pipefs_does, skip_without_fuse, state};

/// A program that sends back what it gets, as it comes.
pub(crate) const ECHO: [&str; 2] = ["tee", "/dev/null"];

/// A server, which listens.
pub(crate) fn serve<S: AsRef<OsStr>>(path: &Path, options: &[&str], program: &[S]) -> Child {
    let mut command = pipefs();
    command.arg("serve").arg(path).args(options).arg("--").args(program);
    let child = Child::spawn(&mut command);
    eventually(SOON, || path.exists());
    assert_eq!(does("wait", path, &["--timeout=20s"]).text(), "", "{child:?}");
    child
}

/// Ends a server as its user does.
#[track_caller]
pub(crate) fn stop(mut server: Child) -> String {
    server.signal(SIGTERM);
    assert_eq!(server.wait(SOON).code(), Some(0), "{server:?}");
    server.stderr()
}

/// The children of a process, and the state of each.
pub(crate) fn children(pid: i32) -> Vec<(i32, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pids = text.split_whitespace().filter_map(|pid| pid.parse().ok());
    pids.filter_map(|pid| Some((pid, Stat::read(pid, pid)?.state))).collect()
}

/// SEMANTICS: command-serve, command-call
#[test]
fn the_example_works() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"
        PATH=${1%/*}:$PATH
        pipefs serve "$2/upper" -- tr a-z A-Z &
        pipefs call "$2/upper" hello
        echo " $?"
        kill $! && wait $!
        echo "$? $(ls "$2")"
    "#;
    let arguments = [OsStr::new(env!("CARGO_BIN_EXE_pipefs")), mount.dir().as_os_str()];
    let output = run(&mut sh(script, &arguments), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "HELLO 0\n0 \n", "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// Some of the callers, a process each.
const CALLER: &str = r#"
    for i in $(seq "$3"); do
        reply=$("$1" call --timeout 100s "$2" "$$ is number $i") || exit
        [ "$reply" = "$$ IS NUMBER $i" ] || { echo "wrong: $reply" >&2; exit 1; }
    done
"#;

/// SEMANTICS: command-serve, serve-limit
#[test]
fn two_hundred_calls_from_sixteen_processes_are_all_right() {
    skip_without_fuse!();
    let time = Duration::from_secs(150);
    let mount = Mount::new().lasting(time);
    let path = mount.path("upper");
    let server = serve(&path, &["--limit", "4"], &["tr", "a-z", "A-Z"]);
    let program = OsStr::new(env!("CARGO_BIN_EXE_pipefs"));
    let mut callers: Vec<Child> = (0..16)
        .map(|n| {
            let count = if n % 2 == 0 { "12" } else { "13" };
            Child::spawn(&mut sh(CALLER, &[program, path.as_os_str(), OsStr::new(count)]))
        })
        .collect();
    let mut most = 0;
    eventually(time, || {
        most = most.max(children(server.pid()).len());
        callers.iter_mut().all(|caller| caller.ends_within(Duration::ZERO).is_some())
    });
    for mut caller in callers {
        assert_eq!((caller.wait(SOON).code(), caller.stderr()), (Some(0), String::new()));
    }
    assert!((2..=4).contains(&most), "{most} programs at once");
    eventually(SOON, || children(server.pid()).is_empty());
    let state = state(&path);
    assert_eq!(state["instances"].as_array().map(Vec::len), Some(1), "{state}");
    assert_eq!(state["instances"][0]["state"], "listening", "{state}");
    assert_eq!(stop(server), "");
}

/// SEMANTICS: command-serve
#[test]
fn large_and_binary_messages_go_both_ways() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("echo");
    let server = serve(&path, &[], &ECHO);
    let all: Vec<u8> = sequence(1, (1 << 20) - 4096);
    for length in [0, 1, 100_000, all.len()] {
        let mut file = memory_file("input");
        file.write_all(&all[..length]).unwrap();
        file.rewind().unwrap();
        let ran = Ran::from(run(pipefs().arg("call").arg(&path).stdin(file), SOON));
        assert_eq!((ran.code, &*ran.said), (Some(0), ""), "{length}");
        assert!(ran.printed == all[..length], "{length}");
    }
    assert_eq!(stop(server), "");
}

/// SEMANTICS: serve-environment
#[test]
fn a_program_is_told_whom_it_serves() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = "cat > /dev/null; env | grep -E '^PIPEFS_(CLIENT|PIPE)' | sort";
    let mut command = pipefs();
    command.args(["serve", "who", "--", "sh", "-c", script]).current_dir(mount.dir());
    let server = Child::spawn(&mut command);
    let path = mount.path("who");
    eventually(SOON, || path.exists());
    let mut call = Child::spawn(pipefs().arg("call").arg(&path).arg(""));
    assert_eq!(call.wait(SOON).code(), Some(0), "{call:?}");
    let (uid, gid) = (nix::unistd::getuid(), nix::unistd::getgid());
    let expected = format!(
        "PIPEFS_CLIENT_GID={gid}\nPIPEFS_CLIENT_PID={}\nPIPEFS_CLIENT_UID={uid}\nPIPEFS_PIPE={}\n",
        call.pid(),
        path.display()
    );
    assert_eq!(call.stdout(), expected);
    assert_eq!(stop(server), "");
}

/// SEMANTICS: serve-client-gone
#[test]
fn a_client_that_has_left_costs_no_program_unless_it_wrote() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("log");
    let log = new_directory().join("log");
    let script = format!("echo start >> {0}; cat >> {0}; echo end >> {0}", log.display());
    let server = serve(&path, &[], &["sh", "-c", &script]);
    for write in [false, true] {
        server.signal(SIGSTOP);
        eventually(SOON, || Stat::read(server.pid(), server.pid()).unwrap().state == 'T');
        let client = mount.open("log", if write { O_WRONLY } else { O_RDWR });
        if write {
            client.write_all(b"text\n").unwrap();
        }
        client.close().unwrap();
        server.signal(SIGCONT);
        assert_eq!(does("wait", &path, &[]).text(), "");
    }
    eventually(SOON, || fs::read_to_string(&log).is_ok_and(|log| log.ends_with("end\n")));
    assert_eq!(fs::read_to_string(&log).unwrap(), "start\ntext\nend\n");
    assert_eq!(stop(server), "");
}

/// SEMANTICS: serve-existing, serve-limit
#[test]
fn a_pipe_that_is_there_is_used_as_it_is_and_stays() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    assert_eq!(does("create", &path, &["--max-instances=2", "--type=message"]).text(), "");
    let server = serve(&path, &["--limit=9", "--type=message"], &ECHO);
    // The third client has to wait: there are no more instances.
    let clients = [0, 1].map(|_| mount.open("p", O_RDWR | libc::O_APPEND));
    let mut third = mount.opening("p", O_RDWR | libc::O_APPEND);
    third.assert_waits();
    for client in clients {
        client.write_all(b"hello").unwrap();
        assert_eq!(client.read(9).unwrap(), b"hello");
    }
    let client = third.join(SOON).unwrap();
    client.write_all(b"hello").unwrap();
    assert_eq!(client.read(9).unwrap(), b"hello");
    drop(client);
    assert_eq!(stop(server), "");
    assert!(path.exists());
}

/// SEMANTICS: serve-existing
#[test]
fn what_it_makes_does_not_depend_on_the_mount() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=shared,access=inbound,lifetime=last-close"]);
    let path = mount.path("p");
    let server = serve(&path, &["--limit=1"], &ECHO);
    for text in ["one", "two"] {
        assert_eq!(does("call", &path, &[text]).text(), text);
    }
    assert_eq!(stop(server), "");
    assert!(!path.exists());
}

/// SEMANTICS: command-serve
#[test]
fn bytes_can_be_served() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let server = serve(&path, &["--type=byte"], &ECHO);
    let said = does("call", &path, &["hello"]).refusal(1);
    assert!(said.contains("type=message"), "{said}");
    let client = mount.open("p", O_RDWR);
    client.write_all(b"hello").unwrap();
    assert_eq!(client.read(9).unwrap(), b"hello");
    drop(client);
    eventually(SOON, || children(server.pid()).is_empty());
    assert_eq!(stop(server), "");
}

/// SEMANTICS: serve-refused, command-errors
#[test]
fn what_cannot_be_served_is_said_before_a_client_comes() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let refusal = |code, path: &Path, options: &[&str]| {
        let arguments = [&["serve", path.to_str().unwrap()][..], options].concat();
        pipefs_does(&arguments).refusal(code)
    };
    assert!(refusal(2, &path, &["--", "no-such-program"]).contains("`PATH`"));
    assert!(refusal(2, &path, &["--", "/etc/passwd"]).contains("no program that can be run"));
    refusal(2, &path, &["--", "/etc"]);
    refusal(2, &path, &[]);
    refusal(2, &path, &["--"]);
    refusal(2, &path, &["--limit=0", "--", "cat"]);
    refusal(2, &path, &["--type=text", "--", "cat"]);
    assert!(!path.exists(), "nothing was made");
    refusal(5, mount.dir(), &["--", "cat"]);
    refusal(5, &mount.path("missing/p"), &["--", "cat"]);
    refusal(5, Path::new("/tmp/no-pipe-here"), &["--", "cat"]);
    for (settings, why) in [
        ("mode=shared", "`instance`"),
        ("access=outbound", "one way"),
        ("type=byte", "is there already, with `type=byte`"),
    ] {
        let path = mount.path(settings);
        assert_eq!(does("create", &path, &["-o", settings]).text(), "");
        assert!(refusal(1, &path, &["--type=message", "--", "cat"]).contains(why), "{settings}");
        assert!(path.exists());
    }
}

/// SEMANTICS: serve-failing
#[test]
fn a_program_that_fails_is_reported_and_the_next_one_serves() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let script = r#"read -r what; case $what in kill) kill -9 $$;; *) exit "$what";; esac"#;
    let server = serve(&path, &[], &["sh", "-c", script]);
    for (what, code) in [("3\n", 9), ("kill\n", 9), ("0\n", 0)] {
        let ran = does("call", &path, &[what]);
        assert_eq!((ran.code, &*ran.printed), (Some(code), &b""[..]), "{what}: {ran:?}");
    }
    let said = stop(server);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].starts_with("pipefs: `sh`: exit status: 3, client "), "{said}");
    assert!(lines[1].starts_with("pipefs: `sh`: signal: 9 (SIGKILL), client "), "{said}");
}

/// SEMANTICS: command-serve
#[test]
fn signals_that_its_caller_ignores_do_not_end_it() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let arguments = [OsStr::new(env!("CARGO_BIN_EXE_pipefs")), path.as_os_str()];
    let script = "trap '' INT; exec \"$1\" serve \"$2\" -- tee /dev/null";
    let mut server = Child::spawn(&mut sh(script, &arguments));
    eventually(SOON, || path.exists());
    assert_eq!(does("call", &path, &["one"]).text(), "one");
    server.signal(SIGINT);
    assert_eq!(does("call", &path, &["two"]).text(), "two");
    assert_eq!(server.ends_within(Duration::ZERO), None);
    server.signal(SIGTERM);
    assert_eq!(server.wait(SOON).code(), Some(0), "{server:?}");
}

/// SEMANTICS: limit-same-file
#[test]
fn cat_and_grep_take_input_and_output_for_one_file() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("grep");
    let server = serve(&path, &[], &["grep", "e"]);
    does("call", &path, &["hello\n"]).refusal(9);
    assert!(stop(server).contains("input file is also the output"));
    let server = serve(&path, &[], &["sh", "-c", "grep e | cat"]);
    assert_eq!(does("call", &path, &["hello\n"]).text(), "hello\n");
    assert_eq!(stop(server), "");
}
