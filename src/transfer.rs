//! How data gets out of a lane and into it: bytes, messages or lines, and what a full lane throws
//! away.

use bytes::{Bytes, BytesMut};

use crate::effects::{Effects, Progress};
use crate::end::EndId;
use crate::lane::{Lane, Limits};
use crate::outlet::charge;
use crate::outlets::Outlets;
use crate::queue::{Boundary, Data};
use crate::quota::Gate;
use crate::settings::{MESSAGE_MAX_BYTES, PipeType};
use crate::traffic::Traffic;
use crate::users::Owner;
use crate::waiting::{ParkedRead, ParkedWrite, Takes, Waits};
use crate::{Error, Result};

/// A line that its writer has begun and not ended.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) line: BytesMut,
    /// Whom it is counted for.
    owner: Owner,
}

impl Begun {
    /// It is counted no longer.
    pub(crate) fn release(self, gate: &Gate<'_>) -> BytesMut {
        gate.release(self.line.len() as u64);
        self.release_user(gate);
        self.line
    }

    /// The same for its user alone.
    pub(crate) fn release_user(&self, gate: &Gate<'_>) {
        if let Some(user) = &self.owner {
            gate.release_user(user, self.line.len() as u64);
        }
    }
}

impl Lane {
    /// One read of up to `max` bytes. A continuation belongs to a read(2) that has got data
    /// already: it never waits.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] when there is nothing and the caller does not wait.
    pub(crate) fn read(
        &mut self,
        read: ParkedRead,
        waits: Waits,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<Data>> {
        while self.passes_over_empty(&read, limits, effects)
            || self.waits_for_reader(read.end) && self.admit_next(limits, effects)
        {}
        if waits == Waits::HasSome && read.takes != Takes::Bytes {
            // A message fits one request: what a continuation found would be another one.
            return Ok(Progress::Done(Data::default()));
        }
        if !self.outlets.of(read.end).queue.is_empty() {
            let data = self.take(read.end, read.max_bytes, read.takes, limits, effects);
            return Ok(Progress::Done(data));
        }
        if self.is_ended() {
            return Ok(Progress::Done(Data::default()));
        }
        match waits {
            Waits::Yes => {
                let was_accepting = self.was_accepting(limits);
                self.outlets.of_mut(read.end).park(read);
                if !was_accepting {
                    self.writer_pollers.wake(&mut effects.wakes);
                }
                self.offer(effects);
                Ok(Progress::Waiting)
            }
            Waits::No => Err(Error::WouldBlock),
            Waits::HasSome => Ok(Progress::Done(Data::default())),
        }
    }

    /// A reader of bytes lets go of empty messages that are next, and what waited behind them
    /// comes in. `false`: there are none.
    fn passes_over_empty(
        &mut self,
        read: &ParkedRead,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> bool {
        let outlet = self.outlets.of(read.end);
        let passes_over = read.takes == Takes::Bytes && outlet.has_only_empty();
        if passes_over {
            self.take(read.end, 0, read.takes, limits, effects);
            self.pump(limits, effects);
        }
        passes_over
    }

    fn take(
        &mut self,
        end: EndId,
        max_bytes: usize,
        takes: Takes,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Data {
        let was_accepting = self.was_accepting(limits);
        // Memory that was lacking goes to those who have waited longest, by way of `relieve`.
        let had_memory = limits.gate.has_room();
        let data = self.outlets.of_mut(end).take(max_bytes, takes, limits.gate);
        if had_memory {
            let limits = Limits { elders_first: true, ..limits };
            self.pump(limits, effects);
            if !was_accepting {
                self.wake_writers(limits, effects);
            }
        }
        self.finish_flushes(effects);
        self.offer(effects);
        data
    }

    /// What went through so far.
    pub(crate) fn traffic(&self) -> Traffic {
        self.outlets.iter().fold(self.past, |sum, outlet| sum + outlet.traffic())
    }

    pub(crate) fn begun_bytes(&self) -> u64 {
        self.begun_lines.values().map(|begun| begun.line.len() as u64).sum()
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
                let begun = self.begun_lines.get(&write.end).map_or(0, |begun| begun.line.len());
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
        let ParkedWrite { end, data, owner, sends_empty, .. } = write;
        self.past.written_bytes += data.len() as u64;
        match limits.settings.pipe_type {
            PipeType::Byte => self.push(data, Boundary::None, &owner, limits, effects),
            PipeType::Message if limits.settings.keeps_lines() && !sends_empty => {
                let mut rest = data;
                while let Some(at) = rest.iter().position(is_newline) {
                    let line = rest.split_to(at + 1);
                    let line = match self.begun_lines.remove(&end) {
                        Some(begun) => {
                            let mut begun = begun.release(limits.gate);
                            begun.extend_from_slice(&line);
                            begun.freeze()
                        }
                        None => line,
                    };
                    self.push(line, Boundary::Message, &owner, limits, effects);
                }
                self.begin_line(end, &rest, &owner, limits.gate);
            }
            PipeType::Message => self.push(data, Boundary::Message, &owner, limits, effects),
        }
        self.outlets.serve(limits.gate, effects);
        self.note_write(end);
        self.finish_flushes(effects);
    }

    /// Takes one message in, whatever it contains and however full the lane is.
    pub(crate) fn accept_message(
        &mut self,
        data: Bytes,
        owner: &Owner,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) {
        self.past.written_bytes += data.len() as u64;
        self.push(data, Boundary::Message, owner, limits, effects);
        self.outlets.serve(limits.gate, effects);
    }

    fn push(
        &mut self,
        data: Bytes,
        boundary: Boundary,
        owner: &Owner,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) {
        if matches!(&self.outlets, Outlets::Each(outlets) if outlets.is_empty()) {
            self.past.discarded_bytes += data.len() as u64;
        }
        self.outlets.push(data, boundary, owner, limits.gate, effects);
    }

    /// A write finds the lane full and something has to go.
    pub(crate) fn accept_or_drop(
        &mut self,
        write: ParkedWrite,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) {
        self.outlets.admit(charge(&write.data), &write.owner, limits);
        self.accept(write, limits, effects);
        self.outlets.admit_all();
    }

    fn begin_line(&mut self, end: EndId, data: &[u8], owner: &Owner, gate: &Gate<'_>) {
        if !data.is_empty() {
            gate.reserve(data.len() as u64, owner);
            let new = || Begun { line: BytesMut::new(), owner: owner.clone() };
            self.begun_lines.entry(end).or_insert_with(new).line.extend_from_slice(data);
        }
    }

    /// A writer closes: what it wrote after its last newline is a message too.
    pub(crate) fn end_begun_line(&mut self, end: EndId, limits: Limits<'_>, effects: &mut Effects) {
        let Some(begun) = self.begun_lines.remove(&end) else { return };
        let owner = begun.owner.clone();
        let line = begun.release(limits.gate).freeze();
        self.outlets.admit(line.len() as u64, &owner, limits);
        self.push(line, Boundary::Message, &owner, limits, effects);
        self.outlets.serve(limits.gate, effects);
        self.note_write(end);
        self.outlets.admit_all();
        self.finish_flushes(effects);
    }
}

fn is_newline(byte: &u8) -> bool {
    *byte == b'\n'
}
