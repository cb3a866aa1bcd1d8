//! What all threads of one mount share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use fuser::{FileHandle, FopenFlags, ReplyEmpty, ReplyOpen};
use parking_lot::{Condvar, Mutex};
use pipefs::{Effects, EndId, Engine, Error, Ticket};

use super::data::buffers::Buffers;
use super::device::{Channel, Device};
use super::doors::Doors;
use super::errno::fuser_errno;

/// Every pipe is opened like this: no page cache, no file position and no lock around it (a
/// duplex end can be read and written at once), writes of one open file side by side, and no
/// FLUSH at close, which would have nothing to do.
pub(crate) const OPEN_FLAGS: FopenFlags = FopenFlags::FOPEN_DIRECT_IO
    .union(FopenFlags::FOPEN_STREAM)
    .union(FopenFlags::FOPEN_NONSEEKABLE)
    .union(FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES)
    .union(FopenFlags::FOPEN_NOFLUSH);

/// One mount, served.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) device: Device,
    pub(crate) control: Channel,
    pub(crate) buffers: Buffers,
    pub(crate) doors: Mutex<Doors>,
    pub(crate) timer: Timer,
    stopping: AtomicBool,
    /// Replies of opens and fsyncs that may be waiting in the engine.
    waiting: Mutex<HashMap<Ticket, WaitingReply>>,
}

/// An operation of the control plane that waits.
#[derive(Debug)]
pub(crate) enum WaitingReply {
    /// An open, and the door that it goes through.
    Open(ReplyOpen, u64),
    /// An fsync.
    Flush(ReplyEmpty),
}

impl WaitingReply {
    /// Answers it. An open's end is noted at its door before the kernel can use it.
    pub(crate) fn answer(self, driver: &Driver, outcome: Result<Option<EndId>, Error>) {
        match (self, outcome) {
            (Self::Open(reply, door), Ok(Some(end))) => {
                driver.doors.lock().attach(door, end);
                reply.opened(FileHandle(end.raw()), OPEN_FLAGS);
            }
            (Self::Flush(reply), Ok(None)) => reply.ok(),
            (Self::Open(reply, _), Err(error)) => reply.error(fuser_errno(error)),
            (Self::Flush(reply), Err(error)) => reply.error(fuser_errno(error)),
            (reply, outcome) => unreachable!("{reply:?} was answered with {outcome:?}"),
        }
    }
}

impl Driver {
    pub(crate) fn new(engine: Engine, device: Device, control: Channel) -> Self {
        Self {
            engine,
            device,
            control,
            buffers: Buffers::default(),
            doors: Mutex::default(),
            timer: Timer::default(),
            stopping: AtomicBool::new(false),
            waiting: Mutex::default(),
        }
    }

    /// Keeps a reply for an operation that is about to be handed to the engine: from then on
    /// another thread may answer it at any moment.
    pub(crate) fn keep_waiting(&self, ticket: Ticket, reply: WaitingReply) {
        self.waiting.lock().insert(ticket, reply);
    }

    /// Takes a reply out, to answer it.
    pub(crate) fn take_waiting(&self, ticket: Ticket) -> Option<WaitingReply> {
        self.waiting.lock().remove(&ticket)
    }

    /// Expires what has waited too long, until the mount is stopped.
    pub(crate) fn watch_deadlines(&self) {
        while self.timer.wait_until(|| self.engine.next_deadline()) {
            let mut effects = Effects::default();
            self.engine.expire(Instant::now(), &mut effects);
            self.deliver(&mut effects);
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Ends everything that waits, and from now on everything that would.
    pub(crate) fn shut_down(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let mut effects = Effects::default();
        self.engine.shut_down(&mut effects);
        self.deliver(&mut effects);
        self.timer.stop();
    }
}

/// Sleeps until the next deadline.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    state: Mutex<TimerState>,
    changed: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum TimerState {
    #[default]
    Asleep,
    LookAgain,
    Stopped,
}

impl Timer {
    /// A deadline was added that may come before the one that is waited for.
    pub(crate) fn look_again(&self) {
        let mut state = self.state.lock();
        if *state == TimerState::Asleep {
            *state = TimerState::LookAgain;
            self.changed.notify_one();
        }
    }

    fn stop(&self) {
        *self.state.lock() = TimerState::Stopped;
        self.changed.notify_one();
    }

    /// Waits until the next deadline has come. `false`: stopped.
    fn wait_until(&self, next_deadline: impl Fn() -> Option<Instant>) -> bool {
        let mut state = self.state.lock();
        loop {
            match *state {
                TimerState::Stopped => return false,
                TimerState::LookAgain => *state = TimerState::Asleep,
                TimerState::Asleep => {}
            }
            match next_deadline() {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        return true;
                    }
                }
            }
        }
    }
}
