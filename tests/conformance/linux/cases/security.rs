//! Group M: identity and permissions.

use std::fs;
use std::os::unix::fs::MetadataExt;

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SIGKILL};

use crate::harness::actor::{Actor, Outcome, Step};
use crate::harness::functions::CLIENT;
use crate::harness::{Errno, Mount, run, sh, sys};
use crate::linux::SOON;

crate::linux::on_a_mount! {
    m2_who_the_client_was,
    m4_one_set_of_permissions,
    m5_the_right_to_add_an_instance,
    m6_a_refused_client_takes_no_instance,
    m7_who_may_do_what_by_default,
    m8_permissions_count_for_later_opens,
}

/// A user whom no file here belongs to.
const STRANGER: u32 = 65_534;

fn as_a_stranger(mount: &Mount, name: &str, flags: i32) -> Outcome {
    let open = Step::Open(mount.path(name), flags);
    Actor::start_as(STRANGER, STRANGER, &[open]).last_outcome(SOON)
}

fn m2_who_the_client_was(mount: &Mount) {
    crate::skip_unless_root!();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    sys::chmod(mount.path("p"), 0o666).unwrap();
    let steps = [Step::Open(mount.path("p"), O_RDWR | O_APPEND), Step::Write(1, b'x')];
    let mut client = Actor::start_as(STRANGER, STRANGER, &[&steps[..], &[Step::Read(9)]].concat());
    client.until_waiting();
    let before = server.peer(CLIENT).unwrap();
    let pid = u32::try_from(client.child.pid()).unwrap();
    assert_eq!((before.pid, before.uid, before.gid), (pid, STRANGER, STRANGER));
    client.end_by(SIGKILL);
    assert_eq!(server.read(9).unwrap(), b"x");
    let after = server.peer(CLIENT).unwrap();
    assert_eq!((after.pid, after.uid, after.gid), (pid, STRANGER, STRANGER));
}

/// SEMANTICS: file-attributes
fn m4_one_set_of_permissions(mount: &Mount) {
    let servers = [(); 2].map(|()| mount.open("p", O_WRONLY | O_CREAT));
    let client = mount.open("p", O_RDONLY);
    let mode = |stat: libc::stat| stat.st_mode & 0o7777;
    sys::chmod(mount.path("p"), 0o640).unwrap();
    for server in &servers {
        assert_eq!(server.stat().map(mode), Ok(0o640));
    }
    let fresh = mount.open("p", O_WRONLY);
    assert_eq!(fresh.stat().map(mode), Ok(0o640), "a new instance takes them");
    drop((servers, fresh));
    assert_eq!(client.stat().map(mode), Ok(0o640), "also when its server has closed");
}

/// SEMANTICS: file-attributes, open-permission
fn m5_the_right_to_add_an_instance(mount: &Mount) {
    crate::skip_unless_root!();
    let _server = mount.open("p", O_WRONLY | O_CREAT);
    sys::chmod(mount.path("p"), 0o644).unwrap();
    assert_eq!(as_a_stranger(mount, "p", O_WRONLY), Err(Errno::EACCES));
    sys::chmod(mount.path("p"), 0o622).unwrap();
    assert_eq!(as_a_stranger(mount, "p", O_WRONLY), Ok(0));
}

/// SEMANTICS: open-permission
fn m6_a_refused_client_takes_no_instance(mount: &Mount) {
    crate::skip_unless_root!();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    sys::chmod(mount.path("p"), 0o600).unwrap();
    for _ in 0..3 {
        assert_eq!(as_a_stranger(mount, "p", O_RDONLY), Err(Errno::EACCES));
    }
    let client = mount.open("p", O_RDONLY);
    server.write_all(b"x").unwrap();
    assert_eq!(client.read(9).unwrap(), b"x");
}

/// SEMANTICS: file-regular, file-attributes
fn m7_who_may_do_what_by_default(mount: &Mount) {
    crate::skip_unless_root!();
    let script = r#"umask 022; : > "$1/p""#;
    assert!(run(&mut sh(script, &[mount.dir()]), SOON).status.success());
    let stat = fs::metadata(mount.path("p")).unwrap();
    assert_eq!((stat.mode() & 0o7777, stat.uid()), (0o644, sys::effective_uid()));
    let _server = mount.open("p", O_WRONLY);
    assert_eq!(as_a_stranger(mount, "p", O_RDWR), Err(Errno::EACCES));
    assert_eq!(as_a_stranger(mount, "p", O_RDONLY), Ok(0));
    let script = r#"umask 077; : > "$1/own""#;
    assert!(run(&mut sh(script, &[mount.dir()]), SOON).status.success());
    for flags in [O_RDONLY, O_WRONLY, O_RDWR] {
        let refused = as_a_stranger(mount, "own", flags | O_NONBLOCK);
        assert_eq!(refused, Err(Errno::EACCES));
    }
}

/// SEMANTICS: file-attributes
fn m8_permissions_count_for_later_opens(mount: &Mount) {
    crate::skip_unless_root!();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    sys::chmod(mount.path("p"), 0o666).unwrap();
    let steps = [Step::Open(mount.path("p"), O_RDONLY), Step::Read(9), Step::Read(9)];
    let mut stranger = Actor::start_as(STRANGER, STRANGER, &steps);
    stranger.until_waiting_in(1);
    sys::chmod(mount.path("p"), 0o600).unwrap();
    for byte in [b"1", b"2"] {
        server.write_all(byte).unwrap();
        crate::harness::eventually(SOON, || stranger.data().ends_with(byte));
    }
    assert_eq!(stranger.finish(SOON), [Ok(0), Ok(1), Ok(1)], "open ends go on");
    let _listening = mount.open("p", O_WRONLY);
    assert_eq!(as_a_stranger(mount, "p", O_RDONLY), Err(Errno::EACCES));
}
