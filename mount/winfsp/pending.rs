//! Operations that wait in the engine: under which tickets, until when, and what wakes them.
//!
//! WinFsp has each read and write as a future. It is polled where it is woken, so no thread waits
//! for it, and whoever answers an operation also sends its answer, as on Linux. WinFsp's driver
//! cannot take an operation back, whatever becomes of its program; so each has a deadline.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use async_task::Runnable;
use parking_lot::{Condvar, Mutex};
use pipefs::{Answer, Effects, Engine, Error, Progress, Ticket};

use crate::survive::survive;

/// What waits, and the thread that ends what has waited too long.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Longest wait; `None`: no operation has a deadline.
    longest: Option<Duration>,
    desk: Mutex<Desk>,
    /// The next deadline is another one, or the mount ends.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Desk {
    last_ticket: u64,
    waiting: HashMap<Ticket, Entry>,
    deadlines: BTreeSet<(Instant, Ticket)>,
    is_over: bool,
}

/// One operation that waits, or is about to.
#[derive(Debug)]
struct Entry {
    slot: Arc<Mutex<Slot>>,
    deadline: Option<Instant>,
    has_expired: bool,
}

/// Where an answer is left for its future.
#[derive(Debug, Default)]
struct Slot {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// An answer that may come later.
#[derive(Debug)]
pub(crate) struct Parked(Arc<Mutex<Slot>>);

impl Future for Parked {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut slot = self.0.lock();
        match slot.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Pending {
    pub(crate) fn new(longest: Option<Duration>) -> Self {
        Self { longest, desk: Mutex::default(), changed: Condvar::new() }
    }

    /// Does one operation of the engine under a ticket of its own, and delivers what it answered to
    /// others. What it comes to itself is the future's value, now or later.
    pub(crate) async fn answer<T>(
        &self,
        operation: impl FnOnce(Ticket, &mut Effects) -> Result<Progress<T>, Error>,
        done: impl FnOnce(T) -> Answer,
    ) -> Answer {
        let (ticket, parked) = self.begin();
        match self.perform(ticket, |effects| operation(ticket, effects), done) {
            Some(answer) => answer,
            None => parked.await,
        }
    }

    /// `None`: it waits.
    fn perform<T>(
        &self,
        ticket: Ticket,
        operation: impl FnOnce(&mut Effects) -> Result<Progress<T>, Error>,
        done: impl FnOnce(T) -> Answer,
    ) -> Option<Answer> {
        let mut effects = Effects::default();
        let answer = match operation(&mut effects) {
            Ok(Progress::Done(value)) => Some(done(value)),
            Ok(Progress::Waiting) => None,
            Err(error) => Some(Answer::Failed(error)),
        };
        match answer {
            Some(_) => drop(self.desk.lock().waiting.remove(&ticket)),
            None => self.limit(ticket),
        }
        self.deliver(&mut effects);
        answer
    }

    /// From now on another thread may answer the ticket at any moment.
    fn begin(&self) -> (Ticket, Parked) {
        let slot = Arc::new(Mutex::new(Slot::default()));
        let mut desk = self.desk.lock();
        desk.last_ticket += 1;
        let ticket = Ticket(desk.last_ticket);
        let entry = Entry { slot: Arc::clone(&slot), deadline: None, has_expired: false };
        desk.waiting.insert(ticket, entry);
        (ticket, Parked(slot))
    }

    /// Gives an operation that waits its deadline, unless it is answered already.
    fn limit(&self, ticket: Ticket) {
        let Some(deadline) = self.longest.and_then(|time| Instant::now().checked_add(time)) else {
            return;
        };
        let mut desk = self.desk.lock();
        let Some(entry) = desk.waiting.get_mut(&ticket) else { return };
        entry.deadline = Some(deadline);
        desk.deadlines.insert((deadline, ticket));
        if desk.deadlines.first() == Some(&(deadline, ticket)) {
            self.changed.notify_one();
        }
    }

    /// Hands answers to those who wait for them, and empties the effects. Nobody polls a file on
    /// Windows, and WinFsp remembers no names.
    pub(crate) fn deliver(&self, effects: &mut Effects) {
        for (ticket, answer) in effects.answers.drain(..) {
            let entry = {
                let mut desk = self.desk.lock();
                let entry = desk.waiting.remove(&ticket);
                if let Some(deadline) = entry.as_ref().and_then(|entry| entry.deadline) {
                    desk.deadlines.remove(&(deadline, ticket));
                }
                entry
            };
            let Some(Entry { slot, has_expired, .. }) = entry else { continue };
            let answer = match answer {
                Answer::Failed(Error::Interrupted) if has_expired => {
                    Answer::Failed(Error::TimedOut)
                }
                answer => answer,
            };
            let waker = {
                let mut slot = slot.lock();
                slot.answer = Some(answer);
                slot.waker.take()
            };
            waker.into_iter().for_each(Waker::wake);
        }
        effects.wakes.clear();
        effects.names_gone.clear();
        effects.deadline_added = false;
    }

    /// Ends what has waited too long, until the mount is over.
    pub(crate) fn keep_deadlines(&self, engine: &Engine) {
        while let Some(due) = self.wait_for_deadline() {
            survive("a deadline", || {
                let mut effects = Effects::default();
                engine.cancel(due, &mut effects);
                self.deliver(&mut effects);
            });
        }
    }

    /// The next operation that has waited too long; `None`: the mount is over.
    fn wait_for_deadline(&self) -> Option<Ticket> {
        let mut desk = self.desk.lock();
        loop {
            if desk.is_over {
                return None;
            }
            match desk.deadlines.first().copied() {
                None => self.changed.wait(&mut desk),
                Some((deadline, _)) if Instant::now() < deadline => {
                    self.changed.wait_until(&mut desk, deadline);
                }
                Some(due @ (_, ticket)) => {
                    desk.deadlines.remove(&due);
                    if let Some(entry) = desk.waiting.get_mut(&ticket) {
                        (entry.has_expired, entry.deadline) = (true, None);
                        return Some(ticket);
                    }
                }
            }
        }
    }

    /// Lets [`Pending::keep_deadlines`] return.
    pub(crate) fn end(&self) {
        self.desk.lock().is_over = true;
        self.changed.notify_all();
    }
}

/// Has a future polled here, and later where it is woken.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) {
    // A future that panics is dropped, upon which `winfsp` answers its request.
    let run = |runnable: Runnable| {
        let _ = survive("a request", || runnable.run());
    };
    let (runnable, task) = async_task::spawn(future, run);
    task.detach();
    run(runnable);
}

/// Waits for a future on this thread.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    /// Longest wait of a test.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn waits(_: Ticket, _: &mut Effects) -> Result<Progress<()>, Error> {
        Ok(Progress::Waiting)
    }

    #[test]
    fn an_answer_wakes_who_waits_wherever_it_comes_from() {
        let pending = Arc::new(Pending::new(None));
        let (sender, answers) = channel();
        for _ in 0..3 {
            let (pending, sender) = (Arc::clone(&pending), sender.clone());
            spawn(async move {
                let answer = pending.answer(waits, |()| Answer::Flushed).await;
                sender.send(answer).unwrap();
            });
        }
        assert!(answers.try_recv().is_err());
        let mut effects = Effects::default();
        effects.answers.push((Ticket(2), Answer::Written(2)));
        effects.answers.push((Ticket(1), Answer::Written(1)));
        // Somebody's that nobody knows any more.
        effects.answers.push((Ticket(9), Answer::Written(9)));
        pending.deliver(&mut effects);
        assert!(effects.is_empty());
        assert_eq!([answers.recv(), answers.recv()], [2, 1].map(|n| Ok(Answer::Written(n))));
        assert_eq!(pending.desk.lock().waiting.len(), 1);
    }

    #[test]
    fn what_did_not_wait_leaves_nothing_behind() {
        let pending = Pending::new(Some(PATIENCE));
        let done = pending.answer(|_, _| Ok(Progress::Done(7)), Answer::Written);
        assert_eq!(wait_for(done), Answer::Written(7));
        let failed = pending.answer(|_, _| Err(Error::Busy), Answer::Written);
        assert_eq!(wait_for(failed), Answer::Failed(Error::Busy));
        let desk = pending.desk.lock();
        assert!(desk.waiting.is_empty() && desk.deadlines.is_empty());
    }

    #[test]
    fn an_answer_takes_its_deadline_along() {
        let pending = Arc::new(Pending::new(Some(PATIENCE)));
        let waiting = Arc::clone(&pending);
        let (sender, answer) = channel();
        spawn(async move {
            let answer = waiting.answer(waits, |()| Answer::Flushed).await;
            sender.send(answer).unwrap();
        });
        assert_eq!(pending.desk.lock().deadlines.len(), 1);
        let mut effects = Effects::default();
        effects.answers.push((Ticket(1), Answer::Failed(Error::Interrupted)));
        pending.deliver(&mut effects);
        let expected = Answer::Failed(Error::Interrupted);
        assert_eq!(answer.recv_timeout(PATIENCE), Ok(expected), "the time was not over");
        assert!(pending.desk.lock().deadlines.is_empty());
    }

    #[test]
    fn a_request_that_panics_is_given_up_and_its_thread_goes_on() {
        struct Dropped(std::sync::mpsc::Sender<()>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.send(()).unwrap();
            }
        }
        let (sender, dropped) = channel();
        let request = Dropped(sender);
        spawn(async move {
            let _request = request;
            panic!("a test wants this panic");
        });
        dropped.recv_timeout(PATIENCE).expect("`winfsp` answers a request that is dropped");
    }
}
