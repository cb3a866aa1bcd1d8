//! What can be done to pipes: one random step after another.

use std::time::Duration;

use pipefs::settings::{Access, Framing, Lifetime, Linger, Mode, OpenPolicy, Overflow, PipeType};
use pipefs::{Blocking, Patience, Rename, Settings, Wanted};

use super::random::Random;
use super::run::Run;

/// How many open files each process has room for.
pub(crate) const FILES_PER_PROCESS: usize = 3;

/// Names that pipes can have, half of them in a directory.
pub(crate) const NAMES: usize = 4;

/// The number of one more name, in a directory that does not exist.
pub(crate) const NOWHERE: usize = NAMES;

/// What a case begins with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) memory_bytes: u64,
    pub(crate) processes: usize,
}

/// One step. `file` is the place of an open file among those of all processes; `pid` is its
/// process. A step that makes no sense (a place that is taken, a file that was never open) does
/// nothing, so that any of the steps before can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Create {
        name: usize,
        mode: Option<Mode>,
    },
    Open {
        file: usize,
        name: usize,
        how: How,
        patience: Patience,
    },
    /// By way of the path of another open file.
    Reopen {
        file: usize,
        by: usize,
        how: How,
    },
    Read {
        file: usize,
        max_bytes: usize,
        blocking: Blocking,
    },
    Write {
        file: usize,
        bytes: usize,
        blocking: Blocking,
    },
    Flush {
        file: usize,
    },
    /// A descriptor of an end that waits at close is closed; the end stays.
    FlushAtClose {
        file: usize,
        blocking: Blocking,
    },
    Poll {
        file: usize,
        wake: bool,
    },
    Close {
        file: usize,
    },
    Cancel {
        ticket: u64,
    },
    Kill {
        process: usize,
    },
    Pass {
        milliseconds: u64,
    },
    Rename {
        from: usize,
        to: usize,
        how: Rename,
    },
    Unlink {
        name: usize,
    },
    SetAttributes {
        name: usize,
        mode: u32,
        size: Option<u64>,
    },
    ShutDown,
}

/// The ways to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    ReadOnly,
    WriteOnly,
    WriteTruncate,
    ReadWrite,
    ReadWriteTruncate,
    Neither,
}

impl How {
    pub(crate) fn wanted(self) -> Wanted {
        match self {
            Self::ReadOnly => Wanted::READ,
            Self::WriteOnly => Wanted::WRITE,
            Self::WriteTruncate => Wanted { truncate: true, ..Wanted::WRITE },
            Self::ReadWrite => Wanted::BOTH,
            Self::ReadWriteTruncate => Wanted::SERVE_BOTH,
            Self::Neither => Wanted::default(),
        }
    }

    fn random(random: &mut Random) -> Self {
        random.weighted(&[
            (40, Self::ReadOnly),
            (35, Self::WriteOnly),
            (5, Self::WriteTruncate),
            (15, Self::ReadWrite),
            (8, Self::ReadWriteTruncate),
            (1, Self::Neither),
        ])
    }
}

impl Setup {
    pub(crate) fn random(random: &mut Random) -> Self {
        use Access::{Auto, Duplex, Inbound, Outbound};
        let access = random.weighted(&[(4, Auto), (2, Outbound), (2, Inbound), (3, Duplex)]);
        let max_instances = random.weighted(&[(4, None), (1, Some(1)), (1, Some(2))]);
        let settings = Settings {
            access,
            mode: random.weighted(&[(3, Mode::Instance), (2, Mode::Shared)]),
            capacity_bytes: random.pick(&[1, 2, 4, 8, 100, 1 << 20]),
            max_instances,
            open: random.weighted(&[(5, OpenPolicy::Wait), (1, OpenPolicy::Fail)]),
            wait_timeout: random.pick(&[None, None, Some(Duration::from_millis(10))]),
            pipe_type: random.weighted(&[(3, PipeType::Byte), (2, PipeType::Message)]),
            framing: random.pick(&[Framing::Write, Framing::Line]),
            linger: random.weighted(&[(3, Linger::Keep), (1, Linger::Drop), (1, Linger::Flush)]),
            lifetime: random.weighted(&[(3, Lifetime::Keep), (1, Lifetime::LastClose)]),
            overflow: random.weighted(&[
                (6, Overflow::Block),
                (2, Overflow::DropOldest),
                (1, Overflow::DropNewest),
                (1, Overflow::Error),
            ]),
        };
        let memory_bytes = random.pick(&[1, 3, 10, 40, 1 << 30, 1 << 30, 1 << 30]);
        Self { settings, memory_bytes, processes: 3 + random.below(4) }
    }
}

