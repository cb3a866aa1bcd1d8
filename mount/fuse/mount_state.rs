//! The state of a whole mount as JSON: an attribute of its root directory, and what SIGUSR1 writes
//! to the log.

use serde_json::Value;

use super::driver::Driver;
use crate::values;

impl Driver {
    /// What docs/STATE.md says.
    pub(crate) fn mount_state(&self) -> Value {
        let doors = self.doors.lock().len();
        values::mount_state(&self.engine, self.counters.report(), Some(doors))
    }
}
