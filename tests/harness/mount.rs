//! A mounted driver for the length of a test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::deadline::{PATIENCE, Task, comes_true};
use super::errno::Errno;
use super::process::command;
use super::sys::{self, Fd};
use super::{uring, watchdog};

/// How long a mount may take to answer.
const MOUNT_DEADLINE: Duration = Duration::from_secs(10);

/// How long the driver may take to end after SIGTERM.
const END_DEADLINE: Duration = Duration::from_secs(5);

/// How long a test may use its mount, unless it says more with [`Mount::lasting`].
pub const LIFE: Duration = Duration::from_secs(60);

/// The magic number of FUSE in statfs(2), from linux/magic.h.
const FUSE_SUPER_MAGIC: i64 = 0x6573_5546;

/// The command under test, as it was built with the tests.
pub fn pipefs() -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_pipefs"));
    command.env(watchdog::MARK, watchdog::base());
    command
}

/// Whether this process may use FUSE here.
pub fn fuse_is_usable() -> bool {
    Fd::open("/dev/fuse", libc::O_RDWR).is_ok()
}

/// Says on the real standard error, past libtest's capture, that a test was skipped.
/// `here` is the path of a function inside the test's.
pub fn say_skipped(here: &str, why: &str) {
    let name = here.trim_end_matches("::here");
    let name = name.split_once("::").map_or(name, |(_crate, path)| path);
    let line = format!("skipped: {name}: {why}\n");
    // One write, so that lines of parallel tests do not mix. If it fails there is nobody to tell.
    let _ = std::io::Write::write_all(&mut File::from(stderr()), line.as_bytes());
}

fn stderr() -> std::os::fd::OwnedFd {
    use std::os::fd::AsFd;
    std::io::stderr().as_fd().try_clone_to_owned().expect("standard error is open")
}

/// A mounted pipe directory with the driver as a child in the foreground.
///
/// When it is dropped the driver gets SIGTERM and the directory is removed; a driver that
/// panicked, failed, or did not end by itself fails the test.
///
/// A test may make system calls on the mount from its own thread: when it takes longer than a
/// minute the driver is killed, which ends every call with an error, and the test fails.
#[derive(Debug)]
pub struct Mount {
    place: PathBuf,
    dir: PathBuf,
    driver: std::process::Child,
    log: File,
    /// Kills the driver when this is not dropped in time.
    life: Option<Life>,
    /// Set by [`Mount::wait`]: the test has seen to the end itself.
    ended: Option<ExitStatus>,
}

impl Mount {
    /// Mounts with the defaults.
    #[track_caller]
    pub fn new() -> Self {
        Self::with::<&str>(&[])
    }

    /// Mounts with more arguments, as in `Mount::with(&["-o", "capacity=4K"])`.
    #[track_caller]
    pub fn with<S: AsRef<OsStr>>(arguments: &[S]) -> Self {
        let mut command = pipefs();
        command.args(["mount", "-f"]).args(arguments);
        if !uring::is_wanted() {
            return Self::start(&mut command);
        }
        let mount = Self::start(command.args(["-o", "uring"]));
        assert_ne!(uring::rings_of(mount.pid()), 0, "not over io_uring:\n{}", mount.log());
        mount
    }

    /// Gives the test more time than a minute, counted from now.
    #[must_use]
    pub fn lasting(mut self, life: Duration) -> Self {
        let driver = self.pid();
        self.life = None;
        // The driver is not reaped while its life lasts, so the pid is its own.
        self.life = Some(Life::start(life, move || sys::kill(driver, libc::SIGKILL)));
        self
    }

    #[track_caller]
    fn start(command: &mut Command) -> Self {
        let place = watchdog::new_directory();
        let dir = place.join("mnt");
        fs::create_dir(&dir).expect("a mount point can be made");
        let log = sys::memory_file("driver");
        let output = || log.try_clone().expect("a descriptor can be duplicated");
        command.arg(&dir).stdin(Stdio::null()).stdout(output()).stderr(output()).process_group(0);
        let driver = sys::spawn(command).expect("the driver can be started");
        let mut mount = Self { place, dir, driver, log, life: None, ended: None };
        mount.wait_until_it_answers();
        mount.lasting(LIFE)
    }

    #[track_caller]
    fn wait_until_it_answers(&mut self) {
        let pid = self.pid();
        let dir = self.dir.clone();
        let mut ended = false;
        let there = comes_true(MOUNT_DEADLINE, || {
            ended = sys::wait_for_exit(pid, Duration::ZERO);
            ended || is_mounted(&dir)
        });
        if ended {
            let status = self.wait(END_DEADLINE);
            panic!("the driver ended before the mount answered ({status}):\n{}", self.log());
        }
        // In a thread: a mount that is there but does not answer would hold this one for ever.
        let mut answer = Task::spawn(move || sys::statfs(&dir).map(|info| info.f_type));
        if !there || !answer.ends_within(MOUNT_DEADLINE) {
            panic!("no answer from the mount within {MOUNT_DEADLINE:?}:\n{}", self.log());
        }
        assert_eq!(answer.join(Duration::ZERO), Ok(FUSE_SUPER_MAGIC), "{}", self.log());
    }

    /// The mount point.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A name below the mount point.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// Makes a pipe that has no instance.
    #[track_caller]
    pub fn make(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_NONBLOCK;
        match Fd::open(&path, flags) {
            Ok(file) => file.close().expect("a new pipe can be closed"),
            Err(error) => panic!("{name} cannot be made: {error:?}"),
        }
        path
    }

