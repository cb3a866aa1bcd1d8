//! The engine: every operation on pipes and directories, and the only locks there are.
//!
//! Order of locks: `names`, then one pipe, then one of `ends`, `register` or `pressed`. No two
//! pipes and no two of the last three are ever held together. Nothing is called and nothing is
//! answered while one is held: what others have to be told goes into [`Effects`].

use std::collections::{HashMap, VecDeque};
use std::time::{Instant, SystemTime};

use bytes::Bytes;

use crate::effects::{Answer, Effects, PollKey, Progress, Ticket};
use crate::end::{EndId, Who};
use crate::lane::Traffic;
use crate::namespace::{Attributes, Ino, Listing, Namespace, Node, ROOT, Rename};
use crate::pipe::{Blocking, Open, Opened, Pipe};
use crate::queue::Data;
use crate::quota::{Gate, Quota};
use crate::ready::Ready;
use crate::state::State;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, RwLock};
use crate::waiting::Register;
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

/// A pipe, whatever its name is now: valid also after the name has gone.
#[derive(Debug, Clone)]
pub struct PipeHandle(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    ino: Ino,
    pipe: Mutex<Pipe>,
}

impl PipeHandle {
    /// The pipe's number (`st_ino`), the same for its whole life.
    #[must_use]
    pub fn ino(&self) -> Ino {
        self.0.ino
    }

    fn lock(&self) -> MutexGuard<'_, Pipe> {
        self.0.pipe.lock()
    }
}

impl PartialEq for PipeHandle {
    fn eq(&self, other: &Self) -> bool {
        self.ino() == other.ino()
    }
}

impl Eq for PipeHandle {}

/// What stat(2) shows of a pipe or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub ino: Ino,
    /// Owner, permissions, times.
    pub attributes: Attributes,
    /// Names that lead to it: 0 or 1 for a pipe.
    pub links: u32,
    /// Bytes that wait in it.
    pub buffered_bytes: u64,
}

/// Which attributes setattr changes; `None` leaves one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttributeChange {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Time of last read.
    pub accessed: Option<SystemTime>,
    /// Time of last write.
    pub modified: Option<SystemTime>,
    /// `truncate`: only 0 is allowed, and it discards nothing.
    pub size: Option<u64>,
}

/// A pipe's state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipeState {
    /// Its settings.
    pub settings: Settings,
    /// Each instance's state and buffered bytes, oldest first.
    pub instances: Vec<(State, u64)>,
    /// The processes that hold ends.
    pub holders: Vec<Who>,
    /// What went through it.
    pub traffic: Traffic,
    /// Successful opens so far.
    pub opens: u64,
}

/// The memory limit and how much of it is used, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// All queues together may hold this much before writers wait.
    pub limit_bytes: u64,
    /// They hold this much.
    pub used_bytes: u64,
}

/// Every pipe and directory of one mount. All operations take `&self` and may be called from any
/// thread; none ever blocks.
#[derive(Debug)]
pub struct Engine {
    defaults: Settings,
    quota: Quota,
    next_ino: AtomicU64,
    next_end: AtomicU64,
    shut_down: AtomicBool,
    names: Mutex<Namespace<PipeHandle>>,
    /// Where each end is. One whose open waits is not among them: nobody was told of it yet.
    ends: RwLock<HashMap<EndId, PipeHandle>>,
    register: Mutex<Register<PipeHandle>>,
    /// Pipes whose writers may wait for the mount's memory, longest waiting first.
    pressed: Mutex<VecDeque<PipeHandle>>,
}

impl Engine {
    /// An empty tree. `defaults` are the settings of new pipes, `memory_bytes` the limit of what
    /// all pipes together buffer, `root` the root directory's attributes.
    #[must_use]
    pub fn new(defaults: Settings, memory_bytes: u64, root: Attributes) -> Self {
        Self {
            defaults,
            quota: Quota::new(memory_bytes),
            next_ino: AtomicU64::new(ROOT.0 + 1),
            next_end: AtomicU64::new(1),
            shut_down: AtomicBool::new(false),
            names: Mutex::new(Namespace::new(root)),
            ends: RwLock::new(HashMap::new()),
            register: Mutex::new(Register::new()),
            pressed: Mutex::new(VecDeque::new()),
        }
    }

    // ── Names ────────────────────────────────────────────────────────────────────────────────

    /// What a name in a directory leads to.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NameTooLong`].
    pub fn lookup(&self, directory: Ino, name: &[u8]) -> Result<Node<PipeHandle>> {
        self.names.lock().lookup(directory, name).cloned()
    }

