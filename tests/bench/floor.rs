//! The floor: what any FUSE filesystem can reach on this machine.
//!
//! A driver on plain `fuser`, one plane, that discards what is written and answers every read with
//! as many zeroes as were asked for. Nothing is stored, nobody waits, nobody is woken. A filesystem
//! that does anything at all is told as a ratio to it.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

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

static ZEROES: [u8; MAX_WRITE] = [0; MAX_WRITE];

struct Floor;

/// Mounts on `directory` and serves until SIGTERM, SIGINT or an unmount from outside.
pub(crate) fn serve(directory: &Path, threads: usize) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let mut config = Config::default();
    config.mount_options =
        vec![MountOption::FSName("floor".into()), MountOption::Subtype("floor".into())];
    config.n_threads = Some(threads);
    config.clone_fd = threads > 1;
    let mut session = Session::new(Floor, directory, &config)?;
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

impl Filesystem for Floor {
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
        reply.opened(FileHandle(0), FopenFlags::FOPEN_DIRECT_IO);
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
        reply.created(&LIFETIME, &attributes(FILE), Generation(0), FileHandle(0), direct);
    }

    fn read(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        _offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        reply.data(&ZEROES[..MAX_WRITE.min(size as usize)]);
    }

    fn write(
        &self,
        _request: &Request,
        _inode: INodeNo,
        _handle: FileHandle,
        _offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        reply.written(data.len() as u32);
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
