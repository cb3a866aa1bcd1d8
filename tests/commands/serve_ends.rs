//! How `pipefs serve` ends, what becomes of its programs and its pipe, and what happens around it
//! when processes are killed.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use libc::{O_APPEND, O_RDWR, SIGINT, SIGKILL, SIGTERM};

use crate::harness::watchdog::processes_mentioning;
use crate::harness::{Child, Fd, Mount, eventually, pipefs, sh};
use crate::serve::{ECHO, children, serve, stop};
use crate::{SOON, does, skip_without_fuse, state};

fn instances(path: &Path) -> Vec<String> {
    let state = state(path);
    let instances = state["instances"].as_array().expect("a list");
    instances.iter().map(|instance| instance["state"].as_str().unwrap().to_owned()).collect()
}

fn client(mount: &Mount) -> Fd {
    mount.open("p", O_RDWR | O_APPEND)
}

/// SEMANTICS: serve-client-gone, close-killed
#[test]
fn a_client_that_is_killed_leaves_nothing_behind() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let server = serve(&path, &[], &ECHO);
    for _ in 0..3 {
        let mut client = Child::spawn(&mut sh("exec sleep 100 <>\"$1\"", &[&path]));
        eventually(SOON, || children(server.pid()).len() == 1);
        client.signal(SIGKILL);
        client.wait(SOON);
        eventually(SOON, || children(server.pid()).is_empty());
        eventually(SOON, || instances(&path) == ["listening"]);
    }
    assert_eq!(does("call", &path, &["hello"]).text(), "hello");
    assert_eq!(stop(server), "");
}

/// SEMANTICS: serve-ends
#[test]
fn what_runs_is_told_and_may_finish() {
    skip_without_fuse!();
    for signal in [SIGTERM, SIGINT] {
        let mount = Mount::new();
        let path = mount.path("p");
        let script = "exec 2> /dev/null
            trap 'echo told; exit 0' TERM INT
            echo ready
            while :; do sleep 0.05; done";
        let mut server = serve(&path, &["--limit=1"], &["sh", "-c", script]);
        let client = client(&mount);
        assert_eq!(client.read(100).unwrap(), b"ready\n");
        // One more, for whom there is no instance.
        let mut waiting = Child::spawn(pipefs().arg("call").arg(&path).arg("hello"));
        eventually(SOON, || state(&path)["waiting_clients"] == 1);
        server.signal(signal);
        assert_eq!(client.read(100).unwrap(), b"told\n");
        assert_eq!(server.wait(SOON).code(), Some(0), "{server:?}");
        assert_eq!(server.stderr(), "");
        assert_eq!(waiting.wait(SOON).code(), Some(5), "{waiting:?}");
        assert!(!path.exists());
        let running = || processes_mentioning(script);
        eventually(SOON, || running().is_empty());
    }
}

/// SEMANTICS: serve-ends
#[test]
fn what_does_not_end_is_killed_with_what_it_started() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let script = "trap '' TERM; sleep 4321 & echo ready; while :; do wait; done";
    for in_a_hurry in [false, true] {
        let mut server = serve(&path, &[], &["sh", "-c", script]);
        let client = client(&mount);
        assert_eq!(client.read(100).unwrap(), b"ready\n");
        let start = Instant::now();
        server.signal(SIGTERM);
        eventually(SOON, || !path.exists());
        if in_a_hurry {
            server.signal(SIGTERM);
        }
        assert_eq!(server.wait(SOON).code(), Some(0), "{server:?}");
        let is_quick = start.elapsed() < Duration::from_secs(5);
        assert_eq!(is_quick, in_a_hurry, "{:?}", start.elapsed());
        assert_eq!(server.stderr(), "");
        assert_eq!(client.read_to_end().unwrap(), b"");
        eventually(SOON, || processes_mentioning("4321").is_empty());
    }
}

/// SEMANTICS: serve-ends
#[test]
fn after_its_own_death_programs_finish_and_the_next_server_goes_on() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let mut server = serve(&path, &[], &ECHO);
    let client = client(&mount);
    client.write_all(b"one").unwrap();
    assert_eq!(client.read(9).unwrap(), b"one");
    eventually(SOON, || instances(&path) == ["connected", "listening"]);
    server.signal(SIGKILL);
    server.wait(SOON);
    client.write_all(b"two").unwrap();
    assert_eq!(client.read(9).unwrap(), b"two");
    assert_eq!(instances(&path), ["connected"]);
    drop(client);
    eventually(SOON, || instances(&path).is_empty());

    let server = serve(&path, &[], &ECHO);
    assert_eq!(does("call", &path, &["three"]).text(), "three");
    assert_eq!(stop(server), "");
    assert!(path.exists(), "it was not made by this one");
}

/// SEMANTICS: serve-ends
#[test]
fn without_its_name_it_serves_those_who_are_there_and_ends() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let mut server = serve(&path, &[], &ECHO);
    let client = client(&mount);
    client.write_all(b"one").unwrap();
    assert_eq!(client.read(9).unwrap(), b"one");
    eventually(SOON, || instances(&path) == ["connected", "listening"]);
    fs::remove_file(&path).unwrap();
    // Somebody else's, of the same name.
    mount.make("p");
    client.write_all(b"two").unwrap();
    assert_eq!(client.read(9).unwrap(), b"two");
    drop(client);
    assert_eq!(server.wait(SOON).code(), Some(5), "{server:?}");
    assert!(server.stderr().ends_with("was removed\n"), "{server:?}");
    assert!(path.exists());
}

/// SEMANTICS: serve-ends, close-driver-stops
#[test]
fn it_ends_with_the_mount() {
    skip_without_fuse!();
    let mut mount = Mount::new();
    let path = mount.path("p");
    let mut server = serve(&path, &[], &ECHO);
    mount.signal(SIGTERM);
    assert!(mount.wait(SOON).success());
    assert_eq!(server.wait(SOON).code(), Some(3), "{server:?}");
    assert_eq!(server.stderr().lines().count(), 1, "{server:?}");
}
