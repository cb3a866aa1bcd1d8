//! How data gets into a lane and out of it: bytes or messages, and what a full lane throws away.

use bytes::{Bytes, BytesMut};

use crate::effects::{Answer, Effects};
use crate::end::EndId;
use crate::lane::{Lane, Limits};
use crate::queue::{Boundary, Data};
use crate::quota::Gate;
use crate::settings::{Framing, MESSAGE_MAX_BYTES, PipeType, Settings};
use crate::traffic::Traffic;
use crate::waiting::ParkedWrite;
use crate::{Error, Result};

impl Lane {
    /// What went through so far.
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            written_bytes: self.queue.end_position() + self.begun_bytes(),
            read_bytes: self.queue.head_position() - self.discarded_bytes - self.overwritten_bytes,
            discarded_bytes: self.discarded_bytes,
            dropped_bytes: self.overwritten_bytes + self.refused_bytes,
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
        let Settings { pipe_type: PipeType::Message, framing, .. } = limits.settings else {
            return Ok(());
        };
        let begun = match framing {
            Framing::Write => 0,
            Framing::Line => self.begun_lines.get(&write.end).map_or(0, BytesMut::len),
        };
        let longest = match framing {
            Framing::Write => write.data.len(),
            Framing::Line => {
                let mut lines = write.data.split(|byte| *byte == b'\n');
                let first = lines.next().map_or(0, |line| begun + line.len());
                lines.map(<[u8]>::len).fold(first, usize::max)
            }
        };
        if longest > MESSAGE_MAX_BYTES { Err(Error::MessageTooLong) } else { Ok(()) }
    }

    /// Takes what one read gets: of a message pipe at most one message.
    pub(crate) fn take_next(&mut self, max_bytes: usize, limits: Limits<'_>) -> Data {
        let message = match limits.settings.pipe_type {
            PipeType::Message => self.queue.take_message(max_bytes),
            PipeType::Byte => None,
        };
        let data = message.map_or_else(|| self.queue.take(max_bytes), |part| part.data);
        limits.gate.release(data.byte_len() as u64);
        self.watch_waste(limits.gate);
        data
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

    /// Drops the oldest data until the write fits; `false`: others hold the mount's memory.
    pub(crate) fn make_room(
        &mut self,
        write: &ParkedWrite,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> bool {
        let fits = |lane: &Self| {
            let room = limits.settings.capacity_bytes.saturating_sub(lane.queue.byte_len());
            lane.accepts(limits) && (room >= write.data.len() as u64 || lane.queue.is_empty())
        };
        while !fits(self) && !self.queue.is_empty() {
            let excess = (self.queue.byte_len() + write.data.len() as u64)
                .saturating_sub(limits.settings.capacity_bytes);
            let oldest = match limits.settings.pipe_type {
                PipeType::Message => usize::MAX,
                PipeType::Byte => usize::try_from(excess).unwrap_or(usize::MAX).max(1),
            };
            let data = self.take_next(oldest, limits);
            self.overwritten_bytes += data.byte_len() as u64;
            self.dropped_count += 1;
        }
        self.finish_flushes(effects);
        self.accepts(limits)
    }

    /// Hands data to waiting readers; what they leave is queued.
    pub(crate) fn accept(&mut self, write: ParkedWrite, limits: Limits<'_>, effects: &mut Effects) {
        match (limits.settings.pipe_type, limits.settings.framing) {
            (PipeType::Byte, _) => self.accept_bytes(write.data, limits, effects),
            (PipeType::Message, Framing::Write) => {
                self.accept_message(write.data, limits, effects);
            }
            (PipeType::Message, Framing::Line) => {
                let mut rest = write.data;
                while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
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
                if !rest.is_empty() {
                    limits.gate.reserve(rest.len() as u64);
                    self.begun_lines.entry(write.end).or_default().extend_from_slice(&rest);
                }
            }
        }
        self.finish_flushes(effects);
        self.assert_data_or_readers();
    }

    fn accept_bytes(&mut self, mut data: Bytes, limits: Limits<'_>, effects: &mut Effects) {
        while !data.is_empty() {
            let Some(read) = self.readers.pop_front() else { break };
            let part = data.split_to(read.max_bytes.min(data.len()));
            self.queue.pass_by(part.len() as u64);
            effects.answer(read.ticket, Answer::Read(part.into()));
        }
        if !data.is_empty() {
            limits.gate.reserve(data.len() as u64);
            self.queue.push(data, Boundary::None);
            self.reader_pollers.wake(&mut effects.wakes);
        }
    }

    /// A message goes to one reader; what does not fit its buffer is for the next reads.
    fn accept_message(&mut self, data: Bytes, limits: Limits<'_>, effects: &mut Effects) {
        limits.gate.reserve(data.len() as u64);
        self.queue.push(data, Boundary::Message);
        while !self.queue.is_empty() {
            let Some(read) = self.readers.pop_front() else {
                self.reader_pollers.wake(&mut effects.wakes);
                break;
            };
            let data = self.take_next(read.max_bytes, limits);
            effects.answer(read.ticket, Answer::Read(data));
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
        if let Some(begun) = self.take_begun_line(end, limits.gate) {
            self.accept_message(begun.freeze(), limits, effects);
        }
    }
}
