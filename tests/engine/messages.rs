//! Message pipes, and what a full lane throws away.

use pipefs::settings::{Framing, Linger, MESSAGE_MAX_BYTES, Mode, Overflow, PipeType};
use pipefs::{EndId, Error, Node, Progress, ROOT, Settings, Traffic, Wanted};

use super::world::World;

fn messages(change: impl FnOnce(&mut Settings)) -> (World, EndId, EndId) {
    let mut world = World::with(|settings| {
        settings.pipe_type = PipeType::Message;
        change(settings);
    });
    let pipe = world.create("p");
    let (server, client) = (world.opens(&pipe, Wanted::WRITE), world.opens(&pipe, Wanted::READ));
    (world, server, client)
}

fn traffic(world: &World) -> Traffic {
    match world.engine.lookup(ROOT, b"p") {
        Ok(Node::Pipe(pipe)) => world.engine.pipe_state(&pipe).traffic,
        other => panic!("{other:?}"),
    }
}

/// SEMANTICS: message-read
#[test]
fn a_read_returns_one_message_and_the_rest_of_it_next() {
    let (mut world, server, client) = messages(|_| {});
    world.writes(server, "first");
    world.writes(server, "second");
    assert_eq!(world.reads_up_to(client, 3), "fir");
    assert_eq!(world.reads(client), "st");
    assert_eq!(world.reads_up_to(client, 6), "second");
    let reads = [2, 9].map(|max| world.waits_to_read_up_to(client, max));
    world.writes(server, "third");
    assert_eq!(world.was_read(reads[0]), "th");
    assert_eq!(world.was_read(reads[1]), "ird");
}

/// SEMANTICS: message-limit
#[test]
fn a_message_that_is_too_long_is_refused_whole() {
    let (mut world, server, client) = messages(|settings| settings.capacity_bytes = 1 << 30);
    let longest = "x".repeat(MESSAGE_MAX_BYTES);
    world.writes(server, &longest);
    let error = world.fails_to_write(server, &format!("{longest}y"));
    assert_eq!(error, Error::MessageTooLong);
    assert_eq!(world.reads_up_to(client, 1 << 20), longest);
    assert_eq!(world.fails_to_read(client), Error::WouldBlock);
}

/// SEMANTICS: message-line
#[test]
fn every_newline_ends_a_message() {
    let (mut world, server, client) = messages(|settings| settings.framing = Framing::Line);
    world.writes(server, "a\nb\nbeg");
    assert_eq!(world.reads(client), "a\n");
    assert_eq!(world.reads(client), "b\n");
    assert_eq!(world.fails_to_read(client), Error::WouldBlock);
    world.writes(server, "un\n\nrest");
    assert_eq!(world.reads(client), "begun\n");
    assert_eq!(world.reads(client), "\n");
    world.close(server);
    assert_eq!(world.reads(client), "rest");
    assert_eq!(world.reads(client), "");
}

/// SEMANTICS: message-line, message-limit
#[test]
fn a_line_is_as_long_as_all_of_its_writes() {
    let (mut world, server, client) = messages(|settings| {
        settings.framing = Framing::Line;
        settings.capacity_bytes = 1 << 30;
    });
    let long = "x".repeat(MESSAGE_MAX_BYTES - 2);
    world.writes(server, &long);
    assert_eq!(world.fails_to_write(server, "yz\n"), Error::MessageTooLong);
    world.writes(server, "y\nz\n");
    assert_eq!(world.reads_up_to(client, 1 << 20), format!("{long}y\n"));
    assert_eq!(world.reads(client), "z\n");
}

/// Two writes that waited were each short enough, and their line was not.
///
/// SEMANTICS: message-limit
#[test]
fn a_line_does_not_grow_too_long_while_it_waits() {
    let (mut world, server, client) = messages(|settings| {
        settings.framing = Framing::Line;
        settings.capacity_bytes = 1;
    });
    world.writes(server, "full\n");
    let half = "x".repeat(MESSAGE_MAX_BYTES / 2);
    let halves = [half.clone(), half + "y"].map(|half| world.waits_to_write(server, &half));
    assert_eq!(world.reads(client), "full\n");
    assert_eq!(world.was_written(halves[0]) as usize, MESSAGE_MAX_BYTES / 2);
    assert_eq!(world.failure(halves[1]), Error::MessageTooLong);
}

