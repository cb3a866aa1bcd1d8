//! What poll says of each end, and whom a change wakes.

use pipefs::settings::Mode;
use pipefs::{Blocking, Patience, PollKey, Ready, Wanted};

use super::world::World;

const NOTHING: Ready = Ready { readable: false, writable: false, hangup: false, error: false };
const READABLE: Ready = Ready { readable: true, ..NOTHING };
const WRITABLE: Ready = Ready { writable: true, ..NOTHING };
const AT_END: Ready = Ready { readable: true, hangup: true, ..NOTHING };
const BROKEN: Ready = Ready { error: true, ..NOTHING };

/// > one that reads | data, or end of file | | the other side has closed
///
/// SEMANTICS: poll-reader
#[test]
fn a_reader_is_woken_for_data_and_for_the_end() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.polls(client), NOTHING);
    world.writes(server, "data");
    assert!(world.is_woken(client));
    assert_eq!(world.polls(client), READABLE);
    world.close(server);
    assert!(world.is_woken(client));
    assert_eq!(world.polls(client), AT_END);
    assert_eq!(world.reads(client), "data");
    assert_eq!(world.ready(client), AT_END);
}

/// > one that writes | | a write would be accepted now | | the reader has gone
///
/// SEMANTICS: poll-writer
#[test]
fn a_writer_is_woken_for_room_and_for_the_end() {
    let mut world = World::with(|settings| settings.capacity_bytes = 4);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.ready(server), WRITABLE, "a client will come");
    let client = world.opens(&pipe, Wanted::READ);
    world.writes(server, "full+");
    assert_eq!(world.polls(server), NOTHING);
    assert_eq!(world.reads_up_to(client, 1), "f");
    assert!(!world.is_woken(server), "it holds four still");
    assert_eq!(world.reads_up_to(client, 1), "u");
    assert!(world.is_woken(server));
    assert_eq!(world.polls(server), WRITABLE);
    world.close(client);
    assert!(world.is_woken(server));
    assert_eq!(world.ready(server), BROKEN);
}

/// The end of a duplex instance has both, each from its own lane.
#[test]
fn a_duplex_end_reads_and_writes() {
    let mut world = World::with(|settings| settings.capacity_bytes = 4);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::BOTH);
    assert_eq!(world.polls(server), WRITABLE, "no client: no hang-up");
    let client = world.opens(&pipe, Wanted::BOTH);
    world.writes(client, "full");
    assert!(world.is_woken(server));
    assert_eq!(world.ready(server), Ready { readable: true, ..WRITABLE });
    assert_eq!(world.polls(client), NOTHING);
    world.close(server);
    assert!(world.is_woken(client));
    assert_eq!(world.ready(client), Ready { error: true, ..AT_END });
}

/// A poller is told once; then it has to ask again. A poll without a key wakes nobody.
#[test]
fn a_wake_up_is_used_up() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    world.polls(client);
    world.polls(client);
    world.writes(server, "1");
    assert!(world.is_woken(client));
    world.writes(server, "2");
    assert!(!world.is_woken(client));
    world.ready(client);
    world.writes(server, "3");
    assert!(!world.is_woken(client));
}

/// A caller may use one key for many ends: each of them brings it, also after another was closed.
#[test]
fn ends_can_share_a_key() {
    let mut world = World::with(|settings| settings.mode = Mode::Shared);
    let pipe = world.create("p");
    let writer = world.opens(&pipe, Wanted::WRITE);
    let readers = [(); 2].map(|()| world.opens(&pipe, Wanted::READ));
    let key = PollKey(7);
    for reader in readers {
        world.engine.poll(reader, Some(key), &mut world.effects).expect("it is open");
    }
    world.engine.close(readers[0], world.now(), &mut world.effects).expect("it is open");
    world.write(writer, "x", Blocking::Yes).1.expect("there is room");
    assert!(world.woken.contains(&key));
}

/// > Edge-triggered epoll reports each new arrival of data
///
/// SEMANTICS: poll-edge
#[test]
fn data_that_comes_on_top_wakes_again() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    world.writes(server, "1");
    assert_eq!(world.polls(client), READABLE);
    world.writes(server, "2");
    assert!(world.is_woken(client));
}

/// In shared mode the last writer's close hangs up, and only on readers that it was there for.
///
/// SEMANTICS: poll-reader
#[test]
fn a_shared_reader_hears_of_its_own_writers_only() {
    let mut world = World::with(|settings| settings.mode = Mode::Shared);
    let pipe = world.create("p");
    let early = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    let writer = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.polls(early), NOTHING);
    world.close(writer);
    assert!(world.is_woken(early));
    assert_eq!(world.ready(early), AT_END);
    let late = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    assert_eq!(world.ready(late), NOTHING);
}
