//! The memory limit of each user.

use pipefs::settings::{Framing, Mode, Overflow, PipeType};
use pipefs::{Bounds, EndId, Error, PipeHandle, Ready, Settings, Wanted, Who};

use super::world::World;

const ANNA: u32 = 1001;
const BERT: u32 = 1002;

/// Ten bytes for each user.
fn world(change: impl FnOnce(&mut Settings)) -> World {
    let bounds = Bounds { user_memory_bytes: Some(10), ..Bounds::memory(1000) };
    World::within(bounds, change)
}

impl World {
    fn opens_as(&mut self, uid: u32, pipe: &PipeHandle, wanted: Wanted) -> EndId {
        self.who = Who { pid: 1, uid, gid: 1 };
        self.opens(pipe, wanted)
    }

    /// A pipe of its own with a writer and a reader, both this user's.
    fn stream(&mut self, uid: u32, name: &str) -> (EndId, EndId) {
        let pipe = self.create(name);
        (self.opens_as(uid, &pipe, Wanted::WRITE), self.opens_as(uid, &pipe, Wanted::READ))
    }
}

fn shared(settings: &mut Settings) {
    settings.mode = Mode::Shared;
}

/// > With `user_memory` the writers of one user together hold no more than that, plus at most one
/// > write for each lane that is being read. Beyond it that user's writers wait, as if their lanes
/// > were full; others do not notice.
///
/// SEMANTICS: user-memory
#[test]
fn a_user_at_its_limit_waits_alone() {
    let mut world = world(|_| {});
    let (hoard, hoarder) = world.stream(ANNA, "hoard");
    let (writer, reader) = world.stream(ANNA, "other");
    let (others, _) = world.stream(BERT, "bert's");
    world.writes(hoard, "0123456789ab");
    assert_eq!(world.fails_to_write(writer, "x"), Error::WouldBlock);
    assert_eq!(world.polls(writer), Ready::default());
    assert_eq!(world.fails_to_write(hoard, "x"), Error::WouldBlock);
    world.writes(others, "012345678");
    assert_eq!(world.ready(others), Ready { writable: true, ..Ready::default() });
    let write = world.waits_to_write(writer, "waits");
    world.writes(others, "9");
    assert_eq!(world.fails_to_write(others, "x"), Error::WouldBlock);
    assert_eq!(world.engine.users(), [(ANNA, 12), (BERT, 10)]);

    assert_eq!(world.reads_up_to(hoarder, 2), "01");
    assert_eq!(world.answer(write), None, "ten bytes are used still");
    assert!(!world.is_woken(writer));
    assert_eq!(world.reads_up_to(hoarder, 1), "2");
    assert_eq!(world.was_written(write), 5);
    assert!(!world.is_woken(writer), "it is full again");
    assert_eq!(world.reads(reader), "waits");
    assert!(world.is_woken(writer));
    assert_eq!(world.ready(writer), Ready { writable: true, ..Ready::default() });
    assert_eq!(world.engine.users(), [(BERT, 10), (ANNA, 9)]);
    assert_eq!(world.engine.memory().used_bytes, 19);
}

/// > Who opened the writing end is who counts.
///
/// SEMANTICS: user-memory
#[test]
fn data_that_nobody_will_read_counts_for_nobody() {
    let mut world = world(|_| {});
    let (writer, reader) = world.stream(ANNA, "p");
    world.writes(writer, "left behind");
    world.close(reader);
    assert_eq!(world.engine.users(), []);
    let pipe = world.create("q");
    let lingering = world.opens_as(ANNA, &pipe, Wanted::WRITE);
    world.writes(lingering, "for nobody");
    world.close(lingering);
    assert_eq!(world.engine.users(), [(ANNA, 10)], "it waits for a client");
    world.unlink("q");
    assert_eq!(world.engine.users(), []);
}

