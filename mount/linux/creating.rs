//! How a pipe is made that nobody opens.

use std::ffi::OsStr;
use std::io;

use nix::sys::stat::{Mode as Umask, umask};
use rustix::fs::{AtFlags, FileType, Mode, RenameFlags, chmodat, mknodat, renameat_with, unlinkat};

use crate::exit::Failure;
use crate::pipe_file::Directory;

/// Who may use a new pipe.
pub type Permissions = Mode;

/// The permissions that new files have.
#[must_use]
pub fn usual_permissions() -> Permissions {
    // The umask can be read only by setting it.
    let umask_now = umask(Umask::empty());
    umask(umask_now);
    Mode::from_raw_mode(0o666 & !umask_now.bits())
}

/// The permissions that were asked for, or the usual ones. From here on all are as they are given:
/// the process has no umask any more.
///
/// # Errors
/// None.
pub fn permissions(given: Option<u32>) -> Result<Permissions, Failure> {
    let permissions = given.map_or_else(usual_permissions, Mode::from_raw_mode);
    umask(Umask::empty());
    Ok(permissions)
}

/// Makes a pipe.
///
/// # Errors
/// Those of mknod(2).
pub fn make(directory: &Directory, name: &OsStr, permissions: &Permissions) -> io::Result<()> {
    Ok(mknodat(&directory.0, name, FileType::RegularFile, *permissions, 0)?)
}

/// Makes a pipe that only its owner can use.
///
/// # Errors
/// Those of mknod(2).
pub fn make_draft(directory: &Directory, name: &str) -> io::Result<()> {
    make(directory, name.as_ref(), &(Mode::RUSR | Mode::WUSR))
}

/// Gives it its permissions and its name, which must be free.
///
/// # Errors
/// Those of chmod(2) and renameat2(2).
pub fn publish(
    directory: &Directory,
    draft: &str,
    name: &OsStr,
    permissions: &Permissions,
) -> io::Result<()> {
    chmodat(&directory.0, draft, *permissions, AtFlags::empty())?;
    let (from, to) = (&directory.0, &directory.0);
    Ok(renameat_with(from, draft, to, name, RenameFlags::NOREPLACE)?)
}

/// Removes it.
///
/// # Errors
/// Those of unlink(2).
pub fn remove(directory: &Directory, draft: &str) -> io::Result<()> {
    Ok(unlinkat(&directory.0, draft, AtFlags::empty())?)
}
