//! LOOKUP, GETATTR and FORGET: each open of a file needs them, so they do not take the way through
//! the control plane, which would be two more threads to wake.

use fuser::INodeNo;
use pipefs::{Error, Ino, Node, Ticket};
use smallvec::SmallVec;

use super::attr;
use super::wire::{self, InHeader, opcode};
use crate::fuse::driver::Driver;
use crate::fuse::errno::errno;

/// A request's body, in one piece.
pub(super) type Body = SmallVec<[u8; 512]>;

impl Driver {
    /// `None`: the request is malformed.
    pub(super) fn serve_name(&self, ticket: Ticket, header: InHeader, body: &[u8]) -> Option<()> {
        match header.opcode {
            opcode::LOOKUP => self.lookup(ticket, header.nodeid, body),
            opcode::FORGET => self.forget(header.nodeid, body),
            opcode::BATCH_FORGET => self.forget_all(body),
            _ => {
                self.get_attributes(ticket, header.nodeid);
                Some(())
            }
        }
    }

    fn lookup(&self, ticket: Ticket, directory: u64, body: &[u8]) -> Option<()> {
        let name = attr::name(body)?;
        let found = self.engine.lookup(Ino(directory), name);
        match found.and_then(|node| self.entry(&node, false)) {
            Ok((nodeid, attributes)) => self.reply(ticket, &attr::entry_out(nodeid, &attributes)),
            Err(error) => self.reply_error(ticket, errno(error)),
        }
        Some(())
    }

    fn get_attributes(&self, ticket: Ticket, nodeid: u64) {
        let attributes = self.node(INodeNo(nodeid)).and_then(|node| {
            let mut attributes = self.attributes(nodeid, &node)?;
            if let Node::Pipe(pipe) = node {
                attributes.ino = INodeNo(pipe.ino().0);
                attributes.size = 0;
                // With this notice first, the kernel shows the answer but does not keep it: the
                // inode's size stays as it is.
                self.notify(&wire::notify_stale_attributes(nodeid));
            }
            Ok::<_, Error>(attributes)
        });
        match attributes {
            Ok(attributes) => self.reply(ticket, &attr::attr_out(&attributes)),
            Err(error) => self.reply_error(ticket, errno(error)),
        }
    }

    /// Nobody waits for an answer to this.
    fn forget(&self, nodeid: u64, body: &[u8]) -> Option<()> {
        self.doors.lock().forget(nodeid, attr::forgotten_lookups(body)?);
        Some(())
    }

    fn forget_all(&self, body: &[u8]) -> Option<()> {
        let forgotten = attr::forgotten_nodes(body)?;
        let mut doors = self.doors.lock();
        forgotten.for_each(|(nodeid, lookups)| doors.forget(nodeid, lookups));
        Some(())
    }
}
