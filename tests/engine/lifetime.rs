//! `lifetime=last-close`: a name goes with its last instance.

use std::time::Duration;

use pipefs::settings::{Lifetime, Linger, Mode};
use pipefs::{EndId, Error, Heir, Ino, Node, Patience, PipeHandle, ROOT, Rename, State, Wanted};

use super::races::{Racer, closes, opens, race, rounds};
use super::world::{World, attributes};

fn last_close() -> World {
    World::with(|settings| settings.lifetime = Lifetime::LastClose)
}

/// A pipe with a server that writes.
fn served(world: &mut World, name: &str) -> (PipeHandle, EndId) {
    let pipe = world.create(name);
    let server = world.opens(&pipe, Wanted::WRITE);
    (pipe, server)
}

impl World {
    fn leads_to(&self, directory: Ino, name: &str) -> Option<PipeHandle> {
        match self.engine.lookup(directory, name.as_bytes()) {
            Ok(Node::Pipe(pipe)) => Some(pipe),
            Ok(Node::Directory(_)) => panic!("{name} is a directory"),
            Err(error) => {
                assert_eq!(error, Error::NotFound);
                None
            }
        }
    }

    fn is_there(&self, name: &str) -> bool {
        self.leads_to(ROOT, name).is_some()
    }

    fn moves(&mut self, from: (Ino, &str), to: (Ino, &str), how: Rename) {
        let (from, to) = ((from.0, from.1.as_bytes()), (to.0, to.1.as_bytes()));
        let now = self.now();
        self.engine.rename(from, to, how, now, &mut self.effects).expect("it can be renamed");
    }

    fn set_lifetime(&mut self, pipe: &PipeHandle, value: &str) {
        self.engine.configure(pipe, "lifetime", value, &mut self.effects).expect("it is a value");
    }
}

/// > A client that reads on does so without it.
///
/// SEMANTICS: name-goes
#[test]
fn a_name_goes_with_its_last_server() {
    let mut world = last_close();
    let (pipe, first) = served(&mut world, "p");
    let client = world.opens(&pipe, Wanted::READ);
    let second = world.opens(&pipe, Wanted::WRITE);
    world.writes(first, "read me");
    world.close(first);
    assert!(world.is_there("p"), "another one listens");
    world.pass(Duration::from_secs(5));
    let before = world.engine.status(&Node::Directory(ROOT)).expect("it has one");
    world.close(second);
    assert!(!world.is_there("p"));
    assert_eq!(world.fails_to_open(&pipe, Wanted::READ), Error::NotFound);
    assert_eq!(world.engine.pipe_state(&pipe).instances, [(State::Draining, 7)]);
    assert_eq!([world.reads(client), world.reads(client)], ["read me", ""]);
    world.close(client);
    let after = world.engine.status(&Node::Directory(ROOT)).expect("it has one");
    assert!(after.attributes.modified > before.attributes.modified, "its entries have changed");
    assert_eq!(world.engine.status(&Node::Pipe(pipe)).expect("it has one").links, 0);
}

/// The client may leave first; the server is what counts.
///
/// SEMANTICS: name-goes
#[test]
fn a_name_stays_with_its_server() {
    let mut world = last_close();
    let (pipe, server) = served(&mut world, "p");
    let client = world.opens(&pipe, Wanted::READ);
    world.close(client);
    assert!(world.is_there("p"));
    world.close(server);
    assert!(!world.is_there("p"));
}

/// > when no instance has its server any more or holds data for a client that may come
///
/// SEMANTICS: name-goes
#[test]
fn a_name_stays_while_data_waits_for_a_client() {
    let mut world = last_close();
    let (pipe, server) = served(&mut world, "p");
    world.writes(server, "hello");
    world.close(server);
    assert!(world.is_there("p"));
    let client = world.opens(&pipe, Wanted::READ);
    assert!(!world.is_there("p"), "what is left is for this one");
    assert_eq!([world.reads(client), world.reads(client)], ["hello", ""]);
    world.close(client);
    // With `linger=drop` nothing waits.
    let mut world = World::with(|settings| {
        settings.lifetime = Lifetime::LastClose;
        settings.linger = Linger::Drop;
    });
    let (_, server) = served(&mut world, "p");
    world.writes(server, "hello");
    world.close(server);
    assert!(!world.is_there("p"));
}

