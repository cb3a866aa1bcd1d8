//! What can go wrong, in the words of pipes. Adapters translate each kind with one exhaustive
//! `match` (errno on Linux, NTSTATUS on Windows). A caller can meet every kind here; what only a
//! bug can cause is a panic instead, of which callers meet [`Error::GivenUp`].

use thiserror::Error;

/// Why an operation was refused or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
pub enum Error {
    /// The name, or the pipe that was waited for, does not exist (any more).
    #[error("no such pipe or directory")]
    NotFound,
    /// The name is taken and the caller asked for a new one.
    #[error("the name exists already")]
    Exists,
    /// A path goes on below a pipe, or a directory operation named a pipe.
    #[error("not a directory")]
    NotADirectory,
    /// A pipe operation named a directory.
    #[error("is a directory")]
    IsADirectory,
    /// The directory still has entries.
    #[error("the directory is not empty")]
    NotEmpty,
    /// The name is longer than [`crate::Name::MAX_BYTES`].
    #[error("the name is longer than 255 bytes")]
    NameTooLong,
    /// The name is empty, `.`, `..`, or holds `/` or NUL; or a value is out of range.
    #[error("invalid name or value")]
    Invalid,
    /// The pipe does not allow this direction (its `access`), or the end was not opened for it.
    #[error("the pipe's access does not allow this direction")]
    AccessDenied,
    /// The handle was not opened for this direction, or is closed.
    #[error("the handle is not open for this")]
    BadHandle,
    /// No instance is listening and the caller does not wait (`open=fail`), `max_instances` is
    /// reached, the mount has as many instances as it may have, or the target of a rename is in
    /// use.
    #[error("the pipe is busy")]
    Busy,
    /// Nothing is there now and the caller does not wait (`O_NONBLOCK`).
    #[error("the operation would wait")]
    WouldBlock,
    /// A non-blocking writer opened a shared pipe that has no reader.
    #[error("the pipe has no reader")]
    NoReader,
    /// The other end has gone: nobody will read what is written.
    #[error("the other end is closed")]
    BrokenPipe,
    /// Windows' `ERROR_BAD_PIPE`: the end or its instance is in no state for this.
    #[error("the pipe is in the wrong state for this")]
    BadState,
    /// The server has disconnected the instance.
    #[error("the pipe is not connected")]
    NotConnected,
    /// The server has disconnected this client and discarded what it had not read; said once.
    #[error("the server has disconnected this client")]
    Reset,
    /// This end, or this kind of pipe, does not have this function.
    #[error("this end of the pipe does not have this function")]
    Unsupported,
    /// Who is asked for has never been there, or was disconnected.
    #[error("there is nobody at the other end")]
    NobodyThere,
    /// The message is longer than [`crate::settings::MESSAGE_MAX_BYTES`]; nothing was written.
    #[error("the message is too long")]
    MessageTooLong,
    /// The lane is full and `overflow=error`; or memory is used up, and the operation cannot wait
    /// for some.
    #[error("the pipe is full")]
    Full,
    /// There are as many names as the mount may have ([`crate::Bounds::max_names`]).
    #[error("there are as many names as this mount may have")]
    TooManyNames,
    /// `wait_timeout` passed before an instance was listening.
    #[error("the wait timed out")]
    TimedOut,
    /// The waiting operation was cancelled (a signal).
    #[error("the operation was interrupted")]
    Interrupted,
    /// The mount is being taken down.
    #[error("the pipe directory is being unmounted")]
    ShutDown,
    /// A bug: an operation on the pipe has panicked. Its ends are closed and what it held is gone;
    /// its name leads to an empty pipe.
    #[error("the pipe was given up after an internal error")]
    GivenUp,
    /// The operation is not one that pipes have (links, devices).
    #[error("pipes do not allow this operation")]
    NotPermitted,
}

/// The engine's result.
pub type Result<T> = std::result::Result<T, Error>;
