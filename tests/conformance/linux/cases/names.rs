//! Group A: names.

use std::fs;
use std::path::Path;

use libc::{O_CREAT, O_DIRECTORY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY};

use crate::harness::{Errno, Fd, Mount};

crate::linux::on_a_mount! {
    a9_the_root_is_a_directory,
    a11_nothing_is_below_a_pipe,
    a13_both_ends_know_the_name,
}

/// SEMANTICS: dir-tree
fn a9_the_root_is_a_directory(mount: &Mount) {
    let root = Fd::open(mount.dir(), O_RDONLY | O_DIRECTORY).unwrap();
    assert_eq!(root.read(9), Err(Errno::EISDIR));
    assert_eq!(Fd::open(mount.dir(), O_RDWR).map(drop), Err(Errno::EISDIR));
    assert!(fs::read_dir(mount.dir()).unwrap().next().is_none());
    assert_eq!(root.connect(None), Err(Errno::EISDIR));
    assert_eq!(root.disconnect(), Err(Errno::EISDIR));
    assert_eq!(root.peek(9), Err(Errno::EISDIR));
    assert_eq!(root.transact(b"x", 9, None), Err(Errno::EISDIR));
    assert_eq!(root.info(), Err(Errno::EISDIR));
}

/// SEMANTICS: dir-tree
fn a11_nothing_is_below_a_pipe(mount: &Mount) {
    mount.make("p");
    for flags in [O_RDONLY, O_WRONLY | O_CREAT, O_RDWR | O_NONBLOCK] {
        assert_eq!(mount.refused("p/below", flags), Errno::ENOTDIR);
    }
    assert_eq!(mount.refused("p/", O_RDONLY), Errno::ENOTDIR);
}

/// SEMANTICS: limit-deleted
fn a13_both_ends_know_the_name(mount: &Mount) {
    let server = mount.open("name", O_WRONLY | O_CREAT);
    let client = mount.open("name", O_RDONLY);
    for end in [server, client] {
        let link = fs::read_link(format!("/proc/self/fd/{}", end.raw())).unwrap();
        let link = link.to_str().unwrap().trim_end_matches(" (deleted)");
        assert_eq!(Path::new(link), mount.path("name"));
    }
}