/// > It is then as if the name had been removed
///
/// SEMANTICS: name-goes
#[test]
fn clients_that_wait_learn_that_the_name_has_gone() {
    let mut world = last_close();
    let (pipe, server) = served(&mut world, "p");
    let client = world.opens(&pipe, Wanted::READ);
    let waiting = world.waits_to_open(&pipe, Wanted::READ);
    let pending = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    world.polls(pending);
    world.close(server);
    assert_eq!(world.failure(waiting), Error::NotFound);
    assert!(world.is_woken(pending));
    assert_eq!(world.fails_to_read(pending), Error::NotFound);
    assert_eq!(world.reads(client), "");
}

/// > A name that no server has used stays: clients can wait for the first one.
///
/// SEMANTICS: name-unserved
#[test]
fn a_name_may_wait_for_its_first_server() {
    let mut world = last_close();
    let pipe = world.create("p");
    let client = world.waits_to_open(&pipe, Wanted::READ);
    assert!(world.is_there("p"));
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opened(client);
    assert!(world.is_there("p"));
    world.close(client);
    world.close(server);
    assert!(!world.is_there("p"));
    // A client that gives up takes nothing along.
    let pipe = world.create("p");
    let client = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    world.close(client);
    assert!(world.is_there("p"));
}

/// > An end that was opened with `O_NONBLOCK`, as touch(1) does, and closed before anybody came and
/// > anything was written, was no server's.
///
/// SEMANTICS: name-unserved
#[test]
fn touching_is_not_serving() {
    for mode in [Mode::Instance, Mode::Shared, Mode::Broadcast] {
        let mut world = World::with(|settings| {
            settings.lifetime = Lifetime::LastClose;
            settings.mode = mode;
        });
        let pipe = world.create("p");
        let touches = world.opens_with(&pipe, Wanted::WRITE, Patience::Touched);
        world.close(touches);
        assert!(world.is_there("p"), "{mode}");
        if mode == Mode::Instance {
            let touches = world.opens_with(&pipe, Wanted::WRITE, Patience::NonBlocking);
            world.close(touches);
            assert!(world.is_there("p"));
        }
        // It has served who writes, also if all of that was read.
        let server = world.opens_with(&pipe, Wanted::WRITE, Patience::Touched);
        let client = world.opens(&pipe, Wanted::READ);
        world.writes(server, "x");
        assert_eq!(world.reads(client), "x");
        world.close(client);
        world.close(server);
        assert!(!world.is_there("p"), "{mode}");
        // Who waits for clients is a server, though none came.
        let pipe = world.create("p");
        let server = world.opens_with(&pipe, Wanted::WRITE, Patience::Created);
        world.close(server);
        assert!(!world.is_there("p"), "{mode}");
    }
}

/// > that of a `shared` or `broadcast` pipe with the last end, if no data stays
///
/// SEMANTICS: name-goes
#[test]
fn the_name_of_a_shared_pipe_goes_with_the_last_end() {
    let mut world = World::with(|settings| {
        settings.lifetime = Lifetime::LastClose;
        settings.mode = Mode::Shared;
    });
    let (pipe, writer) = served(&mut world, "p");
    let reader = world.opens(&pipe, Wanted::READ);
    world.writes(writer, "12");
    assert_eq!(world.reads_up_to(reader, 1), "1");
    world.close(reader);
    world.close(writer);
    assert!(world.is_there("p"), "2 stays for the next reader");
    let reader = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads(reader), "2");
    assert!(world.is_there("p"), "a writer may come");
    let writer = world.opens(&pipe, Wanted::WRITE);
    world.writes(writer, "3");
    assert_eq!(world.reads(reader), "3");
    world.close(writer);
    assert!(world.is_there("p"));
    world.close(reader);
    assert!(!world.is_there("p"));
}

