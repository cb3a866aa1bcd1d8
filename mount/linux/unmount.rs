//! Taking a mount down: umount2(2) as root, fusermount3 for everyone else.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::unistd::geteuid;

use crate::exit::{Exit, Failure};
use crate::linux::mountinfo::Entry;
use crate::linux::{mountpoint, privileges};

/// The programs that mount and unmount for an ordinary user, best first.
const HELPERS: [&str; 2] = ["fusermount3", "fusermount"];

/// Where they are looked for besides `PATH`, which may be empty at boot.
const HELPER_DIRECTORIES: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// The running program, also if its file was replaced.
const OURSELVES: &str = "/proc/self/exe";

/// How often it is looked whether another process is done.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Why a mount is still there.
#[derive(Debug, thiserror::Error)]
pub enum UnmountError {
    /// Files on it are open, or it is some process's working directory.
    #[error("the mount is busy")]
    Busy,
    /// Neither root nor a helper: see [`helper`].
    #[error("fusermount3 is missing: install it with `apt-get install fuse3`, or unmount as root")]
    NoHelper,
    /// An ordinary user asks, and the mount is someone else's.
    #[error("it is another user's mount: unmount it as that user, or as root")]
    NotYours,
    /// It has gone, or something else is mounted on it.
    #[error("it is not there any more")]
    Gone,
    /// The kernel refused.
    #[error(transparent)]
    Kernel(#[from] io::Error),
    /// The helper refused; its words.
    #[error("{0}")]
    Helper(String),
}

/// Unmounts this mount, wherever it is by now, and no other one: what its path leads to may have
/// changed, also by the hand of somebody who wants another one unmounted. A `lazy` unmount takes
/// the mount out of the tree at once, and ends it when its last open file is closed.
///
/// # Errors
/// The mount is still there then, or has been gone before.
pub fn unmount(mount: &Entry, lazy: bool) -> Result<(), UnmountError> {
    let now = mount.now().map_err(UnmountError::Kernel)?.ok_or(UnmountError::Gone)?;
    let _lent = privileges::lend();
    if geteuid().is_root() { by_kernel(&now, lazy) } else { by_helper(&now.mount_point, lazy) }
}

/// Unmounts what was mounted a moment ago, by a path that is sure to lead there, or as an ordinary
/// user by its name. Needs no descriptor of root.
///
/// # Errors
/// The mount is still there then.
pub(crate) fn take_back(way: &Path, path: &Path) -> Result<(), UnmountError> {
    if geteuid().is_root() { by_way(way, true) } else { by_helper(path, true) }
}

/// Takes a dead mount out of the tree.
///
/// # Errors
/// [`Exit::MountPoint`].
pub fn detach(mount: &Entry) -> Result<(), Failure> {
    unmount(mount, true).map_err(|error| {
        Failure::new(
            Exit::MountPoint,
            format!("{mount} is a dead pipefs mount that cannot be detached: {error}"),
        )
    })
}

/// Unmounts this mount lazily, and has another process do it: umount2(2) of a mount that nobody
/// uses any more returns when the last of its requests has come back, and if a thread of the driver
/// waited for that, a driver that is killed meanwhile could not end. Returns after `at_most`, done
/// or not.
///
/// # Errors
/// As [`unmount`].
pub fn unmount_from_outside(mount: &Entry, at_most: Duration) -> Result<(), UnmountError> {
    let now = mount.now().map_err(UnmountError::Kernel)?.ok_or(UnmountError::Gone)?;
    let mut command = Command::new(OURSELVES);
    command.args(["umount", "--lazy", "--id", &now.id.to_string(), "--"]).arg(&now.mount_point);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let deadline = Instant::now() + at_most;
    while Instant::now() < deadline {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            // It has said why.
            Some(status) => return Err(UnmountError::Helper(status.to_string())),
            None => thread::sleep(LOOK_EVERY),
        }
    }
    Ok(())
}

/// The program that mounts and unmounts for ordinary users, if it is installed.
#[must_use]
pub fn helper() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    HELPERS.iter().find_map(|name| {
        [path.as_os_str(), OsStr::new(HELPER_DIRECTORIES)]
            .into_iter()
            .flat_map(env::split_paths)
            .map(|dir| dir.join(name))
            .find(|program| program.is_absolute() && program.is_file())
    })
}

fn by_kernel(mount: &Entry, lazy: bool) -> Result<(), UnmountError> {
    let (above, name) = mount
        .mount_point
        .parent()
        .zip(mount.mount_point.file_name())
        .ok_or_else(|| UnmountError::Kernel(io::ErrorKind::InvalidInput.into()))?;
    // Held, the directory above stays the same one, and while something is mounted in it the
    // kernel lets nobody rename that. The mount itself is not held: it would be busy.
    let above = mountpoint::open(above).map_err(UnmountError::Kernel)?;
    let way = mountpoint::way(&above).join(name);
    let found = mountpoint::open(&way).and_then(|handle| mountpoint::mount_of(&handle));
    if found.map_err(UnmountError::Kernel)?.is_none_or(|found| found.id != mount.id) {
        return Err(UnmountError::Gone);
    }
    by_way(&way, lazy)
}

fn by_way(way: &Path, lazy: bool) -> Result<(), UnmountError> {
    let mut flags = MntFlags::UMOUNT_NOFOLLOW;
    flags.set(MntFlags::MNT_DETACH, lazy);
    umount2(way, flags).map_err(|errno| match errno {
        Errno::EBUSY => UnmountError::Busy,
        errno => UnmountError::Kernel(errno.into()),
    })
}

fn by_helper(path: &Path, lazy: bool) -> Result<(), UnmountError> {
    let mut command = Command::new(helper().ok_or(UnmountError::NoHelper)?);
    // Its words are matched below, so they must not be translated.
    command.env("LC_ALL", "C").stdin(Stdio::null()).arg("-u");
    if lazy {
        command.arg("-z");
    }
    let output = command.arg("--").arg(path).output().map_err(UnmountError::Kernel)?;
    let words = String::from_utf8_lossy(&output.stderr);
    match output.status.success() {
        true => Ok(()),
        false if words.contains("Device or resource busy") => Err(UnmountError::Busy),
        // It looks for a mount of the calling user only.
        false if words.contains("not found in /etc/mtab") => Err(UnmountError::NotYours),
        false if words.trim().is_empty() => Err(UnmountError::Helper(output.status.to_string())),
        false => Err(UnmountError::Helper(words.trim().into())),
    }
}
