//! How the model moves data: every operation joins the list of those that wait, then whatever can
//! go on goes on, one operation after another, until none can.

use std::time::SystemTime;

use pipefs::settings::PipeType;
use pipefs::{Blocking, Error};

use super::state::{Given, Model, Place, Waiting, Wish};

/// What an operation comes to at once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done(Given),
    Waits,
}

impl Model {
    /// Begins an operation that is told whether it waits.
    pub(crate) fn move_data(
        &mut self,
        ticket: u64,
        end: Option<usize>,
        wish: Wish,
        blocking: Blocking,
        order: &[u64],
    ) -> Outcome {
        let end = end.filter(|&end| self.ends[end].place != Place::Closed);
        let Some(end) = end.filter(|&end| !self.is_opening(end)) else {
            return Outcome::Done(Given::Failed(Error::BadHandle));
        };
        let wanted = self.ends[end].wanted;
        let allowed = match wish {
            Wish::Read { .. } => wanted.read,
            Wish::Write { .. } => wanted.write,
            Wish::Open { .. } | Wish::Flush { .. } => true,
        };
        if !allowed {
            return Outcome::Done(Given::Failed(Error::BadHandle));
        }
        let is_message_pipe = self.settings(self.ends[end].pipe).pipe_type == PipeType::Message;
        let wish = match wish {
            // What follows in the same read(2) would be another message.
            Wish::Read { .. } if is_message_pipe && blocking == Blocking::Continuation => {
                Wish::Read { max_bytes: 0 }
            }
            wish => wish,
        };
        let otherwise = match (&wish, blocking) {
            (_, Blocking::Yes) => None,
            (Wish::Read { .. }, Blocking::Continuation) => Some(Given::Read(Vec::new())),
            (_, Blocking::No | Blocking::Continuation) => Some(Given::Failed(Error::WouldBlock)),
        };
        self.begin(ticket, end, wish, otherwise, order)
    }

    /// fsync(2) on an end.
    pub(crate) fn flush(&mut self, ticket: u64, end: Option<usize>, order: &[u64]) -> Outcome {
        let lane = end.and_then(|end| self.writes_to(end));
        let until = lane.map_or(0, |lane| {
            let lane = self.lane(lane);
            lane.gone_bytes + lane.message_bytes()
        });
        self.move_data(ticket, end, Wish::Flush { until }, Blocking::Yes, order)
    }

    /// close(2) on an end that waits until what it wrote has been read.
    pub(crate) fn flush_at_close(
        &mut self,
        ticket: u64,
        end: usize,
        blocking: Blocking,
        order: &[u64],
    ) -> Outcome {
        if self.ends[end].place == Place::Closed || self.is_opening(end) {
            return Outcome::Done(Given::Failed(Error::BadHandle));
        }
        let wanted = self.ends[end].wanted;
        let Some(lane) = self.writes_to(end).filter(|_| wanted.write) else {
            return Outcome::Done(Given::Flushed);
        };
        let state = self.lane(lane);
        let is_unread = self.ends[end].wrote_until.is_some_and(|until| state.gone_bytes < until);
        if blocking != Blocking::Yes && (is_unread || !state.begun_line(end).is_empty()) {
            return Outcome::Done(Given::Failed(Error::WouldBlock));
        }
        self.end_line(lane, end);
        let until = match self.is_shared(self.ends[end].pipe) {
            true => self.ends[end].wrote_until,
            false => Some(self.lane(lane).gone_bytes + self.lane(lane).message_bytes()),
        };
        let state = self.lane(lane);
        // Others may have written since: their readers may come and go.
        let is_read = |until: &u64| state.gone_bytes >= *until && !state.is_empty();
        match until.filter(|until| !is_read(until)) {
            Some(until) => self.begin(ticket, end, Wish::Flush { until }, None, order),
            None => {
                self.settle(order);
                Outcome::Done(Given::Flushed)
            }
        }
    }

    /// Begins an operation. `otherwise` is what it comes to instead of waiting.
    pub(crate) fn begin(
        &mut self,
        ticket: u64,
        end: usize,
        wish: Wish,
        otherwise: Option<Given>,
        order: &[u64],
    ) -> Outcome {
        self.waiting.push(Waiting { ticket, end, wish });
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
        loop {
            self.connect_pending();
            let able = (0..self.waiting.len()).filter(|&at| self.answer(at).is_some());
            let rank = |at: &usize| {
                let ticket = self.waiting[*at].ticket;
                order.iter().position(|other| *other == ticket).unwrap_or(usize::MAX)
            };
            let Some(next) = able.min_by_key(rank) else { return };
            self.carry_out(next);
        }
    }

