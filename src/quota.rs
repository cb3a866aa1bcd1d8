//! The limits of a whole mount: how many bytes all its queues hold together, and how many instances
//! there are.

use std::cell::{Cell, RefCell};

use smallvec::SmallVec;

use crate::bounds::Bounds;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::users::{Owner, User};
use crate::{Error, Result};

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
    max_instances: u64,
    instances: AtomicU64,
    dropped_bytes: AtomicU64,
    dropped_count: AtomicU64,
}

impl Quota {
    pub(crate) fn new(bounds: &Bounds) -> Self {
        Self {
            limit_bytes: bounds.memory_bytes,
            used_bytes: AtomicU64::new(0),
            waste_bytes: AtomicU64::new(0),
            max_instances: bounds.max_instances,
            instances: AtomicU64::new(0),
            dropped_bytes: AtomicU64::new(0),
            dropped_count: AtomicU64::new(0),
        }
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

    /// How many instances there are.
    pub(crate) fn instances(&self) -> u64 {
        self.instances.load(Ordering::SeqCst)
    }

    /// How many bytes, and messages or writes, `overflow` has dropped so far.
    pub(crate) fn dropped(&self) -> (u64, u64) {
        let number = |of: &AtomicU64| of.load(Ordering::Relaxed);
        (number(&self.dropped_bytes), number(&self.dropped_count))
    }

    /// A pipe has as many instances more, or less, than the operation on it has asked for.
    pub(crate) fn count_instances(&self, change: i64) {
        if change != 0 {
            self.instances.fetch_add(change.cast_unsigned(), Ordering::SeqCst);
        }
    }
}

/// Users that an operation has met; mostly none.
pub(crate) type UserList = SmallVec<[Arc<User>; 1]>;

/// One operation's view of the quota. It remembers by how much the operation changed what its
/// pipe buffers, and whether memory, not a lane's capacity, stood in somebody's way: then the
/// pipe has to be looked at again when memory becomes free.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    quota: &'a Quota,
    refused: Cell<bool>,
    change_bytes: Cell<i64>,
    /// Who had used up the own memory when it stood in the way.
    starved: RefCell<UserList>,
    /// Who had no memory left and has some now.
    relieved: RefCell<UserList>,
    new_instances: Cell<i64>,
}

impl<'a> Gate<'a> {
    pub(crate) fn new(quota: &'a Quota) -> Self {
        Self {
            quota,
            refused: Cell::new(false),
            change_bytes: Cell::new(0),
            starved: RefCell::default(),
            relieved: RefCell::default(),
            new_instances: Cell::new(0),
        }
    }

    /// Whether the mount has memory for one more write.
    pub(crate) fn has_room(&self) -> bool {
        let room = self.quota.has_room();
        if !room {
            self.refused.set(true);
        }
        room
    }

    /// Whether this user, too, has memory left for it.
    pub(crate) fn has_room_for(&self, owner: &Owner) -> bool {
        self.has_room() && self.is_within_limit(owner, false)
    }

    /// Whether the user has memory left, however much the mount has; and, if that is asked, had
    /// some before.
    pub(crate) fn is_within_limit(&self, owner: &Owner, had_some: bool) -> bool {
        let Some(user) = owner else { return true };
        let is_among = |list: &RefCell<UserList>| list.borrow().iter().any(|u| u.uid == user.uid);
        let room = user.has_room() && !(had_some && is_among(&self.relieved));
        if !room && !is_among(&self.starved) {
            self.starved.borrow_mut().push(Arc::clone(user));
        }
        room
    }

    /// How many bytes have to be released before there is room.
    pub(crate) fn lacking_bytes(&self, owner: &Owner) -> u64 {
        let lacking = (self.quota.used_bytes() + 1).saturating_sub(self.quota.limit_bytes());
        lacking.max(owner.as_ref().map_or(0, |user| user.lacking_bytes()))
    }

    pub(crate) fn has_refused(&self) -> bool {
        self.refused.get()
    }

    /// Whose own memory stood in the way, and who has got room.
    pub(crate) fn into_users(self) -> (UserList, UserList) {
        (self.starved.into_inner(), self.relieved.into_inner())
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

    pub(crate) fn reserve(&self, bytes: u64, owner: &Owner) {
        self.quota.reserve(bytes);
        self.change_bytes.set(self.change_bytes.get() + bytes.cast_signed());
        if let Some(user) = owner {
            user.reserve(bytes);
        }
    }

    /// Whose the bytes were, [`Gate::release_user`] is told.
    pub(crate) fn release(&self, bytes: u64) {
        self.quota.release(bytes);
        self.change_bytes.set(self.change_bytes.get() - bytes.cast_signed());
    }

    pub(crate) fn release_user(&self, user: &Arc<User>, bytes: u64) {
        if user.release(bytes) {
            self.relieved.borrow_mut().push(Arc::clone(user));
        }
    }

    pub(crate) fn count_dropped(&self, bytes: u64, count: u64) {
        self.quota.dropped_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.quota.dropped_count.fetch_add(count, Ordering::Relaxed);
    }

    /// One more instance is about to be made.
    ///
    /// # Errors
    /// [`Error::Busy`]: there are as many as there may be.
    pub(crate) fn take_instance(&self) -> Result<()> {
        if self.quota.instances.fetch_add(1, Ordering::SeqCst) >= self.quota.max_instances {
            self.quota.count_instances(-1);
            return Err(Error::Busy);
        }
        self.new_instances.set(self.new_instances.get() + 1);
        Ok(())
    }

    /// How many instances the operation has asked for.
    pub(crate) fn new_instances(&self) -> i64 {
        self.new_instances.get()
    }
}
