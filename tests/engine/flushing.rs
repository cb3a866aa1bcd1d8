//! `linger=flush`: a close waits until what its end wrote has been read.

use pipefs::settings::{Framing, Linger, Mode, PipeType};
use pipefs::{Answer, Blocking, EndId, Error, Patience, PipeHandle, Progress, Settings, Wanted};

use super::world::World;

const DONE: Result<Progress<()>, Error> = Ok(Progress::Done(()));

/// A pipe with a server that writes.
fn flushing(change: impl FnOnce(&mut Settings)) -> (World, PipeHandle, EndId) {
    let mut world = World::with(|settings| {
        settings.linger = Linger::Flush;
        change(settings);
    });
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    (world, pipe, server)
}

/// > close(2) of an end that has written waits until what it has written is read
///
/// SEMANTICS: flush-waits
#[test]
fn a_close_waits_until_all_is_read() {
    let (mut world, pipe, server) = flushing(|_| {});
    assert_eq!(world.flush_at_close(server, Blocking::Yes).1, DONE, "it has written nothing");
    world.writes(server, "hello");
    let close = world.waits_to_close(server);
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads_up_to(client, 4), "hell");
    assert_eq!(world.answer(close), None);
    assert_eq!(world.reads(client), "o");
    assert_eq!(world.answer(close), Some(Answer::Flushed));
    assert_eq!(world.flush_at_close(server, Blocking::Yes).1, DONE);
    assert_eq!(world.flush_at_close(client, Blocking::Yes).1, DONE, "it writes nothing");
    world.close(server);
    assert_eq!(world.reads(client), "");
}

/// > and fails with `EPIPE` where fsync(2) does
///
/// SEMANTICS: flush-waits
#[test]
fn a_close_fails_when_the_reader_leaves() {
    let (mut world, pipe, server) = flushing(|_| {});
    world.writes(server, "hello");
    let client = world.opens(&pipe, Wanted::READ);
    let close = world.waits_to_close(server);
    assert_eq!(world.reads_up_to(client, 4), "hell");
    world.close(client);
    assert_eq!(world.failure(close), Error::BrokenPipe);
    assert_eq!(world.flush_at_close(server, Blocking::Yes).1, Err(Error::BrokenPipe), "and again");
    assert_eq!(world.flush_at_close(server, Blocking::No).1, Err(Error::BrokenPipe));
}

/// A reader that leaves when it has read everything is none that left first.
///
/// SEMANTICS: flush-waits
#[test]
fn a_reader_may_leave_after_it_has_read() {
    let (mut world, pipe, server) = flushing(|_| {});
    world.writes(server, "hello");
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads(client), "hello");
    world.close(client);
    assert_eq!(world.flush_at_close(server, Blocking::Yes).1, DONE);
}

/// > What is unread stays as with `keep`
///
/// SEMANTICS: flush-interrupt
#[test]
fn what_an_interrupted_close_leaves_stays() {
    let (mut world, pipe, server) = flushing(|_| {});
    world.writes(server, "hello");
    let close = world.waits_to_close(server);
    world.cancel(close);
    assert_eq!(world.failure(close), Error::Interrupted);
    world.close(server);
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!([world.reads(client), world.reads(client)], ["hello", ""]);
}

/// The driver asks so for a process that could not be interrupted: nothing is changed.
///
/// SEMANTICS: flush-interrupt, flush-line
#[test]
fn who_cannot_wait_changes_nothing() {
    let (mut world, pipe, server) = flushing(|settings| {
        settings.pipe_type = PipeType::Message;
        settings.framing = Framing::Line;
    });
    world.writes(server, "begun");
    assert_eq!(world.flush_at_close(server, Blocking::No).1, Err(Error::WouldBlock));
    world.writes(server, " and ended\n");
    assert_eq!(world.flush_at_close(server, Blocking::No).1, Err(Error::WouldBlock));
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads(client), "begun and ended\n");
    assert_eq!(world.flush_at_close(server, Blocking::No).1, DONE);
}

/// > With `framing=line` it ends a line that is begun, which is a message then.
///
/// SEMANTICS: flush-line
#[test]
fn a_close_ends_a_line() {
    let (mut world, pipe, server) = flushing(|settings| {
        settings.pipe_type = PipeType::Message;
        settings.framing = Framing::Line;
    });
    let client = world.opens(&pipe, Wanted::READ);
    world.writes(server, "one\ntwo");
    let close = world.waits_to_close(server);
    world.writes(server, "three\n");
    assert_eq!([world.reads(client), world.reads(client)], ["one\n", "two"]);
    assert_eq!(world.answer(close), Some(Answer::Flushed));
    assert_eq!(world.reads(client), "three\n");
}

