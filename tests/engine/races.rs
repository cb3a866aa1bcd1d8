//! Two threads at the same moment: whoever is first, what comes out is one of the results that an
//! order of the two would have.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use pipefs::{
    Answer, Blocking, Effects, EndId, Engine, Error, Now, Open, Patience, PipeHandle, PollKey,
    Progress, ROOT, Result, State, Ticket, Wanted, Who,
};

use super::stress::in_threads;
use super::world::World;

/// How often each race is run: enough for one that is lost once in a hundred times.
/// `PIPEFS_CASES`, if it asks for more than usual, asks for more rounds too.
pub(super) fn rounds() -> std::ops::Range<usize> {
    let cases = std::env::var("PIPEFS_CASES").ok().and_then(|cases| cases.parse().ok());
    0..(cases.unwrap_or(0) / 100).max(400)
}

pub(super) type Racer = Box<dyn Fn(&Engine, &mut Effects) + Send + Sync>;

/// Runs two operations at the same moment, one of them a little later in each round, and delivers
/// what came of them.
pub(super) fn race(round: usize, world: World, racers: [Racer; 2]) -> World {
    let started = AtomicUsize::new(0);
    let arena = Arc::new((world, Mutex::new(Vec::new())));
    let shared = arena.clone();
    in_threads(2, move |number| {
        started.fetch_add(1, Ordering::SeqCst);
        while started.load(Ordering::SeqCst) < 2 {
            thread::yield_now();
        }
        if number == round % 2 {
            (0..round % 64 * 4).for_each(|_| std::hint::spin_loop());
        }
        let mut effects = Effects::default();
        racers[number](&shared.0.engine, &mut effects);
        shared.1.lock().push(effects);
    });
    let (mut world, all) = Arc::into_inner(arena).expect("both threads are done");
    for effects in all.into_inner() {
        world.effects = effects;
        world.deliver();
    }
    world
}

/// Notes what an operation came to at once as its answer.
fn note<T>(
    effects: &mut Effects,
    ticket: Ticket,
    result: Result<Progress<T>>,
    answer: impl FnOnce(T) -> Answer,
) {
    match result {
        Ok(Progress::Waiting) => {}
        Ok(Progress::Done(value)) => effects.answers.push((ticket, answer(value))),
        Err(error) => effects.answers.push((ticket, Answer::Failed(error))),
    }
}

pub(super) fn opens(world: &mut World, pipe: &PipeHandle, wanted: Wanted) -> (Ticket, Racer) {
    let (ticket, now, pipe) = (world.ticket(), world.now(), pipe.clone());
    let open = Open { wanted, who: Who::default(), patience: Patience::Wait, reopens: None };
    let racer = move |engine: &Engine, effects: &mut Effects| {
        let result = engine.open(&pipe, open, ticket, now, effects);
        note(effects, ticket, result, Answer::Opened);
    };
    (ticket, Box::new(racer))
}

fn reads(world: &mut World, end: EndId) -> (Ticket, Racer) {
    let (ticket, now) = (world.ticket(), world.now());
    let racer = move |engine: &Engine, effects: &mut Effects| {
        let result = engine.read(end, 100, Blocking::Yes, ticket, now, effects);
        note(effects, ticket, result, Answer::Read);
    };
    (ticket, Box::new(racer))
}

fn writes(world: &mut World, end: EndId, data: &'static str) -> (Ticket, Racer) {
    let (ticket, now) = (world.ticket(), world.now());
    let racer = move |engine: &Engine, effects: &mut Effects| {
        let data = Bytes::from_static(data.as_bytes());
        let result = engine.write(end, data, Blocking::Yes, ticket, now, effects);
        note(effects, ticket, result, Answer::Written);
    };
    (ticket, Box::new(racer))
}

pub(super) fn closes(end: EndId) -> Racer {
    Box::new(move |engine, effects| engine.close(end, Now::read(), effects).expect("it is open"))
}

fn cancels(ticket: Ticket) -> Racer {
    Box::new(move |engine, effects| engine.cancel(ticket, effects))
}

