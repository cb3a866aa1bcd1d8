//! How data gets into a lane and out of it: bytes or messages, and what a full lane throws away.

use bytes::{Bytes, BytesMut};

use crate::effects::Effects;
use crate::end::EndId;
use crate::inspect::Peeked;
use crate::lane::{Lane, Limits};
use crate::queue::{Boundary, Data};
use crate::quota::Gate;
use crate::settings::{MESSAGE_MAX_BYTES, Overflow, PipeType, Settings};
use crate::traffic::Traffic;
use crate::waiting::{ParkedWrite, Takes};
use crate::{Error, Result};

impl Lane {
    /// What went through so far.
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            written_bytes: self.queue.end_position() + self.begun_bytes() + self.cut_off_bytes,
            read_bytes: self.queue.head_position() - self.discarded_bytes - self.overwritten_bytes,
            discarded_bytes: self.discarded_bytes,
            dropped_bytes: self.overwritten_bytes + self.cut_off_bytes + self.refused_bytes,
            dropped_count: self.dropped_count,
        }
    }

    pub(crate) fn begun_bytes(&self) -> u64 {
        self.begun_lines.values().map(|line| line.len() as u64).sum()
    }

    /// A message has to fit one request, with what its line began with.
    pub(crate) fn refuse_long_message(
        &self,
        write: &ParkedWrite,
        limits: Limits<'_>,
    ) -> Result<()> {
        let longest = match limits.settings.pipe_type {
            PipeType::Byte => return Ok(()),
            PipeType::Message if limits.settings.keeps_lines() => {
                let begun = self.begun_lines.get(&write.end).map_or(0, BytesMut::len);
                let mut lines = write.data.split_inclusive(is_newline);
                let first = lines.next().map_or(0, |line| begun + line.len());
                lines.map(<[u8]>::len).fold(first, usize::max)
            }
            PipeType::Message => write.data.len(),
        };
        if longest > MESSAGE_MAX_BYTES { Err(Error::MessageTooLong) } else { Ok(()) }
    }

    /// Takes what one read gets: bytes, or at most one message.
    pub(crate) fn take_next(&mut self, max_bytes: usize, takes: Takes, gate: &Gate<'_>) -> Data {
        let before = self.queue.charge();
        let message = match takes {
            Takes::Message | Takes::Reply => self.queue.take_message(max_bytes),
            Takes::Bytes => None,
        };
        let data = message.unwrap_or_else(|| self.queue.take(max_bytes));
        gate.release(before - self.queue.charge());
        self.watch_waste(gate);
        data
    }

    /// Whether there is something for a reader; one of bytes passes over empty messages.
    pub(crate) fn has_for(&mut self, takes: Takes, gate: &Gate<'_>) -> bool {
        if takes == Takes::Bytes && self.queue.byte_len() == 0 && !self.queue.is_empty() {
            let before = self.queue.charge();
            self.queue.skip_ended();
            gate.release(before - self.queue.charge());
        }
        !self.queue.is_empty()
    }

    pub(crate) fn message_count(&self) -> usize {
        self.queue.message_count()
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

    /// How much the lane holds below its capacity, in bytes.
    pub(crate) fn room_bytes(&self, limits: Limits<'_>) -> u64 {
        limits.settings.capacity_bytes.saturating_sub(self.queue.charge())
    }

    /// A copy of what the next read would get.
    pub(crate) fn peek(&self, max_bytes: usize, settings: Settings) -> Vec<u8> {
        match settings.pipe_type {
            PipeType::Byte => self.queue.peek(max_bytes),
            PipeType::Message => self.queue.peek_message(max_bytes),
        }
    }

    /// Memory must follow what is buffered: where rests of large writes hold too much of it they
    /// are copied.
    pub(crate) fn watch_waste(&mut self, gate: &Gate<'_>) {
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

    /// Drops the oldest data until a write of this size fits. It may have as much of the mount's
    /// memory as it made free, though others hold all of it; `false`: that is not enough.
    pub(crate) fn make_room(
        &mut self,
        size: u64,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> bool {
        let before = self.overwritten_bytes;
        let lacking = loop {
            let needed = (before + size).saturating_sub(self.overwritten_bytes);
            let lacking = limits.gate.lacking_bytes().min(needed);
            let capacity = limits.settings.capacity_bytes;
            let excess = (self.queue.charge() + size).saturating_sub(capacity).max(lacking);
            if excess == 0 || self.queue.is_empty() {
                break lacking;
            }
            let is_first = self.overwritten_bytes == before;
            let (oldest, takes) = match limits.settings.pipe_type {
                PipeType::Message => (usize::MAX, Takes::Message),
                PipeType::Byte => (usize::try_from(excess).unwrap_or(usize::MAX), Takes::Bytes),
            };
            let dropped = self.take_next(oldest, takes, limits.gate);
            self.overwritten_bytes += dropped.byte_len() as u64;
            if is_first || limits.settings.pipe_type == PipeType::Message {
                self.dropped_count += 1;
            }
        };
        self.finish_flushes(effects);
        lacking == 0
    }

    /// Drops a write; of lines only whole ones: with what the first began with, and without what
    /// the last begins with, or halves of different lines would become one.
    pub(crate) fn drop_write(&mut self, write: ParkedWrite, limits: Limits<'_>) {
        let mut lines = write.data;
        if limits.settings.keeps_lines() && !write.sends_empty {
            let rest = lines.split_off(lines.iter().rposition(is_newline).map_or(0, |at| at + 1));
            if !lines.is_empty() {
                let begun = self.take_begun_line(write.end, limits.gate);
                self.cut_off_bytes += begun.map_or(0, |begun| begun.len() as u64);
            }
            self.begin_line(write.end, &rest, limits.gate);
            self.dropped_count += lines.iter().filter(|byte| is_newline(byte)).count() as u64;
        } else {
            self.dropped_count += 1;
        }
        self.refused_bytes += lines.len() as u64;
    }

    /// Hands data to waiting readers; what they leave is queued.
    pub(crate) fn accept(&mut self, write: ParkedWrite, limits: Limits<'_>, effects: &mut Effects) {
        match limits.settings.pipe_type {
            PipeType::Byte => self.accept_bytes(write.data, limits, effects),
            PipeType::Message if limits.settings.keeps_lines() && !write.sends_empty => {
                let mut rest = write.data;
                while let Some(at) = rest.iter().position(is_newline) {
                    let line = rest.split_to(at + 1);
                    let line = match self.take_begun_line(write.end, limits.gate) {
                        Some(mut begun) => {
                            begun.extend_from_slice(&line);
                            begun.freeze()
                        }
                        None => line,
                    };
                    self.accept_message(line, limits, effects);
                }
                self.begin_line(write.end, &rest, limits.gate);
            }
            PipeType::Message => self.accept_message(write.data, limits, effects),
        }
        self.finish_flushes(effects);
        self.assert_data_or_readers();
    }

    fn accept_bytes(&mut self, mut data: Bytes, limits: Limits<'_>, effects: &mut Effects) {
        while !data.is_empty() {
            let Some(read) = self.readers.pop_front() else { break };
            let part = data.split_to(read.max_bytes.min(data.len()));
            self.queue.pass_by(part.len() as u64);
            read.answer(part.into(), effects);
        }
        if !data.is_empty() {
            limits.gate.reserve(data.len() as u64);
            self.queue.push(data, Boundary::None);
            self.reader_pollers.wake(&mut effects.wakes);
        }
    }

    /// A message goes to one reader; what does not fit its buffer is for the next reads.
    pub(crate) fn accept_message(
        &mut self,
        data: Bytes,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) {
        limits.gate.reserve(charge(&data));
        self.queue.push(data, Boundary::Message);
        while let Some(takes) = self.readers.front().map(|read| read.takes) {
            if !self.has_for(takes, limits.gate) {
                return;
            }
            if let Some(read) = self.readers.pop_front() {
                let data = self.take_next(read.max_bytes, takes, limits.gate);
                read.answer(data, effects);
            }
        }
        if !self.queue.is_empty() {
            self.reader_pollers.wake(&mut effects.wakes);
        }
    }

    fn begin_line(&mut self, end: EndId, data: &[u8], gate: &Gate<'_>) {
        if !data.is_empty() {
            gate.reserve(data.len() as u64);
            self.begun_lines.entry(end).or_default().extend_from_slice(data);
        }
    }

    /// What a writer wrote after its last newline.
    fn take_begun_line(&mut self, end: EndId, gate: &Gate<'_>) -> Option<BytesMut> {
        let begun = self.begun_lines.remove(&end)?;
        gate.release(begun.len() as u64);
        Some(begun)
    }

    /// A writer closes: what it wrote after its last newline is a message too.
    pub(crate) fn end_begun_line(&mut self, end: EndId, limits: Limits<'_>, effects: &mut Effects) {
        let Some(begun) = self.take_begun_line(end, limits.gate) else { return };
        let size = begun.len() as u64;
        let is_kept = self.accepts(limits)
            || match limits.settings.overflow {
                Overflow::Block | Overflow::Error => true,
                Overflow::DropOldest => self.make_room(size, limits, effects),
                Overflow::DropNewest => false,
            };
        if is_kept {
            self.accept_message(begun.freeze(), limits, effects);
        } else {
            self.cut_off_bytes += size;
            self.dropped_count += 1;
        }
    }
}

/// What a write counts against capacity and memory: an empty message as one byte.
pub(crate) fn charge(data: &[u8]) -> u64 {
    data.len().max(1) as u64
}

fn is_newline(byte: &u8) -> bool {
    *byte == b'\n'
}
