//! Group J: flushing.

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::actor::{Actor, Step};
use crate::harness::{Mount, Task};
use crate::linux::SOON;

crate::linux::on_a_mount! {
    j6_a_flush_always_waits,
}

/// SEMANTICS: fsync-waits
fn j6_a_flush_always_waits(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.fsync(), Ok(()), "nothing is there");
    server.write_all(b"x").unwrap();
    let mut flush = Task::spawn(move || server.fsync());
    flush.assert_waits();
    assert_eq!(client.read(9).unwrap(), b"x");
    assert_eq!(flush.join(SOON), Ok(()));
    // Another process, too.
    let steps = [Step::Open(mount.path("q"), O_WRONLY | O_CREAT), Step::Write(1, b'x')];
    let mut actor = Actor::start(&[&steps[..], &[Step::Nonblocking(true), Step::Fsync]].concat());
    actor.until_waiting();
    assert_eq!(mount.open("q", O_RDONLY).read(9).unwrap(), b"x");
    assert_eq!(actor.last_outcome(SOON), Ok(0));
}
