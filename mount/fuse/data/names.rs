//! LOOKUP, GETATTR, OPEN and FORGET: each use of a file begins and ends with them, so they do not
//! take the way through the control plane, which would be two more threads to wake.

use std::time::Duration;

use fuser::{FileType, INodeNo};
use pipefs::{Answer, Effects, Error, Heir, Ino, Node, Now, Open, Patience, Ticket, Who};
use smallvec::SmallVec;

use super::attr;
use super::wire::{self, InHeader, opcode};
use crate::fuse::driver::{Driver, WaitingReply};
use crate::fuse::entries::wanted;
use crate::fuse::errno::errno;
use crate::fuse::handle::Handle;

/// `__FMODE_EXEC`: the open is for executing the file.
const OPEN_FOR_EXEC: i32 = 0x20;

/// How long the kernel need not ask for a directory's attributes again: each step of a path through
/// it would. Only times change without its doing, when a name goes or comes by itself.
const DIRECTORY_LIFETIME: Duration = Duration::from_secs(1);

/// How long it need not ask for a pipe's again after a LOOKUP: it counts in ticks of its clock, and
/// this is until the next one is over. So the check of permissions that follows needs no GETATTR.
const PIPE_LIFETIME: Duration = Duration::from_nanos(1);

/// A request's body, in one piece.
pub(super) type Body = SmallVec<[u8; 512]>;

impl Driver {
    /// `None`: the request is malformed.
    pub(super) fn serve_name(
        &self,
        ticket: Ticket,
        header: InHeader,
        body: &[u8],
        effects: &mut Effects,
    ) -> Option<()> {
        match header.opcode {
            opcode::LOOKUP => self.lookup(ticket, header, body),
            opcode::OPEN => self.open(ticket, header, attr::open_flags(body)?, effects),
            opcode::FORGET => self.forget(header.nodeid, body),
            opcode::BATCH_FORGET => self.forget_all(body),
            _ => {
                self.get_attributes(ticket, header.nodeid);
                Some(())
            }
        }
    }

    fn lookup(&self, ticket: Ticket, header: InHeader, body: &[u8]) -> Option<()> {
        let name = attr::name(body)?;
        let found = self.engine.lookup(Ino(header.nodeid), name);
        match found.and_then(|node| self.found(&node, header.pid, header.uid)) {
            Ok((nodeid, attributes)) => {
                let lifetime = match attributes.kind {
                    FileType::Directory => DIRECTORY_LIFETIME,
                    _ => PIPE_LIFETIME,
                };
                self.reply(ticket, &attr::entry_out(nodeid, &attributes, lifetime));
            }
            Err(error) => self.reply_error(ticket, errno(error)),
        }
        Some(())
    }

    fn get_attributes(&self, ticket: Ticket, nodeid: u64) {
        let attributes = self.node(INodeNo(nodeid)).and_then(|node| {
            let attributes = self.shown_attributes(nodeid, &node)?;
            if let Node::Pipe(_) = node {
                // With this notice first, the kernel shows the answer but does not keep it: the
                // inode's size stays as it is.
                self.notify(&wire::notify_stale_attributes(nodeid));
            }
            Ok::<_, Error>(attributes)
        });
        match attributes {
            Ok(attributes) => {
                let lifetime = match attributes.kind {
                    FileType::Directory => DIRECTORY_LIFETIME,
                    _ => Duration::ZERO,
                };
                self.reply(ticket, &attr::attr_out(&attributes, lifetime));
            }
            Err(error) => self.reply_error(ticket, errno(error)),
        }
    }

    fn open(
        &self,
        ticket: Ticket,
        header: InHeader,
        flags: i32,
        effects: &mut Effects,
    ) -> Option<()> {
        let InHeader { nodeid, pid, uid, gid, .. } = header;
        let door = self.doors.lock().get(nodeid).cloned();
        let door = match door {
            _ if flags & OPEN_FOR_EXEC != 0 => Err(libc::EACCES),
            None => Err(libc::ESTALE),
            Some(door) => Ok(door),
        };
        let Ok(mut door) = door.map_err(|errno| self.reply_error(ticket, errno)) else {
            return Some(());
        };
        let nonblocking = flags & libc::O_NONBLOCK != 0;
        let reopens = door.reopened_by(pid);
        let open = Open {
            wanted: wanted(flags),
            who: Who { pid, uid, gid },
            patience: if nonblocking { Patience::NonBlocking } else { Patience::Wait },
            reopens,
        };
        self.keep_waiting(
            ticket,
            WaitingReply::Open { door: nodeid, wanted: open.wanted, thread: pid },
        );
        let progress = loop {
            let now = Now::read();
            let progress = self
                .check_permissions(&door, open.wanted, open.who)
                .and_then(|()| self.engine.open(&door.pipe, open, ticket, now, effects));
            if progress != Err(Error::NotFound) || reopens.is_some() {
                break progress;
            }
            // The name has gone since it was looked up.
            match self.engine.heir(&door.pipe, open.wanted, now) {
                Heir::Pipe(heir) => {
                    self.doors.lock().lead_to(nodeid, &heir);
                    door.pipe = heir;
                }
                Heir::Nobody => break progress,
                Heir::Unknown => {
                    // Asked again, the kernel looks again: the caller may want to create it, or
                    // somebody else has.
                    self.take_waiting(ticket);
                    self.reply_error(ticket, libc::ESTALE);
                    break progress;
                }
            }
        };
        self.finish(ticket, progress, Answer::Opened);
        self.deliver(effects);
        Some(())
    }

    pub(crate) fn reply_opened(&self, ticket: Ticket, handle: Handle) {
        let flags = self.open_flags(handle.end).bits();
        self.reply(ticket, &attr::open_out(handle.number(), flags));
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
