//! Group N: cancelling, copies of handles, children.

use libc::{O_APPEND, O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, POLLIN, SIGALRM, SIGKILL};

use crate::harness::actor::{Actor, Step, killed_by};
use crate::harness::{Child, Errno, Mount, eventually, sh};
use crate::linux::SOON;

crate::linux::on_a_mount! {
    n4_a_process_ends_while_it_waits,
    n7_a_deadline_passes,
    n8_an_inherited_handle,
}

/// SEMANTICS: close-killed, close-last-copy
fn n4_a_process_ends_while_it_waits(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    let own = format!("/proc/{}/fd/{}", std::process::id(), client.raw());
    let mut other = Actor::start(&[Step::Open(own.into(), O_RDONLY), Step::Read(9)]);
    other.until_waiting();
    assert!(killed_by(other.end_by(SIGKILL).0, SIGKILL));
    server.write_all(b"x").unwrap();
    assert_eq!(client.read(9).unwrap(), b"x", "the dead one's read took nothing");
    drop(client);
    assert_eq!(server.write(b"x"), Err(Errno::EPIPE), "it holds nothing");
}

/// SEMANTICS: wait-interrupt
fn n7_a_deadline_passes(mount: &Mount) {
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let mut client = Actor::start(&[
        Step::Open(mount.path("p"), O_RDWR | O_APPEND),
        Step::Handle(SIGALRM, false),
        Step::Alarm(500),
        Step::Read(9),
        Step::Poll(POLLIN, 50),
        Step::Read(9),
        Step::Write(2, b'y'),
    ]);
    client.until_waiting_in(5);
    server.write_all(b"x").unwrap();
    let outcomes = client.finish(SOON);
    assert_eq!(outcomes[3..], [Err(Errno::EINTR), Ok(0), Ok(1), Ok(2)]);
    assert_eq!(server.read(9).unwrap(), b"yy");
    // The same for a write.
    let mut writer = Actor::start(&[
        Step::Open(mount.path("q"), O_WRONLY | O_CREAT),
        Step::Write(1 << 21, b'f'),
        Step::Sleep(1),
    ]);
    writer.until_waiting_in(1);
    let reader = mount.open("q", O_RDONLY);
    assert_eq!(reader.read_exactly(1 << 21).unwrap().len(), 1 << 21);
    assert_eq!(writer.finish(SOON)[1], Ok(1 << 21));
}

/// SEMANTICS: close-last-copy
fn n8_an_inherited_handle(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let script = r#"exec 3< "$1"; cat <&3 & exec 3<&-; echo closed >&2; wait"#;
    let mut parent = Child::spawn(&mut sh(script, &[mount.path("p")]));
    eventually(SOON, || parent.stderr() == "closed\n");
    server.write_all(b"for the child").unwrap();
    eventually(SOON, || parent.stdout() == "for the child");
    drop(server);
    assert!(parent.wait(SOON).success());
}
