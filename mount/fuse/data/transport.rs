//! How requests come from the kernel and how their answers get back: what is done with them does
//! not depend on it.

use std::io::{self, IoSlice};
use std::sync::{Arc, OnceLock};

use log::debug;
use pipefs::Ticket;
use rustix::process::{Resource, getrlimit};

use super::ring::Ring;
use crate::fuse::device::Device;

/// Most ways that a ticket's tag can tell apart.
pub(super) const MAX_WAYS: usize = u8::MAX as usize;

/// The kernel finds an answer's request in one of 256 lists that each descriptor has. When so many
/// wait for each descriptor, threads go on to others, or each answer would be a walk past those who
/// wait.
const WAITING_PER_DEVICE: usize = 256;

/// Most descriptors that a thread goes on to.
const MAX_MORE: usize = 32;

/// How many descriptors of those that the process may have are left for everything else.
const KEPT_DESCRIPTORS: u64 = 256;

/// All ways of one mount. A ticket's tag says by which one its request came.
#[derive(Debug)]
pub(crate) struct Transports {
    /// Descriptors of /dev/fuse, each with a thread that reads it. There is one at least.
    devices: Vec<Device>,
    /// With `-o uring`, a ring for each CPU, with a thread; what it does not carry comes by
    /// /dev/fuse.
    rings: Vec<Arc<Ring>>,
    /// More descriptors for the first kind of threads, as many for each; opened by their thread
    /// when it needs them.
    more: Vec<OnceLock<Device>>,
}

impl Transports {
    pub(crate) fn new(devices: Vec<Device>, rings: Vec<Arc<Ring>>) -> Self {
        let used = devices.len() + rings.len();
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let spare = limit.saturating_sub(KEPT_DESCRIPTORS).min((MAX_WAYS - used) as u64) as usize;
        // What waits beside rings waits there.
        let each = match rings.is_empty() {
            true => (spare / devices.len()).min(MAX_MORE),
            false => 0,
        };
        let more = (0..each * devices.len()).map(|_| OnceLock::new()).collect();
        Self { devices, rings, more }
    }

    /// The way by which thread number `me` should take its next requests while so many wait.
    pub(crate) fn way_for(&self, me: usize, waiting: usize) -> usize {
        let each = self.more.len() / self.devices.len();
        let nth = (waiting / (WAITING_PER_DEVICE * self.devices.len())).min(each);
        let Some(nth) = nth.checked_sub(1) else { return me };
        let at = me * each + nth;
        if self.more[at].get().is_none() {
            match self.devices[me].try_clone() {
                Ok(device) => drop(self.more[at].set(device)),
                Err(error) => {
                    debug!("no further descriptor of /dev/fuse: {error}");
                    return me;
                }
            }
        }
        self.devices.len() + self.rings.len() + at
    }

    /// How many threads read /dev/fuse. Those with rings are counted on from there.
    pub(crate) fn device_count(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn ring_count(&self) -> usize {
        self.rings.len()
    }

    /// The descriptor that this way is.
    ///
    /// # Panics
    /// If it is none, or was never opened.
    pub(crate) fn device(&self, way: usize) -> &Device {
        let more = || self.more[way - self.devices.len() - self.rings.len()].get();
        self.devices.get(way).or_else(more).expect("only a way that was opened is used")
    }

    /// Sends a request's answer, a header and what follows it, by the way that the request came.
    ///
    /// # Errors
    /// Nobody waits for it any more.
    pub(crate) fn answer(&self, ticket: Ticket, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let way = usize::from(ticket.tag());
        match way.checked_sub(self.devices.len()).and_then(|number| self.rings.get(number)) {
            Some(ring) => ring.answer(ticket.id(), parts),
            None => self.device(way).send(parts),
        }
    }
}
