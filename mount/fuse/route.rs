//! Which plane a request belongs to, and the way to the control plane and back.

use std::io::IoSlice;

use log::{debug, error};
use pipefs::Ticket;

use super::data::wire::{self, OUT_HEADER_BYTES, opcode};
use super::device::Channel;
use super::driver::Driver;

/// Most bytes of a directory that one READDIR may ask for: the answer has to fit the socket.
pub(crate) const MAX_READDIR_BYTES: u32 = 64 << 10;

/// Room for the largest reply of the control plane (READDIR, GETXATTR: 64 KiB and a header).
const REPLY_BYTES: usize = 256 << 10;

/// Who answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plane {
    /// The driver's own thread: what may wait for ever, what moves data, and what has to be done
    /// before the next request is looked at.
    Data,
    /// fuser: names, attributes and opening.
    Control,
}

pub(crate) fn plane_of(code: u32) -> Plane {
    match code {
        opcode::READ | opcode::WRITE | opcode::POLL => Plane::Data,
        opcode::FLUSH | opcode::RELEASE | opcode::INTERRUPT => Plane::Data,
        opcode::LOOKUP | opcode::GETATTR | opcode::OPEN => Plane::Data,
        opcode::FORGET | opcode::BATCH_FORGET => Plane::Data,
        _ => Plane::Control,
    }
}

impl Driver {
    /// Hands a request to the control plane. Each is done in its turn, so requests arrive there in
    /// the order in which the kernel queued them: a close before the next open.
    pub(crate) fn forward(&self, ticket: Ticket, parts: &[IoSlice<'_>]) {
        if let Err(problem) = self.control.send(parts) {
            // EMSGSIZE would take a larger message than any operation that pipes have.
            error!("request {} did not reach the control plane: {problem}", ticket.0);
            self.reply_error(ticket, libc::EIO);
        }
    }

    /// Copies the control plane's replies to the kernel until it ends.
    pub(crate) fn copy_replies(&self) {
        let mut buffer = vec![0; REPLY_BYTES];
        loop {
            match self.control.receive(&mut buffer) {
                Ok(len) if len >= OUT_HEADER_BYTES => {
                    let reply = &mut buffer[..len];
                    let ticket = Ticket(wire::replied_unique(reply).unwrap_or(0));
                    wire::set_unique(reply, ticket.id());
                    self.send(ticket, &[IoSlice::new(reply)]);
                }
                Ok(0) => return,
                Ok(len) => error!("a reply of {len} bytes from the control plane"),
                Err(problem) => {
                    if !self.is_stopping() {
                        error!("no more replies from the control plane: {problem}");
                    }
                    return;
                }
            }
        }
    }
}

/// Swallows the answer to our own INIT.
pub(crate) fn swallow_reply(channel: &Channel) -> std::io::Result<()> {
    let mut reply = [0; 256];
    let len = channel.receive(&mut reply)?;
    debug!("the control plane answered INIT with {len} bytes");
    Ok(())
}
