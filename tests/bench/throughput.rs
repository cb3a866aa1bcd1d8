//! Throughput: writers and readers in pairs, each with a stream of blocks; most often one pair.
//!
//! Every run has fresh writer processes, fresh reader processes and fresh files. They open their
//! ends, wait for the start, and move a count of blocks that is chosen, for each arm and block size
//! by the same rule, so that a run takes about the time asked for. The clock runs from the first
//! call of any to the end of the last call of all. The unrecorded runs that find the count warm up
//! every arm alike.

use std::cell::Cell;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::arms::{Arm, Site};
use crate::figures::Sample;
use crate::floor::Kind;
use crate::machine::{Patience, Watch};
use crate::options::{Options, Part, show_size};
use crate::process::{self, Actor};
use crate::syscalls;
use crate::turns::Turns;

/// No process may take longer to open its end.
pub(crate) const OPEN_DEADLINE: Duration = Duration::from_secs(20);
/// No run may take longer than this, plus ten times what it should take.
pub(crate) const RUN_DEADLINE: Duration = Duration::from_secs(20);
/// The first try at a count of blocks.
pub(crate) const FIRST_COUNT: u64 = 64;
/// A run that finds the count is believed when it took this share of the time asked for.
pub(crate) const PILOT_SHARE: f64 = 0.1;

/// All samples of one part of the report.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) part: Part,
    pub(crate) rows: Vec<Row>,
    /// Arms that could not be measured, with the reason.
    pub(crate) failures: Vec<(Arm, String)>,
}

/// All samples of one block size and number of pairs; of a failed arm fewer than of the others.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) block: usize,
    pub(crate) pairs: usize,
    pub(crate) samples: Vec<(Arm, Vec<Sample>)>,
}

impl Row {
    pub(crate) fn label(&self) -> String {
        match self.pairs {
            1 => show_size(self.block),
            pairs => format!("{}, {pairs} pairs", show_size(self.block)),
        }
    }

    /// The samples of an arm; none if it was not measured.
    pub(crate) fn of(&self, wanted: Arm) -> &[Sample] {
        self.samples.iter().find(|(arm, _)| *arm == wanted).map_or(&[], |(_, samples)| samples)
    }
}

/// What a part compares.
fn arms(part: Part) -> &'static [Arm] {
    match part {
        Part::Modes => &[
            Arm::Floor,
            Arm::FloorThreads,
            Arm::Pipefs,
            Arm::Message,
            Arm::Shared,
            Arm::SharedMessage,
            Arm::Broadcast,
            Arm::BroadcastMessage,
        ],
        Part::Pairs => &[Arm::Fifo, Arm::Floor, Arm::FloorThreads, Arm::Pipefs],
        _ => &[
            Arm::Fifo,
            Arm::FifoLarge,
            Arm::Socket,
            Arm::Floor,
            Arm::FloorThreads,
            Arm::Pipefs,
            Arm::Uring,
            Arm::Message,
        ],
    }
}

/// Measures all block sizes with all arms in one placement.
pub(crate) fn measure(
    part: Part,
    base: &Path,
    options: &Options,
    patience: &mut Patience,
) -> io::Result<Section> {
    let mut failures = Vec::new();
    let sites = Placement::of(part)?
        .start(|| Site::open_all(arms(part), base, options, Kind::Discard, &mut failures))?;
    let mut section = measure_at(part, &sites, options, patience)?;
    section.failures.splice(0..0, failures);
    Ok(section)
}

