//! What becomes of a pipe when an operation on it panics, which only a bug can bring about: nobody
//! knows then what is half done in it. It is given up: whoever waits is told, its ends are closed,
//! what it held is gone, and its name leads to an empty pipe with the same settings. All other
//! pipes go on.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::configure::Refusal;
use crate::effects::{Answer, Effects};
use crate::end::Link;
use crate::engine::Engine;
use crate::handle::PipeHandle;
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::{Error, Result};

/// What an operation says whose pipe was given up.
pub(crate) trait GivenUp {
    fn given_up() -> Self;
}

impl GivenUp for () {
    fn given_up() {}
}

impl<T> GivenUp for Result<T> {
    fn given_up() -> Self {
        Err(Error::GivenUp)
    }
}

impl GivenUp for std::result::Result<(), Refusal> {
    fn given_up() -> Self {
        Err(Refusal::GivenUp)
    }
}

/// Runs an operation; `None`: it has panicked. The panic's text has been printed by then. A model
/// checker is to see every panic.
pub(crate) fn attempt<T>(operation: impl FnOnce() -> T) -> Option<T> {
    if cfg!(shuttle) {
        return Some(operation());
    }
    catch_unwind(AssertUnwindSafe(operation)).ok()
}

impl Engine {
    /// Replaces a pipe on which an operation has panicked. What that had decided about others
    /// before stands: it is in `effects` behind the first `before` answers.
    pub(crate) fn give_up(
        &self,
        handle: &PipeHandle,
        pipe: &mut Pipe,
        gate: &Gate<'_>,
        before: usize,
        effects: &mut Effects,
    ) {
        // They would sleep on. If the pipe is so broken that this panics as well, they do.
        attempt(|| pipe.wake_all(effects));
        let mut new = Pipe::new(pipe.settings, pipe.attributes);
        (new.named, new.place) = (pipe.named, pipe.place.take());
        (new.opens, new.pressed) = (pipe.opens, pipe.pressed.clone());
        new.past_traffic = pipe.past_traffic;
        // Never dropped: its parts assert then that they are whole.
        let old = ManuallyDrop::new(std::mem::replace(pipe, new));
        let held = old.buffered_bytes.saturating_add_signed(gate.change_bytes());
        self.quota.release(held);
        old.release_users(gate);
        self.ends.write().retain(|_, other| other != handle);
        let waiting = self.register.lock().take_all_of(handle);
        for (_, answer) in &mut effects.answers[before..] {
            if matches!(answer, Answer::Opened(_)) {
                *answer = Answer::Failed(Error::GivenUp);
            }
        }
        for ticket in waiting {
            if !effects.answers[before..].iter().any(|(answered, _)| *answered == ticket) {
                effects.fail(ticket, Error::GivenUp);
            }
        }
    }

    /// Panics in the middle of an operation on a pipe, so that tests can see what becomes of it.
    #[cfg(debug_assertions)]
    #[doc(hidden)]
    pub fn panic_within(&self, handle: &PipeHandle, effects: &mut Effects) -> Result<()> {
        self.on_pipe(handle, None, effects, |pipe, gate, _| {
            gate.reserve(5, &None);
            pipe.ends.clear();
            panic!("a test wants this panic");
        })
    }
}

impl Pipe {
    /// What users hold here is theirs no longer.
    fn release_users(&self, gate: &Gate<'_>) {
        for lane in self.instances.iter().flat_map(|instance| instance.lanes()) {
            for outlet in lane.outlets.iter() {
                outlet.shares.each(|user, bytes| gate.release_user(user, bytes));
            }
            for begun in lane.begun_lines.values() {
                begun.release_user(gate);
            }
        }
    }

    fn wake_all(&mut self, effects: &mut Effects) {
        let wakes = &mut effects.wakes;
        for end in self.ends.values_mut() {
            if let Link::Pending(pending) = &mut end.link {
                pending.pollers.wake(wakes);
            }
        }
        for lane in self.instances.iter_mut().flat_map(|instance| instance.lanes_mut()) {
            lane.writer_pollers.wake(wakes);
            lane.outlets.iter_mut().for_each(|outlet| outlet.pollers.wake(wakes));
        }
    }
}
