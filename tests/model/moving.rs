//! How the model moves data: every operation joins the list of those that wait, then whatever can
//! go on goes on, one operation after another, until none can.

use std::time::{Instant, SystemTime};

use pipefs::settings::PipeType;
use pipefs::{Blocking, Error, ReadMode, State};

use super::lane::Takes;
use super::state::{End, Given, LaneAt, Model, Piece, Place, Until, Waiting, Wish};
use super::writing::Sends;

/// What an operation comes to at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done(Given),
    Waits,
}

impl Outcome {
    pub(crate) fn failed(error: Error) -> Self {
        Self::Done(Given::Failed(error))
    }
}

/// What a read gets that gets nothing: end of file.
const NO_DATA: Given = Given::Read(Piece { data: Vec::new(), left: 0, is_message: false });

impl Model {
    pub(crate) fn read(
        &mut self,
        ticket: u64,
        end: usize,
        max_bytes: usize,
        blocking: Blocking,
        order: &[u64],
    ) -> Outcome {
        if !self.is_open(end) || !self.ends[end].wanted.read {
            return Outcome::failed(Error::BadHandle);
        }
        let continues = blocking == Blocking::Continuation;
        let takes = match (self.settings(self.ends[end].pipe).pipe_type, self.ends[end].read_mode) {
            (PipeType::Byte, _) | (PipeType::Message, ReadMode::Byte) => Takes::Bytes,
            (PipeType::Message, ReadMode::Message) if continues => Takes::Nothing,
            (PipeType::Message, ReadMode::Message) => Takes::Message,
        };
        let otherwise = match blocking {
            Blocking::Yes => None,
            Blocking::No => Some(Given::Failed(Error::WouldBlock)),
            Blocking::Continuation => Some(NO_DATA),
        };
        let wish = Wish::Read { max_bytes, takes, continues };
        self.begin(ticket, end, wish, None, otherwise, order)
    }

    pub(crate) fn write(
        &mut self,
        ticket: u64,
        end: usize,
        sends: Sends,
        blocking: Blocking,
        order: &[u64],
    ) -> Outcome {
        if !self.is_open(end) || !self.ends[end].wanted.write {
            return Outcome::failed(Error::BadHandle);
        }
        let otherwise = match blocking {
            Blocking::Yes => None,
            Blocking::No | Blocking::Continuation => Some(Given::Failed(Error::WouldBlock)),
        };
        let wish = Wish::Write { sends, is_forced: false, is_answered: true };
        self.begin(ticket, end, wish, None, otherwise, order)
    }

    /// fsync(2) on an end.
    pub(crate) fn flush(&mut self, ticket: u64, end: usize, order: &[u64]) -> Outcome {
        if !self.is_open(end) {
            return Outcome::failed(Error::BadHandle);
        }
        let until = self.writes_to(end).map_or_else(Vec::new, |lane| self.filled_until(lane));
        self.begin(ticket, end, Wish::Flush { until }, None, None, order)
    }

    /// close(2) on an end that waits until what it wrote has been read.
    pub(crate) fn flush_at_close(
        &mut self,
        ticket: u64,
        end: usize,
        blocking: Blocking,
        order: &[u64],
    ) -> Outcome {
        if !self.is_open(end) {
            return Outcome::failed(Error::BadHandle);
        }
        let lane = self.writes_to(end).filter(|_| self.ends[end].wanted.write);
        let Some(lane) = lane.filter(|_| !self.is_disconnected(end)) else {
            return Outcome::Done(Given::Flushed);
        };
        let is_unread = !self.has_passed(lane, &self.written_until(lane, end))
            || !self.lane(lane).begun_line(end).is_empty();
        if blocking != Blocking::Yes && is_unread {
            return Outcome::failed(Error::WouldBlock);
        }
        self.end_line(lane, end);
        let until = self.written_until(lane, end);
        if until.is_empty() {
            self.settle(order);
            return Outcome::Done(Given::Flushed);
        }
        self.begin(ticket, end, Wish::Flush { until }, None, None, order)
    }

