//! Many threads on one engine.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use pipefs::settings::{Access, Mode};
use pipefs::{
    Answer, Blocking, Bounds, Effects, EndId, Engine, Error, Now, Open, Patience, PipeHandle,
    Progress, ROOT, Result, Settings, Ticket, Wanted, Who,
};

use super::arena::Arena;
use super::random::Random;
use super::world::attributes;

/// No test here takes longer, or something hangs.
const DEADLINE: Duration = Duration::from_secs(10);

/// Runs one function in many threads.
///
/// # Panics
/// If one panics, or is not done by the deadline: it is left behind then, it cannot be ended.
pub(crate) fn in_threads(count: usize, work: impl Fn(usize) + Send + Sync + 'static) {
    let (work, (done, all_done)) = (Arc::new(work), mpsc::channel());
    let start = Instant::now();
    for number in 0..count {
        let (work, done) = (work.clone(), done.clone());
        thread::spawn(move || {
            work(number);
            drop(work);
            done.send(()).expect("somebody waits");
        });
    }
    drop(done);
    for _ in 0..count {
        let left = DEADLINE.saturating_sub(start.elapsed());
        all_done.recv_timeout(left).expect("a thread hangs or has panicked");
    }
}

/// Every ticket is answered exactly once, nobody waits who could go on, nobody sleeps who should
/// have been woken, and every byte is read, discarded, or still there, whatever the threads do.
#[test]
fn random_operations_of_many_threads() {
    let accesses = [Access::Auto, Access::Duplex, Access::Outbound];
    for round in 0..24_u64 {
        let settings = Settings {
            access: accesses[round as usize % 3],
            capacity_bytes: 60,
            wait_timeout: Some(Duration::from_millis(1)).filter(|_| round % 2 == 0),
            max_instances: Some(3).filter(|_| round % 4 == 3),
            ..Settings::default()
        };
        let memory_bytes = if round % 2 == 0 { 200 } else { 1 << 20 };
        let user_memory_bytes = Some(100).filter(|_| round % 3 > 0);
        let bounds = Bounds { user_memory_bytes, ..Bounds::memory(memory_bytes) };
        let arena = Arc::new(Arena::new(settings, bounds));
        let shared = arena.clone();
        in_threads(4, move |thread| {
            let mut random = Random::new(round * 4 + thread as u64);
            for _ in 0..3000 {
                shared.step(&mut random);
            }
        });
        arena.check_rest();
        let (read, discarded) = arena.check_end(&mut Random::new(round));
        assert!(read > 0 && discarded > 0, "the threads have done something");
    }
}

/// A thousand writers, each with a pipe of its own, from four threads at once: the memory is
/// exceeded by no more than the requests that are under way, and nothing is left of it.
///
/// SEMANTICS: write-memory, user-memory
#[test]
fn a_thousand_writers_stay_within_the_memory() {
    const LIMIT: u64 = 64 << 20;
    const REQUEST: usize = 1 << 20;
    const THREADS: usize = 4;
    let of_user = Bounds { user_memory_bytes: Some(LIMIT), ..Bounds::memory(u64::MAX) };
    for bounds in [Bounds::memory(LIMIT), of_user] {
        let engine = Arc::new(Engine::new(Settings::default(), bounds, attributes()));
        let ends = Arc::new(Mutex::new(Vec::new()));
        let (shared, all) = (engine.clone(), ends.clone());
        in_threads(THREADS, move |thread| {
            let data = Bytes::from(vec![7; REQUEST]);
            let (now, mut effects) = (Now::read(), Effects::default());
            let mut waiting = 0;
            for number in 0..250 {
                let name = format!("{thread}-{number}");
                let pipe = shared.create(ROOT, name.as_bytes(), attributes(), None).unwrap();
                let ticket = Ticket((1000 * (thread + 1) + number) as u64);
                let (who, patience) = (Who::default(), Patience::Wait);
                let open = Open { wanted: Wanted::WRITE, who, patience, reopens: None };
                let opened = shared.open(&pipe, open, ticket, now, &mut effects);
                let Ok(Progress::Done(end)) = opened else { panic!("{opened:?}") };
                all.lock().push((name, end));
                let yes = Blocking::Yes;
                let written = shared.write(end, data.clone(), yes, ticket, now, &mut effects);
                waiting += usize::from(written == Ok(Progress::Waiting));
                let used = shared.memory().used_bytes;
                assert!(used <= LIMIT + (THREADS * REQUEST) as u64, "{used} bytes");
            }
            assert!(waiting > 0, "there is not enough for all");
        });
        let most = LIMIT as usize / REQUEST + THREADS;
        let held = engine.memory().used_bytes as usize / REQUEST;
        assert!((LIMIT as usize / REQUEST..=most).contains(&held), "{held} requests");
        assert_eq!(engine.waiting_count(), 1000 - held);
        // Everybody goes: servers, then what waits for clients.
        let (now, mut effects) = (Now::read(), Effects::default());
        for (name, end) in ends.lock().iter() {
            engine.close(*end, now, &mut effects).expect("it is open");
            engine.unlink(ROOT, name.as_bytes(), now, &mut effects).expect("it is there");
        }
        assert_eq!((engine.memory().used_bytes, engine.users()), (0, Vec::new()));
    }
}

