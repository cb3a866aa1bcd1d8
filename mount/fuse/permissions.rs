//! Who may open a pipe, where the kernel cannot know it.
//!
//! The kernel checks permissions by what it was told when a door was looked up. Somebody who has
//! held on to the door since (`O_PATH`, or an end and /proc/self/fd) opens it without a look-up,
//! and the permissions may have changed by another door. The kernel asks again, but does not keep
//! the answer, because of the [size](super::sizes) in it.

use std::fs;

use pipefs::{Attributes, Wanted, Who};

/// What permissions are checked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permissions {
    mode: u32,
    uid: u32,
    gid: u32,
}

impl From<Attributes> for Permissions {
    fn from(attributes: Attributes) -> Self {
        let Attributes { mode, uid, gid, .. } = attributes;
        Self { mode, uid, gid }
    }
}

impl Permissions {
    /// Whether they let a thread open the file for that, by its user and groups alone: root may
    /// do everything, and other capabilities do not count. A thread whose groups cannot be seen
    /// may do what it might in either case.
    pub(crate) fn allow(self, wanted: Wanted, who: Who) -> bool {
        let read = if wanted.read { 0o4 } else { 0 };
        let write = if wanted.write || wanted.truncate { 0o2 } else { 0 };
        let grants = |shift: u32| (self.mode >> shift) & (read | write) == read | write;
        let (owner, group, others) = (grants(6), grants(3), grants(0));
        match who.uid {
            0 => true,
            uid if uid == self.uid => owner,
            _ if group == others || who.gid == self.gid => group,
            _ => match groups_of(who.pid) {
                Some(groups) if groups.contains(&self.gid) => group,
                Some(_) => others,
                None => false,
            },
        }
    }
}

/// A thread's supplementary groups; `None`: it cannot be seen.
fn groups_of(thread: u32) -> Option<Vec<u32>> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"))?;
    Some(line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use nix::unistd::{Gid, getgroups};

    use super::*;

    #[test]
    fn each_class_of_users_has_its_bits() {
        let permissions = Permissions { mode: 0o640, uid: 5, gid: u32::MAX };
        let pid = std::process::id();
        let may = |uid, gid, read, write| {
            let wanted = Wanted { read, write, ..Wanted::default() };
            permissions.allow(wanted, Who { pid, uid, gid })
        };
        assert!(may(5, 1, true, true));
        assert!(may(1, u32::MAX, true, false) && !may(1, u32::MAX, false, true));
        assert!(!may(1, 1, true, false) && !may(1, 1, false, true));
        assert!(may(0, 0, true, true));
        let truncates = Wanted { read: true, truncate: true, ..Wanted::default() };
        assert!(!permissions.allow(truncates, Who { pid, uid: 1, gid: u32::MAX }));
        // The owner's bits count for the owner alone, also if they are fewer.
        let permissions = Permissions { mode: 0o066, ..permissions };
        let reads = Wanted { read: true, ..Wanted::default() };
        assert!(!permissions.allow(reads, Who { pid, uid: 5, gid: u32::MAX }));
        assert!(permissions.allow(reads, Who { pid, uid: 1, gid: 1 }));
    }

    #[test]
    fn who_cannot_be_seen_may_what_is_right_in_any_case() {
        let unseen = Who { pid: 0, uid: 1, gid: 1 };
        for (mode, expected) in [(0o606, false), (0o660, false), (0o666, true), (0o600, false)] {
            let permissions = Permissions { mode, uid: 5, gid: 6 };
            assert_eq!(permissions.allow(Wanted::READ, unseen), expected, "{mode:o}");
        }
    }

    #[test]
    fn supplementary_groups_count() {
        let mut own: Vec<u32> = getgroups().unwrap().into_iter().map(Gid::as_raw).collect();
        let mut found = groups_of(std::process::id()).unwrap();
        own.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, own);
        assert_eq!(groups_of(0), None);
    }
}
