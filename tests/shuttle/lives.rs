//! A ticket's life: one operation that waits, and what can end it, all at the same moment.
//!
//! Each schedule takes one kind of operation and up to three things that happen meanwhile. When
//! all is done the ticket has one answer, which one of them gives, or still waits and nothing that
//! happened would have ended it; then a cancel does.

mod kinds;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipefs::settings::{Access, PipeType};
use pipefs::{
    Answer, Attributes, Blocking, Bounds, Effects, EndId, Engine, Error, Now, Open, Patience,
    PipeHandle, Progress, ROOT, Rename, Result, Settings, Ticket, Wait, Wanted, Who,
};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use self::kinds::{
    Cancel, CloseOwn, ClosePeer, Completes, Disconnect, EVENTS, Event, Expire, Kind, RenameAway,
    RenameOver, ShutDown, Unlink,
};
use crate::explore::explore;
use crate::world::attributes;

/// Bytes that fill a lane.
const FULL: &[u8] = b"full";

/// The engine, and who has been answered.
struct Stage {
    engine: Engine,
    kind: Kind,
    pipe: PipeHandle,
    own: Option<EndId>,
    peer: Option<EndId>,
    start: Instant,
    answers: Mutex<HashMap<Ticket, Answer>>,
    waits: Mutex<HashSet<Ticket>>,
}

/// The operation's ticket; those of other operations come after it.
const TICKET: Ticket = Ticket(2);

impl Stage {
    fn new(kind: Kind) -> Self {
        let pipe_type = match kind {
            Kind::Transact => PipeType::Message,
            _ => PipeType::Byte,
        };
        let settings = Settings {
            access: Access::Duplex,
            capacity_bytes: FULL.len() as u64,
            wait_timeout: Some(Duration::from_secs(1)),
            pipe_type,
            ..Settings::default()
        };
        let engine = Engine::new(settings, Bounds::memory(1 << 20), attributes());
        let create = |name: &[u8], attributes: Attributes| {
            engine.create(ROOT, name, attributes, None).expect("a new name")
        };
        let pipe = create(b"p", attributes());
        create(b"other", attributes());
        let mut stage = Self {
            engine,
            kind,
            pipe,
            own: None,
            peer: None,
            start: Instant::now(),
            answers: Mutex::default(),
            waits: Mutex::default(),
        };
        stage.set_up();
        stage
    }

    fn set_up(&mut self) {
        match self.kind {
            Kind::Open | Kind::Watch => {}
            Kind::PendingRead => self.own = Some(self.opens(Wanted::READ, Patience::NonBlocking)),
            Kind::Connect => self.own = Some(self.opens(Wanted::SERVE_BOTH, Patience::Wait)),
            Kind::Read | Kind::Transact => {
                self.peer = Some(self.opens(Wanted::SERVE_BOTH, Patience::Wait));
                self.own = Some(self.opens(Wanted::CONNECT_BOTH, Patience::Wait));
            }
            Kind::Write | Kind::Flush | Kind::FlushAtClose => {
                let own = self.opens(Wanted::SERVE_BOTH, Patience::Wait);
                self.peer = Some(self.opens(Wanted::CONNECT_BOTH, Patience::Wait));
                self.own = Some(own);
                let mut effects = Effects::default();
                let full = Bytes::from_static(FULL);
                let (yes, now) = (Blocking::Yes, self.now());
                let written = self.engine.write(own, full, yes, Ticket(1), now, &mut effects);
                assert_eq!(written, Ok(Progress::Done(4)));
            }
        }
        if self.kind == Kind::Transact {
            let (own, mode) = (self.own.expect("it is open"), pipefs::ReadMode::Message);
            self.engine.set_read_mode(own, mode).expect("a message pipe");
        }
    }

    fn now(&self) -> Now {
        Now { monotonic: self.start, wall: std::time::SystemTime::UNIX_EPOCH }
    }

    fn opens(&self, wanted: Wanted, patience: Patience) -> EndId {
        let open = Open { wanted, who: Who::default(), patience, reopens: None };
        let mut effects = Effects::default();
        match self.engine.open(&self.pipe, open, Ticket(1), self.now(), &mut effects) {
            Ok(Progress::Done(end)) => end,
            other => panic!("the open gives {other:?}"),
        }
    }

