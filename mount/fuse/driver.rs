//! What all threads of one mount share.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fuser::{FopenFlags, ReplyEmpty, ReplyIoctl};
use parking_lot::{Condvar, Mutex};
use pipefs::{Answer, Effects, EndId, Engine, Error, Ino, Name, Progress, Ticket, Wanted};

use super::counters::Counters;
use super::data::buffers::Buffers;
use super::data::closing::Closing;
use super::data::order::Order;
use super::data::serve::closes_nothing;
use super::data::transport::Transports;
use super::data::wire;
use super::device::{Channel, trim_freed_memory};
use super::doors::Doors;
use super::errno::{errno, fuser_errno};
use super::handle::Handle;
use super::ioctl;
use super::sizes::{RestoreSize, Unwritten};
use crate::survive::survive;

/// Every pipe is opened like this: no page cache, no file position and no lock around it (a
/// duplex end can be read and written at once), and writes of one open file side by side.
const OPEN_FLAGS: FopenFlags = FopenFlags::FOPEN_DIRECT_IO
    .union(FopenFlags::FOPEN_STREAM)
    .union(FopenFlags::FOPEN_NONSEEKABLE)
    .union(FopenFlags::FOPEN_PARALLEL_DIRECT_WRITES);

/// Freed memory below this is not worth a look: a quarter of what the driver may use beside what is
/// buffered. Idle buffers and the program itself take another third, crowds of ends the rest.
const TRIM_MIN_BYTES: u64 = 8 << 20;

/// Most names that went and that the kernel was not told of yet. Of one that it is never told of it
/// keeps a little memory until it wants that for something else.
const MAX_GONE: usize = 10_000;

/// One mount, served.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) transports: Transports,
    pub(crate) order: Order,
    pub(crate) control: Channel,
    pub(crate) buffers: Buffers,
    pub(crate) doors: Mutex<Doors>,
    pub(crate) unwritten: Unwritten,
    pub(crate) housekeeper: Housekeeper,
    pub(crate) closing: Closing,
    pub(crate) counters: Counters,
    /// A test wants the next read to panic.
    #[cfg(debug_assertions)]
    pub(crate) panics_at_read: AtomicBool,
    /// Or the next chore.
    #[cfg(debug_assertions)]
    pub(crate) panics_at_chore: AtomicBool,
    /// Most bytes that were buffered since memory was last given back.
    peak_bytes: AtomicU64,
    stopping: AtomicBool,
    /// Replies of opens, fsyncs and pipe functions that may be waiting in the engine.
    waiting: Mutex<HashMap<Ticket, WaitingReply>>,
}

/// An operation that waits and is no read or write.
#[derive(Debug)]
pub(crate) enum WaitingReply {
    /// An open, the door that it goes through, its flags, and the thread that opens.
    Open { door: u64, wanted: Wanted, thread: u32 },
    /// An fsync.
    Flush(ReplyEmpty),
    /// A pipe function.
    Ioctl(ReplyIoctl),
}

impl WaitingReply {
    /// Answers it. An open's end is noted at its door before the kernel can use it.
    pub(crate) fn answer(self, driver: &Driver, ticket: Ticket, answer: Answer) {
        match (self, answer) {
            (Self::Open { door, wanted, thread }, Answer::Opened(end)) => {
                driver.attach(door, end, wanted, thread);
                driver.reply_opened(ticket, Handle::new(end, wanted));
            }
            (Self::Flush(reply), Answer::Flushed) => reply.ok(),
            (Self::Ioctl(reply), answer) => ioctl::answer(reply, answer),
            (Self::Open { .. }, Answer::Failed(error)) => driver.reply_error(ticket, errno(error)),
            (Self::Flush(reply), Answer::Failed(error)) => reply.error(fuser_errno(error)),
            (reply, answer) => unreachable!("{reply:?} was answered with {answer:?}"),
        }
    }
}

impl Driver {
    pub(crate) fn new(engine: Engine, transports: Transports, control: Channel) -> Self {
        Self {
            engine,
            order: Order::new(transports.device_count(), transports.ring_count(), closes_nothing),
            counters: Counters::new(transports.device_count() + transports.ring_count()),
            transports,
            control,
            buffers: Buffers::default(),
            doors: Mutex::default(),
            unwritten: Unwritten::default(),
            housekeeper: Housekeeper::new(),
            closing: Closing::default(),
            #[cfg(debug_assertions)]
            panics_at_read: AtomicBool::new(false),
            #[cfg(debug_assertions)]
            panics_at_chore: AtomicBool::new(false),
            peak_bytes: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            waiting: Mutex::default(),
        }
    }

