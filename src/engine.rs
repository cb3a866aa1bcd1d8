//! The engine: the only locks there are, and every operation on ends. What is about names is in
//! `tree`, what is only looked at in `report`, what follows from an operation in `pressure`.
//!
//! Order of locks: `names`, then one pipe, then one of `ends`, `register`, `pressed` or `users`. No
//! two pipes and no two of the last four are ever held together. Nothing is called and nothing is
//! answered while one is held: what others have to be told goes into [`Effects`].

use std::time::{Instant, SystemTime};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::bounds::Bounds;
use crate::effects::{Effects, PollKey, Progress, Ticket};
use crate::end::EndId;
use crate::handle::PipeHandle;
use crate::lifetime::Heir;
use crate::namespace::{Attributes, Ino, ROOT, Tree};
use crate::opening::{Open, Opened};
use crate::pipe::Pipe;
use crate::pressure::Pressed;
use crate::queue::Data;
use crate::quota::Quota;
use crate::ready::Ready;
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, RwLock};
use crate::users::{Owner, Users};
use crate::waiting::{Blocking, Register};
use crate::{Error, Result, Settings};

/// The time, as the caller sees it: the engine has no clock.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub monotonic: Instant,
    /// For the times that stat(2) shows.
    pub wall: SystemTime,
}

impl Now {
    /// Reads the system's clocks.
    #[must_use]
    pub fn read() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

/// Every pipe and directory of one mount. All operations take `&self` and may be called from any
/// thread; none ever blocks.
#[derive(Debug)]
pub struct Engine {
    pub(crate) defaults: Settings,
    pub(crate) bounds: Bounds,
    pub(crate) quota: Quota,
    next_ino: AtomicU64,
    next_end: AtomicU64,
    shut_down: AtomicBool,
    names: Mutex<Tree<PipeHandle>>,
    /// Where each end is. One whose open waits is not among them: nobody was told of it yet.
    pub(crate) ends: RwLock<FxHashMap<EndId, PipeHandle>>,
    pub(crate) register: Mutex<Register<PipeHandle>>,
    /// Pipes whose writers may wait for memory.
    pub(crate) pressed: Mutex<Pressed>,
    /// Whom bytes are counted for, if the mount has a limit for users.
    pub(crate) users: Option<Mutex<Users>>,
}

impl Engine {
    /// An empty tree. `defaults` are the settings of new pipes, `bounds` the limits of all of them
    /// together, `root` the root directory's attributes.
    #[must_use]
    pub fn new(defaults: Settings, bounds: Bounds, root: Attributes) -> Self {
        Self {
            defaults,
            bounds,
            quota: Quota::new(&bounds),
            next_ino: AtomicU64::new(ROOT.0 + 1),
            next_end: AtomicU64::new(1),
            shut_down: AtomicBool::new(false),
            names: Mutex::new(Tree::new(root, bounds.max_names)),
            ends: RwLock::new(FxHashMap::default()),
            register: Mutex::new(Register::new()),
            pressed: Mutex::default(),
            users: bounds.user_memory_bytes.map(|limit| Mutex::new(Users::new(limit))),
        }
    }

    pub(crate) fn names(&self) -> MutexGuard<'_, Tree<PipeHandle>> {
        self.names.lock()
    }

