//! How the model keeps what is in a lane, and what it does with writes: a list of messages, and of
//! each writer the line that it has begun.

use pipefs::Error;
use pipefs::settings::{Framing, MESSAGE_MAX_BYTES, Overflow, PipeType};

use super::state::{Given, LaneAt, Model};

#[derive(Default)]
pub(crate) struct Lane {
    /// What can be read, oldest first; of a byte pipe these are writes. None is empty.
    pub(crate) messages: Vec<Vec<u8>>,
    /// What each writer's end wrote after its last newline.
    begun: Vec<(usize, Vec<u8>)>,
    /// How many bytes ever left the messages: read or dropped.
    pub(crate) gone_bytes: u64,
    /// The reader left without having read all.
    pub(crate) is_lossy: bool,
}

impl Lane {
    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What can be read.
    pub(crate) fn message_bytes(&self) -> u64 {
        self.messages.iter().map(|message| message.len() as u64).sum()
    }

    /// What was accepted and is there still.
    pub(crate) fn buffered_bytes(&self) -> u64 {
        let begun: usize = self.begun.iter().map(|(_, line)| line.len()).sum();
        self.message_bytes() + begun as u64
    }

    /// Takes up to so many bytes, of one message or across all.
    pub(crate) fn take(&mut self, max_bytes: usize, pipe_type: PipeType) -> Vec<u8> {
        let mut taken = Vec::new();
        while !self.is_empty() && taken.len() < max_bytes {
            let first = &mut self.messages[0];
            let count = first.len().min(max_bytes - taken.len());
            taken.extend(first.drain(..count));
            if first.is_empty() {
                self.messages.remove(0);
            }
            if pipe_type == PipeType::Message {
                break;
            }
        }
        self.gone_bytes += taken.len() as u64;
        taken
    }

    /// Everything, begun lines too.
    pub(crate) fn take_all(&mut self) -> u64 {
        let bytes = self.buffered_bytes();
        self.begun.clear();
        self.gone_bytes += self.message_bytes();
        self.messages.clear();
        bytes
    }

    pub(crate) fn begun_line(&self, end: usize) -> Vec<u8> {
        let of_end = self.begun.iter().filter(|(other, _)| *other == end);
        of_end.flat_map(|(_, line)| line.clone()).collect()
    }

    fn set_begun_line(&mut self, end: usize, line: Vec<u8>) {
        self.begun.retain(|(other, _)| *other != end);
        if !line.is_empty() {
            self.begun.push((end, line));
        }
    }
}

impl Model {
    pub(crate) fn pipe_type(&self, lane: LaneAt) -> PipeType {
        self.settings(self.pipe_of(lane)).pipe_type
    }

    fn is_of_lines(&self, lane: LaneAt) -> bool {
        let settings = self.settings(self.pipe_of(lane));
        settings.pipe_type == PipeType::Message && settings.framing == Framing::Line
    }

    /// The messages that a write makes, and the line that its end has begun after it.
    fn divide(&self, lane: LaneAt, end: usize, data: &[u8]) -> (Vec<Vec<u8>>, Vec<u8>) {
        if !self.is_of_lines(lane) {
            return (vec![data.to_vec()], Vec::new());
        }
        let (mut lines, mut line) = (Vec::new(), self.lane(lane).begun_line(end));
        for &byte in data {
            line.push(byte);
            if byte == b'\n' {
                lines.push(std::mem::take(&mut line));
            }
        }
        (lines, line)
    }

    /// The lane takes a write as it is: there is room, or a reader waits for it.
    fn takes_all(&self, lane: LaneAt) -> bool {
        self.has_room(lane) || self.lane(lane).is_empty() && self.reader_waits_at(lane)
    }

    /// What a write comes to whose turn it is; `None`: it waits.
    pub(crate) fn answer_turn(&self, lane: LaneAt, end: usize, data: &[u8]) -> Option<Given> {
        let (messages, begun) = self.divide(lane, end, data);
        let is_long = |message: &Vec<u8>| message.len() > MESSAGE_MAX_BYTES;
        let is_too_long = messages.iter().any(is_long) || is_long(&begun);
        if self.pipe_type(lane) == PipeType::Message && is_too_long {
            return Some(Given::Failed(Error::MessageTooLong));
        }
        let written = Given::Written(u32::try_from(data.len()).expect("a test's size"));
        match self.settings(self.pipe_of(lane)).overflow {
            _ if self.takes_all(lane) => Some(written),
            Overflow::Block => None,
            Overflow::DropOldest | Overflow::DropNewest => Some(written),
            Overflow::Error => Some(Given::Failed(Error::Full)),
        }
    }

