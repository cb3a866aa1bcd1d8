//! The engine as an arm for the stories, and what it has in common with a mount.

pub(crate) mod engine;
mod engine_calls;
pub(crate) mod failure;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::pipes::{Direction, Spec};

/// How long a thread may use an end that is to be closed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What threads have shared, once none of them uses it any more: one whose call has returned lets
/// go of it at any moment.
///
/// # Panics
/// If they do not let go of it.
pub(crate) fn until_alone<T>(mut shared: Arc<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        shared = match Arc::try_unwrap(shared) {
            Ok(alone) => return alone,
            Err(shared) => shared,
        };
        assert!(Instant::now() < end, "a call waits on an end that is to be closed");
        std::thread::yield_now();
    }
}

/// Settings that make a mount as like Windows as it can be.
pub(crate) const LIKE_WINDOWS: [(&str, &str); 2] = [("open", "fail"), ("linger", "drop")];

/// What a pipe is told when it is made.
pub(crate) fn settings(spec: Spec) -> [(&'static str, String); 4] {
    let access = match spec.direction {
        Direction::Outbound => "outbound",
        Direction::Inbound => "inbound",
        Direction::Duplex => "duplex",
    };
    let most = spec.most_instances.map_or("unlimited".into(), |most| most.to_string());
    [
        ("access", access.into()),
        ("type", if spec.messages { "message" } else { "byte" }.into()),
        ("max_instances", most),
        ("capacity", spec.capacity_bytes.to_string()),
    ]
}
