//! An engine with a clock, for tests that read like a story: each operation says by its name
//! whether it is done at once, waits, or is refused, and anything else fails the test.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use pipefs::{
    Answer, Attributes, Blocking, Bounds, Data, Effects, EndId, Engine, Error, Node, Now, Open,
    Patience, PipeHandle, PollKey, Progress, ROOT, Ready, Result, Settings, Ticket, Wanted, Who,
};

pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) effects: Effects,
    start: Instant,
    elapsed: Duration,
    last_ticket: u64,
    answers: HashMap<Ticket, Answer>,
    pub(crate) woken: Vec<PollKey>,
    /// Who opens.
    pub(crate) who: Who,
}

impl World {
    /// An engine whose pipes have the default settings.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// An engine with other settings for all its pipes.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_memory(u64::MAX, change)
    }

    pub(crate) fn with_memory(memory_bytes: u64, change: impl FnOnce(&mut Settings)) -> Self {
        Self::within(Bounds::memory(memory_bytes), change)
    }

    pub(crate) fn within(bounds: Bounds, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        Self {
            engine: Engine::new(settings, bounds, attributes()),
            effects: Effects::default(),
            start: Instant::now(),
            elapsed: Duration::ZERO,
            last_ticket: 0,
            answers: HashMap::new(),
            woken: Vec::new(),
            who: Who::default(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now { monotonic: self.start + self.elapsed, wall: SystemTime::UNIX_EPOCH + self.elapsed }
    }

    /// Time passes, and deadlines with it.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.elapsed += time;
        self.engine.expire(self.now().monotonic, &mut self.effects);
        self.deliver();
    }

    pub(crate) fn ticket(&mut self) -> Ticket {
        self.last_ticket += 1;
        Ticket(self.last_ticket)
    }

    /// Keeps the answers that the last call gave to others; none may have come before.
    pub(crate) fn deliver(&mut self) {
        for (ticket, answer) in self.effects.answers.drain(..) {
            let before = self.answers.insert(ticket, answer);
            assert_eq!(before, None, "{ticket:?} is answered twice");
        }
        self.woken.append(&mut self.effects.wakes);
    }

    pub(crate) fn create(&mut self, name: &str) -> PipeHandle {
        self.engine.create(ROOT, name.as_bytes(), attributes(), None).expect("a new name")
    }

    pub(crate) fn unlink(&mut self, name: &str) {
        let now = self.now();
        self.engine.unlink(ROOT, name.as_bytes(), now, &mut self.effects).expect("it was there");
        self.deliver();
    }

    // ── Opening ──────────────────────────────────────────────────────────────────────────────

    pub(crate) fn open(
        &mut self,
        pipe: &PipeHandle,
        wanted: Wanted,
        patience: Patience,
        reopens: Option<EndId>,
    ) -> (Ticket, Result<Progress<EndId>>) {
        let (ticket, now) = (self.ticket(), self.now());
        let open = Open { wanted, who: self.who, patience, reopens };
        let result = self.engine.open(pipe, open, ticket, now, &mut self.effects);
        self.deliver();
        (ticket, result)
    }

    pub(crate) fn opens(&mut self, pipe: &PipeHandle, wanted: Wanted) -> EndId {
        match self.open(pipe, wanted, Patience::Wait, None).1 {
            Ok(Progress::Done(end)) => end,
            other => panic!("the open gives {other:?}"),
        }
    }

    pub(crate) fn opens_with(
        &mut self,
        pipe: &PipeHandle,
        wanted: Wanted,
        patience: Patience,
    ) -> EndId {
        match self.open(pipe, wanted, patience, None).1 {
            Ok(Progress::Done(end)) => end,
            other => panic!("the open gives {other:?}"),
        }
    }

    pub(crate) fn waits_to_open(&mut self, pipe: &PipeHandle, wanted: Wanted) -> Ticket {
        let (ticket, result) = self.open(pipe, wanted, Patience::Wait, None);
        assert_eq!(result, Ok(Progress::Waiting));
        ticket
    }

    pub(crate) fn fails_to_open(&mut self, pipe: &PipeHandle, wanted: Wanted) -> Error {
        self.open(pipe, wanted, Patience::Wait, None).1.expect_err("the open is refused")
    }

    /// What an open that waited came to.
    pub(crate) fn opened(&mut self, ticket: Ticket) -> EndId {
        match self.answers.remove(&ticket) {
            Some(Answer::Opened(end)) => end,
            other => panic!("the open of {ticket:?} came to {other:?}"),
        }
    }

    pub(crate) fn close(&mut self, end: EndId) {
        let now = self.now();
        self.engine.close(end, now, &mut self.effects).expect("it is open");
        self.deliver();
    }

    // ── Data ─────────────────────────────────────────────────────────────────────────────────

    pub(crate) fn read(
        &mut self,
        end: EndId,
        max_bytes: usize,
        blocking: Blocking,
    ) -> (Ticket, Result<Progress<Data>>) {
        let (ticket, now) = (self.ticket(), self.now());
        let result = self.engine.read(end, max_bytes, blocking, ticket, now, &mut self.effects);
        self.deliver();
        (ticket, result)
    }

    /// A read with room for anything, done at once; empty is end of file.
    pub(crate) fn reads(&mut self, end: EndId) -> String {
        self.reads_up_to(end, 1 << 20)
    }

    pub(crate) fn reads_up_to(&mut self, end: EndId, max_bytes: usize) -> String {
        match self.read(end, max_bytes, Blocking::Yes).1 {
            Ok(Progress::Done(data)) => text(&data),
            other => panic!("the read gives {other:?}"),
        }
    }

    pub(crate) fn waits_to_read(&mut self, end: EndId) -> Ticket {
        self.waits_to_read_up_to(end, 1 << 20)
    }

    pub(crate) fn waits_to_read_up_to(&mut self, end: EndId, max_bytes: usize) -> Ticket {
        let (ticket, result) = self.read(end, max_bytes, Blocking::Yes);
        assert_eq!(result, Ok(Progress::Waiting));
        ticket
    }

    /// With `O_NONBLOCK`.
    pub(crate) fn fails_to_read(&mut self, end: EndId) -> Error {
        self.read(end, 1 << 20, Blocking::No).1.expect_err("the read is refused")
    }

    /// What a read that waited came to.
    pub(crate) fn was_read(&mut self, ticket: Ticket) -> String {
        match self.answers.remove(&ticket) {
            Some(Answer::Read(data)) => text(&data),
            other => panic!("the read of {ticket:?} came to {other:?}"),
        }
    }

    pub(crate) fn write(
        &mut self,
        end: EndId,
        data: &str,
        blocking: Blocking,
    ) -> (Ticket, Result<Progress<u32>>) {
        let (ticket, now) = (self.ticket(), self.now());
        let data = Bytes::copy_from_slice(data.as_bytes());
        let result = self.engine.write(end, data, blocking, ticket, now, &mut self.effects);
        self.deliver();
        (ticket, result)
    }

    pub(crate) fn writes(&mut self, end: EndId, data: &str) {
        let all = u32::try_from(data.len()).expect("a test's size");
        assert_eq!(self.write(end, data, Blocking::Yes).1, Ok(Progress::Done(all)));
    }

    pub(crate) fn waits_to_write(&mut self, end: EndId, data: &str) -> Ticket {
        let (ticket, result) = self.write(end, data, Blocking::Yes);
        assert_eq!(result, Ok(Progress::Waiting));
        ticket
    }

    /// With `O_NONBLOCK`.
    pub(crate) fn fails_to_write(&mut self, end: EndId, data: &str) -> Error {
        self.write(end, data, Blocking::No).1.expect_err("the write is refused")
    }

    /// What a write that waited came to.
    pub(crate) fn was_written(&mut self, ticket: Ticket) -> u32 {
        match self.answers.remove(&ticket) {
            Some(Answer::Written(bytes)) => bytes,
            other => panic!("the write of {ticket:?} came to {other:?}"),
        }
    }

    pub(crate) fn flush(&mut self, end: EndId) -> (Ticket, Result<Progress<()>>) {
        let ticket = self.ticket();
        let result = self.engine.flush(end, ticket, &mut self.effects);
        self.deliver();
        (ticket, result)
    }

    /// close(2) of one descriptor of the end, with `linger=flush`.
    pub(crate) fn flush_at_close(
        &mut self,
        end: EndId,
        blocking: Blocking,
    ) -> (Ticket, Result<Progress<()>>) {
        let (ticket, now) = (self.ticket(), self.now());
        let result = self.engine.flush_at_close(end, blocking, ticket, now, &mut self.effects);
        self.deliver();
        (ticket, result)
    }

    pub(crate) fn waits_to_close(&mut self, end: EndId) -> Ticket {
        let (ticket, result) = self.flush_at_close(end, Blocking::Yes);
        assert_eq!(result, Ok(Progress::Waiting));
        ticket
    }

    // ── Waiting ──────────────────────────────────────────────────────────────────────────────

    pub(crate) fn cancel(&mut self, ticket: Ticket) {
        self.engine.cancel(ticket, &mut self.effects);
        self.deliver();
    }

    pub(crate) fn shut_down(&mut self) {
        self.engine.shut_down(&mut self.effects);
        self.deliver();
    }

    /// What any operation that waited came to; `None`: it waits.
    pub(crate) fn answer(&mut self, ticket: Ticket) -> Option<Answer> {
        self.answers.remove(&ticket)
    }

    pub(crate) fn failure(&mut self, ticket: Ticket) -> Error {
        match self.answers.remove(&ticket) {
            Some(Answer::Failed(error)) => error,
            other => panic!("{ticket:?} came to {other:?}"),
        }
    }

    pub(crate) fn ready(&mut self, end: EndId) -> Ready {
        self.engine.poll(end, None, &mut self.effects).expect("it is open")
    }

    /// What poll says now; the end's change will wake the caller.
    pub(crate) fn polls(&mut self, end: EndId) -> Ready {
        let key = PollKey(end.raw());
        self.engine.poll(end, Some(key), &mut self.effects).expect("it is open")
    }

    /// Whether the caller that polled was woken since it was last asked.
    pub(crate) fn is_woken(&mut self, end: EndId) -> bool {
        let before = self.woken.len();
        self.woken.retain(|key| *key != PollKey(end.raw()));
        self.woken.len() < before
    }

    pub(crate) fn buffered_bytes(&self, pipe: &PipeHandle) -> u64 {
        self.engine.status(&Node::Pipe(pipe.clone())).expect("pipes have one").buffered_bytes
    }
}

impl Drop for World {
    /// Operations may still wait at the end of a test.
    fn drop(&mut self) {
        self.engine.shut_down(&mut self.effects);
    }
}

pub(crate) fn attributes() -> Attributes {
    Attributes::new(0o644, 0, 0, SystemTime::UNIX_EPOCH)
}

fn text(data: &Data) -> String {
    String::from_utf8(data.to_vec()).expect("tests write text")
}
