//! What is said to the kernel, as io_uring and FUSE lay it out (linux/io_uring.h, linux/fuse.h).

use std::io;
use std::os::fd::RawFd;

use io_uring::squeue::Entry128;

use crate::fuse::data::wire::{self, OUT_HEADER_BYTES};

/// `IORING_OP_URING_CMD`, `IORING_OP_MSG_RING`.
const DEVICE_COMMAND: u8 = 46;
const MESSAGE: u8 = 40;

/// `IORING_REGISTER_SEND_MSG_RING`: a message from a thread that has no ring.
const REGISTER_SEND_MESSAGE: libc::c_uint = 31;

/// `FUSE_IO_URING_CMD_REGISTER`, `FUSE_IO_URING_CMD_COMMIT_AND_FETCH`.
const REGISTER: u32 = 1;
const COMMIT_AND_FETCH: u32 = 2;

/// How many iovecs REGISTER has.
const PLACES: u32 = 2;

/// `FUSE_NOTIFY_RETRIEVE`, and its size: two numbers, and which part of what.
const RETRIEVE: i32 = 5;
pub(super) const PUSH_BYTES: usize = OUT_HEADER_BYTES + 32;

/// What a completion says that only wakes; any other number is an entry's.
pub(super) const WAKE: u64 = u64::MAX;

/// Where a queue's commands go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target {
    /// A descriptor of /dev/fuse of the mount.
    pub(super) device: RawFd,
    pub(super) queue: u16,
}

/// The parts of a command that matter.
struct Command {
    operation: u32,
    /// An address of iovecs, and how many there are.
    places: (u64, u32),
    entry: usize,
    /// The request that is answered.
    unique: u64,
}

/// Gives the kernel a new entry, whose memory is found at `places`.
pub(super) fn register(target: Target, entry: usize, places: u64) -> Entry128 {
    Command { operation: REGISTER, places: (places, PLACES), entry, unique: 0 }.build(target)
}

/// Hands an entry back with the answer in it, to be used again.
pub(super) fn commit(target: Target, entry: usize, unique: u64) -> Entry128 {
    Command { operation: COMMIT_AND_FETCH, places: (0, 0), entry, unique }.build(target)
}

impl Command {
    fn build(self, target: Target) -> Entry128 {
        let mut bytes = [0; size_of::<Entry128>()];
        bytes[0] = DEVICE_COMMAND;
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(4, &target.device.to_ne_bytes());
        put(8, &self.operation.to_ne_bytes());
        put(16, &self.places.0.to_ne_bytes());
        put(24, &self.places.1.to_ne_bytes());
        put(32, &(self.entry as u64).to_ne_bytes());
        // `struct fuse_uring_cmd_req`: flags, the request's number, the queue.
        put(56, &self.unique.to_ne_bytes());
        put(64, &target.queue.to_ne_bytes());
        // SAFETY: it is a C structure of numbers of this size, so any bytes are one. The crate has
        // no function that sets `addr` and `len` of such a command.
        unsafe { std::mem::transmute::<[u8; 128], Entry128>(bytes) }
    }
}

/// NOTIFY_RETRIEVE of nothing of a pipe: the kernel makes a request of this number.
pub(super) fn push(unique: u64, nodeid: u64) -> [u8; PUSH_BYTES] {
    let mut message = [0; PUSH_BYTES];
    let (header, body) = message.split_at_mut(OUT_HEADER_BYTES);
    header.copy_from_slice(&wire::out_header(0, RETRIEVE, body.len()));
    body[..8].copy_from_slice(&unique.to_ne_bytes());
    body[8..16].copy_from_slice(&nodeid.to_ne_bytes());
    message
}

/// Wakes the owner of a ring.
///
/// # Errors
/// The kernel is out of memory, or older than 6.13.
pub(super) fn wake(ring: RawFd) -> io::Result<()> {
    let mut bytes = [0_u8; 64];
    bytes[0] = MESSAGE;
    bytes[4..8].copy_from_slice(&ring.to_ne_bytes());
    bytes[8..16].copy_from_slice(&WAKE.to_ne_bytes());
    let (none, message) = (-1, bytes.as_ptr());
    // SAFETY: the message is as long as the kernel expects and outlives the call.
    let sent = unsafe {
        libc::syscall(libc::SYS_io_uring_register, none, REGISTER_SEND_MESSAGE, message, 1)
    };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
