//! Mount points in directories that somebody else controls.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use libc::{O_CREAT, O_WRONLY, RENAME_EXCHANGE, SIGKILL, SIGTERM};

use super::OWNER;
use crate::harness::calls::rename_with;
use crate::harness::mount::{is_mounted, unmount_lazily};
use crate::harness::watchdog::{new_directory, processes_mentioning};
use crate::harness::{Fd, Mount, eventually, pipefs, run, sys};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// SEMANTICS: umount-own
///
/// The first driver goes on for who has its pipes open. When it ends, another one's mount is there.
#[test]
fn a_driver_that_ends_takes_no_other_mount_down() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let [first] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    let end = Fd::open(place.path().join("p"), O_WRONLY | O_CREAT).unwrap();
    assert_succeeded(&run(pipefs().args(["umount", "--lazy"]).arg(place.path()), SOON));
    assert_succeeded(&place.mount(&[]));
    sys::kill(first, SIGTERM).unwrap();
    eventually(SOON, || !place.drivers().contains(&first));
    assert!(end.write(b"x").is_err());
    place.assert_it_works();
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// Somebody's directory with a mount point in it.
struct Foreign {
    base: std::path::PathBuf,
}

impl Foreign {
    fn new() -> Self {
        let base = new_directory();
        fs::create_dir_all(base.join("theirs/mnt")).unwrap();
        std::os::unix::fs::chown(base.join("theirs"), Some(OWNER), Some(OWNER)).unwrap();
        std::os::unix::fs::chown(base.join("theirs/mnt"), Some(OWNER), Some(OWNER)).unwrap();
        Self { base }
    }

    fn mount(&self) -> i32 {
        let dir = self.base.join("theirs/mnt");
        assert_succeeded(&run(pipefs().arg("mount").arg(&dir), SOON));
        let drivers = processes_mentioning(dir.to_str().unwrap());
        let [driver] = drivers[..] else { panic!("{drivers:?}") };
        driver
    }

    /// Their directory moves, and its name leads now to where something else is mounted.
    fn lead_to(&self, other: &Path) {
        fs::rename(self.base.join("theirs"), self.base.join("moved")).unwrap();
        symlink(other, self.base.join("theirs")).unwrap();
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        for pid in processes_mentioning(self.base.to_str().unwrap()) {
            let _ = sys::kill(pid, SIGKILL);
        }
        for dir in ["theirs/mnt", "moved/mnt"] {
            unmount_lazily(&self.base.join(dir));
        }
    }
}

/// SEMANTICS: umount-own
///
/// > A driver unmounts its own mount and no other, wherever that is by then.
#[test]
fn a_mount_point_that_was_moved_is_found_and_no_other_one_is_taken_for_it() {
    skip_without_fuse!();
    skip_unless_root!();
    let other = Mount::new();
    let foreign = Foreign::new();
    let driver = foreign.mount();
    assert_eq!(other.dir().file_name().unwrap(), "mnt", "it has the same name");
    foreign.lead_to(other.dir().parent().unwrap());
    sys::kill(driver, SIGTERM).unwrap();
    eventually(SOON, || !is_mounted(&foreign.base.join("moved/mnt")));
    assert!(is_mounted(other.dir()));
    let mentioning = || processes_mentioning(foreign.base.to_str().unwrap());
    eventually(SOON, || mentioning().is_empty());
}

/// SEMANTICS: umount-own
///
/// Root without its privileges may not pass a closed directory; for the unmount it may.
#[test]
fn a_mount_in_a_closed_directory_is_unmounted() {
    skip_without_fuse!();
    skip_unless_root!();
    let foreign = Foreign::new();
    let driver = foreign.mount();
    sys::chmod(foreign.base.join("theirs"), 0o700).unwrap();
    sys::kill(driver, SIGTERM).unwrap();
    eventually(SOON, || !is_mounted(&foreign.base.join("theirs/mnt")));
    let mentioning = || processes_mentioning(foreign.base.to_str().unwrap());
    eventually(SOON, || mentioning().is_empty());
}

/// SEMANTICS: mount-checked
///
/// > What is mounted on is the very directory that was found empty, whoever puts another one, or a
/// > symbolic link, in its place meanwhile.
#[test]
fn a_directory_that_is_replaced_meanwhile_is_not_mounted_on() {
    skip_without_fuse!();
    skip_unless_root!();
    let foreign = Foreign::new();
    let (dir, link) = (foreign.base.join("theirs/mnt"), foreign.base.join("theirs/link"));
    let victim = foreign.base.join("victim");
    fs::create_dir_all(victim.join("something")).unwrap();
    symlink(&victim, &link).unwrap();
    let stop = AtomicBool::new(false);
    let (mut mounted, mut refused) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // Refused while something is mounted on it.
                let _ = rename_with(&dir, &link, RENAME_EXCHANGE);
            }
        });
        for _ in 0..30 {
            let output = run(pipefs().arg("mount").arg(&dir), SOON);
            let at_victim = is_mounted(&victim);
            match output.status.success() {
                true => mounted += 1,
                false => refused += 1,
            }
            for at in [&dir, &link, &victim] {
                if is_mounted(at) {
                    unmount_lazily(at);
                }
            }
            if at_victim {
                stop.store(true, Ordering::Relaxed);
                panic!("{output:?}");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(mounted > 0 && refused > 0, "{mounted} mounted, {refused} refused");
    eventually(SOON, || processes_mentioning(foreign.base.to_str().unwrap()).is_empty());
}

/// SEMANTICS: mount-stale, umount-ends
///
/// A symbolic link names the directory it leads to, and is itself neither mounted on nor removed.
#[test]
fn a_symbolic_link_to_a_dead_mount_is_as_good_as_its_path() {
    skip_without_fuse!();
    let place = MountPoint::new();
    let link = place.path().with_file_name("link");
    symlink(place.path(), &link).unwrap();
    assert_succeeded(&place.mount(&[]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    sys::kill(driver, SIGKILL).unwrap();
    eventually(SOON, || place.drivers().is_empty());
    let output = run(pipefs().arg("mount").arg(&link), SOON);
    assert_succeeded(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(place.path().to_str().unwrap()) && said.contains("dead"), "{said}");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    place.assert_it_works();
    assert_succeeded(&run(pipefs().arg("umount").arg(&link), SOON));
    assert!(!is_mounted(place.path()));
    // A link to what is no pipefs: nothing happens to that.
    fs::remove_file(&link).unwrap();
    symlink("/proc", &link).unwrap();
    let refused = run(pipefs().arg("umount").arg(&link), SOON);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    assert!(said.contains("proc mount, no pipefs"), "{said}");
}
