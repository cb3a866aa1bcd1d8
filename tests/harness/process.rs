//! Other programs: started in a process group of their own, with their output in memory, and
//! never waited for without a deadline.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::deadline::{PATIENCE, comes_true};
use super::{sys, watchdog};

/// A program to be started, with nothing on its standard input.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    command
}

/// A shell script to be run by `sh`; `arguments` are its `$1`, `$2`, …
pub fn sh<S: AsRef<OsStr>>(script: &str, arguments: &[S]) -> Command {
    let mut command = command("sh");
    command.arg("-c").arg(script).arg("sh").args(arguments);
    command
}

/// Runs a program to its end.
///
/// # Panics
/// When the deadline passes first: its process group is killed, and what it printed is shown.
#[track_caller]
pub fn run(command: &mut Command, deadline: Duration) -> Output {
    let mut child = Child::spawn(command);
    let status = child.wait(deadline);
    Output { status, stdout: child.stdout_bytes(), stderr: child.stderr_bytes() }
}

/// A running program. When it is dropped, its process group is killed.
pub struct Child {
    inner: std::process::Child,
    status: Option<ExitStatus>,
    /// Files in memory rather than pipes: nothing has to drain them, a program that outlives its
    /// parent cannot keep them open, and a test may look at any moment.
    stdout: File,
    stderr: File,
    what: String,
}

impl Child {
    /// Starts a program.
    #[track_caller]
    pub fn spawn(command: &mut Command) -> Self {
        let stdout = sys::memory_file("stdout");
        let stderr = sys::memory_file("stderr");
        command
            .env(watchdog::MARK, watchdog::base())
            .stdout(stdout.try_clone().expect("a descriptor can be duplicated"))
            .stderr(stderr.try_clone().expect("a descriptor can be duplicated"))
            .process_group(0);
        let what = format!("{command:?}");
        let inner = sys::spawn(command).unwrap_or_else(|error| panic!("{what}: {error}"));
        Self { inner, status: None, stdout, stderr, what }
    }

    /// The process, and the process group.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.inner.id()).expect("a pid fits")
    }

    /// Sends a signal to the process alone.
    pub fn signal(&self, signal: i32) {
        assert!(self.status.is_none(), "{} has been reaped, its pid may be another's", self.what);
        sys::kill(self.pid(), signal).expect("a child can be signalled");
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When the deadline passes first: the process group is killed, and what it printed is shown.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        match self.ends_within(deadline) {
            Some(status) => status,
            None => {
                let report = format!("{self:?}");
                self.kill_group();
                panic!("hung, not ended within {deadline:?}: {report}");
            }
        }
    }

    /// Waits for the end; `None` if it does not come within `time`.
    pub fn ends_within(&mut self, time: Duration) -> Option<ExitStatus> {
        if self.status.is_none() && sys::wait_for_exit(self.pid(), time) {
            self.status = Some(self.inner.wait().expect("a child can be waited for"));
        }
        self.status
    }

    /// The state of the process as a letter: R, S, D, Z, T; the worst of its threads, where D is
    /// worse than S and S worse than R.
    pub fn state(&self) -> char {
        tasks(self.pid())
            .iter()
            .filter_map(|task| Stat::read(self.pid(), *task))
            .map(|stat| stat.state)
            .max_by_key(|state| "XZRTS".find(*state).unwrap_or(usize::MAX))
            .unwrap_or('X')
    }

    /// Waits until the process sleeps, and goes on sleeping in one and the same call.
    ///
    /// # Panics
    /// When it ends, or when it does not come to rest.
    #[track_caller]
    pub fn until_waiting(&mut self) {
        let pid = self.pid();
        let asleep = comes_true(PATIENCE, || {
            let before = Stat::read(pid, pid);
            thread::sleep(Duration::from_millis(15));
            let after = Stat::read(pid, pid);
            self.ends_within(Duration::ZERO).is_some()
                || matches!((before, after), (Some(a), Some(b)) if a == b && "SD".contains(a.state))
        });
        assert!(self.status.is_none(), "expected to wait, but it has ended: {self:?}");
        assert!(asleep, "expected to wait, but it is busy: {self:?}");
    }

    /// What it has printed so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout_bytes()).into_owned()
    }

    /// What it has printed so far, as bytes.
    pub fn stdout_bytes(&self) -> Vec<u8> {
        contents(&self.stdout)
    }

    /// What it has said so far on its standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr_bytes()).into_owned()
    }

    /// What it has said so far on its standard error, as bytes.
    pub fn stderr_bytes(&self) -> Vec<u8> {
        contents(&self.stderr)
    }

    fn kill_group(&mut self) {
        // The group may be gone already: that is what is wanted.
        let _ = sys::kill(-self.pid(), libc::SIGKILL);
        self.ends_within(Duration::from_secs(5));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.kill_group();
            let unkillable = self.status.is_none();
            assert!(!unkillable || thread::panicking(), "SIGKILL did not end it: {self:?}");
        }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {}", self.what, self.pid())?;
        match self.status {
            Some(status) => write!(f, ", {status})")?,
            None => {
                let read = |file| {
                    fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap_or_default()
                };
                write!(f, ", state {}, in {}", self.state(), read("wchan"))?;
                write!(f, ")\n--- kernel stack\n{}", read("stack"))?;
            }
        }
        write!(f, "\n--- stdout\n{}\n--- stderr\n{}", tail(&self.stdout()), tail(&self.stderr()))
    }
}

fn contents(file: &File) -> Vec<u8> {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = vec![0; usize::try_from(length).expect("the output fits in memory")];
    file.read_exact_at(&mut bytes, 0).expect("a file in memory can be read");
    bytes
}

/// The last 2,000 characters: enough to see how a program ended.
fn tail(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(2_000);
    text.chars().skip(skipped).collect()
}

/// The threads of a process.
pub fn tasks(pid: i32) -> Vec<i32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What a thread does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// R, S, D, Z, T, …
    pub state: char,
    /// How often it has gone to sleep; while this stays, it is in one and the same sleep.
    pub sleeps: u64,
}

impl Stat {
    /// Reads it from /proc; `None` if the thread has ended.
    pub fn read(pid: i32, task: i32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{task}/status")).ok()?;
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
        Some(Self {
            state: field("State:")?.chars().next()?,
            sleeps: field("voluntary_ctxt_switches:")?.parse().ok()?,
        })
    }
}

/// How long `work` took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