    /// Does what [`Model::answer_turn`] said.
    pub(crate) fn put(&mut self, lane: LaneAt, end: usize, data: &[u8]) {
        let (messages, begun) = self.divide(lane, end, data);
        let (pipe, before) = (self.pipe_of(lane), self.lane(lane).begun_line(end));
        let written = self.pipes[pipe].written_bytes;
        let oldest_goes = self.settings(pipe).overflow == Overflow::DropOldest;
        let is_kept = self.takes_all(lane) || oldest_goes && self.make_room(lane, data.len());
        if is_kept {
            self.pipes[pipe].written_bytes += data.len() as u64;
            self.lane_mut(lane).messages.extend(messages);
            self.note_write(lane, end);
        } else {
            let dropped: usize = messages.iter().map(Vec::len).sum();
            // The beginning of the first line was written before, that of the next one is now.
            let (cut_off, next) =
                if messages.is_empty() { (0, data.len()) } else { (before.len(), begun.len()) };
            self.pipes[pipe].lost_bytes += cut_off as u64;
            self.pipes[pipe].written_bytes += next as u64;
            self.pipes[pipe].dropped_bytes += dropped as u64;
            self.pipes[pipe].dropped_count += messages.len() as u64;
        }
        self.lane_mut(lane).set_begun_line(end, begun);
        self.conduit(lane.0).was_written |= self.pipes[pipe].written_bytes > written;
    }

    /// What the end wrote last is in the lane now.
    fn note_write(&mut self, lane: LaneAt, end: usize) {
        let until = self.lane(lane).gone_bytes + self.lane(lane).message_bytes();
        self.ends[end].wrote_until = Some(until);
    }

    /// The writer closes: the line that it has begun is a message too, if a full lane keeps it.
    pub(crate) fn end_line(&mut self, lane: LaneAt, end: usize) {
        let line = self.lane(lane).begun_line(end);
        if line.is_empty() {
            return;
        }
        self.lane_mut(lane).set_begun_line(end, Vec::new());
        let pipe = self.pipe_of(lane);
        let is_kept = self.takes_all(lane)
            || match self.settings(pipe).overflow {
                Overflow::Block | Overflow::Error => true,
                Overflow::DropOldest => self.make_room(lane, line.len()),
                Overflow::DropNewest => false,
            };
        if is_kept {
            self.lane_mut(lane).messages.push(line);
            self.note_write(lane, end);
        } else {
            let pipe = &mut self.pipes[pipe];
            pipe.lost_bytes += line.len() as u64;
            pipe.dropped_bytes += line.len() as u64;
            pipe.dropped_count += 1;
        }
    }

    /// Drops the oldest, one after another, until so many bytes fit; `false`: the memory is
    /// others', more of it than what was dropped made free.
    fn make_room(&mut self, lane: LaneAt, bytes: usize) -> bool {
        let (pipe, pipe_type) = (self.pipe_of(lane), self.pipe_type(lane));
        let capacity = self.settings(pipe).capacity_bytes;
        let (there, used) = (self.lane(lane).message_bytes(), self.used_bytes());
        let oldest = match pipe_type {
            PipeType::Message => self.lane(lane).messages.iter().map(Vec::len).collect(),
            PipeType::Byte => vec![1; there as usize],
        };
        let (mut dropped, mut pieces, bytes) = (0, 0, bytes as u64);
        let has_memory = loop {
            let fits = there - dropped + bytes <= capacity;
            let has_memory = used - dropped < self.memory_bytes || dropped >= bytes;
            if fits && has_memory || dropped == there {
                break has_memory;
            }
            dropped += oldest[pieces] as u64;
            pieces += 1;
        };
        self.lane_mut(lane).take(dropped as usize, PipeType::Byte);
        let count = if pipe_type == PipeType::Message { pieces } else { pieces.min(1) };
        let pipe = &mut self.pipes[pipe];
        pipe.lost_bytes += dropped;
        pipe.dropped_bytes += dropped;
        pipe.dropped_count += count as u64;
        has_memory
    }
}
