//! Who becomes server and who client, and how clients wait.

use std::time::Duration;

use pipefs::settings::{Access, Mode, OpenPolicy};
use pipefs::{Answer, Blocking, EndId, Error, Patience, Progress, State, Wanted};

use super::world::World;

/// > A server's open creates an instance that a client can connect to from that moment on; there
/// > is no separate step of accepting.
///
/// SEMANTICS: open-server-listens, open-wronly, open-rdonly
#[test]
fn a_client_connects_as_soon_as_a_server_has_opened() {
    let mut world = World::new();
    let pipe = world.create("p");
    world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.engine.pipe_state(&pipe).instances, [(State::Listening, 0)]);
    world.opens(&pipe, Wanted::READ);
    assert_eq!(world.engine.pipe_state(&pipe).instances, [(State::Connected, 0)]);
}

/// > A client gets the instance that has been listening longest, and of several waiting clients
/// > the one that came first is served first.
///
/// SEMANTICS: open-oldest-first
#[test]
fn those_who_came_first_are_served_first() {
    let mut world = World::new();
    let pipe = world.create("p");
    let first = world.opens(&pipe, Wanted::WRITE);
    let second = world.opens(&pipe, Wanted::WRITE);
    world.writes(second, "second");
    world.writes(first, "first");
    for expected in ["first", "second"] {
        let client = world.opens(&pipe, Wanted::READ);
        assert_eq!(world.reads(client), expected);
    }
    let waiting = [(); 3].map(|()| world.waits_to_open(&pipe, Wanted::READ));
    for open in waiting {
        world.opens(&pipe, Wanted::WRITE);
        world.opened(open);
    }
}

/// > What the first server decided for an `auto` pipe is forgotten when the last instance has
/// > gone.
///
/// SEMANTICS: open-auto-forgets
#[test]
fn an_auto_pipe_can_change_its_direction_once_it_is_empty() {
    let mut world = World::new();
    let pipe = world.create("p");
    let outbound = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.fails_to_open(&pipe, Wanted::BOTH), Error::AccessDenied);
    world.close(outbound);
    let server = world.opens(&pipe, Wanted::BOTH);
    let client = world.opens(&pipe, Wanted::WRITE);
    world.writes(client, "a question");
    assert_eq!(world.reads(server), "a question");
}

/// SEMANTICS: open-suits
///
/// A client that began to wait for a duplex server could not do anything with the instance of one
/// that only writes, and would keep it from the readers for whom it is meant.
#[test]
fn a_client_that_wants_to_write_gets_no_instance_that_only_writes() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::SERVE_BOTH);
    let client = world.opens(&pipe, Wanted::READ);
    let writer = world.waits_to_open(&pipe, Wanted::WRITE);
    world.close(server);
    world.close(client);

    let outbound = world.opens(&pipe, Wanted::WRITE);
    world.writes(outbound, "for a reader");
    assert_eq!(world.answer(writer), None);
    let reader = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads(reader), "for a reader");
    world.close(outbound);
    world.close(reader);

    let duplex = world.opens(&pipe, Wanted::SERVE_BOTH);
    let writer = world.opened(writer);
    world.writes(writer, "at last");
    assert_eq!(world.reads(duplex), "at last");
}

/// > With `max_instances` instances there already, one more server's open fails with `EBUSY`. An
/// > instance that its server has closed and its client still reads does not count.
///
/// SEMANTICS: open-max-instances
#[test]
fn there_are_at_most_max_instances() {
    let mut world = World::with(|settings| settings.max_instances = Some(1));
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.fails_to_open(&pipe, Wanted::WRITE), Error::Busy);
    world.opens(&pipe, Wanted::READ);
    assert_eq!(world.fails_to_open(&pipe, Wanted::WRITE), Error::Busy);
    world.close(server);
    assert_eq!(world.engine.pipe_state(&pipe).instances, [(State::Draining, 0)]);
    world.opens(&pipe, Wanted::WRITE);
}

