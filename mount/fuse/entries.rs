//! Nodes as the kernel knows them: numbers, attributes, and what a new file is made with.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use fuser::{FileAttr, FileType, Generation, INodeNo, ReplyEntry, Request, TimeOrNow};
use pipefs::{
    Attributes, Effects, EndId, Error, Ino, Node, Now, Open, Patience, PipeHandle, Progress,
    Status, Ticket, Wanted, Who,
};

use super::doors::{Door, Doors};
use super::driver::Driver;
use super::errno::fuser_errno;
use super::permissions::Permissions;
use super::sizes::{SMALL, size_for};

/// Attributes and entries are asked for anew each time: other doors change them.
pub(crate) const NO_LIFETIME: Duration = Duration::ZERO;

/// `st_blksize`: what cat, cp, Python and stdio read and write at once.
const BLOCK_BYTES: u32 = 256 << 10;

impl Driver {
    pub(crate) fn node(&self, nodeid: INodeNo) -> Result<Node<PipeHandle>, Error> {
        if Doors::is_door(nodeid.0) {
            let doors = self.doors.lock();
            doors.get(nodeid.0).map(|door| Node::Pipe(door.pipe.clone())).ok_or(Error::NotFound)
        } else {
            Ok(Node::Directory(Ino(nodeid.0)))
        }
    }

    /// The attributes of a node under the number that the kernel is to know it by.
    pub(crate) fn attributes(
        &self,
        nodeid: u64,
        node: &Node<PipeHandle>,
    ) -> Result<FileAttr, Error> {
        let status = self.engine.status(node)?;
        // What is not open is given a size all the same: somebody may be opening it just now.
        let kept = |door: &Door| (door.is_fifo, door.size.max(SMALL));
        let (is_fifo, size) = self.doors.lock().get(nodeid).map_or((false, 0), kept);
        let kind = match node {
            Node::Directory(_) => FileType::Directory,
            Node::Pipe(_) if is_fifo => FileType::NamedPipe,
            Node::Pipe(_) => FileType::RegularFile,
        };
        Ok(file_attributes(nodeid, kind, size, status))
    }

    /// What permissions of a node are checked by now.
    fn permissions(&self, node: &Node<PipeHandle>) -> Result<Permissions, Error> {
        Ok(self.engine.status(node)?.attributes.into())
    }

    /// Sees to the permissions of a door's pipe where the kernel, which has checked them, may not
    /// know that they have changed.
    ///
    /// # Errors
    /// [`Error::AccessDenied`]; or the pipe was given up.
    pub(crate) fn check_permissions(
        &self,
        door: &Door,
        wanted: Wanted,
        who: Who,
    ) -> Result<(), Error> {
        let now = self.permissions(&Node::Pipe(door.pipe.clone()))?;
        match now == door.told || now.allow(wanted, who) {
            true => Ok(()),
            false => Err(Error::AccessDenied),
        }
    }

    /// A node whose attributes somebody reads or writes.
    ///
    /// # Errors
    /// It is not there; or [`Self::check_permissions`].
    pub(crate) fn node_for(
        &self,
        nodeid: INodeNo,
        wanted: Wanted,
        request: &Request,
    ) -> Result<Node<PipeHandle>, Error> {
        let door = self.doors.lock().get(nodeid.0).cloned();
        if let Some(door) = door {
            self.check_permissions(&door, wanted, who(request))?;
        }
        self.node(nodeid)
    }

    /// The attributes that stat(2) shows of a node.
    pub(crate) fn shown_attributes(
        &self,
        nodeid: u64,
        node: &Node<PipeHandle>,
    ) -> Result<FileAttr, Error> {
        let mut attributes = self.attributes(nodeid, node)?;
        if let Node::Pipe(pipe) = node {
            attributes.ino = INodeNo(pipe.ino().0);
            attributes.size = 0;
        }
        Ok(attributes)
    }

    /// What a thread has looked up, with its attributes as they are shown: a door to a pipe that
    /// nobody has open, or a directory's own number.
    pub(crate) fn found(
        &self,
        node: &Node<PipeHandle>,
        thread: u32,
        uid: u32,
    ) -> Result<(u64, FileAttr), Error> {
        let nodeid = match node {
            Node::Directory(ino) => ino.0,
            Node::Pipe(pipe) => {
                let told = self.permissions(node)?;
                let nodeid = self.doors.lock().find_or_make(pipe, thread, uid, told);
                self.unwritten.remove(nodeid);
                nodeid
            }
        };
        self.entry(nodeid, self.shown_attributes(nodeid, node))
    }

    /// A new door to a pipe, or a directory's own number, with its attributes.
    fn made(
        &self,
        node: &Node<PipeHandle>,
        uid: u32,
        is_fifo: bool,
    ) -> Result<(u64, FileAttr), Error> {
        let nodeid = match node {
            Node::Directory(ino) => ino.0,
            Node::Pipe(pipe) => {
                let told = self.permissions(node)?;
                self.doors.lock().make(pipe.clone(), uid, told, is_fifo)
            }
        };
        self.entry(nodeid, self.attributes(nodeid, node))
    }

