//! `pipefs umount`: take a pipefs down, and nothing else.

use std::thread;
use std::time::{Duration, Instant};

use crate::cli::Umount;
use crate::exit::{Exit, Failure};
use crate::linux::mountinfo::{self, Entry};
use crate::linux::mountpoint::{self, MountPoint};
use crate::linux::unmount::{self, UnmountError};

/// How long the kernel's list may still show a mount that was taken down.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// How often the list is read meanwhile.
const POLL_EVERY: Duration = Duration::from_millis(10);

/// Unmounts; returns when the mount is gone from the tree.
pub(crate) fn run(arguments: &Umount) -> Result<(), Failure> {
    let found = mountpoint::find(&arguments.dir)?;
    let mount = pipefs_on(&found)?;
    if arguments.id.is_some_and(|id| id != mount.id) {
        return Ok(());
    }
    let shown = found.path.display();
    let outcome = match unmount::unmount(mount, arguments.lazy) {
        // Nobody can close what is open on a dead mount in any better way.
        Err(UnmountError::Busy) if found.is_dead() => unmount::unmount(mount, true),
        outcome => outcome,
    };
    outcome.map_err(|error| match error {
        UnmountError::Busy => Failure::new(
            Exit::MountPoint,
            format!(
                "{shown} is busy: pipes are open, or it is a working directory; `fuser -vm \
                 {shown}` may show whose, `pipefs umount --lazy {shown}` unmounts all the same"
            ),
        ),
        UnmountError::NoHelper | UnmountError::NotYours => {
            Failure::new(Exit::Unavailable, format!("cannot unmount {shown}: {error}"))
        }
        _ => Failure::new(Exit::Failure, format!("cannot unmount {shown}: {error}")),
    })?;
    wait_until_gone(mount)
}

/// The pipefs mount on this directory.
fn pipefs_on(found: &MountPoint) -> Result<&Entry, Failure> {
    let shown = found.path.display();
    let message = match (&found.mount, found.mounted()) {
        (_, Some(mount)) if mount.is_pipefs() => return Ok(mount),
        (_, Some(mount)) => {
            format!("{shown} is a {} mount, no pipefs: use umount", mount.filesystem)
        }
        (Some(mount), None) if mount.is_pipefs() => {
            let root = mount.mount_point.display();
            format!("{shown} is inside the pipefs on {root}: `pipefs umount {root}`")
        }
        _ => format!("nothing is mounted on {shown}: `grep pipefs /proc/mounts` lists the mounts"),
    };
    Err(Failure::new(Exit::MountPoint, message))
}

fn wait_until_gone(mount: &Entry) -> Result<(), Failure> {
    let deadline = Instant::now() + GONE_WITHIN;
    loop {
        // Without /proc nothing can be seen, and the kernel has said that it is done.
        if mountinfo::read().is_ok_and(|mounts| mounts.contains(mount)) {
            if Instant::now() < deadline {
                thread::sleep(POLL_EVERY);
                continue;
            }
            let shown = mount.mount_point.display();
            let message = format!("{shown} was unmounted but is still listed as a mount");
            return Err(Failure::new(Exit::Failure, message));
        }
        return Ok(());
    }
}