    /// Opens a pipe where that succeeds without waiting.
    #[track_caller]
    pub fn open(&self, name: &str, flags: i32) -> Fd {
        let opened = self.opening(name, flags).join(PATIENCE);
        opened.unwrap_or_else(|error| panic!("open of {name} with flags {flags:#o}: {error:?}"))
    }

    /// Opens a pipe where that fails without waiting; success is a failure here.
    #[track_caller]
    pub fn refused(&self, name: &str, flags: i32) -> Errno {
        let opened = self.opening(name, flags).join(PATIENCE);
        opened.expect_err("it was to be refused")
    }

    /// Opens a pipe in a thread of its own, where that may wait.
    pub fn opening(&self, name: &str, flags: i32) -> Task<Result<Fd, Errno>> {
        let path = self.path(name);
        Task::spawn(move || Fd::open(path, flags))
    }

    /// The driver's process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.driver.id()).expect("a pid fits")
    }

    /// The driver's resident memory, all of it.
    pub fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("the driver is running");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        let kib: Option<u64> = number.and_then(|number| number.parse().ok());
        kib.expect("the kernel says it in kB") * 1024
    }

    /// What the driver has printed so far.
    pub fn log(&self) -> String {
        let length = self.log.metadata().map_or(0, |metadata| metadata.len());
        let mut bytes = vec![0; usize::try_from(length).expect("the log fits in memory")];
        self.log.read_exact_at(&mut bytes, 0).expect("a file in memory can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends the driver a signal. When it ends by that, take its status with [`Mount::wait`].
    pub fn signal(&self, signal: i32) {
        assert!(self.ended.is_none(), "the driver has ended");
        sys::kill(self.pid(), signal).expect("the driver can be signalled");
    }

    /// Waits for the driver's end; after that, its status is the test's to judge.
    ///
    /// # Panics
    /// When it does not come within the deadline.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> ExitStatus {
        if self.ended.is_none() {
            assert!(
                sys::wait_for_exit(self.pid(), deadline),
                "the driver has not ended within {deadline:?}:\n{}",
                self.log()
            );
            self.life = None;
            self.ended = Some(self.driver.wait().expect("the driver can be waited for"));
        }
        self.ended.expect("it was just set")
    }

    /// Ends the driver, by force if need be, and says what was wrong with its end.
    fn take_down(&mut self) -> Result<(), String> {
        let asked = self.ended.is_none();
        let mut wrong = None;
        if self.life.take().is_some_and(|life| life.is_over()) {
            wrong = Some("the test took too long, so its driver was killed".into());
        }
        if asked {
            // It may be a zombie already: then it has ended by itself, which the status tells.
            let _ = sys::kill(self.pid(), libc::SIGTERM);
            if !sys::wait_for_exit(self.pid(), END_DEADLINE) {
                wrong.get_or_insert_with(|| format!("not ended {END_DEADLINE:?} after SIGTERM"));
                let _ = sys::kill(self.pid(), libc::SIGKILL);
            }
            self.ended = self.driver.wait().ok();
        }
        if is_mounted(&self.dir) {
            unmount_lazily(&self.dir);
            if asked {
                wrong.get_or_insert_with(|| "the driver left the mount behind".into());
            }
        }
        let status = self.ended.unwrap_or_else(|| ExitStatus::from_raw(0));
        if asked && !status.success() {
            wrong.get_or_insert_with(|| format!("the driver ended with {status}"));
        }
        if self.log().contains("panicked") {
            wrong = Some("the driver panicked".into());
        }
        let removed = fs::remove_dir(&self.dir).and_then(|()| fs::remove_dir_all(&self.place));
        if let Err(error) = removed {
            wrong.get_or_insert_with(|| format!("the mount point could not be removed: {error}"));
        }
        wrong.map_or(Ok(()), Err)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let result = self.take_down();
        if thread::panicking() {
            eprintln!("--- the driver's log of {}\n{}", self.dir.display(), self.log());
        } else if let Err(wrong) = result {
            panic!("{wrong}\n--- its log\n{}", self.log());
        }
    }
}

/// The time that a test has for its mount.
#[derive(Debug)]
pub struct Life {
    over: Arc<AtomicBool>,
    /// Dropping it ends the thread; which is joined, so that it ends nobody later.
    end: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Life {
    /// Calls `end_it` when this has not been dropped within `life`.
    pub fn start<T>(life: Duration, end_it: impl FnOnce() -> T + Send + 'static) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (end, ended) = mpsc::channel();
        let thread = thread::spawn({
            let over = Arc::clone(&over);
            move || {
                if ended.recv_timeout(life) == Err(mpsc::RecvTimeoutError::Timeout) {
                    over.store(true, Ordering::Relaxed);
                    end_it();
                }
            }
        });
        Self { over, end: Some(end), thread: Some(thread) }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the thread does not panic");
        }
    }
}

/// Whether something is mounted on this directory, without touching it.
pub fn is_mounted(dir: &Path) -> bool {
    let wanted = dir.to_str().expect("test directories have plain names").replace(' ', "\\040");
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("/proc is mounted");
    mounts.lines().any(|line| line.split(' ').nth(4) == Some(&wanted))
}

/// Takes the mount away from its directory, whoever still uses it.
pub fn unmount_lazily(dir: &Path) {
    for program in [["umount", "-l"].as_slice(), &["fusermount3", "-u", "-z"]] {
        if is_mounted(dir) {
            let mut command = command(program[0]);
            command.args(&program[1..]).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
            // Whether it worked is seen by the next look at the mounts.
            let _ = sys::spawn(&mut command).and_then(|mut child| child.wait());
        }
    }
}
