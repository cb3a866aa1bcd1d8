//! Pipes and directories, found by their paths. What is asked of a pipe are its streams, so that no
//! end of it is opened.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::owners::Descriptor;
use super::volumes;
use crate::exit::Failure;
use crate::pipe_file::{State, failure, mounts_in_words, wrong_name};

/// A pipe that was found by its path.
#[derive(Debug)]
pub struct PipeFile(PathBuf);

/// A directory on a pipefs.
#[derive(Debug)]
pub struct Directory(PathBuf);

/// What a file is, whose, and who may use it.
#[derive(Debug)]
pub struct Metadata {
    is_dir: bool,
    pub(super) descriptor: Descriptor,
}

impl PipeFile {
    /// Finds a pipe.
    ///
    /// # Errors
    /// `Exit::Name` if it is missing or no pipe on a pipefs; see [`failure`] for others.
    pub fn find(path: &Path) -> Result<Self, Failure> {
        let found = fs::metadata(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => wrong_name(path, "does not exist: `pipefs create` makes one"),
            _ => failure(path, &error),
        })?;
        check_mount(path)?;
        match found.is_file() {
            true => Ok(Self(path.into())),
            false => Err(wrong_name(path, "is a directory: `pipefs ls` lists what is in it")),
        }
    }

    /// The root directory of a pipefs.
    #[must_use]
    pub fn root(_: &Path) -> Option<Self> {
        None
    }

    /// What is going on in it.
    ///
    /// # Errors
    /// Reading it is not permitted, or the driver is gone.
    pub fn state(&self) -> io::Result<State> {
        Ok(serde_json::from_slice(&self.setting("state")?)?)
    }

    /// What the next reader would get, at most 64 KiB.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn peek(&self) -> io::Result<Vec<u8>> {
        self.setting("peek")
    }

    /// The value of a setting, as [`Self::set`] takes it.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn setting(&self, key: &str) -> io::Result<Vec<u8>> {
        fs::read(stream(&self.0, key))
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// The pipe is in use, if the setting cannot be changed then; writing the file is not
    /// permitted; the driver is gone.
    pub fn set(&self, key: &str, value: &[u8]) -> io::Result<()> {
        // Not with `fs::write`, which would make the pipe if it has gone meanwhile.
        OpenOptions::new().write(true).open(stream(&self.0, key))?.write_all(value)
    }

    /// Owner and permissions.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn metadata(&self) -> io::Result<Metadata> {
        let is_dir = fs::symlink_metadata(&self.0)?.is_dir();
        Ok(Metadata { is_dir, descriptor: Descriptor::of(&self.0)? })
    }
}

impl Directory {
    /// Finds a directory.
    ///
    /// # Errors
    /// `Exit::Name` if it is missing, no directory, or not on a pipefs; see [`failure`].
    pub fn find(path: &Path) -> Result<Self, Failure> {
        if !fs::metadata(path).map_err(|error| failure(path, &error))?.is_dir() {
            return Err(wrong_name(path, "is not a directory: `pipefs stat` shows a pipe"));
        }
        check_mount(path)?;
        Ok(Self(path.into()))
    }

    /// A directory of any file system, for tests.
    #[cfg(test)]
    pub(super) fn at(path: &Path) -> Self {
        Self(path.into())
    }

    /// A path that leads to it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.clone()
    }

    /// An entry as it is. If it is a directory it has no state.
    ///
    /// # Errors
    /// It is gone, or the driver is.
    pub fn entry(&self, name: impl AsRef<Path>) -> io::Result<PipeFile> {
        let path = self.0.join(name);
        fs::symlink_metadata(&path)?;
        Ok(PipeFile(path))
    }

    /// Whether an entry is of the same mount. It is, because nothing can be mounted on a directory
    /// of a pipefs: that would need a reparse point, and it has none.
    #[must_use]
    pub fn is_mount_of(&self, _: &Metadata) -> bool {
        true
    }
}

impl Metadata {
    /// Whether it is a directory's.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.is_dir
    }
}

/// The drives that are pipefs. Those that are mounted on directories Windows does not list.
///
/// # Errors
/// None.
pub fn mounts() -> Result<Vec<PathBuf>, Failure> {
    let drives = volumes::drives().into_iter();
    Ok(drives.filter(|drive| volumes::is_pipefs(drive).unwrap_or(false)).collect())
}

/// Whether this error means that a mount has lost its driver: Windows takes those away.
#[must_use]
pub fn is_dead(_: &io::Error) -> bool {
    false
}

/// The path of a file's stream.
fn stream(path: &Path, key: &str) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(":");
    path.push(key);
    path.into()
}

fn check_mount(path: &Path) -> Result<(), Failure> {
    match volumes::is_pipefs(path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(wrong_name(path, &format!("is not on a pipefs ({})", mounts_in_words()))),
        Err(error) => Err(failure(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_stream_is_named_after_its_file() {
        assert_eq!(stream(Path::new(r"P:\a b"), "state"), Path::new(r"P:\a b:state"));
        assert_eq!(stream(Path::new(r"P:\"), "state"), Path::new(r"P:\:state"));
    }

    #[test]
    fn what_is_not_on_a_pipefs_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "content").unwrap();
        let refused = |failure: Failure, what: &str| {
            assert_eq!(failure.exit, Exit::Name);
            assert!(failure.message.contains(what), "{failure}");
        };
        refused(PipeFile::find(&file).unwrap_err(), "is not on a pipefs (none is mounted");
        refused(Directory::find(directory.path()).unwrap_err(), "is not on a pipefs");
        refused(PipeFile::find(&directory.path().join("none")).unwrap_err(), "does not exist");
        refused(Directory::find(&file).unwrap_err(), "is not a directory");
        assert_eq!(mounts().unwrap(), Vec::<PathBuf>::new());
    }
}
