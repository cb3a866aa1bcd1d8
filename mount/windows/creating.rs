//! How a pipe is made that nobody opens.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;

use windows_sys::Win32::Storage::FileSystem::{FILE_READ_ATTRIBUTES, MoveFileExW};

use super::owners::wide;
use crate::exit::{Exit, Failure};
use crate::pipe_file::Directory;

/// Who may use a new pipe: whom the directory's access control list lets.
#[derive(Debug)]
pub struct Permissions;

/// The permissions that new files have.
#[must_use]
pub fn usual_permissions() -> Permissions {
    Permissions
}

/// The same.
///
/// # Errors
/// [`Exit::Usage`] if others were asked for, which are Linux'.
pub fn permissions(given: Option<u32>) -> Result<Permissions, Failure> {
    match given {
        None => Ok(usual_permissions()),
        Some(_) => Err(Failure::new(
            Exit::Usage,
            "--permissions are those of Linux: icacls changes the access control list of a pipe",
        )),
    }
}

/// Makes a pipe.
///
/// # Errors
/// Those of CreateFile.
pub fn make(directory: &Directory, name: &OsStr, _: &Permissions) -> io::Result<()> {
    OpenOptions::new()
        // `std` wants this for new files; what counts is the next line.
        .write(true)
        .access_mode(FILE_READ_ATTRIBUTES)
        .create_new(true)
        .open(directory.path().join(name))
        .map(drop)
}

/// Makes a pipe under a name that nobody will look for.
///
/// # Errors
/// Those of CreateFile.
pub fn make_draft(directory: &Directory, name: &str) -> io::Result<()> {
    make(directory, name.as_ref(), &Permissions)
}

/// Gives it its name, which must be free.
///
/// # Errors
/// Those of MoveFileEx.
pub fn publish(
    directory: &Directory,
    draft: &str,
    name: &OsStr,
    _: &Permissions,
) -> io::Result<()> {
    let from = wide(directory.path().join(draft).as_os_str());
    let to = wide(directory.path().join(name).as_os_str());
    // SAFETY: both are texts that end in 0. Without flags it replaces nothing.
    match unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Removes it.
///
/// # Errors
/// Those of DeleteFile.
pub fn remove(directory: &Directory, draft: &str) -> io::Result<()> {
    fs::remove_file(directory.path().join(draft))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipe_file::PipeFile;

    #[test]
    fn only_windows_decides_who_may_use_a_pipe() {
        assert!(permissions(None).is_ok());
        assert_eq!(permissions(Some(0o600)).unwrap_err().exit, Exit::Usage);
    }

    /// On any directory: that new names replace nothing.
    #[test]
    fn a_name_that_is_taken_stays() {
        let place = tempfile::tempdir().unwrap();
        let directory = Directory::at(place.path());
        make_draft(&directory, "draft").unwrap();
        let again = make_draft(&directory, "draft").unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        fs::write(place.path().join("taken"), "content").unwrap();
        let refused = publish(&directory, "draft", "taken".as_ref(), &Permissions).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        publish(&directory, "draft", "free".as_ref(), &Permissions).unwrap();
        assert!(place.path().join("free").is_file() && !place.path().join("draft").exists());
        remove(&directory, "free").unwrap();
        assert!(PipeFile::find(&place.path().join("free")).is_err());
    }
}
