//! Waiting with an end. Nothing in the tests waits for pipefs without a deadline.

use std::panic;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test gives an operation that should end by itself. It is generous, because a loaded
/// machine is no failure; what must be *fast* is measured by the test that says so.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a test watches something that must *not* happen.
pub const A_WHILE: Duration = Duration::from_millis(200);

/// A closure at work in a thread of its own.
///
/// A task that is dropped unfinished is left alone: if it hangs in the mount, the end of the
/// mount's driver frees it.
#[derive(Debug)]
pub struct Task<T> {
    result: mpsc::Receiver<thread::Result<T>>,
    finished: Option<thread::Result<T>>,
}

impl<T: Send + 'static> Task<T> {
    /// Starts `work`.
    pub fn spawn(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (send, result) = mpsc::channel();
        let named = thread::current().name().unwrap_or("test").to_owned();
        thread::Builder::new()
            .name(named)
            .spawn(move || {
                // The receiver may have given up: then nobody wants the result.
                let _ = send.send(panic::catch_unwind(panic::AssertUnwindSafe(work)));
            })
            .expect("a thread can be started");
        Self { result, finished: None }
    }

    /// Waits for the result.
    ///
    /// # Panics
    /// When the deadline passes first, or when the closure panicked.
    #[track_caller]
    pub fn join(mut self, deadline: Duration) -> T {
        let result = match self.finished.take() {
            Some(result) => result,
            None => match self.result.recv_timeout(deadline) {
                Ok(result) => result,
                Err(RecvTimeoutError::Timeout) => panic!("still waiting after {deadline:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("the task's thread has died"),
            },
        };
        result.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }

    /// Whether the closure has returned within `time`.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        if self.finished.is_none() {
            self.finished = self.result.recv_timeout(time).ok();
        }
        self.finished.is_some()
    }

    /// Asserts that the closure is still waiting after [`A_WHILE`].
    #[track_caller]
    pub fn assert_waits(&mut self) {
        assert!(!self.ends_within(A_WHILE), "it was expected to wait, but it has returned");
    }
}

/// Runs a closure that must end before the deadline.
///
/// # Panics
/// When it does not (its thread is left behind), or when the closure panics.
#[track_caller]
pub fn within<T: Send + 'static>(
    deadline: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    Task::spawn(work).join(deadline)
}

/// Waits until `condition` holds.
///
/// # Panics
/// When the deadline passes first.
#[track_caller]
pub fn eventually(deadline: Duration, mut condition: impl FnMut() -> bool) {
    assert!(comes_true(deadline, &mut condition), "did not come true within {deadline:?}");
}

/// Whether `condition` holds at some moment before the deadline.
pub fn comes_true(deadline: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + deadline;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(2));
    }
}
