//! The programs that `serve` starts, and the signals that it hears.

use std::env;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::thread;

use nix::sys::signal::{Signal as Number, killpg};
use nix::unistd::Pid;
use rustix::fs::{Access, access};
use signal_hook::consts::{SIGCHLD, SIGKILL};
use signal_hook::iterator::Signals;

use crate::exit::{Exit, Failure};
use crate::functions::Peer;
use crate::linux::signals;
use crate::pipe_file::shown;

/// Where execvp(3) looks when there is no `PATH`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A signal, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(i32);

impl Signal {
    /// The one that nobody can catch.
    pub const KILL: Self = Self(SIGKILL);
}

/// What a server hears.
#[derive(Debug)]
pub enum Happened {
    /// A program may have ended.
    Ended,
    /// A signal has come that ends the server.
    Told(Signal),
}

/// Reports what happens, as long as somebody wants to know.
///
/// # Errors
/// A signal cannot be caught, or no thread started.
pub fn watch(report: impl Fn(Happened) -> bool + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(signals::that_end().chain([SIGCHLD]))?;
    let watch = move || {
        for signal in signals.forever() {
            let what =
                if signal == SIGCHLD { Happened::Ended } else { Happened::Told(Signal(signal)) };
            if !report(what) {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}

/// A program, in a process group of its own, so that what it has started can be ended with it.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts it, its input and output on an end.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command, end: &Arc<File>) -> io::Result<Self> {
        command.stdin(end.try_clone()?).stdout(end.try_clone()?).process_group(0);
        command.spawn().map(Self)
    }

    /// How it has ended; `None`: it has not.
    ///
    /// # Errors
    /// None, unless somebody else has waited for it.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.0.try_wait()
    }

    /// Sends it a signal, and what it has started.
    pub fn signal(&mut self, signal: Signal) {
        let group = i32::try_from(self.0.id()).expect("it was a pid");
        let number = Number::try_from(signal.0).expect("it is one that was caught, or SIGKILL");
        // One that has just ended is not reaped yet, so the number is nobody else's.
        let _ = killpg(Pid::from_raw(group), number);
    }
}

/// Tells a program who its client is.
pub fn describe_client(command: &mut Command, client: &Peer) {
    command
        .env("PIPEFS_CLIENT_PID", client.pid.to_string())
        .env("PIPEFS_CLIENT_UID", client.uid.to_string())
        .env("PIPEFS_CLIENT_GID", client.gid.to_string());
}

/// By what a file is known from others that had its name.
#[must_use]
pub fn identity(file: &Metadata) -> u64 {
    file.ino()
}

/// Makes sure that a program can be found as execvp(3) finds it, so that a mistake shows before the
/// first client does.
///
/// # Errors
/// [`Exit::Usage`]: it cannot.
pub fn check(program: &OsStr) -> Result<(), Failure> {
    let can_run = |path: &Path| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    let failure = |what| {
        let message = format!("`{}` {what}", shown(Path::new(program)));
        Err(Failure::new(Exit::Usage, message))
    };
    if program.as_bytes().contains(&b'/') {
        return match can_run(Path::new(program)) {
            true => Ok(()),
            false => failure("is no program that can be run"),
        };
    }
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    match env::split_paths(&path).any(|directory| can_run(&directory.join(program))) {
        true => Ok(()),
        false => failure("is no program in any directory of `PATH`"),
    }
}