    /// Notes what an operation came to at once.
    fn note<T>(
        &self,
        ticket: Ticket,
        result: Result<Progress<T>>,
        answer: impl FnOnce(T) -> Answer,
    ) {
        let answer = match result {
            Ok(Progress::Waiting) => {
                self.waits.lock().expect("no panic").insert(ticket);
                return;
            }
            Ok(Progress::Done(value)) => answer(value),
            Err(error) => Answer::Failed(error),
        };
        self.answered(ticket, answer);
    }

    fn answered(&self, ticket: Ticket, answer: Answer) {
        let text = format!("{answer:?}");
        let before = self.answers.lock().expect("no panic").insert(ticket, answer);
        assert_eq!(before, None, "{ticket:?} is answered twice, with {text}");
    }

    fn deliver(&self, effects: Effects) {
        effects.answers.into_iter().for_each(|(ticket, answer)| self.answered(ticket, answer));
    }

    fn open(&self, wanted: Wanted, ticket: Ticket, effects: &mut Effects) {
        let patience = Patience::Wait;
        let open = Open { wanted, who: Who::default(), patience, reopens: None };
        let result = self.engine.open(&self.pipe, open, ticket, self.now(), effects);
        self.note(ticket, result, Answer::Opened);
    }

    fn read(&self, end: EndId, ticket: Ticket, effects: &mut Effects) {
        let result = self.engine.read(end, 100, Blocking::Yes, ticket, self.now(), effects);
        self.note(ticket, result, Answer::Read);
    }

    fn write(&self, end: EndId, ticket: Ticket, effects: &mut Effects) {
        let (data, yes) = (Bytes::from_static(b"data"), Blocking::Yes);
        let result = self.engine.write(end, data, yes, ticket, self.now(), effects);
        self.note(ticket, result, Answer::Written);
    }

    /// Begins the operation.
    fn operate(&self, effects: &mut Effects) {
        let (engine, now, ticket) = (&self.engine, self.now(), TICKET);
        let own = || self.own.expect("it is open");
        let wait = Wait::Until(self.start + Duration::from_secs(1));
        match self.kind {
            Kind::Open => self.open(Wanted::CONNECT_BOTH, ticket, effects),
            Kind::Read | Kind::PendingRead => self.read(own(), ticket, effects),
            Kind::Write => self.write(own(), ticket, effects),
            Kind::Flush => {
                self.note(ticket, engine.flush(own(), ticket, effects), |()| Answer::Flushed);
            }
            Kind::FlushAtClose => {
                let result = engine.flush_at_close(own(), Blocking::Yes, ticket, now, effects);
                self.note(ticket, result, |()| Answer::Flushed);
            }
            Kind::Connect => {
                let result = engine.connect(own(), wait, ticket, effects);
                self.note(ticket, result, |_| Answer::Connected);
            }
            Kind::Transact => {
                let request = Bytes::from_static(b"ask");
                let result = engine.transact(own(), request, 100, wait, ticket, now, effects);
                self.note(ticket, result, Answer::Transacted);
            }
            Kind::Watch => {
                let result = engine.wait(&self.pipe, wait, ticket, effects);
                self.note(ticket, result, |()| Answer::Listening);
            }
        }
    }

    /// What the operation waits for happens.
    fn complete(&self, effects: &mut Effects) {
        let ticket = Ticket(3);
        match self.kind {
            Kind::Open | Kind::Watch => self.open(Wanted::SERVE_BOTH, ticket, effects),
            Kind::PendingRead => {
                self.open(Wanted::SERVE_BOTH, ticket, effects);
                let server = match self.answers.lock().expect("no panic").get(&ticket) {
                    Some(Answer::Opened(end)) => *end,
                    _ => return,
                };
                self.write(server, Ticket(4), effects);
            }
            Kind::Connect => self.open(Wanted::CONNECT_BOTH, ticket, effects),
            Kind::Read | Kind::Transact => {
                self.write(self.peer.expect("it is open"), ticket, effects);
            }
            Kind::Write | Kind::Flush | Kind::FlushAtClose => {
                self.read(self.peer.expect("it is open"), ticket, effects);
            }
        }
    }