/// Measures at sites that are there.
pub(crate) fn measure_at(
    part: Part,
    sites: &[Site],
    options: &Options,
    patience: &mut Patience,
) -> io::Result<Section> {
    let placement = Placement::of(part)?;
    let crowds: &[usize] = match part {
        Part::Pairs if options.quick => &[1, 8],
        Part::Pairs => &[1, 2, 8, 64],
        _ => &[1],
    };
    let mut section = Section { part, rows: Vec::new(), failures: Vec::new() };
    for block in options.block_sizes(part) {
        for &pairs in crowds {
            let bench = Bench { options, placement, block, pairs, runs: Cell::new(0) };
            let turns = Turns::take(
                sites,
                options,
                patience,
                |site| bench.find_count(site),
                |site, &count| bench.run(site, count).map(|sample| (sample, sample.others)),
            );
            let row = Row { block, pairs, samples: turns.samples };
            let failed = |(arm, why)| (arm, format!("{}: {why}", row.label()));
            section.failures.extend(turns.failures.into_iter().map(failed));
            progress(part, &row);
            section.rows.push(row);
        }
    }
    Ok(section)
}

/// Who is pinned where.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Placement {
    pub(crate) writer: Option<usize>,
    pub(crate) reader: Option<usize>,
    pub(crate) driver: Option<usize>,
}

impl Placement {
    pub(crate) fn of(part: Part) -> io::Result<Self> {
        let cpus = syscalls::affinity(0)?;
        // One CPU is the last: the first usually takes the interrupts.
        match (part, &cpus[..]) {
            (Part::OneCpu, &[.., last]) => {
                Ok(Self { writer: Some(last), reader: Some(last), driver: Some(last) })
            }
            (Part::Apart, &[first, .., last]) => {
                Ok(Self { writer: Some(first), reader: Some(last), driver: None })
            }
            (Part::Apart, _) => Err(io::Error::other("one CPU: leave out --only apart")),
            _ => Ok(Self::default()),
        }
    }

    /// Does what starts drivers on the CPU that they are to have: they have as many threads as
    /// CPUs.
    pub(crate) fn start<T>(self, work: impl FnOnce() -> T) -> io::Result<T> {
        let Some(cpu) = self.driver else { return Ok(work()) };
        let before = syscalls::affinity(0)?;
        syscalls::set_affinity(0, &[cpu])?;
        let started = work();
        syscalls::set_affinity(0, &before)?;
        Ok(started)
    }

    /// Pins the driver of `site`, if it is to be.
    pub(crate) fn pin(self, site: &Site) -> io::Result<()> {
        match (&site.driver, self.driver) {
            (Some(driver), Some(cpu)) => process::pin_process(driver.id(), cpu),
            _ => Ok(()),
        }
    }

    /// Checks after a run that it still is.
    pub(crate) fn check(self, site: &Site) -> io::Result<()> {
        match (&site.driver, self.driver) {
            (Some(driver), Some(cpu)) if !process::is_pinned(driver.id(), cpu)? => {
                Err(io::Error::other("a thread of the driver left the one CPU"))
            }
            _ => Ok(()),
        }
    }
}

fn progress(part: Part, row: &Row) {
    let rates: Vec<String> = row
        .samples
        .iter()
        .map(|(arm, samples)| {
            let rate = crate::figures::Spread::of(samples.iter().map(Sample::rate));
            let rate = rate.map_or("failed".into(), |rate| crate::figures::short(rate.median));
            format!("{} {rate}", arm.key())
        })
        .collect();
    eprintln!("{part:?} {}: {} MB/s", row.label(), rates.join(", "));
}

/// One block size in one placement.
struct Bench<'a> {
    options: &'a Options,
    placement: Placement,
    block: usize,
    pairs: usize,
    runs: Cell<u64>,
}

