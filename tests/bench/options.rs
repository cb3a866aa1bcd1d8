//! The command line of the benchmark.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::arms::Arm;
use crate::roles::Role;

/// Block sizes measured unless `--blocks` names others.
const BLOCKS: [usize; 8] = [64, 512, 4 << 10, 16 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20];

/// Throughput and memory of pipefs beside mkfifo and a FUSE driver that does nothing.
#[derive(Debug, Parser)]
#[command(name = "throughput", disable_help_subcommand = true)]
pub(crate) struct Options {
    /// Shorter runs: a first look in less than two minutes
    #[arg(long)]
    pub(crate) quick: bool,
    /// Block sizes, such as 64,4K,1M
    #[arg(long, value_delimiter = ',', value_parser = parse_size)]
    pub(crate) blocks: Vec<usize>,
    /// Repetitions of every run [default: 5, quick: 3]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: Option<u32>,
    /// What one run should take [default: 0.25, quick: 0.05]
    #[arg(long)]
    pub(crate) seconds: Option<f64>,
    /// Seconds to wait, all in all, for others to leave the CPUs idle [default: 60, quick: 5]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) patience: Option<u32>,
    /// What to compare [default: everything]
    #[arg(long, value_delimiter = ',', value_enum)]
    pub(crate) arms: Vec<Arm>,
    /// What to measure [default: everything]
    #[arg(long, value_delimiter = ',', value_enum)]
    pub(crate) only: Vec<Part>,
    /// Write all samples to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Put the tables between the marks of this file (docs/BENCHMARKS.md), and the plots into the
    /// directory beside it that has its name in small letters
    #[arg(long, value_name = "FILE")]
    pub(crate) write: Option<PathBuf>,
    /// Another `pipefs` binary than the one built beside the benchmark
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) driver: Option<PathBuf>,
    /// Mount options for pipefs (`-o`); the figures are then not those of the defaults
    #[arg(long, value_name = "OPTIONS")]
    pub(crate) mount_options: Option<String>,
    /// Writer's and reader's buffers start 16 bytes into a page, as malloc's large ones do
    #[arg(long)]
    pub(crate) misaligned: bool,
    /// What was measured, for the report (a date, a version)
    #[arg(long)]
    pub(crate) label: Option<String>,
    /// Said by `cargo bench`; without it nothing is measured
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
    /// Where the supervisor wants mounts and FIFOs; its presence makes this process the worker
    #[arg(long, hide = true)]
    pub(crate) base: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) role: Option<Role>,
}

/// A section of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Throughput, every process free to use all CPUs
    Free,
    /// Throughput, writer and reader on different CPUs, the driver free
    Apart,
    /// Throughput, all on one CPU
    OneCpu,
    /// Throughput of byte and message pipes in every mode
    Modes,
    /// Throughput of many pairs at once
    Pairs,
    /// Throughput beside thousands of readers that wait
    Parked,
    /// Round trips of small requests
    RoundTrip,
    /// Opens and closes in one process
    Cycles,
    /// Ordinary programs
    Programs,
    /// Memory of the driver
    Memory,
    /// What a mount takes that nobody uses
    Idle,
}

impl Options {
    /// Whether to measure `part`.
    pub(crate) fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Whether to measure `arm`.
    pub(crate) fn wants(&self, arm: Arm) -> bool {
        self.arms.is_empty() || self.arms.contains(&arm)
    }

    pub(crate) fn block_sizes(&self, part: Part) -> Vec<usize> {
        match part {
            _ if !self.blocks.is_empty() => self.blocks.clone(),
            Part::Pairs | Part::Parked => vec![64 << 10],
            Part::Modes if self.quick => vec![64 << 10],
            Part::Modes => vec![64, 4 << 10, 64 << 10, 1 << 20],
            _ if self.quick => vec![64, 64 << 10, 1 << 20],
            _ => BLOCKS.to_vec(),
        }
    }

    pub(crate) fn repetitions(&self) -> usize {
        self.repeat.unwrap_or(if self.quick { 3 } else { 5 }) as usize
    }

    pub(crate) fn run_time(&self) -> Duration {
        let seconds = self.seconds.unwrap_or(if self.quick { 0.05 } else { 0.25 });
        Duration::from_secs_f64(seconds.clamp(0.01, 60.0))
    }

    /// How many times in one run two short programs are started; some 2 ms each time.
    pub(crate) fn pairs_of_programs(&self) -> u64 {
        (self.run_time().as_secs_f64() * 400.0) as u64
    }

    pub(crate) fn patience(&self) -> Duration {
        Duration::from_secs(self.patience.unwrap_or(if self.quick { 5 } else { 60 }).into())
    }

    /// After this the supervisor ends everything: several times what the runs should take.
    pub(crate) fn time_limit(&self) -> Duration {
        let scale = self.repetitions() as f64 * (self.run_time().as_secs_f64() + 0.1);
        self.patience() + Duration::from_secs(600) + Duration::from_secs_f64(1500.0 * scale)
    }
}

/// Bytes from a number with an optional K or M (binary).
fn parse_size(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.chars().last() {
        Some('k' | 'K') => (&text[..text.len() - 1], 1 << 10),
        Some('m' | 'M') => (&text[..text.len() - 1], 1 << 20),
        _ => (text, 1),
    };
    let number: usize = digits.parse().map_err(|_| format!("{text:?} is not a size"))?;
    match number.checked_mul(unit) {
        Some(bytes @ 1..=16_777_216) => Ok(bytes),
        _ => Err(format!("{text:?} is not between 1 byte and 16M")),
    }
}

/// The shortest exact way to write a size.
pub(crate) fn show_size(bytes: usize) -> String {
    match bytes {
        _ if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        _ if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} B"),
    }
}
