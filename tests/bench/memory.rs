//! Memory: what the driver's resident set is for data that waits in it, and for nothing.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::arms::{Arm, Site};
use crate::floor::Kind;
use crate::options::{Options, show_size};
use crate::process::{self, Actor};

/// The rule: twice what is buffered, and this.
const ALLOWANCE: u64 = 32 << 20;
/// From the mount until a driver has nothing left to do; and how long it is then watched.
const SETTLING_TIME: Duration = Duration::from_secs(1);
const IDLE_TIME: Duration = Duration::from_secs(5);
const FILL_DEADLINE: Duration = Duration::from_secs(120);

/// So much more may wait in a pipe than is going to.
const CAPACITY_SPARE: u64 = 2 << 20;

/// Something to buffer.
#[derive(Debug, Clone, Copy)]
struct Case {
    write_size: usize,
    bytes_per_pipe: u64,
    pipes: usize,
    /// Left out with `--quick`.
    long: bool,
}

const fn stream(write_size: usize, bytes_per_pipe: u64, long: bool) -> Case {
    Case { write_size, bytes_per_pipe, pipes: 1, long }
}

/// Write sizes between those that a driver may treat alike, one pipe and many.
const CASES: [Case; 8] = [
    stream(1 << 20, 256 << 20, false),
    stream(128 << 10, 256 << 20, true),
    stream(68 << 10, 256 << 20, false),
    stream(17_000, 256 << 20, false),
    stream(4 << 10, 256 << 20, true),
    stream(64, 16 << 20, true),
    Case { write_size: 64 << 10, bytes_per_pipe: 1 << 20, pipes: 256, long: false },
    Case { write_size: 64, bytes_per_pipe: 64, pipes: 4096, long: false },
];

/// The driver's memory around one case, in bytes.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) what: String,
    pub(crate) buffered: u64,
    pub(crate) idle: u64,
    pub(crate) full: u64,
    pub(crate) peak: u64,
    pub(crate) half: u64,
    pub(crate) eighth: u64,
    pub(crate) drained: u64,
}

impl Held {
    /// What the rule allows while `buffered` bytes wait.
    pub(crate) fn limit(buffered: u64) -> u64 {
        2 * buffered + ALLOWANCE
    }

    /// The greatest share of what the rule allows: full (at its peak), at a half, at an eighth, and
    /// empty again. The rule held if it is not above 1.
    pub(crate) fn worst(&self) -> f64 {
        let Self { buffered, peak, half, eighth, drained, .. } = *self;
        let moments =
            [(peak, buffered), (half, buffered / 2), (eighth, buffered / 8), (drained, 0)];
        let shares = moments.map(|(held, buffered)| held as f64 / Self::limit(buffered) as f64);
        shares.into_iter().fold(0.0, f64::max)
    }
}

/// Memory of pipefs for each case, each with a driver of its own; what failed with its reason.
pub(crate) fn measure(base: &Path, options: &Options) -> (Vec<Held>, Vec<String>) {
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    for case in CASES.iter().filter(|case| !(case.long && options.quick)) {
        match hold(case, base, options) {
            Ok(held) => {
                eprintln!("memory, {}: {} MiB", held.what, held.full >> 20);
                all.push(held);
            }
            Err(error) => failures.push(format!("{}: {error}", describe(case))),
        }
    }
    (all, failures)
}

fn describe(case: &Case) -> String {
    let size =
        if case.write_size == 17_000 { "17,000 B".to_owned() } else { show_size(case.write_size) };
    match case.pipes {
        1 => format!("{size} writes, one pipe"),
        pipes => format!("{size} writes, {pipes} pipes"),
    }
}

fn hold(case: &Case, base: &Path, options: &Options) -> io::Result<Held> {
    let capacity = format!("capacity={}", case.bytes_per_pipe + CAPACITY_SPARE);
    let site = Site::open(Arm::Pipefs, base, options, Kind::Discard, Some(&capacity))?;
    let driver = site.driver.as_ref().map(|driver| driver.id());
    let driver = driver.ok_or_else(|| io::Error::other("no driver"))?;
    let arguments = [
        "filler".to_owned(),
        site.directory.display().to_string(),
        case.write_size.to_string(),
        case.bytes_per_pipe.to_string(),
        case.pipes.to_string(),
    ];
    let idle = status(driver, "VmRSS:")?;
    let deadline = Instant::now() + FILL_DEADLINE;
    let mut filler = Actor::spawn("filler", &arguments)?;
    let words = filler.expect("filled", deadline)?;
    let buffered = words.first().and_then(|word| word.parse().ok()).unwrap_or(0);
    let full = status(driver, "VmRSS:")?;
    let peak = status(driver, "VmHWM:")?;
    filler.go()?;
    filler.expect("drained", deadline)?;
    let half = status(driver, "VmRSS:")?;
    filler.go()?;
    filler.expect("drained", deadline)?;
    let eighth = status(driver, "VmRSS:")?;
    filler.go()?;
    filler.expect("drained", deadline)?;
    let drained = status(driver, "VmRSS:")?;
    Ok(Held { what: describe(case), buffered, idle, full, peak, half, eighth, drained })
}

/// A mount that nobody uses.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) resident: u64,
    pub(crate) cpu_seconds: f64,
    pub(crate) over_seconds: f64,
}

/// Looks at a fresh mount while nothing happens.
pub(crate) fn idle(base: &Path, options: &Options) -> io::Result<Idle> {
    let site = Site::open(Arm::Pipefs, base, options, Kind::Discard, None)?;
    let driver = site.driver.as_ref().map(|driver| driver.id());
    let driver = driver.ok_or_else(|| io::Error::other("no driver"))?;
    thread::sleep(SETTLING_TIME);
    let before = process::cpu_time(driver)?;
    let started = Instant::now();
    thread::sleep(IDLE_TIME);
    let cpu = process::cpu_time(driver)?.saturating_sub(before);
    Ok(Idle {
        resident: status(driver, "VmRSS:")?,
        cpu_seconds: cpu.as_secs_f64(),
        over_seconds: started.elapsed().as_secs_f64(),
    })
}

/// A line of /proc/PID/status, in bytes.
pub(crate) fn status(process: u32, key: &str) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse::<u64>().ok())
        .map(|kibibytes| kibibytes << 10)
        .ok_or_else(|| io::Error::other(format!("no {key} in /proc")))
}