    /// How far an end's last write has filled the lane; where there is one writer, all is its.
    fn written_until(&self, lane: LaneAt, end: usize) -> Vec<Until> {
        match self.is_joined(self.ends[end].pipe) {
            true => self.ends[end].wrote_until.clone(),
            false => self.filled_until(lane),
        }
    }

    fn filled_until(&self, lane: LaneAt) -> Vec<Until> {
        self.lane(lane).stores.iter().map(|store| (store.reader, store.until())).collect()
    }

    /// All readers that are there have read so far.
    fn has_passed(&self, lane: LaneAt, until: &[Until]) -> bool {
        until.iter().all(|(reader, until)| {
            let store = self.lane(lane).stores.iter().find(|store| store.reader == *reader);
            store.is_none_or(|store| store.has_passed(*until))
        })
    }

    /// Begins an operation. `otherwise` is what it comes to instead of waiting.
    pub(crate) fn begin(
        &mut self,
        ticket: u64,
        end: usize,
        wish: Wish,
        deadline: Option<Instant>,
        otherwise: Option<Given>,
        order: &[u64],
    ) -> Outcome {
        self.waiting.push(Waiting { ticket, end, wish, deadline });
        let order: Vec<u64> = std::iter::once(ticket).chain(order.iter().copied()).collect();
        self.settle(&order);
        if let Some(at) = self.answers.iter().position(|(answered, _)| *answered == ticket) {
            return Outcome::Done(self.answers.remove(at).1);
        }
        let refused = otherwise.or_else(|| match (self.early.remove(&ticket), self.is_shut_down) {
            (true, _) => Some(Given::Failed(Error::Interrupted)),
            (false, true) => Some(Given::Failed(Error::ShutDown)),
            (false, false) => None,
        });
        match refused {
            Some(given) => {
                self.waiting.retain(|waiting| waiting.ticket != ticket);
                Outcome::Done(given)
            }
            None => Outcome::Waits,
        }
    }

    /// Lets everything go on that can. Where several can and it matters who is first (memory that
    /// is enough for one of two pipes), the one that stands first in `order` is.
    pub(crate) fn settle(&mut self, order: &[u64]) {
        self.settle_where(|_| true, order);
    }

    /// The same for operations that wait at some ends alone.
    pub(crate) fn settle_where(&mut self, goes: impl Fn(&End) -> bool, order: &[u64]) {
        loop {
            self.connect_pending();
            self.pass_over_empty();
            let may_go = |at: &usize| self.ends.get(self.waiting[*at].end).is_none_or(&goes);
            let waiting = (0..self.waiting.len()).filter(may_go);
            let able = waiting.filter(|&at| self.answer(at).is_some());
            let rank = |at: &usize| {
                let ticket = self.waiting[*at].ticket;
                order.iter().position(|other| *other == ticket).unwrap_or(usize::MAX)
            };
            let Some(next) = able.min_by_key(rank) else { return };
            self.carry_out(next);
        }
    }

    /// Readers of bytes that wait let go of empty messages.
    fn pass_over_empty(&mut self) {
        for at in 0..self.waiting.len() {
            let Waiting { end, wish, .. } = &self.waiting[at];
            if matches!(wish, Wish::Read { takes: Takes::Bytes, .. }) && self.is_first_reader(at) {
                let end = *end;
                if let Some(lane) = self.reads_from(end) {
                    self.lane_mut(lane).store_mut(end).pass_over_empty();
                }
            }
        }
    }

    /// Nobody has waited longer to read the same.
    fn is_first_reader(&self, at: usize) -> bool {
        let place =
            |end| Some((self.reads_from(end)?, self.lane(self.reads_from(end)?).store_at(end)));
        let own = place(self.waiting[at].end);
        let mut before = self.waiting[..at].iter().filter(|waiting| waiting.is_read());
        !before.any(|other| place(other.end) == own)
    }

