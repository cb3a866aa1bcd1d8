//! Somebody polls to write where the mount, or the user, has no memory. It comes and goes, and a
//! reader begins to wait, who needs none: the poller hears of it, whatever the order.

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use pipefs::settings::Mode;
use pipefs::{
    Blocking, Bounds, Effects, EndId, Engine, Now, Open, Patience, PipeHandle, PollKey, Progress,
    ROOT, Settings, Ticket, Wanted, Who,
};
use shuttle::thread;

use crate::explore::explore;
use crate::world::attributes;

const KEY: PollKey = PollKey(7);

/// As much as the mount may hold.
const ALL: &[u8] = b"full";

/// One who waits for own memory, and two who have some.
const STARVED: u32 = 1;
const OTHERS: [u32; 2] = [2, 3];

struct Stage {
    engine: Engine,
    now: Now,
    woken: Mutex<bool>,
    answered: Mutex<Vec<Ticket>>,
}

impl Stage {
    fn new(bounds: Bounds) -> Arc<Self> {
        let engine = Engine::new(Settings::default(), bounds, attributes());
        let now = Now { monotonic: Instant::now(), wall: SystemTime::UNIX_EPOCH };
        Arc::new(Self { engine, now, woken: Mutex::default(), answered: Mutex::default() })
    }

    fn open(&self, name: &[u8]) -> (EndId, EndId) {
        let pipe = self.engine.create(ROOT, name, attributes(), None).expect("a new name");
        let [server, client] =
            [Wanted::WRITE, Wanted::READ].map(|wanted| self.end(&pipe, wanted, 0));
        (server, client)
    }

    fn end(&self, pipe: &PipeHandle, wanted: Wanted, uid: u32) -> EndId {
        let who = Who { uid, ..Who::default() };
        let open = Open { wanted, who, patience: Patience::Wait, reopens: None };
        let mut effects = Effects::default();
        match self.engine.open(pipe, open, Ticket(1), self.now, &mut effects) {
            Ok(Progress::Done(end)) => end,
            other => panic!("the open gives {other:?}"),
        }
    }

    fn deliver(&self, effects: &Effects) {
        *self.woken.lock().expect("no panic") |= effects.wakes.contains(&KEY);
        let answers = effects.answers.iter().map(|(ticket, _)| *ticket);
        self.answered.lock().expect("no panic").extend(answers);
    }

    fn write(&self, end: EndId, ticket: u64) {
        let mut effects = Effects::default();
        let (data, yes, ticket) = (Bytes::from_static(ALL), Blocking::Yes, Ticket(ticket));
        let progress = self.engine.write(end, data, yes, ticket, self.now, &mut effects);
        self.deliver(&effects);
        if matches!(progress, Ok(Progress::Done(_))) {
            self.answered.lock().expect("no panic").push(ticket);
        }
    }

    fn read(&self, end: EndId, ticket: u64) {
        let mut effects = Effects::default();
        let (yes, ticket) = (Blocking::Yes, Ticket(ticket));
        let _ = self.engine.read(end, 100, yes, ticket, self.now, &mut effects);
        self.deliver(&effects);
    }
}

fn poll(bounds: Bounds) {
    let stage = Stage::new(bounds);
    let (hoard, hoarder) = stage.open(b"hoard");
    let (other, _) = stage.open(b"other");
    let (server, client) = stage.open(b"p");
    stage.write(hoard, 2);
    let mut effects = Effects::default();
    let ready = stage.engine.poll(server, Some(KEY), &mut effects).expect("it is open");
    assert!(!ready.writable, "there is no memory");
    let act = |action: fn(&Stage, EndId, u64), end, ticket| {
        let stage = stage.clone();
        thread::spawn(move || action(&stage, end, ticket))
    };
    let threads =
        [act(Stage::read, hoarder, 3), act(Stage::write, other, 4), act(Stage::read, client, 5)];
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    let ready = stage.engine.poll(server, None, &mut effects).expect("it is open");
    let is_woken = *stage.woken.lock().expect("no panic");
    assert!(ready.writable, "a reader waits");
    assert!(is_woken, "the poller sleeps on");
    stage.engine.shut_down(&mut effects);
}

#[test]
fn a_poller_hears_of_a_reader_while_memory_comes_and_goes() {
    explore("polling", 2000, || poll(Bounds::memory(ALL.len() as u64)));
}

#[test]
fn a_poller_hears_of_a_reader_while_its_users_memory_comes_and_goes() {
    let user_memory_bytes = Some(ALL.len() as u64);
    let bounds = Bounds { user_memory_bytes, ..Bounds::memory(1 << 20) };
    explore("polling, memory of a user", 2000, move || poll(bounds));
}

/// One user's write waits in a pipe for memory, which comes and goes elsewhere. Another user, who
/// has some, writes to the pipe, or polls to: nothing holds that up.
fn pass() {
    let user_memory_bytes = Some(ALL.len() as u64);
    let stage = Stage::new(Bounds { user_memory_bytes, ..Bounds::memory(1 << 20) });
    let pipe = |name: &[u8]| {
        stage.engine.create(ROOT, name, attributes(), Some(Mode::Shared)).expect("a new name")
    };
    let [hoard, elsewhere, shared] = [pipe(b"hoard"), pipe(b"elsewhere"), pipe(b"shared")];
    let starved = [&hoard, &elsewhere, &shared].map(|p| stage.end(p, Wanted::WRITE, STARVED));
    let [writer, poller] = OTHERS.map(|uid| stage.end(&shared, Wanted::WRITE, uid));
    let hoarder = stage.end(&hoard, Wanted::READ, 0);
    stage.write(starved[0], 2);
    stage.write(starved[2], 3);
    assert_eq!(*stage.answered.lock().expect("no panic"), [Ticket(2)], "the other one waits");
    let act = |action: fn(&Stage, EndId, u64), end, ticket| {
        let stage = stage.clone();
        thread::spawn(move || action(&stage, end, ticket))
    };
    let poll = |stage: &Stage, end, _| {
        let mut effects = Effects::default();
        let ready = stage.engine.poll(end, Some(KEY), &mut effects).expect("it is open");
        stage.deliver(&effects);
        *stage.woken.lock().expect("no panic") |= ready.writable;
    };
    let threads = [
        act(Stage::read, hoarder, 4),
        act(Stage::write, starved[1], 5),
        act(poll, poller, 6),
        act(Stage::write, writer, 7),
    ];
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    let mut effects = Effects::default();
    assert!(*stage.woken.lock().expect("no panic"), "the poller sleeps on");
    assert!(stage.answered.lock().expect("no panic").contains(&Ticket(7)), "the writer waits on");
    stage.engine.shut_down(&mut effects);
}

#[test]
fn who_waits_for_own_memory_holds_up_nobody_else_while_it_comes_and_goes() {
    explore("polling, beside a user without memory", 2000, pass);
}
