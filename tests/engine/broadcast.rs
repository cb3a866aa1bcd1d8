//! Broadcast pipes: every reader gets everything that is written while it is open.

use pipefs::settings::{Framing, Mode, Overflow, PipeType};
use pipefs::{
    EndId, Error, Patience, PipeHandle, Progress, ReadMode, Ready, Settings, State, Wanted,
};

use super::world::World;

fn broadcast(change: impl FnOnce(&mut Settings)) -> (World, PipeHandle, EndId) {
    let mut world = World::with(|settings| {
        settings.mode = Mode::Broadcast;
        change(settings);
    });
    let pipe = world.create("p");
    let writer = world.opens(&pipe, Wanted::WRITE);
    (world, pipe, writer)
}

fn dropped(world: &World, end: EndId) -> (u64, u64) {
    let traffic = world.engine.end_info(end).expect("it is open").traffic;
    (traffic.dropped_bytes, traffic.dropped_count)
}

/// SEMANTICS: broadcast-each, broadcast-own-pace
#[test]
fn every_reader_gets_what_is_written_after_it_opened() {
    let (mut world, pipe, writer) = broadcast(|_| {});
    world.writes(writer, "nobody hears this");
    let first = world.opens(&pipe, Wanted::READ);
    world.writes(writer, "one");
    let second = world.opens(&pipe, Wanted::READ);
    world.writes(writer, "two");
    assert_eq!(world.reads(second), "two");
    assert_eq!(world.reads_up_to(first, 4), "onet");
    assert_eq!(world.reads(first), "wo");
    let both = [first, second].map(|reader| world.waits_to_read(reader));
    world.writes(writer, "three");
    assert_eq!(both.map(|ticket| world.was_read(ticket)), ["three", "three"]);
    let traffic = world.engine.pipe_state(&pipe).traffic;
    assert_eq!((traffic.written_bytes, traffic.read_bytes), (28, 19));
    assert_eq!(traffic.discarded_bytes, 17, "what nobody heard");
}

/// SEMANTICS: broadcast-end, broadcast-alone
#[test]
fn readers_end_with_the_last_writer_and_writers_with_nobody() {
    let (mut world, pipe, writer) = broadcast(|_| {});
    let other = world.opens(&pipe, Wanted::WRITE);
    let reader = world.opens(&pipe, Wanted::READ);
    world.writes(writer, "left");
    world.close(writer);
    assert!(!world.ready(reader).hangup);
    world.close(other);
    assert_eq!((world.reads(reader), world.reads(reader)), ("left".into(), String::new()));
    let again = world.opens(&pipe, Wanted::WRITE);
    let read = world.waits_to_read(reader);
    world.writes(again, "revived");
    assert_eq!(world.was_read(read), "revived");
    world.close(reader);
    world.writes(again, "to nobody");
    assert_eq!(world.ready(again), Ready { writable: true, ..Ready::default() });
    world.close(again);
    assert_eq!(world.engine.pipe_state(&pipe).instances, []);
    assert_eq!(world.buffered_bytes(&pipe), 0);
}

/// SEMANTICS: broadcast-open
#[test]
fn a_reader_waits_for_a_writer_and_misses_nothing_of_it() {
    let mut world = World::with(|settings| settings.mode = Mode::Broadcast);
    let pipe = world.create("p");
    let readers = [(); 3].map(|()| world.waits_to_open(&pipe, Wanted::READ));
    let early = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    assert_eq!(world.reads(early), "", "no writer yet, as with a FIFO");
    let writer = world.opens_with(&pipe, Wanted::WRITE, Patience::NonBlocking);
    world.writes(writer, "all");
    for reader in readers {
        let reader = world.opened(reader);
        assert_eq!(world.reads(reader), "all");
    }
    assert_eq!(world.reads(early), "all");
    assert_eq!(world.engine.pipe_state(&pipe).instances, [(State::Joined, 0)]);
}

/// SEMANTICS: broadcast-block
#[test]
fn a_writer_waits_for_the_slowest_reader() {
    let (mut world, pipe, writer) = broadcast(|settings| settings.capacity_bytes = 4);
    let (fast, slow) = (world.opens(&pipe, Wanted::READ), world.opens(&pipe, Wanted::READ));
    world.writes(writer, "full");
    assert_eq!(world.reads(fast), "full");
    let waiting = world.waits_to_write(writer, "more");
    assert_eq!(world.fails_to_read(fast), Error::WouldBlock);
    assert!(!world.ready(fast).readable);
    assert!(!world.polls(writer).writable);
    assert_eq!(world.reads(slow), "full");
    assert!(!world.is_woken(writer), "the waiting write has filled it again");
    assert_eq!(world.was_written(waiting), 4);
    assert_eq!(world.reads(fast), "more");
    let waiting = world.waits_to_write(writer, "last");
    world.close(slow);
    assert_eq!(world.was_written(waiting), 4);
    assert_eq!(world.reads(fast), "last");
    assert_eq!(world.buffered_bytes(&pipe), 0);
}

