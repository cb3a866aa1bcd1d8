//! Error numbers as the engine's errors.

use pipefs::Error;

/// What a mount means by an error number.
///
/// # Panics
/// If no call of the cases fails so.
pub(super) fn error(errno: i32) -> Error {
    match errno {
        libc::ENOENT => Error::NotFound,
        libc::EEXIST => Error::Exists,
        libc::ENOTDIR => Error::NotADirectory,
        libc::ENAMETOOLONG => Error::NameTooLong,
        libc::EINVAL => Error::Invalid,
        libc::EACCES => Error::AccessDenied,
        libc::EPERM => Error::NotPermitted,
        libc::EBADF => Error::BadHandle,
        libc::EBUSY => Error::Busy,
        libc::EAGAIN => Error::WouldBlock,
        libc::EPIPE => Error::BrokenPipe,
        libc::EBADFD => Error::BadState,
        libc::ENOTCONN => Error::NotConnected,
        libc::ECONNRESET => Error::Reset,
        libc::EOPNOTSUPP => Error::Unsupported,
        libc::ESRCH => Error::NobodyThere,
        libc::ETIMEDOUT => Error::TimedOut,
        libc::EINTR => Error::Interrupted,
        _ => panic!("no case expects error number {errno}"),
    }
}