    /// The kernel gets no reference if there is an error.
    fn entry(
        &self,
        nodeid: u64,
        attributes: Result<FileAttr, Error>,
    ) -> Result<(u64, FileAttr), Error> {
        if attributes.is_err() {
            self.doors.lock().forget(nodeid, 1);
        }
        Ok((nodeid, attributes?))
    }

    /// Answers with an entry that this user has made.
    pub(crate) fn reply_entry(
        &self,
        node: &Node<PipeHandle>,
        uid: u32,
        is_fifo: bool,
        reply: ReplyEntry,
    ) {
        match self.made(node, uid, is_fifo) {
            Ok((_, attributes)) => reply.entry(&NO_LIFETIME, &attributes, Generation(0)),
            Err(error) => reply.error(fuser_errno(error)),
        }
    }

    /// Makes a pipe and opens it, or the one that somebody has just made of that name. A refused
    /// open leaves no name behind.
    pub(crate) fn create_and_open(
        &self,
        request: &Request,
        parent: Ino,
        name: &OsStr,
        mode: u32,
        flags: i32,
        effects: &mut Effects,
    ) -> Result<(FileAttr, EndId), Error> {
        let engine = &self.engine;
        let now = Now::read();
        let attributes = new_attributes(request, mode);
        let wanted = wanted(flags);
        let (pipe, is_new) = match engine.create(parent, name.as_bytes(), attributes, None) {
            Err(Error::Exists) if flags & libc::O_EXCL == 0 => {
                (self.made_by_owner(parent, name, attributes.uid, wanted)?, false)
            }
            created => (created?, true),
        };
        let open = Open {
            wanted,
            who: who(request),
            patience: match flags & libc::O_NONBLOCK {
                0 => Patience::Created,
                _ => Patience::Touched,
            },
            reopens: None,
        };
        let end = match engine.open(&pipe, open, ticket(request), now, effects) {
            Ok(Progress::Done(end)) => end,
            Ok(Progress::Waiting) => unreachable!("a created pipe's open does not wait"),
            // It has gone again.
            Err(Error::NotFound) if !is_new => return Err(Error::Exists),
            Err(error) => {
                if is_new {
                    let _ = engine.unlink(parent, name.as_bytes(), now, effects);
                }
                return Err(error);
            }
        };
        let told = self.permissions(&Node::Pipe(pipe.clone()))?;
        let nodeid = {
            let mut doors = self.doors.lock();
            let nodeid = doors.make(pipe.clone(), open.who.uid, told, false);
            doors.attach(nodeid, end, size_for(open.wanted), open.who.pid);
            nodeid
        };
        Ok((self.attributes(nodeid, &Node::Pipe(pipe))?, end))
    }
}

impl Driver {
    /// The pipe that came to be in between under a name that a user wanted to create. Nobody has
    /// checked its permissions, so it is given only to its owner, who may write to it, and only
    /// for an open that does not wait: a server's.
    fn made_by_owner(
        &self,
        parent: Ino,
        name: &OsStr,
        uid: u32,
        wanted: Wanted,
    ) -> Result<PipeHandle, Error> {
        let node = self.engine.lookup(parent, name.as_bytes()).map_err(|_| Error::Exists)?;
        let Attributes { uid: owner, mode, .. } = self.engine.status(&node)?.attributes;
        let is_allowed = owner == uid && mode & 0o200 != 0;
        match node {
            Node::Pipe(pipe) if is_allowed && wanted.write && !wanted.read => Ok(pipe),
            _ => Err(Error::Exists),
        }
    }
}

fn file_attributes(nodeid: u64, kind: FileType, size: u64, status: Status) -> FileAttr {
    let Status { attributes, links, buffered_bytes, .. } = status;
    FileAttr {
        ino: INodeNo(nodeid),
        size,
        blocks: buffered_bytes.div_ceil(512),
        atime: attributes.accessed,
        mtime: attributes.modified,
        ctime: attributes.changed,
        crtime: attributes.changed,
        kind,
        perm: attributes.mode as u16,
        nlink: links,
        uid: attributes.uid,
        gid: attributes.gid,
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

pub(crate) fn who(request: &Request) -> Who {
    Who { pid: request.pid(), uid: request.uid(), gid: request.gid() }
}

pub(crate) fn wanted(flags: i32) -> Wanted {
    let access = flags & libc::O_ACCMODE;
    Wanted {
        read: matches!(access, libc::O_RDONLY | libc::O_RDWR),
        write: matches!(access, libc::O_WRONLY | libc::O_RDWR),
        truncate: flags & libc::O_TRUNC != 0,
        append: flags & libc::O_APPEND != 0,
    }
}

pub(crate) fn new_attributes(request: &Request, mode: u32) -> Attributes {
    Attributes::new(mode, request.uid(), request.gid(), SystemTime::now())
}

pub(crate) fn ticket(request: &Request) -> Ticket {
    Ticket(request.unique().0)
}

pub(crate) fn time(change: Option<TimeOrNow>, now: Now) -> Option<SystemTime> {
    change.map(|time| match time {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => now.wall,
    })
}