impl Bench<'_> {
    /// The count of blocks for each pair with which a run takes about the time asked for.
    fn find_count(&self, site: &Site) -> io::Result<u64> {
        let wanted = self.options.run_time().as_secs_f64();
        let mut count = FIRST_COUNT;
        loop {
            let seconds = self.run(site, count)?.seconds;
            if seconds >= wanted * PILOT_SHARE {
                return Ok(((count as f64 * wanted / seconds) as u64).max(FIRST_COUNT));
            }
            count *= 8;
        }
    }

    fn run(&self, site: &Site, count: u64) -> io::Result<Sample> {
        self.runs.set(self.runs.get() + 1);
        self.placement.pin(site)?;
        let opened = Instant::now() + OPEN_DEADLINE;
        let (mut writers, mut readers) = (Vec::new(), Vec::new());
        for pair in 0..self.pairs {
            let name = format!("{}-{}-{pair}", self.block, self.runs.get());
            let path = site.directory.join(name);
            if !site.arm.is_mount() && site.arm != Arm::Socket {
                syscalls::make_fifo(&path)?;
            }
            writers.push(self.actor("writer", site, &path, count)?);
            readers.push(self.actor("reader", site, &path, count)?);
        }
        for actor in writers.iter_mut().chain(&mut readers) {
            actor.expect("open", opened)?;
        }
        let before = site.driver_cpu()?;
        let watch = Watch::start()?;
        for (writer, reader) in writers.iter_mut().zip(&mut readers) {
            writer.go()?;
            reader.go()?;
        }
        let ended = Instant::now() + RUN_DEADLINE + self.options.run_time() * 10;
        let wrote = Done::of_all(&mut writers, ended)?;
        let read = Done::of_all(&mut readers, ended)?;
        let cpu = [wrote.cpu as f64 / 1e9, read.cpu as f64 / 1e9, site.driver_cpu()? - before];
        let others = watch.finish(cpu.iter().sum())?;
        for reader in &mut readers {
            reader.expect("fine", ended)?;
        }
        self.placement.check(site)?;
        let span = wrote.end.max(read.end) - wrote.start.min(read.start);
        let blocks = count * self.pairs as u64;
        Ok(Sample {
            seconds: span as f64 / 1e9,
            bytes: site.arm.block(self.block) as u64 * blocks,
            blocks,
            write_calls: wrote.calls,
            read_calls: read.calls,
            cpu,
            others,
        })
    }

    fn actor(&self, role: &'static str, site: &Site, path: &Path, count: u64) -> io::Result<Actor> {
        let block = site.arm.block(self.block).to_string();
        let mut arguments: Vec<OsString> =
            vec![role.into(), path.into(), block.into(), count.to_string().into()];
        if site.arm.is_mount() {
            arguments.push("--create".into());
        }
        if site.arm.is_floor() {
            arguments.push("--endless".into());
        }
        if site.arm == Arm::Socket {
            arguments.push("--socket".into());
        }
        if site.arm == Arm::FifoLarge {
            arguments.push("--pipe-size=1048576".into());
        }
        let writes = role == "writer";
        if let Some(cpu) = if writes { self.placement.writer } else { self.placement.reader } {
            arguments.push(format!("--cpu={cpu}").into());
        }
        if self.options.misaligned {
            arguments.push("--misaligned".into());
        }
        Actor::spawn(role, &arguments)
    }
}

/// What a process says of its work, in nanoseconds; or several of theirs.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) calls: u64,
    pub(crate) cpu: u64,
}

impl Done {
    /// From the first one's start to the last one's end.
    pub(crate) fn of_all(actors: &mut [Actor], deadline: Instant) -> io::Result<Self> {
        let mut all = Self { start: u64::MAX, end: 0, calls: 0, cpu: 0 };
        for actor in actors {
            let one = Self::of(actor, deadline)?;
            all.start = all.start.min(one.start);
            all.end = all.end.max(one.end);
            all.calls += one.calls;
            all.cpu += one.cpu;
        }
        Ok(all)
    }

    pub(crate) fn of(actor: &mut Actor, deadline: Instant) -> io::Result<Self> {
        let words = actor.expect("done", deadline)?;
        let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [start, end, calls, cpu] => Ok(Self { start, end, calls, cpu }),
            _ => Err(io::Error::other(format!("not a result: {words:?}"))),
        }
    }

    pub(crate) fn seconds(&self) -> f64 {
        (self.end - self.start) as f64 / 1e9
    }
}
