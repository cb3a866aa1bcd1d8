//! The writer and the reader of a stream of blocks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;

use super::{Buffer, Moment, pattern, report, say, wait_for_line};
use crate::syscalls;

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
    /// The ends are Unix stream sockets
    #[arg(long)]
    socket: bool,
    #[arg(long)]
    cpu: Option<usize>,
    #[arg(long)]
    misaligned: bool,
    /// What is read is not what was written, and never ends (the floor)
    #[arg(long)]
    endless: bool,
}

pub(super) fn writer(transfer: &Transfer) -> io::Result<()> {
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

pub(super) fn reader(transfer: &Transfer) -> io::Result<()> {
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
        syscalls::set_affinity(0, &[cpu])?;
    }
    if transfer.socket {
        return open_socket(&transfer.path, write);
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

/// Two sockets that are connected, as socketpair(2) gives them; one side waits for the other.
fn open_socket(path: &Path, listen: bool) -> io::Result<File> {
    let socket = if listen { UnixListener::bind(path)?.accept()?.0 } else { connect(path)? };
    Ok(File::from(OwnedFd::from(socket)))
}

/// Connects to a socket as soon as there is one and it listens.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    loop {
        match UnixStream::connect(path) {
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                ) =>
            {
                thread::sleep(Duration::from_millis(1));
            }
            connected => return connected,
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
