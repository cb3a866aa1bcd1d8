//! Ends of pipes as `call`, `wait` and `serve` use them. A read or write that waits cannot be taken
//! back on WinFsp, so nothing is begun here that would wait: it is asked before, again and again.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, absolute};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_BAD_PIPE, ERROR_BROKEN_PIPE, ERROR_NO_DATA, ERROR_PIPE_BUSY, ERROR_PIPE_LISTENING,
    ERROR_PIPE_NOT_CONNECTED, ERROR_SEM_TIMEOUT, ERROR_UNRECOGNIZED_VOLUME,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_FLAG_BACKUP_SEMANTICS, FILE_READ_ATTRIBUTES};

use crate::functions::{Condition, Info, PipeFunctions, Ready};

/// How often is asked.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Opens a client's end, whoever else is there.
///
/// # Errors
/// Those of CreateFile.
pub fn open_client(path: &Path) -> io::Result<File> {
    // The right to append, and not to write, makes it a client.
    OpenOptions::new().read(true).append(true).open(path)
}

/// Waits until there is something to read, or also room to write if that is wanted; `None`: not in
/// time. A client that has no server yet has neither.
///
/// # Errors
/// It is no end of a pipe, or its driver is gone.
pub fn until_ready(
    end: &File,
    wants_room: bool,
    limit: impl Fn() -> Option<Duration>,
) -> io::Result<Option<Ready>> {
    loop {
        let info = end.info()?;
        let input = match end.peek(0) {
            Ok(peeked) => peeked.total_bytes > 0 || peeked.messages > 0,
            // A server without a client, or a client without an instance.
            Err(error) if matches!(kind(&error), ErrorKind::WouldBlock) => false,
            Err(error) if error.raw_os_error() == Some(ERROR_BAD_PIPE.cast_signed()) => false,
            // What it is, who reads will be told.
            Err(_) => true,
        };
        let room = wants_room && info.condition.is_some() && info.writable_bytes > 0;
        if input || room {
            return Ok(Some(Ready { input, room }));
        }
        if limit() == Some(Duration::ZERO) {
            return Ok(None);
        }
        thread::sleep(ASK_EVERY);
    }
}

/// Whether there is room to write, and somebody at the other end.
#[must_use]
pub fn has_room(end: &File) -> bool {
    let is_there = |info: Info| info.condition == Some(Condition::Connected);
    end.info().is_ok_and(|info| info.writable_bytes > 0 && is_there(info))
}

/// Waits until an instance of a pipe listens.
///
/// # Errors
/// As `PipeFunctions::wait_for`.
pub fn until_listening(path: &Path, limit: Option<Duration>) -> io::Result<()> {
    let path = absolute(path)?;
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        unreachable!("a pipe is in a directory")
    };
    let directory = OpenOptions::new()
        .access_mode(FILE_READ_ATTRIBUTES)
        // Without this there are no handles of directories.
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(parent)?;
    directory.wait_for(name, limit)
}

/// Whether a refusal of an open comes from the pipe and not from the file's access control list:
/// that is not to be known here.
#[must_use]
pub fn is_permitted(_: &Path) -> bool {
    false
}

/// What it means that something could not be done with an end. `std` knows few of Windows' errors
/// of pipes.
#[must_use]
pub fn kind(error: &io::Error) -> ErrorKind {
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_PIPE_BUSY) => ErrorKind::ResourceBusy,
        Some(ERROR_BROKEN_PIPE | ERROR_NO_DATA) => ErrorKind::BrokenPipe,
        Some(ERROR_PIPE_LISTENING) => ErrorKind::WouldBlock,
        Some(ERROR_PIPE_NOT_CONNECTED) => ErrorKind::NotConnected,
        Some(ERROR_SEM_TIMEOUT) => ErrorKind::TimedOut,
        _ => error.kind(),
    }
}

/// Whether it means that the mount is being taken down.
#[must_use]
pub fn is_ending(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_UNRECOGNIZED_VOLUME.cast_signed())
}

/// Whether it means that the server has disconnected this client.
#[must_use]
pub fn is_disconnected(_: &Path, error: &io::Error) -> bool {
    kind(error) == ErrorKind::NotConnected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_pipes_are_told_apart() {
        let kind = |number: u32| kind(&io::Error::from_raw_os_error(number.cast_signed()));
        assert_eq!(kind(ERROR_PIPE_BUSY), ErrorKind::ResourceBusy);
        assert_eq!(kind(ERROR_NO_DATA), ErrorKind::BrokenPipe);
        assert_eq!(kind(ERROR_SEM_TIMEOUT), ErrorKind::TimedOut);
        assert_eq!(kind(5), ErrorKind::PermissionDenied);
        assert_eq!(self::kind(&ErrorKind::WouldBlock.into()), ErrorKind::WouldBlock);
    }
}
