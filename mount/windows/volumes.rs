//! What volumes there are, and which of them are pipefs.

use std::fs::OpenOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::ptr;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_READ_ATTRIBUTES, GetLogicalDrives,
    GetVolumeInformationByHandleW,
};

/// What Windows is told as the name of the file system of a mount.
pub const FILESYSTEM: &str = "pipefs";

/// Longest name of a file system, with a 0 at its end (`MAX_PATH` + 1).
const NAME_UNITS: usize = 261;

/// Whether a file or directory is on a pipefs. No end of a pipe is opened for that.
///
/// # Errors
/// It is not there, or may not even be looked at.
pub fn is_pipefs(path: &Path) -> io::Result<bool> {
    let file = OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        // Without this there are no handles of directories.
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?;
    let mut name = [0; NAME_UNITS];
    // SAFETY: the handle is open; the name gets at most as much as there is room for, and nothing
    // else is asked for.
    let found = unsafe {
        GetVolumeInformationByHandleW(
            file.as_raw_handle(),
            ptr::null_mut(),
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            name.as_mut_ptr(),
            NAME_UNITS as u32,
        )
    };
    if found == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(name.iter().copied().take_while(|unit| *unit != 0).eq(FILESYSTEM.encode_utf16()))
}

/// The root directories of all drives that have a letter.
#[must_use]
pub fn drives() -> Vec<PathBuf> {
    // SAFETY: it takes nothing.
    let letters = unsafe { GetLogicalDrives() };
    let is_there = |letter: &u8| letters & 1 << (letter - b'A') != 0;
    let root = |letter| PathBuf::from(format!(r"{}:\", char::from(letter)));
    (b'A'..=b'Z').filter(is_there).map(root).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_drive_is_no_pipefs() {
        let drives = drives();
        assert!(drives.iter().any(|drive| drive == Path::new(r"C:\")), "{drives:?}");
        assert!(!is_pipefs(Path::new(r"C:\")).unwrap());
        assert!(is_pipefs(Path::new(r"C:\no such file")).is_err());
    }
}
