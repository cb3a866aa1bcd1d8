//! What the model knows: flat lists, and what can be read off them.
//!
//! The model is written from the description of pipes alone. It knows nothing of how the engine
//! works, it looks at every list from front to back, and computes everything anew each time.

use std::collections::HashSet;
use std::time::{Instant, SystemTime};

use pipefs::access::Direction;
use pipefs::settings::{Access, Mode, Overflow};
use pipefs::{Error, Ready, Settings, State, Wanted};

use super::lane::Lane;

/// Everything that exists. Numbers of pipes and ends are their places in these lists: nothing is
/// ever removed but conduits.
pub(crate) struct Model {
    pub(crate) now: SystemTime,
    /// Whether the operation under way is told the time: close, for one, is not.
    pub(crate) now_is_told: bool,
    pub(crate) memory_bytes: u64,
    pub(crate) pipes: Vec<Pipe>,
    /// In order of creation.
    pub(crate) conduits: Vec<Conduit>,
    pub(crate) conduits_so_far: usize,
    /// In order of opening.
    pub(crate) ends: Vec<End>,
    /// Operations that wait, in order of arrival.
    pub(crate) waiting: Vec<Waiting>,
    /// Answers of the step that is under way.
    pub(crate) answers: Vec<(u64, Given)>,
    /// Interrupts that came before their operation.
    pub(crate) early: HashSet<u64>,
    pub(crate) is_shut_down: bool,
}

pub(crate) struct Pipe {
    pub(crate) settings: Settings,
    pub(crate) is_named: bool,
    /// Which name it was that went by itself.
    pub(crate) lost_name: Option<usize>,
    /// A server has closed that had come for more than to leave again.
    pub(crate) was_served: bool,
    pub(crate) decided: Option<Direction>,
    pub(crate) opens: u64,
    pub(crate) written_bytes: u64,
    pub(crate) read_bytes: u64,
    pub(crate) discarded_bytes: u64,
    pub(crate) dropped_bytes: u64,
    pub(crate) dropped_count: u64,
    /// A writer of a shared pipe came, met no reader, wrote nothing and went.
    pub(crate) is_unmet: bool,
    /// Bytes that were dropped after they had been written.
    pub(crate) lost_bytes: u64,
    pub(crate) mode: u32,
    /// `None`: it was read, or written, at a time that nobody told.
    pub(crate) accessed: Option<SystemTime>,
    pub(crate) modified: Option<SystemTime>,
}

/// An instance, or the one conduit of a shared pipe (which has only the lane `out`).
pub(crate) struct Conduit {
    pub(crate) number: usize,
    pub(crate) pipe: usize,
    pub(crate) direction: Direction,
    pub(crate) had_client: bool,
    pub(crate) was_written: bool,
    pub(crate) out: Lane,
    pub(crate) back: Lane,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the client, or through a shared pipe.
    Out,
    /// To the server.
    Back,
}

/// A lane: a conduit's number, and which way.
pub(crate) type LaneAt = (usize, Way);

pub(crate) struct End {
    pub(crate) pipe: usize,
    pub(crate) process: u32,
    pub(crate) wanted: Wanted,
    /// Open files that share it.
    pub(crate) files: u32,
    /// Opened with `O_NONBLOCK`.
    pub(crate) is_tentative: bool,
    /// Its open made the name.
    pub(crate) has_made: bool,
    pub(crate) place: Place,
    /// In a shared pipe: there was a writer, or what one had written, since it opened.
    pub(crate) saw_writer: bool,
    /// In a shared pipe: there was a reader since it opened.
    pub(crate) saw_reader: bool,
    /// How many bytes its lane had taken after its last write.
    pub(crate) wrote_until: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A client without an instance.
    Pending,
    /// A client without an instance, and there will never be one: the name is gone.
    Orphan,
    Server(usize),
    Client(usize),
    /// One of many in a shared pipe.
    Member(usize),
    Closed,
}

pub(crate) struct Waiting {
    pub(crate) ticket: u64,
    pub(crate) end: usize,
    pub(crate) wish: Wish,
}

pub(crate) enum Wish {
    Open {
        deadline: Option<Instant>,
    },
    Read {
        max_bytes: usize,
    },
    Write {
        data: Vec<u8>,
    },
    /// Until so many bytes have been read.
    Flush {
        until: u64,
    },
}

