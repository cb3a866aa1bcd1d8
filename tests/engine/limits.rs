//! How many names and instances there may be on a whole mount.

use pipefs::settings::{Lifetime, Mode};
use pipefs::{Bounds, Error, ROOT, Wanted};

use super::world::{World, attributes};

fn with_names(max_names: usize) -> World {
    World::within(Bounds { max_names, ..Bounds::memory(u64::MAX) }, |_| {})
}

fn with_instances(max_instances: u64, mode: Mode) -> World {
    let bounds = Bounds { max_instances, ..Bounds::memory(u64::MAX) };
    World::within(bounds, |settings| settings.mode = mode)
}

/// > A mount has at most `max_pipes` names, those of directories included: creating one more fails
/// > with `ENOSPC`.
///
/// SEMANTICS: max-pipes
#[test]
fn names_are_limited_whatever_they_lead_to() {
    let mut world = with_names(2);
    world.create("a");
    let made = world.engine.make_directory(ROOT, b"sub", attributes()).unwrap();
    let create = |world: &World, directory, name: &str| {
        world.engine.create(directory, name.as_bytes(), attributes(), None).map(drop)
    };
    assert_eq!(create(&world, ROOT, "b"), Err(Error::TooManyNames));
    assert_eq!(create(&world, made, "b"), Err(Error::TooManyNames));
    let refused = world.engine.make_directory(made, b"sub", attributes()).map(drop);
    assert_eq!(refused, Err(Error::TooManyNames));
    assert_eq!(create(&world, ROOT, "a"), Err(Error::Exists), "what is wrong anyway is said");
    world.unlink("a");
    assert_eq!(create(&world, made, "b"), Ok(()));
    assert_eq!(world.engine.summary().names, 2);
    world.engine.unlink(made, b"b", world.now(), &mut world.effects).unwrap();
    world.engine.remove_directory(ROOT, b"sub", world.now()).unwrap();
    assert_eq!(world.engine.summary().names, 0);
}

/// A rename makes no name and may take one away.
#[test]
fn a_rename_does_not_need_another_name() {
    use pipefs::Rename::{Exchange, Replace};
    let mut world = with_names(2);
    world.create("a");
    world.create("b");
    let mut rename = |from: &str, to: &str, how| {
        let (from, to) = ((ROOT, from.as_bytes()), (ROOT, to.as_bytes()));
        world.engine.rename(from, to, how, world.now(), &mut world.effects).unwrap();
        world.engine.summary().names
    };
    assert_eq!(rename("a", "c", Replace), 2);
    assert_eq!(rename("c", "b", Exchange), 2);
    assert_eq!(rename("c", "b", Replace), 1);
    world.create("d");
}

/// A name that goes by itself makes room, and comes back only if there is some.
#[test]
fn a_name_that_went_has_to_find_room_again() {
    let bounds = Bounds { max_names: 1, ..Bounds::memory(u64::MAX) };
    let mut world = World::within(bounds, |settings| settings.lifetime = Lifetime::LastClose);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    world.close(server);
    assert_eq!(world.engine.summary().names, 0);
    let server = world.opens(&pipe, Wanted::WRITE);
    world.close(server);
    world.create("other");
    assert_eq!(world.fails_to_open(&pipe, Wanted::WRITE), Error::NotFound);
}

/// > With `total_instances` instances on the mount, a server's open fails with `EBUSY`.
///
/// SEMANTICS: total-instances
#[test]
fn instances_are_limited_over_all_pipes() {
    let mut world = with_instances(2, Mode::Instance);
    let pipes = ["a", "b", "c"].map(|name| world.create(name));
    let first = world.opens(&pipes[0], Wanted::WRITE);
    let second = world.opens(&pipes[1], Wanted::WRITE);
    assert_eq!(world.fails_to_open(&pipes[2], Wanted::WRITE), Error::Busy);
    assert_eq!(world.engine.summary().instances, 2);
    let client = world.opens(&pipes[0], Wanted::READ);
    world.writes(first, "kept for a client");
    world.close(first);
    assert_eq!(world.fails_to_open(&pipes[2], Wanted::WRITE), Error::Busy, "it is read still");
    world.close(client);
    let third = world.opens(&pipes[2], Wanted::WRITE);
    world.writes(second, "for nobody");
    world.close(second);
    assert_eq!(world.fails_to_open(&pipes[0], Wanted::WRITE), Error::Busy, "it waits for one");
    world.unlink("b");
    world.close(third);
    assert_eq!(world.engine.summary().instances, 0);
}

/// The one conduit of a shared or broadcast pipe is an instance, too.
///
/// SEMANTICS: total-instances
#[test]
fn a_joined_pipe_is_one_instance() {
    for mode in [Mode::Shared, Mode::Broadcast] {
        let mut world = with_instances(1, mode);
        let pipes = ["a", "b"].map(|name| world.create(name));
        let ends = [Wanted::WRITE, Wanted::WRITE, Wanted::READ];
        let ends = ends.map(|wanted| world.opens(&pipes[0], wanted));
        assert_eq!(world.fails_to_open(&pipes[1], Wanted::WRITE), Error::Busy);
        ends.into_iter().for_each(|end| world.close(end));
        world.opens(&pipes[1], Wanted::WRITE);
    }
}
