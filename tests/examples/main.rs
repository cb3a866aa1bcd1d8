//! The programs of docs/examples: each server with clients of all kinds, many at once.

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use libc::{O_RDWR, O_TRUNC, SIGKILL, SIGTERM};

#[path = "../harness/mod.rs"]
mod harness;

use harness::watchdog::new_directory;
use harness::{Child, Mount, Task, command, eventually, pipefs, run};

/// Time for what happens at once, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(20);

/// Building takes its time.
const BUILD_DEADLINE: Duration = Duration::from_secs(600);

const CLIENTS: [&str; 4] =
    ["client.c", "client.rs", "transaction_client.c", "transaction_client.rs"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/examples")
}

/// Where each program is when it is built.
static PROGRAMS: LazyLock<HashMap<&str, PathBuf>> = LazyLock::new(|| {
    // Only a run of all tests builds them, and an old one would prove nothing.
    let target = Path::new(env!("CARGO_BIN_EXE_pipefs")).parent().expect("it is in a directory");
    let mut cargo = command(env!("CARGO"));
    cargo.args(["build", "--package", "pipefs-mount", "--examples", "--locked", "--quiet"]);
    if target.ends_with("release") {
        cargo.arg("--release");
    }
    succeeds(cargo.current_dir(env!("CARGO_MANIFEST_DIR")));
    let binaries = new_directory();
    let built = |file: &'static str| match file.rsplit_once('.').expect("it has a language") {
        (name, "rs") => target.join("examples").join(name),
        (name, "c") => {
            let binary = binaries.join(name);
            let mut cc = command("cc");
            cc.args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-pthread", "-I"]);
            succeeds(cc.arg(folder().join("..")).arg("-o").arg(&binary).arg(folder().join(file)));
            binary
        }
        _ => folder().join(file),
    };
    SERVERS.iter().copied().chain(CLIENTS).map(|file| (file, built(file))).collect()
});

#[track_caller]
fn succeeds(command: &mut Command) {
    let output = run(command, BUILD_DEADLINE);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Starts one of the programs.
fn program(file: &str, path: &Path, arguments: &[&str]) -> Child {
    let mut command = if file.ends_with(".py") { command("python3") } else { command("env") };
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    Child::spawn(command.arg(&PROGRAMS[file]).arg(path).args(arguments))
}

/// Makes a pipe of messages that goes both ways, as docs/examples/README.md says.
#[track_caller]
fn make(mount: &Mount) -> PathBuf {
    let path = mount.path("shout");
    let settings = ["--type", "message", "--access", "duplex"];
    assert!(run(pipefs().arg("create").arg(&path).args(settings), SOON).status.success());
    path
}

#[track_caller]
fn ends_well(mut client: Child, expected: &str) {
    assert_eq!(client.wait(SOON).code(), Some(0), "{client:?}");
    assert_eq!((client.stdout(), client.stderr()), (expected.to_owned(), String::new()));
}

/// Starts a server, has sixteen clients of all kinds call it at once, and ends it.
fn serves(file: &str) {
    let mount = Mount::new();
    let path = make(&mount);
    let mut server = program(file, &path, &[]);
    let clients = CLIENTS.repeat(4).into_iter().enumerate().map(|(number, client)| {
        let long = format!("{number} {}", "x".repeat(500));
        let expected = format!("HELLO {number}\nAND AGAIN\n{}\n", long.to_uppercase());
        let hello = format!("hello {number}");
        (program(client, &path, &[&hello, "and again", &long]), expected)
    });
    for (client, expected) in clients.collect::<Vec<_>>() {
        ends_well(client, &expected);
    }

    // One that is killed is a client that has left.
    let mut killed = program("client.c", &path, &["hello"]);
    killed.signal(SIGKILL);
    killed.wait(SOON);
    // Shells can be clients, too.
    let call = Child::spawn(pipefs().args(["call", "--one"]).arg(&path).arg("hello"));
    ends_well(call, "HELLO");

    // Nobody is there: it waits for the next one, and does not go round in circles.
    server.until_waiting();
    server.signal(SIGTERM);
    assert_eq!(server.wait(SOON).signal(), Some(SIGTERM), "{server:?}");
    assert_eq!((server.stdout(), server.stderr()), (String::new(), String::new()));
    eventually(SOON, || {
        let stat = run(pipefs().args(["stat", "--json"]).arg(&path), SOON);
        let state: serde_json::Value = serde_json::from_slice(&stat.stdout).expect("JSON");
        state["instances"].as_array().is_some_and(Vec::is_empty)
    });
    fs::remove_file(&path).expect("the name is free");
}

/// `name: file;`
macro_rules! servers {
    ($($name:ident: $file:literal;)*) => {
        $(
            #[test]
            fn $name() {
                skip_without_fuse!();
                serves($file);
            }
        )*

        const SERVERS: &[&str] = &[$($file),*];
    };
}

servers! {
    c_multithreaded: "multithreaded_server.c";
    rust_multithreaded: "multithreaded_server.rs";
    c_overlapped: "overlapped_server.c";
    rust_overlapped: "overlapped_server.rs";
    python_completion: "completion_server.py";
    rust_completion: "completion_server.rs";
}

/// A reply that is longer than the client's buffer comes in several reads.
#[test]
fn transactions_take_long_replies() {
    skip_without_fuse!();
    for client in ["transaction_client.c", "transaction_client.rs"] {
        let mount = Mount::new();
        let path = make(&mount);
        let server = mount.open("shout", O_RDWR | O_TRUNC);
        let client = program(client, &path, &["one", "two"]);
        let replies = ["1".repeat(3000), "2".repeat(513)];
        let expected = format!("{}\n{}\n", replies[0], replies[1]);
        let serving = Task::spawn(move || {
            for (request, reply) in [&b"one"[..], b"two"].into_iter().zip(&replies) {
                assert_eq!(server.read(4096).unwrap(), request);
                server.write_all(reply.as_bytes()).unwrap();
            }
            server
        });
        ends_well(client, &expected);
        serving.join(SOON);
    }
}

/// Nobody waits for ever, and nobody takes bytes for messages.
#[test]
fn clients_say_what_is_wrong() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("shout");
    for file in CLIENTS {
        let server = mount.open("shout", O_RDWR | O_TRUNC);
        let mut client = program(file, &mount.path("shout"), &["hello"]);
        assert_eq!(client.wait(SOON).code(), Some(1), "of a byte pipe: {client:?}");
        assert!(!client.stderr().is_empty(), "{client:?}");
        drop(server);
        let mut client = program(file, &mount.path("missing"), &["hello"]);
        assert_eq!(client.wait(SOON).code(), Some(1), "of none: {client:?}");
        assert!(!client.stderr().is_empty(), "{client:?}");
    }
    std::fs::remove_file(mount.path("shout")).expect("the name is free");
    let path = make(&mount);
    for file in CLIENTS {
        let server = mount.open("shout", O_RDWR | O_TRUNC);
        let mut client = program(file, &path, &["hello"]);
        assert_eq!(server.read(9).unwrap(), b"hello");
        drop(server);
        assert_eq!(client.wait(SOON).code(), Some(1), "of one that leaves: {client:?}");
    }
}

#[test]
fn every_example_is_tested() {
    for entry in fs::read_dir(folder()).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name();
        let name = name.to_str().expect("its names are text");
        let is_known = SERVERS.contains(&name) || CLIENTS.contains(&name) || name == "README.md";
        assert!(is_known, "docs/examples/{name} is in no test");
    }
}