/// An engine for threads that block until their operation is answered.
struct Office {
    engine: Engine,
    answers: Mutex<HashMap<Ticket, Answer>>,
    arrived: Condvar,
    last_ticket: AtomicU64,
    is_over: AtomicBool,
}

impl Office {
    fn deliver(&self, effects: Effects) {
        let mut answers = self.answers.lock();
        for (ticket, answer) in effects.answers {
            assert_eq!(answers.insert(ticket, answer), None, "{ticket:?} is answered twice");
        }
        self.arrived.notify_all();
    }

    /// Does an operation as a blocking system call would that is restarted after a signal.
    fn call<T>(
        &self,
        operation: impl Fn(Ticket, &mut Effects) -> Result<Progress<T>>,
        value: impl Fn(Answer) -> T,
    ) -> T {
        loop {
            let ticket = Ticket(self.last_ticket.fetch_add(1, Ordering::Relaxed));
            let mut effects = Effects::default();
            let progress = operation(ticket, &mut effects);
            self.deliver(effects);
            match progress {
                Ok(Progress::Done(value)) => return value,
                Err(Error::Interrupted) => continue,
                Err(error) => panic!("it fails: {error}"),
                Ok(Progress::Waiting) => {}
            }
            let mut answers = self.answers.lock();
            while !answers.contains_key(&ticket) {
                let timed_out = self.arrived.wait_for(&mut answers, DEADLINE).timed_out();
                assert!(!timed_out, "{ticket:?} is never answered");
            }
            match answers.remove(&ticket) {
                Some(Answer::Failed(Error::Interrupted)) | None => {}
                Some(answer) => return value(answer),
            }
        }
    }

    fn open(&self, pipe: &PipeHandle, wanted: Wanted) -> EndId {
        let open = Open { wanted, who: Who::default(), patience: Patience::Wait, reopens: None };
        self.call(
            |ticket, effects| self.engine.open(pipe, open, ticket, Now::read(), effects),
            |answer| match answer {
                Answer::Opened(end) => end,
                other => panic!("the open came to {other:?}"),
            },
        )
    }

    fn read(&self, end: EndId, max_bytes: usize) -> Vec<u8> {
        let (yes, now) = (Blocking::Yes, Now::read());
        let data = self.call(
            |ticket, effects| self.engine.read(end, max_bytes, yes, ticket, now, effects),
            |answer| match answer {
                Answer::Read(data) => data,
                other => panic!("the read came to {other:?}"),
            },
        );
        data.to_vec()
    }

    fn write(&self, end: EndId, data: &[u8]) {
        let (yes, now, data) = (Blocking::Yes, Now::read(), Bytes::copy_from_slice(data));
        let all = data.len() as u32;
        let written = self.call(
            |ticket, effects| self.engine.write(end, data.clone(), yes, ticket, now, effects),
            |answer| match answer {
                Answer::Written(bytes) => bytes,
                other => panic!("the write came to {other:?}"),
            },
        );
        assert_eq!(written, all);
    }

