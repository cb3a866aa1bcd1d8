//! Where readers take from: a queue, and who waits at it.
//!
//! An outlet holds data or readers that wait for data, never both; every change asserts it.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::effects::Effects;
use crate::inspect::Peeked;
use crate::lane::Limits;
use crate::queue::{Boundary, Data, Queue};
use crate::quota::Gate;
use crate::ready::Pollers;
use crate::report::OwnReport;
use crate::settings::{Overflow, PipeType, Settings};
use crate::traffic::Traffic;
use crate::users::{Owner, Shares};
use crate::waiting::{ParkedRead, Takes};

/// A queue, and the readers that wait at it.
#[derive(Debug, Default)]
pub(crate) struct Outlet {
    pub(crate) queue: Queue,
    /// Whom what is queued is counted for.
    pub(crate) shares: Shares,
    pub(crate) readers: VecDeque<ParkedRead>,
    pub(crate) pollers: Pollers,
    /// Bytes that their reader left behind.
    pub(crate) discarded_bytes: u64,
    /// Bytes that `overflow` threw away, from the queue and before they came to it.
    overwritten_bytes: u64,
    refused_bytes: u64,
    /// What is written now is not for it.
    pub(crate) refuses: bool,
    /// How many messages or writes that were.
    dropped_count: u64,
    /// What the mount counts as this queue's waste.
    waste_bytes: u64,
}

impl Outlet {
    /// Whether the next write may come in, as far as capacity decides.
    pub(crate) fn has_space(&self, limits: Limits<'_>) -> bool {
        !self.readers.is_empty() || self.queue.charge() < limits.settings.capacity_bytes
    }

    /// A read waits. Mostly it is the only one: no room is kept for more.
    pub(crate) fn park(&mut self, read: ParkedRead) {
        if self.readers.capacity() == 0 {
            self.readers.reserve_exact(1);
        }
        self.readers.push_back(read);
    }

    /// Takes what one read gets: bytes, or at most one message.
    pub(crate) fn take(&mut self, max_bytes: usize, takes: Takes, gate: &Gate<'_>) -> Data {
        let before = self.queue.charge();
        let message = match takes {
            Takes::Message | Takes::Reply => self.queue.take_message(max_bytes),
            Takes::Bytes => None,
        };
        let data = message.unwrap_or_else(|| self.queue.take(max_bytes));
        self.release(before - self.queue.charge(), gate);
        self.watch_waste(gate);
        data
    }

    /// Whether there are messages, and a reader of bytes would find nothing in them.
    pub(crate) fn has_only_empty(&self) -> bool {
        self.queue.byte_len() == 0 && !self.queue.is_empty()
    }

    /// How far it has been filled.
    pub(crate) fn end_position(&self) -> u64 {
        self.queue.charge_taken() + self.queue.charge()
    }

    /// Whether there is something for a reader; one of bytes passes over empty messages.
    pub(crate) fn has_for(&mut self, takes: Takes, gate: &Gate<'_>) -> bool {
        if takes == Takes::Bytes && self.has_only_empty() {
            let before = self.queue.charge();
            self.queue.skip_ended();
            self.release(before - self.queue.charge(), gate);
        }
        !self.queue.is_empty()
    }

    /// What has left the queue is memory for others.
    fn release(&mut self, bytes: u64, gate: &Gate<'_>) {
        gate.release(bytes);
        self.shares.take(bytes, |user, bytes| gate.release_user(user, bytes));
    }

    /// Queues data; bytes go past the queue to readers that wait. Messages they get from
    /// [`Outlet::serve`], when all of one write are there.
    pub(crate) fn push(
        &mut self,
        mut data: Bytes,
        boundary: Boundary,
        owner: &Owner,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) {
        if self.refuses {
            self.refused_bytes += data.len() as u64;
            self.dropped_count += 1;
            gate.count_dropped(data.len() as u64, 1);
            return;
        }
        while boundary == Boundary::None && !data.is_empty() {
            let Some(read) = self.readers.pop_front() else { break };
            let part = data.split_to(read.max_bytes.min(data.len()));
            self.queue.pass_by(part.len() as u64);
            read.answer(part.into(), effects);
        }
        if boundary == Boundary::None && data.is_empty() {
            return;
        }
        let charge = charge(&data);
        gate.reserve(charge, owner);
        self.queue.push(data, boundary);
        self.shares.add(owner, charge, self.queue.charge());
        if self.readers.is_empty() {
            self.pollers.wake(&mut effects.wakes);
        }
    }

    /// Hands what is queued to readers that wait. A message goes to one of them, and what does not
    /// fit its buffer is for the next reads.
    pub(crate) fn serve(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        let mut has_served = false;
        while let Some(takes) = self.readers.front().map(|read| read.takes) {
            if !self.has_for(takes, gate) {
                break;
            }
            if let Some(read) = self.readers.pop_front() {
                let data = self.take(read.max_bytes, takes, gate);
                read.answer(data, effects);
                has_served = true;
            }
        }
        if has_served && !self.queue.is_empty() {
            self.pollers.wake(&mut effects.wakes);
        }
        self.assert_data_or_readers();
    }

