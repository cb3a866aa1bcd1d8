//! A mounted driver for the length of a test.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use super::deadline::{Task, comes_true};
use super::process::command;
use super::{sys, watchdog};

/// How long a mount may take to answer.
const MOUNT_DEADLINE: Duration = Duration::from_secs(10);

/// How long the driver may take to end after SIGTERM.
const END_DEADLINE: Duration = Duration::from_secs(5);

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
    sys::Fd::open("/dev/fuse", libc::O_RDWR).is_ok()
}

/// Says on the real standard error, past libtest's capture, that a test was skipped.
/// `here` is the path of a function inside the test's.
pub fn say_skipped(here: &str) {
    let name = here.trim_end_matches("::here");
    let name = name.split_once("::").map_or(name, |(_crate, path)| path);
    let line = format!("skipped: {name}: no /dev/fuse\n");
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
#[derive(Debug)]
pub struct Mount {
    place: PathBuf,
    dir: PathBuf,
    driver: std::process::Child,
    log: File,
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
        Self::start(pipefs().args(["mount", "-f"]).args(arguments), None)
    }

    /// Mounts as another user, who owns the mount point.
    #[track_caller]
    pub fn as_user<S: AsRef<OsStr>>(uid: u32, gid: u32, arguments: &[S]) -> Self {
        let mut command = pipefs();
        command.args(["mount", "-f"]).args(arguments);
        sys::run_as_user(&mut command, uid, gid);
        Self::start(&mut command, Some((uid, gid)))
    }

    #[track_caller]
    fn start(command: &mut Command, owner: Option<(u32, u32)>) -> Self {
        let place = watchdog::new_directory();
        let dir = place.join("mnt");
        fs::create_dir(&dir).expect("a mount point can be made");
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid)).expect("root may chown");
        }
        let log = sys::memory_file("driver");
        let output = || log.try_clone().expect("a descriptor can be duplicated");
        command.arg(&dir).stdin(Stdio::null()).stdout(output()).stderr(output()).process_group(0);
        let driver = sys::spawn(command).expect("the driver can be started");
        let mut mount = Self { place, dir, driver, log, ended: None };
        mount.wait_until_it_answers();
        mount
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
            self.ended = Some(self.driver.wait().expect("the driver can be waited for"));
        }
        self.ended.expect("it was just set")
    }

    /// Ends the driver, by force if need be, and says what was wrong with its end.
    fn take_down(&mut self) -> Result<(), String> {
        let asked = self.ended.is_none();
        let mut wrong = None;
        if asked {
            // It may be a zombie already: then it has ended by itself, which the status tells.
            let _ = sys::kill(self.pid(), libc::SIGTERM);
            if !sys::wait_for_exit(self.pid(), END_DEADLINE) {
                wrong = Some(format!("the driver did not end within {END_DEADLINE:?} of SIGTERM"));
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
