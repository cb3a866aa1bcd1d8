//! Shared mode: what POSIX says of FIFOs.

use pipefs::settings::Mode;
use pipefs::{Error, Patience, Progress, Ready, Wanted};

use super::world::World;

fn shared() -> World {
    World::with(|settings| settings.mode = Mode::Shared)
}

/// > All writers' data is joined in the order in which it was accepted. Readers compete: each byte
/// > goes to exactly one of them.
///
/// SEMANTICS: shared-order, shared-compete
#[test]
fn writers_are_joined_and_readers_compete() {
    let mut world = shared();
    let pipe = world.create("p");
    let writers = [(); 2].map(|()| world.opens(&pipe, Wanted::WRITE));
    world.writes(writers[0], "a1 ");
    world.writes(writers[1], "b1 ");
    world.writes(writers[0], "a2");
    let readers = [(); 2].map(|()| world.opens(&pipe, Wanted::READ));
    assert_eq!(world.reads_up_to(readers[0], 4), "a1 b");
    assert_eq!(world.reads(readers[1]), "1 a2");
    let reads = readers.map(|reader| world.waits_to_read(reader));
    world.writes(writers[1], "for the first");
    assert_eq!(world.was_read(reads[0]), "for the first");
    assert_eq!(world.answer(reads[1]), None);
}

/// > Readers see end of file when the last writer has closed and everything has been read; a
/// > writer that comes later revives the pipe for readers that are still there.
///
/// SEMANTICS: shared-eof
#[test]
fn a_new_writer_revives_the_readers() {
    let mut world = shared();
    let pipe = world.create("p");
    let writers = [(); 2].map(|()| world.opens(&pipe, Wanted::WRITE));
    let reader = world.opens(&pipe, Wanted::READ);
    let read = world.waits_to_read(reader);
    world.close(writers[0]);
    assert_eq!(world.answer(read), None, "one is left");
    world.close(writers[1]);
    assert_eq!(world.was_read(read), "");
    assert_eq!(world.reads(reader), "");
    assert!(world.ready(reader).hangup);
    let writer = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.ready(reader), Ready::default());
    let read = world.waits_to_read(reader);
    world.writes(writer, "again");
    assert_eq!(world.was_read(read), "again");
}

/// > An `O_RDWR` open (`exec 3<>pipe`) holds both ends and never waits.
///
/// SEMANTICS: shared-rdwr
#[test]
fn one_who_holds_both_ends_reads_what_it_wrote() {
    let mut world = shared();
    let pipe = world.create("p");
    let both = world.opens(&pipe, Wanted::BOTH);
    world.writes(both, "to myself");
    assert_eq!(world.reads(both), "to myself");
    assert_eq!(world.fails_to_read(both), Error::WouldBlock, "no end of file: it is a writer");
    assert_eq!(world.ready(both), Ready { writable: true, ..Ready::default() });
}

/// > Unlike with a FIFO, a writer's open does not wait for a reader, and what it wrote stays after
/// > it has closed.
///
/// SEMANTICS: shared-writer-goes-first, shared-keeps-unread
#[test]
fn what_was_written_stays_for_the_next_reader() {
    let mut world = shared();
    let pipe = world.create("p");
    let writer = world.opens(&pipe, Wanted::WRITE);
    world.writes(writer, "one two three");
    world.close(writer);
    let reader = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads_up_to(reader, 4), "one ");
    world.close(reader);
    let reader = world.opens(&pipe, Wanted::READ);
    assert_eq!([world.reads(reader), world.reads(reader)], ["two three", ""]);
    world.close(reader);
    assert_eq!(world.engine.pipe_state(&pipe).instances, []);
}

