//! Doors: the kernel's inodes for a pipe.
//!
//! A write holds the kernel's inode lock until it is answered. If a pipe were one inode, one
//! blocked writer would put every other writer, `chmod` and `truncate` of that pipe to
//! uninterruptible sleep. So every LOOKUP answers with an inode number that nobody uses, a *door*
//! to the pipe, and each open has a lock of its own. An open through a door that belongs to an open
//! end, by a thread that no LOOKUP gave it to, came through /proc/self/fd: it joins that end.
//!
//! So a door is its user's for good: somebody else who has held on to it since (`O_PATH`), and may
//! open the pipe, would join an end that is not his.

use std::collections::HashMap;

use pipefs::{EndId, Ino, PipeHandle};

use super::permissions::Permissions;

/// First door's number. Directories, and pipes in listings, use the engine's numbers below it.
const FIRST_DOOR: u64 = 1 << 48;

/// One kernel inode.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) pipe: PipeHandle,
    /// The user that looked it up, the only one that it is given to again.
    uid: u32,
    /// What the kernel was told of the pipe when it got to know the door.
    pub(crate) told: Permissions,
    /// mkfifo's answer: this one inode is shown as FIFO, every later door as regular file.
    pub(crate) is_fifo: bool,
    /// The end that was opened through it last, if it is open.
    end: EndId,
    /// Open files that were opened through it.
    opens: u32,
    /// The thread that a LOOKUP gave it to, and that has not opened it yet.
    promised: Option<u32>,
    /// The size that the kernel is to keep while it is open, in bytes; stat(2) shows 0.
    pub(crate) size: u64,
    /// References that the kernel holds.
    lookups: u32,
}

impl Door {
    /// Whether the thread that opens it has just looked it up.
    pub(crate) fn is_promised_to(&self, thread: u32) -> bool {
        self.promised == Some(thread)
    }

    /// The end that an open by this thread joins, if there was no LOOKUP before it.
    pub(crate) fn reopened_by(&self, thread: u32) -> Option<EndId> {
        (self.opens > 0 && !self.is_promised_to(thread)).then_some(self.end)
    }

    /// Whether nobody has it open, or is about to open it, but for this thread, and it is its
    /// user's.
    fn is_free_for(&self, thread: u32, uid: u32) -> bool {
        let is_promised = self.promised.is_some_and(|other| other != thread);
        self.opens == 0 && !is_promised && !self.is_fifo && self.uid == uid
    }

    /// Whether somebody has it open.
    pub(crate) fn is_open(&self) -> bool {
        self.opens > 0
    }
}

/// All inodes of pipes that the kernel knows.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    doors: HashMap<u64, Door>,
    /// Each pipe's newest door.
    newest: HashMap<Ino, u64>,
    made: u64,
}

impl Doors {
    /// A new door for a user, with the one reference that the reply gives the kernel.
    pub(crate) fn make(
        &mut self,
        pipe: PipeHandle,
        uid: u32,
        told: Permissions,
        is_fifo: bool,
    ) -> u64 {
        let nodeid = FIRST_DOOR + self.made;
        self.made += 1;
        self.newest.insert(pipe.ino(), nodeid);
        let (end, opens, promised) = (EndId::from_raw(0), 0, None);
        let door = Door { pipe, uid, told, is_fifo, end, opens, promised, size: 0, lookups: 1 };
        self.doors.insert(nodeid, door);
        nodeid
    }

    /// A door for a user's thread that looks the pipe up: one that nobody uses any more, because
    /// the kernel knows that already, or a new one. Threads that the driver cannot tell apart (0:
    /// they are in no PID namespace that it sees) get new ones. So does everybody when permissions
    /// have changed: the kernel may not take in what it is told of an inode that it knows.
    pub(crate) fn find_or_make(
        &mut self,
        pipe: &PipeHandle,
        thread: u32,
        uid: u32,
        told: Permissions,
    ) -> u64 {
        let newest = self.newest.get(&pipe.ino()).copied().filter(|_| thread != 0);
        let door = newest.and_then(|nodeid| Some((nodeid, self.doors.get_mut(&nodeid)?)));
        let is_fit = |door: &Door| door.is_free_for(thread, uid) && door.told == told;
        let nodeid = match door.filter(|(_, door)| is_fit(door)) {
            Some((nodeid, door)) => {
                door.lookups += 1;
                door.size = 0;
                nodeid
            }
            None => self.make(pipe.clone(), uid, told, false),
        };
        if let Some(door) = self.doors.get_mut(&nodeid) {
            door.promised = Some(thread);
        }
        nodeid
    }

