//! Group G: writing, capacity, waiting for room.

use libc::{O_CREAT, O_RDONLY, O_WRONLY, SIGKILL};

use crate::harness::actor::{Actor, Step, killed_by};
use crate::harness::{Errno, Mount};

crate::linux::on_a_mount! {
    g14_a_writer_dies_while_it_waits,
}

/// SEMANTICS: close-killed, wait-kill
fn g14_a_writer_dies_while_it_waits(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    let full = vec![b'f'; 1 << 20];
    assert_eq!(server.write_from_page(&full), Ok(1 << 20));
    // The child joins the same end, as a copy of the descriptor would.
    let own = format!("/proc/{}/fd/{}", std::process::id(), server.raw());
    let mut child = Actor::start(&[Step::Open(own.into(), O_WRONLY), Step::Write(5, b'x')]);
    child.until_waiting();
    assert!(killed_by(child.end_by(SIGKILL).0, SIGKILL));
    assert!(client.read_exactly(1 << 20).unwrap() == full);
    server.write_all(b"goes on").unwrap();
    assert_eq!(client.read(99).unwrap(), b"goes on", "nothing of the dead one's");
    client.set_nonblocking(true).unwrap();
    assert_eq!(client.read(99), Err(Errno::EAGAIN));
    drop(server);
    assert_eq!(client.read(99).unwrap(), b"");
}
