//! One direction of an instance: where its readers take from, the writers that wait, and who is
//! there.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;

use crate::effects::{Effects, Progress, Ticket};
use crate::end::EndId;
use crate::outlet::Outlet;
use crate::outlets::{Outlets, Positions};
use crate::queue::Data;
use crate::quota::Gate;
use crate::ready::Pollers;
use crate::settings::{Overflow, Settings};
use crate::traffic::Traffic;
use crate::transfer::Begun;
use crate::users::Owner;
use crate::waiting::{Parked, ParkedFlush, ParkedWrite, Waits};
use crate::{Error, Result};

/// What a lane has to know of its surroundings to accept a write.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'a> {
    pub(crate) settings: Settings,
    pub(crate) gate: &'a Gate<'a>,
    /// Memory was refused on this pipe, and who was told so may still sleep.
    pub(crate) pressed: bool,
    /// A user's memory that this operation has made free is for those who have waited longest, and
    /// they may be elsewhere.
    pub(crate) elders_first: bool,
}

impl Limits<'_> {
    /// Whether a user has memory left, however much the mount has.
    fn has_memory_of(self, owner: &Owner) -> bool {
        self.gate.is_within_limit(owner, self.elders_first)
    }
}

/// Who shares a lane: it decides when a reader sees the end, and what happens to data that no
/// reader wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// One writer's end, one reader's end.
    Private,
    /// Any number of both: data outlives its reader, a new writer revives readers.
    Shared,
    /// Any number of both, and each reader gets everything that is written while it is there.
    Broadcast,
}

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) sharing: Sharing,
    pub(crate) outlets: Outlets,
    pub(crate) writers: VecDeque<ParkedWrite>,
    /// How far the last write of each end has filled a lane with many writers.
    pub(crate) last_writes: FxHashMap<EndId, Positions>,
    pub(crate) flushes: VecDeque<ParkedFlush>,
    pub(crate) writer_pollers: Pollers,
    /// Open ends now, and how many there ever were.
    reader_ends: u32,
    reader_opens: u64,
    pub(crate) writer_ends: u32,
    pub(crate) writer_opens: u64,
    /// What writers handed over, and what became of it beside what the outlets know: readers that
    /// have left, lines that were never ended, and bytes that nobody was there to read.
    pub(crate) past: Traffic,
    /// Its readers have left without having read all.
    pub(crate) has_lost: bool,
    /// With `framing=line`: what each writer wrote after its last newline.
    pub(crate) begun_lines: FxHashMap<EndId, Begun>,
}

impl Lane {
    pub(crate) fn new(sharing: Sharing) -> Self {
        Self {
            sharing,
            outlets: match sharing {
                Sharing::Private | Sharing::Shared => Outlets::One(Outlet::default()),
                Sharing::Broadcast => Outlets::Each(BTreeMap::new()),
            },
            writers: VecDeque::new(),
            last_writes: FxHashMap::default(),
            flushes: VecDeque::new(),
            writer_pollers: Pollers::default(),
            reader_ends: 0,
            reader_opens: 0,
            writer_ends: 0,
            writer_opens: 0,
            past: Traffic::default(),
            has_lost: false,
            begun_lines: FxHashMap::default(),
        }
    }

    /// What was accepted and not read yet, lines that are begun included.
    pub(crate) fn buffered_bytes(&self) -> u64 {
        let queued: u64 = self.outlets.iter().map(|outlet| outlet.queue.byte_len()).sum();
        queued + self.begun_bytes()
    }

