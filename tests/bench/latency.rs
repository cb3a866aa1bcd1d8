//! How long small things take: round trips, opens and closes, and what ordinary programs do.
//!
//! Each run has fresh processes that do the same thing as often as it takes for about the time
//! asked for; a sample is the time of one.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::arms::{Arm, Site};
use crate::figures::{Spread, short};
use crate::floor::Kind;
use crate::machine::{Others, Patience, Watch};
use crate::options::{Options, Part};
use crate::process::Actor;
use crate::syscalls;
use crate::throughput::{Done, FIRST_COUNT, OPEN_DEADLINE, PILOT_SHARE, Placement, RUN_DEADLINE};
use crate::turns::Turns;

/// One row of a table: what was done, and the samples of each arm.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) part: Part,
    pub(crate) what: String,
    /// What the numbers are.
    pub(crate) unit: &'static str,
    pub(crate) samples: Vec<(Arm, Vec<f64>)>,
    pub(crate) failures: Vec<(Arm, String)>,
}

impl Line {
    pub(crate) fn of(&self, wanted: Arm) -> &[f64] {
        self.samples.iter().find(|(arm, _)| *arm == wanted).map_or(&[], |(_, samples)| samples)
    }

    pub(crate) fn progress(&self) {
        let medians: Vec<String> = self
            .samples
            .iter()
            .map(|(arm, samples)| {
                let spread = Spread::of(samples.iter().copied());
                let median = spread.map_or("failed".into(), |spread| short(spread.median));
                format!("{} {median}", arm.key())
            })
            .collect();
        eprintln!("{}: {} {}", self.what, medians.join(", "), self.unit);
    }
}

const ROUND_TRIP_ARMS: [Arm; 5] =
    [Arm::Socket, Arm::Floor, Arm::FloorThreads, Arm::Pipefs, Arm::Uring];
const CYCLE_ARMS: [Arm; 4] = [Arm::Fifo, Arm::Floor, Arm::FloorThreads, Arm::Pipefs];

/// A request of 64 bytes and an answer of as many, over one descriptor each side.
pub(crate) fn round_trips(
    base: &Path,
    options: &Options,
    patience: &mut Patience,
) -> io::Result<Vec<Line>> {
    let mut failures = Vec::new();
    let mut lines = Vec::new();
    for (what, placed) in [("free", Part::Free), ("one CPU", Part::OneCpu)] {
        let placement = Placement::of(placed)?;
        let sites = placement.start(|| {
            Site::open_all(&ROUND_TRIP_ARMS, base, options, Kind::Exchange, &mut failures)
        })?;
        let exchange = Repeated { options, placement, runs: Cell::new(0) };
        let turns = Turns::take(
            &sites,
            options,
            patience,
            |site| exchange.find_count(|count| exchange.round_trip(site, count)),
            |site, &count| {
                let (done, others) = exchange.round_trip(site, count)?;
                Ok((done.seconds() * 1e6 / count as f64, others))
            },
        );
        failures.extend(turns.failures);
        lines.push(Line {
            part: Part::RoundTrip,
            what: what.to_owned(),
            unit: "µs",
            samples: turns.samples,
            failures: std::mem::take(&mut failures),
        });
        lines.last().into_iter().for_each(Line::progress);
    }
    Ok(lines)
}

/// Opening for writing, 100 bytes, closing; and opening for reading, reading them, closing.
pub(crate) fn cycles(base: &Path, options: &Options, patience: &mut Patience) -> Vec<Line> {
    let mut failures = Vec::new();
    let sites = Site::open_all(&CYCLE_ARMS, base, options, Kind::Store, &mut failures);
    let cycling = Repeated { options, placement: Placement::default(), runs: Cell::new(0) };
    let turns = Turns::take(
        &sites,
        options,
        patience,
        |site| cycling.find_count(|count| cycling.cycle(site, count)),
        |site, &count| {
            let (done, others) = cycling.cycle(site, count)?;
            let whole = done.seconds() * 1e6 / count as f64;
            let writing = done.calls as f64 / 1e3 / count as f64;
            Ok(((writing, whole - writing), others))
        },
    );
    failures.extend(turns.failures);
    let line = |what: &str, of: fn(&(f64, f64)) -> f64, failures| Line {
        part: Part::Cycles,
        what: what.to_owned(),
        unit: "µs",
        samples: turns
            .samples
            .iter()
            .map(|(arm, all)| (*arm, all.iter().map(of).collect()))
            .collect(),
        failures,
    };
    let lines = vec![
        line("open, write 100 B, close", |both| both.0, failures),
        line("open, read them, close", |both| both.1, Vec::new()),
    ];
    lines.iter().for_each(Line::progress);
    lines
}

