//! The control plane: names, attributes and opening, as fuser's `Filesystem`.
//!
//! Each method translates one request; what it means is the engine's business. None may block:
//! an open or fsync that waits keeps its reply in the driver.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, Errno, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, IoctlFlags, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyOpen, ReplyStatfs, ReplyXattr, Request, TimeOrNow,
};
use parking_lot::Mutex;
use pipefs::settings::Mode;
use pipefs::{
    Answer, AttributeChange, Effects, Error, Ino, Listing, Node, Now, PipeHandle, Rename, Wanted,
};

use super::driver::{Driver, WaitingReply};
use super::entries::{NO_LIFETIME, new_attributes, ticket, time, wanted};
use super::errno::fuser_errno;
use super::handle::Handle;
use super::ioctl::Target;
use crate::functions::wire::Call;

/// The unit of `df`.
const STATFS_BLOCK_BYTES: u32 = 4096;

/// fuser's view of one mount.
#[derive(Debug)]
pub(crate) struct Metadata {
    driver: Arc<Driver>,
    /// Open directories: a listing stays as it was while it is read.
    listings: Mutex<HashMap<u64, Listing<PipeHandle>>>,
    next_listing: std::sync::atomic::AtomicU64,
}

impl Metadata {
    pub(crate) fn new(driver: Arc<Driver>) -> Self {
        Self { driver, listings: Mutex::default(), next_listing: 1.into() }
    }

    /// Runs an operation whose only answer is success, and delivers what follows from it.
    fn reply_after(
        &self,
        reply: ReplyEmpty,
        operation: impl FnOnce(&mut Effects) -> Result<(), Error>,
    ) {
        let mut effects = Effects::default();
        match operation(&mut effects) {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(fuser_errno(error)),
        }
        self.driver.deliver(&mut effects);
        self.driver.watch_memory();
    }
}