/// A pipe with a server that writes and a client that reads.
fn connected(world: &mut World, name: &str) -> (PipeHandle, EndId, EndId) {
    let pipe = world.create(name);
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    (pipe, server, client)
}

/// A signal may come before, while and after its operation begins to wait.
///
/// SEMANTICS: wait-interrupt
#[test]
fn an_interrupt_always_ends_its_operation() {
    for round in rounds() {
        let mut world = World::new();
        let (_, _, client) = connected(&mut world, "p");
        let (read, racer) = reads(&mut world, client);
        let mut world = race(round, world, [racer, cancels(read)]);
        assert_eq!(world.failure(read), Error::Interrupted);
        assert_eq!(world.engine.waiting_count(), 0);
    }
}

/// Data arrives as the signal does: the read gets it, or it stays for the next read.
#[test]
fn an_interrupted_read_takes_nothing() {
    for round in rounds() {
        let mut world = World::new();
        let (pipe, server, client) = connected(&mut world, "p");
        let read = world.waits_to_read(client);
        let (write, racer) = writes(&mut world, server, "data");
        let mut world = race(round, world, [racer, cancels(read)]);
        assert_eq!(world.was_written(write), 4);
        match world.answer(read) {
            Some(Answer::Read(data)) => assert_eq!(data.to_vec(), b"data"),
            Some(Answer::Failed(Error::Interrupted)) => assert_eq!(world.reads(client), "data"),
            other => panic!("the read came to {other:?}"),
        }
        assert_eq!(world.buffered_bytes(&pipe), 0);
    }
}

/// Many operations begin to wait around the moment of the shut-down, each with the small chance
/// of falling between its two steps.
///
/// SEMANTICS: close-driver-stops
#[test]
fn nothing_slips_through_the_shut_down() {
    for round in rounds() {
        let mut world = World::new();
        let (_, _, client) = connected(&mut world, "p");
        let (tickets, racers): (Vec<_>, Vec<_>) =
            (0..50).map(|_| reads(&mut world, client)).unzip();
        let all: Racer =
            Box::new(move |engine, effects| racers.iter().for_each(|read| read(engine, effects)));
        let shut_down: Racer = Box::new(|engine, effects| engine.shut_down(effects));
        let mut world = race(round, world, [all, shut_down]);
        for read in tickets {
            assert_eq!(world.failure(read), Error::ShutDown);
        }
    }
}

/// SEMANTICS: close-unlink
#[test]
fn nobody_begins_to_wait_for_a_name_that_goes() {
    for round in rounds() {
        let mut world = World::new();
        let pipe = world.create("p");
        let (open, racer) = opens(&mut world, &pipe, Wanted::READ);
        let now = world.now();
        let unlink: Racer = Box::new(move |engine, effects| {
            engine.unlink(ROOT, b"p", now, effects).expect("it is there");
        });
        let mut world = race(round, world, [racer, unlink]);
        assert_eq!(world.failure(open), Error::NotFound);
        assert_eq!(world.engine.end_count(), 0);
    }
}

/// SEMANTICS: open-waits
#[test]
fn a_server_and_a_client_always_meet() {
    for round in rounds() {
        let mut world = World::new();
        let pipe = world.create("p");
        let (server, serve) = opens(&mut world, &pipe, Wanted::WRITE);
        let (client, connect) = opens(&mut world, &pipe, Wanted::READ);
        let mut world = race(round, world, [serve, connect]);
        let (server, client) = (world.opened(server), world.opened(client));
        world.writes(server, "hello");
        assert_eq!(world.reads(client), "hello");
    }
}

