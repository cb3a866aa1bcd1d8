//! What can be seen of the model without changing it.

use std::time::Instant;

use pipefs::settings::{Overflow, PipeType};
use pipefs::{
    EndInfo, EndReport, EndRole, Error, InstanceReport, OwnReport, Peeked, ReadMode, Ready, State,
    Traffic, Who, Whose,
};

use super::lane::Store;
use super::state::{Conduit, LaneAt, Model, Place, Way};

impl Model {
    fn conduits_of(&self, pipe: usize) -> impl Iterator<Item = &Conduit> {
        self.conduits.iter().filter(move |conduit| conduit.pipe == pipe)
    }

    /// Each instance's state and buffered bytes, oldest first.
    pub(crate) fn instances(&self, pipe: usize) -> Vec<(State, u64)> {
        self.conduits_of(pipe).map(|c| (self.state(c), c.buffered_bytes())).collect()
    }

    /// How many places of those that `max_instances` counts are taken.
    pub(crate) fn counted_instances(&self, pipe: usize) -> usize {
        self.conduits_of(pipe).filter(|c| self.state(c) != State::Draining).count()
    }

    /// What the pipe holds of the mount's memory.
    pub(crate) fn weight(&self, pipe: usize) -> u64 {
        self.conduits_of(pipe).map(Conduit::weight).sum()
    }

    pub(crate) fn state(&self, conduit: &Conduit) -> State {
        if self.is_joined(conduit.pipe) {
            return State::Joined;
        }
        if conduit.is_disconnected {
            return State::Disconnected;
        }
        let server = self.is_there(Place::Server(conduit.number));
        let client = self.is_there(Place::Client(conduit.number));
        match (server, conduit.client.is_some(), client) {
            (true, false, _) => State::Listening,
            (false, false, _) => State::Lingering,
            (true, true, true) => State::Connected,
            (false, true, _) => State::Draining,
            (true, true, false) => State::Abandoned,
        }
    }

    /// Something listens that a client could have, or a writer is there or has left something.
    pub(crate) fn is_available(&self, pipe: usize) -> bool {
        self.conduits_of(pipe).any(|conduit| match self.state(conduit) {
            State::Listening | State::Lingering => true,
            State::Joined => {
                self.has_writer((conduit.number, Way::Out)) || conduit.out.has_for_newcomer()
            }
            _ => false,
        })
    }

    /// What poll says of an end.
    pub(crate) fn ready(&self, end: usize) -> Ready {
        let wanted = self.ends[end].wanted;
        let mut ready = Ready::default();
        match self.ends[end].place {
            Place::Orphan => return Ready { hangup: true, error: true, ..ready },
            Place::Severed { .. } => {
                return Ready { readable: wanted.read, hangup: true, error: true, ..ready };
            }
            Place::Server(number) if self.conduit(number).is_disconnected => {
                return Ready { readable: wanted.read, hangup: true, error: true, ..ready };
            }
            _ => {}
        }
        if let Some(lane) = self.reads_from(end).filter(|_| wanted.read) {
            let had_writer = !self.is_joined(self.ends[end].pipe) || self.ends[end].saw_writer;
            ready.hangup = had_writer && self.is_ended(lane);
            ready.readable = ready.hangup || self.is_offered(lane, end);
        }
        if let Some(lane) = self.writes_to(end).filter(|_| wanted.write) {
            ready.error = self.is_broken(end, lane);
            let never_waits = self.settings(self.ends[end].pipe).overflow != Overflow::Block;
            let is_next = self.takes_all(lane) && !self.writer_waits_at(lane);
            ready.writable = !ready.error && (never_waits || is_next);
        }
        ready
    }

    /// There is something for this reader, or somebody waits to write it. An empty message is
    /// something, whatever the end's read mode.
    pub(crate) fn is_offered(&self, lane: LaneAt, end: usize) -> bool {
        let waits = || self.writer_waits_at(lane) && self.would_take_for(lane, end);
        !self.lane(lane).store(end).is_empty() || waits()
    }

    /// The processes that hold ends or wait for one, in order.
    pub(crate) fn holders(&self, pipe: usize) -> Vec<u32> {
        let of_pipe = self.ends.iter().filter(|e| e.pipe == pipe && e.place != Place::Closed);
        let mut processes: Vec<u32> = of_pipe.map(|end| end.process).collect();
        processes.sort_unstable();
        processes
    }

    pub(crate) fn open_ends(&self) -> usize {
        (0..self.ends.len()).filter(|end| self.is_open(*end)).count()
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(|waiting| waiting.deadline).min()
    }

    /// What an end that reads has before it.
    fn own_store(&self, end: usize) -> Option<&Store> {
        let lane = self.reads_from(end).filter(|_| self.ends[end].wanted.read)?;
        Some(self.lane(lane).store(end))
    }

