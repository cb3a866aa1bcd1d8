//! The engine as an arm for the stories, and what it has in common with a mount.

pub(crate) mod engine;
mod engine_calls;
pub(crate) mod failure;

use crate::pipes::{Direction, Spec};

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
