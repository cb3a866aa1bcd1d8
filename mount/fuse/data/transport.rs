//! How requests come from the kernel and how their answers get back: what is done with them does not
//! depend on it.

use std::io::{self, IoSlice};

use pipefs::Ticket;

use crate::fuse::device::Device;

/// All ways of one mount. A ticket's tag says by which one its request came.
#[derive(Debug)]
pub(crate) struct Transports {
    /// Descriptors of /dev/fuse, a data thread each. There is one at least.
    devices: Vec<Device>,
}

impl Transports {
    pub(crate) fn new(devices: Vec<Device>) -> Self {
        Self { devices }
    }

    /// How many descriptors of /dev/fuse are read.
    pub(crate) fn device_count(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn device(&self, number: usize) -> &Device {
        &self.devices[number]
    }

    /// Sends a request's answer, a header and what follows it, by the way that the request came.
    ///
    /// # Errors
    /// Nobody waits for it any more.
    pub(crate) fn answer(&self, ticket: Ticket, parts: &[IoSlice<'_>]) -> io::Result<()> {
        self.devices[usize::from(ticket.tag())].send(parts)
    }
}
