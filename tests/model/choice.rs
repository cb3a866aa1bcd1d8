//! The choice of random steps.

use std::time::Duration;

use pipefs::settings::{Access, Framing, Lifetime, Linger, Mode, OpenPolicy, Overflow, PipeType};
use pipefs::{Blocking, Patience, ReadMode, Rename, Settings};

use super::random::Random;
use super::run::{File, Run};
use super::state::{End, Place};
use super::steps::{How, Limits, NAMES, NOWHERE, Setup, Span, Step};

impl Setup {
    pub(crate) fn random(random: &mut Random) -> Self {
        use Access::{Auto, Duplex, Inbound, Outbound};
        let access = random.weighted(&[(4, Auto), (2, Outbound), (2, Inbound), (3, Duplex)]);
        let max_instances = random.weighted(&[(4, None), (1, Some(1)), (1, Some(2))]);
        let mut settings = Settings {
            access,
            mode: random.weighted(&[(4, Mode::Instance), (2, Mode::Shared), (2, Mode::Broadcast)]),
            capacity_bytes: random.pick(&[1, 2, 4, 8, 100, 1 << 20]),
            max_instances,
            open: random.weighted(&[(5, OpenPolicy::Wait), (1, OpenPolicy::Fail)]),
            wait_timeout: random.pick(&[None, None, Some(Duration::from_millis(10))]),
            pipe_type: random.weighted(&[(1, PipeType::Byte), (1, PipeType::Message)]),
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
        if random.chance(25) {
            // Transactions need all of these.
            settings.access = Duplex;
            settings.mode = Mode::Instance;
            settings.pipe_type = PipeType::Message;
        }
        let memory_bytes = random.pick(&[1, 3, 10, 40, 1 << 30, 1 << 30, 1 << 30]);
        let limits = random.pick(&[Limits::Mount, Limits::User]);
        Self { settings, memory_bytes, limits, processes: 3 + random.below(4) }
    }
}

impl How {
    fn random(random: &mut Random, run: &Run) -> Self {
        let both = if run.setup.settings.access == Access::Duplex { 40 } else { 10 };
        random.weighted(&[
            (40, Self::ReadOnly),
            (35, Self::WriteOnly),
            (5, Self::WriteTruncate),
            (both, Self::ReadWrite),
            (both / 2, Self::ReadWriteTruncate),
            (both / 2, Self::ReadWriteAppend),
            (1, Self::Neither),
        ])
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
    Connect,
    Disconnect,
    Wait,
    Transact,
    SendEmpty,
    SetReadMode,
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

const KINDS: [(usize, Kind); 22] = [
    (60, Kind::Create),
    (190, Kind::Open),
    (25, Kind::Reopen),
    (190, Kind::Read),
    (170, Kind::Write),
    (35, Kind::Flush),
    (25, Kind::FlushAtClose),
    (35, Kind::Connect),
    (30, Kind::Disconnect),
    (15, Kind::Wait),
    (35, Kind::Transact),
    (40, Kind::SendEmpty),
    (15, Kind::SetReadMode),
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
        let is_used = |file: &File| !matches!(file, File::Free(_));
        let kind = match random.weighted(&KINDS) {
            _ if run.names == [None; NAMES] && random.chance(80) => Kind::Create,
            _ if !run.files.iter().any(is_used) && random.chance(60) => Kind::Open,
            kind => kind,
        };
        match kind {
            Kind::Create => {
                let other = [(6, None), (1, Some(Mode::Shared)), (1, Some(Mode::Broadcast))];
                let name = run.any_name(random);
                Self::Create { name, mode: random.weighted(&other) }
            }
            Kind::Open => {
                use Patience::{Created, NonBlocking, Touched, Wait};
                let patience =
                    random.weighted(&[(16, Wait), (6, NonBlocking), (2, Created), (1, Touched)]);
                let (file, name) = (run.free_file(random), run.name(random));
                Self::Open { file, name, how: How::random(random, run), patience }
            }
            Kind::Reopen => {
                let (file, by) = (run.free_file(random), run.file(random, |_| true));
                Self::Reopen { file, by, how: How::random(random, run) }
            }
            Kind::Wait => Self::Wait {
                process: random.below(run.setup.processes),
                name: run.name(random),
                span: span(random),
            },
            Kind::Cancel => Self::Cancel { ticket: run.ticket(random) },
            Kind::Kill => Self::Kill { process: random.below(run.setup.processes) },
            Kind::Pass => Self::Pass { milliseconds: random.pick(&[1, 5, 9, 10, 30]) },
            Kind::Rename => {
                use Rename::{Exchange, NoReplace, Replace};
                let how = random.weighted(&[(4, Replace), (1, NoReplace), (1, Exchange)]);
                Self::Rename { from: run.name(random), to: run.any_name(random), how }
            }
            Kind::Unlink => Self::Unlink { name: run.name(random) },
            Kind::SetAttributes => {
                let size = random.pick(&[None, Some(0), Some(1)]);
                let (name, mode) = (run.name(random), random.below(0o1000) as u32);
                Self::SetAttributes { name, mode, size }
            }
            Kind::ShutDown => Self::ShutDown,
            _ => Self::random_on_end(kind, random, run),
        }
    }

    fn random_on_end(kind: Kind, random: &mut Random, run: &Run) -> Self {
        let reads = |end: &End| end.wanted.read;
        let writes = |end: &End| end.wanted.write;
        let serves = |end: &End| matches!(end.place, Place::Server(_));
        match kind {
            Kind::Read => {
                let file = run.file(random, reads);
                Self::Read { file, max_bytes: size(random), blocking: blocking(random) }
            }
            Kind::Write => {
                let file = run.file(random, writes);
                Self::Write { file, bytes: size(random), blocking: blocking(random) }
            }
            Kind::Flush => Self::Flush { file: run.file(random, writes) },
            Kind::FlushAtClose => {
                let file = run.file(random, writes);
                Self::FlushAtClose { file, blocking: blocking(random) }
            }
            Kind::Connect => Self::Connect { file: run.file(random, serves), span: span(random) },
            Kind::Disconnect => Self::Disconnect { file: run.file(random, serves) },
            Kind::Transact => Self::Transact {
                file: run.file(random, |end| reads(end) && writes(end)),
                bytes: size(random),
                max_bytes: size(random),
                span: span(random),
            },
            Kind::SendEmpty => {
                let file = run.file(random, writes);
                Self::SendEmpty { file, blocking: blocking(random) }
            }
            Kind::SetReadMode => {
                let mode = random.pick(&[ReadMode::Byte, ReadMode::Message]);
                Self::SetReadMode { file: run.file(random, reads), mode }
            }
            Kind::Poll => {
                let file = run.file(random, |_| true);
                Self::Poll { file, wake: random.chance(75) }
            }
            _ => Self::Close { file: run.file(random, |_| true) },
        }
    }
}

/// What a step may be done with.
impl Run {
    /// An open file whose end fits, if there is one; at times any file.
    fn file(&self, random: &mut Random, fits: impl Fn(&End) -> bool) -> usize {
        let is_fitting = |at: &usize| match self.files[*at] {
            File::Open { end, .. } => fits(&self.model.ends[end]),
            File::Opening { .. } | File::Free(_) => false,
        };
        let fitting: Vec<usize> = (0..self.files.len()).filter(is_fitting).collect();
        if fitting.is_empty() || random.chance(10) {
            return random.below(self.files.len());
        }
        random.pick(&fitting)
    }