    fn happen(&self, event: Event, effects: &mut Effects) {
        let (engine, now) = (&self.engine, self.now());
        let close = |end: Option<EndId>, effects: &mut Effects| {
            if let Some(end) = end {
                engine.close(end, now, effects).expect("nobody else closes it");
            }
        };
        match event {
            Completes => self.complete(effects),
            Cancel => engine.cancel(TICKET, effects),
            Expire => engine.expire(self.start + Duration::from_secs(2), effects),
            ShutDown => engine.shut_down(effects),
            CloseOwn => close(self.own, effects),
            ClosePeer => close(self.peer, effects),
            Disconnect => {
                let server = match self.kind {
                    Kind::Read | Kind::Transact => self.peer,
                    _ => self.own,
                };
                if let Some(end) = server {
                    let _ = engine.disconnect(end, effects);
                }
            }
            // The name may have become another pipe's.
            Unlink => {
                let _ = engine.unlink(ROOT, b"p", now, effects);
            }
            RenameAway => {
                let (from, to) = ((ROOT, &b"p"[..]), (ROOT, &b"away"[..]));
                let _ = engine.rename(from, to, Rename::Replace, now, effects);
            }
            RenameOver => {
                let (from, to) = ((ROOT, &b"other"[..]), (ROOT, &b"p"[..]));
                let _ = engine.rename(from, to, Rename::Replace, now, effects);
            }
        }
    }

    /// Everything has happened.
    fn check(&self, events: &HashSet<Event>, was_parked: bool) {
        let kind = self.kind;
        let answer = self.answers.lock().expect("no panic").remove(&TICKET);
        // A name that went elsewhere is not this pipe's any more.
        let is_moved = events.contains(&RenameAway) || events.contains(&RenameOver);
        let ends = |event: &&Event| {
            kind.is_ended_by(**event, was_parked, events) && !(is_moved && **event == Unlink)
        };
        match &answer {
            Some(answer) => {
                assert!(kind.may_end(answer, events), "{kind:?} came to {answer:?} by {events:?}");
            }
            None => {
                let end = events.iter().find(ends);
                assert_eq!(end, None, "{kind:?} waits on, through {events:?}");
                assert!(self.waits.lock().expect("no panic").contains(&TICKET));
            }
        }
        let others = self.waits.lock().expect("no panic").clone();
        let answers = std::mem::take(&mut *self.answers.lock().expect("no panic"));
        let others = others.iter().filter(|other| **other != TICKET);
        let waiting = others.filter(|other| !answers.contains_key(other)).count();
        let expected = waiting + usize::from(answer.is_none());
        assert_eq!(self.engine.waiting_count(), expected, "{kind:?}, {events:?}");
        let has_deadline = self.engine.next_deadline().is_some();
        let needs_one = answer.is_none() && kind.has_deadline();
        assert!(has_deadline || !needs_one, "{kind:?}, {events:?}: it never expires");
        assert!(!has_deadline || expected > 0, "{kind:?}, {events:?}: a deadline of nobody");
        if answer.is_none() {
            let mut effects = Effects::default();
            self.engine.cancel(TICKET, &mut effects);
            let interrupted = (TICKET, Answer::Failed(Error::Interrupted));
            assert_eq!(effects.answers, [interrupted], "{kind:?}, {events:?}");
        }
    }
}

/// One life.
fn live(kinds: &[Kind]) {
    let mut random = thread_rng();
    let stage = Arc::new(Stage::new(kinds[random.gen_range(0..kinds.len())]));
    let events: HashSet<Event> =
        (0..3).map(|_| EVENTS[random.gen_range(0..EVENTS.len())]).collect();
    let was_parked = random.gen_bool(0.5);
    let act = move |stage: &Stage, action: &dyn Fn(&Stage, &mut Effects)| {
        let mut effects = Effects::default();
        action(stage, &mut effects);
        stage.deliver(effects);
    };
    let mut threads = Vec::new();
    if was_parked {
        act(&stage, &Stage::operate);
    } else {
        let stage = stage.clone();
        threads.push(thread::spawn(move || act(&stage, &Stage::operate)));
    }
    // A set's order differs from run to run, and the schedule must not.
    for event in EVENTS.into_iter().filter(|event| events.contains(event)) {
        let stage = stage.clone();
        threads.push(thread::spawn(move || {
            act(&stage, &|stage, effects| stage.happen(event, effects));
        }));
    }
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    stage.check(&events, was_parked);
    // Other operations may still wait.
    let mut effects = Effects::default();
    stage.engine.shut_down(&mut effects);
    stage.deliver(effects);
    assert_eq!(stage.engine.waiting_count(), 0);
}

#[test]
fn every_ticket_is_answered_once() {
    explore("lives of tickets", 15_000, || live(&Kind::ALL));
}
