//! Faults: what happens when something goes wrong that is nobody's part of pipes.
//! docs/RELIABILITY.md has the table, with the tests elsewhere that belong to it.
//!
//! | module | what goes wrong |
//! |---|---|
//! | [`driver`] | the driver is killed, stopped, or unmounted while it is stopped |
//! | [`machine`] | there are no descriptors left, or no room for the log |
//! | [`clients`] | a client opens very much, reads never, forks |
//! | [`nested`] | a mount on a directory of another mount |
//! | [`panics`] | a bug in the driver |

mod clients;
mod driver;
mod machine;
mod nested;
mod panics;

use std::path::Path;

use serde_json::Value;

use crate::harness::calls::attribute;

/// The state of a pipe or of a mount.
pub(crate) fn state(path: &Path) -> Value {
    serde_json::from_slice(&attribute(path, "user.pipefs.state").unwrap()).unwrap()
}
