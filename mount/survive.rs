//! What panics, which only a bug can bring about, is given up, and the mount goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use log::warn;

/// Does something; `None`: it has panicked.
pub(crate) fn survive<T>(what: &str, work: impl FnOnce() -> T) -> Option<T> {
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    if done.is_none() {
        warn!(
            "{what} was given up because of the panic above; the mount goes on. Please report it"
        );
    }
    done
}
