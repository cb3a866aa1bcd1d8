//! The operations that wait, what can happen meanwhile, and which of it ends which of them, how.

use std::collections::HashSet;

use pipefs::{Answer, Error};

/// The operation whose life it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Open,
    Read,
    PendingRead,
    Write,
    Flush,
    FlushAtClose,
    Connect,
    Transact,
    Watch,
}

/// What happens meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Event {
    /// What the operation waits for.
    Completes,
    Cancel,
    Expire,
    ShutDown,
    /// The operation's own end.
    CloseOwn,
    ClosePeer,
    Disconnect,
    Unlink,
    /// The pipe gets another name.
    RenameAway,
    /// Another pipe gets its name.
    RenameOver,
}

pub(super) use Event::{
    Cancel, CloseOwn, ClosePeer, Completes, Disconnect, Expire, RenameAway, RenameOver, ShutDown,
    Unlink,
};

pub(super) const EVENTS: [Event; 10] = [
    Completes, Cancel, Expire, ShutDown, CloseOwn, ClosePeer, Disconnect, Unlink, RenameAway,
    RenameOver,
];

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Open,
        Self::Read,
        Self::PendingRead,
        Self::Write,
        Self::Flush,
        Self::FlushAtClose,
        Self::Connect,
        Self::Transact,
        Self::Watch,
    ];

    /// Whether this event, at any moment, is the end of the operation.
    pub(super) fn is_ended_by(
        self,
        event: Event,
        was_parked: bool,
        meanwhile: &HashSet<Event>,
    ) -> bool {
        let waits_for_a_server = matches!(self, Self::Open | Self::PendingRead | Self::Watch);
        match event {
            Cancel | ShutDown => true,
            // Who came may have been thrown out before anybody waited.
            Completes => self != Self::Connect || was_parked || !meanwhile.contains(&Disconnect),
            // One that begins after it waits for the next time that somebody looks.
            Expire => was_parked && self.has_deadline(),
            CloseOwn => !matches!(self, Self::Open | Self::Watch),
            ClosePeer => !waits_for_a_server && self != Self::Connect,
            // A server that was disconnected before it begins to wait listens again.
            Disconnect => !waits_for_a_server && (was_parked || self != Self::Connect),
            // A server with no name waits for nobody.
            Unlink => waits_for_a_server || self == Self::Connect,
            RenameAway | RenameOver => false,
        }
    }

    pub(super) fn has_deadline(self) -> bool {
        matches!(self, Self::Open | Self::Connect | Self::Transact | Self::Watch)
    }

    /// How the operation may end if these things happen.
    pub(super) fn may_end(self, answer: &Answer, events: &HashSet<Event>) -> bool {
        let any = |wanted: &[Event]| wanted.iter().any(|event| events.contains(event));
        match answer {
            Answer::Failed(Error::Interrupted) => any(&[Cancel]),
            Answer::Failed(Error::TimedOut) => any(&[Expire]) && self.has_deadline(),
            Answer::Failed(Error::ShutDown) => any(&[ShutDown]),
            Answer::Failed(Error::BadHandle) => any(&[CloseOwn]),
            Answer::Failed(Error::NotFound) => any(&[Unlink, RenameOver]),
            Answer::Failed(Error::BrokenPipe) => any(&[ClosePeer, Disconnect, Unlink]),
            Answer::Failed(
                Error::Reset | Error::NotConnected | Error::BadState | Error::Unsupported,
            ) => any(&[Disconnect, ClosePeer]),
            // The reply came before the question.
            Answer::Failed(Error::Busy) => self == Self::Transact && any(&[Completes]),
            Answer::Failed(_) => false,
            Answer::Read(data) | Answer::Transacted(data) if data.is_empty() => {
                any(&[ClosePeer, Disconnect, Completes])
            }
            Answer::Flushed => any(&[Completes, Disconnect, CloseOwn]),
            _ => any(&[Completes]),
        }
    }
}
