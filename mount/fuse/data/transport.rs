//! How requests come from the kernel and how their answers get back: what is done with them does
//! not depend on it.

use std::io::{self, IoSlice};
use std::sync::Arc;

use pipefs::Ticket;

use super::ring::Ring;
use crate::fuse::device::Device;

/// Most ways that a ticket's tag can tell apart.
pub(super) const MAX_WAYS: usize = u8::MAX as usize;

/// All ways of one mount, a thread each. A ticket's tag says by which one its request came.
#[derive(Debug)]
pub(crate) struct Transports {
    /// Descriptors of /dev/fuse. There is one at least.
    devices: Vec<Device>,
    /// With `-o uring`, a ring for each CPU; what it does not carry comes by /dev/fuse.
    rings: Vec<Arc<Ring>>,
}

impl Transports {
    pub(crate) fn new(devices: Vec<Device>, rings: Vec<Arc<Ring>>) -> Self {
        Self { devices, rings }
    }

    /// How many descriptors of /dev/fuse are read. Rings are counted on from there.
    pub(crate) fn device_count(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn ring_count(&self) -> usize {
        self.rings.len()
    }

    pub(crate) fn device(&self, number: usize) -> &Device {
        &self.devices[number]
    }

    /// Sends a request's answer, a header and what follows it, by the way that the request came.
    ///
    /// # Errors
    /// Nobody waits for it any more.
    pub(crate) fn answer(&self, ticket: Ticket, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let way = usize::from(ticket.tag());
        match self.devices.get(way) {
            Some(device) => device.send(parts),
            None => self.rings[way - self.devices.len()].answer(ticket.id(), parts),
        }
    }
}