    fn close(&self, end: EndId) {
        let mut effects = Effects::default();
        self.engine.close(end, Now::read(), &mut effects).expect("it is open");
        self.deliver(effects);
    }
}

/// How many bytes go through each pipeline.
const BYTES: usize = 3000;

/// The bytes of a pipeline, in order.
fn byte(at: usize) -> u8 {
    (at % 251) as u8
}

/// Pipelines of three processes each, which together have far too little memory, while signals
/// arrive all the time: everything gets through, in order.
#[test]
fn pipelines_do_not_hang_for_want_of_memory() {
    const PIPELINES: usize = 3;
    let of_users = Bounds { user_memory_bytes: Some(8), ..Bounds::memory(1 << 20) };
    let all = [Mode::Instance, Mode::Shared];
    for (bounds, mode) in all.into_iter().flat_map(|m| [(Bounds::memory(8), m), (of_users, m)]) {
        let settings = Settings { capacity_bytes: 5, mode, ..Settings::default() };
        let office = Office {
            engine: Engine::new(settings, bounds, attributes()),
            answers: Mutex::default(),
            arrived: Condvar::new(),
            last_ticket: AtomicU64::new(1),
            is_over: AtomicBool::new(false),
        };
        let pipes: Vec<[PipeHandle; 2]> = (0..PIPELINES as u8)
            .map(|at| {
                [b'a', b'b'].map(|kind| {
                    let name = [kind, b'0' + at];
                    office.engine.create(ROOT, &name, attributes(), None).expect("a new name")
                })
            })
            .collect();
        let office = Arc::new(office);
        let shared = office.clone();
        in_threads(3 * PIPELINES + 1, move |number| match (number / 3, number % 3) {
            (PIPELINES, _) => interrupt(&shared),
            (at, part) => run_part(&shared, &pipes[at], part),
        });
        assert_eq!((office.engine.waiting_count(), office.engine.end_count()), (0, 0));
        assert_eq!(office.engine.memory().used_bytes, 0);
    }
}

/// One process of a pipeline: it makes the bytes, passes them on, or checks them.
fn run_part(office: &Office, pipes: &[PipeHandle; 2], part: usize) {
    let mut random = Random::new(part as u64);
    match part {
        0 => {
            let server = office.open(&pipes[0], Wanted::WRITE);
            let bytes: Vec<u8> = (0..BYTES).map(byte).collect();
            let mut left = &bytes[..];
            while !left.is_empty() {
                let (now, later) = left.split_at(left.len().min(1 + random.below(12)));
                office.write(server, now);
                left = later;
            }
            office.close(server);
        }
        1 => {
            let client = office.open(&pipes[0], Wanted::READ);
            let server = office.open(&pipes[1], Wanted::WRITE);
            loop {
                let data = office.read(client, 1 + random.below(12));
                if data.is_empty() {
                    break;
                }
                office.write(server, &data);
            }
            office.close(client);
            office.close(server);
        }
        _ => {
            let client = office.open(&pipes[1], Wanted::READ);
            let mut count = 0;
            loop {
                let data = office.read(client, 1 + random.below(3));
                if data.is_empty() {
                    break;
                }
                for got in data {
                    assert_eq!(got, byte(count));
                    count += 1;
                }
            }
            assert_eq!(count, BYTES);
            office.close(client);
            office.is_over.store(true, Ordering::Relaxed);
        }
    }
}

/// Signals for operations that wait, are done, or are still to come, until a pipeline is through.
fn interrupt(office: &Office) {
    let mut random = Random::new(9);
    while !office.is_over.load(Ordering::Relaxed) {
        let near = office.last_ticket.load(Ordering::Relaxed) + 2;
        let mut effects = Effects::default();
        let ticket = Ticket(near.saturating_sub(random.below(20) as u64));
        office.engine.cancel(ticket, &mut effects);
        office.deliver(effects);
        thread::yield_now();
    }
}
