//! What the figures were taken on, and what else ran there meanwhile.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How long it takes to see whether the CPUs are idle: ten of /proc/stat's ticks.
const GLANCE: Duration = Duration::from_millis(100);

/// The unit of /proc/stat, USER_HZ; part of the kernel's interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// The machine in one line, without its name.
pub(crate) fn describe() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split_once(": "))
        .map_or("unknown model", |(_, model)| model);
    let guest = if info.contains(" hypervisor") { ", virtual" } else { "" };
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = release.trim().split(['-', '+']).next().unwrap_or("unknown").to_owned();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let gibibytes = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok())
        .map_or(0, |kibibytes: u64| (kibibytes + (1 << 19)) >> 20);
    format!("{cpus} CPUs ({model}{guest}), {gibibytes} GiB, Linux {kernel}")
}

/// Who had the CPUs since a start, beside the benchmark.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Instant,
    idle: f64,
    stolen: f64,
}

/// CPU seconds that were not the benchmark's, and how many there were for all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Others {
    /// Other processes of this machine, and interrupts.
    pub(crate) local: f64,
    /// Other guests of the host.
    pub(crate) stolen: f64,
    pub(crate) offered: f64,
}

impl Watch {
    pub(crate) fn start() -> io::Result<Self> {
        let (idle, stolen) = idle_and_stolen_seconds()?;
        Ok(Self { started: Instant::now(), idle, stolen })
    }

    /// What others used since the start, given the CPU seconds that the benchmark used.
    pub(crate) fn finish(self, ours: f64) -> io::Result<Others> {
        let (idle, stolen) = idle_and_stolen_seconds()?;
        let cpus = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let offered = self.started.elapsed().as_secs_f64() * cpus;
        let stolen = stolen - self.stolen;
        let local = (offered - (idle - self.idle) - stolen - ours).max(0.0);
        Ok(Others { local, stolen, offered })
    }
}

impl Others {
    /// Whether a run beside them is worth another try: they had a twentieth of the CPUs. The
    /// kernel counts idle time in hundredths of a second, so two of those are not held against it.
    pub(crate) fn disturbed(&self) -> bool {
        self.local + self.stolen > 0.05 * self.offered + 0.02
    }
}

/// How long the benchmark goes on waiting for others to leave the CPUs to it.
#[derive(Debug)]
pub(crate) struct Patience {
    left: Duration,
}

impl Patience {
    pub(crate) fn new(left: Duration) -> Self {
        Self { left }
    }

    /// Waits until nobody uses the CPUs, or until patience ends. Nothing of ours may be at work.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        while !self.left.is_zero() {
            let watch = Watch::start()?;
            thread::sleep(GLANCE);
            if !watch.finish(0.0)?.disturbed() {
                break;
            }
            self.left = self.left.saturating_sub(GLANCE);
        }
        Ok(())
    }
}

/// Seconds that all CPUs idled, and seconds stolen from them, since the machine started.
fn idle_and_stolen_seconds() -> io::Result<(f64, f64)> {
    let text = fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match ticks[..] {
        [_user, _nice, _system, idle, wait, _irq, _softirq, stolen, ..] => {
            Ok(((idle + wait) / TICKS_PER_SECOND, stolen / TICKS_PER_SECOND))
        }
        _ => Err(io::Error::other("no CPU times in /proc/stat")),
    }
}