/// > If `lifetime` is changed, servers that closed before do not count.
///
/// SEMANTICS: name-set
#[test]
fn a_setting_takes_no_name_by_itself() {
    let mut world = World::new();
    let (pipe, server) = served(&mut world, "p");
    world.close(server);
    world.set_lifetime(&pipe, "last-close");
    assert!(world.is_there("p"));
    let client = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    world.close(client);
    assert!(world.is_there("p"));
    // Nor does one that is there leave without it.
    let server = world.opens(&pipe, Wanted::WRITE);
    world.set_lifetime(&pipe, "keep");
    world.writes(server, "x");
    world.close(server);
    world.set_lifetime(&pipe, "last-close");
    let client = world.opens(&pipe, Wanted::READ);
    assert!(!world.is_there("p"));
    world.close(client);
}

/// The name that goes is the one that the pipe has by then.
///
/// SEMANTICS: name-goes, dir-rename
#[test]
fn the_name_is_found_wherever_it_was_moved() {
    let mut world = last_close();
    let directory = world.engine.make_directory(ROOT, b"d", attributes()).expect("a new name");
    let (pipe, server) = served(&mut world, "p");
    let (other, other_server) = served(&mut world, "other");
    world.moves((ROOT, "p"), (directory, "q"), Rename::Replace);
    world.moves((directory, "q"), (directory, "q"), Rename::Replace);
    world.moves((directory, "q"), (ROOT, "other"), Rename::Exchange);
    assert_eq!(world.leads_to(ROOT, "other"), Some(pipe));
    assert_eq!(world.leads_to(directory, "q"), Some(other));
    // Its directory may go elsewhere, with it.
    world.moves((ROOT, "d"), (ROOT, "e"), Rename::Replace);
    world.close(server);
    assert!(!world.is_there("other"));
    world.close(other_server);
    assert_eq!(world.leads_to(directory, "q"), None);
    world.engine.remove_directory(ROOT, b"e", world.now()).expect("nothing is in it");
    // One that takes an idle pipe's name.
    let (_, server) = served(&mut world, "new");
    world.create("idle");
    world.moves((ROOT, "new"), (ROOT, "idle"), Rename::Replace);
    world.close(server);
    assert_eq!(world.engine.summary().pipes, 0);
}

/// SEMANTICS: name-goes
#[test]
fn the_next_pipe_of_that_name_is_left_alone() {
    let mut world = last_close();
    let (_, old) = served(&mut world, "p");
    world.unlink("p");
    let new = world.create("p");
    world.close(old);
    assert_eq!(world.leads_to(ROOT, "p"), Some(new));
}

/// Somebody has looked a name up to serve it, and it goes before the open comes: it comes back,
/// if it is free, as if the open had been first.
///
/// SEMANTICS: name-goes
#[test]
fn a_server_that_is_late_takes_the_name_back() {
    let mut world = last_close();
    let (pipe, server) = served(&mut world, "p");
    world.close(server);
    assert_eq!(world.fails_to_open(&pipe, Wanted::READ), Error::NotFound, "no client does");
    let server = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.leads_to(ROOT, "p"), Some(pipe.clone()));
    world.close(server);
    assert!(!world.is_there("p"));
    // Another pipe has taken it meanwhile.
    let new = world.create("p");
    assert_eq!(world.fails_to_open(&pipe, Wanted::WRITE), Error::NotFound);
    assert_eq!(world.leads_to(ROOT, "p"), Some(new.clone()));
    assert_eq!(world.engine.heir(&pipe, Wanted::READ, world.now()), Heir::Pipe(new));
    // What somebody has removed stays removed.
    world.unlink("p");
    assert_eq!(world.engine.heir(&pipe, Wanted::READ, world.now()), Heir::Nobody);
    let (pipe, server) = served(&mut world, "q");
    world.unlink("q");
    world.close(server);
    assert_eq!(world.fails_to_open(&pipe, Wanted::WRITE), Error::NotFound);
    assert_eq!(world.engine.heir(&pipe, Wanted::READ, world.now()), Heir::Unknown);
}