/// A server comes as the time runs out: the client has it, or it goes on listening.
///
/// SEMANTICS: open-wait-timeout
#[test]
fn a_client_that_is_late_takes_no_instance() {
    for round in rounds() {
        let mut world =
            World::with(|settings| settings.wait_timeout = Some(Duration::from_secs(1)));
        let pipe = world.create("p");
        let client = world.waits_to_open(&pipe, Wanted::READ);
        let late = world.now().monotonic + Duration::from_secs(2);
        let expire: Racer = Box::new(move |engine, effects| engine.expire(late, effects));
        let (_, serve) = opens(&mut world, &pipe, Wanted::WRITE);
        let mut world = race(round, world, [expire, serve]);
        let expected = match world.answer(client) {
            Some(Answer::Opened(_)) => State::Connected,
            Some(Answer::Failed(Error::TimedOut)) => State::Listening,
            other => panic!("the open came to {other:?}"),
        };
        assert_eq!(world.engine.pipe_state(&pipe).instances, [(expected, 0)]);
    }
}

/// SEMANTICS: close-drains
#[test]
fn a_read_sees_the_end_of_a_server_that_closes() {
    for round in rounds() {
        let mut world = World::new();
        let (_, server, client) = connected(&mut world, "p");
        let (read, racer) = reads(&mut world, client);
        let mut world = race(round, world, [racer, closes(server)]);
        assert_eq!(world.was_read(read), "");
    }
}

/// One thread reads from an end that another one closes.
#[test]
fn nothing_waits_at_an_end_that_is_closed() {
    for round in rounds() {
        let mut world = World::new();
        let (_, _, client) = connected(&mut world, "p");
        let (read, racer) = reads(&mut world, client);
        let mut world = race(round, world, [racer, closes(client)]);
        assert_eq!(world.failure(read), Error::BadHandle);
    }
}

/// Memory becomes free as a write begins to wait for it.
///
/// SEMANTICS: write-memory
#[test]
fn a_write_never_misses_that_memory_is_free() {
    for round in rounds() {
        let mut world = World::with_memory(4, |_| {});
        let (_, hoard, hoarder) = connected(&mut world, "hoard");
        let (_, server, _) = connected(&mut world, "p");
        world.writes(hoard, "full");
        let (write, racer) = writes(&mut world, server, "x");
        let (_, drain) = reads(&mut world, hoarder);
        let mut world = race(round, world, [racer, drain]);
        assert_eq!(world.was_written(write), 1);
    }
}

/// Memory becomes free as one write waits for it and another one comes.
///
/// SEMANTICS: wait-order
#[test]
fn a_write_does_not_overtake_one_that_waits_for_memory() {
    for round in rounds() {
        let mut world = World::with_memory(4, |_| {});
        let (_, hoard, hoarder) = connected(&mut world, "hoard");
        let (_, server, client) = connected(&mut world, "p");
        world.writes(hoard, "full");
        let first = world.waits_to_write(server, "1");
        let (second, racer) = writes(&mut world, server, "2");
        let (_, drain) = reads(&mut world, hoarder);
        let mut world = race(round, world, [racer, drain]);
        assert_eq!((world.was_written(first), world.was_written(second)), (1, 1));
        assert_eq!(world.reads(client), "12");
    }
}

/// What changes as somebody polls is either in what poll says or wakes.
///
/// SEMANTICS: poll-reader, poll-writer
#[test]
fn a_poller_never_misses_a_change() {
    for round in rounds() {
        let mut world = World::with_memory(4, |_| {});
        let (_, hoard, hoarder) = connected(&mut world, "hoard");
        let (_, server, _) = connected(&mut world, "p");
        let watches_reader = round % 4 < 2;
        let watched = if watches_reader { hoarder } else { server };
        let change = if watches_reader {
            writes(&mut world, hoard, "data").1
        } else {
            world.writes(hoard, "full");
            reads(&mut world, hoarder).1
        };
        let seen = Arc::new(Mutex::new(false));
        let saw = seen.clone();
        let poll: Racer = Box::new(move |engine, effects| {
            let key = Some(PollKey(watched.raw()));
            let ready = engine.poll(watched, key, effects).expect("it is open");
            *saw.lock() = ready.readable || ready.writable;
        });
        let mut world = race(round, world, [poll, change]);
        assert!(*seen.lock() || world.is_woken(watched));
    }
}
