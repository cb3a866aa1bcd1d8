//! The engine's errors as errno, one exhaustive table.

use pipefs::Error;

/// The errno that a system call fails with.
pub(crate) fn errno(error: Error) -> i32 {
    match error {
        Error::NotFound => libc::ENOENT,
        Error::Exists => libc::EEXIST,
        Error::NotADirectory => libc::ENOTDIR,
        Error::IsADirectory => libc::EISDIR,
        Error::NotEmpty => libc::ENOTEMPTY,
        Error::NameTooLong => libc::ENAMETOOLONG,
        Error::Invalid => libc::EINVAL,
        Error::AccessDenied => libc::EACCES,
        Error::BadHandle => libc::EBADF,
        Error::Busy => libc::EBUSY,
        Error::WouldBlock => libc::EAGAIN,
        Error::NoReader => libc::ENXIO,
        Error::BrokenPipe => libc::EPIPE,
        Error::BadState => libc::EBADFD,
        Error::NotConnected => libc::ENOTCONN,
        Error::Reset => libc::ECONNRESET,
        Error::Unsupported => libc::EOPNOTSUPP,
        Error::NobodyThere => libc::ESRCH,
        Error::MessageTooLong => libc::EMSGSIZE,
        Error::Full => libc::ENOSPC,
        Error::TooManyNames => libc::ENOSPC,
        Error::TimedOut => libc::ETIMEDOUT,
        Error::Interrupted => libc::EINTR,
        Error::ShutDown => libc::ESHUTDOWN,
        Error::GivenUp => libc::EIO,
        Error::NotPermitted => libc::EPERM,
    }
}

/// The same for fuser's replies.
pub(crate) fn fuser_errno(error: Error) -> fuser::Errno {
    fuser::Errno::from_i32(errno(error))
}
