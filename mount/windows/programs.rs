//! The programs that `serve` starts, and what ends a server. A program gets pipes of its own, and
//! two threads carry what goes through them: of one open file Windows lets nobody write while
//! somebody reads, and a read of WinFsp cannot be taken back.

use std::env;
use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::windows::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use windows_sys::Win32::System::Console::SetConsoleCtrlHandler;

use super::ends;
use crate::exit::{Exit, Failure};
use crate::functions::{MESSAGE_MAX_BYTES, Peer};
use crate::pipe_file::shown;

/// What is taken at once from what a program writes: as much as its pipe holds.
const CHUNK_BYTES: usize = 64 << 10;

/// How often is looked whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What programs are called by, if their names do not say it.
const EXTENSIONS: [&str; 4] = ["exe", "com", "bat", "cmd"];

/// How hard a program is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal {
    kills: bool,
}

impl Signal {
    /// Ends it, whatever it does.
    pub const KILL: Self = Self { kills: true };

    /// Ctrl-C, Ctrl-Break, or the end of the console or session: programs hear it themselves.
    const HEARD: Self = Self { kills: false };
}

/// What a server hears.
#[derive(Debug)]
pub enum Happened {
    /// A program may have ended.
    Ended,
    /// Somebody has told the server to end.
    Told(Signal),
}

/// How often the server was told. The handler of a process can only count.
static TOLD: AtomicU32 = AtomicU32::new(0);

/// How many programs have ended.
static ENDED: AtomicU32 = AtomicU32::new(0);

/// # Safety
/// Windows calls it, with any number, in a thread of its own.
unsafe extern "system" fn count(_: u32) -> i32 {
    TOLD.fetch_add(1, Ordering::Relaxed);
    1
}

/// Reports what happens, as long as somebody wants to know.
///
/// # Errors
/// Ctrl-C cannot be caught, or no thread started.
pub fn watch(report: impl Fn(Happened) -> bool + Send + 'static) -> io::Result<()> {
    static CAUGHT: OnceLock<bool> = OnceLock::new();
    // SAFETY: the handler is there as long as the process.
    let caught = CAUGHT.get_or_init(|| unsafe { SetConsoleCtrlHandler(Some(count), 1) != 0 });
    if !caught {
        return Err(io::Error::last_os_error());
    }
    let watch = move || {
        let (mut told, mut ended) = (0, 0);
        loop {
            thread::sleep(LOOK_EVERY);
            let is_new = |counter: &AtomicU32, seen: &mut u32| {
                let now = counter.load(Ordering::Relaxed);
                std::mem::replace(seen, now) != now
            };
            let has_ended = is_new(&ENDED, &mut ended) && !report(Happened::Ended);
            let is_told = is_new(&TOLD, &mut told) && !report(Happened::Told(Signal::HEARD));
            if has_ended || is_told {
                return;
            }
        }
    };
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}

/// A program, and what carries its input and output.
#[derive(Debug)]
pub struct Program {
    child: Child,
    output: Option<JoinHandle<()>>,
    has_ended: Arc<AtomicBool>,
}

impl Program {
    /// Starts it, its input and output on an end.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(mut command: Command, end: &Arc<File>) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            unreachable!("both are pipes")
        };
        let has_ended = Arc::new(AtomicBool::new(false));
        let (input_end, stops) = (Arc::clone(end), Arc::clone(&has_ended));
        let input = move || carry_input(&input_end, stdin, &stops);
        let output_end = Arc::clone(end);
        let output = move || {
            carry_output(stdout, &output_end);
            drop(output_end);
            ENDED.fetch_add(1, Ordering::Relaxed);
        };
        let started = thread::Builder::new()
            .name("input".into())
            .spawn(input)
            .and_then(|_| thread::Builder::new().name("output".into()).spawn(output));
        match started {
            Ok(output) => Ok(Self { child, output: Some(output), has_ended }),
            Err(error) => {
                has_ended.store(true, Ordering::Relaxed);
                let _ = child.kill();
                Err(error)
            }
        }
    }

    /// How it has ended; `None`: it has not, or not all that it has written was carried yet.
    ///
    /// # Errors
    /// None.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.output.as_ref().is_some_and(|output| !output.is_finished()) {
            return Ok(None);
        }
        // A program that has closed its output is about to end, and nobody tells when it does.
        let status = match self.child.try_wait()? {
            Some(status) => status,
            None => {
                ENDED.fetch_add(1, Ordering::Relaxed);
                return Ok(None);
            }
        };
        self.has_ended.store(true, Ordering::Relaxed);
        Ok(Some(status))
    }

    /// Ends it, if that is meant.
    pub fn signal(&mut self, signal: Signal) {
        if signal.kills {
            // It may have ended.
            let _ = self.child.kill();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
    }
}

/// What comes from the client, up to its end or an empty message.
fn carry_input(end: &File, mut stdin: ChildStdin, stops: &AtomicBool) {
    let mut message = vec![0; MESSAGE_MAX_BYTES];
    loop {
        let limit = || stops.load(Ordering::Relaxed).then_some(Duration::ZERO);
        match ends::until_ready(end, false, limit) {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return,
        }
        let count = match (&*end).read(&mut message) {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        // A program that reads no more is not to be waited for.
        if stdin.write_all(&message[..count]).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

/// What the program writes, up to its end.
fn carry_output(mut stdout: ChildStdout, end: &File) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(count @ 1..) = stdout.read(&mut chunk) {
        if (&*end).write_all(&chunk[..count]).is_err() {
            return;
        }
    }
}

/// Tells a program who its client is.
pub fn describe_client(command: &mut Command, client: &Peer) {
    command.env("PIPEFS_CLIENT_PID", client.pid.to_string());
}

/// By what a file is known from others that had its name.
#[must_use]
pub fn identity(file: &Metadata) -> u64 {
    file.creation_time()
}

/// Makes sure that a program can be found, so that a mistake shows before the first client does.
///
/// # Errors
/// [`Exit::Usage`]: it cannot.
pub fn check(program: &OsStr) -> Result<(), Failure> {
    let path = Path::new(program);
    let can_run = |path: &Path| {
        let with = |extension| [path.as_os_str(), OsStr::new(extension)].join(OsStr::new("."));
        path.is_file() || EXTENSIONS.iter().any(|extension| Path::new(&with(extension)).is_file())
    };
    let failure = |what| {
        let message = format!("`{}` {what}", shown(path));
        Err(Failure::new(Exit::Usage, message))
    };
    if path.components().count() > 1 {
        return match can_run(path) {
            true => Ok(()),
            false => failure("is no program that can be run"),
        };
    }
    let directories = env::var_os("PATH").unwrap_or_default();
    match env::split_paths(&directories).any(|directory| can_run(&directory.join(path))) {
        true => Ok(()),
        false => failure("is no program in any directory of `PATH`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_as_windows_finds_them() {
        assert_eq!(check(OsStr::new("cmd")), Ok(()));
        assert_eq!(check(OsStr::new("cmd.exe")), Ok(()));
        let exits = |name: &str| check(OsStr::new(name)).unwrap_err().exit;
        assert_eq!(exits("no such program"), Exit::Usage);
        assert_eq!(
            exits(
                r"C:
o such program.exe"
            ),
            Exit::Usage
        );
    }
}
