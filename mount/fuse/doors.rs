//! Doors: the kernel's inodes for a pipe.
//!
//! A write holds the kernel's inode lock until it is answered. If a pipe were one inode, one
//! blocked writer would put every other writer, `chmod` and `truncate` of that pipe to
//! uninterruptible sleep. So every LOOKUP answers with a new inode number, a *door* to the pipe,
//! and each open has a lock of its own. An open through a door that already belongs to an open
//! end had no LOOKUP before it: it came through /proc/self/fd, and joins that end.

use std::collections::HashMap;

use pipefs::{EndId, PipeHandle};

use super::sizes::SMALL;

/// First door's number. Directories, and pipes in listings, use the engine's numbers below it.
const FIRST_DOOR: u64 = 1 << 48;

/// One kernel inode.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) pipe: PipeHandle,
    /// mkfifo's answer: this one inode is shown as FIFO, every later door as regular file.
    pub(crate) is_fifo: bool,
    /// The end that was opened through it.
    pub(crate) end: Option<EndId>,
    /// The size that the kernel is to keep, in bytes; stat(2) shows 0.
    pub(crate) size: u64,
    /// References that the kernel holds.
    lookups: u64,
}

/// All inodes of pipes that the kernel knows.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    doors: HashMap<u64, Door>,
    made: u64,
}

impl Doors {
    /// A new door, with the one reference that the reply gives the kernel.
    pub(crate) fn make(&mut self, pipe: PipeHandle, is_fifo: bool) -> u64 {
        let nodeid = FIRST_DOOR + self.made;
        self.made += 1;
        let door = Door { pipe, is_fifo, end: None, size: SMALL, lookups: 1 };
        self.doors.insert(nodeid, door);
        nodeid
    }

    pub(crate) fn get(&self, nodeid: u64) -> Option<&Door> {
        self.doors.get(&nodeid)
    }

    /// Notes the end that was opened through a door, and the size that its inode needs for it;
    /// returns whether it is the first one there.
    pub(crate) fn attach(&mut self, nodeid: u64, end: EndId, size: u64) -> bool {
        let Some(door) = self.doors.get_mut(&nodeid) else { return false };
        door.size = door.size.max(size);
        door.end.replace(end).is_none()
    }

    /// Lets a door lead to another pipe than it did.
    pub(crate) fn lead_to(&mut self, nodeid: u64, pipe: &PipeHandle) {
        if let Some(door) = self.doors.get_mut(&nodeid) {
            door.pipe = pipe.clone();
        }
    }

    /// The kernel gives references back.
    pub(crate) fn forget(&mut self, nodeid: u64, lookups: u64) {
        if let Some(door) = self.doors.get_mut(&nodeid) {
            door.lookups = door.lookups.saturating_sub(lookups);
            if door.lookups == 0 {
                self.doors.remove(&nodeid);
            }
        }
    }

    /// Whether a number is a door's rather than a directory's.
    pub(crate) fn is_door(nodeid: u64) -> bool {
        nodeid >= FIRST_DOOR
    }
}
