//! The names of users and groups, each looked up once.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, Group, Uid, User};

use crate::view;

/// Names that were looked up; those without a name keep their number.
#[derive(Debug, Default)]
pub(super) struct Owners {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Owners {
    pub(super) fn user(&mut self, uid: u32) -> &str {
        self.users.entry(uid).or_insert_with(|| {
            let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
            user.map_or_else(|| uid.to_string(), |user| view::name(user.name.as_bytes()))
        })
    }

    pub(super) fn group(&mut self, gid: u32) -> &str {
        self.groups.entry(gid).or_insert_with(|| {
            let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
            group.map_or_else(|| gid.to_string(), |group| view::name(group.name.as_bytes()))
        })
    }

    /// `USER:GROUP`.
    pub(super) fn both(&mut self, uid: u32, gid: u32) -> String {
        let user = self.user(uid).to_owned();
        format!("{user}:{}", self.group(gid))
    }
}

/// The permission bits as chmod(1) takes them.
pub(super) fn permissions(metadata: &Metadata) -> String {
    format!("{:04o}", metadata.mode() & 0o7777)
}
