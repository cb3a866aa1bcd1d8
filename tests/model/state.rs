//! What the model knows: flat lists, and what can be read off them.
//!
//! The model is written from the description of pipes alone. It knows nothing of how the engine
//! works, it looks at every list from front to back, and computes everything anew each time.

use std::collections::HashSet;
use std::time::{Instant, SystemTime};

use pipefs::access::Direction;
use pipefs::settings::{Access, Mode};
use pipefs::{Error, ReadMode, Settings, Wanted};

use super::lane::{Lane, Takes};
use super::writing::Sends;

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
    pub(crate) listens_so_far: usize,
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
    pub(crate) mode: u32,
    /// `None`: it was read, or written, at a time that nobody told.
    pub(crate) accessed: Option<SystemTime>,
    pub(crate) modified: Option<SystemTime>,
}

/// An instance, or the one conduit of a joined pipe (which has only the lane `out`).
pub(crate) struct Conduit {
    pub(crate) number: usize,
    pub(crate) pipe: usize,
    pub(crate) direction: Direction,
    /// The process that made it, and the one that came to it.
    pub(crate) server: u32,
    pub(crate) client: Option<u32>,
    /// There was a client, or something was written.
    pub(crate) is_used: bool,
    /// The server has thrown its client out and does not listen again yet.
    pub(crate) is_disconnected: bool,
    /// The lower, the longer it has been listening.
    pub(crate) listens_since: usize,
    pub(crate) out: Lane,
    pub(crate) back: Lane,
}

/// A store of a lane, known by its reader, and how much went through it.
pub(crate) type Until = (Option<usize>, u64);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the client, or through a joined pipe.
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
    /// How it reads from a message pipe.
    pub(crate) read_mode: ReadMode,
    /// In a joined pipe: there was a writer, or what one had written, since it opened.
    pub(crate) saw_writer: bool,
    /// In a shared pipe: there was a reader since it opened.
    pub(crate) saw_reader: bool,
    /// How far each store of its lane was filled with its last write that came to it.
    pub(crate) wrote_until: Vec<Until>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A client without an instance.
    Pending,
    /// A client without an instance, and there will never be one: the name is gone.
    Orphan,
    Server(usize),
    Client(usize),
    /// A client that its server has thrown out. `told`: a read has said so.
    Severed {
        told: bool,
    },
    /// One of many in a joined pipe.
    Member(usize),
    Closed,
}

pub(crate) struct Waiting {
    pub(crate) ticket: u64,
    /// Whose it is; of a watch: [`NOBODY`].
    pub(crate) end: usize,
    pub(crate) wish: Wish,
    pub(crate) deadline: Option<Instant>,
}

impl Waiting {
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.wish, Wish::Read { .. })
    }

    pub(crate) fn is_write(&self) -> bool {
        matches!(self.wish, Wish::Write { .. })
    }
}

/// The number of no end.
pub(crate) const NOBODY: usize = usize::MAX;

pub(crate) enum Wish {
    Open,
    Read {
        max_bytes: usize,
        takes: Takes,
        /// It goes on with a read(2) that has got data.
        continues: bool,
    },
    Write {
        sends: Sends,
        /// It goes at its turn, however full the lane is.
        is_forced: bool,
        /// `false`: it is part of something else, which is answered.
        is_answered: bool,
    },
    /// Until each store has let go of so much.
    Flush {
        until: Vec<Until>,
    },
    /// Until the server has a client.
    Connect,
    /// Until something listens at the pipe.
    Watch {
        pipe: usize,
    },
}

/// What a reader gets.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) data: Vec<u8>,
    /// Bytes of the same message that did not fit.
    pub(crate) left: usize,
    /// It is one message, or a part of one.
    pub(crate) is_message: bool,
}

