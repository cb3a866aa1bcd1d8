//! Who is server and who is client: each cell of the table of roles.

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};

use crate::harness::{Errno, Fd, Mount, sh};
use crate::skip_without_fuse;

/// A server that writes leaves its data behind; so another instance than `other`'s is there.
#[track_caller]
fn assert_server_that_writes(file: &Fd, mount: &Mount, name: &str) {
    assert_eq!(file.write(b"from the server"), Ok(15));
    let client = mount.open(name, O_RDONLY);
    assert_eq!(client.read(100).unwrap(), b"from the server");
}

/// SEMANTICS: open-wronly
#[test]
fn outbound_wronly_is_a_server_with_a_new_instance() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=outbound"]);
    mount.make("p");
    let first = mount.open("p", O_WRONLY);
    let second = mount.open("p", O_WRONLY | libc::O_APPEND);
    first.write_all(b"1").unwrap();
    second.write_all(b"2").unwrap();
    let (one, two) = (mount.open("p", O_RDONLY), mount.open("p", O_RDONLY));
    assert_eq!((one.read(9).unwrap(), two.read(9).unwrap()), (b"1".to_vec(), b"2".to_vec()));
}

/// SEMANTICS: open-rdonly
#[test]
fn outbound_rdonly_is_a_client_and_waits_for_a_server() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=outbound"]);
    mount.make("p");
    let mut opening = mount.opening("p", O_RDONLY);
    opening.assert_waits();
    let server = mount.open("p", O_WRONLY);
    let client = opening.join(crate::SOON).unwrap();
    server.write_all(b"x").unwrap();
    assert_eq!(client.read(9).unwrap(), b"x");
}

/// SEMANTICS: open-rdwr, open-rdwr-trunc
#[test]
fn one_way_pipes_refuse_rdwr() {
    skip_without_fuse!();
    for access in ["access=outbound", "access=inbound"] {
        let mount = Mount::with(&["-o", access]);
        mount.make("p");
        assert_eq!(mount.refused("p", O_RDWR), Errno::EACCES, "{access}");
        assert_eq!(mount.refused("p", O_RDWR | O_TRUNC), Errno::EACCES, "{access}");
        assert_eq!(mount.refused("p", O_RDWR | O_NONBLOCK), Errno::EACCES, "{access}");
        assert_eq!(mount.refused("new", O_RDWR | O_CREAT), Errno::EACCES, "{access}");
    }
}

/// SEMANTICS: open-wronly
#[test]
fn inbound_wronly_is_a_client_and_waits_for_a_server() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=inbound"]);
    mount.make("p");
    let mut opening = mount.opening("p", O_WRONLY);
    opening.assert_waits();
    let server = mount.open("p", O_RDONLY);
    let client = opening.join(crate::SOON).unwrap();
    client.write_all(b"x").unwrap();
    assert_eq!(server.read(9).unwrap(), b"x");
}

/// SEMANTICS: open-rdonly
#[test]
fn inbound_rdonly_is_a_server_with_a_new_instance() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=inbound"]);
    mount.make("p");
    let first = mount.open("p", O_RDONLY);
    let second = mount.open("p", O_RDONLY);
    let (one, two) = (mount.open("p", O_WRONLY), mount.open("p", O_WRONLY));
    one.write_all(b"1").unwrap();
    two.write_all(b"2").unwrap();
    assert_eq!((first.read(9).unwrap(), second.read(9).unwrap()), (b"1".to_vec(), b"2".to_vec()));
}

/// SEMANTICS: open-wronly
#[test]
fn duplex_wronly_is_a_client_that_may_only_write() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=duplex"]);
    mount.make("p");
    let mut opening = mount.opening("p", O_WRONLY);
    opening.assert_waits();
    let server = mount.open("p", O_RDWR | O_TRUNC);
    let client = opening.join(crate::SOON).unwrap();
    client.write_all(b"x").unwrap();
    assert_eq!(server.read(9).unwrap(), b"x");
    assert_eq!(client.read(1), Err(Errno::EBADF));
}

/// SEMANTICS: open-rdonly
#[test]
fn duplex_rdonly_is_a_client_that_may_only_read() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=duplex"]);
    mount.make("p");
    let mut opening = mount.opening("p", O_RDONLY);
    opening.assert_waits();
    let server = mount.open("p", O_RDWR | O_TRUNC);
    let client = opening.join(crate::SOON).unwrap();
    server.write_all(b"x").unwrap();
    assert_eq!(client.read(9).unwrap(), b"x");
    assert_eq!(client.write(b"y"), Err(Errno::EBADF));
}

/// SEMANTICS: open-rdwr
#[test]
fn duplex_rdwr_is_a_client_if_an_instance_listens_else_a_server() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=duplex"]);
    mount.make("p");
    let first = mount.open("p", O_RDWR);
    let second = mount.open("p", O_RDWR);
    first.write_all(b"ping").unwrap();
    assert_eq!(second.read(9).unwrap(), b"ping");
    second.write_all(b"pong").unwrap();
    assert_eq!(first.read(9).unwrap(), b"pong");
    // Both ends are taken now, nothing listens: a third is a server again, a fourth its client.
    let third = mount.open("p", O_RDWR);
    let fourth = mount.open("p", O_RDWR);
    third.write_all(b"again").unwrap();
    assert_eq!(fourth.read(9).unwrap(), b"again");
}