/// SEMANTICS: broadcast-overflow
#[test]
fn what_a_slow_reader_misses_is_counted_for_it_alone() {
    for (overflow, kept) in [(Overflow::DropOldest, "ccc"), (Overflow::DropNewest, "aa")] {
        let (mut world, pipe, writer) = broadcast(|settings| {
            settings.capacity_bytes = 2;
            settings.pipe_type = PipeType::Message;
            settings.overflow = overflow;
        });
        let (fast, slow) = (world.opens(&pipe, Wanted::READ), world.opens(&pipe, Wanted::READ));
        for message in ["aa", "bbbb", "ccc"] {
            world.writes(writer, message);
            assert_eq!(world.reads(fast), message);
        }
        assert_eq!(dropped(&world, fast), (0, 0));
        assert_eq!(world.reads(slow), kept);
        assert_eq!(world.fails_to_read(slow), Error::WouldBlock);
        assert_eq!(dropped(&world, slow), (9 - kept.len() as u64, 2), "{overflow}");
        world.close(slow);
        assert_eq!(world.engine.pipe_state(&pipe).traffic.dropped_count, 2);
    }
}

/// SEMANTICS: broadcast-overflow
#[test]
fn with_error_a_write_reaches_all_or_none() {
    let (mut world, pipe, writer) = broadcast(|settings| {
        settings.capacity_bytes = 2;
        settings.overflow = Overflow::Error;
    });
    let (fast, slow) = (world.opens(&pipe, Wanted::READ), world.opens(&pipe, Wanted::READ));
    world.writes(writer, "aa");
    assert_eq!(world.reads(fast), "aa");
    assert_eq!(world.fails_to_write(writer, "bb"), Error::Full);
    assert_eq!(world.fails_to_read(fast), Error::WouldBlock);
    assert_eq!(world.reads(slow), "aa");
    world.writes(writer, "bb");
    assert_eq!([fast, slow].map(|reader| world.reads(reader)), ["bb", "bb"]);
}

/// SEMANTICS: broadcast-each
#[test]
fn lines_empty_messages_and_readers_of_bytes() {
    let (mut world, pipe, writer) = broadcast(|settings| {
        settings.pipe_type = PipeType::Message;
        settings.framing = Framing::Line;
    });
    let (lines, bytes) = (world.opens(&pipe, Wanted::READ), world.opens(&pipe, Wanted::READ));
    world.engine.set_read_mode(bytes, ReadMode::Byte).expect("a message pipe");
    world.writes(writer, "a\nb\nc");
    assert_eq!((world.reads(lines), world.reads(lines)), ("a\n".into(), "b\n".into()));
    assert_eq!(world.reads(bytes), "a\nb\n");
    world.close(writer);
    assert_eq!([lines, bytes].map(|reader| world.reads(reader)), ["c", "c"]);
}

/// SEMANTICS: broadcast-flush
#[test]
fn a_flush_waits_for_all_readers_that_stay() {
    let (mut world, pipe, writer) = broadcast(|_| {});
    assert_eq!(world.flush(writer).1, Ok(Progress::Done(())));
    let readers = [(); 3].map(|()| world.opens(&pipe, Wanted::READ));
    world.writes(writer, "text");
    let flush = world.flush(writer).0;
    world.writes(writer, "later");
    assert_eq!(world.reads_up_to(readers[0], 4), "text");
    assert_eq!(world.reads(readers[1]), "textlater");
    assert_eq!(world.answer(flush), None);
    world.close(readers[2]);
    assert_eq!(world.answer(flush), Some(pipefs::Answer::Flushed));
}

/// SEMANTICS: broadcast-reopen
#[test]
fn a_reopened_reader_has_no_second_lane() {
    let (mut world, pipe, writer) = broadcast(|settings| settings.capacity_bytes = 4);
    let reader = world.opens(&pipe, Wanted::READ);
    world.writes(writer, "full");
    world.unlink("p");
    let (_, again) = world.open(&pipe, Wanted::READ, Patience::Wait, Some(reader));
    assert_eq!(again, Ok(Progress::Done(reader)));
    let (_, other) = world.open(&pipe, Wanted::WRITE, Patience::Wait, Some(reader));
    assert_eq!(other, Err(Error::AccessDenied));
    world.close(reader);
    assert_eq!(world.reads(reader), "full");
    world.writes(writer, "more");
    world.close(reader);
    world.writes(writer, "nobody waits for this");
}

/// SEMANTICS: write-memory
#[test]
fn what_waits_for_each_reader_counts_against_memory() {
    let mut world = World::with_memory(10, |settings| settings.mode = Mode::Broadcast);
    let pipe = world.create("p");
    let writer = world.opens(&pipe, Wanted::WRITE);
    let readers = [(); 2].map(|()| world.opens(&pipe, Wanted::READ));
    world.writes(writer, "12345");
    assert_eq!(world.engine.memory().used_bytes, 10);
    let waiting = world.waits_to_write(writer, "6");
    assert_eq!(world.reads(readers[0]), "12345");
    assert_eq!(world.was_written(waiting), 1);
    assert_eq!(world.reads(readers[0]), "6");
    assert_eq!(world.reads(readers[1]), "123456");
    assert_eq!(world.engine.memory().used_bytes, 0);
    for end in readers.into_iter().chain([writer]) {
        world.close(end);
    }
}
