//! How the model ends things: closing, interrupting, removing names, time and the mount running
//! out.

use std::time::Instant;

use pipefs::settings::{Lifetime, Linger, Mode};
use pipefs::{Error, State};

use super::state::{End, Given, LaneAt, Model, Pipe, Place, Way, Wish};

impl Model {
    /// One open file that holds the end has gone.
    pub(crate) fn close(&mut self, end: usize, order: &[u64]) -> Result<(), Error> {
        if !self.is_open(end) {
            return Err(Error::BadHandle);
        }
        self.ends[end].files -= 1;
        if self.ends[end].files > 0 {
            return Ok(());
        }
        let own = self.waiting.iter().filter(|waiting| waiting.end == end);
        let failures = own.map(|waiting| (waiting.ticket, Error::BadHandle)).collect();
        self.end_each(failures, order);
        let (is_used, is_unmet) = (self.has_been_used(end), self.is_unmet(end));
        self.stop_reading(end, order);
        let pipe = self.ends[end].pipe;
        let linger = self.settings(pipe).linger;
        let keeps_data = self.pipes[pipe].is_named && linger != Linger::Drop;
        let (reads, writes) = (self.reads_from(end), self.writes_to(end));
        let place = std::mem::replace(&mut self.ends[end].place, Place::Closed);
        self.pipes[pipe].was_served |= is_used;
        if let (Some(lane), Place::Server(_) | Place::Client(_)) = (reads, place) {
            self.discard(lane);
        }
        if let Some(lane) = writes {
            self.end_line(lane, end);
        }
        match place {
            Place::Server(number) | Place::Client(number) => {
                let conduit = self.conduit(number);
                let keeps = match self.state(conduit) {
                    State::Disconnected => false,
                    State::Lingering => keeps_data && !conduit.out.is_empty(),
                    _ => {
                        self.is_there(Place::Server(number)) || self.is_there(Place::Client(number))
                    }
                };
                self.remove_unless(keeps, number);
            }
            Place::Member(number) => {
                let has_data = self.lane((number, Way::Out)).has_for_newcomer();
                let is_last = !self.is_there(place);
                self.pipes[pipe].is_unmet |= is_unmet && is_last && !has_data;
                self.remove_unless(!is_last || has_data && keeps_data, number);
            }
            Place::Pending | Place::Orphan | Place::Severed { .. } | Place::Closed => {}
        }
        self.settle(order);
        Ok(())
    }

    /// A server's end that came for more than to leave again.
    fn has_been_used(&self, end: usize) -> bool {
        match self.ends[end].place {
            Place::Server(number) | Place::Member(number) => {
                self.conduit(number).is_used || !self.ends[end].is_tentative
            }
            _ => false,
        }
    }

    /// A writer of a shared pipe that came to an existing name and met no reader.
    fn is_unmet(&self, end: usize) -> bool {
        let End { pipe, wanted, has_made, saw_reader, .. } = &self.ends[end];
        let only_writes = wanted.write && !wanted.read;
        self.settings(*pipe).mode == Mode::Shared && only_writes && !saw_reader && !has_made
    }

    /// One of many closes: it is no reader any more, and then no writer. What others wait for
    /// comes to an end or goes on in between, before the last line of this one.
    fn stop_reading(&mut self, end: usize, order: &[u64]) {
        let End { pipe, place: Place::Member(_), .. } = self.ends[end] else { return };
        let Some(lane) = self.reads_from(end) else { return };
        let own = self.lane_mut(lane).remove_reader(end);
        self.pipes[pipe].discarded_bytes += own.map_or(0, |store| store.bytes());
        self.ends[end].wanted.read = false;
        self.settle_where(|end| end.pipe == pipe, order);
    }

    /// The reader has left: what it did not read is lost.
    pub(crate) fn discard(&mut self, at: LaneAt) {
        let pipe = self.pipe_of(at);
        let lane = self.lane_mut(at);
        let (bytes, weight) = (lane.buffered_bytes(), lane.weight());
        lane.clear();
        lane.is_lossy |= weight > 0;
        self.pipes[pipe].discarded_bytes += bytes;
    }

