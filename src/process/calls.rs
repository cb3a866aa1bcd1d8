//! The engine, with threads that wait for its answers: one blocking call, and the table of the
//! operations that wait.
//!
//! The table's lock is held for a look-up; the engine and completions are called without it. The
//! thread whose operation answers another one's puts the answer into the table, and the one that
//! asks for it takes it out, whichever of the two comes first.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use crate::effects::{Answer, Effects, Progress, Ticket};
use crate::end::{EndId, Who};
use crate::engine::{Engine, Now};
use crate::listen::Arrival;
use crate::queue::Data;
use crate::sync::{Arc, AtomicU64, Condvar, Mutex, Ordering};
use crate::{Error, Result};

/// What is called with an answer.
type Completion = Box<dyn FnOnce(Answer) + Send>;

/// An operation that waits, or whose answer does.
enum Entry {
    /// A thread sleeps until it is answered.
    Awaited(Arc<Condvar>),
    /// Somebody is called when it is answered.
    Completion(Completion),
    /// The answer, which nobody has asked for yet.
    Answered(Answer),
}

pub(super) struct Calls {
    pub(super) engine: Engine,
    last_ticket: AtomicU64,
    table: Mutex<HashMap<Ticket, Entry>>,
}

impl Calls {
    pub(super) fn new(engine: impl FnOnce(SystemTime) -> Engine) -> Self {
        let engine = engine(Now::read().wall);
        Self { engine, last_ticket: AtomicU64::new(0), table: Mutex::new(HashMap::new()) }
    }

    /// A ticket that no other operation has.
    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.last_ticket.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The caller, as the ends that it opens name it.
    pub(super) fn who() -> Who {
        Who { pid: std::process::id(), ..Who::default() }
    }

    /// When a wait of this length ends; `None`: never.
    pub(super) fn deadline(timeout: Option<Duration>) -> Option<Instant> {
        timeout.and_then(|time| Now::read().monotonic.checked_add(time))
    }

    /// One operation that does not wait.
    pub(super) fn run<T>(&self, operation: impl FnOnce(&Engine, Now, &mut Effects) -> T) -> T {
        let mut effects = Effects::default();
        let value = operation(&self.engine, Now::read(), &mut effects);
        self.deliver(effects);
        value
    }

    /// One operation, which may wait until `deadline`.
    pub(super) fn complete<T: Outcome>(
        &self,
        deadline: Option<Instant>,
        operation: impl FnOnce(&Engine, Ticket, Now, &mut Effects) -> Result<Progress<T>>,
    ) -> Result<T> {
        let ticket = self.ticket();
        match self.run(|engine, now, effects| operation(engine, ticket, now, effects))? {
            Progress::Done(value) => Ok(value),
            Progress::Waiting => match self.answer(ticket, deadline) {
                Answer::Failed(error) => Err(error),
                answer => Ok(T::of(answer).expect("an operation gets an answer of its kind")),
            },
        }
    }

    /// Waits for the answer to an operation. When the time is over the operation is withdrawn,
    /// unless somebody has answered it already.
    fn answer(&self, ticket: Ticket, deadline: Option<Instant>) -> Answer {
        if let Some(answer) = self.await_answer(ticket, deadline) {
            return answer;
        }
        self.run(|engine, _, effects| engine.cancel(ticket, effects));
        match self.await_answer(ticket, None) {
            Some(Answer::Failed(Error::Interrupted)) => Answer::Failed(Error::TimedOut),
            Some(answer) => answer,
            None => unreachable!("it waited without a deadline"),
        }
    }

    /// Sleeps until the answer is there; `None`: the deadline has passed.
    fn await_answer(&self, ticket: Ticket, deadline: Option<Instant>) -> Option<Answer> {
        let sleeper = Arc::new(Condvar::new());
        let mut table = self.table.lock();
        let mut is_late = false;
        loop {
            match table.remove(&ticket) {
                Some(Entry::Answered(answer)) => return Some(answer),
                Some(Entry::Awaited(_) | Entry::Completion(_)) | None if is_late => return None,
                Some(Entry::Awaited(_) | Entry::Completion(_)) | None => {}
            }
            table.insert(ticket, Entry::Awaited(Arc::clone(&sleeper)));
            match deadline {
                Some(at) => is_late = sleeper.wait_until(&mut table, at).timed_out(),
                None => sleeper.wait(&mut table),
            }
        }
    }

    /// Calls `completion` with the answer, now or as soon as it is there.
    pub(super) fn on_answer(&self, ticket: Ticket, completion: Completion) {
        let mut table = self.table.lock();
        match table.remove(&ticket) {
            Some(Entry::Answered(answer)) => {
                drop(table);
                completion(answer);
            }
            None => drop(table.insert(ticket, Entry::Completion(completion))),
            Some(Entry::Awaited(_) | Entry::Completion(_)) => {
                panic!("somebody waits for the answer to {ticket:?} already")
            }
        }
    }

    /// Hands out what an operation did to others.
    pub(super) fn deliver(&self, effects: Effects) {
        let answers = effects.answers.into_iter();
        let due: Vec<_> = answers.filter_map(|(ticket, answer)| self.put(ticket, answer)).collect();
        // After the others: nobody sleeps on because a completion is slow, or panics.
        for (completion, answer) in due {
            completion(answer);
        }
    }

    /// Puts an answer into the table and wakes who sleeps for it; or gives it back with the one
    /// to call.
    fn put(&self, ticket: Ticket, answer: Answer) -> Option<(Completion, Answer)> {
        let mut table = self.table.lock();
        match table.remove(&ticket) {
            Some(Entry::Completion(completion)) => return Some((completion, answer)),
            Some(Entry::Awaited(sleeper)) => {
                sleeper.notify_one();
            }
            Some(Entry::Answered(first)) => {
                unreachable!("{ticket:?} is answered twice: {first:?}, {answer:?}")
            }
            None => {}
        }
        table.insert(ticket, Entry::Answered(answer));
        None
    }
}

impl Drop for Calls {
    /// Who still has an operation under way learns that it will not be done.
    fn drop(&mut self) {
        self.run(|engine, _, effects| engine.shut_down(effects));
    }
}

/// What an operation gives when it has waited.
pub(super) trait Outcome: Sized {
    /// Takes it out of an answer; `None`: that answers another kind of operation.
    fn of(answer: Answer) -> Option<Self>;
}

impl Outcome for EndId {
    fn of(answer: Answer) -> Option<Self> {
        if let Answer::Opened(end) = answer { Some(end) } else { None }
    }
}

impl Outcome for Data {
    fn of(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Read(data) | Answer::Transacted(data) => Some(data),
            _ => None,
        }
    }
}

impl Outcome for u32 {
    fn of(answer: Answer) -> Option<Self> {
        match answer {
            Answer::Written(bytes) => Some(bytes),
            Answer::Sent => Some(0),
            _ => None,
        }
    }
}

impl Outcome for Arrival {
    fn of(answer: Answer) -> Option<Self> {
        matches!(answer, Answer::Connected).then_some(Self::Now)
    }
}

impl Outcome for () {
    fn of(answer: Answer) -> Option<Self> {
        matches!(answer, Answer::Flushed | Answer::Listening).then_some(())
    }
}
