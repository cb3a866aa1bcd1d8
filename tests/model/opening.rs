//! How the model opens: who becomes server, who client, and who waits.

use std::time::{Instant, SystemTime};

use pipefs::access::Direction;
use pipefs::settings::{Mode, OpenPolicy};
use pipefs::{Error, Patience, ReadMode, Settings, State, Wanted};

use super::lane::Lane;
use super::moving::Outcome;
use super::state::{Conduit, End, Given, Model, Pipe, Place, Way, Wish};

/// One open(2), as the model is told of it.
pub(crate) struct Opening {
    pub(crate) wanted: Wanted,
    pub(crate) patience: Patience,
    /// The end that the path led through, if it did.
    pub(crate) reopens: Option<usize>,
    pub(crate) process: u32,
    pub(crate) now: Instant,
}

/// What the table of roles says.
enum Role {
    Server(Direction),
    Client,
}

impl Model {
    pub(crate) fn create(&mut self, settings: Settings, mode: u32, now: SystemTime) -> usize {
        self.pipes.push(Pipe {
            settings,
            is_named: true,
            lost_name: None,
            was_served: false,
            decided: None,
            opens: 0,
            written_bytes: 0,
            read_bytes: 0,
            discarded_bytes: 0,
            dropped_bytes: 0,
            dropped_count: 0,
            is_unmet: false,
            mode,
            accessed: Some(now),
            modified: Some(now),
        });
        self.pipes.len() - 1
    }

    pub(crate) fn open(
        &mut self,
        pipe: usize,
        opening: &Opening,
        ticket: u64,
        order: &[u64],
    ) -> Outcome {
        if let Some(joined) = self.joins(pipe, opening) {
            return Outcome::Done(match joined {
                Ok(end) => Given::Opened(end),
                Err(error) => Given::Failed(error),
            });
        }
        let place = match self.place(pipe, opening) {
            Ok(place) => place,
            Err(error) => return Outcome::Done(Given::Failed(error)),
        };
        let end = self.ends.len();
        self.ends.push(End {
            pipe,
            process: opening.process,
            wanted: opening.wanted,
            files: 1,
            is_tentative: matches!(opening.patience, Patience::NonBlocking | Patience::Touched),
            has_made: matches!(opening.patience, Patience::Created | Patience::Touched),
            place: Place::Pending,
            read_mode: ReadMode::default(),
            saw_writer: false,
            saw_reader: false,
            wrote_until: Vec::new(),
        });
        self.take_place(end, place);
        if matches!(place, Place::Member(_)) && opening.wanted.read {
            self.ends[end].saw_writer |= std::mem::take(&mut self.pipes[pipe].is_unmet);
        }
        if place == Place::Pending && opening.patience == Patience::Wait {
            let deadline = self.settings(pipe).wait_timeout.map(|time| opening.now + time);
            let outcome = self.begin(ticket, end, Wish::Open, deadline, None, order);
            if matches!(outcome, Outcome::Done(Given::Failed(_))) {
                self.ends[end].place = Place::Closed;
            }
            return outcome;
        }
        self.pipes[pipe].opens += 1;
        self.settle(order);
        Outcome::Done(Given::Opened(end))
    }

    /// Whether an open would be a server's while there is none.
    pub(crate) fn would_serve(&self, pipe: usize, wanted: Wanted) -> bool {
        let served = role(self.direction(pipe), wanted, false);
        let is_server = matches!(served, Ok(Role::Server(_)));
        if self.is_joined(pipe) { wanted.write } else { is_server }
    }

    /// An open by way of an end's own path joins that end, if it belongs to this pipe.
    fn joins(&mut self, pipe: usize, opening: &Opening) -> Option<Result<usize, Error>> {
        let end = opening.reopens.filter(|_| self.settings(pipe).mode != Mode::Shared)?;
        let known = &mut self.ends[end];
        if known.pipe != pipe || known.place == Place::Closed {
            return None;
        }
        let wanted = opening.wanted;
        if wanted.read && !known.wanted.read || wanted.write && !known.wanted.write {
            return Some(Err(Error::AccessDenied));
        }
        known.files += 1;
        Some(Ok(end))
    }

    /// What becomes of an open; a new conduit is made if there has to be one.
    fn place(&mut self, pipe: usize, opening: &Opening) -> Result<Place, Error> {
        let reopens =
            |end: usize| self.ends[end].pipe == pipe && self.ends[end].place != Place::Closed;
        if !self.pipes[pipe].is_named && !opening.reopens.is_some_and(reopens) {
            return Err(Error::NotFound);
        }
        if !opening.wanted.read && !opening.wanted.write {
            return Err(Error::Invalid);
        }
        match self.settings(pipe).mode {
            Mode::Instance => self.place_at_instance(pipe, opening),
            Mode::Shared | Mode::Broadcast => self.place_in_joined(pipe, opening),
        }
    }

    fn place_at_instance(&mut self, pipe: usize, opening: &Opening) -> Result<Place, Error> {
        let listening = self.longest_listening(pipe, opening.wanted);
        match role(self.direction(pipe), opening.wanted, listening.is_some())? {
            Role::Client => match listening {
                Some(number) => Ok(Place::Client(number)),
                None => self.place_pending(pipe, opening),
            },
            Role::Server(direction) => {
                let counted = self.counted_instances(pipe);
                if self.settings(pipe).max_instances.is_some_and(|most| counted >= most as usize) {
                    return Err(Error::Busy);
                }
                self.pipes[pipe].decided = Some(direction);
                Ok(Place::Server(self.new_conduit(pipe, direction, opening.process)))
            }
        }
    }