    /// What PeekNamedPipe says of an end.
    pub(crate) fn peek(&self, end: usize, max_bytes: usize) -> Result<Peeked, Error> {
        let known = &self.ends[end];
        if !self.is_open(end) || !known.wanted.read {
            return Err(Error::BadHandle);
        }
        match known.place {
            Place::Orphan => return Err(Error::NotFound),
            Place::Pending => return Err(Error::WouldBlock),
            Place::Severed { .. } => return Err(Error::NotConnected),
            Place::Server(number) | Place::Client(number) => match self.state(self.conduit(number))
            {
                State::Listening | State::Disconnected => return Err(Error::BadState),
                _ => {}
            },
            Place::Member(_) | Place::Closed => {}
        }
        let store = self.own_store(end).ok_or(Error::BadHandle)?;
        if store.is_empty() && self.ready(end).hangup {
            return Err(Error::BrokenPipe);
        }
        let pipe_type = self.settings(known.pipe).pipe_type;
        let first = match pipe_type {
            PipeType::Byte => store.messages.concat(),
            PipeType::Message => store.messages.first().cloned().unwrap_or_default(),
        };
        let data = first[..max_bytes.min(first.len())].to_vec();
        let (left_bytes, messages) = match pipe_type {
            PipeType::Byte => (0, 0),
            PipeType::Message => ((first.len() - data.len()) as u64, store.messages.len()),
        };
        Ok(Peeked { data, total_bytes: store.bytes(), left_bytes, messages })
    }

    /// What GetNamedPipeInfo says of an end.
    pub(crate) fn info(&self, end: usize) -> Result<EndInfo, Error> {
        let known = &self.ends[end];
        if !self.is_open(end) {
            return Err(Error::BadHandle);
        }
        let settings = *self.settings(known.pipe);
        let conduit = match known.place {
            Place::Server(number) | Place::Client(number) | Place::Member(number) => {
                Some(self.conduit(number))
            }
            Place::Pending | Place::Orphan | Place::Severed { .. } | Place::Closed => None,
        };
        let writes = self.writes_to(end).filter(|_| known.wanted.write);
        let fullest = |lane| self.lane(lane).stores.iter().map(Store::weight).max().unwrap_or(0);
        let room = |lane| settings.capacity_bytes.saturating_sub(fullest(lane));
        let store = self.own_store(end);
        Ok(EndInfo {
            role: self.role(end),
            settings,
            direction: self.direction(known.pipe),
            state: conduit.map(|conduit| self.state(conduit)),
            is_severed: matches!(known.place, Place::Severed { .. }),
            read_mode: match settings.pipe_type {
                PipeType::Byte => ReadMode::Byte,
                PipeType::Message => known.read_mode,
            },
            instances: self.counted_instances(known.pipe),
            readable_bytes: store.map_or(0, Store::bytes),
            writable_bytes: writes.map_or(0, room),
            traffic: store.map_or_else(Traffic::default, |store| Traffic {
                read_bytes: store.read_bytes,
                dropped_bytes: store.dropped_bytes,
                dropped_count: store.dropped_count,
                ..Traffic::default()
            }),
        })
    }

    fn role(&self, end: usize) -> Option<EndRole> {
        match self.ends[end].place {
            Place::Server(_) => Some(EndRole::Server),
            Place::Client(_) | Place::Severed { .. } => Some(EndRole::Client),
            Place::Member(_) => Some(EndRole::Member),
            Place::Pending | Place::Orphan | Place::Closed => None,
        }
    }

    /// The process at an end of the same instance.
    pub(crate) fn peer(&self, end: usize, whose: Whose) -> Result<Who, Error> {
        if !self.is_open(end) {
            return Err(Error::BadHandle);
        }
        let (number, other) = match self.ends[end].place {
            Place::Pending | Place::Orphan => return Err(Error::NobodyThere),
            Place::Severed { .. } => return Err(Error::NotConnected),
            Place::Member(_) | Place::Closed => return Err(Error::Unsupported),
            Place::Server(number) => (number, Whose::Client),
            Place::Client(number) => (number, Whose::Server),
        };
        let conduit = self.conduit(number);
        match if whose == Whose::Peer { other } else { whose } {
            Whose::Server => Ok(who(conduit.server)),
            _ => conduit.client.map(who).ok_or(Error::NobodyThere),
        }
    }

    /// Each instance, oldest first, with those who hold it by their processes.
    pub(crate) fn reports(&self, pipe: usize) -> Vec<InstanceReport> {
        let is_message_pipe = self.settings(pipe).pipe_type == PipeType::Message;
        let count = |store: &Store| if is_message_pipe { store.messages.len() } else { 0 };
        let report = |conduit: &Conduit| {
            let stores = conduit.out.stores.iter().chain(&conduit.back.stores);
            let end_report = |end: usize| EndReport {
                role: self.role(end).expect("it has a place"),
                who: who(self.ends[end].process),
                own: self.own_store(end).filter(|store| store.reader.is_some()).map(|store| {
                    OwnReport {
                        buffered_bytes: store.bytes(),
                        buffered_messages: count(store),
                        dropped_bytes: store.dropped_bytes,
                        dropped_count: store.dropped_count,
                    }
                }),
            };
            let number = conduit.number;
            let places = [Place::Server(number), Place::Client(number), Place::Member(number)];
            let holds = |end: &usize| places.contains(&self.ends[*end].place);
            InstanceReport {
                state: self.state(conduit),
                buffered_bytes: conduit.buffered_bytes(),
                buffered_messages: stores.map(count).sum(),
                ends: (0..self.ends.len()).filter(holds).map(end_report).collect(),
                ends_not_listed: 0,
            }
        };
        self.conduits_of(pipe).map(report).collect()
    }
}

/// A process, as the engine knows it.
pub(crate) fn who(process: u32) -> Who {
    Who { pid: process, ..Who::default() }
}
