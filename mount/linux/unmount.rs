//! Taking a mount down: umount2(2) as root, fusermount3 for everyone else.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::unistd::geteuid;

use crate::exit::{Exit, Failure};

/// The programs that mount and unmount for an ordinary user, best first.
const HELPERS: [&str; 2] = ["fusermount3", "fusermount"];

/// Where they are looked for besides `PATH`, which may be empty at boot.
const HELPER_DIRECTORIES: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

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
    /// The kernel refused.
    #[error(transparent)]
    Kernel(io::Error),
    /// The helper refused; its words.
    #[error("{0}")]
    Helper(String),
}

/// Unmounts what is mounted on `path`, an absolute path without symbolic links. A `lazy` unmount
/// takes the mount out of the tree at once, and ends it when its last open file is closed.
///
/// # Errors
/// The mount is still there then.
pub fn unmount(path: &Path, lazy: bool) -> Result<(), UnmountError> {
    if geteuid().is_root() { by_kernel(path, lazy) } else { by_helper(path, lazy) }
}

/// Takes a dead mount out of the tree.
///
/// # Errors
/// [`Exit::MountPoint`].
pub fn detach(path: &Path) -> Result<(), Failure> {
    unmount(path, true).map_err(|error| {
        let shown = path.display();
        Failure::new(
            Exit::MountPoint,
            format!("{shown} is a dead pipefs mount that cannot be detached: {error}"),
        )
    })
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

fn by_kernel(path: &Path, lazy: bool) -> Result<(), UnmountError> {
    let mut flags = MntFlags::UMOUNT_NOFOLLOW;
    flags.set(MntFlags::MNT_DETACH, lazy);
    umount2(path, flags).map_err(|errno| match errno {
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