/// > waits (`open=wait`, the default); but no longer than `wait_timeout`, then it fails with
/// > `ETIMEDOUT`
///
/// SEMANTICS: open-waits, open-wait-timeout
#[test]
fn a_client_waits_as_long_as_wait_timeout_says() {
    let second = Duration::from_secs(1);
    let mut world = World::with(|settings| settings.wait_timeout = Some(second));
    let pipe = world.create("p");
    let late = world.waits_to_open(&pipe, Wanted::READ);
    assert!(std::mem::take(&mut world.effects.deadline_added));
    assert_eq!(world.engine.next_deadline(), Some(world.now().monotonic + second));
    world.pass(second - Duration::from_nanos(1));
    assert_eq!(world.answer(late), None);
    world.pass(Duration::from_nanos(1));
    assert_eq!(world.failure(late), Error::TimedOut);
    assert_eq!(world.engine.next_deadline(), None);

    let in_time = world.waits_to_open(&pipe, Wanted::READ);
    world.opens(&pipe, Wanted::WRITE);
    world.opened(in_time);
    world.pass(second * 2);
    assert_eq!(world.answer(in_time), None, "it has been answered before");
}

/// A timeout that no clock can reach is none: it must not end in an overflow.
#[test]
fn the_longest_timeout_is_for_ever() {
    let mut world = World::with(|settings| settings.wait_timeout = Some(Duration::MAX));
    let pipe = world.create("p");
    world.waits_to_open(&pipe, Wanted::READ);
    assert_eq!(world.engine.next_deadline(), None);
}

/// > fails at once with `EBUSY` if the pipe has `open=fail`
///
/// SEMANTICS: open-fail
#[test]
fn open_fail_does_not_wait() {
    let mut world = World::with(|settings| settings.open = OpenPolicy::Fail);
    let pipe = world.create("p");
    assert_eq!(world.fails_to_open(&pipe, Wanted::READ), Error::Busy);
    let (_, opened) = world.open(&pipe, Wanted::READ, Patience::NonBlocking, None);
    assert_eq!(opened, Err(Error::Busy));
    assert_eq!(world.engine.end_count(), 0);
}

/// > succeeds at once if it opened with `O_NONBLOCK`. It is a *pending* client then: reads fail
/// > with `EAGAIN` until a server comes, and poll reports no event before that.
///
/// SEMANTICS: open-nonblock-pending, poll-pending
#[test]
fn a_pending_client_is_connected_by_the_next_server() {
    let mut world = World::new();
    let pipe = world.create("p");
    let client = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    assert_eq!(world.fails_to_read(client), Error::WouldBlock);
    assert_eq!(world.polls(client), pipefs::Ready::default());
    let server = world.opens(&pipe, Wanted::WRITE);
    world.writes(server, "hello");
    assert!(world.is_woken(client));
    assert_eq!(world.reads(client), "hello");
}

/// > An open that has just created its name does not wait, even if it becomes a client: then its
/// > first read waits instead.
///
/// SEMANTICS: create-never-waits
#[test]
fn the_first_read_waits_for_the_server_if_the_open_could_not() {
    let mut world = World::with(|settings| settings.open = OpenPolicy::Fail);
    let pipe = world.create("p");
    let client = world.opens_with(&pipe, Wanted::READ, Patience::Created);
    let read = world.waits_to_read(client);
    let server = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.answer(read), None);
    world.writes(server, "hello");
    assert_eq!(world.was_read(read), "hello");
}

/// The same for a client that writes: what waited is accepted in order once a server is there.
#[test]
fn writes_of_a_pending_client_wait_for_the_server() {
    let mut world = World::with(|settings| settings.access = Access::Inbound);
    let pipe = world.create("p");
    let client = world.opens_with(&pipe, Wanted::WRITE, Patience::Created);
    let writes = ["one ", "two"].map(|data| world.waits_to_write(client, data));
    let server = world.opens(&pipe, Wanted::READ);
    assert_eq!(writes.map(|write| world.was_written(write)), [4, 3]);
    assert_eq!(world.reads(server), "one two");
}

