//! One process of a storm: it does whatever a seed makes it think of, until its time is over.
//!
//! The process is the test binary itself, taken over before `main`: it starts at once and has one
//! thread. Its notes are its standard output; what is wrong it says on standard error.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use libc::{O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_WRONLY};
use serde_json::json;

use super::ledger::{Event, note};
use super::pipes::{KEPT, PIPES, directory, names, set, state};
use super::sessions;
use crate::harness::random::Random;
use crate::harness::{Errno, Fd, command, sys};

/// What a worker has to do: the directory, the seed, its number, and its time in milliseconds.
const WORK: &str = "PIPEFS_TEST_STORM";

/// The number of the process that comes last.
pub(super) const DRAINER: u64 = 1 << 30;

/// The status of a worker that has seen something wrong.
const WRONG: i32 = 3;

/// A signal of its own ends a call that waits for longer than this, so that nobody waits for those
/// who never come.
const PATIENCE: Duration = Duration::from_millis(250);

/// Called by the C runtime before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static TAKE_OVER: extern "C" fn() = {
    #[expect(clippy::disallowed_methods, reason = "a worker has no mount to take down")]
    extern "C" fn take_over() {
        if let Some(work) = std::env::var_os(WORK) {
            let work = work.into_string().expect("the storm's words are plain");
            let status = std::panic::catch_unwind(|| Worker::new(&work).work());
            std::process::exit(if status.is_ok() { 0 } else { WRONG });
        }
    }
    take_over
};

/// The command that becomes a worker.
pub(super) fn start(dir: &Path, seed: u64, number: u64, time: Duration) -> Command {
    let mut command = command("/proc/self/exe");
    let work = format!("{seed} {number} {} {}", time.as_millis(), dir.display());
    command.env(WORK, work);
    command
}

/// A process at work.
pub(super) struct Worker {
    pub(super) dir: PathBuf,
    pub(super) random: Random,
    /// The next stream's number; nobody else has it.
    next_stream: u64,
    /// It reads what the others left, all of it, and does nothing else.
    pub(super) drains: bool,
    end: Instant,
    pub(super) operations: u64,
    pub(super) buffer: Vec<u8>,
}

impl Worker {
    fn new(work: &str) -> Self {
        let mut words = work.splitn(4, ' ');
        let mut number =
            || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
        let (seed, which, time) = (number(), number(), Duration::from_millis(number()));
        Self {
            dir: PathBuf::from(words.next().expect("a directory")),
            random: Random::new(seed ^ which.wrapping_mul(0x9E6D_62D0_6F6A_9A9B)),
            next_stream: which << 24,
            drains: which == DRAINER,
            end: Instant::now() + time,
            operations: 0,
            buffer: vec![0; (1 << 20) + (64 << 10)],
        }
    }

