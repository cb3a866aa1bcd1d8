//! Runs steps on the engine and on the model at once.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use pipefs::settings::Mode;
use pipefs::{
    Answer, Attributes, Effects, EndId, Engine, Error, Ino, Now, Open, Patience, PipeHandle,
    PollKey, ROOT, Ready, Ticket, Wanted,
};

use super::looks::who;
use super::moving::Outcome;
use super::opening::Opening;
use super::state::{Given, Model};
use super::steps::{FILES_PER_PROCESS, How, NAMES, NOWHERE, Setup, Step};

/// What passes of the clock with each step.
const TICK: Duration = Duration::from_millis(1);

/// How engine and model differ.
pub(crate) type Difference = String;

/// What a place for an open file holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum File {
    /// Nothing; an end that was here once.
    Free(Option<usize>),
    /// An open that waits.
    Opening {
        ticket: u64,
        end: usize,
    },
    Open {
        end: usize,
        key: PollKey,
    },
}

/// A poller that wants to be woken, and the readiness that it knows of.
pub(crate) struct Armed {
    pub(crate) key: PollKey,
    pub(crate) end: usize,
    pub(crate) ready: Ready,
}

pub(crate) struct Run {
    pub(crate) engine: Engine,
    pub(crate) model: Model,
    pub(crate) setup: Setup,
    directory: Ino,
    start: Instant,
    pub(crate) elapsed: Duration,
    /// Which pipe each name leads to, and led to last.
    pub(crate) names: [Option<usize>; NAMES],
    last_names: [Option<usize>; NAMES],
    /// The engine's pipes and ends, by the model's numbers.
    pub(crate) pipes: Vec<PipeHandle>,
    pub(crate) ids: Vec<Option<EndId>>,
    pub(crate) files: Vec<File>,
    pub(crate) armed: Vec<Armed>,
    pub(crate) effects: Effects,
    /// Names that went by themselves in this step.
    pub(crate) names_gone: Vec<usize>,
    /// Which process each ticket is of.
    pub(crate) issuers: HashMap<u64, usize>,
    pub(crate) last_ticket: u64,
}

