//! Pipes and directories, found by their paths. What is asked of a pipe are its extended
//! attributes, so that nothing is opened and the file's permissions decide.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::{XattrFlags, getxattr, setxattr};

use crate::exit::Failure;
use crate::linux::mountinfo;
use crate::linux::mountpoint::mount_of;
use crate::pipe_file::{State, failure, mounts_in_words, wrong_name};

pub use std::fs::Metadata;

pub use crate::linux::mountpoint::is_dead;

/// What all our attributes begin with.
const PREFIX: &str = "user.pipefs.";

/// Most bytes that an attribute can have (Linux: `XATTR_SIZE_MAX`).
const MAX_BYTES: usize = 64 << 10;

/// A pipe that was found by its path. It stays the same one when its name goes or leads elsewhere.
#[derive(Debug)]
pub struct PipeFile(File);

impl PipeFile {
    /// Finds a pipe.
    ///
    /// # Errors
    /// `Exit::Name` if it is missing or no pipe on a pipefs; see [`failure`] for others.
    pub fn find(path: &Path) -> Result<Self, Failure> {
        let refused = |error: io::Error| match error.kind() {
            ErrorKind::NotFound => wrong_name(path, "does not exist: `pipefs create` makes one"),
            _ => failure(path, &error),
        };
        let file = point_at(path, 0).map_err(refused)?;
        let kind = file.metadata().map_err(refused)?.file_type();
        check_mount(path, &file)?;
        if !kind.is_file() {
            return Err(wrong_name(path, "is a directory: `pipefs ls` lists what is in it"));
        }
        Ok(Self(file))
    }

    /// The root directory of a pipefs, which has a state as pipes have; `None`: it is none.
    #[must_use]
    pub fn root(path: &Path) -> Option<Self> {
        let file = point_at(path, 0).ok()?;
        let is_directory = file.metadata().is_ok_and(|data| data.is_dir());
        let mount = mount_of(&file).ok()??;
        let root = Self(file);
        let is_root = is_directory && mount.is_pipefs() && root.attribute("state").is_ok();
        is_root.then_some(root)
    }

    /// What is going on in it.
    ///
    /// # Errors
    /// Reading it is not permitted, or the driver is gone.
    pub fn state(&self) -> io::Result<State> {
        Ok(serde_json::from_slice(&self.attribute("state")?)?)
    }

    /// What the next reader would get, at most 64 KiB.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn peek(&self) -> io::Result<Vec<u8>> {
        self.attribute("peek")
    }

    /// The value of a setting, as [`Self::set`] takes it.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn setting(&self, key: &str) -> io::Result<Vec<u8>> {
        self.attribute(key)
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// `EBUSY` while the pipe is in use, if the setting cannot be changed then; writing the file is
    /// not permitted; the driver is gone.
    pub fn set(&self, key: &str, value: &[u8]) -> io::Result<()> {
        setxattr(path_of(&self.0), format!("{PREFIX}{key}"), value, XattrFlags::empty())?;
        Ok(())
    }

    /// Owner and permissions.
    ///
    /// # Errors
    /// As [`Self::state`].
    pub fn metadata(&self) -> io::Result<Metadata> {
        self.0.metadata()
    }

    fn attribute(&self, key: &str) -> io::Result<Vec<u8>> {
        let mut value = Vec::with_capacity(MAX_BYTES);
        getxattr(path_of(&self.0), format!("{PREFIX}{key}"), spare_capacity(&mut value))?;
        Ok(value)
    }
}

/// A directory on a pipefs.
#[derive(Debug)]
pub struct Directory(pub(super) File);

impl Directory {
    /// Finds a directory.
    ///
    /// # Errors
    /// `Exit::Name` if it is missing, no directory, or not on a pipefs; see [`failure`].
    pub fn find(path: &Path) -> Result<Self, Failure> {
        let refused = |error: io::Error| match error.kind() {
            ErrorKind::NotFound => wrong_name(path, "does not exist: `mkdir` makes a directory"),
            _ => failure(path, &error),
        };
        let file = point_at(path, 0).map_err(refused)?;
        if !file.metadata().map_err(refused)?.is_dir() {
            return Err(wrong_name(path, "is not a directory: `pipefs stat` shows a pipe"));
        }
        check_mount(path, &file)?;
        Ok(Self(file))
    }

    /// A path that leads to it, whatever becomes of its name, as long as this is there.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        path_of(&self.0)
    }

    /// An entry as it is: a symbolic link is not followed. If it is a directory it has no state.
    ///
    /// # Errors
    /// It is gone, or the driver is.
    pub fn entry(&self, name: impl AsRef<Path>) -> io::Result<PipeFile> {
        point_at(&self.path().join(name), libc::O_NOFOLLOW).map(PipeFile)
    }

    /// Whether an entry is of the same mount; it is not where something else is mounted on it.
    #[must_use]
    pub fn is_mount_of(&self, entry: &Metadata) -> bool {
        self.0.metadata().is_ok_and(|directory| directory.dev() == entry.dev())
    }
}

/// Where pipefs are mounted.
///
/// # Errors
/// /proc is not there.
pub fn mounts() -> Result<Vec<PathBuf>, Failure> {
    let mut found: Vec<PathBuf> = mountinfo::read()
        .map_err(|error| failure(Path::new("/proc"), &error))?
        .into_iter()
        .filter(mountinfo::Entry::is_pipefs)
        .map(|entry| entry.mount_point)
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

fn check_mount(path: &Path, file: &File) -> Result<(), Failure> {
    match mount_of(file) {
        Ok(Some(mount)) if mount.is_pipefs() => Ok(()),
        Ok(_) => Err(wrong_name(path, &format!("is not on a pipefs ({})", mounts_in_words()))),
        Err(error) => Err(failure(Path::new("/proc"), &error)),
    }
}

/// Points at a file without opening it, which would connect to a pipe.
fn point_at(path: &Path, flags: i32) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | flags).open(path)
}

/// Attributes have no calls for what is only pointed at, but a path by way of /proc leads there.
fn path_of(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}