    /// Whether a reader that comes now would find nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.outlets.one().is_none_or(|outlet| outlet.queue.is_empty())
    }

    pub(crate) fn has_readers(&self) -> bool {
        self.reader_ends > 0
    }

    pub(crate) fn has_writers(&self) -> bool {
        self.writer_ends > 0
    }

    /// A reader's end opens. Returns the mark from which it counts writers: it sees a hang-up
    /// once a writer that was there since has gone.
    pub(crate) fn open_reader(&mut self, end: EndId) -> u64 {
        self.reader_ends += 1;
        self.reader_opens += 1;
        if let Outlets::Each(outlets) = &mut self.outlets {
            outlets.insert(end, Box::default());
        }
        match self.sharing {
            Sharing::Private => 0,
            // What is buffered was written by somebody: after it comes an end, not a wait.
            Sharing::Shared if !self.is_empty() => 0,
            Sharing::Shared | Sharing::Broadcast => self.writer_opens - u64::from(self.writer_ends),
        }
    }

    /// A writer has been there that the reader which has just opened did not meet.
    pub(crate) fn count_past_writer(&mut self) {
        self.writer_opens += 1;
    }

    /// Whether a writer with this mark has met no reader.
    pub(crate) fn has_met_nobody(&self, readers_from: u64) -> bool {
        self.reader_opens <= readers_from
    }

    /// A writer's end opens. Returns the mark from which it counts readers: it sees a broken
    /// pipe once a reader that was there since has gone.
    pub(crate) fn open_writer(&mut self) -> u64 {
        self.writer_ends += 1;
        self.writer_opens += 1;
        match self.sharing {
            Sharing::Shared => self.reader_opens - u64::from(self.reader_ends),
            Sharing::Private | Sharing::Broadcast => 0,
        }
    }

    /// A reader's end closes. When it was the last, nobody will read on: writers break, except
    /// those of a broadcast, who speak also when nobody listens.
    pub(crate) fn close_reader(&mut self, end: EndId, limits: Limits<'_>, effects: &mut Effects) {
        self.reader_ends -= 1;
        match &mut self.outlets {
            Outlets::One(outlet) => outlet.pollers.remove(end),
            Outlets::Each(outlets) => {
                if let Some(mut outlet) = outlets.remove(&end) {
                    outlet.discard(limits.gate);
                    self.past = self.past + outlet.traffic();
                }
                // It may have been the one that the others waited for.
                self.finish_flushes(effects);
                self.relieve(limits, effects);
                return self.offer(effects);
            }
        }
        if self.reader_ends > 0 {
            return;
        }
        for write in self.writers.drain(..) {
            effects.fail(write.ticket, Error::BrokenPipe);
        }
        self.break_flushes(effects);
        if self.sharing == Sharing::Private {
            self.discard(limits.gate);
        }
        self.writer_pollers.wake(&mut effects.wakes);
    }

    /// A writer's end closes. When it was the last, readers see the end once all is drained.
    pub(crate) fn close_writer(&mut self, end: EndId, limits: Limits<'_>, effects: &mut Effects) {
        self.end_begun_line(end, limits, effects);
        self.last_writes.remove(&end);
        self.writer_ends -= 1;
        self.writer_pollers.remove(end);
        if self.writer_ends > 0 {
            return;
        }
        for outlet in self.outlets.iter_mut() {
            for read in outlet.readers.drain(..) {
                read.answer(Data::default(), effects);
            }
            outlet.pollers.wake(&mut effects.wakes);
        }
    }

    /// Throws away what is buffered (its reader has left) and counts it.
    pub(crate) fn discard(&mut self, gate: &Gate<'_>) {
        self.has_lost |= !self.is_drained() || !self.begun_lines.is_empty();
        for (_, begun) in self.begun_lines.drain() {
            self.past.discarded_bytes += begun.release(gate).len() as u64;
        }
        for outlet in self.outlets.iter_mut() {
            outlet.discard(gate);
        }
    }

    /// Whether all writers have gone, so that a drained lane is at its end.
    pub(crate) fn is_ended(&self) -> bool {
        self.writer_ends == 0 && (self.writer_opens > 0 || self.sharing != Sharing::Private)
    }

    /// Whether the reading side has gone since a writer with this mark opened.
    pub(crate) fn is_broken(&self, readers_from: u64) -> bool {
        let breaks = self.sharing != Sharing::Broadcast;
        breaks && self.reader_ends == 0 && self.reader_opens > readers_from
    }

    /// Whether a write would be taken in now by every outlet, if its user has memory left.
    pub(crate) fn accepts(&self, limits: Limits<'_>) -> bool {
        self.outlets.iter().all(|outlet| outlet.has_space(limits))
            && (!self.needs_memory() || limits.gate.has_room())
    }

    /// What is written has to be queued: not everybody who reads waits for it.
    fn needs_memory(&self) -> bool {
        self.outlets.iter().any(|outlet| outlet.readers.is_empty())
    }

    /// Whether a write of this user's would be taken in now: others may wait, but for want of
    /// memory of their own. Those who have it again go first: it may be gone before `relieve` comes
    /// here, and who gave way to them would sleep on.
    pub(crate) fn takes_from(
        &mut self,
        owner: &Owner,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> bool {
        self.pump(limits, effects)
            && self.accepts(limits)
            && (!self.needs_memory() || limits.has_memory_of(owner))
    }

    /// Whether there is memory for what this user writes, if it needs any.
    pub(crate) fn has_memory_for(&self, owner: &Owner, limits: Limits<'_>) -> bool {
        !self.needs_memory() || limits.gate.has_room_for(owner)
    }

    /// Whose turn it is of those who wait, if the lane accepts: the first whose user has memory
    /// left. One user's limit holds up nobody else, and that user's writes keep their order.
    fn next_writer(&self, limits: Limits<'_>) -> Option<usize> {
        let needs_memory = self.needs_memory();
        let is_next = |write: &ParkedWrite| !needs_memory || limits.has_memory_of(&write.owner);
        self.writers.iter().position(is_next)
    }

    /// Whether every poller of a writer knows that a write would be taken in now. Memory may have
    /// become free a moment ago and be gone again before `relieve` comes to tell them.
    pub(crate) fn was_accepting(&self, limits: Limits<'_>) -> bool {
        self.accepts(limits) && !limits.pressed
    }

    /// Whether a write that waits would be taken in if this end read. What waits though nothing is
    /// queued waits for the mount's memory; it needs none when all readers are there. Each would
    /// wait for the other while others fill memory.
    pub(crate) fn waits_for_reader(&self, end: EndId) -> bool {
        let mut others = self.outlets.others(end);
        !self.writers.is_empty()
            && self.is_drained()
            && others.all(|outlet| !outlet.readers.is_empty())
    }

    /// What waits to be written though nothing is queued is something to read.
    pub(crate) fn offer(&mut self, effects: &mut Effects) {
        if !self.writers.is_empty() && self.is_drained() {
            self.outlets.iter_mut().for_each(|outlet| outlet.pollers.wake(&mut effects.wakes));
        }
    }

    /// Whether nothing is queued for anybody.
    pub(crate) fn is_drained(&self) -> bool {
        self.outlets.iter().all(|outlet| outlet.queue.is_empty())
    }

    /// Lets waiting writers in while there is room. `false`: some wait for room still.
    pub(crate) fn pump(&mut self, limits: Limits<'_>, effects: &mut Effects) -> bool {
        while !self.writers.is_empty() && self.accepts(limits) {
            let Some(next) = self.next_writer(limits) else { return true };
            self.admit(next, limits, effects);
        }
        self.writers.is_empty()
    }

    /// Ends the wait of the write that has waited longest; `false`: there is none.
    pub(crate) fn admit_next(&mut self, limits: Limits<'_>, effects: &mut Effects) -> bool {
        self.admit(0, limits, effects)
    }

    fn admit(&mut self, at: usize, limits: Limits<'_>, effects: &mut Effects) -> bool {
        let Some(write) = self.writers.remove(at) else { return false };
        // Another write that waited may have begun the line which this one makes too long.
        if let Err(error) = self.refuse_long_message(&write, limits) {
            effects.fail(write.ticket, error);
            return true;
        }
        effects.answer(write.ticket, write.accepted());
        self.accept(write, limits, effects);
        true
    }

    /// The mount has memory again: waiting writers and their pollers get their turn.
    pub(crate) fn relieve(&mut self, limits: Limits<'_>, effects: &mut Effects) {
        self.pump(limits, effects);
        self.wake_writers(limits, effects);
    }

    /// Wakes the pollers whose writes would be taken in now.
    pub(crate) fn wake_writers(&mut self, limits: Limits<'_>, effects: &mut Effects) {
        if self.accepts(limits) {
            let needs_memory = self.needs_memory();
            let may_write = |owner: &Owner| !needs_memory || limits.has_memory_of(owner);
            self.writer_pollers.wake_of(&mut effects.wakes, may_write);
        }
    }

    /// One write, accepted as a whole or not at all.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`] when the readers have gone; [`Error::WouldBlock`] when the lane or
    /// the mount is full and the caller does not wait.
    pub(crate) fn write(
        &mut self,
        write: ParkedWrite,
        readers_from: u64,
        waits: Waits,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<u32>> {
        if self.is_broken(readers_from) {
            return Err(Error::BrokenPipe);
        }
        if write.data.is_empty() && !write.sends_empty {
            // Not even a message: whoever read it would take it for the end of file.
            return Ok(Progress::Done(0));
        }
        let written = u32::try_from(write.data.len()).map_err(|_| Error::Invalid)?;
        self.refuse_long_message(&write, limits)?;
        if self.takes_from(&write.owner, limits, effects) {
            self.accept(write, limits, effects);
            return Ok(Progress::Done(written));
        }
        match (limits.settings.overflow, waits) {
            (Overflow::DropOldest | Overflow::DropNewest, _) => {
                self.accept_or_drop(write, limits, effects);
                Ok(Progress::Done(written))
            }
            (Overflow::Error, _) => Err(Error::Full),
            (Overflow::Block, Waits::Yes) => {
                self.writers.push_back(write.at_rest());
                self.offer(effects);
                Ok(Progress::Waiting)
            }
            (Overflow::Block, Waits::No | Waits::HasSome) => Err(Error::WouldBlock),
        }
    }

    /// Takes a waiting operation out, unanswered; the caller answers it.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> bool {
        self.outlets.withdraw(ticket)
            || Parked::withdraw(&mut self.writers, ticket)
            || Parked::withdraw(&mut self.flushes, ticket)
    }

    /// An end closes: what still waits on its behalf fails.
    pub(crate) fn abandon(&mut self, end: EndId, effects: &mut Effects) {
        for outlet in self.outlets.iter_mut() {
            Parked::fail_all_of(&mut outlet.readers, end, effects);
        }
        Parked::fail_all_of(&mut self.writers, end, effects);
        Parked::fail_all_of(&mut self.flushes, end, effects);
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let waiting = self.writers.len() + self.flushes.len();
            assert_eq!(waiting, 0, "operations forgotten in a lane");
        }
    }
}