/// > A reader's open waits until the pipe has a writer or data; with `O_NONBLOCK` it succeeds at
/// > once.
///
/// SEMANTICS: shared-reader-waits, shared-reader-nonblock
#[test]
fn a_readers_open_waits_for_a_writer() {
    let mut world = shared();
    let pipe = world.create("p");
    let opens = [(); 2].map(|()| world.waits_to_open(&pipe, Wanted::READ));
    let impatient = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    assert_eq!(world.reads(impatient), "", "as with a FIFO that has no writer");
    assert_eq!(world.ready(impatient), Ready::default(), "nobody has hung up");
    world.opens(&pipe, Wanted::WRITE);
    for open in opens {
        world.opened(open);
    }
}

/// > An `O_WRONLY|O_NONBLOCK` open of a pipe without reader fails with `ENXIO`.
///
/// SEMANTICS: shared-writer-nonblock
#[test]
fn a_nonblocking_writer_needs_a_reader() {
    let mut world = shared();
    let pipe = world.create("p");
    let (_, opened) = world.open(&pipe, Wanted::WRITE, Patience::NonBlocking, None);
    assert_eq!(opened, Err(Error::NoReader));
    let open = world.waits_to_open(&pipe, Wanted::READ);
    world.opens_with(&pipe, Wanted::WRITE, Patience::NonBlocking);
    world.opened(open);
}

/// A writer whose readers have left gets `EPIPE`, one that came later does not: what it writes
/// waits for the next reader.
#[test]
fn a_writer_breaks_with_the_readers_that_it_had() {
    let mut world = shared();
    let pipe = world.create("p");
    let early = world.opens(&pipe, Wanted::WRITE);
    let reader = world.opens(&pipe, Wanted::READ);
    world.close(reader);
    assert_eq!(world.fails_to_write(early, "x"), Error::BrokenPipe);
    let late = world.opens(&pipe, Wanted::WRITE);
    world.writes(late, "for the next one");
    assert_eq!(world.polls(early), Ready { error: true, ..Ready::default() });

    let reader = world.opens(&pipe, Wanted::READ);
    assert!(world.is_woken(early), "it can write again");
    world.writes(early, "!");
    assert_eq!(world.reads(reader), "for the next one!");
}

/// > An open by way of `/proc/self/fd/N` is one more member, also when the name has been removed.
///
/// SEMANTICS: shared-reopen
#[test]
fn a_reopen_needs_no_name() {
    let mut world = shared();
    let pipe = world.create("p");
    let writer = world.opens(&pipe, Wanted::WRITE);
    world.writes(writer, "before");
    world.unlink("p");
    assert_eq!(world.fails_to_open(&pipe, Wanted::READ), Error::NotFound);
    let (_, reopened) = world.open(&pipe, Wanted::READ, Patience::Wait, Some(writer));
    let Ok(Progress::Done(reader)) = reopened else { panic!("{reopened:?}") };
    assert_eq!(world.reads(reader), "before");
}

/// SEMANTICS: shared-unmet-writer
#[test]
fn a_writer_that_wrote_nothing_is_the_end_for_the_next_reader() {
    let mut world = shared();
    let pipe = world.create("p");
    for _ in 0..2 {
        let writer = world.opens(&pipe, Wanted::WRITE);
        world.close(writer);
    }
    let reader = world.opens(&pipe, Wanted::READ);
    assert!(world.ready(reader).hangup);
    assert_eq!(world.reads(reader), "");
    world.close(reader);
    // Once: the next reader waits for the next writer.
    let waiting = world.waits_to_open(&pipe, Wanted::READ);
    let writer = world.opens(&pipe, Wanted::WRITE);
    let reader = world.opened(waiting);
    world.close(writer);
    assert_eq!(world.reads(reader), "");
    world.close(reader);
    // Whose reader was there, and who has only made the name, is nobody's end.
    world.waits_to_open(&pipe, Wanted::READ);
    let touched = world.create("q");
    let touching = world.opens_with(&touched, Wanted::WRITE, Patience::Created);
    world.close(touching);
    world.waits_to_open(&touched, Wanted::READ);
}