    /// Decides whether a write of this size is for it, which does not suit all outlets: one that
    /// is full does what `overflow` says.
    pub(crate) fn admit(&mut self, size: u64, owner: &Owner, limits: Limits<'_>) {
        let has_room = || !self.readers.is_empty() || limits.gate.has_room_for(owner);
        let fits = self.has_space(limits) && has_room();
        self.refuses = !fits
            && match limits.settings.overflow {
                Overflow::Block | Overflow::Error => false,
                Overflow::DropOldest => !self.make_room(size, owner, limits),
                Overflow::DropNewest => true,
            };
    }

    /// Drops the oldest data until a write of this size fits. It may have as much of the mount's
    /// memory as it made free, though others hold all of it; `false`: that is not enough.
    fn make_room(&mut self, size: u64, owner: &Owner, limits: Limits<'_>) -> bool {
        let before = self.queue.charge_taken();
        loop {
            let needed = (before + size).saturating_sub(self.queue.charge_taken());
            let lacking = limits.gate.lacking_bytes(owner).min(needed);
            let capacity = limits.settings.capacity_bytes;
            let excess = (self.queue.charge() + size).saturating_sub(capacity).max(lacking);
            if excess == 0 || self.queue.is_empty() {
                return lacking == 0;
            }
            let is_first = self.queue.charge_taken() == before;
            let (oldest, takes) = match limits.settings.pipe_type {
                PipeType::Message => (usize::MAX, Takes::Message),
                PipeType::Byte => (usize::try_from(excess).unwrap_or(usize::MAX), Takes::Bytes),
            };
            let dropped = self.take(oldest, takes, limits.gate);
            let count = is_first || limits.settings.pipe_type == PipeType::Message;
            self.overwritten_bytes += dropped.byte_len() as u64;
            self.dropped_count += u64::from(count);
            limits.gate.count_dropped(dropped.byte_len() as u64, u64::from(count));
        }
    }

    /// Throws the queue away (its reader has left) and counts it.
    pub(crate) fn discard(&mut self, gate: &Gate<'_>) {
        gate.release(self.queue.charge());
        self.shares.clear(|user, bytes| gate.release_user(user, bytes));
        self.discarded_bytes += self.queue.clear();
        self.watch_waste(gate);
    }

    /// Memory must follow what is buffered: where rests of large writes hold too much of it they
    /// are copied.
    fn watch_waste(&mut self, gate: &Gate<'_>) {
        let waste = self.queue.waste_bytes() as u64;
        let too_much = gate.waste(self.waste_bytes, waste);
        self.waste_bytes = waste;
        if too_much {
            self.queue.compact();
            let waste = self.queue.waste_bytes() as u64;
            gate.waste(self.waste_bytes, waste);
            self.waste_bytes = waste;
        }
    }

    /// A copy of what the next read would get.
    pub(crate) fn peek(&self, max_bytes: usize, settings: Settings) -> Vec<u8> {
        match settings.pipe_type {
            PipeType::Byte => self.queue.peek(max_bytes),
            PipeType::Message => self.queue.peek_message(max_bytes),
        }
    }

    /// A look at what is buffered.
    pub(crate) fn peeked(&self, max_bytes: usize, settings: Settings) -> Peeked {
        let data = self.peek(max_bytes, settings);
        let left_bytes = match settings.pipe_type {
            PipeType::Byte => 0,
            PipeType::Message => self.queue.first_bytes() - data.len() as u64,
        };
        let (total_bytes, messages) = (self.queue.byte_len(), self.queue.message_count());
        Peeked { data, total_bytes, left_bytes, messages }
    }

    /// What readers got and what they will not get; what was written is the lane's to say.
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            written_bytes: 0,
            read_bytes: self.queue.head_position() - self.discarded_bytes - self.overwritten_bytes,
            discarded_bytes: self.discarded_bytes,
            dropped_bytes: self.overwritten_bytes + self.refused_bytes,
            dropped_count: self.dropped_count,
        }
    }

    pub(crate) fn report(&self) -> OwnReport {
        let Traffic { dropped_bytes, dropped_count, .. } = self.traffic();
        OwnReport {
            buffered_bytes: self.queue.byte_len(),
            buffered_messages: self.queue.message_count(),
            dropped_bytes,
            dropped_count,
        }
    }

    fn assert_data_or_readers(&self) {
        assert!(
            self.queue.is_empty() || self.readers.is_empty(),
            "an outlet holds data or waiting readers, never both"
        );
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.readers.is_empty(), "readers forgotten at an outlet");
        }
    }
}

/// What a write counts against capacity and memory: an empty message as one byte.
pub(crate) fn charge(data: &[u8]) -> u64 {
    data.len().max(1) as u64
}