    pub(crate) fn get(&self, nodeid: u64) -> Option<&Door> {
        self.doors.get(&nodeid)
    }

    /// Notes the end that a thread has opened through a door, and the size that its inode needs for
    /// it; returns whether it is the only one there.
    pub(crate) fn attach(&mut self, nodeid: u64, end: EndId, size: u64, thread: u32) -> bool {
        let Some(door) = self.doors.get_mut(&nodeid) else { return false };
        door.promised = door.promised.filter(|other| *other != thread);
        door.size = door.size.max(size);
        door.end = end;
        door.opens += 1;
        door.opens == 1
    }

    /// An open file that was opened through a door has gone.
    pub(crate) fn leave(&mut self, nodeid: u64) {
        if let Some(door) = self.doors.get_mut(&nodeid) {
            door.opens = door.opens.saturating_sub(1);
        }
    }

    /// Lets a door lead to another pipe than it did.
    pub(crate) fn lead_to(&mut self, nodeid: u64, pipe: &PipeHandle) {
        if let Some(door) = self.doors.get_mut(&nodeid) {
            let before = std::mem::replace(&mut door.pipe, pipe.clone());
            self.is_newest_no_more(before.ino(), nodeid);
            self.newest.insert(pipe.ino(), nodeid);
        }
    }

    /// The kernel gives references back.
    pub(crate) fn forget(&mut self, nodeid: u64, lookups: u64) {
        if let Some(door) = self.doors.get_mut(&nodeid) {
            let lookups = lookups.try_into().unwrap_or(u32::MAX);
            door.lookups = door.lookups.saturating_sub(lookups);
            if door.lookups == 0 {
                let ino = door.pipe.ino();
                self.doors.remove(&nodeid);
                self.is_newest_no_more(ino, nodeid);
            }
        }
    }