/// What an operation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    Opened(usize),
    Read(Vec<u8>),
    Written(u32),
    Flushed,
    Failed(Error),
}

impl Model {
    pub(crate) fn new(memory_bytes: u64) -> Self {
        Self {
            now: SystemTime::UNIX_EPOCH,
            now_is_told: true,
            memory_bytes,
            pipes: Vec::new(),
            conduits: Vec::new(),
            conduits_so_far: 0,
            ends: Vec::new(),
            waiting: Vec::new(),
            answers: Vec::new(),
            early: HashSet::new(),
            is_shut_down: false,
        }
    }

    pub(crate) fn settings(&self, pipe: usize) -> &Settings {
        &self.pipes[pipe].settings
    }

    pub(crate) fn is_shared(&self, pipe: usize) -> bool {
        self.settings(pipe).mode == Mode::Shared
    }

    /// The directions that the pipe has now.
    pub(crate) fn direction(&self, pipe: usize) -> Option<Direction> {
        match self.settings(pipe).access {
            Access::Auto => self.pipes[pipe].decided,
            Access::Outbound => Some(Direction::Outbound),
            Access::Inbound => Some(Direction::Inbound),
            Access::Duplex => Some(Direction::Duplex),
        }
    }

    pub(crate) fn conduit(&mut self, number: usize) -> &mut Conduit {
        self.conduits.iter_mut().find(|c| c.number == number).expect("it exists")
    }

    pub(crate) fn lane(&self, at: LaneAt) -> &Lane {
        let conduit = self.conduits.iter().find(|c| c.number == at.0).expect("it exists");
        if at.1 == Way::Out { &conduit.out } else { &conduit.back }
    }

    pub(crate) fn lane_mut(&mut self, at: LaneAt) -> &mut Lane {
        let conduit = self.conduit(at.0);
        if at.1 == Way::Out { &mut conduit.out } else { &mut conduit.back }
    }

    fn has_way(&self, number: usize, way: Way) -> bool {
        let direction = self.conduits.iter().find(|c| c.number == number).map(|c| c.direction);
        let but = if way == Way::Out { Direction::Inbound } else { Direction::Outbound };
        direction != Some(but)
    }

    /// The lane whose reading side an end is. A client is the reader of what comes to it, even if
    /// it was opened for writing only.
    pub(crate) fn reads_from(&self, end: usize) -> Option<LaneAt> {
        let end = &self.ends[end];
        match end.place {
            Place::Server(at) => Some((at, Way::Back)).filter(|_| self.has_way(at, Way::Back)),
            Place::Client(at) => Some((at, Way::Out)).filter(|_| self.has_way(at, Way::Out)),
            Place::Member(at) => Some((at, Way::Out)).filter(|_| end.wanted.read),
            Place::Pending | Place::Orphan | Place::Closed => None,
        }
    }

    /// The lane whose writing side an end is.
    pub(crate) fn writes_to(&self, end: usize) -> Option<LaneAt> {
        let end = &self.ends[end];
        match end.place {
            Place::Server(at) => Some((at, Way::Out)).filter(|_| self.has_way(at, Way::Out)),
            Place::Client(at) => Some((at, Way::Back)).filter(|_| self.has_way(at, Way::Back)),
            Place::Member(at) => Some((at, Way::Out)).filter(|_| end.wanted.write),
            Place::Pending | Place::Orphan | Place::Closed => None,
        }
    }

    pub(crate) fn has_reader(&self, lane: LaneAt) -> bool {
        (0..self.ends.len()).any(|end| self.reads_from(end) == Some(lane))
    }

    pub(crate) fn has_writer(&self, lane: LaneAt) -> bool {
        (0..self.ends.len()).any(|end| self.writes_to(end) == Some(lane))
    }

    pub(crate) fn is_there(&self, place: Place) -> bool {
        self.ends.iter().any(|end| end.place == place)
    }

    fn had_client(&self, number: usize) -> bool {
        self.conduits.iter().any(|c| c.number == number && c.had_client)
    }

    /// A reader of the lane, once nothing is left in it, is at the end of file.
    pub(crate) fn is_ended(&self, lane: LaneAt) -> bool {
        let shared = self.is_shared(self.pipe_of(lane));
        let had_writer = shared || lane.1 == Way::Out || self.had_client(lane.0);
        had_writer && !self.has_writer(lane)
    }