/// A user whose turn it is not holds up nobody in a pipe that they share, and its own writes keep
/// their order.
///
/// SEMANTICS: user-memory, wait-order
#[test]
fn others_go_first_in_a_pipe_that_is_shared() {
    let mut world = world(shared);
    let (hoard, hoarder) = world.stream(ANNA, "hoard");
    world.writes(hoard, "0123456789");
    let pipe = world.create("p");
    let annas = world.opens_as(ANNA, &pipe, Wanted::WRITE);
    let berts = world.opens_as(BERT, &pipe, Wanted::WRITE);
    let reader = world.opens_as(BERT, &pipe, Wanted::READ);
    let writes = ["first ", "second "].map(|data| world.waits_to_write(annas, data));
    world.writes(berts, "bert's ");
    assert_eq!(world.ready(berts), Ready { writable: true, ..Ready::default() });
    assert_eq!(world.ready(annas), Ready::default());
    assert_eq!(world.reads(hoarder), "0123456789");
    assert_eq!(writes.map(|write| world.was_written(write)), [6, 7]);
    world.writes(berts, "again");
    assert_eq!(world.engine.users(), [(ANNA, 13), (BERT, 12)]);
    assert_eq!(world.reads_up_to(reader, 9), "bert's fi");
    assert_eq!(world.engine.users(), [(ANNA, 11), (BERT, 5)], "each byte is its writer's");
    assert_eq!(world.reads(reader), "rst second again");
    assert_eq!(world.engine.users(), []);
}

/// Where a lane is full, too, a waiting write of another user gets the room that a read makes.
#[test]
fn room_in_a_lane_goes_to_who_may_use_it() {
    let mut world = world(|settings| {
        shared(settings);
        settings.capacity_bytes = 4;
    });
    let hoards = ["a", "b", "c"].map(|name| world.stream(ANNA, name).0);
    let pipe = world.create("p");
    let annas = world.opens_as(ANNA, &pipe, Wanted::WRITE);
    let berts = world.opens_as(BERT, &pipe, Wanted::WRITE);
    let reader = world.opens_as(BERT, &pipe, Wanted::READ);
    world.writes(berts, "full");
    let first = world.waits_to_write(annas, "anna");
    hoards.into_iter().for_each(|hoard| world.writes(hoard, "full"));
    let second = world.waits_to_write(berts, "bert");
    assert_eq!(world.reads(reader), "full");
    assert_eq!((world.answer(first), world.was_written(second)), (None, 4));
    // A reader who finds nothing else takes what waits, whoever may have no memory.
    assert_eq!(world.reads(reader), "bert");
    assert_eq!(world.reads(reader), "anna");
    assert_eq!(world.was_written(first), 4);
}

/// A user's memory goes to the pipe of that user that has waited longest.
#[test]
fn a_users_pipes_take_turns() {
    let mut world = world(|_| {});
    let (busy, reader) = world.stream(ANNA, "busy");
    world.writes(busy, "0123456789");
    let (patient, _) = world.stream(ANNA, "patient");
    let waits = world.waits_to_write(patient, "ten bytes.");
    let more = world.waits_to_write(busy, "more");
    assert_eq!(world.reads(reader), "0123456789");
    assert_eq!((world.was_written(waits), world.answer(more)), (10, None));
    assert_eq!(world.reads(reader), "more", "a reader needs no memory");
}

/// Nobody is told of a user's memory that became free but that user's pipes; and what a reader
/// waits for needs none.
///
/// SEMANTICS: user-memory, write-meets-reader
#[test]
fn pollers_are_woken_for_their_own_memory() {
    let mut world = world(|_| {});
    let (hoard, hoarder) = world.stream(ANNA, "hoard");
    let (writer, reader) = world.stream(ANNA, "other");
    world.writes(hoard, "0123456789");
    let (bert, reads_bert) = world.stream(BERT, "bert's");
    assert_eq!(world.polls(writer), Ready::default());
    world.writes(bert, "0123456789");
    assert_eq!(world.reads(reads_bert), "0123456789");
    assert!(!world.is_woken(writer));
    let read = world.waits_to_read(reader);
    assert!(world.is_woken(writer), "a reader has come");
    world.writes(writer, "straight to it");
    assert_eq!(world.was_read(read), "straight to it");
    assert_eq!(world.polls(writer), Ready::default());
    assert_eq!(world.reads_up_to(hoarder, 1), "0");
    assert!(world.is_woken(writer));
}

