//! Extended attributes: a pipe's settings, its state as JSON, and a look at what waits in it,
//! without opening it. The kernel checks the file's permissions before it asks here.

use fuser::{Errno, ReplyEmpty, ReplyXattr};
use pipefs::settings::Mode;
use pipefs::{
    Effects, EndReport, EndRole, Error, Node, PipeHandle, ROOT, Refusal, Settings, State,
};
use serde_json::{Value, json};

use super::driver::Driver;

/// What all our attributes begin with.
const PREFIX: &str = "user.pipefs.";

/// The state as JSON; the root directory has it too.
const STATE: &str = "state";

/// What the next reader would get.
const PEEK: &str = "peek";

/// Most bytes that an attribute can have (Linux: `XATTR_SIZE_MAX`).
const MAX_BYTES: usize = 64 << 10;

/// Most instances, and ends of all of them, that the state lists; a pipe may have any number. Each
/// end is looked up in /proc, while other requests of the control plane wait.
const MAX_INSTANCES: usize = 200;
const MAX_ENDS: usize = 2 * MAX_INSTANCES;

impl Driver {
    /// The value of an attribute.
    fn attribute(&self, node: &Node<PipeHandle>, name: &[u8]) -> Result<Vec<u8>, Errno> {
        let key = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix(PREFIX));
        match (node, key) {
            (Node::Directory(ROOT), Some(STATE)) => Ok(self.mount_state().to_string().into()),
            (Node::Pipe(pipe), Some(STATE)) => Ok(self.state_that_fits(pipe)),
            (Node::Pipe(pipe), Some(PEEK)) => Ok(self.engine.peek(pipe, MAX_BYTES)),
            (Node::Pipe(pipe), Some(key)) => {
                pipe.settings().get(key).map(String::into_bytes).ok_or(Errno::ENODATA)
            }
            _ => Err(Errno::ENODATA),
        }
    }

    /// getxattr(2).
    pub(crate) fn get_attribute(
        &self,
        node: Result<Node<PipeHandle>, Error>,
        name: &[u8],
        size: u32,
        reply: ReplyXattr,
    ) {
        let value = node.map_err(super::errno::fuser_errno);
        match value.and_then(|node| self.attribute(&node, name)) {
            Ok(value) => reply_value(&value, size, reply),
            Err(errno) => reply.error(errno),
        }
    }

    /// listxattr(2): the settings and the state. The look inside is left out, because programs
    /// that copy attributes would copy it too.
    pub(crate) fn list_attributes(
        &self,
        node: Result<Node<PipeHandle>, Error>,
        size: u32,
        reply: ReplyXattr,
    ) {
        let keys: Vec<&str> = match node {
            Ok(Node::Pipe(_)) => Settings::KEYS.into_iter().chain([STATE]).collect(),
            Ok(Node::Directory(ROOT)) => vec![STATE],
            Ok(Node::Directory(_)) => Vec::new(),
            Err(error) => return reply.error(super::errno::fuser_errno(error)),
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
        let key = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix(PREFIX));
        let mut effects = Effects::default();
        let outcome = match (node, key) {
            (Err(error), _) => Err(super::errno::fuser_errno(error)),
            (Ok(_), Some(STATE | PEEK)) => Err(Errno::EPERM),
            #[cfg(debug_assertions)]
            (Ok(Node::Pipe(pipe)), Some("panic")) => self.panic_in(value, &pipe, &mut effects),
            (Ok(Node::Pipe(_)), Some(_)) if flags & libc::XATTR_CREATE != 0 => Err(Errno::EEXIST),
            (Ok(Node::Pipe(pipe)), Some(key)) if Settings::KEYS.contains(&key) => {
                let value = std::str::from_utf8(value).map_err(|_| Errno::EINVAL);
                value.and_then(|value| {
                    let changed = self.engine.configure(&pipe, key, value, &mut effects);
                    changed.map_err(|refusal| match refusal {
                        Refusal::Setting(_) => Errno::EINVAL,
                        Refusal::InUse(_) => Errno::EBUSY,
                        Refusal::GivenUp => Errno::EIO,
                    })
                })
            }
            (Ok(_), _) => Err(Errno::EOPNOTSUPP),
        };
        match outcome {
            Ok(()) => reply.ok(),
            Err(errno) => reply.error(errno),
        }
        self.deliver(&mut effects);
    }

    fn state_that_fits(&self, pipe: &PipeHandle) -> Vec<u8> {
        let (mut instances, mut ends) = (MAX_INSTANCES, MAX_ENDS);
        loop {
            let text = self.pipe_state(pipe, instances, ends).to_string();
            if text.len() <= MAX_BYTES || instances == 0 {
                return text.into();
            }
            (instances, ends) = (instances / 2, ends / 2);
        }
    }

    fn pipe_state(&self, pipe: &PipeHandle, most_instances: usize, most_ends: usize) -> Value {
        let state = self.engine.overview(pipe, most_instances, most_ends);
        let instances: Vec<Value> = state
            .instances
            .iter()
            .map(|instance| {
                let ends: Vec<Value> = instance.ends.iter().map(of_end).collect();
                json!({
                    "state": word(instance.state, state.settings.mode),
                    "buffered_bytes": instance.buffered_bytes,
                    "buffered_messages": instance.buffered_messages,
                    "ends": ends,
                    "ends_not_listed": instance.ends_not_listed,
                })
            })
            .collect();
        let settings: serde_json::Map<String, Value> = Settings::KEYS
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), state.settings.get(key)?.into())))
            .collect();
        json!({
            "settings": settings,
            "totals": {
                "opens": state.opens,
                "written_bytes": state.traffic.written_bytes,
                "read_bytes": state.traffic.read_bytes,
                "discarded_bytes": state.traffic.discarded_bytes,
                "dropped_bytes": state.traffic.dropped_bytes,
                "dropped_count": state.traffic.dropped_count,
            },
            "buffered_bytes": state.buffered_bytes,
            "waiting_clients": state.waiting_clients,
            "instances": instances,
            "instances_not_listed": state.instances_not_listed,
        })
    }
}

fn of_end(end: &EndReport) -> Value {
    let EndReport { role, who, own } = end;
    let role = match role {
        EndRole::Server => "server",
        EndRole::Client => "client",
        EndRole::Member => "member",
    };
    let mut value =
        json!({ "role": role, "pid": process_of(who.pid), "uid": who.uid, "gid": who.gid });
    if let Some(own) = own {
        value["buffered_bytes"] = own.buffered_bytes.into();
        value["buffered_messages"] = own.buffered_messages.into();
        value["dropped_bytes"] = own.dropped_bytes.into();
        value["dropped_count"] = own.dropped_count.into();
    }
    value
}

/// FUSE tells which thread opened; people know processes. A thread that has ended stays as it is.
pub(crate) fn process_of(thread: u32) -> u32 {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    group.and_then(|number| number.trim().parse().ok()).unwrap_or(thread)
}

/// The state in the words of docs/SEMANTICS.md.
fn word(state: State, mode: Mode) -> &'static str {
    match state {
        State::Listening | State::Lingering => "listening",
        State::Connected => "connected",
        State::Draining | State::Abandoned => "closing",
        State::Disconnected => "disconnected",
        State::Joined if mode == Mode::Broadcast => "broadcast",
        State::Joined => "shared",
    }
}

/// A size of 0 asks how long the value is.
fn reply_value(value: &[u8], size: u32, reply: ReplyXattr) {
    match size as usize {
        0 => reply.size(value.len() as u32),
        room if room < value.len() => reply.error(Errno::ERANGE),
        _ => reply.data(value),
    }
}
