//! Group E: waiting until somebody listens.

use std::fs;

use libc::{O_CREAT, O_DIRECTORY, O_RDONLY, O_WRONLY};

use crate::harness::{Errno, Fd, Mount, Task};
use crate::linux::SOON;

crate::linux::on_a_mount! {
    e7_the_name_goes_meanwhile,
}

fn e7_the_name_goes_meanwhile(mount: &Mount) {
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    let root = Fd::open(mount.dir(), O_RDONLY | O_DIRECTORY).unwrap();
    let mut waiting = Task::spawn(move || root.wait_for("p", None));
    waiting.assert_waits();
    drop((server, client));
    waiting.assert_waits();
    fs::remove_file(mount.path("p")).unwrap();
    assert_eq!(waiting.join(SOON), Err(Errno::ENOENT));
}