    /// What a waiting operation comes to, if it can go on.
    fn answer(&self, at: usize) -> Option<Given> {
        let Waiting { end, wish, .. } = &self.waiting[at];
        let end = *end;
        match wish {
            Wish::Watch { pipe } => self.answer_watch(*pipe),
            _ if self.ends[end].place == Place::Closed => Some(Given::Failed(Error::BadHandle)),
            Wish::Open => match self.ends[end].place {
                Place::Orphan => Some(Given::Failed(Error::NotFound)),
                Place::Pending => None,
                _ => Some(Given::Opened(end)),
            },
            Wish::Read { max_bytes, takes, continues } => {
                self.answer_read(at, *max_bytes, *takes, *continues)
            }
            Wish::Write { sends, is_forced, .. } => self.answer_write(at, sends, *is_forced),
            Wish::Flush { until } => self.answer_flush(end, until),
            Wish::Connect => self.answer_connect(end),
        }
    }

    /// The end's server has thrown its client out and does not listen yet.
    fn is_disconnected(&self, end: usize) -> bool {
        let place = self.ends[end].place;
        matches!(place, Place::Server(number) if self.conduit(number).is_disconnected)
    }

    fn answer_read(
        &self,
        at: usize,
        max_bytes: usize,
        takes: Takes,
        continues: bool,
    ) -> Option<Given> {
        let end = self.waiting[at].end;
        match self.ends[end].place {
            Place::Orphan => return Some(Given::Failed(Error::NotFound)),
            Place::Pending => return None,
            // Whoever gets data together with an error is told of the data alone.
            Place::Severed { told } if told || continues => return Some(NO_DATA),
            Place::Severed { .. } => return Some(Given::Failed(Error::Reset)),
            _ if self.is_disconnected(end) => return Some(Given::Failed(Error::NotConnected)),
            _ => {}
        }
        let Some(lane) = self.reads_from(end) else {
            return Some(Given::Failed(Error::BadHandle));
        };
        if !self.is_first_reader(at) {
            return None;
        }
        let store = self.lane(lane).store(end);
        if store.is_empty() && !self.is_ended(lane) {
            return None;
        }
        let first = store.messages.first().filter(|_| takes != Takes::Nothing);
        let is_message = first.is_some() && takes != Takes::Bytes;
        let there = match takes {
            Takes::Bytes => store.messages.concat(),
            _ => first.cloned().unwrap_or_default(),
        };
        let data = there[..max_bytes.min(there.len())].to_vec();
        let left = if is_message { there.len() - data.len() } else { 0 };
        let piece = Piece { data, left, is_message };
        Some(if takes == Takes::Reply { Given::Transacted(piece) } else { Given::Read(piece) })
    }

    fn answer_write(&self, at: usize, sends: &Sends, is_forced: bool) -> Option<Given> {
        let end = self.waiting[at].end;
        match self.ends[end].place {
            Place::Orphan => return Some(Given::Failed(Error::NotFound)),
            Place::Pending => return None,
            Place::Severed { .. } => return Some(Given::Failed(Error::BrokenPipe)),
            _ if self.is_disconnected(end) => return Some(Given::Failed(Error::NotConnected)),
            _ => {}
        }
        let Some(lane) = self.writes_to(end) else {
            return Some(Given::Failed(Error::BadHandle));
        };
        if self.is_broken(end, lane) {
            return Some(Given::Failed(Error::BrokenPipe));
        }
        if matches!(sends, Sends::Write(data) if data.is_empty()) {
            return Some(Given::Written(0));
        }
        let same = |other: &Waiting| other.is_write() && self.writes_to(other.end) == Some(lane);
        if self.waiting[..at].iter().any(same) {
            return None;
        }
        self.answer_turn(lane, end, sends, is_forced)
    }

