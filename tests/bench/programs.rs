//! Ordinary programs, untouched: what somebody gets who types them.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::arms::{Arm, Site};
use crate::floor::Kind;
use crate::latency::Line;
use crate::machine::{Others, Patience, Watch};
use crate::options::{Options, Part};
use crate::process::Actor;
use crate::syscalls;
use crate::throughput::{Done, OPEN_DEADLINE};
use crate::turns::Turns;

const ARMS: [Arm; 2] = [Arm::Fifo, Arm::Pipefs];
/// One run of two programs, or of many pairs of them.
const DEADLINE: Duration = Duration::from_secs(120);

/// What the lines are called whose figures there are goals for.
pub(crate) const ECHO: &str = "`echo > pipe`, `cat pipe`";
pub(crate) const CAT: &str = "`cat FILE > pipe`, `cat pipe`";

/// Two programs: `$0` is the pipe, `$1` a file of some size.
struct Job {
    what: &'static str,
    writer: &'static str,
    reader: &'static str,
    /// Whether the file goes through; else the time of a pair is what counts.
    moves_file: bool,
}

const JOBS: [Job; 4] = [
    Job {
        what: ECHO,
        writer: r#"echo hello > "$0""#,
        reader: r#"exec cat "$0""#,
        moves_file: false,
    },
    Job {
        what: CAT,
        writer: r#"exec cat "$1" > "$0""#,
        reader: r#"exec cat "$0""#,
        moves_file: true,
    },
    Job {
        what: "`dd bs=64k` to the pipe and from it",
        writer: r#"exec dd if="$1" of="$0" bs=64k status=none"#,
        reader: r#"exec dd if="$0" of=/dev/null bs=64k status=none"#,
        moves_file: true,
    },
    Job {
        what: "`tar -c FILE > pipe`, `tar -xO < pipe`",
        writer: r#"exec tar -cf - -C / "${1#/}" > "$0""#,
        reader: r#"exec tar -xOf - < "$0""#,
        moves_file: true,
    },
];

/// Runs all jobs with mkfifo and pipefs: times, throughput, and CPU time of programs and driver.
pub(crate) fn measure(
    base: &Path,
    options: &Options,
    patience: &mut Patience,
) -> io::Result<Vec<Line>> {
    let mut failures = Vec::new();
    let sites = Site::open_all(&ARMS, base, options, Kind::Store, &mut failures);
    let bytes = if options.quick { 64 << 20 } else { 1 << 30 };
    let source = make_source(base, bytes)?;
    let mut lines = Vec::new();
    for (number, job) in JOBS.iter().enumerate() {
        let count = if job.moves_file { 1 } else { options.pairs_of_programs() };
        let runs = Cell::new(0);
        let one = |site: &Site| {
            runs.set(runs.get() + 1);
            let path = site.directory.join(format!("{number}-{}", runs.get()));
            run(job, site, &path, &source, count)
        };
        let turns = Turns::take(
            &sites,
            options,
            patience,
            |site| one(site).map(drop),
            |site, ()| one(site).map(|(seconds, cpu, others)| ((seconds, cpu), others)),
        );
        failures.extend(turns.failures);
        let mut line = |what: String, unit, of: &dyn Fn(&(f64, f64)) -> f64| {
            let samples =
                turns.samples.iter().map(|(arm, all)| (*arm, all.iter().map(of).collect()));
            let samples = samples.collect();
            let failures = std::mem::take(&mut failures);
            lines.push(Line { part: Part::Programs, what, unit, samples, failures });
            lines.last().into_iter().for_each(Line::progress);
        };
        let gibibytes = bytes as f64 / f64::from(1 << 30);
        if job.moves_file {
            line(job.what.to_owned(), "MB/s", &|(seconds, _)| bytes as f64 / seconds / 1e6);
            line(job.what.to_owned(), "CPU s/GiB", &|(_, cpu)| cpu / gibibytes);
        } else {
            line(job.what.to_owned(), "µs", &|(seconds, _)| seconds * 1e6 / count as f64);
        }
    }
    fs::remove_file(source)?;
    Ok(lines)
}

/// A file with that many bytes, on the disk and in the page cache.
fn make_source(base: &Path, bytes: usize) -> io::Result<PathBuf> {
    let path = base.join("source");
    let mut file = File::create(&path)?;
    let block: Vec<u8> = (0..1_usize << 20).map(|place| (place % 251) as u8).collect();
    for _ in 0..bytes >> 20 {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    Ok(path)
}

/// Wall-clock seconds and CPU seconds of programs and driver, and what others used meanwhile.
fn run(
    job: &Job,
    site: &Site,
    path: &Path,
    source: &Path,
    count: u64,
) -> io::Result<(f64, f64, Others)> {
    if site.arm.is_mount() {
        syscalls::make_file(path)?;
    } else {
        syscalls::make_fifo(path)?;
    }
    let arguments: [OsString; 6] = [
        "programs".into(),
        path.into(),
        source.into(),
        count.to_string().into(),
        job.writer.into(),
        job.reader.into(),
    ];
    let mut actor = Actor::spawn("programs", &arguments)?;
    actor.expect("ready", Instant::now() + OPEN_DEADLINE)?;
    let before = site.driver_cpu()?;
    let watch = Watch::start()?;
    actor.go()?;
    let done = Done::of(&mut actor, Instant::now() + DEADLINE)?;
    let cpu = done.cpu as f64 / 1e9 + site.driver_cpu()? - before;
    let others = watch.finish(cpu)?;
    fs::remove_file(path)?;
    Ok((done.seconds(), cpu, others))
}
