//! The life in the background: a process of its own that reports to the one that started it.

use std::cell::Cell;
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, IntoRawFd, RawFd};

use log::error;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};

use crate::exit::{Exit, Failure};

/// What the report of a success starts with; that of a failure starts with its exit code.
const READY: u8 = 0;

/// Opens /dev/null on every standard stream that the caller has closed. Called first of all, else
/// the next file opened would be a standard stream: /dev/fuse, or a log that gets every panic.
pub fn keep_standard_streams_open() {
    while let Ok(null) = null() {
        if null.as_raw_fd() > libc::STDERR_FILENO {
            break;
        }
        let _kept_open = null.into_raw_fd();
    }
}

/// How the process in the background tells the one in front that it is ready.
pub struct Report(Cell<Option<PipeWriter>>);

impl Report {
    /// Lets the process in front end well. `false` if it is gone, so that nobody was told.
    pub fn ready(&self) -> bool {
        self.send(&[READY])
    }

    fn failed(&self, failure: &Failure) -> bool {
        self.send(&[&[failure.exit as u8], failure.message.as_bytes()].concat())
    }

    fn send(&self, report: &[u8]) -> bool {
        self.0.take().is_some_and(|mut pipe| pipe.write_all(report).is_ok())
    }
}

/// Does `work` in a process of its own, without a terminal. The process in front returns when
/// `work` has reported that it is ready or failed; the one in the background returns when `work`
/// does. Must be called before any thread is started: only the calling one lives on there.
///
/// # Errors
/// What `work` failed with, in both processes; or no process could be started.
pub fn in_background(work: impl FnOnce(&Report) -> Result<(), Failure>) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::new(Exit::Failure, format!("cannot go to the background: {error}"))
    };
    let (reader, writer) = io::pipe().map_err(failed)?;
    match fork_alone().map_err(failed)? {
        ForkResult::Parent { child } => {
            drop(writer);
            await_report(reader, child)
        }
        ForkResult::Child => {
            drop(reader);
            let leaving = leave_the_caller(&writer).map_err(failed);
            let report = Report(Cell::new(Some(writer)));
            let outcome = leaving.and_then(|()| work(&report));
            if let Err(failure) = &outcome
                && !report.failed(failure)
            {
                error!("{failure}");
            }
            outcome
        }
    }
}

fn await_report(mut reader: PipeReader, child: Pid) -> Result<(), Failure> {
    let mut report = Vec::new();
    let read = reader.read_to_end(&mut report);
    match report.split_first() {
        Some((&READY, _)) => Ok(()),
        Some((&code, message)) => {
            Err(Failure::new(Exit::from_code(code), String::from_utf8_lossy(message)))
        }
        None => {
            let end = match (read, waitpid(child, None)) {
                (Err(error), _) => format!("cannot be heard: {error}"),
                (_, Ok(WaitStatus::Exited(_, code))) => format!("ended with exit code {code}"),
                (_, Ok(WaitStatus::Signaled(_, signal, _))) => format!("was killed by {signal:?}"),
                (_, other) => format!("ended: {other:?}"),
            };
            let advice = "run it with --foreground to see more";
            Err(Failure::new(
                Exit::Failure,
                format!("the driver {end}, before the mount answered; {advice}"),
            ))
        }
    }
}

/// Drops everything that ties this process to the one that started it: its session, directory,
/// standard streams and open files. Whoever waits for the end of one of them waits no longer.
fn leave_the_caller(report: &PipeWriter) -> io::Result<()> {
    setsid()?;
    env::set_current_dir("/")?;
    let null = null()?;
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    drop(null);
    // Nothing but the report was opened by this process yet: all others are the caller's.
    let report = report.as_raw_fd();
    close_files(libc::STDERR_FILENO + 1, report - 1);
    close_files(report + 1, RawFd::MAX);
    Ok(())
}

fn null() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/null")
}

/// Forks a process that has one thread only.
fn fork_alone() -> io::Result<ForkResult> {
    // SAFETY: no other thread has been started (the caller's contract), so that no lock can be
    // held in the child by a thread that does not exist there.
    Ok(unsafe { fork() }?)
}

/// Closes all descriptors from `first` to `last`, if there are any. Best effort: before Linux 5.9
/// they stay open.
fn close_files(first: RawFd, last: RawFd) {
    if first > last {
        return;
    }
    // SAFETY: takes numbers only; the caller knows that nothing in this process owns these files.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
}