impl Filesystem for Metadata {
    fn setattr(
        &self,
        _: &Request,
        nodeid: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let now = Now::read();
        let (accessed, modified) = (time(atime, now), time(mtime, now));
        let change = AttributeChange { mode, uid, gid, accessed, modified, size };
        let attributes = self.driver.node(nodeid).and_then(|node| {
            self.driver.engine.set_attributes(&node, change, now)?;
            self.driver.attributes(nodeid.0, &node)
        });
        match attributes {
            Ok(attributes) => reply.attr(&NO_LIFETIME, &attributes),
            Err(error) => reply.error(fuser_errno(error)),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _rdev: u32,
        reply: ReplyEntry,
    ) {
        let is_fifo = match mode & libc::S_IFMT {
            libc::S_IFIFO => true,
            libc::S_IFREG | 0 => false,
            _ => return reply.error(fuser_errno(Error::NotPermitted)),
        };
        let attributes = new_attributes(request, mode);
        let shared = is_fifo.then_some(Mode::Shared);
        match self.driver.engine.create(Ino(parent.0), name.as_bytes(), attributes, shared) {
            Ok(pipe) => {
                self.driver.reply_entry(&Node::Pipe(pipe), request.uid(), is_fifo, reply);
            }
            Err(error) => reply.error(fuser_errno(error)),
        }
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        let attributes = new_attributes(request, mode);
        match self.driver.engine.make_directory(Ino(parent.0), name.as_bytes(), attributes) {
            Ok(ino) => {
                self.driver.reply_entry(&Node::Directory(ino), request.uid(), false, reply);
            }
            Err(error) => reply.error(fuser_errno(error)),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.reply_after(reply, |effects| {
            self.driver.engine.unlink(Ino(parent.0), name.as_bytes(), Now::read(), effects)
        });
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        self.reply_after(reply, |_| {
            self.driver.engine.remove_directory(Ino(parent.0), name.as_bytes(), Now::read())
        });
    }

    fn symlink(&self, _: &Request, _: INodeNo, _: &OsStr, _: &std::path::Path, reply: ReplyEntry) {
        reply.error(fuser_errno(Error::NotPermitted));
    }

    fn link(&self, _: &Request, _: INodeNo, _: INodeNo, _: &OsStr, reply: ReplyEntry) {
        reply.error(fuser_errno(Error::NotPermitted));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let how = match flags {
            flags if flags.is_empty() => Rename::Replace,
            RenameFlags::RENAME_NOREPLACE => Rename::NoReplace,
            RenameFlags::RENAME_EXCHANGE => Rename::Exchange,
            _ => return reply.error(fuser_errno(Error::Invalid)),
        };
        let from = (Ino(parent.0), name.as_bytes());
        let to = (Ino(newparent.0), newname.as_bytes());
        self.reply_after(reply, |effects| {
            self.driver.engine.rename(from, to, how, Now::read(), effects)
        });
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let mut effects = Effects::default();
        match self.driver.create_and_open(request, Ino(parent.0), name, mode, flags, &mut effects) {
            Ok((attributes, end)) => {
                let handle = FileHandle(Handle::new(end, wanted(flags)).number());
                let flags = self.driver.open_flags(end);
                reply.created(&NO_LIFETIME, &attributes, Generation(0), handle, flags);
            }
            // Somebody was faster. Asked again, the kernel finds the pipe and opens it as any
            // other, with its checks of permissions and with an open that may wait.
            Err(Error::Exists) if flags & libc::O_EXCL == 0 => reply.error(Errno::ESTALE),
            Err(error) => reply.error(fuser_errno(error)),
        }
        self.driver.deliver(&mut effects);
    }

    fn fsync(&self, request: &Request, _: INodeNo, fh: FileHandle, _: bool, reply: ReplyEmpty) {
        let ticket = ticket(request);
        self.driver.keep_waiting(ticket, WaitingReply::Flush(reply));
        let mut effects = Effects::default();
        let progress = self.driver.engine.flush(Handle::numbered(fh.0).end, ticket, &mut effects);
        self.driver.finish(ticket, progress, |()| Answer::Flushed);
        self.driver.deliver(&mut effects);
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let handle = self.next_listing.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        reply.opened(FileHandle(handle), FopenFlags::empty());
    }

    fn readdir(
        &self,
        _: &Request,
        nodeid: INodeNo,
        fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let mut listings = self.listings.lock();
        if offset == 0 {
            match self.driver.engine.list(Ino(nodeid.0)) {
                Ok(listing) => listings.insert(fh.0, listing),
                Err(error) => return reply.error(fuser_errno(error)),
            };
        }
        let Some(Listing { parent, entries }) = listings.get(&fh.0) else { return reply.ok() };
        let dots = [(nodeid.0, &b"."[..]), (parent.0, &b".."[..])];
        let dots = dots.map(|(ino, name)| (ino, FileType::Directory, name));
        let entries = entries.iter().map(|(name, node)| match node {
            Node::Directory(ino) => (ino.0, FileType::Directory, name.as_bytes()),
            Node::Pipe(pipe) => (pipe.ino().0, FileType::RegularFile, name.as_bytes()),
        });
        let all = dots.into_iter().chain(entries).zip(1_u64..);
        for ((ino, kind, name), next) in all.skip(usize::try_from(offset).unwrap_or(usize::MAX)) {
            if reply.add(INodeNo(ino), next, kind, OsStr::from_bytes(name)) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(&self, _: &Request, _: INodeNo, fh: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.listings.lock().remove(&fh.0);
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let memory = self.driver.engine.memory();
        let block = u64::from(STATFS_BLOCK_BYTES);
        let total = memory.limit_bytes / block;
        let free = memory.limit_bytes.saturating_sub(memory.used_bytes) / block;
        let (names, most) = self.driver.engine.names_used();
        // Without a limit there is nothing to tell, as with other filesystems of that kind.
        let most = if most == usize::MAX { 0 } else { most };
        let (files, free_files) = (most as u64, most.saturating_sub(names) as u64);
        let (block, longest) = (STATFS_BLOCK_BYTES, pipefs::Name::MAX_BYTES as u32);
        reply.statfs(total, free, free, files, free_files, block, longest, block);
    }

    fn ioctl(
        &self,
        request: &Request,
        nodeid: INodeNo,
        fh: FileHandle,
        flags: IoctlFlags,
        command: u32,
        argument: &[u8],
        out_size: u32,
        reply: ReplyIoctl,
    ) {
        let on = match flags.contains(IoctlFlags::FUSE_IOCTL_DIR) {
            true => Target::Directory(Ino(nodeid.0)),
            false => Target::File(Handle::numbered(fh.0)),
        };
        let call = Call { command, argument, out_bytes: out_size as usize };
        self.driver.ioctl(ticket(request), on, call, reply);
    }

    fn fallocate(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: u64,
        _: u64,
        _: i32,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::ESPIPE);
    }

    fn getxattr(
        &self,
        request: &Request,
        node: INodeNo,
        name: &OsStr,
        size: u32,
        reply: ReplyXattr,
    ) {
        let node = self.driver.node_for(node, Wanted::READ, request);
        self.driver.get_attribute(node, name.as_bytes(), size, reply);
    }

    fn listxattr(&self, _: &Request, node: INodeNo, size: u32, reply: ReplyXattr) {
        self.driver.list_attributes(self.driver.node(node), size, reply);
    }

    fn setxattr(
        &self,
        request: &Request,
        node: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let node = self.driver.node_for(node, Wanted::WRITE, request);
        self.driver.set_attribute(node, name.as_bytes(), value, flags, reply);
    }

    fn removexattr(&self, _: &Request, _: INodeNo, _: &OsStr, reply: ReplyEmpty) {
        reply.error(Errno::EPERM);
    }

    fn access(&self, _: &Request, _: INodeNo, _: AccessFlags, reply: ReplyEmpty) {
        reply.error(Errno::ENOSYS);
    }
}
