//! What an operation did to others: collected under the lock, delivered after it.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::name::Name;
use crate::namespace::Ino;
use crate::queue::Data;
use crate::{Error, end::EndId};

/// The id of an operation that may have to wait; on FUSE the request's `unique`. The caller
/// never uses one twice.
///
/// Its top byte is a tag of the caller's (on FUSE the descriptor that the request was read from).
/// Answers bring it back; two tickets that differ only in it are the same, so that whoever cancels
/// need not know it.
#[derive(Debug, Clone, Copy)]
pub struct Ticket(pub u64);

impl Ticket {
    const ID_BITS: u32 = u64::BITS - u8::BITS;

    /// The same ticket with this tag.
    #[must_use]
    pub const fn tagged(self, tag: u8) -> Self {
        Self(self.id() | (tag as u64) << Self::ID_BITS)
    }

    /// Without its tag.
    #[must_use]
    pub const fn id(self) -> u64 {
        self.0 & (u64::MAX >> u8::BITS)
    }

    /// The caller's tag; 0 if it gave none.
    #[must_use]
    pub const fn tag(self) -> u8 {
        (self.0 >> Self::ID_BITS) as u8
    }
}

impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Ticket {}

impl PartialOrd for Ticket {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ticket {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(&other.id())
    }
}

impl Hash for Ticket {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

/// What a caller wants to be woken with when an end's readiness changes; on FUSE the poll handle
/// `kh`. Used up by one wake-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PollKey(pub u64);

/// An operation's way: finished with a value, or parked under its ticket and answered once,
/// later, through some other operation's [`Effects`].
#[derive(Debug, PartialEq, Eq)]
pub enum Progress<T> {
    /// It is done.
    Done(T),
    /// It waits.
    Waiting,
}

impl<T> Progress<T> {
    /// The same with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Progress<U> {
        match self {
            Self::Done(value) => Progress::Done(change(value)),
            Self::Waiting => Progress::Waiting,
        }
    }
}

/// The answer to an operation that had waited.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// An open is done; the end is the caller's to close.
    Opened(EndId),
    /// A read got this; empty means end of file.
    Read(Data),
    /// A write of this many bytes was accepted as a whole.
    Written(u32),
    /// An empty message was accepted.
    Sent,
    /// Everything that was written before the flush has been read.
    Flushed,
    /// A client has come to the server that waited for one.
    Connected,
    /// The reply to a transaction.
    Transacted(Data),
    /// An instance listens, or did a moment ago: nothing was reserved.
    Listening,
    /// The operation ended without effect.
    Failed(Error),
}

/// What has to be delivered once the engine's call has returned. One value can be used for many
/// calls; a caller empties it by delivering.
#[derive(Debug, Default)]
#[must_use = "answers that are not delivered leave their callers waiting for ever"]
pub struct Effects {
    /// Answers to parked operations, in the order in which they were decided.
    pub answers: Vec<(Ticket, Answer)>,
    /// Pollers to wake.
    pub wakes: Vec<PollKey>,
    /// A deadline was added: [`crate::Engine::next_deadline`] may be earlier than before.
    pub deadline_added: bool,
    /// Names that went by themselves, and their directories: who remembers names may forget them.
    pub names_gone: Vec<(Ino, Name)>,
}

impl Effects {
    /// Whether there is nothing to deliver.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let is_answered = self.answers.is_empty() && self.wakes.is_empty();
        is_answered && !self.deadline_added && self.names_gone.is_empty()
    }

    pub(crate) fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.answers.push((ticket, answer));
    }

    pub(crate) fn fail(&mut self, ticket: Ticket, error: Error) {
        self.answer(ticket, Answer::Failed(error));
    }
}
