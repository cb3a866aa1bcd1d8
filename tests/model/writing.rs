//! What the model does with writes: which messages they are, and what a full lane drops.

use pipefs::Error;
use pipefs::settings::{Framing, MESSAGE_MAX_BYTES, Overflow, PipeType};

use super::lane::{Takes, weight};
use super::state::{Given, LaneAt, Model};

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) enum Sends {
    /// A write: bytes, a message or lines, as the pipe's settings say.
    Write(Vec<u8>),
    /// One message, as it is.
    Message(Vec<u8>),
}

impl Sends {
    pub(crate) fn data(&self) -> &[u8] {
        match self {
            Self::Write(data) | Self::Message(data) => data,
        }
    }

    /// The answer when it is accepted.
    pub(crate) fn accepted(&self) -> Given {
        match self {
            Self::Write(data) => Given::Written(u32::try_from(data.len()).expect("a test's size")),
            Self::Message(_) => Given::Sent,
        }
    }
}

impl Model {
    fn pipe_type(&self, lane: LaneAt) -> PipeType {
        self.settings(self.pipe_of(lane)).pipe_type
    }

    fn is_of_lines(&self, lane: LaneAt) -> bool {
        let settings = self.settings(self.pipe_of(lane));
        settings.pipe_type == PipeType::Message && settings.framing == Framing::Line
    }

    /// The messages that a write makes, and the line that its end has begun after it.
    fn divide(&self, lane: LaneAt, end: usize, sends: &Sends) -> (Vec<Vec<u8>>, Vec<u8>) {
        let before = self.lane(lane).begun_line(end);
        let data = match sends {
            Sends::Write(data) if self.is_of_lines(lane) => data,
            Sends::Write(data) | Sends::Message(data) => return (vec![data.clone()], before),
        };
        let (mut lines, mut line) = (Vec::new(), before);
        for &byte in data {
            line.push(byte);
            if byte == b'\n' {
                lines.push(std::mem::take(&mut line));
            }
        }
        (lines, line)
    }

    /// Who reads there waits.
    fn is_awaited(&self, lane: LaneAt, store: usize) -> bool {
        let mut readers = self.waiting.iter().filter(|w| w.is_read()).map(|w| w.end);
        readers
            .any(|end| self.reads_from(end) == Some(lane) && self.lane(lane).store_at(end) == store)
    }

    /// A write may come to one of the lane's stores as it is.
    fn takes(&self, lane: LaneAt, store: usize) -> bool {
        let capacity = self.settings(self.pipe_of(lane)).capacity_bytes;
        let has_memory = self.used_bytes() < self.memory_bytes;
        self.is_awaited(lane, store)
            || has_memory && self.lane(lane).stores[store].weight() < capacity
    }

    /// What comes there needs no memory, or there is some.
    pub(crate) fn has_memory_for(&self, lane: LaneAt) -> bool {
        let mut stores = 0..self.lane(lane).stores.len();
        stores.all(|store| self.is_awaited(lane, store)) || self.used_bytes() < self.memory_bytes
    }

    /// A write may come to all who read.
    pub(crate) fn takes_all(&self, lane: LaneAt) -> bool {
        (0..self.lane(lane).stores.len()).all(|store| self.takes(lane, store))
    }

    /// A write that waits would be taken if this end read.
    pub(crate) fn would_take_for(&self, lane: LaneAt, end: usize) -> bool {
        let own = self.lane(lane).store_at(end);
        (0..self.lane(lane).stores.len()).all(|store| store == own || self.takes(lane, store))
    }

    /// What a write comes to whose turn it is; `None`: it waits.
    pub(crate) fn answer_turn(
        &self,
        lane: LaneAt,
        end: usize,
        sends: &Sends,
        is_forced: bool,
    ) -> Option<Given> {
        let (messages, begun) = self.divide(lane, end, sends);
        let is_long = |message: &Vec<u8>| message.len() > MESSAGE_MAX_BYTES;
        let is_too_long = messages.iter().any(is_long) || is_long(&begun);
        if self.pipe_type(lane) == PipeType::Message && is_too_long {
            return Some(Given::Failed(Error::MessageTooLong));
        }
        match self.settings(self.pipe_of(lane)).overflow {
            _ if is_forced || self.takes_all(lane) => Some(sends.accepted()),
            Overflow::Block => None,
            Overflow::DropOldest | Overflow::DropNewest => Some(sends.accepted()),
            Overflow::Error => Some(Given::Failed(Error::Full)),
        }
    }