/// What a begun line held was counted nowhere, and nowhere when it was lost.
///
/// SEMANTICS: message-begun
#[test]
fn a_begun_line_is_buffered() {
    let (mut world, server, client) = messages(|settings| {
        settings.framing = Framing::Line;
        settings.capacity_bytes = 4;
    });
    world.writes(server, "a\nbegun");
    assert_eq!(world.reads(client), "a\n");
    assert_eq!(traffic(&world).written_bytes, 7);
    let Ok(Node::Pipe(pipe)) = world.engine.lookup(ROOT, b"p") else { panic!("it was created") };
    let buffered = world.engine.pipe_state(&pipe).instances[0].1;
    assert_eq!((buffered, world.buffered_bytes(&pipe)), (5, 5));
    assert_eq!(world.flush(server).1, Ok(Progress::Done(())));
    world.writes(server, ", on");
    world.close(client);
    assert_eq!((traffic(&world).written_bytes, traffic(&world).discarded_bytes), (11, 9));
    assert_eq!(world.engine.memory().used_bytes, 0);
}

/// SEMANTICS: overflow-drop-oldest
#[test]
fn the_oldest_messages_make_room() {
    let (mut world, server, client) = messages(|settings| {
        settings.overflow = Overflow::DropOldest;
        settings.capacity_bytes = 6;
    });
    for text in ["one", "two", "three"] {
        world.writes(server, text);
    }
    assert_eq!(world.reads(client), "three");
    let traffic = traffic(&world);
    assert_eq!((traffic.dropped_bytes, traffic.dropped_count), (6, 2));
    assert_eq!((traffic.written_bytes, traffic.read_bytes), (11, 5));
}

/// SEMANTICS: overflow-drop-oldest
#[test]
fn the_rest_of_a_message_goes_as_the_oldest() {
    let (mut world, server, client) = messages(|settings| {
        settings.overflow = Overflow::DropOldest;
        settings.capacity_bytes = 6;
    });
    world.writes(server, "partly");
    assert_eq!(world.reads_up_to(client, 1), "p");
    world.writes(server, "2");
    world.writes(server, "3");
    assert_eq!(world.reads(client), "2");
    assert_eq!(world.reads(client), "3");
    assert_eq!((traffic(&world).dropped_bytes, traffic(&world).dropped_count), (5, 1));
}

/// SEMANTICS: message-begun
#[test]
fn a_line_that_a_reader_waits_for_needs_no_memory() {
    let mut world = World::with_memory(1, |settings| {
        settings.pipe_type = PipeType::Message;
        settings.framing = Framing::Line;
    });
    let pipe = world.create("p");
    let (server, client) = (world.opens(&pipe, Wanted::WRITE), world.opens(&pipe, Wanted::READ));
    let read = world.waits_to_read(client);
    world.writes(server, "a li");
    world.writes(server, "ne\n");
    assert_eq!(world.was_read(read), "a line\n");
}

/// SEMANTICS: overflow-drop-oldest
#[test]
fn a_byte_pipe_keeps_the_newest_bytes() {
    let mut world = World::with(|settings| {
        settings.overflow = Overflow::DropOldest;
        settings.capacity_bytes = 6;
    });
    let pipe = world.create("p");
    let (server, client) = (world.opens(&pipe, Wanted::WRITE), world.opens(&pipe, Wanted::READ));
    world.writes(server, "abcdef");
    world.writes(server, "gh");
    assert_eq!(world.reads(client), "cdefgh");
    world.writes(server, "123456");
    world.writes(server, "longer than six");
    assert_eq!(world.reads(client), "longer than six");
}

/// SEMANTICS: overflow-drop-newest
#[test]
fn the_newest_write_is_dropped_and_counted() {
    let (mut world, server, client) = messages(|settings| {
        settings.overflow = Overflow::DropNewest;
        settings.capacity_bytes = 3;
    });
    world.writes(server, "one");
    world.writes(server, "two");
    assert_eq!(world.reads(client), "one");
    assert_eq!(world.fails_to_read(client), Error::WouldBlock);
    assert_eq!((traffic(&world).dropped_bytes, traffic(&world).dropped_count), (3, 1));
}

/// A lane whose memory others hold emptied itself and made its writer wait.
///
/// SEMANTICS: overflow-memory
#[test]
fn a_writer_that_drops_does_not_wait_for_memory() {
    for pipe_type in [PipeType::Byte, PipeType::Message] {
        let mut world = World::with_memory(8, |settings| {
            settings.overflow = Overflow::DropOldest;
            settings.pipe_type = pipe_type;
        });
        let pipes = ["p", "other"].map(|name| world.create(name));
        let [server, other] = [0, 1].map(|pipe| world.opens(&pipes[pipe], Wanted::WRITE));
        world.writes(other, "lost");
        world.writes(server, "old.");
        world.writes(other, "all that");
        world.writes(server, "new");
        let client = world.opens(&pipes[0], Wanted::READ);
        let kept = if pipe_type == PipeType::Byte { ".new" } else { "new" };
        assert_eq!(world.reads(client), kept, "{pipe_type}");
        let dropped = traffic(&world);
        assert_eq!(dropped.dropped_bytes, 7 - kept.len() as u64);
        assert_eq!(dropped.dropped_count, 1);
    }
}

