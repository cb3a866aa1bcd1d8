//! `pipefs wait`.

use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;

use libc::{O_RDWR, O_TRUNC, SIGCONT, SIGINT, SIGSTOP};

use crate::harness::process::Stat;
use crate::harness::watchdog::new_directory;
use crate::harness::{Child, Mount, eventually, pipefs};
use crate::{SOON, does, skip_without_fuse, state};

/// SEMANTICS: command-wait
#[test]
fn it_ends_when_a_server_listens_and_takes_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let mut waits: Vec<Child> =
        (0..5).map(|_| Child::spawn(pipefs().arg("wait").arg(&path))).collect();
    eventually(SOON, || state(mount.dir())["waiting_operations"] == 5);
    let server = mount.open("p", O_RDWR | O_TRUNC);
    for wait in &mut waits {
        assert_eq!((wait.wait(SOON).code(), wait.stderr()), (Some(0), String::new()));
    }
    assert_eq!(does("wait", &path, &["--timeout=0"]).text(), "", "it listens still");
    let client = mount.open("p", O_RDWR);
    client.write_all(b"here").unwrap();
    assert_eq!(server.read(9).unwrap(), b"here");
    does("wait", &path, &["--timeout=0"]).refusal(8);
}

/// SEMANTICS: command-wait, command-errors
#[test]
fn what_cannot_be_waited_for_is_said() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    for time in ["0", "1ms", "0.2s"] {
        let code = if time == "0.2s" { 2 } else { 8 };
        let said = does("wait", &path, &["--timeout", time]).refusal(code);
        assert!(code == 2 || said.contains("no server listens"), "{said}");
    }
    does("wait", mount.path("missing"), &[]).refusal(5);
    does("wait", mount.path("missing/p"), &["--timeout=0"]).refusal(5);
    does("wait", mount.dir(), &[]).refusal(5);
    does("wait", "/etc/passwd", &[]).refusal(5);
    let mut wait = Child::spawn(pipefs().arg("wait").arg(&path));
    eventually(SOON, || state(mount.dir())["waiting_operations"] == 1);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(wait.wait(SOON).code(), Some(5));
    assert!(wait.stderr().contains("was removed"), "{wait:?}");
}

/// SEMANTICS: command-wait
#[test]
fn a_pipe_that_is_just_being_made_is_waited_for() {
    skip_without_fuse!();
    let mount = Mount::new();
    let mut wait = Child::spawn(pipefs().arg("wait").arg(mount.path("p")));
    let _server = mount.open("p", O_RDWR | O_TRUNC | libc::O_CREAT);
    assert_eq!(wait.wait(SOON).code(), Some(0), "{wait:?}");
}

/// SEMANTICS: command-wait
#[test]
fn a_symbolic_link_leads_to_the_pipe() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let link = new_directory().join("link");
    symlink(&path, &link).unwrap();
    does("wait", &link, &["--timeout=0"]).refusal(8);
    let _server = mount.open("p", O_RDWR | O_TRUNC);
    assert_eq!(does("wait", &link, &[]).text(), "");
}

/// SEMANTICS: command-wait, wait-interrupt
#[test]
fn ctrl_c_ends_it_and_ctrl_z_does_not() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let mut wait = Child::spawn(pipefs().arg("wait").arg(&path));
    eventually(SOON, || state(mount.dir())["waiting_operations"] == 1);
    wait.signal(SIGSTOP);
    let pid = wait.pid();
    eventually(SOON, || Stat::read(pid, pid).is_some_and(|stat| stat.state == 'T'));
    wait.signal(SIGCONT);
    eventually(SOON, || state(mount.dir())["waiting_operations"] == 1);
    wait.signal(SIGINT);
    assert_eq!(wait.wait(SOON).signal(), Some(SIGINT));
}
