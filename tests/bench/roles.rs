//! The processes that move data: writer, reader and filler.
//!
//! Each opens its end, says `open`, waits for a line, does its work without looking at the data,
//! and says what came of it. Whatever costs time beside the transfer (buffers, checks, removal)
//! lies before the start or after the end that it reports.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::syscalls;

const PAGE: usize = 4096;
/// The pattern's period; a prime, so that bytes that moved by a page or a sector show.
const PERIOD: usize = 251;

/// What a process of this program does in place of measuring.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
pub(crate) enum Role {
    /// Writes blocks
    Writer(Transfer),
    /// Reads blocks
    Reader(Transfer),
    /// Fills pipes and drains them when told to
    Filler(Fill),
    /// Serves the floor
    Floor { directory: PathBuf, threads: usize },
}

/// One side of a measured run.
#[derive(Debug, Args)]
pub(crate) struct Transfer {
    path: PathBuf,
    block: usize,
    count: u64,
    /// The writer creates the file
    #[arg(long)]
    create: bool,
    /// Capacity to ask for with F_SETPIPE_SZ
    #[arg(long)]
    pipe_size: Option<libc::c_int>,
    #[arg(long)]
    cpu: Option<usize>,
    #[arg(long)]
    misaligned: bool,
    /// What is read is not what was written, and never ends (the floor)
    #[arg(long)]
    endless: bool,
}

/// What waits in the driver while its memory is looked at.
#[derive(Debug, Args)]
pub(crate) struct Fill {
    directory: PathBuf,
    write_size: usize,
    bytes_per_pipe: u64,
    pipes: usize,
}

pub(crate) fn run(role: Role) -> io::Result<()> {
    match role {
        Role::Writer(transfer) => writer(&transfer),
        Role::Reader(transfer) => reader(&transfer),
        Role::Filler(fill) => filler(&fill),
        Role::Floor { directory, threads } => crate::floor::serve(&directory, threads),
    }
}

fn writer(transfer: &Transfer) -> io::Result<()> {
    let buffer = Buffer::new(transfer.block, transfer.misaligned);
    let mut file = open_end(transfer, true)?;
    prepare(transfer, &file)?;
    let start = Moment::now();
    let mut calls = 0_u64;
    for _ in 0..transfer.count {
        let mut rest = buffer.bytes();
        while !rest.is_empty() {
            let wrote = file.write(rest)?;
            rest = &rest[wrote..];
            calls += 1;
        }
    }
    report(&start, calls)
}

fn reader(transfer: &Transfer) -> io::Result<()> {
    let mut buffer = Buffer::new(transfer.block, transfer.misaligned);
    let mut file = open_end(transfer, false)?;
    prepare(transfer, &file)?;
    let total = transfer.block as u64 * transfer.count;
    let start = Moment::now();
    let (mut calls, mut received, mut last) = (0_u64, 0_u64, 0);
    while received < total {
        last = file.read(buffer.bytes_mut())?;
        if last == 0 {
            return Err(io::Error::other(format!("end of file after {received} of {total}")));
        }
        received += last as u64;
        calls += 1;
    }
    report(&start, calls)?;
    if !transfer.endless {
        check_last(buffer.bytes(), last, transfer.block, received)?;
        if received != total || file.read(buffer.bytes_mut())? != 0 {
            return Err(io::Error::other("more data than was written"));
        }
    }
    drop(file);
    fs::remove_file(&transfer.path)?;
    say("fine")
}

/// The last read's bytes must be those that were written at their place in the stream.
fn check_last(buffer: &[u8], last: usize, block: usize, received: u64) -> io::Result<()> {
    let first = received - last as u64;
    for (index, &byte) in buffer[..last].iter().enumerate() {
        let place = ((first + index as u64) % block as u64) as usize;
        if byte != pattern(place) {
            return Err(io::Error::other(format!("wrong data at {}", first + index as u64)));
        }
    }
    Ok(())
}

/// Opens an end. A reader waits for the name; which end comes first is left to chance.
fn open_end(transfer: &Transfer, write: bool) -> io::Result<File> {
    if let Some(cpu) = transfer.cpu {
        syscalls::set_affinity(0, cpu)?;
    }
    let mut options = OpenOptions::new();
    options.read(!write).write(write).create(write && transfer.create);
    loop {
        match options.open(&transfer.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                thread::sleep(Duration::from_millis(1));
            }
            opened => return opened,
        }
    }
}

/// Sets the capacity if asked to, and waits for the start.
fn prepare(transfer: &Transfer, file: &File) -> io::Result<()> {
    if let Some(size) = transfer.pipe_size {
        let got = syscalls::set_pipe_size(file, size)?;
        if got != size {
            return Err(io::Error::other(format!("F_SETPIPE_SZ gave {got}")));
        }
    }
    say("open")?;
    wait_for_line()
}

fn filler(fill: &Fill) -> io::Result<()> {
    let buffer = Buffer::new(fill.write_size, false);
    let mut buffered = 0;
    for number in 0..fill.pipes {
        buffered += fill_pipe(fill, &fill.directory.join(number.to_string()), buffer.bytes())?;
    }
    say(&format!("filled {buffered}"))?;
    let mut drain = Drain { fill, held: buffered, next: 0, current: None };
    for goal in [buffered / 2, buffered / 8, 0] {
        wait_for_line()?;
        drain.down_to(goal)?;
        say(&format!("drained {}", drain.held))?;
    }
    wait_for_line()
}

/// Writes until the pipe holds its share or refuses; returns what it took.
fn fill_pipe(fill: &Fill, path: &Path, block: &[u8]) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).custom_flags(libc::O_NONBLOCK);
    let mut file = options.open(path)?;
    let mut taken = 0;
    while taken < fill.bytes_per_pipe {
        match file.write(block) {
            Ok(wrote) => taken += wrote as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// Takes out again what was filled in, pipe after pipe, and can pause in the middle of one.
struct Drain<'a> {
    fill: &'a Fill,
    held: u64,
    next: usize,
    current: Option<File>,
}

impl Drain<'_> {
    /// Reads until no more than `goal` bytes are left.
    fn down_to(&mut self, goal: u64) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        while self.held > goal {
            let mut file = match self.current.take() {
                Some(file) => file,
                None => File::open(self.fill.directory.join(self.next.to_string()))?,
            };
            match file.read(&mut buffer)? {
                0 => self.next += 1,
                got => {
                    self.held = self.held.saturating_sub(got as u64);
                    self.current = Some(file);
                }
            }
        }
        Ok(())
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
