//! The kernel's side of a driver whose /dev/fuse is a socket.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use fuser::{Config, Session, SessionACL};
use pipefs::settings::Mode;
use pipefs::{Attributes, Bounds, Engine, Settings};

use crate::fuse::data::transport::Transports;
use crate::fuse::data::wire::{self, IN_HEADER_BYTES, OUT_HEADER_BYTES, opcode};
use crate::fuse::device::{Channel, Device};
use crate::fuse::driver::Driver;
use crate::fuse::route::{Plane, plane_of, swallow_reply};
use crate::fuse::survive::Surviving;

/// An answer that is not there by then is none.
const PATIENCE: Duration = Duration::from_secs(20);

/// Most bytes that all pipes hold: little, so that writers have to wait.
const MEMORY_BYTES: u64 = 100_000;

/// `FUSE_REQ_ID_STEP`.
const STEP: u64 = 2;

/// A fence in the control plane; the one in the data plane is GETATTR.
const STATFS: u32 = 17;

/// A request that has no answer yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) opcode: u32,
    /// How many bytes it asks for, where it says so.
    pub(super) size: u32,
}

/// An answer, and what it answers.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) asked: Asked,
    /// 0 or an errno.
    pub(super) errno: i32,
    pub(super) body: Vec<u8>,
}

pub(super) struct Kernel {
    pub(super) driver: Arc<Driver>,
    device: Arc<Channel>,
    messages: Receiver<Vec<u8>>,
    data: Option<JoinHandle<io::Result<()>>>,
    control: Option<JoinHandle<io::Result<()>>>,
    others: Vec<JoinHandle<()>>,
    last: u64,
    pub(super) pending: HashMap<u64, Asked>,
}

impl Kernel {
    /// A driver that has just been mounted.
    pub(super) fn new() -> Self {
        let (device, driver_end) = Channel::pair().expect("there are descriptors");
        let (ours, theirs) = Channel::pair().expect("there are descriptors");
        let settings = Settings { capacity_bytes: 1000, ..Settings::default() };
        let root = Attributes::new(0o1777, 0, 0, SystemTime::UNIX_EPOCH);
        let engine = Engine::new(settings, Bounds::memory(MEMORY_BYTES), root);
        let transports = Transports::new(vec![Device::new(driver_end)], Vec::new());
        let driver = Arc::new(Driver::new(engine, transports, ours));
        driver.control.send(&[IoSlice::new(&wire::own_init())]).expect("it is there");
        let metadata = Surviving::new(Arc::clone(&driver));
        let control = Session::from_fd(metadata, theirs, SessionACL::All, Config::default());
        let control = control.expect("it agrees with itself");
        swallow_reply(&driver.control).expect("it has answered");
        let device = Arc::new(device);
        let (server, copier) = (Arc::clone(&driver), Arc::clone(&driver));
        let (sender, messages) = channel();
        let reader = Arc::clone(&device);
        let read = move || {
            let mut buffer = vec![0; 512 << 10];
            while let Ok(len @ 1..) = reader.receive(&mut buffer) {
                let _ = sender.send(buffer[..len].to_vec());
            }
        };
        Self {
            driver,
            device,
            messages,
            data: Some(thread::spawn(move || server.serve_device(0))),
            control: Some(thread::spawn(move || control.run())),
            others: vec![thread::spawn(move || copier.copy_replies()), thread::spawn(read)],
            last: 2,
            pending: HashMap::new(),
        }
    }

    /// Sends bytes that are no request: nobody answers them.
    pub(super) fn send_raw(&self, message: &[u8]) {
        if !message.is_empty() {
            self.device.send(&[IoSlice::new(message)]).expect("the driver is there");
        }
    }

    /// Sends a request and brings what is answered until the driver has dealt with it: its own
    /// answer, unless it waits, and those of others.
    pub(super) fn ask(&mut self, code: u32, nodeid: u64, size: u32, body: &[u8]) -> Vec<Answered> {
        let unique = self.next();
        if !matches!(code, opcode::FORGET | opcode::BATCH_FORGET) {
            self.pending.insert(unique, Asked { opcode: code, size });
        }
        self.send(code, unique, nodeid, body);
        self.settle(plane_of(code))
    }

    /// Interrupts a request, and brings what is answered then.
    pub(super) fn interrupt(&mut self, unique: u64) -> Vec<Answered> {
        self.send(opcode::INTERRUPT, unique | 1, 0, &unique.to_ne_bytes());
        let mut all = self.settle(Plane::Data);
        // An operation of the control plane is answered by way of that.
        all.extend(self.settle(Plane::Control));
        all
    }

    fn next(&mut self) -> u64 {
        self.last += STEP;
        self.last
    }