/// Runs that do something a number of times.
struct Repeated<'a> {
    options: &'a Options,
    placement: Placement,
    runs: Cell<u64>,
}

impl Repeated<'_> {
    /// The count with which a run takes about the time asked for.
    fn find_count(
        &self,
        mut run: impl FnMut(u64) -> io::Result<(Done, Others)>,
    ) -> io::Result<u64> {
        let wanted = self.options.run_time().as_secs_f64();
        let mut count = FIRST_COUNT;
        loop {
            let seconds = run(count)?.0.seconds();
            if seconds >= wanted * PILOT_SHARE {
                return Ok(((count as f64 * wanted / seconds) as u64).max(FIRST_COUNT));
            }
            count *= 8;
        }
    }

    fn path(&self, site: &Site) -> PathBuf {
        self.runs.set(self.runs.get() + 1);
        site.directory.join(format!("{}", self.runs.get()))
    }

    fn round_trip(&self, site: &Site, count: u64) -> io::Result<(Done, Others)> {
        let path = self.path(site);
        self.placement.pin(site)?;
        let opened = Instant::now() + OPEN_DEADLINE;
        let mut actors = Vec::new();
        // The server opens first, and the client finds it there.
        for (role, cpu) in [("answerer", self.placement.reader), ("asker", self.placement.writer)] {
            let mut arguments: Vec<OsString> =
                vec![role.into(), (&path).into(), count.to_string().into()];
            if site.arm == Arm::Socket {
                arguments.push("--socket".into());
            }
            arguments.extend(cpu.map(|cpu| format!("--cpu={cpu}").into()));
            let mut actor = Actor::spawn(role, &arguments)?;
            actor.expect("ready", opened)?;
            actors.push(actor);
        }
        let before = site.driver_cpu()?;
        let watch = Watch::start()?;
        for actor in &mut actors {
            actor.go()?;
        }
        let ended = Instant::now() + RUN_DEADLINE + self.options.run_time() * 10;
        let answerer = Done::of(&mut actors[0], ended)?;
        let asker = Done::of(&mut actors[1], ended)?;
        let ours = (answerer.cpu + asker.cpu) as f64 / 1e9 + site.driver_cpu()? - before;
        self.placement.check(site)?;
        fs::remove_file(path)?;
        Ok((asker, watch.finish(ours)?))
    }

    fn cycle(&self, site: &Site, count: u64) -> io::Result<(Done, Others)> {
        let path = self.path(site);
        let mut arguments: Vec<OsString> =
            vec!["cycler".into(), (&path).into(), count.to_string().into()];
        if site.arm == Arm::Fifo {
            syscalls::make_fifo(&path)?;
            arguments.push("--hold".into());
        }
        let mut actor = Actor::spawn("cycler", &arguments)?;
        actor.expect("ready", Instant::now() + OPEN_DEADLINE)?;
        let before = site.driver_cpu()?;
        let watch = Watch::start()?;
        actor.go()?;
        let ended = Instant::now() + RUN_DEADLINE + self.options.run_time() * 10;
        let done = Done::of(&mut actor, ended)?;
        let ours = done.cpu as f64 / 1e9 + site.driver_cpu()? - before;
        let others = watch.finish(ours)?;
        fs::remove_file(path)?;
        Ok((done, others))
    }
}
