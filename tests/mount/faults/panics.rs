//! A bug: something panics in the driver. Such a driver, as tests are built with it, has an
//! attribute that makes it do so.

use std::fs;
use std::path::PathBuf;

use libc::{O_CREAT, O_RDONLY, O_WRONLY, POLLIN};

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
