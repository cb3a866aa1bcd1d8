//! The processes that move data: each is this program in another role.
//!
//! Each opens its end, says so, waits for a line, does its work without looking at the data, and
//! says what came of it. Whatever costs time beside the work (buffers, checks, removal) lies before
//! the start or after the end that it reports.
//!
//! - [`stream`]: start here: the writer and the reader
//! - [`small`]: round trips, opens and closes
//! - [`programs`]: runs ordinary programs
//! - [`fill`]: data that waits
//! - [`park`]: readers that wait

mod fill;
mod park;
mod programs;
mod small;
mod stream;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Subcommand;

use crate::floor::Kind;
use crate::syscalls;

const PAGE: usize = 4096;
/// The pattern's period; a prime, so that bytes that moved by a page or a sector show.
const PERIOD: usize = 251;

/// What a process of this program does in place of measuring.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
pub(crate) enum Role {
    /// Writes blocks
    Writer(stream::Transfer),
    /// Reads blocks
    Reader(stream::Transfer),
    /// Sends requests and waits for each one's answer
    Asker(small::Exchange),
    /// Answers them
    Answerer(small::Exchange),
    /// Opens, writes, closes; opens, reads, closes
    Cycler(small::Cycle),
    /// Runs two programs at once
    Programs(programs::Programs),
    /// Fills pipes and drains them when told to
    Filler(fill::Fill),
    /// Has threads that wait in read(2)
    Parked(park::Park),
    /// Serves a floor
    Floor { kind: Kind, directory: PathBuf, threads: usize },
}

pub(crate) fn run(role: Role) -> io::Result<()> {
    match role {
        Role::Writer(transfer) => stream::writer(&transfer),
        Role::Reader(transfer) => stream::reader(&transfer),
        Role::Asker(exchange) => small::asker(&exchange),
        Role::Answerer(exchange) => small::answerer(&exchange),
        Role::Cycler(cycle) => small::cycler(&cycle),
        Role::Programs(programs) => programs::run(&programs),
        Role::Filler(fill) => fill::filler(&fill),
        Role::Parked(park) => park::park(&park),
        Role::Floor { kind, directory, threads } => crate::floor::serve(kind, &directory, threads),
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

fn wait_for_line() -> io::Result<()> {
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err(io::Error::other("the benchmark is gone"));
    }
    Ok(())
}

fn report(start: &Moment, calls: u64) -> io::Result<()> {
    let end = Moment::now();
    say(&format!("done {} {} {calls} {}", start.clock, end.clock, end.cpu - start.cpu))
}

/// A point in time, in nanoseconds of the clock that all processes share and of used CPU.
struct Moment {
    clock: u64,
    cpu: u64,
}

impl Moment {
    fn now() -> Self {
        Self {
            clock: syscalls::nanoseconds(libc::CLOCK_MONOTONIC),
            cpu: syscalls::nanoseconds(libc::CLOCK_PROCESS_CPUTIME_ID),
        }
    }
}

fn pattern(place: usize) -> u8 {
    (place % PERIOD) as u8
}

/// A block's memory, from a page boundary as `cat`, `cp` and `dd` have it, touched in advance.
struct Buffer {
    memory: Vec<u8>,
    start: usize,
    length: usize,
}

impl Buffer {
    fn new(length: usize, misaligned: bool) -> Self {
        let mut memory = vec![0; length + 2 * PAGE];
        let shift = if misaligned { 16 } else { 0 };
        let start = memory.as_ptr().addr().wrapping_neg() % PAGE + shift;
        for (place, byte) in memory[start..start + length].iter_mut().enumerate() {
            *byte = pattern(place);
        }
        Self { memory, start, length }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }
}
