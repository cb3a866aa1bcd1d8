//! The engine's errors as NTSTATUS, one exhaustive table. What a program sees of each is Win32's
//! error beside it.

use pipefs::{Error, Refusal};
use windows_sys::Win32::Foundation::{
    NTSTATUS, STATUS_ACCESS_DENIED, STATUS_CANCELLED, STATUS_DIRECTORY_NOT_EMPTY, STATUS_DISK_FULL,
    STATUS_FILE_IS_A_DIRECTORY, STATUS_INVALID_BUFFER_SIZE, STATUS_INVALID_PARAMETER,
    STATUS_INVALID_PIPE_STATE, STATUS_IO_DEVICE_ERROR, STATUS_IO_TIMEOUT, STATUS_NAME_TOO_LONG,
    STATUS_NOT_A_DIRECTORY, STATUS_NOT_FOUND, STATUS_NOT_SUPPORTED, STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_NOT_FOUND, STATUS_PIPE_CLOSING, STATUS_PIPE_DISCONNECTED, STATUS_PIPE_EMPTY,
    STATUS_PIPE_LISTENING, STATUS_PIPE_NOT_AVAILABLE, STATUS_VOLUME_DISMOUNTED,
};
use winfsp::FspError;

use crate::values::NotSet;

/// The status that a request ends with.
pub(crate) fn status(error: Error) -> NTSTATUS {
    match error {
        Error::NotFound => STATUS_OBJECT_NAME_NOT_FOUND, // ERROR_FILE_NOT_FOUND
        Error::Exists => STATUS_OBJECT_NAME_COLLISION,   // ERROR_ALREADY_EXISTS
        Error::NotADirectory => STATUS_NOT_A_DIRECTORY,  // ERROR_DIRECTORY
        Error::IsADirectory => STATUS_FILE_IS_A_DIRECTORY, // ERROR_ACCESS_DENIED
        Error::NotEmpty => STATUS_DIRECTORY_NOT_EMPTY,   // ERROR_DIR_NOT_EMPTY
        Error::NameTooLong => STATUS_NAME_TOO_LONG,      // ERROR_FILENAME_EXCED_RANGE
        Error::Invalid => STATUS_INVALID_PARAMETER,      // ERROR_INVALID_PARAMETER
        // ERROR_ACCESS_DENIED, as also for a handle that was opened for something else.
        Error::AccessDenied | Error::BadHandle | Error::NotPermitted => STATUS_ACCESS_DENIED,
        Error::Busy => STATUS_PIPE_NOT_AVAILABLE, // ERROR_PIPE_BUSY
        Error::WouldBlock => STATUS_PIPE_EMPTY,   // ERROR_NO_DATA
        Error::NoReader => STATUS_PIPE_LISTENING, // ERROR_PIPE_LISTENING
        Error::BrokenPipe => STATUS_PIPE_CLOSING, // ERROR_NO_DATA
        Error::BadState => STATUS_INVALID_PIPE_STATE, // ERROR_BAD_PIPE
        Error::NotConnected | Error::Reset => STATUS_PIPE_DISCONNECTED, // ERROR_PIPE_NOT_CONNECTED
        Error::Unsupported => STATUS_NOT_SUPPORTED, // ERROR_NOT_SUPPORTED
        Error::NobodyThere => STATUS_NOT_FOUND,   // ERROR_NOT_FOUND
        Error::MessageTooLong => STATUS_INVALID_BUFFER_SIZE, // ERROR_INVALID_USER_BUFFER
        Error::Full | Error::TooManyNames => STATUS_DISK_FULL, // ERROR_DISK_FULL
        Error::TimedOut => STATUS_IO_TIMEOUT,     // ERROR_SEM_TIMEOUT
        Error::Interrupted => STATUS_CANCELLED,   // ERROR_OPERATION_ABORTED
        Error::ShutDown => STATUS_VOLUME_DISMOUNTED, // ERROR_UNRECOGNIZED_VOLUME
        Error::GivenUp => STATUS_IO_DEVICE_ERROR, // ERROR_IO_DEVICE
    }
}

/// The same in the words of `winfsp`.
pub(crate) fn fsp_error(error: Error) -> FspError {
    FspError::NTSTATUS(status(error))
}

/// Why a value was not set.
pub(crate) fn not_set(error: NotSet) -> FspError {
    FspError::NTSTATUS(match error {
        NotSet::Unknown => STATUS_OBJECT_NAME_NOT_FOUND,
        NotSet::ReadOnly => STATUS_ACCESS_DENIED,
        NotSet::Refused(Refusal::Setting(_)) => STATUS_INVALID_PARAMETER,
        NotSet::Refused(Refusal::InUse(_)) => STATUS_PIPE_NOT_AVAILABLE,
        NotSet::Refused(Refusal::GivenUp) => STATUS_IO_DEVICE_ERROR,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Windows makes of a status is said by WinFsp's DLL, which asks Windows itself.
    #[test]
    fn programs_see_the_errors_that_the_manual_names() {
        winfsp::winfsp_init().unwrap();
        let seen = |error| {
            // SAFETY: the DLL was loaded; the function takes a number and returns one.
            unsafe { winfsp_sys::FspWin32FromNtStatus(status(error)) }
        };
        let expected = [
            (Error::NotFound, 2),
            (Error::AccessDenied, 5),
            (Error::BadHandle, 5),
            (Error::Invalid, 87),
            (Error::TimedOut, 121),
            (Error::BadState, 230),
            (Error::Busy, 231),
            (Error::BrokenPipe, 232),
            (Error::WouldBlock, 232),
            (Error::NotConnected, 233),
            (Error::Reset, 233),
            (Error::NoReader, 536),
            (Error::Interrupted, 995),
            (Error::NobodyThere, 1168),
        ];
        for (error, win32) in expected {
            assert_eq!(seen(error), win32, "{error:?}");
        }
    }
}
