//! `pipefs call`.

use std::io::{Seek, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use libc::{O_CREAT, O_RDWR, O_TRUNC, O_WRONLY, SIGINT, SIGKILL};

use crate::harness::actor::sequence;
use crate::harness::sys::memory_file;
use crate::harness::{Child, Errno, Fd, Mount, Task, eventually, pipefs, run, sh};
use crate::{Ran, SOON, does, on_terminal, skip_without_fuse, state};

/// Longest message.
const MOST: usize = (1 << 20) - 4096;

/// A mount of message pipes with a server on `p`.
fn served() -> (Mount, Fd) {
    let mount = Mount::with(&["-o", "type=message"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    (mount, server)
}

fn calling(path: &Path, arguments: &[&str]) -> Child {
    Child::spawn(pipefs().arg("call").arg(path).args(arguments))
}

/// Runs a call whose standard input is a file with this in it.
#[track_caller]
fn call_with_input(command: &mut Command, input: &[u8]) -> Ran {
    let mut file = memory_file("input");
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    run(command.stdin(file), SOON).into()
}

/// SEMANTICS: command-call
#[test]
fn all_replies_are_printed_up_to_the_end() {
    skip_without_fuse!();
    let (mount, server) = served();
    let mut call = calling(&mount.path("p"), &["request"]);
    assert_eq!(server.read(100).unwrap(), b"request");
    server.write_all(b"first\n").unwrap();
    assert_eq!(server.read(100).unwrap(), b"", "the end of the input");
    assert_eq!(server.peek(0).unwrap().messages, 0, "and nothing else");
    assert_eq!(server.send_empty(), Ok(0));
    server.write_all(b"\0\xffrest").unwrap();
    drop(server);
    assert_eq!(call.wait(SOON).code(), Some(0), "{call:?}");
    assert_eq!(call.stdout_bytes(), b"first\n\0\xffrest");
}

/// SEMANTICS: command-call-one
#[test]
fn one_message_and_one_reply_are_call_named_pipe() {
    skip_without_fuse!();
    let (mount, server) = served();
    for option in ["-1", "--one"] {
        let mut call = calling(&mount.path("p"), &[option, "--timeout=20s", "ping"]);
        assert_eq!(server.read(100).unwrap(), b"ping");
        server.write_all(b"pong").unwrap();
        assert_eq!(call.wait(SOON).code(), Some(0), "{call:?}");
        assert_eq!(call.stdout(), "pong");
        assert_eq!(server.peek(0), Err(Errno::EPIPE), "no empty message was sent");
        server.disconnect().unwrap();
        assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN));
    }
}

/// Servers that were written for Windows end a conversation by DisconnectNamedPipe.
///
/// SEMANTICS: command-call
#[test]
fn the_text_comes_from_the_standard_input_too() {
    skip_without_fuse!();
    let (mount, server) = served();
    let echo = Task::spawn(move || {
        for _ in 0..4 {
            server.connect(None).unwrap();
            let request = server.read(MOST).unwrap();
            server.write_all(&request).unwrap();
            server.fsync().unwrap();
            server.disconnect().unwrap();
        }
        server
    });
    let call = || {
        let mut call = pipefs();
        call.arg("call").arg(mount.path("p"));
        call
    };
    let all = sequence(7, MOST);
    assert_eq!(call_with_input(&mut call(), &all).printed, all);
    assert_eq!(call_with_input(call().arg("-"), b"dash").text(), "dash");
    assert_eq!(call_with_input(call().arg("text"), b"not this").text(), "text");
    assert_eq!(call_with_input(call().args(["--", "--one"]), b"").text(), "--one");
    echo.join(SOON);
}

/// SEMANTICS: command-call
#[test]
fn an_empty_text_is_an_empty_message_and_an_empty_reply_is_one() {
    skip_without_fuse!();
    let (mount, server) = served();
    let mut call = calling(&mount.path("p"), &[""]);
    assert_eq!(server.connect(None).map(drop), Ok(()));
    for _ in 0..2 {
        assert_eq!(server.read(9).unwrap(), b"");
    }
    server.send_empty().unwrap();
    drop(server);
    assert_eq!((call.wait(SOON).code(), call.stdout()), (Some(0), String::new()));
}

/// SEMANTICS: command-call
#[test]
fn a_server_may_reply_at_length_before_it_reads() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,capacity=4K"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let mut call = call_in_background(&mount, &sequence(0, 100_000));
    let replies: Vec<u8> = (0..100).flat_map(|n| vec![n; 4096]).collect();
    for reply in replies.chunks(4096) {
        server.write_all(reply).unwrap();
    }
    assert_eq!(server.read(MOST).unwrap(), sequence(0, 100_000));
    assert_eq!(server.read(MOST).unwrap(), b"");
    drop(server);
    assert_eq!(call.wait(SOON).code(), Some(0), "{call:?}");
    assert_eq!(call.stdout_bytes(), replies);
}

