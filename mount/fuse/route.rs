//! Which plane a request belongs to, and the way to the control plane and back.

use std::io::IoSlice;

use log::{debug, error, warn};
use pipefs::Ticket;

use super::data::wire::{self, OUT_HEADER_BYTES, opcode};
use super::device::Channel;
use super::driver::Driver;

/// Most bytes of a directory that one READDIR may ask for: the answer has to fit the socket.
pub(crate) const MAX_READDIR_BYTES: u32 = 64 << 10;

/// Room for the largest reply of the control plane (READDIR, GETXATTR: 64 KiB and a header).
const REPLY_BYTES: usize = 256 << 10;

/// `struct fuse_ioctl_in`, before its argument; `struct fuse_setxattr_in`, before name and value.
const IOCTL_BYTES: usize = 32;
const SETXATTR_BYTES: usize = 8;

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

/// Whether a request for the control plane has as many bytes as it says, where fuser relies on
/// that and would panic. The request comes in two parts, its header in the first.
pub(crate) fn is_whole(code: u32, head: &[u8], rest: &[u8]) -> bool {
    let Some(body) = head.get(wire::IN_HEADER_BYTES..) else { return false };
    let len = body.len() + rest.len();
    let size = |at: usize| {
        let size = body.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*size) as usize)
    };
    match code {
        opcode::IOCTL => size(24).and_then(|size| size.checked_add(IOCTL_BYTES)) == Some(len),
        opcode::SETXATTR => {
            let bytes = body.iter().chain(rest).skip(SETXATTR_BYTES);
            let name = bytes.take_while(|byte| **byte != 0).count();
            size(0).and_then(|size| size.checked_add(SETXATTR_BYTES + name + 1)) == Some(len)
        }
        _ => true,
    }
}

impl Driver {
    /// Hands a request to the control plane. Each is done in its turn, so requests arrive there in
    /// the order in which the kernel queued them: a close before the next open.
    pub(crate) fn forward(&self, ticket: Ticket, parts: &[IoSlice<'_>]) {
        if let Err(problem) = self.control.send(parts) {
            // EMSGSIZE would take a larger message than any operation that pipes have.
            warn!("request {} did not reach the control plane and fails: {problem}", ticket.id());
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
                    self.counters.reply(reply);
                    self.send(ticket, &[IoSlice::new(reply)]);
                }
                Ok(0) => return,
                Ok(len) => warn!("a reply of {len} bytes from the control plane is none"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &[u8]) -> Vec<u8> {
        [&[0; wire::IN_HEADER_BYTES], body].concat()
    }

    #[test]
    fn an_ioctl_is_as_long_as_it_says() {
        let mut body = [0; 40];
        body[24] = 100;
        let is_whole = |body: &[u8], rest| is_whole(opcode::IOCTL, &request(body), &vec![0; rest]);
        assert!(is_whole(&body, 92));
        assert!(!is_whole(&body, 91) && !is_whole(&body, 93) && !is_whole(&body[..20], 0));
        body[24..28].fill(0xff);
        assert!(!is_whole(&body, 92));
        assert!(!super::is_whole(opcode::IOCTL, &[], &[]));
    }

    #[test]
    fn an_attribute_is_as_long_as_it_says() {
        let whole = [&[3, 0, 0, 0, 0, 0, 0, 0][..], b"user.pipefs.key\0", b"abc"].concat();
        let is_whole = |bytes: &[u8], cut: usize| {
            let cut = cut.min(bytes.len());
            is_whole(opcode::SETXATTR, &request(&bytes[..cut]), &bytes[cut..])
        };
        for cut in 4..whole.len() {
            assert!(is_whole(&whole, cut), "in two parts at {cut}");
        }
        for len in 0..whole.len() {
            assert!(!is_whole(&whole[..len], 40), "{len}");
        }
        assert!(!is_whole(&[&whole[..], b"d"].concat(), 40));
    }
}
