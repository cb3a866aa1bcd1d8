//! A child process that makes system calls one by one and says what came of each.
//!
//! The child is the test binary itself, started anew with its script in the environment. It is
//! taken over before `main`, so there is no second thread that could catch its signals, no
//! runtime that changes signal handling, and nothing else to be built or found.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use super::deadline::{PATIENCE, comes_true};
use super::errno::Errno;
use super::process::{Child, command};
use super::sys;

/// The environment variable that makes this binary an actor.
pub const SCRIPT: &str = "PIPEFS_TEST_ACTOR";

/// One system call. Those on an open file take the file that was opened last.
#[derive(Debug, Clone)]
pub enum Step {
    /// open(2) with these flags.
    Open(PathBuf, i32),
    /// close(2).
    Close,
    /// dup(2).
    Duplicate,
    /// execve(2) of true(1), to which no descriptor of a step is passed on.
    Exec,
    /// One read(2) of this size; the bytes appear in [`Actor::data`].
    Read(usize),
    /// Reads up to end of file; the result is the number of bytes.
    ReadToEnd,
    /// One write(2) of so many times this byte.
    Write(usize, u8),
    /// fsync(2).
    Fsync,
    /// ioctl(2) with this number and this structure; the result is what it returns.
    Ioctl(u32, Vec<u8>),
    /// poll(2) for these events, with a timeout in milliseconds; the result is what came.
    Poll(i16, i32),
    /// fcntl(2): sets or clears `O_NONBLOCK`.
    Nonblocking(bool),
    /// Installs an empty handler for this signal, with `SA_RESTART` if true.
    Handle(i32, bool),
    /// One SIGALRM after so many milliseconds.
    Alarm(u64),
    /// A SIGALRM every so many microseconds.
    AlarmEvery(u64),
    /// Reads up to end of file, and goes on after EINTR; the result is how often that came.
    ReadThroughAlarms,
    /// Writes so many bytes of [`sequence`] in writes of this size, and goes on after EINTR; the
    /// result is how often that came.
    WriteThroughAlarms(usize, usize),
    /// Repeats one of the steps open, read, write or fsync so many times; the result is how often
    /// it ended in EINTR. Any other error ends this.
    Repeat(u32, Box<Step>),
    /// chmod(2).
    Chmod(PathBuf, u32),
    /// chown(2), with this user and group.
    Chown(PathBuf, u32, u32),
    /// unlink(2).
    Unlink(PathBuf),
    /// rename(2).
    Rename(PathBuf, PathBuf),
    /// getxattr(2); the value appears in [`Actor::data`].
    Attribute(PathBuf, &'static str),
    /// setxattr(2) with this name and value, in which there is no space.
    SetAttribute(PathBuf, &'static str, &'static str),
    /// truncate(2).
    Truncate(PathBuf, i64),
    /// stat(2); the result is `st_ino`.
    Stat(PathBuf),
    /// Maps a page, private, and reads its first byte.
    TouchMapping,
    /// Sleeps for so many milliseconds.
    Sleep(u64),
}

/// Bytes of an endless sequence with a period that no block size divides.
pub fn sequence(start: usize, length: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..251).collect();
    let skipped = start % period.len();
    period.repeat((skipped + length).div_ceil(period.len()))[skipped..][..length].to_vec()
}

/// What came of a step.
pub type Outcome = Result<i64, Errno>;

/// A child process at work on its script.
#[derive(Debug)]
pub struct Actor {
    /// The process, to be signalled and looked at.
    pub child: Child,
    steps: Vec<Step>,
}

impl Actor {
    /// Starts a child that takes these steps and ends; a step that fails does not end it.
    #[track_caller]
    pub fn start(steps: &[Step]) -> Self {
        Self::start_with(steps, |_| ())
    }

    /// The same, as another user.
    #[track_caller]
    pub fn start_as(uid: u32, gid: u32, steps: &[Step]) -> Self {
        Self::start_with(steps, |command| sys::run_as_user(command, uid, gid))
    }

    #[track_caller]
    fn start_with(steps: &[Step], prepare: impl FnOnce(&mut std::process::Command)) -> Self {
        // Through /proc: the file may be in a directory that another user may not search.
        let mut command = command("/proc/self/exe");
        command.env(SCRIPT, OsStr::from_bytes(&script(steps)));
        prepare(&mut command);
        Self { child: Child::spawn(&mut command), steps: steps.to_vec() }
    }

    /// The outcomes of the steps that have ended.
    pub fn outcomes(&self) -> Vec<Outcome> {
        let text = self.child.stdout();
        text.lines().filter_map(|line| parse_outcome(line.strip_prefix("end ")?)).collect()
    }

    /// How many steps have been begun.
    fn begun(&self) -> usize {
        self.child.stdout().lines().filter(|line| *line == "begin").count()
    }

    /// The bytes that the steps have read.
    pub fn data(&self) -> Vec<u8> {
        self.child.stderr_bytes()
    }