/// SEMANTICS: name-goes
#[test]
fn many_pipes_come_and_go() {
    let mut world = last_close();
    for round in 0..10_000 {
        let name = format!("p{}", round % 7);
        let (pipe, server) = served(&mut world, &name);
        if round % 2 == 0 {
            let client = world.opens(&pipe, Wanted::READ);
            world.writes(server, "x");
            assert_eq!(world.reads(client), "x");
            world.close(client);
        }
        world.close(server);
    }
    let summary = world.engine.summary();
    let left = (summary.pipes, summary.directories, summary.ends, summary.waiting);
    assert_eq!(left, (0, 1, 0, 0));
    assert_eq!(summary.memory.used_bytes, 0);
}

/// Another server comes as the last one goes: it keeps the name, or takes it back.
///
/// SEMANTICS: name-goes
#[test]
fn a_server_never_serves_a_name_that_has_gone() {
    for round in rounds() {
        let mut world = last_close();
        let (pipe, last) = served(&mut world, "p");
        let (open, serve) = opens(&mut world, &pipe, Wanted::WRITE);
        let mut world = race(round, world, [closes(last), serve]);
        let server = world.opened(open);
        assert!(world.is_there("p"));
        world.close(server);
        assert!(!world.is_there("p"));
    }
}

/// A client begins to wait as the last server goes: it is told.
///
/// SEMANTICS: name-goes
#[test]
fn no_client_waits_for_a_name_that_has_gone() {
    for round in rounds() {
        let mut world = last_close();
        let (pipe, last) = served(&mut world, "p");
        let taken = world.opens(&pipe, Wanted::READ);
        let (open, wait) = opens(&mut world, &pipe, Wanted::READ);
        let mut world = race(round, world, [closes(last), wait]);
        assert_eq!(world.failure(open), Error::NotFound);
        assert!(!world.is_there("p"));
        world.close(taken);
    }
}

/// Somebody removes the name, or gives it to another pipe, as it is about to go by itself.
///
/// SEMANTICS: name-goes
#[test]
fn a_name_goes_once() {
    for round in rounds() {
        let mut world = last_close();
        let (_, last) = served(&mut world, "p");
        world.create("other");
        let now = world.now();
        let interferes: Racer = match round / 2 % 3 {
            0 => Box::new(move |engine, effects| {
                let _ = engine.unlink(ROOT, b"p", now, effects);
                engine.create(ROOT, b"p", attributes(), None).expect("it is gone by now");
            }),
            1 => Box::new(move |engine, effects| {
                let _ =
                    engine.rename((ROOT, b"p"), (ROOT, b"other"), Rename::Exchange, now, effects);
            }),
            _ => Box::new(move |engine, effects| {
                let _ = engine.rename((ROOT, b"p"), (ROOT, b"q"), Rename::Replace, now, effects);
            }),
        };
        let world = race(round, world, [closes(last), interferes]);
        let summary = world.engine.summary();
        assert_eq!(summary.ends, 0);
        let is_new = round / 2 % 3 == 0;
        assert_eq!(summary.pipes, if is_new { 2 } else { 1 }, "the other one stays");
        if is_new {
            let new = world.leads_to(ROOT, "p").expect("it was just created");
            assert_eq!(world.engine.pipe_state(&new).opens, 0, "it is not the old one");
        }
    }
}
