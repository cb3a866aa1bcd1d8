//! What root's driver keeps of root's privileges. Everything else in these tests shows that it
//! needs no more: they all run against such a driver.

use std::collections::BTreeSet;
use std::fs;

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::calls::set_attribute;
use crate::harness::mount::is_mounted;
use crate::harness::process::tasks;
use crate::harness::{Fd, Mount, eventually, sys};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// `CAP_DAC_READ_SEARCH` and `CAP_SYS_ADMIN`, as sets of bits.
const KEPT: u64 = 1 << 2 | 1 << 21;

/// What the kernel says of a thread's privileges.
fn privileges(pid: i32, task: i32) -> Vec<(String, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{task}/status")).unwrap();
    let wanted = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"];
    let line =
        |key: &str| status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    wanted
        .into_iter()
        .map(|key| {
            let text = line(key).unwrap_or_else(|| panic!("no {key} in {status}")).trim();
            (key.to_owned(), u64::from_str_radix(text, 16).unwrap())
        })
        .collect()
}

#[track_caller]
fn assert_reduced(pid: i32) {
    let expected = [
        ("CapInh", 0),
        ("CapPrm", KEPT),
        ("CapEff", 0),
        ("CapBnd", KEPT),
        ("CapAmb", 0),
        ("NoNewPrivs", 1),
    ];
    let threads: BTreeSet<_> = tasks(pid).into_iter().collect();
    assert!(threads.len() >= 5, "{threads:?}");
    for task in threads {
        let found = privileges(pid, task);
        let found: Vec<_> = found.iter().map(|(key, bits)| (&**key, *bits)).collect();
        assert_eq!(found, expected, "thread {task}");
    }
}

/// SEMANTICS: driver-privileges
///
/// > Root's driver gives up all capabilities but what it takes to unmount, and has those in effect
/// > only meanwhile.
#[test]
fn roots_driver_keeps_what_it_needs_to_unmount() {
    skip_without_fuse!();
    skip_unless_root!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&["-o", "allow_other"]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    assert_reduced(driver);
    place.assert_it_works();
    // What reads /proc of other users' processes: a close that waits, and the state.
    let path = place.path().join("flushed");
    Fd::open(&path, O_WRONLY | O_CREAT).unwrap().close().unwrap();
    set_attribute(&path, "user.pipefs.linger", b"flush").unwrap();
    sys::chmod(&path, 0o666).unwrap();
    let steps = [
        crate::harness::actor::Step::Open(path.clone(), O_WRONLY),
        crate::harness::actor::Step::Write(5, b'x'),
        crate::harness::actor::Step::Close,
    ];
    let mut writer = crate::harness::Actor::start_as(super::OTHER, super::OTHER, &steps);
    writer.until_waiting();
    let pid = u64::try_from(writer.child.pid()).unwrap();
    let state = crate::harness::calls::attribute(&path, "user.pipefs.state").unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    assert_eq!(state["instances"][0]["ends"][0]["pid"], pid, "{state}");
    let client = Fd::open(&path, O_RDONLY).unwrap();
    assert_eq!(client.read(9).unwrap(), b"xxxxx");
    assert_eq!(writer.finish(SOON), [Ok(0), Ok(5), Ok(0)]);
    drop(client);
    assert_reduced(driver);
    sys::kill(driver, libc::SIGTERM).unwrap();
    place.assert_ends();
}

/// SEMANTICS: driver-privileges, mount-auto-unmount
///
/// > With `auto_unmount` a helper that has stayed behind unmounts when the driver is killed.
#[test]
fn so_does_one_that_has_a_helper() {
    skip_without_fuse!();
    skip_unless_root!();
    let place = MountPoint::new();
    for signal in [libc::SIGTERM, libc::SIGKILL] {
        assert_succeeded(&place.mount(&["-o", "allow_other,auto_unmount"]));
        let driver = |pid: &i32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            name.starts_with("pipefs")
        };
        let [driver] = place.drivers().into_iter().filter(driver).collect::<Vec<_>>()[..] else {
            panic!("{:?}", place.drivers())
        };
        assert_reduced(driver);
        place.assert_it_works();
        sys::kill(driver, signal).unwrap();
        eventually(SOON, || !is_mounted(place.path()));
        eventually(SOON, || place.drivers().is_empty());
    }
}

/// SEMANTICS: driver-privileges
#[test]
fn so_does_one_in_the_foreground() {
    skip_without_fuse!();
    skip_unless_root!();
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let mut mount = Mount::new();
        assert_reduced(mount.pid());
        mount.signal(signal);
        assert!(mount.wait(SOON).success());
        assert!(!is_mounted(mount.dir()));
    }
}
