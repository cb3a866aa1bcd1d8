//! Interrupts: whatever waits can be ended, at any moment, and nothing is answered twice.

use std::time::Duration;

use bytes::Bytes;
use pipefs::{Blocking, Effects, Error, Now, Open, Patience, Progress, Ticket, Wanted, Who};

use super::world::World;

/// > Each of them ends at once when a signal arrives: with `EINTR`, or with the count of the bytes
/// > that were moved already. The pipe goes on as if it had not been tried.
///
/// SEMANTICS: wait-interrupt
#[test]
fn whatever_waits_can_be_interrupted() {
    let mut world = World::with(|settings| settings.capacity_bytes = 4);
    let pipe = world.create("p");
    let open = world.waits_to_open(&pipe, Wanted::READ);
    world.cancel(open);
    assert_eq!(world.failure(open), Error::Interrupted);

    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let read = world.waits_to_read(client);
    world.cancel(read);
    assert_eq!(world.failure(read), Error::Interrupted);

    world.writes(server, "full");
    let writes = ["taken back", "kept"].map(|data| world.waits_to_write(server, data));
    let (flush, _) = world.flush(server);
    world.cancel(writes[0]);
    world.cancel(flush);
    assert_eq!(world.failure(writes[0]), Error::Interrupted);
    assert_eq!(world.failure(flush), Error::Interrupted);

    assert_eq!(world.reads(client), "full");
    assert_eq!(world.was_written(writes[1]), 4);
    assert_eq!(world.reads(client), "kept");
    assert_eq!(world.engine.waiting_count(), 0);
}

/// One of several that wait is taken out; the others keep their places.
///
/// SEMANTICS: wait-order
#[test]
fn an_interrupt_leaves_the_others_waiting() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let reads = [(); 3].map(|()| world.waits_to_read_up_to(client, 1));
    world.cancel(reads[1]);
    assert_eq!(world.failure(reads[1]), Error::Interrupted);
    world.writes(server, "ab");
    assert_eq!([world.was_read(reads[0]), world.was_read(reads[2])], ["a", "b"]);
}

/// A signal may be seen before its operation: then that must not begin to wait.
#[test]
fn an_interrupt_that_comes_first_is_kept() {
    let mut world = World::new();
    let pipe = world.create("p");
    let next = Ticket(world.ticket().0 + 1);
    world.cancel(next);
    assert_eq!(world.fails_to_open(&pipe, Wanted::READ), Error::Interrupted);
    assert_eq!((world.engine.waiting_count(), world.engine.end_count()), (0, 0));
    assert!(world.engine.pipe_state(&pipe).holders.is_empty());
    world.waits_to_open(&pipe, Wanted::READ);
}

/// An operation that need not wait is done, interrupt or not.
#[test]
fn an_interrupt_that_comes_first_hurts_nobody_who_need_not_wait() {
    let mut world = World::new();
    let pipe = world.create("p");
    let next = Ticket(world.ticket().0 + 1);
    world.cancel(next);
    let server = world.opens(&pipe, Wanted::WRITE);
    let next = Ticket(world.ticket().0 + 1);
    world.cancel(next);
    world.writes(server, "x");
    assert_eq!(world.buffered_bytes(&pipe), 1);
}

/// An interrupt for what has been answered, or a second one, does nothing.
#[test]
fn an_interrupt_that_comes_late_does_nothing() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let read = world.waits_to_read(client);
    world.writes(server, "x");
    world.cancel(read);
    assert_eq!(world.was_read(read), "x");
    assert_eq!(world.answer(read), None);
    let read = world.waits_to_read(client);
    world.cancel(read);
    world.cancel(read);
    assert_eq!(world.failure(read), Error::Interrupted);
    assert_eq!(world.answer(read), None);
}

/// > every operation that waits fails, and the mount goes
///
/// What would wait from then on fails, too; what need not wait still works.
#[test]
fn nothing_waits_after_the_shut_down() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let read = world.waits_to_read(client);
    let open = world.waits_to_open(&pipe, Wanted::READ);
    world.shut_down();
    assert_eq!(world.failure(read), Error::ShutDown);
    assert_eq!(world.failure(open), Error::ShutDown);
    assert_eq!(world.fails_to_open(&pipe, Wanted::READ), Error::ShutDown);
    assert_eq!(world.read(client, 1, Blocking::Yes).1, Err(Error::ShutDown));
    world.writes(server, "x");
    assert_eq!(world.reads(client), "x");
    assert_eq!(world.engine.waiting_count(), 0);
}

/// One value of effects can be used for many calls before it is delivered; answers stay in the
/// order in which they were decided, and none is taken for another's.
#[test]
fn effects_can_be_collected_over_many_calls() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let reads = [(); 2].map(|()| world.waits_to_read(client));
    let (mut effects, now) = (Effects::default(), world.now());
    for data in ["one", "two", "three"] {
        let (data, ticket) = (Bytes::from_static(data.as_bytes()), world.ticket());
        let written = world.engine.write(server, data, Blocking::Yes, ticket, now, &mut effects);
        assert!(matches!(written, Ok(Progress::Done(_))));
    }
    world.engine.cancel(reads[0], &mut effects);
    assert_eq!(effects.answers.iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), reads);
    assert_eq!(world.reads(client), "three");
    assert_eq!(world.engine.waiting_count(), 0);
}

/// The wall clock may be set to anything at any moment: only the monotonic clock ends waits.
///
/// SEMANTICS: open-wait-timeout
#[test]
fn a_jump_of_the_clock_moves_no_deadline() {
    const YEARS: Duration = Duration::from_secs(10 * 365 * 86_400);
    let mut world = World::with(|settings| settings.wait_timeout = Some(Duration::from_secs(5)));
    let pipe = world.create("p");
    let start = world.now();
    for wall in [start.wall + YEARS, start.wall, start.wall - YEARS] {
        let ticket = world.ticket();
        let now = Now { wall, ..start };
        let open = Open {
            wanted: Wanted::READ,
            who: Who::default(),
            patience: Patience::Wait,
            reopens: None,
        };
        let opened = world.engine.open(&pipe, open, ticket, now, &mut world.effects);
        assert_eq!(opened, Ok(Progress::Waiting));
        assert_eq!(world.engine.next_deadline(), Some(start.monotonic + Duration::from_secs(5)));
        world.engine.expire(start.monotonic + Duration::from_secs(4), &mut world.effects);
        world.deliver();
        assert_eq!(world.answer(ticket), None, "it waits");
        world.engine.expire(start.monotonic + Duration::from_secs(5), &mut world.effects);
        world.deliver();
        assert_eq!(world.failure(ticket), Error::TimedOut);
    }
}