    fn remove_unless(&mut self, keeps: bool, number: usize) {
        if keeps {
            return;
        }
        self.discard((number, Way::Out));
        self.discard((number, Way::Back));
        let pipe = self.pipe_of((number, Way::Out));
        self.conduits.retain(|conduit| conduit.number != number);
        if !self.conduits.iter().any(|conduit| conduit.pipe == pipe) {
            self.pipes[pipe].decided = None;
        }
    }

    /// The name leads here no longer.
    pub(crate) fn unname(&mut self, pipe: usize, order: &[u64]) {
        self.pipes[pipe].is_named = false;
        for end in self.ends.iter_mut().filter(|end| end.pipe == pipe) {
            if end.place == Place::Pending {
                end.place = Place::Orphan;
            }
        }
        let of_pipe = self.conduits.iter().filter(|conduit| conduit.pipe == pipe);
        let numbers: Vec<usize> = of_pipe.map(|conduit| conduit.number).collect();
        for number in numbers {
            let keeps = [Place::Server(number), Place::Client(number), Place::Member(number)]
                .into_iter()
                .any(|place| self.is_there(place));
            self.remove_unless(keeps, number);
        }
        self.settle(order);
    }

    /// With `lifetime=last-close`: the last one has gone who made the name worth having.
    pub(crate) fn has_expired(&self, pipe: usize) -> bool {
        let Pipe { settings, is_named, was_served, .. } = &self.pipes[pipe];
        let goes = settings.lifetime == Lifetime::LastClose && *was_served;
        goes && *is_named && self.counted_instances(pipe) == 0
    }

    /// Nobody holds, waits for or left anything here.
    pub(crate) fn is_idle(&self, pipe: usize) -> bool {
        let in_use = |place: Place| place != Place::Closed;
        !self.ends.iter().any(|end| end.pipe == pipe && in_use(end.place))
            && !self.conduits.iter().any(|conduit| conduit.pipe == pipe)
    }

    /// A signal for the operation with this ticket, which may be done or still to come.
    pub(crate) fn cancel(&mut self, ticket: u64, order: &[u64]) {
        if self.waiting.iter().any(|waiting| waiting.ticket == ticket) {
            self.fail_all(vec![ticket], Error::Interrupted, order);
        } else {
            self.early.insert(ticket);
        }
    }

    /// What has waited for as long as it may.
    pub(crate) fn expire(&mut self, now: Instant, order: &[u64]) {
        let is_due = |deadline: Instant| deadline <= now;
        let due = self.waiting.iter().filter(|waiting| waiting.deadline.is_some_and(is_due));
        self.fail_all(due.map(|waiting| waiting.ticket).collect(), Error::TimedOut, order);
    }

    pub(crate) fn shut_down(&mut self, order: &[u64]) {
        self.is_shut_down = true;
        let all = self.waiting.iter().map(|waiting| waiting.ticket).collect();
        self.fail_all(all, Error::ShutDown, order);
    }

    pub(crate) fn fail_all(&mut self, tickets: Vec<u64>, error: Error, order: &[u64]) {
        self.fail_each(tickets.into_iter().map(|ticket| (ticket, error)).collect(), order);
    }

    pub(crate) fn fail_each(&mut self, failures: Vec<(u64, Error)>, order: &[u64]) {
        self.end_each(failures, order);
        self.settle(order);
    }

    /// Ends some waiting operations, in the order that was found.
    fn end_each(&mut self, mut failures: Vec<(u64, Error)>, order: &[u64]) {
        let rank = |ticket: u64| order.iter().position(|other| *other == ticket);
        failures.sort_by_key(|(ticket, _)| rank(*ticket).unwrap_or(usize::MAX));
        for (ticket, error) in failures {
            let found = self.waiting.iter().position(|waiting| waiting.ticket == ticket);
            let ended = self.waiting.remove(found.expect("it waits"));
            if matches!(ended.wish, Wish::Open) {
                self.ends[ended.end].place = Place::Closed;
            }
            self.answers.push((ticket, Given::Failed(error)));
        }
    }
}
