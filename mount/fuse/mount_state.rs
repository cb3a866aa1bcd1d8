//! The state of a whole mount as JSON: an attribute of its root directory, and what SIGUSR1 writes
//! to the log.

use serde_json::{Value, json};

use super::driver::Driver;

/// Most users that it lists: an attribute has at most 64 KiB, and a line of the log is less.
const MAX_USERS: usize = 50;

impl Driver {
    /// What docs/STATE.md says.
    pub(crate) fn mount_state(&self) -> Value {
        let summary = self.engine.summary();
        let all = self.engine.users();
        let users = all.iter().take(MAX_USERS);
        let users: Vec<_> =
            users.map(|(uid, bytes)| json!({ "uid": uid, "used_bytes": bytes })).collect();
        let mut totals = self.counters.report();
        totals.insert("waited_operations".into(), summary.waited.into());
        totals.insert("dropped_bytes".into(), summary.dropped_bytes.into());
        totals.insert("dropped_count".into(), summary.dropped_count.into());
        json!({
            "pipes": summary.pipes,
            "directories": summary.directories,
            "names": summary.names,
            "max_pipes": limit(summary.max_names as u64),
            "instances": summary.instances,
            "total_instances": limit(summary.max_instances),
            "ends": summary.ends,
            "waiting_operations": summary.waiting,
            "doors": self.doors.lock().len(),
            "memory_limit_bytes": summary.memory.limit_bytes,
            "memory_used_bytes": summary.memory.used_bytes,
            "user_memory_limit_bytes": summary.user_memory_bytes,
            "users": users,
            "users_not_listed": all.len().saturating_sub(MAX_USERS),
            "totals": totals,
        })
    }
}

/// `null` is no limit.
fn limit(most: u64) -> Value {
    if most == u64::MAX { Value::Null } else { most.into() }
}
