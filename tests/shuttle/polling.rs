//! Somebody polls to write where the mount, or the user, has no memory. It comes and goes, and a
//! reader begins to wait, who needs none: the poller hears of it, whatever the order.

use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use pipefs::{
    Blocking, Bounds, Effects, EndId, Engine, Now, Open, Patience, PollKey, Progress, ROOT,
    Settings, Ticket, Wanted, Who,
};
use shuttle::thread;

use crate::explore::explore;
use crate::world::attributes;

const KEY: PollKey = PollKey(7);

/// As much as the mount may hold.
const ALL: &[u8] = b"full";

struct Stage {
    engine: Engine,
    now: Now,
    woken: Mutex<bool>,
}

impl Stage {
    fn open(&self, name: &[u8]) -> (EndId, EndId) {
        let pipe = self.engine.create(ROOT, name, attributes(), None).expect("a new name");
        let [server, client] = [Wanted::WRITE, Wanted::READ].map(|wanted| {
            let patience = Patience::Wait;
            let open = Open { wanted, who: Who::default(), patience, reopens: None };
            let mut effects = Effects::default();
            match self.engine.open(&pipe, open, Ticket(1), self.now, &mut effects) {
                Ok(Progress::Done(end)) => end,
                other => panic!("the open gives {other:?}"),
            }
        });
        (server, client)
    }

    fn deliver(&self, effects: &Effects) {
        *self.woken.lock().expect("no panic") |= effects.wakes.contains(&KEY);
    }

    fn write(&self, end: EndId, ticket: u64) {
        let mut effects = Effects::default();
        let (data, yes, ticket) = (Bytes::from_static(ALL), Blocking::Yes, Ticket(ticket));
        let _ = self.engine.write(end, data, yes, ticket, self.now, &mut effects);
        self.deliver(&effects);
    }

    fn read(&self, end: EndId, ticket: u64) {
        let mut effects = Effects::default();
        let (yes, ticket) = (Blocking::Yes, Ticket(ticket));
        let _ = self.engine.read(end, 100, yes, ticket, self.now, &mut effects);
        self.deliver(&effects);
    }
}

fn poll(bounds: Bounds) {
    let settings = Settings::default();
    let engine = Engine::new(settings, bounds, attributes());
    let now = Now { monotonic: Instant::now(), wall: SystemTime::UNIX_EPOCH };
    let stage = Arc::new(Stage { engine, now, woken: Mutex::default() });
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
