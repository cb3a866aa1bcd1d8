//! Readiness: what poll(2) says of an end, computed from state, and who asked to be told.

use std::ops::BitOr;

use crate::effects::{Effects, PollKey};
use crate::end::{Connection, EndId, Link, Side};
use crate::lane::{Lane, Limits};
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::settings::Overflow;
use crate::state::State;
use crate::users::Owner;
use crate::{Error, Result};

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

impl Pipe {
    /// What poll says of an end; with a key, the caller is woken once when that may change.
    pub(crate) fn poll(
        &mut self,
        id: EndId,
        key: Option<PollKey>,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Ready> {
        let limits = self.limits(gate);
        let end = self.ends.get_mut(&id).ok_or(Error::BadHandle)?;
        let (wanted, owner) = (end.wanted, end.owner.clone());
        let (instance, reads, writes) = match &mut end.link {
            Link::Pending(pending) => {
                key.into_iter().for_each(|key| pending.pollers.add(key, id));
                let gone = pending.orphaned;
                return Ok(Ready { hangup: gone, error: gone, ..Ready::default() });
            }
            Link::Severed { .. } => {
                let readable = wanted.read;
                return Ok(Ready { readable, hangup: true, error: true, ..Ready::default() });
            }
            Link::Connected(Connection { instance, reads, writes, .. }) => {
                (*instance, reads.filter(|_| wanted.read), writes.filter(|_| wanted.write))
            }
        };
        let instance = self.instance_mut(instance);
        let mut ready = Ready::default();
        if let Some(Side { lane, peers_from }) = reads {
            let lane = instance.lane_mut(lane);
            key.into_iter().for_each(|key| lane.reader_pollers(id).add(key, id));
            ready = ready | lane.reader_ready(id, peers_from);
        }
        if let Some(Side { lane, peers_from }) = writes {
            let lane = instance.lane_mut(lane);
            if let Some(key) = key {
                lane.writer_pollers().add_writer(key, id, owner.clone());
            }
            ready = ready | lane.writer_ready(peers_from, &owner, limits, effects);
        }
        if instance.state == State::Disconnected {
            // Whatever it tried would fail at once.
            let readable = reads.is_some();
            ready = Ready { readable, hangup: true, error: true, ..Ready::default() };
        }
        Ok(ready)
    }
}

impl Lane {
    pub(crate) fn reader_pollers(&mut self, end: EndId) -> &mut Pollers {
        &mut self.outlets.of_mut(end).pollers
    }

    pub(crate) fn writer_pollers(&mut self) -> &mut Pollers {
        &mut self.writer_pollers
    }

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
    pub(crate) fn writer_ready(
        &mut self,
        readers_from: u64,
        owner: &Owner,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Ready {
        let error = self.is_broken(readers_from);
        let never_waits = limits.settings.overflow != Overflow::Block;
        let accepted = never_waits || self.takes_from(owner, limits, effects);
        let writable = !error && accepted;
        Ready { writable, error, ..Ready::default() }
    }
}

/// The pollers of one side of a lane, or of a pending client. Each is told once and then has to
/// ask again.
#[derive(Debug, Default)]
pub(crate) struct Pollers(Vec<Poller>);

#[derive(Debug)]
struct Poller {
    key: PollKey,
    end: EndId,
    /// Of one that wants to write: whose memory it needs.
    owner: Owner,
}

impl Pollers {
    pub(crate) fn add(&mut self, key: PollKey, end: EndId) {
        self.add_writer(key, end, None);
    }

    pub(crate) fn add_writer(&mut self, key: PollKey, end: EndId, owner: Owner) {
        if !self.0.iter().any(|known| (known.key, known.end) == (key, end)) {
            self.0.push(Poller { key, end, owner });
        }
    }

    pub(crate) fn remove(&mut self, end: EndId) {
        self.0.retain(|poller| poller.end != end);
    }

    pub(crate) fn wake(&mut self, wakes: &mut Vec<PollKey>) {
        wakes.extend(self.0.drain(..).map(|poller| poller.key));
    }

    /// Wakes those whose user is meant.
    pub(crate) fn wake_of(&mut self, wakes: &mut Vec<PollKey>, mut of: impl FnMut(&Owner) -> bool) {
        wakes.extend(self.0.extract_if(.., |poller| of(&poller.owner)).map(|poller| poller.key));
    }
}