/// Lines that are begun count, and what `overflow` drops is memory again.
#[test]
fn lines_and_drops_are_counted() {
    let mut world = world(|settings| {
        shared(settings);
        settings.pipe_type = PipeType::Message;
        settings.framing = Framing::Line;
        settings.overflow = Overflow::DropOldest;
        settings.capacity_bytes = 8;
    });
    let (writer, reader) = world.stream(ANNA, "p");
    world.writes(writer, "begun");
    assert_eq!(world.engine.users(), [(ANNA, 5)]);
    world.writes(writer, " line\nand");
    assert_eq!(world.engine.users(), [(ANNA, 14)]);
    world.writes(writer, " more\n");
    assert_eq!(world.engine.users(), [(ANNA, 9)], "the first line was dropped");
    assert_eq!(world.engine.summary().dropped_bytes, 11);
    assert_eq!(world.reads(reader), "and more\n");
    world.writes(writer, "x");
    world.close(writer);
    assert_eq!(world.engine.users(), [(ANNA, 1)]);
    world.close(reader);
    world.unlink("p");
    assert_eq!(world.engine.users(), []);
    assert_eq!(world.engine.memory().used_bytes, 0);
}

/// `drop-newest` and `error` treat a user at its limit as a full lane.
#[test]
fn overflow_counts_for_a_user_too() {
    for (overflow, expected) in [("drop-newest", Ok(1)), ("error", Err(Error::Full))] {
        let mut world = world(|settings| settings.set("overflow", overflow).unwrap());
        let (hoard, _) = world.stream(ANNA, "hoard");
        world.writes(hoard, "0123456789");
        let (writer, _) = world.stream(ANNA, "p");
        let (_, outcome) = world.write(writer, "x", pipefs::Blocking::Yes);
        let outcome = outcome.map(|progress| match progress {
            pipefs::Progress::Done(written) => written,
            pipefs::Progress::Waiting => panic!("it waits"),
        });
        assert_eq!(outcome, expected, "{overflow}");
        assert_eq!(world.engine.users(), [(ANNA, 10)]);
    }
}

/// A broadcast counts for its writer once for each reader, as for the mount.
#[test]
fn a_broadcast_counts_for_who_speaks() {
    let mut world = world(|settings| settings.mode = Mode::Broadcast);
    let pipe = world.create("p");
    let writer = world.opens_as(ANNA, &pipe, Wanted::WRITE);
    let readers = [(); 3].map(|()| world.opens_as(BERT, &pipe, Wanted::READ));
    world.writes(writer, "four");
    assert_eq!(world.engine.users(), [(ANNA, 12)]);
    let write = world.waits_to_write(writer, "more");
    assert_eq!(world.reads(readers[0]), "four");
    assert_eq!(world.was_written(write), 4);
    world.close(readers[1]);
    assert_eq!(world.engine.users(), [(ANNA, 12)]);
}

/// Nor does the table of users grow with those who come and go.
#[test]
fn users_who_are_gone_leave_nothing() {
    let mut world = world(shared);
    let pipe = world.create("p");
    let reader = world.opens_as(0, &pipe, Wanted::BOTH);
    for uid in 1..10_000 {
        let writer = world.opens_as(uid, &pipe, Wanted::WRITE);
        world.writes(writer, "x");
        world.close(writer);
        assert_eq!(world.engine.users(), [(uid, 1)]);
        assert_eq!(world.reads(reader), "x");
        assert!(world.engine.known_users() <= 65, "{}", world.engine.known_users());
    }
    assert_eq!(world.engine.users(), []);
}