    /// Does what [`Model::answer_turn`] said, or takes what cannot be refused.
    pub(crate) fn put(&mut self, lane: LaneAt, end: usize, sends: &Sends, is_forced: bool) {
        let (messages, begun) = self.divide(lane, end, sends);
        let size = weight(sends.data());
        let keeps = self.decide(lane, size, is_forced);
        let pipe = self.pipe_of(lane);
        self.pipes[pipe].written_bytes += sends.data().len() as u64;
        self.conduit_mut(lane.0).is_used |= !sends.data().is_empty();
        self.lane_mut(lane).set_begun_line(end, begun);
        self.hand_out(lane, &messages, &keeps);
        self.note_write(lane, end, &keeps);
    }

    /// The writer closes: the line that it has begun is a message too, if a full lane keeps it.
    pub(crate) fn end_line(&mut self, lane: LaneAt, end: usize) {
        let line = self.lane(lane).begun_line(end);
        if line.is_empty() {
            return;
        }
        self.lane_mut(lane).set_begun_line(end, Vec::new());
        let keeps = self.decide(lane, weight(&line), false);
        self.hand_out(lane, &[line], &keeps);
        self.note_write(lane, end, &keeps);
    }

    /// What the end wrote last is in the stores that kept it.
    fn note_write(&mut self, lane: LaneAt, end: usize, keeps: &[bool]) {
        for (at, _) in keeps.iter().enumerate().filter(|(_, keeps)| **keeps) {
            let store = &self.lane(lane).stores[at];
            let (reader, until) = (store.reader, store.until());
            self.ends[end].wrote_until.retain(|(other, _)| *other != reader);
            self.ends[end].wrote_until.push((reader, until));
        }
    }

    /// Which of the lane's stores keep what comes now; it may have to make room.
    fn decide(&mut self, lane: LaneAt, size: u64, is_forced: bool) -> Vec<bool> {
        let overflow = self.settings(self.pipe_of(lane)).overflow;
        let stores = 0..self.lane(lane).stores.len();
        let decide = |store| {
            is_forced
                || self.takes(lane, store)
                || match overflow {
                    Overflow::Block | Overflow::Error => true,
                    Overflow::DropOldest => self.make_room(lane, store, size),
                    Overflow::DropNewest => false,
                }
        };
        stores.map(decide).collect()
    }

    /// Messages come to the stores that keep them; what the others miss is counted.
    fn hand_out(&mut self, lane: LaneAt, messages: &[Vec<u8>], keeps: &[bool]) {
        let (pipe, count) = (self.pipe_of(lane), messages.len() as u64);
        let bytes = messages.iter().map(|message| message.len() as u64).sum::<u64>();
        if keeps.is_empty() {
            self.pipes[pipe].discarded_bytes += bytes;
        }
        for (store, keeps) in keeps.iter().enumerate() {
            if *keeps {
                self.lane_mut(lane).stores[store].messages.extend(messages.iter().cloned());
            } else {
                self.count_dropped(lane, store, bytes, count);
            }
        }
    }

    fn count_dropped(&mut self, lane: LaneAt, store: usize, bytes: u64, count: u64) {
        let pipe = self.pipe_of(lane);
        self.pipes[pipe].dropped_bytes += bytes;
        self.pipes[pipe].dropped_count += count;
        let store = &mut self.lane_mut(lane).stores[store];
        store.dropped_bytes += bytes;
        store.dropped_count += count;
    }

    /// Drops the oldest, one after another, until so much fits; `false`: the memory is others',
    /// more of it than what was dropped made free.
    fn make_room(&mut self, lane: LaneAt, store: usize, size: u64) -> bool {
        let (pipe, pipe_type) = (self.pipe_of(lane), self.pipe_type(lane));
        let capacity = self.settings(pipe).capacity_bytes;
        let (there, used) = (self.lane(lane).stores[store].weight(), self.used_bytes());
        let messages = &self.lane(lane).stores[store].messages;
        let oldest: Vec<u64> = match pipe_type {
            PipeType::Message => messages.iter().map(|message| weight(message)).collect(),
            PipeType::Byte => vec![1; there as usize],
        };
        let (mut dropped, mut pieces) = (0, 0);
        let has_memory = loop {
            let fits = there - dropped + size <= capacity;
            let has_memory = used - dropped < self.memory_bytes || dropped >= size;
            if fits && has_memory || dropped == there {
                break has_memory;
            }
            dropped += oldest[pieces];
            pieces += 1;
        };
        let gone = &mut self.lane_mut(lane).stores[store];
        let (bytes, count) = match pipe_type {
            PipeType::Byte => (gone.take(pieces, Takes::Bytes).len(), pieces.min(1)),
            PipeType::Message => {
                let take = |_| gone.take(usize::MAX, Takes::Message).len();
                ((0..pieces).map(take).sum(), pieces)
            }
        };
        self.count_dropped(lane, store, bytes as u64, count as u64);
        has_memory
    }
}
