//! Readiness: what poll(2) says of an end, computed from state, and who asked to be told.

use std::ops::BitOr;

use crate::effects::PollKey;
use crate::end::EndId;
use crate::lane::{Lane, Limits};
use crate::settings::Overflow;

/// The poll events of one end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ready {
    /// `POLLIN`: a read would not wait (data, or end of file).
    pub readable: bool,
    /// `POLLOUT`: a write would be accepted now.
    pub writable: bool,
    /// `POLLHUP`: the writing side has gone.
    pub hangup: bool,
    /// `POLLERR`: the reading side has gone.
    pub error: bool,
}

impl BitOr for Ready {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
            hangup: self.hangup || other.hangup,
            error: self.error || other.error,
        }
    }
}

impl Lane {
    /// What poll says of a reader's end that counts writers from this mark.
    pub(crate) fn reader_ready(&self, end: EndId, writers_from: u64) -> Ready {
        let hangup = self.writer_ends == 0 && self.writer_opens > writers_from;
        Ready { readable: hangup || self.offers(end), hangup, ..Ready::default() }
    }

    /// Whether a reader would get something: buffered, or written by somebody who waits.
    pub(crate) fn offers(&self, end: EndId) -> bool {
        self.waits_for_reader(end) || !self.outlets.of(end).queue.is_empty()
    }

    /// What poll says of a writer's end that counts readers from this mark.
    pub(crate) fn writer_ready(&self, readers_from: u64, limits: Limits<'_>) -> Ready {
        let error = self.is_broken(readers_from);
        let never_waits = limits.settings.overflow != Overflow::Block;
        let accepted = never_waits || (self.writers.is_empty() && self.accepts(limits));
        let writable = !error && accepted;
        Ready { writable, error, ..Ready::default() }
    }
}

/// The pollers of one side of a lane, or of a pending client. Each is told once and then has to
/// ask again.
#[derive(Debug, Default)]
pub(crate) struct Pollers(Vec<(PollKey, EndId)>);

impl Pollers {
    pub(crate) fn add(&mut self, key: PollKey, end: EndId) {
        if !self.0.contains(&(key, end)) {
            self.0.push((key, end));
        }
    }

    pub(crate) fn remove(&mut self, end: EndId) {
        self.0.retain(|(_, owner)| *owner != end);
    }

    pub(crate) fn wake(&mut self, wakes: &mut Vec<PollKey>) {
        wakes.extend(self.0.drain(..).map(|(key, _)| key));
    }
}
