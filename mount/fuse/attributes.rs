//! Extended attributes: the values of a node by their names, with a prefix. The kernel checks the
//! file's permissions before it asks here.

use fuser::{Errno, ReplyEmpty, ReplyXattr};
use pipefs::{Effects, Error, Node, PipeHandle, ROOT, Refusal};

use super::driver::Driver;
use super::errno::fuser_errno;
use crate::values::{self, NotSet, PEEK, STATE, Values};

/// What all our attributes begin with.
const PREFIX: &str = "user.pipefs.";

/// The value that an attribute shows.
fn key_of(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix(PREFIX))
}

impl Driver {
    fn values(&self) -> Values<'_> {
        Values { engine: &self.engine, process_of }
    }

    /// getxattr(2).
    pub(crate) fn get_attribute(
        &self,
        node: Result<Node<PipeHandle>, Error>,
        name: &[u8],
        size: u32,
        reply: ReplyXattr,
    ) {
        let value = node.map_err(fuser_errno).and_then(|node| {
            let value = key_of(name).and_then(|key| match (&node, key) {
                (Node::Directory(ROOT), STATE) => Some(self.mount_state().to_string().into()),
                (node, key) => self.values().get(node, key),
            });
            value.ok_or(Errno::ENODATA)
        });
        match value {
            Ok(value) => reply_value(&value, size, reply),
            Err(errno) => reply.error(errno),
        }
    }

    /// listxattr(2).
    pub(crate) fn list_attributes(
        &self,
        node: Result<Node<PipeHandle>, Error>,
        size: u32,
        reply: ReplyXattr,
    ) {
        let keys = match node {
            Ok(node) => values::keys(&node),
            Err(error) => return reply.error(fuser_errno(error)),
        };
        let names: String = keys.iter().map(|key| format!("{PREFIX}{key}\0")).collect();
        reply_value(names.as_bytes(), size, reply);
    }

    /// setxattr(2): changes a setting.
    pub(crate) fn set_attribute(
        &self,
        node: Result<Node<PipeHandle>, Error>,
        name: &[u8],
        value: &[u8],
        flags: i32,
        reply: ReplyEmpty,
    ) {
        let mut effects = Effects::default();
        let outcome = match (node, key_of(name)) {
            (Err(error), _) => Err(fuser_errno(error)),
            #[cfg(debug_assertions)]
            (Ok(Node::Pipe(pipe)), Some("panic")) => self.panic_in(value, &pipe, &mut effects),
            (Ok(Node::Pipe(_)), Some(key))
                if flags & libc::XATTR_CREATE != 0 && !matches!(key, STATE | PEEK) =>
            {
                Err(Errno::EEXIST)
            }
            (Ok(node), Some(key)) => {
                let value = std::str::from_utf8(value).map_err(|_| Errno::EINVAL);
                value.and_then(|value| {
                    let set = self.values().set(&node, key, value, &mut effects);
                    set.map_err(|error| match error {
                        NotSet::Unknown => Errno::EOPNOTSUPP,
                        NotSet::ReadOnly => Errno::EPERM,
                        NotSet::Refused(Refusal::Setting(_)) => Errno::EINVAL,
                        NotSet::Refused(Refusal::InUse(_)) => Errno::EBUSY,
                        NotSet::Refused(Refusal::GivenUp) => Errno::EIO,
                    })
                })
            }
            (Ok(_), None) => Err(Errno::EOPNOTSUPP),
        };
        match outcome {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
        self.deliver(&mut effects);
    }
}

/// FUSE tells which thread opened; people know processes. A thread that has ended stays as it is.
pub(crate) fn process_of(thread: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    group.and_then(|number| number.trim().parse().ok()).unwrap_or(thread)
}

/// A size of 0 asks how long the value is.
fn reply_value(value: &[u8], size: u32, reply: ReplyXattr) {
    match size as usize {
        0 => reply.size(value.len() as u32),
        room if room < value.len() => reply.error(Errno::ERANGE),
        _ => reply.data(value),
    }
}