    fn send(&self, code: u32, unique: u64, nodeid: u64, body: &[u8]) {
        let len = (IN_HEADER_BYTES + body.len()) as u32;
        let mut header = [0; IN_HEADER_BYTES];
        header[..4].copy_from_slice(&len.to_ne_bytes());
        header[4..8].copy_from_slice(&code.to_ne_bytes());
        header[8..16].copy_from_slice(&unique.to_ne_bytes());
        header[16..24].copy_from_slice(&nodeid.to_ne_bytes());
        header[32..36].copy_from_slice(&std::process::id().to_ne_bytes());
        let parts = [IoSlice::new(&header), IoSlice::new(body)];
        self.device.send(&parts).expect("the driver is there");
    }

    /// Each plane does its requests one after another: when a fence is answered all before it are
    /// answered, or wait.
    fn settle(&mut self, plane: Plane) -> Vec<Answered> {
        let code = if plane == Plane::Data { opcode::GETATTR } else { STATFS };
        let fence = self.next();
        self.pending.insert(fence, Asked { opcode: code, size: 0 });
        self.send(code, fence, 1, &[0; 16]);
        let mut all = Vec::new();
        while self.pending.contains_key(&fence) {
            let message = self.messages.recv_timeout(PATIENCE);
            let message = message.expect("a plane of the driver has ended, or hangs");
            all.extend(self.take(message).filter(|_| self.pending.contains_key(&fence)));
        }
        all
    }

    /// One message from the driver: an answer to something that was asked, or a notice.
    fn take(&mut self, message: Vec<u8>) -> Option<Answered> {
        assert!(message.len() >= OUT_HEADER_BYTES, "{message:?}");
        let word = |at: usize| u32::from_ne_bytes(message[at..at + 4].try_into().expect("4 bytes"));
        let unique = u64::from_ne_bytes(message[8..16].try_into().expect("8 bytes"));
        let (len, error) = (word(0) as usize, word(4).cast_signed());
        assert_eq!(len, message.len(), "a message says how long it is");
        let body = message[OUT_HEADER_BYTES..].to_vec();
        if unique == 0 {
            assert!((1..=8).contains(&error), "notice {error}");
            return None;
        }
        assert!((-4095..=0).contains(&error), "error {error}");
        assert_ne!(error, -libc::EIO, "something has panicked");
        assert!(error == 0 || body.is_empty(), "error {error} with {} bytes", body.len());
        let Some(asked) = self.pending.remove(&unique) else {
            // The kernel does not know these any more, and throws a refusal away.
            assert!(error == -libc::EINVAL, "{unique} was not asked, or was answered before");
            return None;
        };
        if error == 0 {
            check_size(asked, body.len());
        }
        Some(Answered { asked, errno: -error, body })
    }

    /// Takes the mount down.
    pub(super) fn stop(mut self) {
        self.driver.shut_down();
        let _ = self.driver.control.send(&[IoSlice::new(&wire::own_destroy())]);
        let control = self.control.take().expect("it is stopped once");
        control.join().expect("the control plane does not panic").expect("it ends in order");
        self.driver.control.close();
        self.device.close();
        let data = self.data.take().expect("it is stopped once");
        data.join().expect("the data plane does not panic").expect("it ends in order");
        self.others.drain(..).for_each(|thread| thread.join().expect("it does not panic"));
    }

    /// A new pipe of this mode, for a driver that has just begun.
    pub(super) fn create(&self, name: &[u8], mode: Mode) {
        let attributes = Attributes::new(0o666, 0, 0, SystemTime::UNIX_EPOCH);
        let root = pipefs::ROOT;
        self.driver.engine.create(root, name, attributes, Some(mode)).expect("a new name");
    }
}

/// Whether the kernel would take an answer of this size: else it fails the request.
fn check_size(asked: Asked, bytes: usize) {
    let Asked { opcode: code, size } = asked;
    let size = size as usize;
    let fits = match code {
        // LOOKUP, SYMLINK, MKNOD, MKDIR, LINK
        1 | 6 | 8 | 9 | 13 => bytes == 128,
        // GETATTR, SETATTR
        3 | 4 => bytes == 104,
        // OPEN, OPENDIR
        14 | 27 => bytes == 16,
        // READ, READDIR, READDIRPLUS
        15 | 28 | 44 => bytes <= size,
        // GETXATTR, LISTXATTR
        22 | 23 => bytes <= size || (size == 0 && bytes == 8),
        // WRITE, POLL, LSEEK
        16 | 40 | 46 => bytes == 8,
        // STATFS
        17 => bytes == 80,
        // CREATE
        35 => bytes == 144,
        // IOCTL
        39 => bytes >= 16 && bytes <= 16 + size,
        // UNLINK, RMDIR, RENAME, RELEASE, FSYNC, SETXATTR, REMOVEXATTR, FLUSH, RELEASEDIR,
        // FSYNCDIR, ACCESS, FALLOCATE, RENAME2
        10 | 11 | 12 | 18 | 20 | 21 | 24 | 25 | 29 | 30 | 34 | 43 | 45 => bytes == 0,
        _ => true,
    };
    assert!(fits, "an answer to operation {code} (size {size}) has {bytes} bytes");
}
