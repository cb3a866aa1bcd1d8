//! The memory limit of a whole mount: how many bytes all its queues hold together.

use std::cell::Cell;

use crate::sync::{AtomicU64, Ordering};

/// How much memory all queues together may hold for bytes that were read already, because a rest
/// of the same buffer was not: 8 MiB, a quarter of what a mount may use beside what it buffers.
/// Above it, rests are copied out of their buffers.
const WASTE_MAX_BYTES: u64 = 8 << 20;

/// Counts buffered bytes against a limit. Like a lane's capacity, the limit stops the *next*
/// write once it is reached, so it may be exceeded by the writes that were under way.
#[derive(Debug)]
pub(crate) struct Quota {
    limit_bytes: u64,
    used_bytes: AtomicU64,
    waste_bytes: AtomicU64,
}

impl Quota {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: AtomicU64::new(0), waste_bytes: AtomicU64::new(0) }
    }

    pub(crate) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Ordering::SeqCst)
    }

    /// Whether one more write may be buffered now.
    pub(crate) fn has_room(&self) -> bool {
        self.used_bytes() < self.limit_bytes
    }

    pub(crate) fn reserve(&self, bytes: u64) {
        self.used_bytes.fetch_add(bytes, Ordering::SeqCst);
    }

    pub(crate) fn release(&self, bytes: u64) {
        let before = self.used_bytes.fetch_sub(bytes, Ordering::SeqCst);
        assert!(before >= bytes, "released {bytes} of {before} buffered bytes");
    }
}

/// One operation's view of the quota. It remembers by how much the operation changed what its
/// pipe buffers, and whether memory, not a lane's capacity, stood in somebody's way: then the
/// pipe has to be looked at again when memory becomes free.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    quota: &'a Quota,
    refused: Cell<bool>,
    change_bytes: Cell<i64>,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(quota: &'a Quota) -> Self {
        Self { quota, refused: Cell::new(false), change_bytes: Cell::new(0) }
    }

    pub(crate) fn has_room(&self) -> bool {
        let room = self.quota.has_room();
        if !room {
            self.refused.set(true);
        }
        room
    }

    /// How many bytes have to be released before there is room.
    pub(crate) fn lacking_bytes(&self) -> u64 {
        (self.quota.used_bytes() + 1).saturating_sub(self.quota.limit_bytes())
    }

    pub(crate) fn has_refused(&self) -> bool {
        self.refused.get()
    }

    /// A queue's waste has changed. Tells whether there is too much of it in all.
    pub(crate) fn waste(&self, before: u64, now: u64) -> bool {
        let total = &self.quota.waste_bytes;
        if before != now {
            total.fetch_add(now.wrapping_sub(before), Ordering::Relaxed);
        }
        now > 0 && total.load(Ordering::Relaxed) > WASTE_MAX_BYTES
    }

    /// By how much the operation has changed what its pipe buffers.
    pub(crate) fn change_bytes(&self) -> i64 {
        self.change_bytes.get()
    }

    pub(crate) fn reserve(&self, bytes: u64) {
        self.quota.reserve(bytes);
        self.change_bytes.set(self.change_bytes.get() + bytes.cast_signed());
    }

    pub(crate) fn release(&self, bytes: u64) {
        self.quota.release(bytes);
        self.change_bytes.set(self.change_bytes.get() - bytes.cast_signed());
    }
}
