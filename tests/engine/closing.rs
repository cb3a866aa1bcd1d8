//! Nothing that was accepted is lost, and everybody learns what happened.

use pipefs::{Error, Node, Ready, State, Wanted};

use super::world::World;

/// > the server closes while a client is connected: the client reads all that is buffered, then
/// > end of file
///
/// SEMANTICS: close-drains, read-end-of-file
#[test]
fn a_client_reads_what_the_server_left() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    world.writes(server, "the rest");
    world.close(server);
    assert_eq!(world.reads_up_to(client, 4), "the ");
    assert_eq!(world.reads(client), "rest");
    assert_eq!(world.reads(client), "");
    assert_eq!(world.reads(client), "", "and again");
}

/// A read that waits when the server closes is at the end of file.
///
/// SEMANTICS: close-drains
#[test]
fn a_waiting_read_ends_with_its_server() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let read = world.waits_to_read(client);
    world.close(server);
    assert_eq!(world.was_read(read), "");
}

/// > the server closes before a client came, and data is buffered: the instance stays and goes on
/// > listening, with its data, until the name is removed
///
/// SEMANTICS: close-lingers
#[test]
fn data_waits_for_a_client_after_its_server_has_gone() {
    let mut world = World::new();
    let pipe = world.create("p");
    for data in ["one", "two"] {
        let server = world.opens(&pipe, Wanted::WRITE);
        world.writes(server, data);
        world.close(server);
    }
    assert_eq!(
        world.engine.pipe_state(&pipe).instances,
        [(State::Lingering, 3), (State::Lingering, 3)]
    );
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!([world.reads(client), world.reads(client)], ["one", ""]);
    world.unlink("p");
    assert_eq!(world.engine.pipe_state(&pipe).traffic.discarded_bytes, 3);
    assert_eq!(world.engine.memory().used_bytes, 0);
}

/// > the server closes before a client came, and nothing is buffered: the instance is gone
///
/// SEMANTICS: close-empty
#[test]
fn a_server_that_wrote_nothing_leaves_nothing() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    world.close(server);
    assert_eq!(world.engine.pipe_state(&pipe).instances, []);
}

/// > the client closes: the server's writes fail with `EPIPE`; it reads what is buffered for it,
/// > then end of file; what the client had not read is discarded
///
/// SEMANTICS: close-client
#[test]
fn a_server_learns_that_its_client_has_gone() {
    let mut world = World::with(|settings| settings.capacity_bytes = 10);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::BOTH);
    let client = world.opens(&pipe, Wanted::BOTH);
    world.writes(client, "question");
    world.writes(server, "unread answer");
    let blocked = world.waits_to_write(server, "more");
    let (flush, _) = world.flush(server);
    world.close(client);
    assert_eq!(world.failure(blocked), Error::BrokenPipe);
    assert_eq!(world.failure(flush), Error::BrokenPipe);
    assert_eq!(world.fails_to_write(server, "!"), Error::BrokenPipe);
    assert_eq!([world.reads(server), world.reads(server)], ["question", ""]);
    assert_eq!(world.engine.pipe_state(&pipe).traffic.discarded_bytes, 13);
    let ready = Ready { readable: true, hangup: true, error: true, writable: false };
    assert_eq!(world.ready(server), ready);
}

/// > ends that are open go on; data that waits for a client is discarded
///
/// SEMANTICS: close-unlink
#[test]
fn open_ends_outlive_their_name() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let listening = world.opens(&pipe, Wanted::WRITE);
    world.writes(listening, "for nobody");
    world.unlink("p");
    world.writes(server, "hello");
    world.close(server);
    assert_eq!([world.reads(client), world.reads(client)], ["hello", ""]);
    world.close(listening);
    assert_eq!(world.engine.pipe_state(&pipe).traffic.discarded_bytes, 10);
    assert_eq!(world.engine.status(&Node::Pipe(pipe)).expect("it has one").links, 0);
}

/// > fsync(2) waits until the other side has read everything that was written before it, and fails
/// > with `EPIPE` if the other side closes first.
///
/// SEMANTICS: fsync-waits
#[test]
fn a_flush_waits_for_what_was_written_before_it() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.flush(server).1, Ok(pipefs::Progress::Done(())));
    world.writes(server, "before");
    let (flush, _) = world.flush(server);
    world.writes(server, "after");
    assert_eq!(world.reads_up_to(client, 5), "befor");
    assert_eq!(world.answer(flush), None);
    assert_eq!(world.reads_up_to(client, 1), "e");
    assert_eq!(world.answer(flush), Some(pipefs::Answer::Flushed));
    assert_eq!(world.flush(client).1, Ok(pipefs::Progress::Done(())), "it writes nothing");
    world.close(client);
    assert_eq!(world.flush(server).1, Err(Error::BrokenPipe));
}

/// What waits on behalf of an end that is closed ends with it.
#[test]
fn closing_an_end_ends_what_waits_at_it() {
    let mut world = World::with(|settings| settings.capacity_bytes = 1);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::BOTH);
    let client = world.opens(&pipe, Wanted::BOTH);
    world.writes(client, "full");
    let write = world.waits_to_write(client, "too much");
    let read = world.waits_to_read(client);
    let (flush, _) = world.flush(client);
    world.close(client);
    for ticket in [write, read, flush] {
        assert_eq!(world.failure(ticket), Error::BadHandle);
    }
    assert_eq!(world.engine.waiting_count(), 0);
    assert_eq!([world.reads(server), world.reads(server)], ["full", ""]);
}