/// What an operation comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    Opened(usize),
    Read(Piece),
    Transacted(Piece),
    Written(u32),
    Sent,
    Flushed,
    Connected,
    Listening,
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
            listens_so_far: 0,
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

    /// It has one conduit, which any number of ends share.
    pub(crate) fn is_joined(&self, pipe: usize) -> bool {
        matches!(self.settings(pipe).mode, Mode::Shared | Mode::Broadcast)
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

    pub(crate) fn conduit(&self, number: usize) -> &Conduit {
        self.conduits.iter().find(|c| c.number == number).expect("it exists")
    }

    pub(crate) fn conduit_mut(&mut self, number: usize) -> &mut Conduit {
        self.conduits.iter_mut().find(|c| c.number == number).expect("it exists")
    }

    pub(crate) fn lane(&self, at: LaneAt) -> &Lane {
        let conduit = self.conduit(at.0);
        if at.1 == Way::Out { &conduit.out } else { &conduit.back }
    }

    pub(crate) fn lane_mut(&mut self, at: LaneAt) -> &mut Lane {
        let conduit = self.conduit_mut(at.0);
        if at.1 == Way::Out { &mut conduit.out } else { &mut conduit.back }
    }

    fn has_way(&self, number: usize, way: Way) -> bool {
        let but = if way == Way::Out { Direction::Inbound } else { Direction::Outbound };
        self.conduit(number).direction != but
    }

    /// The lane whose reading side an end is. A client is the reader of what comes to it, even if
    /// it was opened for writing only.
    pub(crate) fn reads_from(&self, end: usize) -> Option<LaneAt> {
        let end = &self.ends[end];
        match end.place {
            Place::Server(at) => Some((at, Way::Back)).filter(|_| self.has_way(at, Way::Back)),
            Place::Client(at) => Some((at, Way::Out)).filter(|_| self.has_way(at, Way::Out)),
            Place::Member(at) => Some((at, Way::Out)).filter(|_| end.wanted.read),
            Place::Pending | Place::Orphan | Place::Severed { .. } | Place::Closed => None,
        }
    }

    /// The lane whose writing side an end is.
    pub(crate) fn writes_to(&self, end: usize) -> Option<LaneAt> {
        let end = &self.ends[end];
        match end.place {
            Place::Server(at) => Some((at, Way::Out)).filter(|_| self.has_way(at, Way::Out)),
            Place::Client(at) => Some((at, Way::Back)).filter(|_| self.has_way(at, Way::Back)),
            Place::Member(at) => Some((at, Way::Out)).filter(|_| end.wanted.write),
            Place::Pending | Place::Orphan | Place::Severed { .. } | Place::Closed => None,
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
        self.conduit(number).client.is_some()
    }

    /// A reader of the lane, once nothing is left in it, is at the end of file.
    pub(crate) fn is_ended(&self, lane: LaneAt) -> bool {
        let joined = self.is_joined(self.pipe_of(lane));
        let had_writer = joined || lane.1 == Way::Out || self.had_client(lane.0);
        had_writer && !self.has_writer(lane)
    }

    /// A writer has lost its readers.
    pub(crate) fn is_broken(&self, end: usize, lane: LaneAt) -> bool {
        let had_reader = match (self.settings(self.pipe_of(lane)).mode, lane.1) {
            (Mode::Broadcast, _) => return false,
            (Mode::Shared, _) => self.ends[end].saw_reader,
            (Mode::Instance, Way::Out) => self.had_client(lane.0),
            (Mode::Instance, Way::Back) => true,
        };
        had_reader && !self.has_reader(lane)
    }

    pub(crate) fn pipe_of(&self, lane: LaneAt) -> usize {
        self.conduit(lane.0).pipe
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.conduits.iter().map(Conduit::weight).sum()
    }

    /// The end is somebody's.
    pub(crate) fn is_open(&self, end: usize) -> bool {
        self.ends[end].place != Place::Closed && !self.is_opening(end)
    }

    /// An open that waits: its end is nobody's yet.
    pub(crate) fn is_opening(&self, end: usize) -> bool {
        self.waiting.iter().any(|w| matches!(w.wish, Wish::Open) && w.end == end)
    }

    pub(crate) fn writer_waits_at(&self, lane: LaneAt) -> bool {
        let mut writes = self.waiting.iter().filter(|w| w.is_write());
        writes.any(|w| self.writes_to(w.end) == Some(lane))
    }
}

impl Conduit {
    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.out.buffered_bytes() + self.back.buffered_bytes()
    }

    /// What it holds of the mount's memory.
    pub(crate) fn weight(&self) -> u64 {
        self.out.weight() + self.back.weight()
    }
}