impl Run {
    pub(crate) fn new(setup: Setup) -> Self {
        let attributes = Attributes::new(0o755, 0, 0, SystemTime::UNIX_EPOCH);
        let engine = Engine::new(setup.settings, setup.bounds(), attributes);
        let directory = engine.make_directory(ROOT, b"d", attributes).expect("a new directory");
        Self {
            engine,
            model: Model::new(setup.memory_bytes),
            setup,
            directory,
            start: Instant::now(),
            elapsed: Duration::ZERO,
            names: [None; NAMES],
            last_names: [None; NAMES],
            pipes: Vec::new(),
            ids: Vec::new(),
            files: vec![File::Free(None); setup.processes * FILES_PER_PROCESS],
            armed: Vec::new(),
            effects: Effects::default(),
            names_gone: Vec::new(),
            issuers: HashMap::new(),
            last_ticket: 0,
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now { monotonic: self.start + self.elapsed, wall: SystemTime::UNIX_EPOCH + self.elapsed }
    }

    pub(crate) fn at(&self, name: usize) -> (Ino, &'static [u8]) {
        match name {
            NOWHERE => (Ino(1 << 40), b"nowhere"),
            even if even % 2 == 0 => (ROOT, [b"0", b"2"][even / 2]),
            odd => (self.directory, [b"1", b"3"][odd / 2]),
        }
    }

    /// Takes one step on both; `ticket` is new.
    ///
    /// # Errors
    /// How they differ.
    pub(crate) fn step(&mut self, ticket: u64, step: Step) -> Result<(), Difference> {
        self.last_ticket = ticket;
        self.elapsed += TICK;
        self.model.set_time(self.now().wall, step.tells_time());
        match step {
            Step::Create { name, mode } => self.create(name, mode)?,
            Step::Open { file, name, how, patience } => {
                self.open(ticket, file, name, how, patience)?;
            }
            Step::Reopen { file, by, how } => self.reopen(ticket, file, by, how)?,
            Step::Read { file, max_bytes, blocking } => {
                self.read(ticket, file, max_bytes, blocking)?;
            }
            Step::Write { file, bytes, blocking } => self.write(ticket, file, bytes, blocking)?,
            Step::Flush { file } => self.flush(ticket, file)?,
            Step::FlushAtClose { file, blocking } => self.flush_at_close(ticket, file, blocking)?,
            Step::Connect { file, span } => self.connect(ticket, file, span)?,
            Step::Disconnect { file } => self.disconnect(file)?,
            Step::Wait { process, name, span } => self.wait(ticket, process, name, span)?,
            Step::Transact { file, bytes, max_bytes, span } => {
                self.transact(ticket, file, (bytes, max_bytes), span)?;
            }
            Step::SendEmpty { file, blocking } => self.send_empty(ticket, file, blocking)?,
            Step::SetReadMode { file, mode } => self.set_read_mode(file, mode)?,
            Step::Poll { file, wake } => self.poll(file, wake)?,
            Step::Close { file } => self.close(file)?,
            Step::Cancel { ticket } => self.cancel(ticket)?,
            Step::Kill { process } => self.kill(process)?,
            Step::Pass { milliseconds } => self.pass(milliseconds)?,
            Step::Rename { from, to, how } => self.rename(from, to, how)?,
            Step::Unlink { name } => self.unlink(name)?,
            Step::SetAttributes { name, mode, size } => self.set_attributes(name, mode, size)?,
            Step::ShutDown => self.shut_down()?,
        }
        self.compare()
    }

    /// Ends a case: every process is killed, every name removed, and nothing may be left.
    ///
    /// # Errors
    /// What is left, or how engine and model differ.
    pub(crate) fn finish(&mut self) -> Result<(), Difference> {
        self.poll_all()?;
        if self.last_ticket.is_multiple_of(2) {
            self.step(self.last_ticket + 1, Step::ShutDown)?;
        }
        for process in 0..self.setup.processes {
            self.step(self.last_ticket + 1, Step::Kill { process })?;
        }
        for name in 0..NAMES {
            self.step(self.last_ticket + 1, Step::Unlink { name })?;
        }
        let left = (self.engine.waiting_count(), self.engine.end_count());
        let used = self.engine.memory().used_bytes;
        if (left, used) != ((0, 0), 0) {
            return Err(format!("left: (waiting, ends) {left:?}, {used} bytes"));
        }
        Ok(())
    }

    fn create(&mut self, name: usize, mode: Option<Mode>) -> Result<(), Difference> {
        let now = self.now().wall;
        let attributes = Attributes::new(0o644, 0, 0, now);
        let (directory, text) = self.at(name);
        let created = self.engine.create(directory, text, attributes, mode);
        let expected = match name {
            NOWHERE => Err(Error::NotFound),
            name if self.names[name].is_some() => Err(Error::Exists),
            _ => Ok(()),
        };
        if created.as_ref().map(|_| ()).map_err(|e| *e) != expected {
            return Err(format!("engine created {created:?}, expected {expected:?}"));
        }
        if let Ok(handle) = created {
            let mut settings = self.setup.settings;
            settings.mode = mode.unwrap_or(settings.mode);
            let pipe = self.model.create(settings, 0o644, now);
            self.pipes.push(handle);
            self.names[name] = Some(pipe);
            self.remember_names();
        }
        Ok(())
    }

    pub(crate) fn remember_names(&mut self) {
        for (last, name) in self.last_names.iter_mut().zip(self.names) {
            *last = name.or(*last);
        }
    }

    fn open(
        &mut self,
        ticket: u64,
        file: usize,
        name: usize,
        how: How,
        patience: Patience,
    ) -> Result<(), Difference> {
        match self.looked_up(name) {
            Some(pipe) => self.open_pipe(ticket, file, pipe, (how.wanted(), patience, None)),
            None => Ok(()),
        }
    }

    /// Where a name leads; where it is gone, where it did: that may have been looked up before.
    pub(crate) fn looked_up(&self, name: usize) -> Option<usize> {
        self.names.get(name).and_then(|pipe| pipe.or(self.last_names[name]))
    }

    fn reopen(&mut self, ticket: u64, file: usize, by: usize, how: How) -> Result<(), Difference> {
        let (File::Open { end, .. } | File::Free(Some(end))) = self.files[by] else {
            return Ok(());
        };
        let pipe = self.model.ends[end].pipe;
        self.open_pipe(ticket, file, pipe, (how.wanted(), Patience::Wait, Some(end)))
    }

    fn open_pipe(
        &mut self,
        ticket: u64,
        file: usize,
        pipe: usize,
        (wanted, patience, reopens): (Wanted, Patience, Option<usize>),
    ) -> Result<(), Difference> {
        if !matches!(self.files[file], File::Free(_)) {
            return Ok(());
        }
        let process = (file / FILES_PER_PROCESS) as u32;
        self.issuers.insert(ticket, process as usize);
        let id = reopens.map(|end| self.ids[end].expect("it was open"));
        let (handle, now) = (self.pipes[pipe].clone(), self.now());
        let open = Open { wanted, who: who(process), patience, reopens: id };
        let result = self.engine.open(&handle, open, Ticket(ticket), now, &mut self.effects);
        let order = self.order();
        let lost = self.model.pipes[pipe].lost_name.filter(|name| self.names[*name].is_none());
        let is_taken_back = reopens.is_none() && self.model.would_serve(pipe, wanted);
        if let Some(name) = lost.filter(|_| is_taken_back) {
            self.names[name] = Some(pipe);
            self.model.pipes[pipe].is_named = true;
            self.model.pipes[pipe].lost_name = None;
        }
        let opening = Opening { wanted, patience, reopens, process, now: now.monotonic };
        let ends_before = self.model.ends.len();
        let outcome = self.model.open(pipe, &opening, ticket, &order);
        self.ids.resize(self.model.ends.len(), None);
        self.expire_names();
        self.compare_outcome(result, Answer::Opened, &outcome)?;
        match outcome {
            Outcome::Done(Given::Opened(end)) => {
                self.files[file] = File::Open { end, key: PollKey(ticket) };
            }
            Outcome::Waits => self.files[file] = File::Opening { ticket, end: ends_before },
            Outcome::Done(_) => {}
        }
        Ok(())
    }

    /// What an open or a close may have made out of date.
    pub(crate) fn expire_names(&mut self) {
        let order = self.order();
        for pipe in 0..self.pipes.len() {
            if self.model.has_expired(pipe) {
                self.model.unname(pipe, &order);
                let name = self.names.iter().position(|named| *named == Some(pipe));
                let name = name.expect("a pipe with a name has one of these");
                self.names[name] = None;
                self.names_gone.push(name);
                self.model.pipes[pipe].lost_name = Some(name);
                // Writers elsewhere may get memory before or after that: there is no order.
                let rank = |ticket: u64| order.iter().position(|other| *other == ticket);
                self.model.answers.sort_by_key(|(ticket, _)| rank(*ticket));
            }
        }
    }

    /// The end that a file holds or held.
    pub(crate) fn end_of(&self, file: usize) -> Option<(usize, EndId)> {
        match self.files[file] {
            File::Open { end, .. } | File::Free(Some(end)) => Some((end, self.ids[end]?)),
            File::Opening { .. } | File::Free(None) => None,
        }
    }
}

impl Drop for Run {
    /// After a difference operations may wait still.
    fn drop(&mut self) {
        self.engine.shut_down(&mut self.effects);
    }
}