/// SEMANTICS: open-rdwr-trunc
#[test]
fn duplex_rdwr_trunc_is_always_a_server() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=duplex"]);
    mount.make("p");
    let first = mount.open("p", O_RDWR | O_TRUNC);
    let second = mount.open("p", O_RDWR | O_TRUNC);
    first.write_all(b"1").unwrap();
    second.write_all(b"2").unwrap();
    let (one, two) = (mount.open("p", O_RDWR), mount.open("p", O_RDWR));
    assert_eq!((one.read(9).unwrap(), two.read(9).unwrap()), (b"1".to_vec(), b"2".to_vec()));
}

/// SEMANTICS: open-wronly
#[test]
fn auto_becomes_outbound_by_the_first_writer() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let server = mount.open("p", O_WRONLY);
    assert_eq!(mount.refused("p", O_RDWR), Errno::EACCES);
    let second = mount.open("p", O_WRONLY);
    assert_server_that_writes(&server, &mount, "p");
    assert_server_that_writes(&second, &mount, "p");
}

/// SEMANTICS: open-rdonly
#[test]
fn auto_rdonly_waits_for_whatever_server_comes() {
    skip_without_fuse!();
    let mount = Mount::new();
    for flags in [O_WRONLY, O_RDWR, O_RDWR | O_TRUNC] {
        let name = format!("p{flags}");
        mount.make(&name);
        let mut opening = mount.opening(&name, O_RDONLY);
        opening.assert_waits();
        let server = mount.open(&name, flags);
        let client = opening.join(crate::SOON).unwrap();
        server.write_all(b"x").unwrap();
        assert_eq!(client.read(9).unwrap(), b"x", "server opened with {flags:#o}");
    }
}

/// SEMANTICS: open-rdwr, open-rdwr-trunc
#[test]
fn auto_becomes_duplex_by_the_first_rdwr() {
    skip_without_fuse!();
    let mount = Mount::new();
    for flags in [O_RDWR, O_RDWR | O_TRUNC] {
        let name = format!("p{flags}");
        mount.make(&name);
        let server = mount.open(&name, flags);
        // In a duplex pipe this is a client, in an outbound one it would be a second server.
        let client = mount.open(&name, O_WRONLY);
        client.write_all(b"x").unwrap();
        assert_eq!(server.read(9).unwrap(), b"x", "server opened with {flags:#o}");
    }
}

/// SEMANTICS: open-auto-forgets
#[test]
fn auto_is_decided_and_forgotten() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let server = mount.open("p", O_WRONLY);
    assert_eq!(mount.refused("p", O_RDWR), Errno::EACCES);
    // Closed with data: the instance stays, and with it the decision.
    server.write_all(b"x").unwrap();
    server.close().unwrap();
    assert_eq!(mount.refused("p", O_RDWR), Errno::EACCES);
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read_to_end().unwrap(), b"x");
    client.close().unwrap();
    // The last instance is gone: the next server decides anew.
    let duplex = mount.open("p", O_RDWR);
    let client = mount.open("p", O_WRONLY);
    client.write_all(b"y").unwrap();
    assert_eq!(duplex.read(9).unwrap(), b"y");
    drop((client, duplex));
    let outbound = mount.open("p", O_WRONLY);
    assert_eq!(mount.refused("p", O_RDWR), Errno::EACCES);
    drop(outbound);
}

/// SEMANTICS: open-rdwr, open-rdwr-trunc
///
/// As Python's `open` makes these flags.
#[test]
fn the_modes_of_programs_are_these_flags() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"
import sys
path = sys.argv[1]
first = open(path, "w+b", buffering=0)
second = open(path, "w+b", buffering=0)
first.write(b"1"); second.write(b"2")
one = open(path, "r+b", buffering=0)
two = open(path, "r+b", buffering=0)
print(one.read(9), two.read(9))
one.write(b"back")
print(first.read(9))
"#;
    let mut python = crate::harness::command("python3");
    let output = crate::harness::run(
        python.args(["-c", script]).arg(mount.path("p")),
        crate::harness::deadline::PATIENCE,
    );
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "b'1' b'2'\nb'back'\n", "{output:?}");
}

/// SEMANTICS: example-greeting
#[test]
fn the_example_that_must_always_work() {
    skip_without_fuse!();
    let mount = Mount::new();
    let greeting = mount.path("greeting");
    let write = crate::harness::run(&mut sh("echo hello > \"$1\"", &[&greeting]), crate::SOON);
    assert!(write.status.success(), "{write:?}");
    let read = crate::harness::run(&mut sh("cat \"$1\"", &[&greeting]), crate::SOON);
    assert_eq!((read.status.success(), &*read.stdout), (true, &b"hello\n"[..]));
}

/// SEMANTICS: instance-one-client
#[test]
fn two_echoes_and_two_cats() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"echo first > "$1"; echo second > "$1"; cat "$1"; echo --; cat "$1""#;
    let output = crate::harness::run(&mut sh(script, &[mount.path("p")]), crate::SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "first\n--\nsecond\n", "{output:?}");
}
