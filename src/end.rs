//! What one open file holds: the server's or the client's end, connected or not yet.

use std::collections::VecDeque;

use crate::access::Wanted;
use crate::effects::Ticket;
use crate::opening::{Open, Patience};
use crate::ready::Pollers;
use crate::users::Owner;
use crate::waiting::{ParkedRead, ParkedWrite};

/// The id of an end; on FUSE the file handle. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndId(u64);

impl EndId {
    /// The end with this number, as [`EndId::raw`] gave it.
    #[must_use]
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The number, to be handed out and back.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.0
    }
}

/// The process behind an end, as the system reported it at the open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Who {
    /// Process id.
    pub pid: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// How an end of a message pipe reads; on a byte pipe there is only one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReadMode {
    /// Across messages, as if there were none (Windows: `PIPE_READMODE_BYTE`).
    Byte,
    /// At most one message at a time (Windows: `PIPE_READMODE_MESSAGE`).
    #[default]
    Message,
}

/// The id of an instance within its pipe, in order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct InstanceId(pub(crate) u64);

/// Which of an instance's lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneId {
    /// Server to client, and the one lane of a shared conduit.
    ToClient,
    /// Client to server.
    ToServer,
}

/// One side of an end: the lane that it reads or writes, and from which mark it counts the
/// opens of its peers (see [`crate::lane::Lane::open_reader`]).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side {
    pub(crate) lane: LaneId,
    pub(crate) peers_from: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
    /// An end of a shared conduit.
    Member,
}

/// An end that has its instance.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) instance: InstanceId,
    pub(crate) role: Role,
    pub(crate) reads: Option<Side>,
    pub(crate) writes: Option<Side>,
}

/// A client for which nothing listens yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The open that waits; `None`: it has returned (`O_NONBLOCK`, or a file that was created)
    /// and the first read or write waits instead.
    pub(crate) open: Option<Ticket>,
    pub(crate) reads: VecDeque<ParkedRead>,
    pub(crate) writes: VecDeque<ParkedWrite>,
    pub(crate) pollers: Pollers,
    /// The name went away: nothing will ever listen.
    pub(crate) orphaned: bool,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let waiting = self.reads.len() + self.writes.len();
            debug_assert_eq!(waiting, 0, "operations forgotten at a pending end");
        }
    }
}

#[derive(Debug)]
pub(crate) enum Link {
    /// Boxed: it is larger than the others, and rarer.
    Pending(Box<Pending>),
    Connected(Connection),
    /// A client that its server has disconnected. `told`: a read of it has said so.
    Severed {
        told: bool,
    },
}

#[derive(Debug)]
pub(crate) struct End {
    pub(crate) wanted: Wanted,
    pub(crate) who: Who,
    /// Whom what it writes is counted for: who opened it.
    pub(crate) owner: Owner,
    /// Open files that share this end (a re-open through /proc/self/fd joins it).
    pub(crate) handles: u32,
    /// It was opened with `O_NONBLOCK`, as touch(1) does.
    pub(crate) is_tentative: bool,
    pub(crate) read_mode: ReadMode,
    /// Its open has created the name (`touch`).
    pub(crate) created: bool,
    pub(crate) link: Link,
}

impl End {
    pub(crate) fn new(open: Open, link: Link) -> Self {
        let Open { wanted, who, patience, .. } = open;
        let is_tentative = matches!(patience, Patience::NonBlocking | Patience::Touched);
        let created = matches!(patience, Patience::Created | Patience::Touched);
        let read_mode = ReadMode::default();
        Self { wanted, who, owner: None, handles: 1, is_tentative, read_mode, created, link }
    }

    /// Whether the open that is to get it waits still: it is nobody's until then.
    pub(crate) fn is_opening(&self) -> bool {
        matches!(&self.link, Link::Pending(pending) if pending.open.is_some())
    }
}