    /// A writer has lost its readers.
    pub(crate) fn is_broken(&self, end: usize, lane: LaneAt) -> bool {
        let had_reader = match (self.is_shared(self.pipe_of(lane)), lane.1) {
            (true, _) => self.ends[end].saw_reader,
            (false, Way::Out) => self.had_client(lane.0),
            (false, Way::Back) => true,
        };
        had_reader && !self.has_reader(lane)
    }

    pub(crate) fn pipe_of(&self, lane: LaneAt) -> usize {
        self.conduits.iter().find(|c| c.number == lane.0).map(|c| c.pipe).expect("it exists")
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.conduits.iter().map(Conduit::buffered_bytes).sum()
    }

    /// The lane has room, and so has the memory.
    pub(crate) fn has_room(&self, lane: LaneAt) -> bool {
        let capacity = self.settings(self.pipe_of(lane)).capacity_bytes;
        self.lane(lane).message_bytes() < capacity && self.used_bytes() < self.memory_bytes
    }

    /// Each instance's state and buffered bytes, oldest first.
    pub(crate) fn instances(&self, pipe: usize) -> Vec<(State, u64)> {
        let of_pipe = self.conduits.iter().filter(|conduit| conduit.pipe == pipe);
        of_pipe.map(|conduit| (self.state(conduit), conduit.buffered_bytes())).collect()
    }

    pub(crate) fn state(&self, conduit: &Conduit) -> State {
        if self.is_shared(conduit.pipe) {
            return State::Joined;
        }
        let server = self.is_there(Place::Server(conduit.number));
        let client = self.is_there(Place::Client(conduit.number));
        match (server, conduit.had_client, client) {
            (true, false, _) => State::Listening,
            (false, false, _) => State::Lingering,
            (true, true, true) => State::Connected,
            (false, true, _) => State::Draining,
            (true, true, false) => State::Abandoned,
        }
    }

    /// What poll says of an end.
    pub(crate) fn ready(&self, end: usize) -> Ready {
        let mut ready = Ready::default();
        if self.ends[end].place == Place::Orphan {
            (ready.hangup, ready.error) = (true, true);
        }
        if let Some(lane) = self.reads_from(end).filter(|_| self.ends[end].wanted.read) {
            let had_writer = !self.is_shared(self.ends[end].pipe) || self.ends[end].saw_writer;
            ready.hangup = had_writer && self.is_ended(lane);
            let offered = !self.lane(lane).is_empty() || self.writer_waits_at(lane);
            ready.readable = ready.hangup || offered;
        }
        if let Some(lane) = self.writes_to(end).filter(|_| self.ends[end].wanted.write) {
            ready.error = self.is_broken(end, lane);
            let never_waits = self.settings(self.ends[end].pipe).overflow != Overflow::Block;
            let accepted = self.has_room(lane) || self.reader_waits_at(lane);
            let is_next = accepted && !self.writer_waits_at(lane);
            ready.writable = !ready.error && (never_waits || is_next);
        }
        ready
    }

    pub(crate) fn reader_waits_at(&self, lane: LaneAt) -> bool {
        let is_read = |waiting: &&Waiting| matches!(waiting.wish, Wish::Read { .. });
        self.waiting.iter().filter(is_read).any(|w| self.reads_from(w.end) == Some(lane))
    }

    pub(crate) fn writer_waits_at(&self, lane: LaneAt) -> bool {
        let is_write = |waiting: &&Waiting| matches!(waiting.wish, Wish::Write { .. });
        self.waiting.iter().filter(is_write).any(|w| self.writes_to(w.end) == Some(lane))
    }

    /// The processes that hold ends or wait for one, in order.
    pub(crate) fn holders(&self, pipe: usize) -> Vec<u32> {
        let of_pipe = self.ends.iter().filter(|e| e.pipe == pipe && e.place != Place::Closed);
        let mut processes: Vec<u32> = of_pipe.map(|end| end.process).collect();
        processes.sort_unstable();
        processes
    }

    /// An open that waits: its end is nobody's yet.
    pub(crate) fn is_opening(&self, end: usize) -> bool {
        let is_open = |w: &Waiting| matches!(w.wish, Wish::Open { .. }) && w.end == end;
        self.waiting.iter().any(is_open)
    }
}

impl Conduit {
    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.out.buffered_bytes() + self.back.buffered_bytes()
    }
}
