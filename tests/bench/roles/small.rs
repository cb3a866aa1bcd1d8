//! Round trips of small requests, and opens and closes.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use clap::Args;

use super::stream::connect;
use super::{Moment, report, say, wait_for_line};
use crate::syscalls;

/// A request or an answer.
const REQUEST_BYTES: usize = 64;
/// What is written between an open and a close.
const CYCLE_BYTES: usize = 100;

/// One side of an exchange.
#[derive(Debug, Args)]
pub(crate) struct Exchange {
    path: PathBuf,
    count: u64,
    /// The ends are Unix stream sockets
    #[arg(long)]
    socket: bool,
    #[arg(long)]
    cpu: Option<usize>,
}

/// Opens and closes.
#[derive(Debug, Args)]
pub(crate) struct Cycle {
    path: PathBuf,
    count: u64,
    /// Keeps an end of each direction open meanwhile: a FIFO's opens would wait without
    #[arg(long)]
    hold: bool,
}

pub(super) fn asker(exchange: &Exchange) -> io::Result<()> {
    pin(exchange)?;
    let mut file = if exchange.socket {
        File::from(OwnedFd::from(connect(&exchange.path)?))
    } else {
        duplex(&exchange.path)?
    };
    say("ready")?;
    wait_for_line()?;
    let (request, mut answer) = ([1; REQUEST_BYTES], [0; REQUEST_BYTES]);
    let start = Moment::now();
    for _ in 0..exchange.count {
        file.write_all(&request)?;
        file.read_exact(&mut answer)?;
    }
    let ended = report(&start, 2 * exchange.count);
    if answer != [2; REQUEST_BYTES] {
        return Err(io::Error::other("another answer than was sent"));
    }
    ended
}

pub(super) fn answerer(exchange: &Exchange) -> io::Result<()> {
    pin(exchange)?;
    let listener = exchange.socket.then(|| UnixListener::bind(&exchange.path)).transpose()?;
    let opened = match listener {
        Some(_) => None,
        None => Some(duplex(&exchange.path)?),
    };
    say("ready")?;
    wait_for_line()?;
    let mut file = match (opened, listener) {
        (Some(file), _) => file,
        (None, Some(listener)) => File::from(OwnedFd::from(listener.accept()?.0)),
        (None, None) => return Err(io::Error::other("nothing to answer")),
    };
    let (answer, mut request) = ([2; REQUEST_BYTES], [0; REQUEST_BYTES]);
    let start = Moment::now();
    for _ in 0..exchange.count {
        file.read_exact(&mut request)?;
        file.write_all(&answer)?;
    }
    report(&start, 2 * exchange.count)
}

fn pin(exchange: &Exchange) -> io::Result<()> {
    exchange.cpu.map_or(Ok(()), |cpu| syscalls::set_affinity(0, &[cpu]))
}

fn duplex(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Says, in place of a number of calls, how many nanoseconds the writing halves took.
pub(super) fn cycler(cycle: &Cycle) -> io::Result<()> {
    let _held = cycle.hold.then(|| duplex(&cycle.path)).transpose()?;
    let mut writers = OpenOptions::new();
    // The first one makes the file, where there is none, before anything is measured.
    writers.write(true).create(true).truncate(false);
    let (data, mut buffer) = ([3; CYCLE_BYTES], [0; CYCLE_BYTES]);
    writers.open(&cycle.path)?.write_all(&data)?;
    File::open(&cycle.path)?.read_exact(&mut buffer)?;
    writers.create(false);
    say("ready")?;
    wait_for_line()?;
    let (start, mut writing) = (Moment::now(), 0);
    for _ in 0..cycle.count {
        let before = syscalls::nanoseconds(libc::CLOCK_MONOTONIC);
        writers.open(&cycle.path)?.write_all(&data)?;
        writing += syscalls::nanoseconds(libc::CLOCK_MONOTONIC) - before;
        File::open(&cycle.path)?.read_exact(&mut buffer)?;
    }
    report(&start, writing)?;
    if buffer == data { Ok(()) } else { Err(io::Error::other("other data than was written")) }
}
