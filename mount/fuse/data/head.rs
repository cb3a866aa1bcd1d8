//! Where the kernel puts the beginning of a request: other threads may look at it meanwhile.

#[cfg(shuttle)]
use shuttle::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(shuttle))]
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of a message the kernel puts here: `wire::WRITE_HEADER_BYTES`.
const WORDS: usize = 10;
#[cfg(not(shuttle))]
const BYTES: usize = WORDS * size_of::<u64>();

/// The first bytes of the message that a thread reads. The kernel copies a message from front to
/// back, 64 KiB in 10 µs: what it is about can be seen here long before the thread has it.
#[derive(Debug)]
pub(crate) struct Head([AtomicU64; WORDS]);

impl Head {
    pub(crate) fn new() -> Self {
        Self([const { 0 }; WORDS].map(AtomicU64::new))
    }

    /// Before each read(2): what can be seen from now on is of a request that was still in the
    /// kernel's queue.
    pub(crate) fn clear(&self) {
        self.0[0].store(0, Ordering::Relaxed);
    }

    /// The operation code (`fuse_in_header.opcode`) of what is being read; 0: the kernel has
    /// copied none yet. However the kernel divides its copy: all codes are below 256, so that one
    /// byte makes the difference.
    pub(crate) fn opcode(&self) -> u32 {
        let [_, _, _, _, opcode @ ..] = self.0[0].load(Ordering::Relaxed).to_ne_bytes();
        u32::from_ne_bytes(opcode)
    }

    /// A copy, for the thread that has read it.
    #[cfg(not(shuttle))]
    pub(crate) fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        for (word, place) in self.0.iter().zip(bytes.as_chunks_mut().0) {
            *place = word.load(Ordering::Relaxed).to_ne_bytes();
        }
        bytes
    }

    /// For readv(2), which may write as long as this is borrowed.
    #[cfg(not(shuttle))]
    pub(crate) fn iovec(&self) -> libc::iovec {
        libc::iovec { iov_base: self.0.as_ptr().cast_mut().cast(), iov_len: BYTES }
    }

    /// What the kernel does.
    #[cfg(any(test, shuttle))]
    pub(crate) fn put(&self, opcode: u32) {
        let [a, b, c, d] = opcode.to_ne_bytes();
        self.0[0].store(u64::from_ne_bytes([80, 0, 0, 0, a, b, c, d]), Ordering::Relaxed);
    }
}
