//! A mount's life: made, served by its threads, stopped.

use std::fs::File;
use std::io;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use fuser::{Config as FuserConfig, Session, SessionACL};
use log::{debug, info, warn};
use nix::unistd::{getegid, geteuid};
use pipefs::{Attributes, Bounds, Engine, Settings};
use serde_json::Value;

use super::data::ring::{self, Owner};
use super::data::transport::Transports;
use super::data::wire;
use super::device::{Channel, Device, return_freed_memory};
use super::driver::Driver;
use super::mounting::{self, Greeter};
use super::route::swallow_reply;
use super::survive::Surviving;
use crate::linux::mountinfo::Entry;
use crate::linux::mountpoint::Claim;
use crate::linux::unmount::{UnmountError, unmount, unmount_from_outside};
use crate::survive::survive;

/// Most data threads. The kernel wakes the one that has slept longest, so that every one more makes
/// each of them colder; more than this many have not been measured.
const MAX_DATA_THREADS: usize = 4;

/// Whether the kernel offers that.
const ENABLE_URING: &str = "/sys/module/fuse/parameters/enable_uring";

/// How long another process may take to unmount before the driver ends all the same.
const UNMOUNT_WITHIN: Duration = Duration::from_secs(3);

/// What a mount is made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Other users may use the mount (`allow_other`); the root directory is 1777 then, else 0755.
    pub allow_other: bool,
    /// `fusermount3` unmounts when the driver dies; needs `allow_other`.
    pub auto_unmount: bool,
    /// Limits of all pipes together.
    pub bounds: Bounds,
    /// Settings of new pipes.
    pub defaults: Settings,
    /// The source shown by `mount` and `df`.
    pub fsname: String,
    /// Requests come over io_uring, if the kernel offers that.
    pub uring: bool,
}

/// A mount that is there but not served yet.
pub struct Mounted {
    driver: Arc<Driver>,
    rings: Vec<Owner>,
    control: Session<Surviving>,
    stopper: Stopper,
    gone: std::sync::mpsc::Receiver<io::Result<()>>,
}

/// A served mount for any thread: tells its state, and takes it down.
#[derive(Debug, Clone)]
pub struct Stopper {
    driver: Arc<Driver>,
    mount: Entry,
    gone: Sender<io::Result<()>>,
}

/// Mounts on a directory and negotiates with the kernel. No thread is started.
///
/// # Errors
/// What mount(2) or fusermount3 said; or the mount is not where it was to be.
pub fn mount(claim: &Claim, config: &Config) -> io::Result<Mounted> {
    return_freed_memory();
    let rings = rings(config);
    let takes_rings = Arc::new(AtomicBool::new(false));
    let greeter = Greeter { has_rings: !rings.is_empty(), takes_rings: Arc::clone(&takes_rings) };
    let session = mounting::mount(claim, config, greeter)?;
    let rings = taken(rings, takes_rings.load(Ordering::SeqCst));
    let mount = claim.mounted().inspect_err(|error| {
        // Else it is elsewhere: what is here was not mounted by us.
        if error.raw_os_error().is_some() {
            claim.take_back();
        }
    })?;
    prepare(session.as_fd(), rings, &mount, config).inspect_err(|_| claim.take_back())
}

/// Everything that a mount needs besides being there.
fn prepare(
    session: BorrowedFd<'_>,
    rings: Vec<Owner>,
    mount: &Entry,
    config: &Config,
) -> io::Result<Mounted> {
    let first = Device::new(session.try_clone_to_owned()?);
    // Beside rings there is not much to read.
    let devices = if rings.is_empty() { devices(first) } else { vec![first] };
    // Each data thread may have to look into /proc, for which a descriptor must be left.
    let spare: io::Result<Vec<_>> =
        (0..devices.len() + rings.len()).map(|_| File::open("/proc/self/status")).collect();
    drop(spare?);
    let transports = Transports::new(devices, rings.iter().map(Owner::shared).collect());
    let (ours, theirs) = Channel::pair()?;
    let driver = Arc::new(Driver::new(engine(config), transports, ours));
    driver.control.send(&[io::IoSlice::new(&wire::own_init())])?;
    let metadata = Surviving::new(Arc::clone(&driver));
    let control = Session::from_fd(metadata, theirs, SessionACL::All, FuserConfig::default())?;
    swallow_reply(&driver.control)?;
    let (sender, gone) = channel();
    let stopper = Stopper { driver: Arc::clone(&driver), mount: mount.clone(), gone: sender };
    Ok(Mounted { driver, rings, control, stopper, gone })
}

/// A ring for each CPU, if they are wanted and can be had.
fn rings(config: &Config) -> Vec<Owner> {
    if !config.uring {
        return Vec::new();
    }
    // When the driver is killed the kernel takes a moment to end the rings, and until then the
    // mount is not dead: but fusermount3 looks only once.
    let prepared = match config.auto_unmount {
        true => Err(
            "fusermount3 would look for the driver's end too early, so auto_unmount would not work"
                .to_owned(),
        ),
        false => ring::prepare(),
    };
    prepared.unwrap_or_else(|why| {
        warn!("requests come through /dev/fuse, not over io_uring: {why}");
        Vec::new()
    })
}