    /// A door is none of this pipe's any more.
    fn is_newest_no_more(&mut self, ino: Ino, nodeid: u64) {
        if self.newest.get(&ino) == Some(&nodeid) {
            self.newest.remove(&ino);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.doors.len()
    }

    /// Whether a number is a door's rather than a directory's.
    pub(crate) fn is_door(nodeid: u64) -> bool {
        nodeid >= FIRST_DOOR
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use pipefs::{Attributes, Bounds, Engine, ROOT, Settings};

    use super::*;

    const UID: u32 = 1000;

    fn told() -> Permissions {
        Attributes::new(0o755, 0, 0, SystemTime::UNIX_EPOCH).into()
    }

    fn pipes() -> [PipeHandle; 2] {
        let attributes = Attributes::new(0o755, 0, 0, SystemTime::UNIX_EPOCH);
        let engine = Engine::new(Settings::default(), Bounds::memory(u64::MAX), attributes);
        [&b"p"[..], b"q"].map(|name| engine.create(ROOT, name, attributes, None).unwrap())
    }

    fn pipe() -> PipeHandle {
        let [pipe, _] = pipes();
        pipe
    }

    #[test]
    fn who_looks_up_at_once_gets_doors_apart() {
        let (mut doors, pipe) = (Doors::default(), pipe());
        let first = doors.find_or_make(&pipe, 7, UID, told());
        assert_ne!(doors.find_or_make(&pipe, 8, UID, told()), first, "7 may be about to open it");
        let third = doors.find_or_make(&pipe, 8, UID, told());
        assert_ne!(third, first);
        assert_eq!(
            doors.find_or_make(&pipe, 8, UID, told()),
            third,
            "a thread looks up one path at a time"
        );
    }

    #[test]
    fn a_door_is_given_again_when_all_have_left() {
        let (mut doors, pipe) = (Doors::default(), pipe());
        let door = doors.find_or_make(&pipe, 7, UID, told());
        assert!(doors.attach(door, EndId::from_raw(1), 100, 7));
        assert!(!doors.attach(door, EndId::from_raw(1), 100, 9), "by way of /proc");
        doors.leave(door);
        let other = doors.find_or_make(&pipe, 8, UID, told());
        assert_ne!(other, door);
        doors.forget(other, 1);
        doors.leave(door);
        assert_ne!(
            doors.find_or_make(&pipe, 8, UID, told()),
            door,
            "the kernel knows no name for it"
        );
        let newest = doors.find_or_make(&pipe, 8, UID, told());
        assert!(doors.attach(newest, EndId::from_raw(2), 100, 8));
        doors.leave(newest);
        assert_eq!(doors.find_or_make(&pipe, 9, UID, told()), newest);
        assert_eq!(doors.get(newest).unwrap().size, 0);
        doors.forget(newest, 2);
        assert!(doors.get(newest).is_some());
        doors.forget(newest, 1);
        assert!(doors.get(newest).is_none() && doors.newest.is_empty());
    }

    #[test]
    fn threads_without_a_number_and_fifos_share_no_door() {
        let (mut doors, pipe) = (Doors::default(), pipe());
        let door = doors.find_or_make(&pipe, 0, UID, told());
        assert_ne!(doors.find_or_make(&pipe, 0, UID, told()), door);
        let fifo = doors.make(pipe.clone(), UID, told(), true);
        assert_ne!(doors.find_or_make(&pipe, 7, UID, told()), fifo);
    }

    #[test]
    fn an_open_without_a_lookup_joins_the_end() {
        let (mut doors, pipe) = (Doors::default(), pipe());
        let (door, end) = (doors.find_or_make(&pipe, 7, UID, told()), EndId::from_raw(1));
        assert_eq!(doors.get(door).unwrap().reopened_by(7), None);
        // Somebody who holds the path (`O_PATH`) is faster; 7 wants an end of its own still.
        doors.attach(door, end, 100, 8);
        assert_eq!(doors.get(door).unwrap().reopened_by(8), Some(end));
        assert_eq!(doors.get(door).unwrap().reopened_by(7), None);
        doors.attach(door, EndId::from_raw(2), 100, 7);
        assert_eq!(doors.get(door).unwrap().reopened_by(7), Some(EndId::from_raw(2)));
    }

    #[test]
    fn a_door_that_leads_elsewhere_is_not_given_for_the_pipe_that_it_led_to() {
        let (mut doors, [before, now]) = (Doors::default(), pipes());
        let door = doors.find_or_make(&before, 7, UID, told());
        doors.lead_to(door, &now);
        assert_eq!(doors.find_or_make(&now, 7, UID, told()), door);
        let other = doors.find_or_make(&before, 7, UID, told());
        assert_ne!(other, door);
        doors.lead_to(other, &now);
        doors.forget(door, 2);
        doors.forget(other, 1);
        assert!(doors.doors.is_empty() && doors.newest.is_empty());
    }

    /// Else he who has held on to it could join the end that the other one opens there.
    #[test]
    fn a_door_is_given_to_its_user_alone() {
        let (mut doors, pipe) = (Doors::default(), pipe());
        let door = doors.find_or_make(&pipe, 7, UID, told());
        doors.attach(door, EndId::from_raw(1), 100, 7);
        doors.leave(door);
        assert_ne!(doors.find_or_make(&pipe, 8, UID + 1, told()), door);
        let door = doors.find_or_make(&pipe, 7, UID, told());
        doors.attach(door, EndId::from_raw(2), 100, 7);
        doors.leave(door);
        assert_eq!(doors.find_or_make(&pipe, 9, UID, told()), door);
    }

    #[test]
    fn who_comes_after_a_change_of_permissions_gets_another_door() {
        let (mut doors, pipe) = (Doors::default(), pipe());
        let door = doors.find_or_make(&pipe, 7, UID, told());
        let now = Attributes::new(0o700, 0, 0, SystemTime::UNIX_EPOCH).into();
        let other = doors.find_or_make(&pipe, 7, UID, now);
        assert_ne!(other, door);
        assert_eq!(doors.find_or_make(&pipe, 7, UID, now), other);
    }
}
