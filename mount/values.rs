//! Values of a node by their names, without opening it: a pipe's settings, its state as JSON, and a
//! look at what waits in it. On Linux they are extended attributes, on Windows streams.

use pipefs::settings::Mode;
use pipefs::{
    Effects, EndReport, EndRole, Engine, Node, PipeHandle, ROOT, Refusal, Settings, State,
};
use serde_json::{Map, Value, json};

/// The state as JSON; the root directory has it too.
pub(crate) const STATE: &str = "state";

/// What the next reader would get.
pub(crate) const PEEK: &str = "peek";

/// Most bytes of a value (Linux: `XATTR_SIZE_MAX`).
const MAX_BYTES: usize = 64 << 10;

/// Most instances, and ends of all of them, that the state lists; a pipe may have any number. On
/// Linux each end is looked up in /proc, while other requests of the control plane wait.
const MAX_INSTANCES: usize = 200;
const MAX_ENDS: usize = 2 * MAX_INSTANCES;

/// Why a value was not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotSet {
    /// There is none of that name.
    Unknown,
    /// It can only be read.
    ReadOnly,
    /// The pipe does not take it.
    Refused(Refusal),
}

/// The values that a mount has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) engine: &'a Engine,
    /// The process that an end belongs to, from the number that its open came with.
    pub(crate) process_of: fn(u32) -> u32,
}

/// The names of the values that a node has. The look inside is left out, because programs that
/// copy all of them would copy it too.
pub(crate) fn keys(node: &Node<PipeHandle>) -> Vec<&'static str> {
    match node {
        Node::Pipe(_) => Settings::KEYS.into_iter().chain([STATE]).collect(),
        Node::Directory(ROOT) => vec![STATE],
        Node::Directory(_) => Vec::new(),
    }
}

impl Values<'_> {
    /// A value of a pipe; `None`: there is none of that name. The state of the mount, which its
    /// root directory has, is [`mount_state`] with what the adapter knows.
    pub(crate) fn get(&self, node: &Node<PipeHandle>, key: &str) -> Option<Vec<u8>> {
        match (node, key) {
            (Node::Directory(_), _) => None,
            (Node::Pipe(pipe), STATE) => Some(self.state_that_fits(pipe)),
            (Node::Pipe(pipe), PEEK) => Some(self.engine.peek(pipe, MAX_BYTES)),
            (Node::Pipe(pipe), key) => pipe.settings().get(key).map(String::into_bytes),
        }
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// What is wrong with the name or the value; nothing is changed then.
    pub(crate) fn set(
        &self,
        node: &Node<PipeHandle>,
        key: &str,
        value: &str,
        effects: &mut Effects,
    ) -> Result<(), NotSet> {
        match (node, key) {
            (_, STATE | PEEK) => Err(NotSet::ReadOnly),
            (Node::Pipe(pipe), key) if Settings::KEYS.contains(&key) => {
                self.engine.configure(pipe, key, value, effects).map_err(NotSet::Refused)
            }
            _ => Err(NotSet::Unknown),
        }
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
                let ends: Vec<Value> = instance.ends.iter().map(|end| self.of_end(end)).collect();
                json!({
                    "state": word(instance.state, state.settings.mode),
                    "buffered_bytes": instance.buffered_bytes,
                    "buffered_messages": instance.buffered_messages,
                    "ends": ends,
                    "ends_not_listed": instance.ends_not_listed,
                })
            })
            .collect();
        let settings: Map<String, Value> = Settings::KEYS
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

    fn of_end(&self, end: &EndReport) -> Value {
        let EndReport { role, who, own } = end;
        let role = match role {
            EndRole::Server => "server",
            EndRole::Client => "client",
            EndRole::Member => "member",
        };
        let pid = (self.process_of)(who.pid);
        let mut value = json!({ "role": role, "pid": pid, "uid": who.uid, "gid": who.gid });
        if let Some(own) = own {
            value["buffered_bytes"] = own.buffered_bytes.into();
            value["buffered_messages"] = own.buffered_messages.into();
            value["dropped_bytes"] = own.dropped_bytes.into();
            value["dropped_count"] = own.dropped_count.into();
        }
        value
    }
}

/// Most users that the state of a mount lists: a line of the log is less than 64 KiB.
const MAX_USERS: usize = 50;

/// The state of a whole mount, as docs/STATE.md says. `totals` is what the adapter has counted;
/// `doors` how many inodes the kernel has for pipes, where that is not one for each.
pub(crate) fn mount_state(
    engine: &Engine,
    mut totals: Map<String, Value>,
    doors: Option<usize>,
) -> Value {
    let summary = engine.summary();
    let all = engine.users();
    let users = all.iter().take(MAX_USERS);
    let users: Vec<_> =
        users.map(|(uid, bytes)| json!({ "uid": uid, "used_bytes": bytes })).collect();
    totals.insert("waited_operations".into(), summary.waited.into());
    totals.insert("dropped_bytes".into(), summary.dropped_bytes.into());
    totals.insert("dropped_count".into(), summary.dropped_count.into());
    let mut state = json!({
        "pipes": summary.pipes,
        "directories": summary.directories,
        "names": summary.names,
        "max_pipes": limit(summary.max_names as u64),
        "instances": summary.instances,
        "total_instances": limit(summary.max_instances),
        "ends": summary.ends,
        "waiting_operations": summary.waiting,
        "memory_limit_bytes": summary.memory.limit_bytes,
        "memory_used_bytes": summary.memory.used_bytes,
        "user_memory_limit_bytes": summary.user_memory_bytes,
        "users": users,
        "users_not_listed": all.len().saturating_sub(MAX_USERS),
        "totals": totals,
    });
    if let Some(doors) = doors {
        state["doors"] = doors.into();
    }
    state
}

/// `null` is no limit.
fn limit(most: u64) -> Value {
    if most == u64::MAX { Value::Null } else { most.into() }
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
