//! The floor: what any FUSE filesystem can reach on this machine.
//!
//! Drivers on plain `fuser`, one plane, nothing cached, that do as little as can be done. A
//! filesystem that does more is told as a ratio to them. They have one file, whatever its name.
//!
//! - [`discard`]: for throughput: nothing is stored, nobody waits, nobody is woken
//! - [`exchange`]: for round trips: what one open file writes, the next one reads
//! - [`store`]: for opens and closes: what was written last can be read once

mod discard;
mod exchange;
mod store;

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use fuser::{
    Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    KernelConfig, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyWrite, Request, Session, WriteFlags,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The largest request, the same as pipefs asks for.
const MAX_WRITE: usize = 1 << 20;
const FILE: INodeNo = INodeNo(2);
/// Nothing is cached, as in pipefs.
const LIFETIME: Duration = Duration::ZERO;

/// What a floor does with data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Discard,
    Exchange,
    Store,
}

/// What the floors do differently.
trait Data: Send + Sync + 'static {
    /// The handle of a file that is opened.
    fn open(&self) -> u64;
    fn read(&self, handle: u64, size: usize, reply: ReplyData);
    fn write(&self, handle: u64, data: &[u8], reply: ReplyWrite);
}

/// What the floors have in common.
struct Floor<D>(D);

/// Mounts a floor on `directory` and serves until SIGTERM, SIGINT or an unmount from outside.
pub(crate) fn serve(kind: Kind, directory: &Path, threads: usize) -> io::Result<()> {
    match kind {
        Kind::Discard => serve_data(discard::Discard, directory, threads),
        Kind::Exchange => serve_data(exchange::Exchange::default(), directory, threads),
        Kind::Store => serve_data(store::Store::default(), directory, threads),
    }
}

fn serve_data<D: Data>(data: D, directory: &Path, threads: usize) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let mut config = Config::default();
    config.mount_options =
        vec![MountOption::FSName("floor".into()), MountOption::Subtype("floor".into())];
    config.n_threads = Some(threads);
    config.clone_fd = threads > 1;
    let mut session = Session::new(Floor(data), directory, &config)?;
    let mut unmounter = session.unmount_callable();
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            let _ = unmounter.unmount();
        }
    });
    session.run()
}

fn attributes(inode: INodeNo) -> FileAttr {
    let (kind, perm) = if inode == INodeNo::ROOT {
        (FileType::Directory, 0o755)
    } else {
        (FileType::RegularFile, 0o666)
    };
    let time = SystemTime::UNIX_EPOCH;
    FileAttr {
        ino: inode,
        size: 0,
        blocks: 0,
        atime: time,
        mtime: time,
        ctime: time,
        crtime: time,
        kind,
        perm,
        nlink: 1,
        uid: 0,
        gid: 0,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

impl<D: Data> Filesystem for Floor<D> {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        config
            .set_max_write(MAX_WRITE as u32)
            .map(drop)
            .map_err(|limit| io::Error::other(format!("writes of {limit} bytes at most")))
    }

    fn lookup(&self, _request: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name.as_encoded_bytes().starts_with(b".") {
            return reply.error(Errno::ENOENT);
        }
        reply.entry(&LIFETIME, &attributes(FILE), Generation(0));
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&LIFETIME, &attributes(inode));
    }

    fn open(&self, _request: &Request, _inode: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(self.0.open()), FopenFlags::FOPEN_DIRECT_IO);
    }

    fn create(
        &self,
        _request: &Request,
        _parent: INodeNo,
        _name: &OsStr,
        _mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let direct = FopenFlags::FOPEN_DIRECT_IO;
        let handle = FileHandle(self.0.open());
        reply.created(&LIFETIME, &attributes(FILE), Generation(0), handle, direct);
    }

    fn read(
        &self,
        _request: &Request,
        _inode: INodeNo,
        handle: FileHandle,
        _offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        self.0.read(handle.0, size as usize, reply);
    }

    fn write(
        &self,
        _request: &Request,
        _inode: INodeNo,
        handle: FileHandle,
        _offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.0.write(handle.0, data, reply);
    }

    fn flush(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        _owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    fn unlink(&self, _request: &Request, _parent: INodeNo, _name: &OsStr, reply: ReplyEmpty) {
        reply.ok();
    }
}
