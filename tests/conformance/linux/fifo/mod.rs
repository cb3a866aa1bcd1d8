//! FIFOs: the same body runs on a FIFO of the kernel's and on a pipe that mkfifo(3) made on a
//! mount, so what it expects of ours is known to be true of the other. Where the two differ the
//! body says so by [`Fifo::differs`], and [`differences`] says what and why.

pub(crate) mod differences;
pub(crate) mod files;
pub(crate) mod moving;
pub(crate) mod opening;
pub(crate) mod readiness;

use std::path::PathBuf;

use libc::{O_NONBLOCK, O_RDONLY, O_WRONLY};

use crate::harness::watchdog::new_directory;
use crate::harness::{Errno, Fd, Mount, sys};

/// A new FIFO without ends.
pub(crate) struct Fifo {
    pub(crate) path: PathBuf,
    /// `None`: it is the kernel's.
    mount: Option<Mount>,
}

impl Fifo {
    /// The kernel's.
    pub(crate) fn of_the_kernel() -> Self {
        let path = new_directory().join("fifo");
        sys::mkfifo(&path, 0o666).unwrap();
        Self { path, mount: None }
    }

    /// One of ours, on a mount of its own.
    pub(crate) fn of_ours() -> Self {
        let mount = Mount::new();
        let path = mount.path("fifo");
        sys::mkfifo(&path, 0o666).unwrap();
        Self { path, mount: Some(mount) }
    }

    /// Whether this is one of ours, for a row that is in the table of differences.
    pub(crate) fn differs(&self, row: &str) -> bool {
        let listed = differences::ALL.iter().any(|difference| difference.row == row);
        assert!(listed, "{row} is not in the table of differences");
        self.mount.is_some()
    }

    /// What a row says: the first of the kernel's, the second of ours.
    pub(crate) fn answer<T>(&self, row: &str, kernels: T, ours: T) -> T {
        if self.differs(row) { ours } else { kernels }
    }

    /// Opens it where that succeeds without waiting.
    #[track_caller]
    pub(crate) fn open(&self, flags: i32) -> Fd {
        Fd::open(&self.path, flags).unwrap_or_else(|error| panic!("{flags:#o}: {error:?}"))
    }

    /// What an open is refused with.
    #[track_caller]
    pub(crate) fn refused(&self, flags: i32) -> Errno {
        Fd::open(&self.path, flags).expect_err("the open is refused")
    }

    /// A reader with `O_NONBLOCK` and a writer, opened so that neither waits.
    pub(crate) fn ends(&self) -> (Fd, Fd) {
        let reader = self.open(O_RDONLY | O_NONBLOCK);
        (reader, self.open(O_WRONLY))
    }

    /// The same, with a reader that waits.
    pub(crate) fn blocking_ends(&self) -> (Fd, Fd) {
        let (reader, writer) = self.ends();
        reader.set_nonblocking(false).unwrap();
        (reader, writer)
    }

    /// Fills it, until a write would wait.
    #[track_caller]
    pub(crate) fn fill(&self, writer: &Fd) {
        writer.set_nonblocking(true).unwrap();
        while writer.write(&[b'f'; 4096]) == Ok(4096) {}
        assert_eq!(writer.write(b"f"), Err(Errno::EAGAIN), "it is full");
        writer.set_nonblocking(false).unwrap();
    }
}