    fn free_file(&self, random: &mut Random) -> usize {
        let is_free = |at: &usize| matches!(self.files[*at], File::Free(_));
        let free: Vec<usize> = (0..self.files.len()).filter(is_free).collect();
        if free.is_empty() { random.below(self.files.len()) } else { random.pick(&free) }
    }

    fn any_name(&self, random: &mut Random) -> usize {
        let among = 2 + random.below(NAMES - 1);
        if random.chance(2) { NOWHERE } else { random.below(among) }
    }

    /// A name that leads somewhere, if there is one; at times any.
    fn name(&self, random: &mut Random) -> usize {
        let known: Vec<usize> = (0..NAMES).filter(|name| self.names[*name].is_some()).collect();
        if known.is_empty() || random.chance(10) {
            return self.any_name(random);
        }
        random.pick(&known)
    }

    /// Mostly of something that waits, or does not yet.
    fn ticket(&self, random: &mut Random) -> u64 {
        let waiting = &self.model.waiting;
        match random.below(10) {
            0..6 if !waiting.is_empty() => waiting[random.below(waiting.len())].ticket,
            6..8 => self.last_ticket + 1 + random.below(4) as u64,
            _ => random.below(self.last_ticket as usize + 1) as u64,
        }
    }
}

fn blocking(random: &mut Random) -> Blocking {
    use Blocking::{Continuation, No, Yes};
    random.weighted(&[(12, Yes), (5, No), (1, Continuation)])
}

fn span(random: &mut Random) -> Span {
    random.weighted(&[(1, Span::Nothing), (3, Span::Forever), (2, Span::Milliseconds(10))])
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
