//! Ends of pipes as `call`, `wait` and `serve` use them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;

use crate::functions::{PipeFunctions, Ready};
use crate::linux::mountpoint::is_dead;

/// Opens a client's end, whoever else is there. What it does waits in [`until_ready`] alone.
///
/// # Errors
/// Those of open(2).
pub fn open_client(path: &Path) -> io::Result<File> {
    // O_APPEND makes it a client.
    OpenOptions::new().read(true).append(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// Waits until there is something to read, or also room to write if that is wanted; `None`: not in
/// time. A client that has no server yet has neither.
///
/// # Errors
/// Those of poll(2).
pub fn until_ready(
    end: &File,
    wants_room: bool,
    limit: impl Fn() -> Option<Duration>,
) -> io::Result<Option<Ready>> {
    let wanted = if wants_room { PollFlags::OUT } else { PollFlags::empty() };
    loop {
        // A time that does not fit there is for ever.
        let left = limit().and_then(|left| Timespec::try_from(left).ok());
        let mut ends = [PollFd::new(end, PollFlags::IN | wanted)];
        match poll(&mut ends, left.as_ref()) {
            Ok(0) => return Ok(None),
            Ok(_) => {
                let ready = ends[0].revents();
                let room = ready.contains(PollFlags::OUT);
                return Ok(Some(Ready { input: ready != PollFlags::OUT, room }));
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether there is room to write, and somebody at the other end.
#[must_use]
pub fn has_room(end: &File) -> bool {
    let mut ends = [PollFd::new(end, PollFlags::OUT)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut ends, Some(&at_once)).is_ok() && ends[0].revents() == PollFlags::OUT
}

/// Waits until an instance of a pipe listens.
///
/// # Errors
/// As `PipeFunctions::wait_for`.
pub fn until_listening(path: &Path, limit: Option<Duration>) -> io::Result<()> {
    // Without symbolic links: they may lead here from other filesystems.
    let real = fs::canonicalize(path)?;
    let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
        unreachable!("a pipe is in a directory")
    };
    File::open(parent)?.wait_for(name, limit)
}

/// Whether the permissions of a file allow to read and write it.
#[must_use]
pub fn is_permitted(path: &Path) -> bool {
    accessat(CWD, path, Access::READ_OK | Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

/// What it means that something could not be done with an end.
#[must_use]
pub fn kind(error: &io::Error) -> ErrorKind {
    error.kind()
}

/// Whether it means that the mount is being taken down.
#[must_use]
pub fn is_ending(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESHUTDOWN)
}

/// Whether it means that the server has disconnected this client.
#[must_use]
pub fn is_disconnected(path: &Path, error: &io::Error) -> bool {
    // A client that was disconnected may get the same error as one whose driver is gone.
    let is_reset = error.kind() == ErrorKind::ConnectionReset;
    is_reset || (is_dead(error) && !fs::metadata(path).is_err_and(|error| is_dead(&error)))
}
