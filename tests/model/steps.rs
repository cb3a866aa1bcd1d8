//! What can be done to pipes.

use pipefs::settings::Mode;
use pipefs::{Blocking, Bounds, Patience, ReadMode, Rename, Settings, Wanted};

/// How many open files each process has room for.
pub(crate) const FILES_PER_PROCESS: usize = 3;

/// Names that pipes can have, half of them in a directory.
pub(crate) const NAMES: usize = 4;

/// The number of one more name, in a directory that does not exist.
pub(crate) const NOWHERE: usize = NAMES;

/// What a case begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) memory_bytes: u64,
    pub(crate) limits: Limits,
    pub(crate) processes: usize,
}

/// Whose the memory is. All processes are one user's, so that the same has to come of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limits {
    /// The mount's.
    Mount,
    /// The user's; the mount has enough.
    User,
}

impl Setup {
    /// What the engine is told.
    pub(crate) fn bounds(&self) -> Bounds {
        match self.limits {
            Limits::Mount => Bounds::memory(self.memory_bytes),
            Limits::User => {
                Bounds { user_memory_bytes: Some(self.memory_bytes), ..Bounds::memory(u64::MAX) }
            }
        }
    }
}

/// One step. `file` is the place of an open file among those of all processes; `pid` is its
/// process. A step that makes no sense (a place that is taken, a file that was never open) does
/// nothing, so that any of the steps before can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Create {
        name: usize,
        mode: Option<Mode>,
    },
    Open {
        file: usize,
        name: usize,
        how: How,
        patience: Patience,
    },
    /// By way of the path of another open file.
    Reopen {
        file: usize,
        by: usize,
        how: How,
    },
    Read {
        file: usize,
        max_bytes: usize,
        blocking: Blocking,
    },
    Write {
        file: usize,
        bytes: usize,
        blocking: Blocking,
    },
    Flush {
        file: usize,
    },
    /// A descriptor of an end that waits at close is closed; the end stays.
    FlushAtClose {
        file: usize,
        blocking: Blocking,
    },
    Connect {
        file: usize,
        span: Span,
    },
    Disconnect {
        file: usize,
    },
    /// For a server of this name.
    Wait {
        process: usize,
        name: usize,
        span: Span,
    },
    Transact {
        file: usize,
        bytes: usize,
        max_bytes: usize,
        span: Span,
    },
    SendEmpty {
        file: usize,
        blocking: Blocking,
    },
    SetReadMode {
        file: usize,
        mode: ReadMode,
    },
    Poll {
        file: usize,
        wake: bool,
    },
    Close {
        file: usize,
    },
    Cancel {
        ticket: u64,
    },
    Kill {
        process: usize,
    },
    Pass {
        milliseconds: u64,
    },
    Rename {
        from: usize,
        to: usize,
        how: Rename,
    },
    Unlink {
        name: usize,
    },
    SetAttributes {
        name: usize,
        mode: u32,
        size: Option<u64>,
    },
    ShutDown,
}

/// The ways to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    ReadOnly,
    WriteOnly,
    WriteTruncate,
    ReadWrite,
    ReadWriteTruncate,
    ReadWriteAppend,
    Neither,
}

/// How long a function waits at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Nothing,
    Forever,
    Milliseconds(u64),
}

impl How {
    pub(crate) fn wanted(self) -> Wanted {
        match self {
            Self::ReadOnly => Wanted::READ,
            Self::WriteOnly => Wanted::WRITE,
            Self::WriteTruncate => Wanted { truncate: true, ..Wanted::WRITE },
            Self::ReadWrite => Wanted::BOTH,
            Self::ReadWriteTruncate => Wanted::SERVE_BOTH,
            Self::ReadWriteAppend => Wanted::CONNECT_BOTH,
            Self::Neither => Wanted::default(),
        }
    }
}

impl Step {
    /// Whether the engine is told the time.
    pub(crate) fn tells_time(self) -> bool {
        !matches!(self, Self::Connect { .. } | Self::Disconnect { .. })
    }

    /// The same step with the least size, which is easier to think about.
    pub(crate) fn smallest(mut self) -> Self {
        match &mut self {
            Self::Read { max_bytes: size, .. } | Self::Write { bytes: size, .. } => {
                *size = (*size).min(1);
            }
            Self::Transact { bytes, max_bytes, .. } => {
                (*bytes, *max_bytes) = ((*bytes).min(1), (*max_bytes).min(1));
            }
            _ => {}
        }
        self
    }
}
