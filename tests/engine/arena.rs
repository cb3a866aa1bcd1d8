//! One engine that many threads use at once, and what they have to account for.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use pipefs::settings::Mode;
use pipefs::{
    Answer, Blocking, Bounds, Data, Effects, EndId, Engine, Now, Open, Patience, PipeHandle,
    PollKey, Progress, ROOT, Ready, Rename, Settings, State, Ticket, Wanted, Who,
};

use super::random::Random;
use super::world::attributes;

/// Users who open, 0 among them.
const USERS: usize = 3;

/// How many names there are; the last half of them are shared pipes.
const NAMES: usize = 4;

/// An operation that waits, as far as its thread knows.
#[derive(Debug, Clone)]
enum Waits {
    Open(PipeHandle, Wanted),
    Read(EndId),
    Write(PipeHandle, u32),
    Flush,
}

/// What all threads share.
pub(crate) struct Arena {
    engine: Engine,
    capacity_bytes: u64,
    /// Every pipe that there ever was; the last of each name is the one that has it.
    pipes: Mutex<[Vec<PipeHandle>; NAMES]>,
    /// One for each handle, so that an end which was re-opened is here twice.
    ends: Mutex<Vec<(EndId, PipeHandle)>>,
    /// Which pipe each open was for, and who opened.
    opens: Mutex<HashMap<Ticket, (PipeHandle, u32)>>,
    /// Who opened each end first.
    users: Mutex<HashMap<EndId, u32>>,
    user_memory_bytes: Option<u64>,
    last_ticket: AtomicU64,
    waits: Mutex<HashMap<Ticket, Waits>>,
    answers: Mutex<HashMap<Ticket, Answer>>,
    armed: Mutex<HashMap<PollKey, (EndId, Ready)>>,
    woken: Mutex<HashSet<PollKey>>,
    written_bytes: AtomicU64,
    read_bytes: AtomicU64,
}

impl Arena {
    pub(crate) fn new(settings: Settings, bounds: Bounds) -> Self {
        let arena = Self {
            engine: Engine::new(settings, bounds, attributes()),
            capacity_bytes: settings.capacity_bytes,
            pipes: Mutex::default(),
            ends: Mutex::default(),
            opens: Mutex::default(),
            users: Mutex::default(),
            user_memory_bytes: bounds.user_memory_bytes,
            last_ticket: AtomicU64::new(0),
            waits: Mutex::default(),
            answers: Mutex::default(),
            armed: Mutex::default(),
            woken: Mutex::default(),
            written_bytes: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
        };
        (0..NAMES).for_each(|name| arena.create(name));
        arena
    }

    fn create(&self, name: usize) {
        let mode = (name >= NAMES / 2).then_some(Mode::Shared);
        let mut pipes = self.pipes.lock();
        // Another thread may have been faster.
        if let Ok(pipe) = self.engine.create(ROOT, &[b'0' + name as u8], attributes(), mode) {
            pipes[name].push(pipe);
        }
    }

