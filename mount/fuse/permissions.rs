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
    /// do everything, and other capabilities do not count.
    pub(crate) fn allow(self, wanted: Wanted, who: Who) -> bool {
        let read = if wanted.read { 0o4 } else { 0 };
        let write = if wanted.write || wanted.truncate { 0o2 } else { 0 };
        let grants = |shift: u32| (self.mode >> shift) & (read | write) == read | write;
        let (owner, group, others) = (grants(6), grants(3), grants(0));
        match who.uid {
            0 => true,
            uid if uid == self.uid => owner,
            _ if group == others => group,
            _ if who.gid == self.gid || groups_of(who.pid).contains(&self.gid) => group,
            _ => others,
        }
    }
}

/// A thread's supplementary groups; none, if it cannot be seen.
fn groups_of(thread: u32) -> Vec<u32> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Groups:"));
    line.unwrap_or_default().split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_users_has_its_bits() {
        let permissions = Permissions { mode: 0o640, uid: 5, gid: 6 };
        let may = |uid, gid, read, write| {
            let wanted = Wanted { read, write, ..Wanted::default() };
            permissions.allow(wanted, Who { pid: 0, uid, gid })
        };
        assert!(may(5, 1, true, true));
        assert!(may(1, 6, true, false) && !may(1, 6, false, true));
        assert!(!may(1, 1, true, false) && !may(1, 1, false, true));
        assert!(may(0, 0, true, true));
        let truncates = Wanted { read: true, truncate: true, ..Wanted::default() };
        assert!(!permissions.allow(truncates, Who { pid: 0, uid: 1, gid: 6 }));
        // The owner's bits count for the owner alone, also if they are fewer.
        let permissions = Permissions { mode: 0o066, ..permissions };
        let reads = Wanted { read: true, ..Wanted::default() };
        assert!(!permissions.allow(reads, Who { pid: 0, uid: 5, gid: 6 }));
        assert!(permissions.allow(reads, Who { pid: 0, uid: 1, gid: 1 }));
    }

    #[test]
    fn supplementary_groups_count() {
        let own: Vec<u32> =
            nix::unistd::getgroups().unwrap().into_iter().map(nix::unistd::Gid::as_raw).collect();
        let mut found = groups_of(std::process::id());
        found.sort_unstable();
        let mut own = own;
        own.sort_unstable();
        assert_eq!(found, own);
        assert!(groups_of(0).is_empty());
    }
}