/// Kinds of steps, by how often each is wanted.
#[derive(Clone, Copy)]
enum Kind {
    Create,
    Open,
    Reopen,
    Read,
    Write,
    Flush,
    FlushAtClose,
    Poll,
    Close,
    Cancel,
    Kill,
    Pass,
    Rename,
    Unlink,
    SetAttributes,
    ShutDown,
}

const KINDS: [(usize, Kind); 16] = [
    (60, Kind::Create),
    (190, Kind::Open),
    (25, Kind::Reopen),
    (190, Kind::Read),
    (190, Kind::Write),
    (35, Kind::Flush),
    (25, Kind::FlushAtClose),
    (90, Kind::Poll),
    (90, Kind::Close),
    (60, Kind::Cancel),
    (15, Kind::Kill),
    (20, Kind::Pass),
    (20, Kind::Rename),
    (15, Kind::Unlink),
    (5, Kind::SetAttributes),
    (1, Kind::ShutDown),
];

impl Step {
    /// A step that mostly makes sense as things stand.
    pub(crate) fn random(random: &mut Random, run: &Run) -> Self {
        let blocking = |random: &mut Random| {
            use Blocking::{Continuation, No, Yes};
            random.weighted(&[(12, Yes), (5, No), (1, Continuation)])
        };
        let name = |random: &mut Random| {
            let among = 2 + random.below(NAMES - 1);
            if random.chance(2) { NOWHERE } else { random.below(among) }
        };
        match random.weighted(&KINDS) {
            Kind::Create => {
                let mode = random.weighted(&[(6, None), (1, Some(Mode::Shared))]);
                Self::Create { name: name(random), mode }
            }
            Kind::Open => {
                use Patience::{Created, NonBlocking, Touched, Wait};
                let patience =
                    random.weighted(&[(16, Wait), (6, NonBlocking), (2, Created), (1, Touched)]);
                let file = run.random_file(random, false);
                Self::Open { file, name: name(random), how: How::random(random), patience }
            }
            Kind::Reopen => {
                let (file, by) = (run.random_file(random, false), run.random_file(random, true));
                Self::Reopen { file, by, how: How::random(random) }
            }
            Kind::Read => {
                let file = run.random_file(random, true);
                Self::Read { file, max_bytes: size(random), blocking: blocking(random) }
            }
            Kind::Write => {
                let file = run.random_file(random, true);
                Self::Write { file, bytes: size(random), blocking: blocking(random) }
            }
            Kind::Flush => Self::Flush { file: run.random_file(random, true) },
            Kind::FlushAtClose => {
                let file = run.random_file(random, true);
                Self::FlushAtClose { file, blocking: blocking(random) }
            }
            Kind::Poll => {
                Self::Poll { file: run.random_file(random, true), wake: random.chance(75) }
            }
            Kind::Close => Self::Close { file: run.random_file(random, true) },
            Kind::Cancel => Self::Cancel { ticket: run.random_ticket(random) },
            Kind::Kill => Self::Kill { process: random.below(run.processes()) },
            Kind::Pass => Self::Pass { milliseconds: random.pick(&[1, 5, 9, 10, 30]) },
            Kind::Rename => {
                use Rename::{Exchange, NoReplace, Replace};
                let how = random.weighted(&[(4, Replace), (1, NoReplace), (1, Exchange)]);
                Self::Rename { from: name(random), to: name(random), how }
            }
            Kind::Unlink => Self::Unlink { name: name(random) },
            Kind::SetAttributes => {
                let size = random.pick(&[None, Some(0), Some(1)]);
                Self::SetAttributes { name: name(random), mode: random.below(0o1000) as u32, size }
            }
            Kind::ShutDown => Self::ShutDown,
        }
    }
}

impl Step {
    /// The same step with the least size, which is easier to think about.
    pub(crate) fn smallest(mut self) -> Self {
        if let Self::Read { max_bytes: size, .. } | Self::Write { bytes: size, .. } = &mut self {
            *size = (*size).min(1);
        }
        self
    }
}

/// Mostly small; at times around the sizes at which the queue changes how it keeps data.
fn size(random: &mut Random) -> usize {
    match random.below(1000) {
        0..4 => pipefs::queue::ADOPT_MIN_BYTES - 1 + random.below(3),
        4..60 => random.below(5000),
        60..200 => random.below(200),
        200..215 => 0,
        _ => 1 + random.below(6),
    }
}