fn call_in_background(mount: &Mount, input: &[u8]) -> Child {
    let mut file = memory_file("input");
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    Child::spawn(pipefs().arg("call").arg(mount.path("p")).stdin(file))
}

/// SEMANTICS: command-call
#[test]
fn with_lines_the_last_one_is_ended() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,framing=line"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let mut call = calling(&mount.path("p"), &["one\ntwo"]);
    assert_eq!(server.read(100).unwrap(), b"one\n");
    assert_eq!(server.read(100).unwrap(), b"two\n");
    assert_eq!(server.read(100).unwrap(), b"");
    server.write_all(b"no end").unwrap();
    drop(server);
    assert_eq!((call.wait(SOON).code(), call.stdout()), (Some(0), "no end".into()), "{call:?}");
}

/// SEMANTICS: command-call
#[test]
fn on_a_terminal_the_last_line_ends() {
    skip_without_fuse!();
    let (mount, server) = served();
    let path = mount.path("p").to_str().unwrap().to_owned();
    let replying = Task::spawn(move || {
        for reply in [&b"HELLO"[..], b"HELLO\n"] {
            server.connect(None).unwrap();
            assert_eq!(server.read(9).unwrap(), b"hello");
            server.write_all(reply).unwrap();
            server.fsync().unwrap();
            server.disconnect().unwrap();
        }
    });
    assert_eq!(on_terminal(&["call", &path, "hello"]), "HELLO\n");
    assert_eq!(on_terminal(&["call", &path, "hello"]), "HELLO\n");
    replying.join(SOON);
}

/// SEMANTICS: command-call-refused
#[test]
fn it_never_becomes_a_server_and_gives_up_in_time() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let path = mount.make("p");
    let said = does("call", &path, &["--timeout=200ms", "hello"]).refusal(8);
    assert!(said.contains("no server listens, nothing was sent"), "{said}");
    let mut call = calling(&path, &["hello"]);
    eventually(SOON, || state(&path)["waiting_clients"] == 1);
    assert_eq!(state(&path)["instances"].as_array().map(Vec::len), Some(0));
    call.signal(SIGINT);
    assert_eq!(call.wait(SOON).signal(), Some(SIGINT));

    let server = mount.open("p", O_RDWR | O_TRUNC);
    let said = does("call", &path, &["--timeout=200ms", "hello"]).refusal(8);
    assert!(said.contains("no reply in time"), "{said}");
    assert_eq!(server.read(9).unwrap(), b"hello");
    server.disconnect().unwrap();
    let mut call = calling(&path, &["--timeout=1s", "hello"]);
    server.connect(None).unwrap();
    server.write_all(b"half").unwrap();
    assert_eq!((call.wait(SOON).code(), call.stdout()), (Some(8), "half".into()));
    assert!(call.stderr().contains("1 replies, and no end"), "{call:?}");
}

