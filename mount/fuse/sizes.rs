//! The sizes of the kernel's inodes. stat(2) shows 0, but the kernel keeps another one and goes by
//! it:
//!
//! - splice(2) from an inode of size 0 is an end of file, without a question to the driver.
//! - Writes to one open file go side by side only as long as none of them ends behind the size. One
//!   that does holds the inode's lock until it is answered, and the next writer is in
//!   uninterruptible sleep.
//!
//! So the inode of an end that writes is larger than any write. With `O_APPEND` it is not: there
//! a write holds the lock in any case, and it begins at the size, where `ulimit -f` would refuse
//! it.
//!
//! After an open with `O_TRUNC` the kernel sets the size to 0, some time after it has got the
//! answer. Then the size has to be set again: when enough time has passed, and before the first
//! write is answered, because that can only come afterwards.

use std::collections::HashSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};
use parking_lot::Mutex;
use pipefs::{EndId, Wanted};

use super::data::wire;
use super::driver::Driver;

/// The size of an inode through which nobody writes, in bytes.
pub(crate) const SMALL: u64 = 2;

/// That of an inode through which somebody writes, in bytes: as long as write(2) can be, which is
/// less than 2 GiB by a page. 32-bit programs could not open a larger file.
static LARGE: LazyLock<u64> = LazyLock::new(|| {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    (1 << 31) - page.map_or(4096, |bytes| bytes as u64)
});

/// The same, set when the first write comes, in bytes. The data thread sets it, and has to wait if
/// somebody reads the last page of that size, whom only the data thread can answer. So it is one
/// page more than anybody could ask for until then.
const LARGER: u64 = i32::MAX as u64;

/// When a size is set again after an open with `O_TRUNC`: as soon as the opener must have its
/// answer, and again in case that the machine was too busy.
const RESTORE_AFTER: [Duration; 3] =
    [Duration::from_millis(1), Duration::from_millis(100), Duration::from_secs(1)];

/// The size of an inode that is to be set again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RestoreSize {
    door: u64,
    /// How often it was set already.
    times: usize,
    /// The first write sets the size for good, and then this need not be done.
    until_written: bool,
}

/// The size that an open wants its inode to have, in bytes.
pub(crate) fn size_for(wanted: Wanted) -> u64 {
    if wanted.write && !wanted.append { *LARGE } else { SMALL }
}

/// Doors that were opened with `O_TRUNC` not long ago, and nothing was written through them since.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    /// How many there are: each write looks whether there are any.
    count: AtomicUsize,
    doors: Mutex<HashSet<u64>>,
}

impl Unwritten {
    fn insert(&self, door: u64) {
        let mut doors = self.doors.lock();
        doors.insert(door);
        self.count.store(doors.len(), Ordering::Release);
    }

    fn has(&self, door: u64) -> bool {
        self.doors.lock().contains(&door)
    }

    pub(crate) fn remove(&self, door: u64) -> bool {
        if self.count.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut doors = self.doors.lock();
        let was_there = doors.remove(&door);
        self.count.store(doors.len(), Ordering::Release);
        was_there
    }
}

impl Driver {
    /// Notes the end that was opened through a door, and sees to the size of its inode. The kernel
    /// has not got the open's answer yet.
    pub(crate) fn attach(&self, door: u64, end: EndId, wanted: Wanted, thread: u32) {
        let size = size_for(wanted);
        let (was_looked_up, is_first) = {
            let mut doors = self.doors.lock();
            let was_looked_up = doors.get(door).is_some_and(|door| door.is_promised_to(thread));
            (was_looked_up, doors.attach(door, end, size, thread))
        };
        let is_large = size == *LARGE;
        if wanted.truncate || is_large && !is_first {
            // Also if it is not the first: what another open file reads through this door could
            // make us wait here.
            let until_written = is_large && is_first;
            if until_written {
                self.unwritten.insert(door);
            }
            self.restore_size_later(RestoreSize { door, times: 0, until_written });
        } else if is_first {
            // Nobody has anything of it locked: all who had it open have closed it.
            if !was_looked_up {
                // Who holds the path was faster than another one's LOOKUP, and the answer to that
                // may be on its way with a size of 0: from now on the kernel does not take it in.
                self.notify(&wire::notify_stale_attributes(door));
            }
            self.notify(&wire::notify_size(door, size));
        }
    }

    /// A write has come through a door. If it is the first one after an open with `O_TRUNC`, the
    /// kernel has truncated the inode by now.
    pub(crate) fn write_came(&self, door: u64) {
        if self.unwritten.remove(door) {
            self.notify(&wire::notify_size(door, LARGER));
        }
    }

    /// Sets the size of a door's inode again, if that is open and still needs it.
    pub(crate) fn restore_size(&self, restore: RestoreSize) {
        let RestoreSize { door, times, until_written } = restore;
        if until_written && !self.unwritten.has(door) {
            return;
        }
        let size = self.doors.lock().get(door).filter(|door| door.is_open()).map(|door| door.size);
        if let Some(size) = size {
            self.notify(&wire::notify_size(door, size));
            self.restore_size_later(RestoreSize { times: times + 1, ..restore });
        } else {
            self.unwritten.remove(door);
        }
    }

    fn restore_size_later(&self, restore: RestoreSize) {
        match RESTORE_AFTER.get(restore.times) {
            Some(after) => self.housekeeper.restore_size(*after, restore),
            // From now on no write has to look for it.
            None => drop(self.unwritten.remove(restore.door)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_without_append_gets_a_size_that_no_write_exceeds() {
        let longest_write = i32::MAX as u64 & !4095;
        let write = Wanted { write: true, ..Wanted::default() };
        assert!(size_for(write) >= longest_write);
        assert!(size_for(Wanted { read: true, truncate: true, ..write }) >= longest_write);
        assert_eq!(size_for(write).div_ceil(4096) + 1, LARGER.div_ceil(4096), "the next page");
        assert_eq!(size_for(Wanted { append: true, ..write }), SMALL);
        assert_eq!(size_for(Wanted { read: true, ..Wanted::default() }), SMALL);
    }

    #[test]
    fn a_door_is_unwritten_once() {
        let unwritten = Unwritten::default();
        assert!(!unwritten.remove(5));
        unwritten.insert(5);
        unwritten.insert(6);
        assert!(unwritten.remove(5) && !unwritten.remove(5));
        assert_eq!(unwritten.count.load(Ordering::Relaxed), 1);
    }
}
