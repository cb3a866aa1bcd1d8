//! Error numbers as Windows' codes.

use crate::pipes::{Call, Code, Outcome};

/// What an error number of a call says. `waited`: the call had waited before it failed.
///
/// # Panics
/// If the call does not fail so.
pub(crate) fn outcome(call: &Call, waited: bool, errno: i32) -> Outcome {
    let code = match (call, errno) {
        // Windows reports that as a success with 0 bytes.
        (Call::Write(..), libc::EAGAIN) => return Outcome::Written(0),
        (Call::Read(..) | Call::Peek(..), libc::EAGAIN) => Code::NoData,
        (Call::Connect(..), libc::EAGAIN) => Code::Listening,
        (Call::Await(..), libc::EAGAIN) => Code::TimedOut,
        (Call::Write(..), libc::EPIPE) if waited => Code::BrokenPipe,
        (Call::Write(..) | Call::Connect(..), libc::EPIPE) => Code::NoData,
        (_, libc::EPIPE) => Code::BrokenPipe,
        (_, libc::ENOENT) => Code::FileNotFound,
        (_, libc::EACCES | libc::EPERM | libc::EBADF) => Code::AccessDenied,
        (_, libc::EEXIST) => Code::AlreadyExists,
        (_, libc::EINVAL) => Code::InvalidParameter,
        (_, libc::ENOTDIR) => Code::InvalidName,
        (_, libc::ENAMETOOLONG) => Code::NameTooLong,
        (_, libc::EBUSY) => Code::PipeBusy,
        (_, libc::EBADFD) => Code::BadPipe,
        (_, libc::EOPNOTSUPP) => Code::InvalidFunction,
        (_, libc::ENOTCONN | libc::ECONNRESET) => Code::NotConnected,
        (_, libc::ETIMEDOUT) => Code::TimedOut,
        (_, libc::EINTR) => Code::Aborted,
        (_, libc::ESRCH) => Code::NotFound,
        _ => panic!("{call:?} fails with error number {errno}"),
    };
    Outcome::Failed(code)
}