    fn ticket(&self) -> Ticket {
        Ticket(self.last_ticket.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// One random operation.
    pub(crate) fn step(&self, random: &mut Random) {
        let mut effects = Effects::default();
        match random.below(100) {
            0..20 => self.open(random, &mut effects),
            20..45 => self.read(random, &mut effects),
            45..70 => self.write(random, &mut effects),
            70..75 => self.flush(random, &mut effects),
            75..83 => self.poll(random, &mut effects),
            83..92 => {
                let near = self.last_ticket.load(Ordering::Relaxed) + 3;
                let ticket = Ticket(near.saturating_sub(random.below(40) as u64));
                self.engine.cancel(ticket, &mut effects);
            }
            92..98 => self.close(random, &mut effects),
            98 => self.engine.expire(Now::read().monotonic, &mut effects),
            _ => {
                let (name, to) = (random.below(NAMES), random.below(NAMES));
                let (text, to) = ([b'0' + name as u8], [b'0' + to as u8]);
                let _ = match random.chance(50) {
                    true => self.engine.unlink(ROOT, &text, Now::read(), &mut effects),
                    false => {
                        let how = random.pick(&[Rename::Replace, Rename::Exchange]);
                        let (from, to) = ((ROOT, &text[..]), (ROOT, &to[..]));
                        self.engine.rename(from, to, how, Now::read(), &mut effects)
                    }
                };
                self.create(name);
            }
        }
        self.deliver(effects);
    }

    fn deliver(&self, effects: Effects) {
        self.woken.lock().extend(effects.wakes);
        for (ticket, answer) in effects.answers {
            match &answer {
                Answer::Opened(end) => {
                    let (pipe, uid) = self.opens.lock()[&ticket].clone();
                    self.note_open(*end, pipe, uid);
                }
                Answer::Read(data) => self.count_read(data),
                Answer::Written(bytes) => self.count_written(*bytes),
                Answer::Connected | Answer::Transacted(_) | Answer::Listening => {}
                Answer::Flushed | Answer::Sent | Answer::Failed(_) => {}
            }
            let before = self.answers.lock().insert(ticket, answer);
            assert_eq!(before, None, "{ticket:?} is answered twice");
        }
    }

    fn note_open(&self, end: EndId, pipe: PipeHandle, uid: u32) {
        self.users.lock().entry(end).or_insert(uid);
        self.ends.lock().push((end, pipe));
    }

    fn count_read(&self, data: &Data) {
        self.read_bytes.fetch_add(data.byte_len() as u64, Ordering::Relaxed);
    }

    fn count_written(&self, bytes: u32) {
        self.written_bytes.fetch_add(bytes.into(), Ordering::Relaxed);
    }

    fn random_pipe(&self, random: &mut Random) -> PipeHandle {
        let pipes = self.pipes.lock();
        pipes[random.below(NAMES)].last().expect("each name had one").clone()
    }

    fn random_end(&self, random: &mut Random) -> Option<(EndId, PipeHandle)> {
        let ends = self.ends.lock();
        (!ends.is_empty()).then(|| ends[random.below(ends.len())].clone())
    }

    fn open(&self, random: &mut Random, effects: &mut Effects) {
        if self.ends.lock().len() > 40 {
            return self.close(random, effects);
        }
        let (pipe, ticket) = (self.random_pipe(random), self.ticket());
        let wanted = random.weighted(&[
            (4, Wanted::READ),
            (4, Wanted::WRITE),
            (1, Wanted::BOTH),
            (1, Wanted::SERVE_BOTH),
        ]);
        let patience = match wanted.read {
            true => random.pick(&[Patience::Wait, Patience::NonBlocking, Patience::Created]),
            // A pending writer waits for a server: that could not be told from a full lane.
            false => Patience::Wait,
        };
        let reopens = self.random_end(random).map(|(end, _)| end).filter(|_| random.chance(10));
        let uid = random.below(USERS) as u32;
        let open = Open { wanted, who: Who { uid, ..Who::default() }, patience, reopens };
        self.opens.lock().insert(ticket, (pipe.clone(), uid));
        match self.engine.open(&pipe, open, ticket, Now::read(), effects) {
            Ok(Progress::Done(end)) => self.note_open(end, pipe, uid),
            Ok(Progress::Waiting) => self.note(ticket, Waits::Open(pipe, wanted)),
            Err(_) => {}
        }
    }

    fn note(&self, ticket: Ticket, waits: Waits) {
        self.waits.lock().insert(ticket, waits);
    }

    fn read(&self, random: &mut Random, effects: &mut Effects) {
        let Some((end, _)) = self.random_end(random) else { return };
        let (ticket, max_bytes) = (self.ticket(), 1 + random.below(200));
        let blocking = random.pick(&[Blocking::Yes, Blocking::No, Blocking::Continuation]);
        match self.engine.read(end, max_bytes, blocking, ticket, Now::read(), effects) {
            Ok(Progress::Done(data)) => self.count_read(&data),
            Ok(Progress::Waiting) => self.note(ticket, Waits::Read(end)),
            Err(_) => {}
        }
    }

    fn write(&self, random: &mut Random, effects: &mut Effects) {
        let Some((end, pipe)) = self.random_end(random) else { return };
        let (ticket, data) = (self.ticket(), Bytes::from(vec![7; 1 + random.below(100)]));
        let blocking = random.pick(&[Blocking::Yes, Blocking::Yes, Blocking::No]);
        match self.engine.write(end, data, blocking, ticket, Now::read(), effects) {
            Ok(Progress::Done(bytes)) => self.count_written(bytes),
            Ok(Progress::Waiting) => {
                let uid = self.users.lock()[&end];
                self.note(ticket, Waits::Write(pipe, uid));
            }
            Err(_) => {}
        }
    }

    fn flush(&self, random: &mut Random, effects: &mut Effects) {
        let Some((end, _)) = self.random_end(random) else { return };
        let ticket = self.ticket();
        if self.engine.flush(end, ticket, effects) == Ok(Progress::Waiting) {
            self.note(ticket, Waits::Flush);
        }
    }

    fn poll(&self, random: &mut Random, effects: &mut Effects) {
        let Some((end, _)) = self.random_end(random) else { return };
        let key = PollKey(self.ticket().0);
        if let Ok(ready) = self.engine.poll(end, Some(key), effects) {
            self.armed.lock().insert(key, (end, ready));
        }
    }

    fn close(&self, random: &mut Random, effects: &mut Effects) {
        let end = {
            let mut ends = self.ends.lock();
            if ends.is_empty() {
                return;
            }
            let at = random.below(ends.len());
            ends.swap_remove(at)
        };
        assert_eq!(
            self.engine.close(end.0, Now::read(), effects),
            Ok(()),
            "each handle is closed once"
        );
    }

    /// Operations that wait now.
    fn waiting(&self) -> Vec<(Ticket, Waits)> {
        let answers = self.answers.lock();
        let waits = self.waits.lock();
        let open = waits.iter().filter(|(ticket, _)| !answers.contains_key(ticket));
        open.map(|(ticket, waits)| (*ticket, waits.clone())).collect()
    }

    /// All threads have stopped: nothing may wait that could go on, and nobody may sleep who
    /// should have been woken.
    pub(crate) fn check_rest(&self) {
        let waiting = self.waiting();
        assert_eq!(self.engine.waiting_count(), waiting.len());
        let answers = self.answers.lock();
        let waits = self.waits.lock();
        assert!(
            answers.keys().all(|ticket| waits.contains_key(ticket)),
            "answered but not waiting"
        );
        let memory = self.engine.memory();
        let users = self.engine.users();
        let held: u64 = users.iter().map(|(_, bytes)| bytes).sum();
        assert_eq!(held, self.user_memory_bytes.map_or(0, |_| memory.used_bytes));
        let has_memory = |uid: u32| {
            let own = users.iter().find(|(user, _)| *user == uid).map_or(0, |(_, bytes)| *bytes);
            let limit = self.user_memory_bytes.unwrap_or(u64::MAX);
            memory.used_bytes < memory.limit_bytes && own < limit
        };
        let instances = |pipe: &PipeHandle| self.engine.pipe_state(pipe).instances;
        let ready = |end| self.engine.poll(end, None, &mut Effects::default());
        for (ticket, waits) in waiting {
            match waits {
                Waits::Read(end) => {
                    let ready = ready(end).expect("it is open");
                    assert!(!ready.readable, "{ticket:?} waits to read: {ready:?}");
                }
                Waits::Write(pipe, uid) if has_memory(uid) => {
                    let full = |(_, bytes): &(State, u64)| *bytes >= self.capacity_bytes;
                    assert!(instances(&pipe).iter().any(full), "{ticket:?} waits to write");
                }
                Waits::Open(pipe, Wanted::READ) => {
                    let listens = |(state, _): &(State, u64)| state.is_listening();
                    assert!(!instances(&pipe).iter().any(listens), "{ticket:?} waits to open");
                }
                Waits::Write(..) | Waits::Open(..) | Waits::Flush => {}
            }
        }
        for (key, (end, before)) in self.armed.lock().iter() {
            let Ok(now) = ready(*end) else { continue };
            let slept = !self.woken.lock().contains(key);
            let gained = now | *before != *before;
            assert!(!(slept && gained), "{key:?} of {end:?}: {before:?} became {now:?}");
        }
    }

    /// Everything is closed and removed: nothing may be left, and every byte is accounted for.
    /// Tells how many were read, and discarded.
    pub(crate) fn check_end(&self, random: &mut Random) -> (u64, u64) {
        while !self.ends.lock().is_empty() {
            let mut effects = Effects::default();
            self.close(random, &mut effects);
            self.deliver(effects);
        }
        for name in 0..NAMES {
            let mut effects = Effects::default();
            let text = [b'0' + name as u8];
            // The name may have gone by itself.
            let _ = self.engine.unlink(ROOT, &text, Now::read(), &mut effects);
            self.deliver(effects);
        }
        assert_eq!(self.waiting().len(), 0, "{:?}", self.waiting());
        let left = (self.engine.waiting_count(), self.engine.end_count());
        assert_eq!((left, self.engine.memory().used_bytes), ((0, 0), 0));
        assert_eq!((self.engine.users(), self.engine.summary().instances), (Vec::new(), 0));
        let (mut written, mut read, mut discarded) = (0, 0, 0);
        for pipe in self.pipes.lock().iter().flatten() {
            let traffic = self.engine.pipe_state(pipe).traffic;
            written += traffic.written_bytes;
            read += traffic.read_bytes;
            discarded += traffic.discarded_bytes;
        }
        assert_eq!(written, self.written_bytes.load(Ordering::Relaxed));
        assert_eq!(read, self.read_bytes.load(Ordering::Relaxed));
        assert_eq!(written, read + discarded);
        (read, discarded)
    }
}