    fn place_in_joined(&mut self, pipe: usize, opening: &Opening) -> Result<Place, Error> {
        let Wanted { read, write, .. } = opening.wanted;
        let non_blocking = opening.patience == Patience::NonBlocking;
        let conduit = self.conduits.iter().find(|c| c.pipe == pipe).map(|c| c.number);
        let lane = conduit.map(|number| (number, Way::Out));
        let needs_reader = self.settings(pipe).mode == Mode::Shared;
        if needs_reader && write && !read && non_blocking {
            let reader_waits =
                self.ends.iter().any(|e| e.pipe == pipe && e.place == Place::Pending);
            if !lane.is_some_and(|lane| self.has_reader(lane)) && !reader_waits {
                return Err(Error::NoReader);
            }
        }
        let is_ready = self.is_available(pipe) || self.pipes[pipe].is_unmet;
        if read && !write && !non_blocking && !is_ready {
            return self.place_pending(pipe, opening);
        }
        Ok(Place::Member(match conduit {
            Some(number) => number,
            None => self.new_conduit(pipe, Direction::Outbound, 0),
        }))
    }

    fn place_pending(&self, pipe: usize, opening: &Opening) -> Result<Place, Error> {
        if !self.pipes[pipe].is_named {
            return Err(Error::NotFound);
        }
        let fails = self.settings(pipe).open == OpenPolicy::Fail;
        if fails && !matches!(opening.patience, Patience::Created | Patience::Touched) {
            return Err(Error::Busy);
        }
        Ok(Place::Pending)
    }

    fn new_conduit(&mut self, pipe: usize, direction: Direction, server: u32) -> usize {
        self.conduits_so_far += 1;
        self.listens_so_far += 1;
        let mode = self.settings(pipe).mode;
        self.conduits.push(Conduit {
            number: self.conduits_so_far,
            pipe,
            direction,
            server,
            client: None,
            is_used: false,
            is_disconnected: false,
            listens_since: self.listens_so_far,
            out: Lane::new(mode),
            back: Lane::new(mode),
        });
        self.conduits_so_far
    }

    /// The instance that a client gets which asks for these directions.
    fn longest_listening(&self, pipe: usize, wanted: Wanted) -> Option<usize> {
        let fits = |conduit: &&Conduit| match conduit.direction {
            Direction::Outbound => !wanted.write,
            Direction::Inbound => !wanted.read,
            Direction::Duplex => true,
        };
        let listens = |conduit: &&Conduit| {
            conduit.pipe == pipe
                && matches!(self.state(conduit), State::Listening | State::Lingering)
        };
        let fitting = self.conduits.iter().filter(listens).filter(fits);
        fitting.min_by_key(|conduit| conduit.listens_since).map(|conduit| conduit.number)
    }

    fn take_place(&mut self, end: usize, place: Place) {
        if let Place::Client(number) = place {
            let process = self.ends[end].process;
            let conduit = self.conduit_mut(number);
            (conduit.client, conduit.is_used) = (Some(process), true);
        }
        if let Place::Member(number) = place {
            let lane = (number, Way::Out);
            let has_data = self.lane(lane).has_for_newcomer();
            self.ends[end].saw_writer = has_data || self.has_writer(lane);
            self.ends[end].saw_reader = self.has_reader(lane);
            let Wanted { read, write, .. } = self.ends[end].wanted;
            if read {
                let mode = self.settings(self.ends[end].pipe).mode;
                self.lane_mut(lane).add_reader(end, mode);
            }
            for other in self.ends.iter_mut().filter(|other| other.place == place) {
                other.saw_reader |= read;
                other.saw_writer |= write;
            }
        }
        self.ends[end].place = place;
    }

    /// Gives pending clients what there is, those first that came first.
    pub(crate) fn connect_pending(&mut self) {
        for end in 0..self.ends.len() {
            if self.ends[end].place != Place::Pending {
                continue;
            }
            let pipe = self.ends[end].pipe;
            if self.is_joined(pipe) {
                let conduit = self.conduits.iter().find(|c| c.pipe == pipe).map(|c| c.number);
                if let Some(number) = conduit.filter(|&n| self.has_writer((n, Way::Out))) {
                    self.take_place(end, Place::Member(number));
                    // Clients are served in the order of their opens: what this one waits for
                    // comes after that of those before it.
                    let waiting = self.waiting.drain(..);
                    let (own, others): (Vec<_>, Vec<_>) = waiting.partition(|w| w.end == end);
                    self.waiting = others;
                    self.waiting.extend(own);
                }
            } else if let Some(number) = self.longest_listening(pipe, self.ends[end].wanted) {
                self.take_place(end, Place::Client(number));
            }
        }
    }
}

/// The table: a row for each way to open, a column for each direction of a pipe.
fn role(column: Option<Direction>, row: Wanted, listening: bool) -> Result<Role, Error> {
    use Direction::{Duplex, Inbound, Outbound};
    let rows = (row.read, row.write, row.truncate);
    match (rows, column) {
        ((true, true, false), Some(Duplex) | None) if row.append => Ok(Role::Client),
        ((false, true, _), Some(Outbound) | None) => Ok(Role::Server(Outbound)),
        ((false, true, _), Some(Inbound | Duplex)) => Ok(Role::Client),
        ((true, false, _), Some(Inbound)) => Ok(Role::Server(Inbound)),
        ((true, false, _), Some(Outbound | Duplex) | None) => Ok(Role::Client),
        ((true, true, _), Some(Outbound | Inbound)) => Err(Error::AccessDenied),
        ((true, true, false), Some(Duplex)) if listening => Ok(Role::Client),
        ((true, true, _), Some(Duplex) | None) => Ok(Role::Server(Duplex)),
        ((false, false, _), _) => Err(Error::Invalid),
    }
}
