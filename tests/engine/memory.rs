//! The memory limit of a whole mount.

use pipefs::settings::Mode;
use pipefs::{Error, MemoryUse, Patience, Ready, Wanted};

use super::world::World;

/// Ten bytes for all pipes, and a pipe that holds them all.
fn full() -> (World, pipefs::EndId) {
    let mut world = World::with_memory(10, |_| {});
    let hoard = world.create("hoard");
    let server = world.opens(&hoard, Wanted::WRITE);
    let client = world.opens(&hoard, Wanted::READ);
    world.writes(server, "0123456789");
    (world, client)
}

/// > All pipes of a mount together hold `memory` bytes, plus at most one write for each lane that
/// > is being read. Beyond that writers wait as if their lane were full, and go on when any pipe
/// > has been read.
///
/// SEMANTICS: write-memory
#[test]
fn writers_wait_for_memory_that_other_pipes_hold() {
    let (mut world, hoarder) = full();
    assert_eq!(world.engine.memory(), MemoryUse { limit_bytes: 10, used_bytes: 10 });
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.fails_to_write(server, "x"), Error::WouldBlock);
    assert_eq!(world.polls(server), Ready::default());
    let write = world.waits_to_write(server, "exceeds the limit by one write");
    assert_eq!(world.reads_up_to(hoarder, 1), "0");
    assert_eq!(world.was_written(write), 30);
    assert_eq!(world.engine.memory().used_bytes, 39);
    assert!(!world.is_woken(server), "it is full again");
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads(client).len(), 30);
    assert!(world.is_woken(server));
}

/// The pipes that have waited longest get the memory first.
#[test]
fn memory_goes_to_those_who_have_waited_longest() {
    let (mut world, hoarder) = full();
    let pipes = ["a", "b", "c"].map(|name| world.create(name));
    let servers = pipes.each_ref().map(|pipe| world.opens(pipe, Wanted::WRITE));
    let writes = servers.map(|server| world.waits_to_write(server, "ten bytes."));
    let first = world.reads_up_to(hoarder, 5);
    assert_eq!((first.as_str(), world.was_written(writes[0])), ("01234", 10));
    assert_eq!(world.answer(writes[1]), None);
    assert_eq!(world.reads(hoarder), "56789");
    assert_eq!(world.answer(writes[1]), None, "ten bytes are used still");
    let client = world.opens(&pipes[0], Wanted::READ);
    assert_eq!(world.reads(client), "ten bytes.");
    assert_eq!(world.was_written(writes[1]), 10);
    assert_eq!(world.answer(writes[2]), None);
}

/// A pipe whose writer always has more gives the memory that its reader frees to others in turn.
///
/// SEMANTICS: write-memory
#[test]
fn a_busy_pipe_does_not_starve_the_others() {
    let mut world = World::with_memory(4, |_| {});
    let busy = world.create("busy");
    let server = world.opens(&busy, Wanted::WRITE);
    let client = world.opens(&busy, Wanted::READ);
    world.writes(server, "full");
    world.waits_to_write(server, "more");
    let greeting = world.create("greeting");
    let other = world.opens(&greeting, Wanted::WRITE);
    let write = world.waits_to_write(other, "hello");
    assert_eq!(world.reads(client), "full");
    assert_eq!(world.answer(write), None, "the other has waited longer");
    world.waits_to_write(server, "more");
    assert_eq!(world.reads(client), "more");
    assert_eq!(world.was_written(write), 5);
}

/// Whatever throws data away gives its memory back: a client that leaves, a name that goes.
#[test]
fn discarded_data_is_memory_for_others() {
    let (mut world, hoarder) = full();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let write = world.waits_to_write(server, "left behind");
    world.close(hoarder);
    assert_eq!(world.was_written(write), 11);
    world.close(server);
    let other = world.create("other");
    let server = world.opens(&other, Wanted::WRITE);
    let write = world.waits_to_write(server, "x");
    world.unlink("p");
    assert_eq!(world.was_written(write), 1);
}

/// SEMANTICS: write-meets-reader
///
/// Data that goes straight to a reader needs no memory, whoever of the two came first: or a
/// reader and a writer would wait for each other, and a pipeline for itself.
#[test]
fn a_reader_and_a_writer_need_no_memory_to_meet() {
    let (mut world, _) = full();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let read = world.waits_to_read(client);
    world.writes(server, "the reader first");
    assert_eq!(world.was_read(read), "the reader first");

    let writes = ["the writer", " first"].map(|data| world.waits_to_write(server, data));
    assert_eq!(world.reads(client), "the writer");
    assert_eq!(world.was_written(writes[0]), 10);
    assert_eq!(world.reads(client), " first");
    assert_eq!(world.was_written(writes[1]), 6);
    assert_eq!(world.engine.memory().used_bytes, 10);
}

/// The same for those who poll: each is told when the other has come.
#[test]
fn a_reader_and_a_writer_are_woken_for_each_other() {
    let (mut world, _) = full();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.polls(client), Ready::default());
    let write = world.waits_to_write(server, "x");
    assert!(world.is_woken(client));
    assert_eq!(world.ready(client), Ready { readable: true, ..Ready::default() });
    assert_eq!(world.reads(client), "x");
    assert_eq!(world.was_written(write), 1);

    assert_eq!(world.polls(server), Ready::default());
    let read = world.waits_to_read(client);
    assert!(world.is_woken(server));
    assert_eq!(world.ready(server), Ready { writable: true, ..Ready::default() });
    world.writes(server, "y");
    assert_eq!(world.was_read(read), "y");
}

/// A read that meets a waiting write is over at once; it is not answered a second time, not even
/// if its interrupt came first.
#[test]
fn a_read_that_finds_a_waiting_write_does_not_wait() {
    let (mut world, _) = full();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    world.waits_to_write(server, "x");
    let next = world.ticket().0 + 1;
    world.cancel(pipefs::Ticket(next));
    assert_eq!(world.reads(client), "x");
    assert_eq!(world.answer(pipefs::Ticket(next)), None);
}

/// With no memory at all, and with a capacity of nothing (which no setting can ask for), data
/// still goes from hand to hand.
#[test]
fn nothing_buffered_is_slow_but_not_stuck() {
    for mode in [Mode::Instance, Mode::Shared] {
        let mut world = World::with_memory(0, |settings| {
            settings.mode = mode;
            settings.capacity_bytes = 0;
        });
        let pipe = world.create("p");
        let server = world.opens(&pipe, Wanted::WRITE);
        let client = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
        let write = world.waits_to_write(server, "x");
        assert_eq!(world.reads(client), "x");
        assert_eq!(world.was_written(write), 1);
        let read = world.waits_to_read(client);
        world.writes(server, "y");
        assert_eq!(world.was_read(read), "y");
    }
}
