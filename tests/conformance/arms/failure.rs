//! The engine's errors as Windows' codes.

use pipefs::Error;

use crate::pipes::{Call, Code, Outcome};

/// What an error of a call says. `waited`: the call had waited before it failed.
///
/// # Panics
/// If no call of the cases fails so.
pub(crate) fn outcome(call: &Call, waited: bool, error: Error) -> Outcome {
    let code = match (call, error) {
        // Windows reports that as a success with 0 bytes.
        (Call::Write(..), Error::WouldBlock) => return Outcome::Written(0),
        (Call::Read(..) | Call::Peek(..), Error::WouldBlock) => Code::NoData,
        (Call::Connect(..), Error::WouldBlock) => Code::Listening,
        (Call::Await(..), Error::WouldBlock) => Code::TimedOut,
        (Call::Write(..), Error::BrokenPipe) if waited => Code::BrokenPipe,
        (Call::Write(..) | Call::Connect(..), Error::BrokenPipe) => Code::NoData,
        (_, Error::BrokenPipe) => Code::BrokenPipe,
        (_, Error::NotFound) => Code::FileNotFound,
        (_, Error::AccessDenied | Error::NotPermitted | Error::BadHandle) => Code::AccessDenied,
        (_, Error::Exists) => Code::AlreadyExists,
        (_, Error::Invalid) => Code::InvalidParameter,
        (_, Error::NotADirectory) => Code::InvalidName,
        (_, Error::NameTooLong) => Code::NameTooLong,
        (_, Error::Busy) => Code::PipeBusy,
        (_, Error::BadState) => Code::BadPipe,
        (_, Error::Unsupported) => Code::InvalidFunction,
        (_, Error::NotConnected | Error::Reset) => Code::NotConnected,
        (_, Error::TimedOut) => Code::TimedOut,
        (_, Error::Interrupted) => Code::Aborted,
        (_, Error::NobodyThere) => Code::NotFound,
        _ => panic!("{call:?} fails with {error:?}"),
    };
    Outcome::Failed(code)
}
