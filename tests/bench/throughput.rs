//! Throughput: one writer, one reader, a stream of blocks.
//!
//! Every run has a fresh writer process, a fresh reader process and a fresh file. They open their
//! ends, wait for the start, and move a count of blocks that is chosen, for each arm and block size
//! by the same rule, so that a run takes about the time asked for. The clock runs from the first
//! call of either to the end of the last call of both. A repetition runs all arms one after the
//! other; the next one begins with another arm. A run beside which others used the CPUs is made
//! again, for every arm alike and whatever its result, while second tries are left. The unrecorded
//! runs that find the count warm up every arm alike.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::arms::{Arm, Site};
use crate::figures::Sample;
use crate::machine::{Patience, Watch};
use crate::options::{Options, Part, show_size};
use crate::process::{self, Actor};
use crate::syscalls;

/// No process may take longer to open its end.
const OPEN_DEADLINE: Duration = Duration::from_secs(10);
/// No run may take longer than this, plus ten times what it should take.
const RUN_DEADLINE: Duration = Duration::from_secs(20);
/// The first try at a count of blocks.
const FIRST_COUNT: u64 = 64;
/// A run that finds the count is believed when it took this share of the time asked for.
const PILOT_SHARE: f64 = 0.1;

/// All samples of one placement.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) part: Part,
    pub(crate) rows: Vec<Row>,
    /// Arms that could not be measured, with the reason.
    pub(crate) failures: Vec<(Arm, String)>,
}

/// All samples of one block size; of a failed arm fewer than of the others.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) block: usize,
    pub(crate) samples: Vec<(Arm, Vec<Sample>)>,
}

/// Measures all block sizes with all arms in one placement.
pub(crate) fn measure(
    part: Part,
    base: &Path,
    options: &Options,
    patience: &mut Patience,
) -> io::Result<Section> {
    let placement = Placement::of(part)?;
    let mut failures = Vec::new();
    let mut sites = Vec::new();
    for &arm in &options.arms {
        match Site::open(arm, base, options, None) {
            Ok(site) => sites.push(site),
            Err(error) => failures.push((arm, error.to_string())),
        }
    }
    let mut rows = Vec::new();
    for block in options.block_sizes() {
        let mut bench = Bench {
            options,
            placement,
            block,
            runs: 0,
            patience,
            second_tries: options.second_tries(),
        };
        let row = bench.row(&sites, &mut failures);
        progress(part, &row);
        rows.push(row);
    }
    Ok(Section { part, rows, failures })
}

/// Who is pinned where.
#[derive(Debug, Clone, Copy, Default)]
struct Placement {
    writer: Option<usize>,
    reader: Option<usize>,
    driver: Option<usize>,
}

impl Placement {
    fn of(part: Part) -> io::Result<Self> {
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
    eprintln!("{part:?} {}: {} MB/s", show_size(row.block), rates.join(", "));
}

/// One arm's runs with one block size.
struct Line<'a> {
    site: &'a Site,
    count: u64,
    samples: Vec<Sample>,
}

/// One block size in one placement.
struct Bench<'a> {
    options: &'a Options,
    placement: Placement,
    block: usize,
    runs: u64,
    patience: &'a mut Patience,
    second_tries: usize,
}

