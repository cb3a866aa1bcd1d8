//! How data gets into a lane: bytes, messages or lines, and what a full lane throws away.

use bytes::{Bytes, BytesMut};

use crate::effects::Effects;
use crate::end::EndId;
use crate::lane::{Lane, Limits};
use crate::outlet::{Outlets, charge};
use crate::queue::Boundary;
use crate::quota::Gate;
use crate::settings::{MESSAGE_MAX_BYTES, Overflow, PipeType};
use crate::traffic::Traffic;
use crate::waiting::ParkedWrite;
use crate::{Error, Result};

impl Lane {
    /// What went through so far.
    pub(crate) fn traffic(&self) -> Traffic {
        self.outlets.iter().fold(self.past, |sum, outlet| sum + outlet.traffic())
    }

    pub(crate) fn begun_bytes(&self) -> u64 {
        self.begun_lines.values().map(|line| line.len() as u64).sum()
    }

    pub(crate) fn message_count(&self) -> usize {
        self.outlets.iter().map(|outlet| outlet.queue.message_count()).sum()
    }

    /// How much the lane holds below its capacity where it holds most, in bytes.
    pub(crate) fn room_bytes(&self, limits: Limits<'_>) -> u64 {
        let fullest = self.outlets.iter().map(|outlet| outlet.queue.charge()).max();
        limits.settings.capacity_bytes.saturating_sub(fullest.unwrap_or(0))
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

    /// Takes one write in.
    pub(crate) fn accept(&mut self, write: ParkedWrite, limits: Limits<'_>, effects: &mut Effects) {
        let end = write.end;
        self.past.written_bytes += write.data.len() as u64;
        match limits.settings.pipe_type {
            PipeType::Byte => self.push(write.data, Boundary::None, limits, effects),
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
                    self.push(line, Boundary::Message, limits, effects);
                }
                self.begin_line(write.end, &rest, limits.gate);
            }
            PipeType::Message => self.push(write.data, Boundary::Message, limits, effects),
        }
        self.note_write(end);
        self.finish_flushes(effects);
    }

    /// Takes one message in, whatever it contains and however full the lane is.
    pub(crate) fn accept_message(
        &mut self,
        data: Bytes,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) {
        self.past.written_bytes += data.len() as u64;
        self.push(data, Boundary::Message, limits, effects);
    }

    fn push(&mut self, data: Bytes, boundary: Boundary, limits: Limits<'_>, effects: &mut Effects) {
        if matches!(&self.outlets, Outlets::Each(outlets) if outlets.is_empty()) {
            self.past.discarded_bytes += data.len() as u64;
        }
        self.outlets.push(data, boundary, limits, effects);
    }

    /// A write finds the lane full and something has to go.
    pub(crate) fn accept_or_drop(
        &mut self,
        write: ParkedWrite,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) {
        let drops_oldest = limits.settings.overflow == Overflow::DropOldest;
        let is_kept = match &mut self.outlets {
            // Each of them sees to it by itself.
            Outlets::Each(_) => true,
            Outlets::One(outlet) => drops_oldest && outlet.make_room(charge(&write.data), limits),
        };
        if is_kept {
            self.accept(write, limits, effects);
        } else {
            self.drop_write(write, limits);
        }
        self.finish_flushes(effects);
    }

    /// Drops a write; of lines only whole ones: with what the first began with, and without what
    /// the last begins with, or halves of different lines would become one.
    fn drop_write(&mut self, write: ParkedWrite, limits: Limits<'_>) {
        let mut lines = write.data;
        let mut count = 1;
        if limits.settings.keeps_lines() && !write.sends_empty {
            let rest = lines.split_off(lines.iter().rposition(is_newline).map_or(0, |at| at + 1));
            if !lines.is_empty() {
                let begun = self.take_begun_line(write.end, limits.gate);
                self.past.dropped_bytes += begun.map_or(0, |begun| begun.len() as u64);
            }
            self.past.written_bytes += rest.len() as u64;
            self.begin_line(write.end, &rest, limits.gate);
            count = lines.iter().filter(|byte| is_newline(byte)).count() as u64;
        }
        self.past.dropped_bytes += lines.len() as u64;
        self.past.dropped_count += count;
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
        let accepts = self.accepts(limits);
        let is_kept = match (&mut self.outlets, limits.settings.overflow) {
            (Outlets::Each(_), _) | (_, Overflow::Block | Overflow::Error) => true,
            (Outlets::One(outlet), Overflow::DropOldest) => {
                accepts || outlet.make_room(size, limits)
            }
            (Outlets::One(_), Overflow::DropNewest) => accepts,
        };
        if is_kept {
            self.push(begun.freeze(), Boundary::Message, limits, effects);
            self.note_write(end);
        } else {
            self.past.dropped_bytes += size;
            self.past.dropped_count += 1;
        }
        self.finish_flushes(effects);
    }
}

fn is_newline(byte: &u8) -> bool {
    *byte == b'\n'
}
