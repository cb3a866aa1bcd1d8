//! Waiting until what was written has been read: fsync(2), and close(2) with `linger=flush`.

use crate::effects::{Answer, Effects, Progress, Ticket};
use crate::end::{EndId, Link};
use crate::engine::{Engine, Now};
use crate::lane::{Lane, Sharing};
use crate::outlets::Positions;
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::settings::Linger;
use crate::waiting::{Blocking, ParkedFlush};
use crate::{Error, Result};

impl Engine {
    /// fsync(2), FlushFileBuffers: waits until the peer has read everything that was written.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`]: the peer left first, or the name went and no peer can come any more.
    /// [`Error::BadHandle`], [`Error::Interrupted`].
    pub fn flush(&self, end: EndId, ticket: Ticket, effects: &mut Effects) -> Result<Progress<()>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, None, effects, |pipe, _, effects| {
            let progress = pipe.flush(end, ticket)?;
            if progress == Progress::Waiting {
                self.park(&handle, pipe, end, ticket, None, effects)?;
            }
            Ok(progress)
        })
    }

    /// Whether close(2) of this end has to call [`Engine::flush_at_close`]: it may write, and
    /// `linger` is `flush` now.
    #[must_use]
    pub fn flushes_at_close(&self, end: EndId) -> bool {
        let Ok(handle) = self.handle(end) else { return false };
        let pipe = handle.lock();
        let writes = pipe.ends.get(&end).is_some_and(|end| end.wanted.write);
        writes && pipe.settings.linger == Linger::Flush
    }

    /// close(2) of one of an end's descriptors: waits until the peer has read what the end wrote.
    /// A line that it has begun is ended first, as by the close that follows. The answer is
    /// [`Answer::Flushed`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`]: something is unread, and the caller does not wait; nothing is
    /// changed. Else as [`Engine::flush`].
    pub fn flush_at_close(
        &self,
        end: EndId,
        blocking: Blocking,
        ticket: Ticket,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Progress<()>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, Some(now.wall), effects, |pipe, gate, effects| {
            let progress = pipe.flush_at_close(end, blocking, ticket, gate, effects)?;
            if progress == Progress::Waiting {
                self.park(&handle, pipe, end, ticket, None, effects)?;
            }
            Ok(progress)
        })
    }
}

impl Pipe {
    /// Waits until the peer has read what was written. An end that cannot write has nothing to
    /// wait for.
    fn flush(&mut self, end: EndId, ticket: Ticket) -> Result<Progress<()>> {
        if let Link::Severed { .. } = self.ends.get(&end).ok_or(Error::BadHandle)?.link {
            return Err(Error::NotConnected);
        }
        let named = self.named;
        match self.side(end, true) {
            Ok(Some((instance, side))) => {
                let lane = instance.lane_mut(side.lane);
                let until = lane.outlets.end_positions();
                lane.flush(ParkedFlush { ticket, end, until }, side.peers_from, named)
            }
            Ok(None) | Err(_) => Ok(Progress::Done(())),
        }
    }

    fn flush_at_close(
        &mut self,
        end: EndId,
        blocking: Blocking,
        ticket: Ticket,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<()>> {
        let (limits, named) = (self.limits(gate), self.named);
        if !self.ends.contains_key(&end) {
            return Err(Error::BadHandle);
        }
        let Ok(Some((instance, side))) = self.side(end, true) else {
            return Ok(Progress::Done(()));
        };
        let lane = instance.lane_mut(side.lane);
        if blocking != Blocking::Yes && lane.has_unread(end) {
            return Err(Error::WouldBlock);
        }
        lane.end_begun_line(end, limits, effects);
        match lane.written_until(end) {
            Some(until) => lane.flush(ParkedFlush { ticket, end, until }, side.peers_from, named),
            None => Ok(Progress::Done(())),
        }
    }

    /// The name has gone: who waits for a reader that would have to come waits no longer.
    pub(crate) fn break_hopeless_flushes(&mut self, effects: &mut Effects) {
        let lanes = self.instances.iter_mut().flat_map(|instance| instance.lanes_mut());
        lanes.filter(|lane| !lane.has_readers()).for_each(|lane| lane.break_flushes(effects));
    }
}

impl Lane {
    /// Waits until what is buffered now has been read, up to the flush's positions.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`]: the readers left before they had read it, or there is none and
    /// without a name none will come.
    fn flush(
        &mut self,
        flush: ParkedFlush,
        readers_from: u64,
        named: bool,
    ) -> Result<Progress<()>> {
        let is_read = self.outlets.have_passed(&flush.until);
        let is_left = self.is_broken(readers_from) && (self.has_lost || !is_read);
        let is_hopeless = !is_read && !named && !self.has_readers();
        if is_left || is_hopeless {
            return Err(Error::BrokenPipe);
        }
        if is_read {
            return Ok(Progress::Done(()));
        }
        self.flushes.push_back(flush);
        Ok(Progress::Waiting)
    }

    pub(crate) fn finish_flushes(&mut self, effects: &mut Effects) {
        let outlets = &self.outlets;
        self.flushes.retain(|flush| {
            let is_read = outlets.have_passed(&flush.until);
            if is_read {
                effects.answer(flush.ticket, Answer::Flushed);
            }
            !is_read
        });
    }

    /// Nobody will read what the flushes wait for.
    pub(crate) fn break_flushes(&mut self, effects: &mut Effects) {
        for flush in self.flushes.drain(..) {
            effects.fail(flush.ticket, Error::BrokenPipe);
        }
    }

    /// A write of this end is in the queues now, or went straight to readers.
    pub(crate) fn note_write(&mut self, end: EndId) {
        if self.sharing != Sharing::Private {
            self.outlets.note_write(self.last_writes.entry(end).or_default());
        }
    }

    /// How far an end's last write has filled the lane. Where there is one writer, all is its.
    fn written_until(&self, end: EndId) -> Option<Positions> {
        match self.sharing {
            Sharing::Private => Some(self.outlets.end_positions()),
            Sharing::Shared | Sharing::Broadcast => self.last_writes.get(&end).cloned(),
        }
    }

    /// Whether something that an end wrote is not read yet, a line that it has begun included.
    fn has_unread(&self, end: EndId) -> bool {
        let is_unread = |until| !self.outlets.have_passed(&until);
        self.written_until(end).is_some_and(is_unread) || self.begun_lines.contains_key(&end)
    }
}