impl Bench<'_> {
    /// Runs every arm that has not failed yet as often as asked for.
    fn row(&mut self, sites: &[Site], failures: &mut Vec<(Arm, String)>) -> Row {
        let size = show_size(self.block);
        let mut fail = |arm: Arm, error: io::Error| {
            eprintln!("{} failed with {size} blocks: {error}", arm.key());
            failures.push((arm, format!("{size} blocks: {error}")));
        };
        let mut lines: Vec<Line> = Vec::new();
        for site in sites.iter().filter(|site| !site.has_failed()) {
            match self.find_count(site) {
                Ok(count) => lines.push(Line { site, count, samples: Vec::new() }),
                Err(error) => {
                    site.set_failed();
                    fail(site.arm, error);
                }
            }
        }
        for repetition in 0..self.options.repetitions() {
            for turn in 0..lines.len() {
                let place = (turn + repetition) % lines.len();
                let line = &mut lines[place];
                if line.site.has_failed() {
                    continue;
                }
                match self.quiet_run(line.site, line.count) {
                    Ok(sample) => line.samples.push(sample),
                    Err(error) => {
                        line.site.set_failed();
                        fail(line.site.arm, error);
                    }
                }
            }
        }
        let samples = lines.into_iter().map(|line| (line.site.arm, line.samples)).collect();
        Row { block: self.block, samples }
    }

    /// The count of blocks that takes about the time asked for.
    fn find_count(&mut self, site: &Site) -> io::Result<u64> {
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

    /// A run; another, in a quiet moment if one comes, if others used the CPUs meanwhile, whatever
    /// its result, as long as second tries are left.
    fn quiet_run(&mut self, site: &Site, count: u64) -> io::Result<Sample> {
        loop {
            let sample = self.run(site, count)?;
            if !sample.others.disturbed() || self.second_tries == 0 {
                return Ok(sample);
            }
            self.second_tries -= 1;
            self.patience.wait()?;
        }
    }

    fn run(&mut self, site: &Site, count: u64) -> io::Result<Sample> {
        self.runs += 1;
        let path = site.directory.join(format!("{}-{}", self.block, self.runs));
        if !site.arm.is_mount() {
            syscalls::make_fifo(&path)?;
        }
        let driver = site.driver.as_ref().map(|driver| driver.id());
        if let (Some(driver), Some(cpu)) = (driver, self.placement.driver) {
            process::pin_process(driver, cpu)?;
        }
        let opened = Instant::now() + OPEN_DEADLINE;
        let mut writer = self.actor("writer", site, &path, count)?;
        let mut reader = self.actor("reader", site, &path, count)?;
        writer.expect("open", opened)?;
        reader.expect("open", opened)?;
        let before = driver.map(process::cpu_time).transpose()?;

        let watch = Watch::start()?;
        writer.go()?;
        reader.go()?;
        let ended = Instant::now() + RUN_DEADLINE + self.options.run_time() * 10;
        let wrote = Done::parse(&writer.expect("done", ended)?)?;
        let read = Done::parse(&reader.expect("done", ended)?)?;

        let after = driver.map(process::cpu_time).transpose()?;
        let driver_cpu = match (before, after) {
            (Some(before), Some(after)) => after.saturating_sub(before).as_secs_f64(),
            _ => 0.0,
        };
        let cpu = [wrote.cpu as f64 / 1e9, read.cpu as f64 / 1e9, driver_cpu];
        let others = watch.finish(cpu.iter().sum())?;
        reader.expect("fine", ended)?;
        if let (Some(driver), Some(cpu)) = (driver, self.placement.driver)
            && !process::is_pinned(driver, cpu)?
        {
            return Err(io::Error::other("a thread of the driver left the one CPU"));
        }
        let span = wrote.end.max(read.end) - wrote.start.min(read.start);
        Ok(Sample {
            seconds: span as f64 / 1e9,
            bytes: self.block as u64 * count,
            blocks: count,
            write_calls: wrote.calls,
            read_calls: read.calls,
            cpu,
            others,
        })
    }

    fn actor(&self, role: &'static str, site: &Site, path: &Path, count: u64) -> io::Result<Actor> {
        let mut arguments: Vec<OsString> =
            vec![role.into(), path.into(), self.block.to_string().into(), count.to_string().into()];
        if site.arm.is_mount() {
            arguments.push("--create".into());
        }
        if site.arm.is_floor() {
            arguments.push("--endless".into());
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

/// What a writer or reader says of its work, in nanoseconds.
struct Done {
    start: u64,
    end: u64,
    calls: u64,
    cpu: u64,
}

impl Done {
    fn parse(words: &[String]) -> io::Result<Self> {
        let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [start, end, calls, cpu] => Ok(Self { start, end, calls, cpu }),
            _ => Err(io::Error::other(format!("not a result: {words:?}"))),
        }
    }
}