/// > An open by way of `/proc/self/fd/N`, `/dev/stdin`, `/dev/stdout` or `/dev/fd/N` joins the
/// > end that it names, as dup(2) would, and takes no other instance. An end that was opened for
/// > one direction cannot be joined for the other: `EACCES`.
///
/// SEMANTICS: instance-reopen
#[test]
fn a_reopened_end_is_the_same_end() {
    let mut world = World::new();
    let pipe = world.create("p");
    let first = world.opens(&pipe, Wanted::WRITE);
    world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let (_, again) = world.open(&pipe, Wanted::READ, Patience::Wait, Some(client));
    assert_eq!(again, Ok(Progress::Done(client)));
    let (_, other) = world.open(&pipe, Wanted::WRITE, Patience::Wait, Some(client));
    assert_eq!(other, Err(Error::AccessDenied));

    world.close(client);
    world.writes(first, "still there");
    assert_eq!(world.reads(client), "still there");
    world.close(client);
    assert_eq!(world.fails_to_write(first, "gone"), Error::BrokenPipe);
    assert_eq!(world.engine.close(client, world.now(), &mut world.effects), Err(Error::BadHandle));
}

/// A pending client is joined like any other; both wait for the same server.
#[test]
fn a_pending_end_can_be_reopened() {
    let mut world = World::new();
    let pipe = world.create("p");
    let client = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    let (_, again) = world.open(&pipe, Wanted::READ, Patience::Wait, Some(client));
    assert_eq!(again, Ok(Progress::Done(client)));
    world.close(client);
    let read = world.waits_to_read(client);
    world.close(client);
    assert_eq!(world.failure(read), Error::BadHandle);
    let server = world.opens(&pipe, Wanted::WRITE);
    world.writes(server, "for somebody else");
    assert_eq!(world.buffered_bytes(&pipe), 17);
}

/// The end of an open that waits has a number already, which nobody was told. Whoever guesses it
/// must not be able to do anything with it: closing it would leave the open without an answer.
#[test]
fn the_end_of_an_open_that_waits_is_nobodys_yet() {
    let mut world = World::new();
    let pipe = world.create("p");
    let open = world.waits_to_open(&pipe, Wanted::READ);
    assert_eq!(world.engine.end_count(), 0);
    for guess in (0..10).map(EndId::from_raw) {
        assert_eq!(world.read(guess, 1, Blocking::Yes).1, Err(Error::BadHandle));
        assert_eq!(world.flush(guess).1, Err(Error::BadHandle));
        assert_eq!(world.engine.poll(guess, None, &mut world.effects), Err(Error::BadHandle));
        assert_eq!(
            world.engine.close(guess, world.now(), &mut world.effects),
            Err(Error::BadHandle)
        );
        let (_, joined) = world.open(&pipe, Wanted::READ, Patience::Wait, Some(guess));
        assert_eq!(joined, Ok(Progress::Waiting), "it waits for itself");
    }
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opened(open);
    world.writes(server, "hello");
    assert_eq!(world.reads(client), "hello");
}

/// > opens that wait fail with `ENOENT`
///
/// SEMANTICS: close-unlink
#[test]
fn nobody_waits_for_a_name_that_is_gone() {
    let mut world = World::new();
    let pipe = world.create("p");
    let open = world.waits_to_open(&pipe, Wanted::READ);
    let pending = world.opens_with(&pipe, Wanted::READ, Patience::Created);
    let read = world.waits_to_read(pending);
    world.polls(pending);
    world.unlink("p");
    assert_eq!(world.answer(open), Some(Answer::Failed(Error::NotFound)));
    assert_eq!(world.failure(read), Error::NotFound);
    assert!(world.is_woken(pending));
    assert_eq!(world.fails_to_read(pending), Error::NotFound);
    assert_eq!(world.fails_to_open(&pipe, Wanted::WRITE), Error::NotFound);
}

/// An open whose caller cannot wait is a pending client's, where any other would wait, and refused
/// where any other is.
#[test]
fn an_open_that_cannot_wait_leaves_that_to_the_first_read() {
    for mode in [Mode::Instance, Mode::Shared, Mode::Broadcast] {
        let mut world = World::with(|settings| settings.mode = mode);
        let pipe = world.create("p");
        let client = world.opens_with(&pipe, Wanted::READ, Patience::Later);
        let read = world.waits_to_read(client);
        let server = world.opens_with(&pipe, Wanted::WRITE, Patience::Later);
        world.writes(server, "hello");
        assert_eq!(world.was_read(read), "hello", "{mode:?}");
    }
    let mut world = World::with(|settings| settings.open = OpenPolicy::Fail);
    let pipe = world.create("p");
    let (_, refused) = world.open(&pipe, Wanted::READ, Patience::Later, None);
    assert_eq!(refused, Err(Error::Busy));
}
