//! A panic in the middle of an operation: that pipe is given up, and nothing else.

use pipefs::settings::{Framing, PipeType};
use pipefs::{Blocking, Bounds, Error, Wanted};

use super::world::World;

/// Everybody who has to do with the pipe is told, and it works anew.
#[test]
fn a_pipe_on_which_an_operation_panics_is_given_up() {
    let mut world = World::with(|settings| settings.capacity_bytes = 4);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    world.writes(server, "full");
    let write = world.waits_to_write(server, "waits");
    let (flush, _) = world.flush(server);
    let other = world.create("other");
    let kept = world.opens(&other, Wanted::WRITE);
    world.writes(kept, "kept");
    let empty = world.create("empty");
    let open = world.waits_to_open(&empty, Wanted::READ);

    let given_up = world.engine.panic_within(&pipe, &mut world.effects);
    assert_eq!(given_up, Err(Error::GivenUp));
    world.cancel(open);
    assert_eq!(world.failure(write), Error::GivenUp);
    assert_eq!(world.failure(flush), Error::GivenUp);
    assert_eq!(world.failure(open), Error::Interrupted, "of another pipe");
    assert_eq!(world.engine.waiting_count(), 0);
    assert_eq!(world.write(server, "x", Blocking::Yes).1, Err(Error::BadHandle));
    assert_eq!((world.engine.memory().used_bytes, world.engine.end_count()), (4, 1));

    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    world.writes(server, "anew");
    assert_eq!(world.reads(client), "anew");
    let client = world.opens(&other, Wanted::READ);
    assert_eq!(world.reads(client), "kept");
    assert_eq!(world.engine.memory().used_bytes, 0);
}

/// What users held there is theirs no longer, and who waits for it elsewhere gets it.
#[test]
fn a_pipe_that_is_given_up_holds_nobodys_memory() {
    let bounds = Bounds { user_memory_bytes: Some(14), ..Bounds::memory(100) };
    let mut world = World::within(bounds, |settings| {
        settings.pipe_type = PipeType::Message;
        settings.framing = Framing::Line;
    });
    let [pipe, other] = ["p", "other"].map(|name| world.create(name));
    let server = world.opens(&pipe, Wanted::WRITE);
    world.writes(server, "a line\nand begun");
    assert_eq!(world.engine.users(), [(0, 16)]);
    let waits = world.opens(&other, Wanted::WRITE);
    let write = world.waits_to_write(waits, "more");
    let given_up = world.engine.panic_within(&pipe, &mut world.effects);
    assert_eq!(given_up, Err(Error::GivenUp));
    world.deliver();
    assert_eq!(world.was_written(write), 4);
    assert_eq!((world.engine.users(), world.engine.summary().instances), (vec![(0, 4)], 1));
}

/// Who polls asks again, and learns that the end has gone.
#[test]
fn who_polls_a_pipe_that_is_given_up_is_woken() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    assert!(!world.polls(client).readable);
    let _ = world.polls(server);
    let given_up = world.engine.panic_within(&pipe, &mut world.effects);
    assert_eq!(given_up, Err(Error::GivenUp));
    world.deliver();
    assert!(world.is_woken(client) && world.is_woken(server));
}
