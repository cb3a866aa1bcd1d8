//! The FUSE adapter (being written): mount, serve, stop.

use std::io;
use std::path::Path;

use pipefs::Settings;

/// What a mount is made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Other users may use the mount (`allow_other`); the root directory is 1777 then, else 0755.
    pub allow_other: bool,
    /// `fusermount3` unmounts when the driver dies; needs `allow_other`.
    pub auto_unmount: bool,
    /// Bytes that all pipes together may hold before writers wait.
    pub memory_bytes: u64,
    /// Settings of new pipes.
    pub defaults: Settings,
    /// The source shown by `mount` and `df`.
    pub fsname: String,
}

/// A mount that is there but not served yet.
#[derive(Debug)]
pub struct Mounted {}

/// Takes a served mount down, from any thread.
#[derive(Debug, Clone)]
pub struct Stopper {}

/// Mounts on `dir` and negotiates with the kernel. No thread is started.
///
/// # Errors
/// What mount(2) or fusermount3 said.
pub fn mount(_dir: &Path, _config: &Config) -> io::Result<Mounted> {
    Err(io::Error::other("the FUSE adapter is being written"))
}

impl Mounted {
    /// A handle that stops the serving.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper {}
    }

    /// Starts the threads and calls `ready` from this thread once requests are being answered
    /// (the caller may then use the mount itself); returns when the mount is gone.
    ///
    /// # Errors
    /// A failure of /dev/fuse.
    pub fn serve(self, _ready: impl FnOnce()) -> io::Result<()> {
        Ok(())
    }
}

impl Stopper {
    /// Ends every waiting operation with an error and unmounts, lazily if ends are open.
    pub fn stop(&self) {}
}