    pub(crate) fn new_ino(&self) -> Ino {
        Ino(self.next_ino.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn new_end(&self) -> EndId {
        EndId::from_raw(self.next_end.fetch_add(1, Ordering::Relaxed))
    }

    /// Whom that is counted for which this user will write.
    fn owner(&self, uid: u32) -> Owner {
        self.users.as_ref().map(|users| users.lock().get(uid))
    }

    /// How many operations wait now.
    #[must_use]
    pub fn waiting_count(&self) -> usize {
        self.register.lock().len()
    }

    /// How many ends are open now.
    #[must_use]
    pub fn end_count(&self) -> usize {
        self.ends.read().len()
    }

    /// Opens a pipe. [`Progress::Waiting`]: nothing is listening; the answer is
    /// [`crate::Answer::Opened`], or a failure.
    ///
    /// # Errors
    /// [`Error::AccessDenied`], [`Error::Busy`], [`Error::NoReader`]; [`Error::NotFound`]: the
    /// name has gone; [`Error::Interrupted`]: the ticket was cancelled before it came here.
    pub fn open(
        &self,
        handle: &PipeHandle,
        open: Open,
        ticket: Ticket,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Progress<EndId>> {
        loop {
            let opened = self.open_named(handle, open, ticket, now, effects);
            let is_late = opened == Err(Error::NotFound) && open.reopens.is_none();
            if !is_late || self.heir(handle, open.wanted, now) != Heir::Pipe(handle.clone()) {
                return opened;
            }
        }
    }

    fn open_named(
        &self,
        handle: &PipeHandle,
        open: Open,
        ticket: Ticket,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Progress<EndId>> {
        let id = self.new_end();
        let owner = self.owner(open.who.uid);
        self.on_pipe(handle, Some(now.wall), effects, |pipe, gate, effects| {
            let opened = pipe.open(id, open, ticket, now.monotonic, gate, effects)?;
            if let Some(end) = pipe.ends.get_mut(&id) {
                end.owner = owner;
            }
            match opened {
                Opened::Joined(joined) => Ok(Progress::Done(joined)),
                Opened::New => {
                    self.ends.write().insert(id, handle.clone());
                    Ok(Progress::Done(id))
                }
                Opened::Waiting(deadline) => {
                    self.park(handle, pipe, id, ticket, deadline, effects)?;
                    Ok(Progress::Waiting)
                }
            }
        })
    }

    /// One open file that held the end has gone: close(2), or the process died.
    ///
    /// # Errors
    /// [`Error::BadHandle`]: there is no such end.
    pub fn close(&self, end: EndId, now: Now, effects: &mut Effects) -> Result<()> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, Some(now.wall), effects, |pipe, gate, effects| {
            if pipe.close(end, gate, effects)? {
                self.ends.write().remove(&end);
            }
            Ok(())
        })
    }

    /// Reads up to `max_bytes` of what is there; empty means end of file.
    ///
    /// # Errors
    /// [`Error::WouldBlock`], [`Error::BadHandle`], [`Error::Interrupted`];
    /// [`Error::NotFound`]: a pending client's name has gone.
    pub fn read(
        &self,
        end: EndId,
        max_bytes: usize,
        blocking: Blocking,
        ticket: Ticket,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Progress<Data>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, Some(now.wall), effects, |pipe, gate, effects| {
            let progress = pipe.read(end, max_bytes, blocking, ticket, gate, effects)?;
            match &progress {
                Progress::Done(data) if data.is_empty() => {}
                Progress::Done(_) => pipe.attributes.accessed = now.wall,
                Progress::Waiting => self.park(&handle, pipe, end, ticket, None, effects)?,
            }
            Ok(progress)
        })
    }

    /// Writes `data` as a whole or not at all. The caller's buffer becomes part of the queue when
    /// the write is large ([`crate::queue::ADOPT_MIN_BYTES`]) or goes to a waiting reader.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`], [`Error::WouldBlock`], [`Error::BadHandle`],
    /// [`Error::Interrupted`]; [`Error::NotFound`]: a pending client's name has gone.
    pub fn write(
        &self,
        end: EndId,
        data: Bytes,
        blocking: Blocking,
        ticket: Ticket,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Progress<u32>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, Some(now.wall), effects, |pipe, gate, effects| {
            let progress = pipe.write(end, data, blocking, ticket, gate, effects)?;
            match &progress {
                Progress::Done(_) => pipe.attributes.modified = now.wall,
                Progress::Waiting => self.park(&handle, pipe, end, ticket, None, effects)?,
            }
            Ok(progress)
        })
    }

    /// What poll(2) says of an end now. With a key, [`Effects::wakes`] brings it once, when that
    /// may have changed.
    ///
    /// # Errors
    /// [`Error::BadHandle`]: there is no such end.
    pub fn poll(&self, end: EndId, key: Option<PollKey>, effects: &mut Effects) -> Result<Ready> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, None, effects, |pipe, gate, effects| {
            pipe.poll(end, key, gate, effects)
        })
    }

    pub(crate) fn handle(&self, end: EndId) -> Result<PipeHandle> {
        self.ends.read().get(&end).cloned().ok_or(Error::BadHandle)
    }

    /// A signal: the operation with this ticket fails with [`Error::Interrupted`]. If it has not
    /// come here yet it will fail when it would wait; if it is done already nothing happens.
    pub fn cancel(&self, ticket: Ticket, effects: &mut Effects) {
        let place = self.register.lock().find_or_note(ticket);
        if let Some((ticket, handle, end)) = place {
            self.fail(&handle, end, ticket, Error::Interrupted, effects);
        }
    }

    /// When [`Engine::expire`] has to be called next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.register.lock().next_deadline()
    }

    /// Fails every operation whose deadline has passed with [`Error::TimedOut`].
    pub fn expire(&self, now: Instant, effects: &mut Effects) {
        let due = self.register.lock().due(now);
        self.fail_each(due, Error::TimedOut, effects);
    }

    /// Fails everything that waits, and from now on whatever would wait, with
    /// [`Error::ShutDown`].
    pub fn shut_down(&self, effects: &mut Effects) {
        self.shut_down.store(true, Ordering::SeqCst);
        let waiting = self.register.lock().all();
        self.fail_each(waiting, Error::ShutDown, effects);
    }

    fn fail_each(&self, tickets: Vec<Ticket>, error: Error, effects: &mut Effects) {
        for ticket in tickets {
            let place = self.register.lock().find(ticket);
            if let Some((ticket, handle, end)) = place {
                self.fail(&handle, end, ticket, error, effects);
            }
        }
    }

    fn fail(
        &self,
        handle: &PipeHandle,
        end: EndId,
        ticket: Ticket,
        error: Error,
        effects: &mut Effects,
    ) {
        self.on_pipe(handle, None, effects, |pipe, _, effects| {
            // Somebody else may have answered it since it was found.
            if pipe.withdraw(ticket, end) {
                effects.fail(ticket, error);
            }
        });
    }

    /// Registers an operation that has just begun to wait, unless it must not.
    pub(crate) fn park(
        &self,
        handle: &PipeHandle,
        pipe: &mut Pipe,
        end: EndId,
        ticket: Ticket,
        deadline: Option<Instant>,
        effects: &mut Effects,
    ) -> Result<()> {
        let parked = self.register.lock().park(ticket, handle, end, deadline);
        let refusal = match (parked, self.shut_down.load(Ordering::SeqCst)) {
            (false, _) => Error::Interrupted,
            (true, true) => Error::ShutDown,
            (true, false) => {
                effects.deadline_added |= deadline.is_some();
                return Ok(());
            }
        };
        pipe.withdraw(ticket, end);
        self.register.lock().forget(ticket);
        Err(refusal)
    }
}
