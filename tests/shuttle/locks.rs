//! What shuttle has no replacement for: parking_lot's condition variable.

use std::time::Instant;

use parking_lot::MutexGuard;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::yield_now;

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// As `parking_lot::Condvar`. Time has no meaning here: a wait with a deadline may be over at any
/// moment.
#[derive(Debug, Default)]
pub(crate) struct Condvar {
    /// How often somebody was notified.
    calls: shuttle::sync::Mutex<u64>,
    called: shuttle::sync::Condvar,
}

pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn notify_one(&self) {
        *self.calls.lock().expect("nobody panics with it") += 1;
        self.called.notify_one();
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        // Taken before the other lock is let go of: no notification falls in between.
        let calls = self.calls.lock().expect("nobody panics with it");
        MutexGuard::unlocked(guard, || drop(self.called.wait(calls)));
    }

    pub(crate) fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        _: Instant,
    ) -> WaitTimeoutResult {
        let count = || *self.calls.lock().expect("nobody panics with it");
        let before = count();
        loop {
            MutexGuard::unlocked(guard, yield_now);
            if count() != before {
                return WaitTimeoutResult(false);
            }
            if thread_rng().gen_bool(0.3) {
                return WaitTimeoutResult(true);
            }
        }
    }
}