    /// Makes a pipe under a free name (`touch`, `O_CREAT`, mknod). `shared` overrides the default
    /// mode (`mkfifo`).
    ///
    /// # Errors
    /// [`Error::Exists`], or what is wrong with the name or directory.
    pub fn create(
        &self,
        directory: Ino,
        name: &[u8],
        attributes: Attributes,
        mode: Option<crate::settings::Mode>,
    ) -> Result<PipeHandle> {
        let mut settings = self.defaults;
        settings.mode = mode.unwrap_or(settings.mode);
        let pipe = PipeHandle(Arc::new(Cell {
            ino: self.new_ino(),
            pipe: Mutex::new(Pipe::new(settings, attributes)),
        }));
        let node = Node::Pipe(pipe.clone());
        self.names.lock().insert(directory, name, node, attributes.changed)?;
        Ok(pipe)
    }

    fn new_ino(&self) -> Ino {
        Ino(self.next_ino.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// [`Error::Exists`], or what is wrong with the name or parent.
    pub fn make_directory(&self, parent: Ino, name: &[u8], attributes: Attributes) -> Result<Ino> {
        let ino = self.new_ino();
        self.names.lock().make_directory(parent, name, ino, attributes)?;
        Ok(ino)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::NotADirectory`], [`Error::NotFound`].
    pub fn remove_directory(&self, parent: Ino, name: &[u8], now: Now) -> Result<()> {
        self.names.lock().remove_directory(parent, name, now.wall)
    }

    /// Removes a pipe's name. Open ends go on; what lingers is dropped; clients that wait for a
    /// server get [`Error::NotFound`].
    ///
    /// # Errors
    /// [`Error::IsADirectory`], [`Error::NotFound`].
    pub fn unlink(&self, parent: Ino, name: &[u8], now: Now, effects: &mut Effects) -> Result<()> {
        let pipe = self.names.lock().unlink(parent, name, now.wall)?;
        self.unname(&pipe, now, effects);
        Ok(())
    }

    fn unname(&self, handle: &PipeHandle, now: Now, effects: &mut Effects) {
        self.on_pipe(handle, Some(now.wall), effects, |pipe, gate, effects| {
            pipe.attributes.changed = now.wall;
            pipe.unname(gate, effects);
        });
    }

    /// Moves a pipe or directory, also over an existing idle pipe or empty directory.
    ///
    /// # Errors
    /// [`Error::Busy`]: the pipe in the way is in use or holds data. [`Error::Exists`],
    /// [`Error::NotFound`], [`Error::NotEmpty`], [`Error::NotADirectory`],
    /// [`Error::IsADirectory`]; [`Error::Invalid`]: a directory into itself.
    pub fn rename(
        &self,
        from: (Ino, &[u8]),
        to: (Ino, &[u8]),
        how: Rename,
        now: Now,
        effects: &mut Effects,
    ) -> Result<()> {
        let idle = |pipe: &PipeHandle| pipe.lock().is_idle();
        let replaced = self.names.lock().rename(from, to, how, now.wall, idle)?;
        if let Some(pipe) = replaced {
            self.unname(&pipe, now, effects);
        }
        Ok(())
    }

    /// A directory's parent, and its entries in the order of their names.
    ///
    /// # Errors
    /// [`Error::NotFound`]: the directory has been removed.
    pub fn list(&self, directory: Ino) -> Result<Listing<PipeHandle>> {
        self.names.lock().list(directory)
    }

    // ── Attributes ───────────────────────────────────────────────────────────────────────────

    /// What stat(2) shows.
    ///
    /// # Errors
    /// [`Error::NotFound`]: the directory has been removed.
    pub fn status(&self, node: &Node<PipeHandle>) -> Result<Status> {
        match node {
            Node::Directory(ino) => {
                let names = self.names.lock();
                let attributes = names.directory(*ino)?.attributes;
                let links = names.link_count(*ino)?;
                Ok(Status { ino: *ino, attributes, links, buffered_bytes: 0 })
            }
            Node::Pipe(handle) => {
                let pipe = handle.lock();
                Ok(Status {
                    ino: handle.ino(),
                    attributes: pipe.attributes,
                    links: u32::from(pipe.is_named()),
                    buffered_bytes: pipe.buffered_bytes(),
                })
            }
        }
    }

    /// chmod, chown, utimes, truncate.
    ///
    /// # Errors
    /// [`Error::Invalid`]: a size other than 0; nothing is changed then.
    pub fn set_attributes(
        &self,
        node: &Node<PipeHandle>,
        change: AttributeChange,
        now: Now,
    ) -> Result<()> {
        if change.size.is_some_and(|size| size != 0) {
            return Err(Error::Invalid);
        }
        let apply = |attributes: &mut Attributes| {
            attributes.mode = change.mode.unwrap_or(attributes.mode) & 0o7777;
            attributes.uid = change.uid.unwrap_or(attributes.uid);
            attributes.gid = change.gid.unwrap_or(attributes.gid);
            attributes.accessed = change.accessed.unwrap_or(attributes.accessed);
            attributes.modified = change.modified.unwrap_or(attributes.modified);
            attributes.changed = now.wall;
        };
        match node {
            Node::Directory(_) if change.size.is_some() => return Err(Error::IsADirectory),
            Node::Directory(ino) => {
                apply(&mut self.names.lock().directory_mut(*ino)?.attributes);
            }
            Node::Pipe(handle) => apply(&mut handle.lock().attributes),
        }
        Ok(())
    }

    /// A pipe's state at this moment.
    #[must_use]
    pub fn pipe_state(&self, handle: &PipeHandle) -> PipeState {
        let pipe = handle.lock();
        PipeState {
            settings: pipe.settings,
            instances: pipe.instance_states(),
            holders: pipe.holders(),
            traffic: pipe.traffic(),
            opens: pipe.opens(),
        }
    }

    /// The memory limit and its use.
    #[must_use]
    pub fn memory(&self) -> MemoryUse {
        MemoryUse { limit_bytes: self.quota.limit_bytes(), used_bytes: self.quota.used_bytes() }
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

    // ── Ends ─────────────────────────────────────────────────────────────────────────────────

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
        let id = EndId::from_raw(self.next_end.fetch_add(1, Ordering::Relaxed));
        self.on_pipe(handle, Some(now.wall), effects, |pipe, gate, effects| {
            let opened = pipe.open(id, open, ticket, now.monotonic, gate, effects)?;
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
    pub fn close(&self, end: EndId, effects: &mut Effects) -> Result<()> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, None, effects, |pipe, gate, effects| {
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

    /// fsync(2), FlushFileBuffers: waits until the peer has read everything that was written.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`]: the peer left first. [`Error::BadHandle`], [`Error::Interrupted`].
    pub fn flush(&self, end: EndId, ticket: Ticket, effects: &mut Effects) -> Result<Progress<()>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, None, effects, |pipe, _, effects| {
            let progress = pipe.flush(end, ticket)?;
            if progress == Progress::Waiting {
                self.park(&handle, pipe, end, ticket, None, effects)?;
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
        self.on_pipe(&handle, None, effects, |pipe, gate, _| pipe.poll(end, key, gate))
    }

    fn handle(&self, end: EndId) -> Result<PipeHandle> {
        self.ends.read().get(&end).cloned().ok_or(Error::BadHandle)
    }

    // ── Waiting ──────────────────────────────────────────────────────────────────────────────

    /// A signal: the operation with this ticket fails with [`Error::Interrupted`]. If it has not
    /// come here yet it will fail when it would wait; if it is done already nothing happens.
    pub fn cancel(&self, ticket: Ticket, effects: &mut Effects) {
        let place = self.register.lock().find_or_note(ticket);
        if let Some((handle, end)) = place {
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
            if let Some((handle, end)) = place {
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
    fn park(
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

    /// Runs one operation on a locked pipe, then does what follows for others: forgets tickets
    /// that were answered, and lets writers elsewhere use memory that became free. `wall` is for
    /// the times of what the operation lets others read and write.
    fn on_pipe<T>(
        &self,
        handle: &PipeHandle,
        wall: Option<SystemTime>,
        effects: &mut Effects,
        operation: impl FnOnce(&mut Pipe, &Gate<'_>, &mut Effects) -> T,
    ) -> T {
        let value = self.on_one_pipe(handle, wall, effects, operation);
        if !self.pressed.lock().is_empty() {
            self.relieve(wall, effects);
        }
        value
    }

    fn on_one_pipe<T>(
        &self,
        handle: &PipeHandle,
        wall: Option<SystemTime>,
        effects: &mut Effects,
        operation: impl FnOnce(&mut Pipe, &Gate<'_>, &mut Effects) -> T,
    ) -> T {
        let answered = effects.answers.len();
        let gate = Gate::new(&self.quota);
        let mut pipe = handle.lock();
        let value = operation(&mut pipe, &gate, effects);
        for (_, answer) in &effects.answers[answered..] {
            if let Answer::Opened(end) = answer {
                self.ends.write().insert(*end, handle.clone());
            }
        }
        if effects.answers.len() > answered {
            let mut register = self.register.lock();
            for (ticket, answer) in &effects.answers[answered..] {
                register.forget(*ticket);
                match (answer, wall) {
                    (Answer::Read(data), Some(wall)) if !data.is_empty() => {
                        pipe.attributes.accessed = wall;
                    }
                    (Answer::Written(_), Some(wall)) => pipe.attributes.modified = wall,
                    _ => {}
                }
            }
        }
        if gate.has_refused() && !pipe.pressed {
            pipe.pressed = true;
            self.pressed.lock().push_back(handle.clone());
        }
        value
    }

    /// Lets waiting writers go on, pipe after pipe, while the mount has memory.
    fn relieve(&self, wall: Option<SystemTime>, effects: &mut Effects) {
        while self.quota.has_room() {
            let Some(handle) = self.pressed.lock().pop_front() else { return };
            self.on_one_pipe(&handle, wall, effects, |pipe, gate, effects| {
                pipe.pressed = false;
                pipe.relieve(gate, effects);
            });
        }
    }
}
