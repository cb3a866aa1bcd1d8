//! What is compared: a kernel FIFO of two capacities, the floor, and pipefs.

use std::cell::Cell;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use crate::options::Options;
use crate::process;
use crate::syscalls;

/// How long a driver may take until its mount is there, or is gone.
const MOUNT_DEADLINE: Duration = Duration::from_secs(10);

/// One column of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arm {
    /// mkfifo as it is: 64 KiB
    Fifo,
    /// mkfifo with F_SETPIPE_SZ 1 MiB
    FifoLarge,
    /// The FUSE driver that does nothing, with one thread
    Floor,
    /// The same with a thread for each CPU, on descriptors of their own
    FloorThreads,
    /// pipefs as it is
    Pipefs,
}

impl Arm {
    /// The column's heading.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Fifo => "mkfifo",
            Self::FifoLarge => "mkfifo 1 MiB",
            Self::Floor => "floor",
            Self::FloorThreads => "floor, threads",
            Self::Pipefs => "pipefs",
        }
    }

    /// The name used for directories and in JSON.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Fifo => "fifo",
            Self::FifoLarge => "fifo-large",
            Self::Floor => "floor",
            Self::FloorThreads => "floor-threads",
            Self::Pipefs => "pipefs",
        }
    }

    /// Whether what is read is made up, and never ends.
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::Floor | Self::FloorThreads)
    }

    /// Whether a driver of ours stands behind it.
    pub(crate) fn is_mount(self) -> bool {
        self == Self::Pipefs || self.is_floor()
    }
}

/// Where an arm's files are, with the driver that serves them.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) arm: Arm,
    pub(crate) directory: PathBuf,
    pub(crate) driver: Option<Driver>,
    failed: Cell<bool>,
}

impl Site {
    /// Makes the directory below `base` and starts the driver if the arm has one, pipefs with
    /// `more` mount options.
    pub(crate) fn open(
        arm: Arm,
        base: &Path,
        options: &Options,
        more: Option<&str>,
    ) -> io::Result<Self> {
        let directory = base.join(arm.key());
        fs::create_dir_all(&directory)?;
        let driver = match arm {
            Arm::Fifo | Arm::FifoLarge => None,
            Arm::Floor | Arm::FloorThreads => {
                let cpus = std::thread::available_parallelism().map_or(1, usize::from);
                let threads = if arm == Arm::Floor { 1 } else { cpus };
                let mut command = process::own_command()?;
                command.arg("floor").arg(&directory).arg(threads.to_string());
                Some(Driver::start(command, &directory)?)
            }
            Arm::Pipefs => {
                let default = Path::new(env!("CARGO_BIN_EXE_pipefs"));
                let mut command = Command::new(options.driver.as_deref().unwrap_or(default));
                command.args(["mount", "-f"]);
                for mount_options in options.mount_options.as_deref().into_iter().chain(more) {
                    command.args(["-o", mount_options]);
                }
                command.arg(&directory);
                Some(Driver::start(command, &directory)?)
            }
        };
        Ok(Self { arm, directory, driver, failed: Cell::new(false) })
    }

    /// Whether a run failed here; what came after it would not be worth a number.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.get()
    }

    pub(crate) fn set_failed(&self) {
        self.failed.set(true);
    }
}

/// A running driver and its mount. Dropping it ends both.
#[derive(Debug)]
pub(crate) struct Driver {
    child: Child,
    directory: PathBuf,
}

impl Driver {
    fn start(mut command: Command, directory: &Path) -> io::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = process::spawn_bound(&mut command, libc::SIGTERM)?;
        let mut driver = Self { child, directory: directory.to_owned() };
        let deadline = Instant::now() + MOUNT_DEADLINE;
        while !is_mounted(directory)? {
            if let Some(status) = driver.child.try_wait()? {
                return Err(io::Error::other(format!("the driver ended: {status}")));
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other("the driver did not mount in time"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(driver)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        syscalls::send_signal(self.child.id().cast_signed(), libc::SIGTERM);
        let ended = process::wait_until(&mut self.child, Instant::now() + MOUNT_DEADLINE);
        if !matches!(ended, Ok(Some(_))) {
            eprintln!("the driver did not end at SIGTERM and is killed");
            let _ = self.child.kill();
            let _ = process::wait_until(&mut self.child, Instant::now() + MOUNT_DEADLINE);
        }
        unmount(&self.directory);
    }
}

/// Whether something is mounted on `directory`; asks the kernel, never the mount.
pub(crate) fn is_mounted(directory: &Path) -> io::Result<bool> {
    let wanted = directory.as_os_str().as_bytes();
    let table = fs::read("/proc/self/mountinfo")?;
    Ok(table
        .split(|&byte| byte == b'\n')
        .any(|line| line.split(|&byte| byte == b' ').nth(4) == Some(wanted)))
}

/// Takes away a mount that its driver left behind; says so if it cannot.
pub(crate) fn unmount(directory: &Path) {
    if !is_mounted(directory).unwrap_or(false) {
        return;
    }
    if syscalls::unmount_lazily(directory).is_err() {
        let mut command = Command::new("fusermount3");
        command.args(["-u", "-z"]).arg(directory);
        if !command.status().is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", directory.display());
        }
    }
}