/// SEMANTICS: command-call-refused
#[test]
fn pipes_that_do_not_suit_are_not_opened() {
    skip_without_fuse!();
    let mount = Mount::new();
    let cases = [
        ("type=byte", "`type=message`"),
        ("type=message,access=outbound", "one way only"),
        ("type=message,access=inbound", "one way only"),
        ("type=message,mode=shared", "`instance`"),
        ("type=message,mode=broadcast", "`instance`"),
    ];
    for (index, (settings, why)) in cases.into_iter().enumerate() {
        let path = mount.path(format!("p{index}"));
        assert_eq!(does("create", &path, &["-o", settings]).text(), "");
        let said = does("call", &path, &["hello"]).refusal(1);
        assert!(said.contains(why) && said.contains("pipefs set"), "{settings}: {said}");
        assert_eq!(state(&path)["totals"]["opens"], 0, "{settings}");
    }
    // Of an `auto` pipe that is known only when it is opened.
    assert_eq!(does("create", mount.path("auto"), &["--type=message"]).text(), "");
    let _server = mount.open("auto", O_WRONLY);
    assert!(does("call", mount.path("auto"), &["hello"]).refusal(1).contains("one way only"));
    assert_eq!(does("create", mount.path("fails"), &["-o", "type=message,open=fail"]).text(), "");
    does("call", mount.path("fails"), &["hello"]).refusal(7);
    does("call", mount.path("missing"), &["--timeout=0", "hello"]).refusal(5);
    does("call", mount.dir(), &["hello"]).refusal(5);
}

/// SEMANTICS: command-call-refused
#[test]
fn what_is_too_long_is_not_sent() {
    skip_without_fuse!();
    let (mount, server) = served();
    let input = vec![0; MOST + 1];
    let said = call_with_input(pipefs().arg("call").arg(mount.path("p")), &input).refusal(2);
    assert!(said.contains("1044480 bytes"), "{said}");
    assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN), "it listens still");
    let said = on_terminal_failing(&mount);
    assert!(said.contains("nothing to send"), "{said}");
}

/// What a call without text says where a terminal is its input.
fn on_terminal_failing(mount: &Mount) -> String {
    let script = format!("'{}' call '{}'", env!("CARGO_BIN_EXE_pipefs"), mount.path("p").display());
    let output = run(crate::harness::command("script").args(["-qec", &script, "/dev/null"]), SOON);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// SEMANTICS: command-call-refused
#[test]
fn a_server_that_leaves_without_a_reply_is_noticed() {
    skip_without_fuse!();
    let (mount, server) = served();
    let mut call = calling(&mount.path("p"), &["hello"]);
    assert_eq!(server.read(9).unwrap(), b"hello");
    drop(server);
    assert_eq!(call.wait(SOON).code(), Some(9));
    assert!(call.stderr().contains("left without a reply"), "{call:?}");

    let server = mount.open("p", O_RDWR | O_TRUNC);
    let mut call = calling(&mount.path("p"), &["hello"]);
    assert_eq!(server.read(9).unwrap(), b"hello");
    server.disconnect().unwrap();
    assert_eq!(call.wait(SOON).code(), Some(9));
    assert!(call.stderr().contains("has disconnected"), "{call:?}");
    drop(server);

    let path = mount.path("p");
    let mut killed = Child::spawn(&mut sh("exec sleep 100 <>\"$1\"", &[&path]));
    assert_eq!(does("wait", &path, &[]).text(), "");
    let mut call = calling(&path, &["hello"]);
    eventually(SOON, || state(&path)["instances"][0]["state"] == "connected");
    killed.signal(SIGKILL);
    killed.wait(SOON);
    assert_eq!(call.wait(SOON).code(), Some(9), "{call:?}");

    let mut call = calling(&path, &["hello"]);
    eventually(SOON, || state(&path)["waiting_clients"] == 1);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(call.wait(SOON).code(), Some(5), "{call:?}");
    assert!(call.stderr().contains("was removed"), "{call:?}");
}

/// SEMANTICS: command-call-refused, close-driver-stops
#[test]
fn a_driver_that_ends_is_noticed() {
    skip_without_fuse!();
    let (mut mount, server) = served();
    let mut call = calling(&mount.path("p"), &["hello"]);
    assert_eq!(server.read(9).unwrap(), b"hello");
    let mut wait = Child::spawn(pipefs().arg("wait").arg(mount.path("p")));
    eventually(SOON, || state(mount.dir())["waiting_operations"] == 1);
    mount.signal(libc::SIGTERM);
    assert!(mount.wait(SOON).success());
    for child in [&mut call, &mut wait] {
        let code = child.wait(SOON).code();
        assert!(matches!(code, Some(3 | 9)), "{child:?}");
        assert_eq!(child.stderr().lines().count(), 1, "{child:?}");
    }
}
