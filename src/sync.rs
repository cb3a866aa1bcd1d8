//! The locks that the engine uses, named once: in the package `tests/shuttle` a model checker's
//! take their place, `parking_lot` as a dependency of that name, the rest here.

pub(crate) use parking_lot::{Mutex, MutexGuard, RwLock};
pub(crate) use std::sync::{Arc, Weak};

#[cfg(not(shuttle))]
mod locks {
    pub(crate) use parking_lot::Condvar;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
}

#[cfg(shuttle)]
#[path = "../tests/shuttle/locks.rs"]
mod locks;

pub(crate) use locks::{AtomicBool, AtomicU64, Condvar, Ordering};