/// The beginning of a line and the end of another one were one message when what was between
/// them was dropped.
///
/// SEMANTICS: overflow-lines
#[test]
fn lines_are_dropped_whole() {
    let (mut world, server, client) = messages(|settings| {
        settings.framing = Framing::Line;
        settings.overflow = Overflow::DropNewest;
        settings.capacity_bytes = 3;
    });
    world.writes(server, "abc\ncut");
    world.writes(server, "off\nlast");
    assert_eq!(world.reads(client), "abc\n");
    world.writes(server, " line\n");
    assert_eq!(world.reads(client), "last line\n");
    let traffic = traffic(&world);
    assert_eq!((traffic.written_bytes, traffic.read_bytes), (21, 14));
    assert_eq!((traffic.dropped_bytes, traffic.dropped_count), (7, 1));
}

/// Lines that closes ended came into a full lane without limit.
///
/// SEMANTICS: overflow-lines
#[test]
fn a_line_that_a_close_ends_is_dropped_too() {
    for (overflow, kept) in [(Overflow::DropNewest, "full\n"), (Overflow::DropOldest, "9")] {
        let mut world = World::with(|settings| {
            settings.mode = Mode::Shared;
            settings.pipe_type = PipeType::Message;
            settings.framing = Framing::Line;
            settings.overflow = overflow;
            settings.capacity_bytes = 1;
        });
        let pipe = world.create("p");
        let (first, reader) = (world.opens(&pipe, Wanted::WRITE), world.opens(&pipe, Wanted::READ));
        world.writes(first, "full\n");
        for text in ["7", "8", "9"] {
            let writer = world.opens(&pipe, Wanted::WRITE);
            world.writes(writer, text);
            world.close(writer);
        }
        assert_eq!(world.reads(reader), kept);
        assert_eq!(world.fails_to_read(reader), Error::WouldBlock);
        assert_eq!(traffic(&world).dropped_count, 3);
    }
}

/// SEMANTICS: overflow-error
#[test]
fn a_full_lane_refuses() {
    let (mut world, server, client) = messages(|settings| {
        settings.overflow = Overflow::Error;
        settings.capacity_bytes = 3;
    });
    world.writes(server, "one");
    assert_eq!(world.fails_to_write(server, "two"), Error::Full);
    assert_eq!(world.reads(client), "one");
    world.writes(server, "two");
}

/// SEMANTICS: linger-drop
#[test]
fn data_goes_with_its_server() {
    let mut world = World::with(|settings| settings.linger = Linger::Drop);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    world.writes(server, "nobody came");
    world.close(server);
    assert_eq!(world.engine.pipe_state(&pipe).instances, []);
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    world.writes(server, "somebody did");
    world.close(server);
    assert_eq!(world.reads(client), "somebody did");
}

/// A write of no bytes made an empty message: its reader got 0 bytes, which say end of file.
///
/// SEMANTICS: data-zero-length
#[test]
fn a_write_of_nothing_is_no_message() {
    let (mut world, server, client) = messages(|settings| settings.capacity_bytes = 1);
    world.writes(server, "");
    assert_eq!(world.fails_to_read(client), Error::WouldBlock);
    world.writes(server, "x");
    world.writes(server, "");
    assert_eq!(world.reads(client), "x");
}

/// SEMANTICS: overflow-poll
#[test]
fn a_writer_that_never_waits_is_always_ready() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Error] {
        let (mut world, server, client) = messages(|settings| {
            settings.overflow = overflow;
            settings.capacity_bytes = 3;
        });
        world.writes(server, "full");
        assert!(world.ready(server).writable, "{overflow}");
        world.close(client);
        assert!(!world.ready(server).writable && world.ready(server).error, "{overflow}");
    }
}

/// SEMANTICS: linger-drop
#[test]
fn shared_data_goes_with_the_last_end() {
    let mut world = World::with(|settings| {
        settings.linger = Linger::Drop;
        settings.mode = Mode::Shared;
    });
    let pipe = world.create("p");
    let [first, last] = [(); 2].map(|()| world.opens(&pipe, Wanted::WRITE));
    world.writes(first, "nobody came");
    world.close(first);
    assert_eq!(world.buffered_bytes(&pipe), 11);
    world.close(last);
    assert_eq!(world.buffered_bytes(&pipe), 0);
}
