//! A request whose handling panics, which only a bug can bring about, is answered with `EIO`, and
//! the driver goes on. What panicked and where, the panic's own message says in the log.
//!
//! Of the engine's locks none stays locked, a pipe on which an operation panics is given up there,
//! and a change of the tree of names that panics is taken back. What the driver itself keeps is
//! changed in steps that are each complete.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
#[cfg(debug_assertions)]
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, FileHandle, Filesystem, INodeNo, IoctlFlags, OpenFlags, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyIoctl, ReplyOpen,
    ReplyStatfs, ReplyXattr, Request, TimeOrNow,
};
#[cfg(debug_assertions)]
use {
    fuser::Errno,
    pipefs::{Effects, PipeHandle},
};

use super::driver::Driver;
use super::entries::ticket;
#[cfg(debug_assertions)]
use super::errno::fuser_errno;
use super::metadata::Metadata;
use crate::survive::survive;

#[cfg(debug_assertions)]
impl Driver {
    /// Panics, or sees to it, where a test wants that: in the control plane, in the middle of an
    /// operation of the engine, in the data plane at the next read, at the next chore, or so many
    /// steps into the next change of the tree of names.
    pub(crate) fn panic_in(
        &self,
        place: &[u8],
        pipe: &PipeHandle,
        effects: &mut Effects,
    ) -> Result<(), Errno> {
        match place {
            b"engine" => self.engine.panic_within(pipe, effects).map_err(fuser_errno),
            b"read" => {
                self.panics_at_read.store(true, Ordering::SeqCst);
                Ok(())
            }
            b"chore" => {
                self.panics_at_chore.store(true, Ordering::SeqCst);
                Ok(())
            }
            [b'n', b'a', b'm', b'e', b's', steps @ b'0'..=b'9'] => {
                self.engine.panic_in_names(Some(u32::from(steps - b'0')));
                Ok(())
            }
            _ => panic!("a test wants this panic in the control plane"),
        }
    }

    pub(crate) fn panic_at_read(&self) {
        let wanted = self.panics_at_read.swap(false, Ordering::SeqCst);
        assert!(!wanted, "a test wants this panic in the data plane");
    }

    pub(crate) fn panic_at_chore(&self) {
        let wanted = self.panics_at_chore.swap(false, Ordering::SeqCst);
        assert!(!wanted, "a test wants this panic in a chore");
    }
}

/// The control plane, and what remains of a request that panics there.
#[derive(Debug)]
pub(crate) struct Surviving {
    metadata: Metadata,
    driver: Arc<Driver>,
}

impl Surviving {
    pub(crate) fn new(driver: Arc<Driver>) -> Self {
        Self { metadata: Metadata::new(Arc::clone(&driver)), driver }
    }

    /// A reply that is dropped answers with `EIO`: in the work itself, or kept for later.
    fn survive(&self, request: &Request, work: impl FnOnce()) {
        if survive("a request of the control plane", work).is_none() {
            drop(self.driver.take_waiting(ticket(request)));
        }
    }
}

/// The methods that [`Metadata`] has.
macro_rules! surviving {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        impl Filesystem for Surviving {
            $(fn $method(&self, request: &Request, $($argument: $type),*) {
                self.survive(request, || self.metadata.$method(request, $($argument),*));
            })*
        }
    };
}

surviving! {
    setattr(node: INodeNo, mode: Option<u32>, uid: Option<u32>, gid: Option<u32>,
        size: Option<u64>, accessed: Option<TimeOrNow>, modified: Option<TimeOrNow>,
        changed: Option<SystemTime>, handle: Option<FileHandle>, created: Option<SystemTime>,
        set: Option<SystemTime>, backed_up: Option<SystemTime>, flags: Option<BsdFileFlags>,
        reply: ReplyAttr);
    mknod(parent: INodeNo, name: &OsStr, mode: u32, umask: u32, device: u32, reply: ReplyEntry);
    mkdir(parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry);
    unlink(parent: INodeNo, name: &OsStr, reply: ReplyEmpty);
    rmdir(parent: INodeNo, name: &OsStr, reply: ReplyEmpty);
    symlink(parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry);
    link(node: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry);
    rename(parent: INodeNo, name: &OsStr, to: INodeNo, new: &OsStr, flags: RenameFlags,
        reply: ReplyEmpty);
    create(parent: INodeNo, name: &OsStr, mode: u32, umask: u32, flags: i32, reply: ReplyCreate);
    fsync(node: INodeNo, handle: FileHandle, data_only: bool, reply: ReplyEmpty);
    fsyncdir(node: INodeNo, handle: FileHandle, data_only: bool, reply: ReplyEmpty);
    opendir(node: INodeNo, flags: OpenFlags, reply: ReplyOpen);
    readdir(node: INodeNo, handle: FileHandle, offset: u64, reply: ReplyDirectory);
    releasedir(node: INodeNo, handle: FileHandle, flags: OpenFlags, reply: ReplyEmpty);
    statfs(node: INodeNo, reply: ReplyStatfs);
    ioctl(node: INodeNo, handle: FileHandle, flags: IoctlFlags, command: u32, argument: &[u8],
        out_bytes: u32, reply: ReplyIoctl);
    fallocate(node: INodeNo, handle: FileHandle, offset: u64, length: u64, mode: i32,
        reply: ReplyEmpty);
    getxattr(node: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr);
    listxattr(node: INodeNo, size: u32, reply: ReplyXattr);
    setxattr(node: INodeNo, name: &OsStr, value: &[u8], flags: i32, position: u32,
        reply: ReplyEmpty);
    removexattr(node: INodeNo, name: &OsStr, reply: ReplyEmpty);
    access(node: INodeNo, mask: AccessFlags, reply: ReplyEmpty);
}

#[cfg(test)]
mod tests {
    /// What is not listed here would never be called.
    #[test]
    fn all_methods_of_the_control_plane_are_here() {
        let (_, theirs) = include_str!("metadata.rs").split_once("impl Filesystem").expect("it is");
        let (_, ours) = include_str!("survive.rs").split_once("surviving! {").expect("it is");
        let names =
            theirs.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next());
        for name in names {
            assert!(ours.contains(&format!("    {name}(")), "{name}");
        }
    }
}
