//! The locks of `parking_lot` that the engine uses; how often each thread takes one is counted.

use std::cell::Cell;

pub use locks::{Condvar, MutexGuard, RwLockReadGuard, RwLockWriteGuard};

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    TAKEN.with(|taken| taken.set(taken.get() + 1));
}

/// How many locks `work` takes on this thread.
pub fn taken(work: impl FnOnce()) -> u64 {
    let before = TAKEN.with(Cell::get);
    work();
    TAKEN.with(Cell::get) - before
}

/// `parking_lot::Mutex`, counted.
#[derive(Debug, Default)]
pub struct Mutex<T>(locks::Mutex<T>);

impl<T> Mutex<T> {
    /// A mutex that nobody has.
    pub const fn new(value: T) -> Self {
        Self(locks::Mutex::new(value))
    }

    /// Takes it.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        count();
        self.0.lock()
    }
}

/// `parking_lot::RwLock`, counted.
#[derive(Debug, Default)]
pub struct RwLock<T>(locks::RwLock<T>);

impl<T> RwLock<T> {
    /// A lock that nobody has.
    pub const fn new(value: T) -> Self {
        Self(locks::RwLock::new(value))
    }

    /// Takes it with others.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        count();
        self.0.read()
    }

    /// Takes it alone.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        count();
        self.0.write()
    }
}
