//! Requests over io_uring (`-o uring`): each CPU has a queue in the kernel, and for each queue
//! there is a ring and a thread that is its owner. docs/FUSE.md tells what that asks of us.
//!
//! An *entry* is memory for one request and its answer. The kernel has it until it has put a
//! request there; then it is held by the driver, for as long as the request waits, and handed back
//! with the answer.
//!
//! - here — the part of a ring that all threads use: which entries are held, and answering
//! - `owner` — the owner's part: entries given to the kernel, and requests that come back
//! - `serve` — the owner's thread
//! - `entry` — the memory of an entry, and what is where in it
//! - `command` — what is said to the kernel
//! - `lost` — interrupts that the kernel forgets to tell

mod command;
mod entry;
mod lost;
mod owner;
mod serve;

use std::fs;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use io_uring::squeue::Entry128;
use io_uring::{IoUring, cqueue};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use self::entry::Entry;
use super::transport::MAX_WAYS;

pub(crate) use self::owner::Owner;

type Uring = IoUring<Entry128, cqueue::Entry>;

/// Places for commands that were not given to the kernel yet: more are given in several calls.
const COMMANDS: u32 = 128;

/// Places for completions that were not looked at yet: what does not fit the kernel keeps.
const COMPLETIONS: u32 = 1024;

/// Which CPUs there could ever be: the kernel has a queue for each.
const POSSIBLE_CPUS: &str = "/sys/devices/system/cpu/possible";

/// What all threads use of one ring.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Of the ring; its owner never closes it.
    fd: RawFd,
    /// Entries with requests that have no answer yet, by the requests' numbers.
    held: Mutex<FxHashMap<u64, Held>>,
    /// Entries with answers, which the owner has to hand back.
    answered: Mutex<Vec<Answered>>,
    /// The owner sleeps, or is about to.
    owner_waits: AtomicBool,
    /// How much memory all entries of all rings hold because they were used, in bytes.
    warm_bytes: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Held {
    /// Which entry it is.
    number: usize,
    entry: Entry,
}

#[derive(Debug)]
struct Answered {
    /// The request that is answered.
    unique: u64,
    number: usize,
    entry: Entry,
    /// How long the answer is, in bytes.
    len: usize,
}

impl Ring {
    /// Writes a request's answer, a header and what follows it, and has the owner hand it over.
    ///
    /// # Errors
    /// The request is answered already.
    pub(super) fn answer(&self, unique: u64, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let held = self.held.lock().remove(&unique);
        let Held { number, mut entry } = held.ok_or(ErrorKind::NotFound)?;
        let len = entry.put_answer(parts);
        self.answered.lock().push(Answered { unique, number, entry, len });
        // The owner looks for answers after it has said that it waits.
        if self.owner_waits.swap(false, Ordering::SeqCst) {
            command::wake(self.fd)?;
        }
        Ok(())
    }

    /// Whether a request has no answer yet.
    fn holds(&self, unique: u64) -> bool {
        self.held.lock().contains_key(&unique)
    }
}

/// Makes a ring for each queue of the kernel, before there is a mount: if one cannot be had the
/// kernel must not be told that there will be.
///
/// # Errors
/// Why there are none, for the log.
pub(crate) fn prepare() -> Result<Vec<Owner>, String> {
    let text = fs::read_to_string(POSSIBLE_CPUS).unwrap_or_default();
    let queues = count_cpus(&text).ok_or_else(|| format!("{POSSIBLE_CPUS} cannot be read"))?;
    if queues >= MAX_WAYS {
        return Err(format!("there are too many CPUs, {queues}"));
    }
    let warm_bytes = Arc::default();
    let owners = (0..queues).map(|queue| {
        // Enabled by the owner's thread, which is the only one to use it from then on.
        let uring = IoUring::builder()
            .setup_r_disabled()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_cqsize(COMPLETIONS)
            .build(COMMANDS)?;
        let ring = Ring {
            fd: uring.as_raw_fd(),
            held: Mutex::default(),
            answered: Mutex::default(),
            owner_waits: AtomicBool::new(false),
            warm_bytes: Arc::clone(&warm_bytes),
        };
        Owner::new(queue, uring, Arc::new(ring))
    });
    let owners: io::Result<Vec<_>> = owners.collect();
    owners.map_err(|error| format!("io_uring cannot be used: {error}"))
}

/// How many CPUs a list like `0-3,8` names.
fn count_cpus(list: &str) -> Option<usize> {
    let count = |range: &str| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        Some(last.checked_sub(first)? + 1)
    };
    list.trim().split(',').map(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_are_counted() {
        assert_eq!(count_cpus("0\n"), Some(1));
        assert_eq!(count_cpus("0-127\n"), Some(128));
        assert_eq!(count_cpus("0-3,8,10-11"), Some(7));
        for wrong in ["", "\n", "x", "3-1", "0-"] {
            assert_eq!(count_cpus(wrong), None, "{wrong}");
        }
    }
}