    /// How the kernel is to treat an open file. Unless its close may have to wait, no FLUSH tells
    /// of that: there would be nothing to do.
    pub(crate) fn open_flags(&self, end: EndId) -> FopenFlags {
        if self.engine.flushes_at_close(end) {
            self.closing.watch(end);
            return OPEN_FLAGS;
        }
        OPEN_FLAGS | FopenFlags::FOPEN_NOFLUSH
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

    /// Answers an operation that did not have to wait.
    pub(crate) fn finish<T>(
        &self,
        ticket: Ticket,
        progress: Result<Progress<T>, Error>,
        answer: impl FnOnce(T) -> Answer,
    ) {
        let answer = match progress {
            Ok(Progress::Waiting) => return,
            Ok(Progress::Done(value)) => answer(value),
            Err(error) => Answer::Failed(error),
        };
        if let Some(reply) = self.take_waiting(ticket) {
            reply.answer(self, ticket, answer);
        }
    }

    /// Does what has to be done besides requests, until the mount is stopped: expires what has
    /// waited too long, and has the allocator give back what was freed.
    pub(crate) fn keep_house(&self) {
        loop {
            let chore = self.housekeeper.wait(|| self.engine.next_deadline());
            if chore == Chore::Stop {
                return;
            }
            survive("a chore", || self.do_chore(chore));
        }
    }

    fn do_chore(&self, chore: Chore) {
        #[cfg(debug_assertions)]
        self.panic_at_chore();
        match chore {
            Chore::Stop => {}
            Chore::Trim => trim_freed_memory(),
            Chore::TellGone(directory, name) => {
                self.notify(&wire::notify_name_gone(directory, name.as_bytes()));
            }
            Chore::RestoreSize(restore) => self.restore_size(restore),
            Chore::Expire => {
                let mut effects = Effects::default();
                self.engine.expire(Instant::now(), &mut effects);
                self.deliver(&mut effects);
            }
        }
    }

    /// Looks at how much is buffered. When it is less than half of what it was, freed memory goes
    /// back to the system: it must follow what is buffered.
    pub(crate) fn watch_memory(&self) {
        let used = self.engine.memory().used_bytes;
        let peak = self.peak_bytes.fetch_max(used, Ordering::Relaxed);
        if peak > 2 * used + TRIM_MIN_BYTES {
            self.peak_bytes.store(used, Ordering::Relaxed);
            self.housekeeper.trim();
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
        self.housekeeper.stop();
    }
}

/// Wakes the thread that keeps house.
#[derive(Debug)]
pub(crate) struct Housekeeper {
    /// Ticks are counted from here.
    born: Instant,
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Orders {
    stop: bool,
    trim: bool,
    /// Sizes of inodes that are to be set again, and when.
    sizes: BTreeSet<(Instant, RestoreSize)>,
    /// Names that went by themselves, and their directories.
    gone: VecDeque<(Ino, Name)>,
}

/// What there is to do.
#[derive(Debug, PartialEq, Eq)]
enum Chore {
    /// A deadline has passed.
    Expire,
    /// Much less is buffered than was.
    Trim,
    /// The kernel has truncated this door's inode.
    RestoreSize(RestoreSize),
    /// The kernel may remember a name in this directory that has gone.
    TellGone(u64, Name),
    /// Nothing any more.
    Stop,
}

impl Housekeeper {
    fn new() -> Self {
        Self { born: Instant::now(), orders: Mutex::default(), changed: Condvar::new() }
    }

    /// A deadline was added that may come before the one that is waited for.
    pub(crate) fn look_again(&self) {
        // The lock makes this wait until the thread sleeps: a wake-up cannot come too early.
        drop(self.orders.lock());
        self.changed.notify_one();
    }

    fn trim(&self) {
        self.orders.lock().trim = true;
        self.changed.notify_one();
    }

    /// A size is to be set again after this time.
    pub(crate) fn restore_size(&self, after: Duration, restore: RestoreSize) {
        // What many opens ask for is done at once: at most a thousand times a second.
        let due = (self.born.elapsed() + after).as_millis() as u64 + 1;
        let due = self.born + Duration::from_millis(due);
        let mut orders = self.orders.lock();
        let is_next = orders.sizes.first().is_none_or(|(next, _)| due < *next);
        orders.sizes.insert((due, restore));
        if is_next {
            self.changed.notify_one();
        }
    }

    /// Names have gone by themselves. The kernel would ask anew for each of them, but it keeps what
    /// it knows of them, a door with each. Not told at once: it waits for the directory's lock
    /// then, whose holder may wait for the thread that is here.
    pub(crate) fn tell_gone(&self, names: &mut Vec<(Ino, Name)>) {
        if names.is_empty() {
            return;
        }
        let mut orders = self.orders.lock();
        orders.gone.extend(names.drain(..));
        let excess = orders.gone.len().saturating_sub(MAX_GONE);
        orders.gone.drain(..excess);
        self.changed.notify_one();
    }

    fn stop(&self) {
        self.orders.lock().stop = true;
        self.changed.notify_one();
    }

    fn wait(&self, next_deadline: impl Fn() -> Option<Instant>) -> Chore {
        let mut orders = self.orders.lock();
        loop {
            if orders.stop {
                return Chore::Stop;
            }
            if std::mem::take(&mut orders.trim) {
                return Chore::Trim;
            }
            let now = Instant::now();
            let size = orders.sizes.first().copied();
            if let Some((_, restore)) = size.filter(|(due, _)| *due <= now) {
                orders.sizes.pop_first();
                return Chore::RestoreSize(restore);
            }
            let deadline = next_deadline();
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Chore::Expire;
            }
            if let Some((Ino(directory), name)) = orders.gone.pop_front() {
                return Chore::TellGone(directory, name);
            }
            match deadline.into_iter().chain(size.map(|(due, _)| due)).min() {
                Some(next) => drop(self.changed.wait_until(&mut orders, next)),
                None => self.changed.wait(&mut orders),
            }
        }
    }
}