    fn answer_flush(&self, end: usize, until: &[Until]) -> Option<Given> {
        match self.ends[end].place {
            Place::Orphan | Place::Pending => return Some(Given::Flushed),
            Place::Severed { .. } => return Some(Given::Failed(Error::NotConnected)),
            // It was the server's own doing.
            _ if self.is_disconnected(end) => return Some(Given::Flushed),
            _ => {}
        }
        let lane = self.writes_to(end).filter(|_| self.ends[end].wanted.write);
        let Some(lane) = lane else { return Some(Given::Flushed) };
        let is_read = self.has_passed(lane, until);
        let is_left = self.is_broken(end, lane) && (self.lane(lane).is_lossy || !is_read);
        let is_named = self.pipes[self.ends[end].pipe].is_named;
        if is_left || !is_read && !is_named && !self.has_reader(lane) {
            return Some(Given::Failed(Error::BrokenPipe));
        }
        is_read.then_some(Given::Flushed)
    }

    fn answer_connect(&self, end: usize) -> Option<Given> {
        let Place::Server(number) = self.ends[end].place else { unreachable!("it is a server's") };
        let is_named = self.pipes[self.ends[end].pipe].is_named;
        match self.state(self.conduit(number)) {
            State::Connected => Some(Given::Connected),
            State::Abandoned => Some(Given::Failed(Error::BrokenPipe)),
            State::Disconnected => Some(Given::Failed(Error::NotConnected)),
            _ => (!is_named).then_some(Given::Failed(Error::NotFound)),
        }
    }

    fn answer_watch(&self, pipe: usize) -> Option<Given> {
        match (self.pipes[pipe].is_named, self.is_available(pipe)) {
            (false, _) => Some(Given::Failed(Error::NotFound)),
            (true, true) => Some(Given::Listening),
            (true, false) => None,
        }
    }

    /// Does what [`Model::answer`] said.
    fn carry_out(&mut self, at: usize) {
        let given = self.answer(at).expect("it can go on");
        let Waiting { ticket, end, wish, .. } = self.waiting.remove(at);
        let is_answered = !matches!(wish, Wish::Write { is_answered: false, .. });
        match (wish, &given) {
            (Wish::Open, Given::Opened(_)) => self.pipes[self.ends[end].pipe].opens += 1,
            (Wish::Open, _) => self.ends[end].place = Place::Closed,
            (Wish::Read { .. }, Given::Failed(Error::Reset)) => {
                self.ends[end].place = Place::Severed { told: true };
            }
            (
                Wish::Read { max_bytes, takes, .. },
                Given::Read(piece) | Given::Transacted(piece),
            ) => self.take(end, max_bytes, takes, piece.data.len() as u64),
            (Wish::Write { sends, is_forced, .. }, Given::Written(_) | Given::Sent) => {
                let lane = self.writes_to(end).expect("it wrote");
                if !matches!(&sends, Sends::Write(data) if data.is_empty()) {
                    self.put(lane, end, &sends, is_forced);
                }
                self.pipes[self.ends[end].pipe].modified = self.now_is_told.then_some(self.now);
            }
            _ => {}
        }
        if is_answered {
            self.answers.push((ticket, given));
        }
    }

    fn take(&mut self, end: usize, max_bytes: usize, takes: Takes, bytes: u64) {
        let Some(lane) = self.reads_from(end) else { return };
        let store = self.lane_mut(lane).store_mut(end);
        store.take(max_bytes, takes);
        store.read_bytes += bytes;
        let pipe = &mut self.pipes[self.ends[end].pipe];
        pipe.read_bytes += bytes;
        if bytes > 0 {
            pipe.accessed = self.now_is_told.then_some(self.now);
        }
    }

    /// A moment passes. `is_told`: the next operation is told the time.
    pub(crate) fn set_time(&mut self, now: SystemTime, is_told: bool) {
        self.now = now;
        self.now_is_told = is_told;
    }
}
