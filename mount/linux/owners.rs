//! Who is meant: the names of users and groups, each looked up once, and of processes.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, Group, Uid, User};
use serde_json::{Map, Value};

use crate::view;

/// Names that were looked up; those without a name keep their number.
#[derive(Debug, Default)]
pub struct Owners {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Owners {
    fn user(&mut self, uid: u32) -> &str {
        self.users.entry(uid).or_insert_with(|| {
            let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
            user.map_or_else(|| uid.to_string(), |user| view::name(user.name.as_bytes()))
        })
    }

    fn group(&mut self, gid: u32) -> &str {
        self.groups.entry(gid).or_insert_with(|| {
            let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
            group.map_or_else(|| gid.to_string(), |group| view::name(group.name.as_bytes()))
        })
    }

    /// `USER:GROUP` of a file.
    #[must_use]
    pub fn of(&mut self, metadata: &Metadata) -> String {
        self.both(metadata.uid(), metadata.gid())
    }

    /// The user that a file belongs to.
    #[must_use]
    pub fn user_of(&mut self, metadata: &Metadata) -> &str {
        self.user(metadata.uid())
    }

    /// Who holds an end, of which this is the state.
    #[must_use]
    pub fn holder(&mut self, end: &Value) -> String {
        let number = |key: &str| end[key].as_u64().and_then(|id| u32::try_from(id).ok());
        let owner = self.both(number("uid").unwrap_or(0), number("gid").unwrap_or(0));
        format!("{}, {owner}", process(number("pid").unwrap_or(0)))
    }

    /// The user of an account of the mount's memory.
    #[must_use]
    pub fn account(&mut self, account: &Value) -> String {
        let uid = account["uid"].as_u64().and_then(|uid| u32::try_from(uid).ok());
        self.user(uid.unwrap_or(0)).to_owned()
    }

    fn both(&mut self, uid: u32, gid: u32) -> String {
        let user = self.user(uid).to_owned();
        format!("{user}:{}", self.group(gid))
    }
}

/// The permission bits as chmod(1) takes them.
#[must_use]
pub fn permissions(metadata: &Metadata) -> String {
    format!("{:04o}", metadata.mode() & 0o7777)
}

/// Adds the owner and the permissions of a file to what JSON says of it.
pub fn add_to(object: &mut Map<String, Value>, metadata: &Metadata) {
    object.insert("uid".into(), metadata.uid().into());
    object.insert("gid".into(), metadata.gid().into());
    object.insert("permissions".into(), permissions(metadata).into());
}

/// A process as people know it. It may have ended meanwhile, or its name be hidden from us.
fn process(pid: u32) -> String {
    match fs::read(format!("/proc/{pid}/comm")) {
        Ok(name) => {
            let name = name.strip_suffix(b"\n").unwrap_or(&name);
            format!("pid {pid} ({})", view::name(name))
        }
        Err(_) => format!("pid {pid}"),
    }
}