/// The rings, if the kernel takes them.
fn taken(rings: Vec<Owner>, does: bool) -> Vec<Owner> {
    match (rings.len(), does) {
        (0, _) => {}
        (count, true) => info!("requests come over io_uring, in {count} queues"),
        (_, false) => warn!(
            "requests come through /dev/fuse, not over io_uring: the kernel does not offer it; \
             Linux 6.14 or later does after `echo Y > {ENABLE_URING}`"
        ),
    }
    if does { rings } else { Vec::new() }
}

/// A descriptor for each data thread: one thread for each CPU that the process may use.
fn devices(first: Device) -> Vec<Device> {
    let cpus = thread::available_parallelism().map_or(1, NonZero::get);
    let mut devices = vec![first];
    while devices.len() < cpus.min(MAX_DATA_THREADS) {
        match devices[0].try_clone() {
            Ok(device) => devices.push(device),
            Err(error) => {
                info!("one data thread only: /dev/fuse cannot be opened once more: {error}");
                break;
            }
        }
    }
    devices
}

fn engine(config: &Config) -> Engine {
    let mode = if config.allow_other { 0o1777 } else { 0o755 };
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    let root = Attributes::new(mode, uid, gid, SystemTime::now());
    Engine::new(config.defaults, config.bounds, root)
}

impl Mounted {
    /// A handle that stops the serving.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Starts the threads and calls `ready` from this thread once requests are being answered
    /// (the caller may then use the mount itself); returns when the mount is gone.
    ///
    /// # Errors
    /// A failure of /dev/fuse, or a thread that could not be started.
    pub fn serve(self, ready: impl FnOnce()) -> io::Result<()> {
        let Self { driver, rings, control, stopper, gone } = self;
        let ended = Ending { driver: Arc::clone(&driver), gone: stopper.gone.clone() };
        let metadata = spawn("pipefs-control", move || ended.after(|| control.run()))?;
        let copier = Arc::clone(&driver);
        let replies = spawn("pipefs-replies", move || {
            while survive("a reply", || copier.copy_replies()).is_none() {}
        })?;
        let keeper = Arc::clone(&driver);
        let chores = spawn("pipefs-chores", move || keeper.keep_house())?;
        for me in 0..driver.transports.device_count() {
            let ended = Ending { driver: Arc::clone(&driver), gone: stopper.gone.clone() };
            let server = Arc::clone(&driver);
            // Not joined: after a lazy unmount it may wait for requests until the process ends.
            spawn(&format!("pipefs-data-{me}"), move || {
                let gone = ended.gone.clone();
                ended.after(|| server.serve_device(me));
                let _ = gone.send(Ok(()));
            })?;
        }
        let first = driver.transports.device_count();
        for (queue, ring) in rings.into_iter().enumerate() {
            let ended = Ending { driver: Arc::clone(&driver), gone: stopper.gone.clone() };
            let server = Arc::clone(&driver);
            spawn(&format!("pipefs-ring-{queue}"), move || {
                ended.after(|| server.serve_ring(first + queue, ring));
            })?;
        }
        ready();
        let outcome = gone.recv().unwrap_or(Ok(()));
        if outcome.is_err() {
            stopper.stop();
        }
        info!("the mount is gone");
        driver.shut_down();
        let goodbye = driver.control.send(&[io::IoSlice::new(&wire::own_destroy())]);
        debug!("the control plane is told to end: {goodbye:?}");
        let _ = metadata.join();
        driver.control.close();
        let _ = replies.join();
        let _ = chores.join();
        outcome
    }
}

/// Sees to it that a plane's end, also by a panic, is the mount's end: with one plane alone every
/// process on the mount would hang.
struct Ending {
    driver: Arc<Driver>,
    gone: Sender<io::Result<()>>,
}

impl Ending {
    fn after(self, plane: impl FnOnce() -> io::Result<()>) {
        let outcome = panic::catch_unwind(AssertUnwindSafe(plane))
            .unwrap_or_else(|_| Err(io::Error::other("a thread of the driver panicked")));
        match outcome {
            Err(error) if !self.driver.is_stopping() => {
                let _ = self.gone.send(Err(error));
            }
            outcome => debug!("a plane ended: {outcome:?}"),
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.into()).spawn(body)
}

impl Stopper {
    /// What it takes down.
    #[must_use]
    pub fn mount(&self) -> &Entry {
        &self.mount
    }

    /// The state of the mount, a JSON object as docs/STATE.md describes it.
    #[must_use]
    pub fn state(&self) -> Value {
        self.driver.mount_state()
    }

    /// Ends every waiting operation with an error and unmounts, lazily because ends may be open:
    /// the process's end closes them.
    pub fn stop(&self) {
        if self.driver.is_stopping() {
            return;
        }
        self.driver.shut_down();
        match self.unmount(UNMOUNT_WITHIN) {
            Ok(()) => {}
            Err(UnmountError::Gone) => debug!("{} has been taken down", self.mount),
            Err(error) => warn!("{} could not be unmounted: {error}", self.mount),
        }
        let _ = self.gone.send(Ok(()));
    }

    /// Unmounts when the driver hangs and is about to be ended.
    pub fn give_up(&self) {
        // Nobody is left to complain to.
        let _ = self.unmount(Duration::ZERO);
    }

    fn unmount(&self, at_most: Duration) -> Result<(), UnmountError> {
        match self.driver.transports.ring_count() {
            0 => unmount(&self.mount, true),
            _ => unmount_from_outside(&self.mount, at_most),
        }
    }
}
