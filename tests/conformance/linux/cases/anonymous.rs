//! Group O: anonymous pipes. On a mount one is a name that is removed once both ends are open.

use std::fs;

use libc::{O_CREAT, O_EXCL, O_RDONLY, O_WRONLY, SIGKILL};

use crate::harness::actor::{Actor, Step, killed_by, sequence};
use crate::harness::{Errno, Fd, Mount, Task};
use crate::linux::SOON;

crate::linux::on_a_mount! {
    o1_what_it_is,
    o2_all_that_was_written_is_read,
    o3_the_end_comes_with_the_last_copy,
    o4_a_write_that_nobody_will_read,
}

/// A reader and a writer.
fn anonymous(mount: &Mount) -> (Fd, Fd) {
    let writer = mount.open("anonymous", O_WRONLY | O_CREAT | O_EXCL);
    let reader = mount.open("anonymous", O_RDONLY);
    fs::remove_file(mount.path("anonymous")).unwrap();
    (reader, writer)
}

/// SEMANTICS: close-unlink, data-wrong-direction
fn o1_what_it_is(mount: &Mount) {
    let (reader, writer) = anonymous(mount);
    assert_eq!(mount.refused("anonymous", O_RDONLY), Errno::ENOENT);
    assert_eq!(reader.write(b"x"), Err(Errno::EBADF));
    assert_eq!(writer.read(9), Err(Errno::EBADF));
    writer.write_all(b"one").unwrap();
    writer.write_all(b"two").unwrap();
    assert_eq!(reader.read(99).unwrap(), b"onetwo", "bytes");
    let (other, _) = anonymous(mount);
    assert_eq!(other.read(9).unwrap(), b"", "another one");
}

/// SEMANTICS: close-drains, close-unlink
fn o2_all_that_was_written_is_read(mount: &Mount) {
    let (reader, writer) = anonymous(mount);
    let data = sequence(0, 32 << 10);
    writer.write_all(&data).unwrap();
    drop(writer);
    assert!(reader.read_exactly(32 << 10).unwrap() == data);
    assert_eq!(reader.read(9).unwrap(), b"");
}

/// SEMANTICS: close-last-copy, close-killed
fn o3_the_end_comes_with_the_last_copy(mount: &Mount) {
    let (reader, writer) = anonymous(mount);
    let own = format!("/proc/{}/fd/{}", std::process::id(), writer.raw());
    let mut holder = Actor::start(&[Step::Open(own.into(), O_WRONLY), Step::Sleep(60_000)]);
    holder.until_waiting();
    let copy = writer.duplicate().unwrap();
    drop(writer);
    let mut read = Task::spawn(move || reader.read(9));
    read.assert_waits();
    drop(copy);
    read.assert_waits();
    assert!(killed_by(holder.end_by(SIGKILL).0, SIGKILL));
    assert_eq!(read.join(SOON).unwrap(), b"");
}

/// SEMANTICS: close-client
fn o4_a_write_that_nobody_will_read(mount: &Mount) {
    let (reader, writer) = anonymous(mount);
    writer.write_all(b"x").unwrap();
    drop(reader);
    assert_eq!(writer.write(b"y"), Err(Errno::EPIPE));
}
