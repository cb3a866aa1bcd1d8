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

use crate::floor::Kind;
use crate::options::Options;
use crate::process;
use crate::syscalls;

/// How long a driver may take until its mount is there, or is gone.
const MOUNT_DEADLINE: Duration = Duration::from_secs(10);

/// Whether the kernel offers FUSE over io_uring.
const ENABLE_URING: &str = "/sys/module/fuse/parameters/enable_uring";

/// The longest message of a message pipe.
const MAX_MESSAGE_BYTES: usize = (1 << 20) - 4096;

/// One column of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arm {
    /// mkfifo as it is: 64 KiB
    Fifo,
    /// mkfifo with F_SETPIPE_SZ 1 MiB
    FifoLarge,
    /// Two connected Unix stream sockets
    Socket,
    /// The FUSE driver that does nothing, with one thread
    Floor,
    /// The same with a thread for each CPU, on descriptors of their own
    FloorThreads,
    /// pipefs as it is
    Pipefs,
    /// pipefs with -o uring, if root has enabled that
    Uring,
    /// pipefs with type=message
    Message,
    /// pipefs with mode=shared
    Shared,
    /// pipefs with mode=shared and type=message
    SharedMessage,
    /// pipefs with mode=broadcast
    Broadcast,
    /// pipefs with mode=broadcast and type=message
    BroadcastMessage,
    /// pipefs as it is, with thousands of readers that wait in the same mount
    Crowded,
}

impl Arm {
    /// The column's heading.
    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Fifo => "mkfifo",
            Self::FifoLarge => "mkfifo 1 MiB",
            Self::Socket => "socket",
            Self::Floor => "floor",
            Self::FloorThreads => "floor, threads",
            Self::Pipefs => "pipefs",
            Self::Uring => "pipefs, uring",
            Self::Message => "pipefs, message",
            Self::Shared => "shared",
            Self::SharedMessage => "shared, message",
            Self::Broadcast => "broadcast",
            Self::BroadcastMessage => "broadcast, message",
            Self::Crowded => "pipefs beside parked readers",
        }
    }

    /// The name used for directories and in JSON.
    pub(crate) fn key(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Whether what is read is made up, and never ends.
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Self::Floor | Self::FloorThreads)
    }

    /// Whether a driver of ours stands behind it.
    pub(crate) fn is_mount(self) -> bool {
        !matches!(self, Self::Fifo | Self::FifoLarge | Self::Socket)
    }

    /// Whether this machine has it.
    fn is_offered(self) -> bool {
        self != Self::Uring || fs::read_to_string(ENABLE_URING).is_ok_and(|on| on == "Y\n")
    }

    /// The mount options that make it what it is.
    fn mount_options(self) -> Option<&'static str> {
        match self {
            Self::Uring => Some("uring"),
            Self::Message => Some("type=message"),
            Self::Shared => Some("mode=shared"),
            Self::SharedMessage => Some("mode=shared,type=message"),
            Self::Broadcast => Some("mode=broadcast"),
            Self::BroadcastMessage => Some("mode=broadcast,type=message"),
            _ => None,
        }
    }

    /// The largest block that it takes in one piece: a message has a page less than a request.
    pub(crate) fn block(self, wanted: usize) -> usize {
        match self {
            Self::Message | Self::SharedMessage | Self::BroadcastMessage => {
                wanted.min(MAX_MESSAGE_BYTES)
            }
            _ => wanted,
        }
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
    /// Makes the directory below `base` and starts the driver if the arm has one: a floor of that
    /// kind, or pipefs with `more` mount options.
    pub(crate) fn open(
        arm: Arm,
        base: &Path,
        options: &Options,
        kind: Kind,
        more: Option<&str>,
    ) -> io::Result<Self> {
        let directory = base.join(arm.key());
        fs::create_dir_all(&directory)?;
        let driver = match arm {
            _ if !arm.is_mount() => None,
            Arm::Floor | Arm::FloorThreads => {
                let cpus = std::thread::available_parallelism().map_or(1, usize::from);
                let threads = if arm == Arm::Floor { 1 } else { cpus };
                let kind = kind.to_possible_value().ok_or_else(|| io::Error::other("no kind"))?;
                let mut command = process::own_command()?;
                command.arg("floor").arg(kind.get_name()).arg(&directory);
                command.arg(threads.to_string());
                Some(Driver::start(command, &directory)?)
            }
            _ => {
                let default = Path::new(env!("CARGO_BIN_EXE_pipefs"));
                let mut command = Command::new(options.driver.as_deref().unwrap_or(default));
                command.args(["mount", "-f"]);
                let given = options.mount_options.as_deref();
                for mount_options in given.into_iter().chain(arm.mount_options()).chain(more) {
                    command.args(["-o", mount_options]);
                }
                command.arg(&directory);
                Some(Driver::start(command, &directory)?)
            }
        };
        Ok(Self { arm, directory, driver, failed: Cell::new(false) })
    }

    /// Opens what of `arms` the command line wants; those that cannot be are failures.
    pub(crate) fn open_all(
        arms: &[Arm],
        base: &Path,
        options: &Options,
        kind: Kind,
        failures: &mut Vec<(Arm, String)>,
    ) -> Vec<Self> {
        let mut sites = Vec::new();
        for &arm in arms.iter().filter(|arm| options.wants(**arm)) {
            if !arm.is_offered() {
                eprintln!("no {}: `echo Y > {ENABLE_URING}` as root", arm.heading());
                continue;
            }
            match Self::open(arm, base, options, kind, None) {
                Ok(site) => sites.push(site),
                Err(error) => failures.push((arm, error.to_string())),
            }
        }
        sites
    }

    /// CPU seconds that the driver, if there is one, has used.
    pub(crate) fn driver_cpu(&self) -> io::Result<f64> {
        match &self.driver {
            Some(driver) => Ok(process::cpu_time(driver.id())?.as_secs_f64()),
            None => Ok(0.0),
        }
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
