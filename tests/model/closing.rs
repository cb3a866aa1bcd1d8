//! How the model ends things: closing, interrupting, removing names, shutting down.

use pipefs::settings::{Lifetime, Linger};
use pipefs::{Error, State};

use super::state::{Given, Model, Pipe, Place, Way, Wish};

impl Model {
    /// One open file that holds the end has gone.
    pub(crate) fn close(&mut self, end: Option<usize>, order: &[u64]) -> Result<(), Error> {
        let end = end.filter(|&end| self.ends[end].place != Place::Closed);
        let end = end.filter(|&end| !self.is_opening(end)).ok_or(Error::BadHandle)?;
        self.ends[end].files -= 1;
        if self.ends[end].files > 0 {
            return Ok(());
        }
        let pipe = self.ends[end].pipe;
        let linger = self.settings(pipe).linger;
        let keeps_data = self.pipes[pipe].is_named && linger != Linger::Drop;
        let (reads, writes) = (self.reads_from(end), self.writes_to(end));
        let place = std::mem::replace(&mut self.ends[end].place, Place::Closed);
        if let Place::Server(number) | Place::Member(number) = place {
            let tentative = self.ends[end].is_tentative;
            let conduit = self.conduit(number);
            let used = conduit.had_client || conduit.was_written;
            self.pipes[pipe].was_served |= used || !tentative;
        }
        let leaving = &self.ends[end];
        let only_writes = leaving.wanted.write && !leaving.wanted.read;
        let meets_nobody = only_writes && !leaving.saw_reader && !leaving.has_made;
        let is_unmet = meets_nobody && writes.is_some_and(|lane| self.lane(lane).is_empty());
        if let (Some(lane), Place::Server(_) | Place::Client(_)) = (reads, place) {
            self.discard(lane);
        }
        if let Some(lane) = writes {
            self.end_line(lane, end);
        }
        match place {
            Place::Server(number) | Place::Client(number) => {
                let conduit = self.conduits.iter().find(|c| c.number == number).expect("its own");
                let keeps = match self.state(conduit) {
                    State::Lingering => keeps_data && !conduit.out.is_empty(),
                    _ => {
                        self.is_there(Place::Server(number)) || self.is_there(Place::Client(number))
                    }
                };
                self.remove_unless(keeps, number);
            }
            Place::Member(number) => {
                self.pipes[pipe].is_unmet |= is_unmet && !self.is_there(place);
                let has_data = !self.lane((number, Way::Out)).is_empty();
                let keeps = self.is_there(place) || has_data && keeps_data;
                self.remove_unless(keeps, number);
            }
            Place::Pending | Place::Orphan | Place::Closed => {}
        }
        self.settle(order);
        Ok(())
    }

    /// The reader has left: what it did not read is lost.
    fn discard(&mut self, lane: (usize, Way)) {
        let pipe = self.pipe_of(lane);
        let bytes = self.lane_mut(lane).take_all();
        self.lane_mut(lane).is_lossy |= bytes > 0;
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
        let of_pipe = self.conduits.iter().filter(|conduit| conduit.pipe == pipe);
        let mut states = of_pipe.map(|conduit| self.state(conduit));
        let goes = settings.lifetime == Lifetime::LastClose && *was_served;
        goes && *is_named && states.all(|state| state == State::Draining)
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

    pub(crate) fn shut_down(&mut self, order: &[u64]) {
        self.is_shut_down = true;
        let all = self.waiting.iter().map(|waiting| waiting.ticket).collect();
        self.fail_all(all, Error::ShutDown, order);
    }

    /// Ends some waiting operations, in the order that was found.
    pub(crate) fn fail_all(&mut self, mut tickets: Vec<u64>, error: Error, order: &[u64]) {
        let rank = |ticket: &u64| order.iter().position(|other| other == ticket);
        tickets.sort_by_key(|ticket| rank(ticket).unwrap_or(usize::MAX));
        for ticket in tickets {
            let found = self.waiting.iter().position(|waiting| waiting.ticket == ticket);
            let ended = self.waiting.remove(found.expect("it waits"));
            if matches!(ended.wish, Wish::Open { .. }) {
                self.ends[ended.end].place = Place::Closed;
            }
            self.answers.push((ticket, Given::Failed(error)));
        }
        self.settle(order);
    }
}
