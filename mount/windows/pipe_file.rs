//! Pipes and directories, found by their paths: none are, so that no value of these types exists.
//! What they have to do is said where they do it, in `mount/linux/pipe_file.rs`.

use std::io;
use std::path::{Path, PathBuf};

use super::unavailable;
use crate::exit::Failure;
use crate::pipe_file::State;

/// A pipe that was found by its path.
#[derive(Debug)]
pub enum PipeFile {}

/// A directory on a pipefs.
#[derive(Debug)]
pub enum Directory {}

/// Owner and permissions of one of them.
#[derive(Debug)]
pub enum Metadata {}

impl PipeFile {
    /// Finds a pipe.
    ///
    /// # Errors
    /// Always.
    pub fn find(_: &Path) -> Result<Self, Failure> {
        Err(unavailable("finding pipes by their paths"))
    }

    /// The root directory of a pipefs.
    #[must_use]
    pub fn root(_: &Path) -> Option<Self> {
        None
    }

    /// What is going on in it.
    ///
    /// # Errors
    /// None: there is no such value.
    pub fn state(&self) -> io::Result<State> {
        match *self {}
    }

    /// What the next reader would get.
    ///
    /// # Errors
    /// None: there is no such value.
    pub fn peek(&self) -> io::Result<Vec<u8>> {
        match *self {}
    }

    /// The value of a setting.
    ///
    /// # Errors
    /// None: there is no such value.
    pub fn setting(&self, _: &str) -> io::Result<Vec<u8>> {
        match *self {}
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// None: there is no such value.
    pub fn set(&self, _: &str, _: &[u8]) -> io::Result<()> {
        match *self {}
    }

    /// Owner and permissions.
    ///
    /// # Errors
    /// None: there is no such value.
    pub fn metadata(&self) -> io::Result<Metadata> {
        match *self {}
    }
}

impl Directory {
    /// Finds a directory.
    ///
    /// # Errors
    /// Always.
    pub fn find(_: &Path) -> Result<Self, Failure> {
        Err(unavailable("finding directories of a pipefs"))
    }

    /// A path that leads to it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match *self {}
    }

    /// An entry as it is.
    ///
    /// # Errors
    /// None: there is no such value.
    pub fn entry(&self, _: impl AsRef<Path>) -> io::Result<PipeFile> {
        match *self {}
    }

    /// Whether an entry is of the same mount.
    #[must_use]
    pub fn is_mount_of(&self, _: &Metadata) -> bool {
        match *self {}
    }
}

impl Metadata {
    /// Whether it is a directory's.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        match *self {}
    }
}

/// Where pipefs are mounted.
///
/// # Errors
/// Always.
pub fn mounts() -> Result<Vec<PathBuf>, Failure> {
    Err(unavailable("the list of mounts"))
}

/// Whether this error means that a mount has lost its driver: Windows takes those away.
#[must_use]
pub fn is_dead(_: &io::Error) -> bool {
    false
}