    /// What a waiting operation comes to, if it can go on.
    fn answer(&self, at: usize) -> Option<Given> {
        let Waiting { end, wish, .. } = &self.waiting[at];
        let place = self.ends[*end].place;
        if place == Place::Closed {
            return Some(Given::Failed(Error::BadHandle));
        }
        if matches!(wish, Wish::Flush { .. }) && !self.ends[*end].wanted.write {
            return Some(Given::Flushed);
        }
        match wish {
            Wish::Flush { .. } if matches!(place, Place::Orphan | Place::Pending) => {
                Some(Given::Flushed)
            }
            _ if place == Place::Orphan => Some(Given::Failed(Error::NotFound)),
            _ if place == Place::Pending => None,
            Wish::Open { .. } => Some(Given::Opened(*end)),
            Wish::Read { max_bytes } => self.answer_read(at, *end, *max_bytes),
            Wish::Write { data } => self.answer_write(at, *end, data),
            Wish::Flush { until } => self.answer_flush(*end, *until),
        }
    }

    fn answer_read(&self, at: usize, end: usize, max_bytes: usize) -> Option<Given> {
        let Some(lane) = self.reads_from(end) else {
            return Some(Given::Failed(Error::BadHandle));
        };
        let same = |other: &Waiting| {
            matches!(other.wish, Wish::Read { .. }) && self.reads_from(other.end) == Some(lane)
        };
        if self.waiting[..at].iter().any(same) {
            return None;
        }
        let there = match self.pipe_type(lane) {
            PipeType::Message => self.lane(lane).messages.first().cloned().unwrap_or_default(),
            PipeType::Byte => self.lane(lane).messages.concat(),
        };
        match there.len() {
            0 if self.is_ended(lane) => Some(Given::Read(Vec::new())),
            0 => None,
            all => Some(Given::Read(there[..max_bytes.min(all)].to_vec())),
        }
    }

    fn answer_write(&self, at: usize, end: usize, data: &[u8]) -> Option<Given> {
        let Some(lane) = self.writes_to(end) else {
            return Some(Given::Failed(Error::BadHandle));
        };
        if self.is_broken(end, lane) {
            return Some(Given::Failed(Error::BrokenPipe));
        }
        if data.is_empty() {
            return Some(Given::Written(0));
        }
        let same = |other: &Waiting| {
            matches!(other.wish, Wish::Write { .. }) && self.writes_to(other.end) == Some(lane)
        };
        if self.waiting[..at].iter().any(same) {
            return None;
        }
        self.answer_turn(lane, end, data)
    }

    fn answer_flush(&self, end: usize, until: u64) -> Option<Given> {
        let Some(lane) = self.writes_to(end) else { return Some(Given::Flushed) };
        let state = self.lane(lane);
        let is_read = state.gone_bytes >= until;
        let is_left = self.is_broken(end, lane) && (state.is_lossy || !state.is_empty());
        let is_named = self.pipes[self.ends[end].pipe].is_named;
        if is_left || !is_read && !is_named && !self.has_reader(lane) {
            return Some(Given::Failed(Error::BrokenPipe));
        }
        is_read.then_some(Given::Flushed)
    }

    /// Does what [`Model::answer`] said.
    fn carry_out(&mut self, at: usize) {
        let given = self.answer(at).expect("it can go on");
        let Waiting { ticket, end, wish } = self.waiting.remove(at);
        let pipe = self.ends[end].pipe;
        match (wish, &given) {
            (Wish::Open { .. }, Given::Opened(_)) => self.pipes[pipe].opens += 1,
            (Wish::Open { .. }, _) => self.ends[end].place = Place::Closed,
            (_, Given::Read(data)) if !data.is_empty() => {
                let lane = self.reads_from(end).expect("it read");
                let pipe_type = self.pipe_type(lane);
                self.lane_mut(lane).take(data.len(), pipe_type);
                self.pipes[pipe].read_bytes += data.len() as u64;
                self.pipes[pipe].accessed = self.now_is_told.then_some(self.now);
            }
            (Wish::Write { data }, Given::Written(_)) => {
                let lane = self.writes_to(end).expect("it wrote");
                if !data.is_empty() {
                    self.put(lane, end, &data);
                }
                self.pipes[pipe].modified = self.now_is_told.then_some(self.now);
            }
            _ => {}
        }
        self.answers.push((ticket, given));
    }

    /// A moment passes. `is_told`: the next operation is told the time.
    pub(crate) fn set_time(&mut self, now: SystemTime, is_told: bool) {
        self.now = now;
        self.now_is_told = is_told;
    }
}