    /// Waits until the last step is begun and the process sleeps in it.
    #[track_caller]
    pub fn until_waiting(&mut self) {
        self.until_waiting_in(self.steps.len() - 1);
    }

    /// Waits until this step (0 is the first) is begun and the process sleeps in it.
    #[track_caller]
    pub fn until_waiting_in(&mut self, step: usize) {
        let begun = comes_true(PATIENCE, || self.begun() > step);
        assert!(begun, "{:?} is not reached: {self:?}", self.steps[step]);
        self.child.until_waiting();
        let ended = self.outcomes();
        assert!(
            ended.len() == step,
            "{:?} was expected to wait, got {:?}",
            self.steps[step],
            ended[step]
        );
    }

    /// Waits for the end of the script, and gives the outcome of each step.
    #[track_caller]
    pub fn finish(&mut self, deadline: Duration) -> Vec<Outcome> {
        let status = self.child.wait(deadline);
        assert!(status.success(), "{status}: {self:?}");
        self.outcomes()
    }

    /// Waits for the end of the script, and gives the outcome of the last step.
    #[track_caller]
    pub fn last_outcome(&mut self, deadline: Duration) -> Outcome {
        *self.finish(deadline).last().expect("there is a step")
    }

    /// Sends a signal, waits for the end and says how long that took.
    #[track_caller]
    pub fn end_by(&mut self, signal: i32) -> (ExitStatus, Duration) {
        super::process::timed(|| {
            self.child.signal(signal);
            self.child.wait(PATIENCE)
        })
    }
}

/// Whether a process was ended by this signal.
pub fn killed_by(status: ExitStatus, signal: i32) -> bool {
    status.signal() == Some(signal)
}

/// A line per step: the word, the numbers, and a path as the rest of the line.
fn script(steps: &[Step]) -> Vec<u8> {
    let mut script = Vec::new();
    for step in steps {
        let (line, path): (String, Option<&Path>) = match step {
            Step::Open(path, flags) => (format!("open {flags}"), Some(path)),
            Step::Close => ("close".into(), None),
            Step::Duplicate => ("duplicate".into(), None),
            Step::Exec => ("exec".into(), None),
            Step::Read(size) => (format!("read {size}"), None),
            Step::ReadToEnd => ("read-to-end".into(), None),
            Step::Write(size, byte) => (format!("write {size} {byte}"), None),
            Step::Fsync => ("fsync".into(), None),
            Step::Ioctl(number, structure) => {
                let bytes: String = structure.iter().map(|byte| format!(" {byte}")).collect();
                (format!("ioctl {number}{bytes}"), None)
            }
            Step::Poll(events, timeout) => (format!("poll {events} {timeout}"), None),
            Step::Nonblocking(on) => (format!("nonblocking {}", i32::from(*on)), None),
            Step::Handle(signal, restart) => {
                (format!("handle {signal} {}", i32::from(*restart)), None)
            }
            Step::Alarm(time) => (format!("alarm {time}"), None),
            Step::AlarmEvery(time) => (format!("alarm-every {time}"), None),
            Step::ReadThroughAlarms => ("read-through-alarms".into(), None),
            Step::WriteThroughAlarms(size, piece) => {
                (format!("write-through-alarms {size} {piece}"), None)
            }
            Step::Repeat(times, step) => {
                let once = self::script(std::slice::from_ref(step));
                let once = String::from_utf8(once).expect("what is repeated is plain text");
                (format!("repeat {times} {}", once.trim_end()), None)
            }
            Step::Chmod(path, mode) => (format!("chmod {mode}"), Some(path)),
            Step::Chown(path, uid, gid) => (format!("chown {uid} {gid}"), Some(path)),
            Step::Unlink(path) => ("unlink".into(), Some(path)),
            Step::Rename(from, to) => {
                (format!("rename {}", from.to_str().expect("plain text")), Some(to))
            }
            Step::Attribute(path, name) => (format!("attribute {name}"), Some(path)),
            Step::SetAttribute(path, name, value) => {
                (format!("set-attribute {name} {value}"), Some(path))
            }
            Step::Truncate(path, length) => (format!("truncate {length}"), Some(path)),
            Step::Stat(path) => ("stat".into(), Some(path)),
            Step::TouchMapping => ("touch-mapping".into(), None),
            Step::Sleep(time) => (format!("sleep {time}"), None),
        };
        script.extend(line.into_bytes());
        if let Some(path) = path {
            let path = path.as_os_str().as_bytes();
            assert!(!path.contains(&b'\n'), "an actor's script has a line per step");
            script.extend([b" ", path].concat());
        }
        script.push(b'\n');
    }
    script
}

fn parse_outcome(text: &str) -> Option<Outcome> {
    let (word, number) = text.split_once(' ')?;
    match word {
        "ok" => Some(Ok(number.parse().ok()?)),
        "error" => Some(Err(Errno(number.parse().ok()?))),
        _ => None,
    }
}