    fn work(mut self) {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGALRM] {
            sys::handle_signal(signal, false).expect("a handler can be installed");
        }
        sys::alarm_after(PATIENCE, true).expect("an alarm can be set");
        self.note(Event::Began, 0, 0, 0);
        if self.drains {
            return self.drain();
        }
        while !self.is_over() {
            let pipe = self.random.below(PIPES as u64) as usize;
            match self.random.below(10) {
                0 => self.change(pipe),
                1 => self.look(pipe),
                2..=5 => sessions::write(&mut self, pipe),
                _ => sessions::read(&mut self, pipe),
            }
        }
        self.note(Event::Left, 0, 0, 0);
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
    }

    pub(super) fn new_stream(&mut self) -> u64 {
        self.next_stream += 1;
        self.next_stream
    }

    pub(super) fn note(&self, event: Event, pipe: usize, stream: u64, number: u64) {
        note(event, pipe, stream, number, self.operations);
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.random.below(times) == 0
    }

    /// Counts a call, and makes sure that it failed, if at all, as it may.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub(super) fn expect<T>(
        &mut self,
        result: Result<T, Errno>,
        may: &[Errno],
    ) -> Result<T, Errno> {
        self.operations += 1;
        if let Err(error) = &result {
            assert!(*error == Errno::EINTR || may.contains(error), "{error:?}, not one of {may:?}");
        }
        result
    }

    /// Opens a pipe by the name that it has now; `None`: it could not be opened.
    pub(super) fn open(&mut self, pipe: usize, flags: i32) -> Option<Fd> {
        let flags = if self.drains || self.once_in(3) { flags | O_NONBLOCK } else { flags };
        let wild = pipe >= KEPT;
        let create = if wild && flags & O_ACCMODE != O_RDONLY { O_CREAT } else { 0 };
        for name in names(&self.dir, pipe) {
            let opened = Fd::open(&name, flags | create);
            let may = [Errno::ENOENT, Errno::EBUSY, Errno::ETIMEDOUT, Errno::ENXIO, Errno::EACCES];
            // Only a wild pipe may have a direction that does not suit.
            let may = if wild { &may[..] } else { &may[..4] };
            match self.expect(opened, may) {
                Ok(file) => {
                    if flags & O_NONBLOCK != 0 && self.once_in(2) {
                        file.set_nonblocking(false).expect("fcntl does not fail");
                    }
                    return Some(file);
                }
                Err(Errno::ENOENT) => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// Settings and names.
    fn change(&mut self, pipe: usize) {
        let [mut from, mut to] = names(&self.dir, pipe);
        if self.once_in(2) {
            std::mem::swap(&mut from, &mut to);
        }
        let wild = pipe >= KEPT;
        match self.random.below(8) {
            0 | 1 => {
                let moved = std::fs::rename(&from, &to).map_err(Errno::from);
                let _ = self.expect(moved, &[Errno::ENOENT, Errno::EBUSY]);
            }
            2 if wild => {
                let removed = std::fs::remove_file(&from).map_err(Errno::from);
                let _ = self.expect(removed, &[Errno::ENOENT]);
            }
            3 if wild => {
                let made = Fd::open(&from, O_WRONLY | O_CREAT | O_EXCL | O_NONBLOCK);
                let made = self.expect(made, &[Errno::EEXIST]).map(drop);
                for (key, values) in [
                    ("mode", ["shared", "broadcast", "instance"]),
                    ("type", ["message", "byte", "byte"]),
                ] {
                    let value = self.random.pick(&values);
                    if made.is_ok() {
                        let _ = self.expect(set(&from, key, value), &MAY_NOT_SET);
                    }
                }
            }
            4 => {
                let mode = *self.random.pick(&[0o600, 0o644, 0o666]);
                let _ = self.expect(sys::chmod(&from, mode), &[Errno::ENOENT]);
            }
            _ => self.change_setting(&from, wild),
        }
    }

    fn change_setting(&mut self, path: &Path, wild: bool) {
        let harmless: [(&str, &[&str]); 4] = [
            ("capacity", &["1", "4K", "64K", "1M", "2M"]),
            ("wait_timeout", &["none", "10ms", "1s"]),
            ("open", &["wait", "wait", "fail"]),
            ("max_instances", &["unlimited", "255"]),
        ];
        let harmful: [(&str, &[&str]); 3] = [
            ("linger", &["keep", "drop", "flush"]),
            ("lifetime", &["keep", "last-close"]),
            ("overflow", &["block", "drop-newest", "error"]),
        ];
        let (key, values) = match wild && self.once_in(2) {
            true => *self.random.pick(&harmful),
            false => *self.random.pick(&harmless),
        };
        let value = self.random.pick(values);
        let _ = self.expect(set(path, key, value), &MAY_NOT_SET);
    }

    /// What does not open a pipe.
    fn look(&mut self, pipe: usize) {
        let [path, _] = names(&self.dir, pipe);
        match self.random.below(4) {
            0 => drop(self.expect(state(&path), &[Errno::ENOENT])),
            1 => drop(self.expect(sys::stat(&path), &[Errno::ENOENT])),
            2 => {
                let listed = std::fs::read_dir(directory(&self.dir, pipe)).map(Iterator::count);
                let _ = self.expect(listed.map_err(Errno::from), &[]);
            }
            _ => {
                let dir = directory(&self.dir, pipe).join("inner");
                let made = std::fs::create_dir(&dir).map_err(Errno::from);
                let _ = self.expect(made, &[Errno::EEXIST]);
                let removed = std::fs::remove_dir(&dir).map_err(Errno::from);
                let _ = self.expect(removed, &[Errno::ENOENT]);
            }
        }
    }

    /// Reads what is left in the pipes that are kept, when the others have gone.
    fn drain(&mut self) {
        for pipe in 0..KEPT {
            for name in names(&self.dir, pipe) {
                let left = || state(&name).is_ok_and(|state| state["instances"] != json!([]));
                while left() && !self.is_over() {
                    sessions::read(self, pipe);
                }
            }
        }
        self.note(Event::Left, 0, 0, 0);
    }
}

/// How changing a setting may fail.
const MAY_NOT_SET: [Errno; 2] = [Errno::ENOENT, Errno::EBUSY];