/// > What others wrote to the same lane, and reading ends, it does not wait for.
///
/// SEMANTICS: flush-waits
#[test]
fn an_end_of_a_shared_pipe_waits_for_its_own_data() {
    let (mut world, pipe, first) = flushing(|settings| settings.mode = Mode::Shared);
    let second = world.opens(&pipe, Wanted::BOTH);
    let third = world.opens(&pipe, Wanted::WRITE);
    world.writes(first, "1");
    world.writes(second, "2");
    world.writes(first, "3");
    assert_eq!(world.flush_at_close(third, Blocking::Yes).1, DONE, "it has written nothing");
    let closes_first = world.waits_to_close(first);
    let closes_second = world.waits_to_close(second);
    assert_eq!(world.reads_up_to(second, 2), "12");
    assert_eq!(world.answer(closes_second), Some(Answer::Flushed));
    assert_eq!(world.answer(closes_first), None);
    assert_eq!(world.flush_at_close(second, Blocking::Yes).1, DONE, "though 3 is there");
    assert_eq!(world.reads(second), "3");
    assert_eq!(world.answer(closes_first), Some(Answer::Flushed));
    // The last reader leaves first: the data stays for the next one all the same.
    world.writes(first, "4");
    let closes_first = world.waits_to_close(first);
    world.close(second);
    assert_eq!(world.failure(closes_first), Error::BrokenPipe);
    let reader = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads(reader), "4");
}

/// SEMANTICS: flush-waits, broadcast-flush
#[test]
fn an_end_of_a_broadcast_waits_for_every_reader() {
    let (mut world, pipe, writer) = flushing(|settings| settings.mode = Mode::Broadcast);
    world.writes(writer, "for nobody");
    assert_eq!(world.flush_at_close(writer, Blocking::Yes).1, DONE);
    let [fast, slow] = [(); 2].map(|()| world.opens(&pipe, Wanted::READ));
    world.writes(writer, "news");
    let close = world.waits_to_close(writer);
    assert_eq!(world.reads(fast), "news");
    assert_eq!(world.answer(close), None);
    world.close(slow);
    assert_eq!(world.answer(close), Some(Answer::Flushed), "it has left");
}

/// A client whose server has not come yet has written nothing that could be read.
///
/// SEMANTICS: flush-waits
#[test]
fn a_pending_client_does_not_wait() {
    let mut world = World::with(|settings| {
        settings.linger = Linger::Flush;
        settings.access = pipefs::settings::Access::Inbound;
    });
    let pipe = world.create("p");
    let client = world.opens_with(&pipe, Wanted::WRITE, Patience::NonBlocking);
    assert!(world.engine.flushes_at_close(client));
    assert_eq!(world.flush_at_close(client, Blocking::Yes).1, DONE);
    let server = world.opens(&pipe, Wanted::READ);
    world.writes(client, "question");
    let close = world.waits_to_close(client);
    assert_eq!(world.reads(server), "question");
    assert_eq!(world.answer(close), Some(Answer::Flushed));
}

/// > It fails with `EPIPE`, too, where nobody is there to read and, the name being removed, nobody
/// > can come.
///
/// SEMANTICS: fsync-unlinked, flush-waits
#[test]
fn nobody_waits_for_a_reader_that_cannot_come() {
    for mode in [Mode::Instance, Mode::Shared] {
        let (mut world, pipe, server) = flushing(|settings| settings.mode = mode);
        world.writes(server, "hello");
        let (flush, _) = world.flush(server);
        let close = world.waits_to_close(server);
        world.unlink("p");
        assert_eq!(world.failure(flush), Error::BrokenPipe);
        assert_eq!(world.failure(close), Error::BrokenPipe);
        assert_eq!(world.flush_at_close(server, Blocking::Yes).1, Err(Error::BrokenPipe));
        world.close(server);
        assert_eq!(world.buffered_bytes(&pipe), 0);
    }
    // One that is there already goes on.
    let (mut world, pipe, server) = flushing(|_| {});
    let client = world.opens(&pipe, Wanted::READ);
    world.writes(server, "hello");
    let close = world.waits_to_close(server);
    world.unlink("p");
    assert_eq!(world.reads(client), "hello");
    assert_eq!(world.answer(close), Some(Answer::Flushed));
}

/// > What `linger` is when an end is opened decides whether its closes wait.
///
/// SEMANTICS: flush-later
#[test]
fn only_ends_that_write_to_such_a_pipe_ask() {
    let (mut world, pipe, server) = flushing(|_| {});
    let client = world.opens(&pipe, Wanted::READ);
    assert!(world.engine.flushes_at_close(server));
    assert!(!world.engine.flushes_at_close(client));
    world.engine.configure(&pipe, "linger", "keep", &mut world.effects).expect("it is a value");
    assert!(!world.engine.flushes_at_close(server), "it is asked once, when it is opened");
    world.writes(server, "x");
    let close = world.waits_to_close(server);
    assert_eq!(world.reads(client), "x");
    assert_eq!(world.answer(close), Some(Answer::Flushed));
}
