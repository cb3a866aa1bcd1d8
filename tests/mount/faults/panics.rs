//! A bug: something panics in the driver. Such a driver, as tests are built with it, has an
//! attribute that makes it do so.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY, POLLIN};

use super::state;
use crate::harness::actor::Step;
use crate::harness::calls::set_attribute;
use crate::harness::{Actor, Errno, Fd, Task, eventually};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_without_fuse};

struct Place {
    mount: MountPoint,
    log: PathBuf,
}

impl Place {
    fn new() -> Self {
        let mount = MountPoint::new();
        let log = mount.path().with_file_name("log");
        assert_succeeded(&mount.mount(&["--log-file", log.to_str().unwrap()]));
        Self { mount, log }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.mount.path().join(name)
    }

    fn panic(&self, name: &str, place: &[u8]) -> Result<(), Errno> {
        set_attribute(self.path(name), "user.pipefs.panic", place)
    }

    /// The log says where it was, and the mount goes on.
    fn assert_went_on(&self, file: &str) {
        let log = fs::read_to_string(&self.log).unwrap();
        assert!(log.contains("panicked at") && log.contains(file), "{log}");
        self.mount.assert_it_works();
        eventually(SOON, || state(self.mount.path())["waiting_operations"] == 0);
        assert_succeeded(&self.mount.umount());
        self.mount.assert_nothing_is_left();
        fs::remove_file(&self.log).unwrap();
    }
}

/// Whoever has to do with the pipe gets an error; other pipes go on.
#[test]
fn a_panic_in_the_engine_costs_one_pipe() {
    skip_without_fuse!();
    let place = Place::new();
    let open = |name: &str, flags| Fd::open(place.path(name), flags | O_CREAT).unwrap();
    let (server, other) = (open("p", O_WRONLY), open("other", O_WRONLY));
    let client = Fd::open(place.path("p"), O_RDONLY).unwrap();
    other.write_all(b"kept").unwrap();
    let polling = client.duplicate().unwrap();
    let polling = Task::spawn(move || polling.poll(POLLIN, SOON));
    let mut reading = Task::spawn(move || client.read(9));
    reading.assert_waits();
    assert_eq!(place.panic("p", b"engine"), Err(Errno::EIO));
    assert_eq!(reading.join(SOON), Err(Errno::EIO));
    assert_ne!(polling.join(SOON), Ok(0), "it was woken");
    assert_eq!(server.write(b"x"), Err(Errno::EBADF));
    drop(server);
    let script = [
        Step::Open(place.path("p"), O_WRONLY),
        Step::Write(4, b'x'),
        Step::Open(place.path("p"), O_RDONLY),
        Step::Read(9),
    ];
    let outcomes = Actor::start(&script).finish(SOON);
    assert_eq!(outcomes, [Ok(0), Ok(4), Ok(0), Ok(4)], "its name leads to a new one");
    drop(other);
    let other = Fd::open(place.path("other"), O_RDONLY).unwrap();
    assert_eq!(other.read_to_end().unwrap(), b"kept");
    drop(other);
    place.assert_went_on("src/giving_up.rs");
}

/// The one request gets an error.
#[test]
fn a_panic_in_the_data_plane_costs_one_request() {
    skip_without_fuse!();
    let place = Place::new();
    let server = Fd::open(place.path("p"), O_WRONLY | O_CREAT).unwrap();
    let client = Fd::open(place.path("p"), O_RDONLY).unwrap();
    for round in 0..10 {
        server.write_all(b"data").unwrap();
        assert_eq!(place.panic("p", b"read"), Ok(()));
        assert_eq!(client.read(9), Err(Errno::EIO), "{round}");
        assert_eq!(client.read(9).unwrap(), b"data", "{round}: it was not touched");
    }
    drop((server, client));
    place.assert_went_on("mount/fuse/survive.rs");
}

#[test]
fn a_panic_in_the_control_plane_costs_one_request() {
    skip_without_fuse!();
    let place = Place::new();
    let server = Fd::open(place.path("p"), O_WRONLY | O_CREAT).unwrap();
    let client = Fd::open(place.path("p"), O_RDONLY).unwrap();
    let mut reading = Task::spawn(move || client.read(9));
    reading.assert_waits();
    for _ in 0..10 {
        assert_eq!(place.panic("p", b"control"), Err(Errno::EIO));
    }
    server.write_all(b"data").unwrap();
    assert_eq!(reading.join(SOON).unwrap(), b"data");
    drop(server);
    place.assert_went_on("mount/fuse/survive.rs");
}

/// SEMANTICS: dir-tree
///
/// A change of names that panics after so many steps is not done at all, and works the next time.
#[test]
fn a_panic_in_the_tree_of_names_leaves_nothing_half_done() {
    skip_without_fuse!();
    let place = Place::new();
    let make = |name| drop(Fd::open(place.path(name), O_WRONLY | O_CREAT | O_NONBLOCK).unwrap());
    make("any");
    let names = || {
        let mut pending = vec![place.mount.path().to_owned()];
        let mut names = Vec::new();
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                names.push((entry.path(), entry.metadata().unwrap().nlink()));
                pending.extend(entry.file_type().unwrap().is_dir().then(|| entry.path()));
            }
        }
        names.sort();
        names
    };
    type Change<'a> = (&'a str, &'a dyn Fn() -> std::io::Result<()>);
    let path = |name| place.path(name);
    let changes: [Change<'_>; 6] = [
        ("mkdir", &|| fs::create_dir(path("d"))),
        ("create", &|| fs::File::create(path("d/p")).map(drop)),
        ("rename", &|| fs::rename(path("d/p"), path("q"))),
        ("rename a directory", &|| fs::rename(path("d"), path("e"))),
        ("unlink", &|| fs::remove_file(path("q"))),
        ("rmdir", &|| fs::remove_dir(path("e"))),
    ];
    for (what, change) in changes {
        for steps in 0.. {
            let before = names();
            place.panic("any", format!("names{steps}").as_bytes()).unwrap();
            let Err(error) = change() else { break };
            assert_eq!(error.raw_os_error(), Some(libc::EIO), "{what} after {steps}");
            assert_eq!(names(), before, "{what} after {steps}");
            assert!(steps < 9, "{what} never gets through");
        }
    }
    // What is still to come of the last one.
    assert!((0..9).any(|_| fs::create_dir(path("d")).is_ok()));
    place.assert_went_on("src/changes.rs");
}

/// What is due is done a moment later.
#[test]
fn a_panic_in_a_chore_is_survived() {
    skip_without_fuse!();
    let place = Place::new();
    drop(Fd::open(place.path("p"), O_WRONLY | O_CREAT | O_NONBLOCK).unwrap());
    set_attribute(place.path("p"), "user.pipefs.wait_timeout", b"100ms").unwrap();
    place.panic("p", b"chore").unwrap();
    let path = place.path("p");
    let opening = Task::spawn(move || Fd::open(path, O_RDONLY).map(drop));
    assert_eq!(opening.join(SOON), Err(Errno::ETIMEDOUT));
    place.assert_went_on("mount/fuse/survive.rs");
}
