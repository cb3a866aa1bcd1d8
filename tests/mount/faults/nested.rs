//! A mount on a directory of another mount.

use std::fs;

use libc::{O_CREAT, O_WRONLY, SIGKILL, SIGTERM};

use crate::harness::mount::is_mounted;
use crate::harness::watchdog::processes_mentioning;
use crate::harness::{Fd, eventually, pipefs, run, sys};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_without_fuse};

/// A mount, and one on a directory in it.
struct Nested {
    outer: MountPoint,
    inner: std::path::PathBuf,
}

impl Nested {
    fn new() -> Self {
        let outer = MountPoint::new();
        assert_succeeded(&outer.mount(&[]));
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        assert_succeeded(&run(pipefs().arg("mount").arg(&inner), SOON));
        fs::write(inner.join("p"), "inner").unwrap();
        Self { outer, inner }
    }

    /// The drivers: the outer mount's, and the inner one's.
    fn drivers(&self) -> (i32, i32) {
        let inner = processes_mentioning(self.inner.to_str().unwrap());
        let outer: Vec<_> =
            self.outer.drivers().into_iter().filter(|pid| !inner.contains(pid)).collect();
        match (&outer[..], &inner[..]) {
            (&[outer], &[inner]) => (outer, inner),
            other => panic!("{other:?}"),
        }
    }
}

/// SEMANTICS: close-umount
///
/// The outer one is in use as long as the inner one is there.
#[test]
fn a_mount_with_another_one_in_it_is_busy() {
    skip_without_fuse!();
    let nested = Nested::new();
    let refused = nested.outer.umount();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("busy"), "{refused:?}");
    let again = run(pipefs().arg("mount").arg(&nested.inner), SOON);
    assert_eq!(again.status.code(), Some(3), "one on the other is refused: {again:?}");
    assert_eq!(fs::read(nested.inner.join("p")).unwrap(), b"inner", "nothing was harmed");
    assert_succeeded(&run(pipefs().arg("umount").arg(&nested.inner), SOON));
    assert_succeeded(&nested.outer.umount());
    nested.outer.assert_nothing_is_left();
}

/// SEMANTICS: close-driver-stops, umount-ends
///
/// Whichever driver is told to end first: both mounts go in the end, and both drivers.
#[test]
fn nested_mounts_end_in_either_order() {
    skip_without_fuse!();
    for outer_first in [true, false] {
        let nested = Nested::new();
        let (outer, inner) = nested.drivers();
        let order = if outer_first { [outer, inner] } else { [inner, outer] };
        for driver in order {
            // The inner one may have ended with the outer one, which took its directory along.
            let _ = sys::kill(driver, SIGTERM);
            eventually(SOON, || !nested.outer.drivers().contains(&driver));
        }
        assert!(!is_mounted(&nested.inner), "{outer_first}");
        nested.outer.assert_nothing_is_left();
    }
}

/// SEMANTICS: mount-stale, limit-driver-gone
///
/// The outer driver is killed: `pipefs mount` on its directory cleans up, and whoever has the inner
/// mount open goes on there.
#[test]
fn a_dead_mount_around_a_living_one_is_cleaned_up() {
    skip_without_fuse!();
    let nested = Nested::new();
    let (outer, _) = nested.drivers();
    let end = Fd::open(nested.inner.join("open"), O_WRONLY | O_CREAT).unwrap();
    sys::kill(outer, SIGKILL).unwrap();
    eventually(SOON, || !nested.outer.drivers().contains(&outer));
    let output = nested.outer.mount(&[]);
    assert_succeeded(&output);
    assert!(String::from_utf8_lossy(&output.stderr).contains("dead"), "{output:?}");
    end.write_all(b"goes on").unwrap();
    nested.outer.assert_it_works();
    drop(end);
    eventually(SOON, || nested.outer.drivers().len() == 1);
    assert_succeeded(&nested.outer.umount());
    nested.outer.assert_nothing_is_left();
}
