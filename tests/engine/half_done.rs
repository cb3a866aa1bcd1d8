//! A panic in the middle of a change of the tree of names: nothing is half done.
//!
//! Each change is made again and again, with a panic one step later each time, until it gets
//! through; what it has not done is compared with what was there.

use pipefs::settings::Lifetime;
use pipefs::{Attributes, Error, Heir, Ino, Node, PipeHandle, ROOT, Rename, Wanted};

use super::world::{World, attributes};

/// All that can be seen of names: paths, what they lead to, attributes and links.
fn snapshot(world: &World) -> Vec<(String, Ino, Attributes, u32)> {
    let mut seen = Vec::new();
    let mut pending = vec![(String::new(), ROOT, ROOT)];
    while let Some((path, ino, above)) = pending.pop() {
        let listing = world.engine.list(ino).expect("an entry leads somewhere");
        assert_eq!(listing.parent, above, "of `{path}`");
        let status = world.engine.status(&Node::Directory(ino)).unwrap();
        seen.push((path.clone(), ino, status.attributes, status.links));
        for (name, node) in listing.entries {
            let path = format!("{path}/{}", name.as_bytes().escape_ascii());
            match node {
                Node::Directory(inner) => pending.push((path, inner, ino)),
                Node::Pipe(pipe) => {
                    let status = world.engine.status(&Node::Pipe(pipe)).unwrap();
                    assert_eq!(status.links, 1, "`{path}` leads to it");
                    seen.push((path, status.ino, status.attributes, 1));
                }
            }
        }
    }
    let directories = seen.iter().filter(|(.., links)| *links > 1).count();
    let summary = world.engine.summary();
    let counts = (summary.pipes, summary.directories);
    assert_eq!(counts, (seen.len() - directories, directories), "no other is left somewhere");
    seen
}

/// Makes a change with a panic after each of its steps, and then without; returns how many there
/// were. `prepare` makes the same world each time.
fn at_each_step<T>(
    prepare: impl Fn() -> (World, T),
    change: impl Fn(&mut World, &T) -> Result<(), Error>,
) -> u32 {
    for steps in 0..20 {
        let (mut world, things) = prepare();
        let before = snapshot(&world);
        world.engine.panic_in_names(Some(steps));
        let outcome = change(&mut world, &things);
        if world.engine.panic_in_names(None) {
            assert_eq!(outcome, Ok(()), "nothing was in its way");
            assert_ne!(snapshot(&world), before, "it has done something");
            return steps;
        }
        assert_eq!(outcome, Err(Error::GivenUp), "after {steps} steps");
        assert_eq!(snapshot(&world), before, "after {steps} steps");
        assert_eq!(change(&mut world, &things), Ok(()), "after {steps} steps, once more");
        let (mut untouched, things) = prepare();
        change(&mut untouched, &things).unwrap();
        let names = |world: &World| -> Vec<_> {
            snapshot(world).into_iter().map(|(path, ..)| path).collect()
        };
        assert_eq!(names(&world), names(&untouched), "after {steps} steps, once more");
    }
    panic!("it never gets through");
}

/// `/p` and `/q` are pipes, `/d/e` and `/f` directories; `/d/r` is a pipe.
fn tree() -> (World, [Ino; 3]) {
    let mut world = World::new();
    world.create("p");
    world.create("q");
    let make = |world: &World, above, name: &[u8]| {
        world.engine.make_directory(above, name, attributes()).unwrap()
    };
    let d = make(&world, ROOT, b"d");
    let e = make(&world, d, b"e");
    let f = make(&world, ROOT, b"f");
    world.engine.create(d, b"r", attributes(), None).unwrap();
    (world, [d, e, f])
}

fn rename(
    world: &mut World,
    from: (Ino, &[u8]),
    to: (Ino, &[u8]),
    how: Rename,
) -> Result<(), Error> {
    let now = world.now();
    world.engine.rename(from, to, how, now, &mut world.effects)
}

#[test]
fn what_is_made_and_removed_is_so_as_a_whole() {
    let create =
        |world: &mut World, _: &_| world.engine.create(ROOT, b"new", attributes(), None).map(drop);
    let make = |world: &mut World, [d, ..]: &[Ino; 3]| {
        world.engine.make_directory(*d, b"new", attributes()).map(drop)
    };
    let remove = |world: &mut World, [d, ..]: &[Ino; 3]| {
        let now = world.now();
        world.engine.remove_directory(*d, b"e", now)
    };
    let unlink = |world: &mut World, [d, ..]: &[Ino; 3]| {
        let now = world.now();
        world.engine.unlink(*d, b"r", now, &mut world.effects)
    };
    assert_eq!(at_each_step(tree, create), 2);
    assert_eq!(at_each_step(tree, make), 3);
    assert_eq!(at_each_step(tree, remove), 3);
    assert_eq!(at_each_step(tree, unlink), 2);
}

#[test]
fn a_rename_happens_as_a_whole() {
    let pipe = |world: &mut World, [d, ..]: &[Ino; 3]| {
        rename(world, (ROOT, b"p"), (*d, b"new"), Rename::Replace)
    };
    let over_pipe = |world: &mut World, [d, ..]: &[Ino; 3]| {
        rename(world, (*d, b"r"), (ROOT, b"q"), Rename::Replace)
    };
    let directory = |world: &mut World, [d, _, f]: &[Ino; 3]| {
        rename(world, (*d, b"e"), (*f, b"new"), Rename::NoReplace)
    };
    let over_directory = |world: &mut World, [d, ..]: &[Ino; 3]| {
        rename(world, (*d, b"e"), (ROOT, b"f"), Rename::Replace)
    };
    let exchange = |world: &mut World, [d, ..]: &[Ino; 3]| {
        rename(world, (*d, b"e"), (ROOT, b"q"), Rename::Exchange)
    };
    assert_eq!(at_each_step(tree, pipe), 3);
    assert_eq!(at_each_step(tree, over_pipe), 3);
    assert_eq!(at_each_step(tree, directory), 4);
    assert_eq!(at_each_step(tree, over_directory), 6);
    assert_eq!(at_each_step(tree, exchange), 4);
}

/// A pipe whose name goes with its last server, under a name that it got by a rename.
fn last_close() -> (World, PipeHandle) {
    let mut world = World::with(|settings| settings.lifetime = Lifetime::LastClose);
    let pipe = world.create("old");
    rename(&mut world, (ROOT, b"old"), (ROOT, b"p"), Rename::Replace).unwrap();
    (world, pipe)
}

/// The close is done in any case; the pipe is another one then, as after any panic.
#[test]
fn a_name_goes_by_itself_as_a_whole() {
    for steps in 0..2 {
        let (mut world, pipe) = last_close();
        let server = world.opens(&pipe, Wanted::WRITE);
        world.engine.panic_in_names(Some(steps));
        world.close(server);
        let is_there = world.engine.lookup(ROOT, b"p") == Ok(Node::Pipe(pipe.clone()));
        assert_eq!(is_there, !world.engine.panic_in_names(None), "after {steps} steps");
        let links = world.engine.status(&Node::Pipe(pipe.clone())).unwrap().links;
        assert_eq!(links, u32::from(is_there), "after {steps} steps");
        if is_there {
            // It knows its place: its next server's close takes it away.
            let server = world.opens(&pipe, Wanted::WRITE);
            world.close(server);
            assert_eq!(world.engine.lookup(ROOT, b"p"), Err(Error::NotFound));
        }
    }
}

/// And so does a rename that was taken back leave a pipe where it knows its name.
#[test]
fn a_rename_that_was_taken_back_is_forgotten() {
    for steps in 0..3 {
        let (mut world, pipe) = last_close();
        world.engine.panic_in_names(Some(steps));
        let outcome = rename(&mut world, (ROOT, b"p"), (ROOT, b"elsewhere"), Rename::Replace);
        assert_eq!(outcome, Err(Error::GivenUp), "after {steps} steps");
        let server = world.opens(&pipe, Wanted::WRITE);
        world.close(server);
        assert_eq!(world.engine.lookup(ROOT, b"p"), Err(Error::NotFound), "after {steps} steps");
    }
}

#[test]
fn a_name_comes_back_as_a_whole() {
    for steps in 0..3 {
        let (mut world, pipe) = last_close();
        let server = world.opens(&pipe, Wanted::WRITE);
        world.close(server);
        world.engine.panic_in_names(Some(steps));
        let heir = world.engine.heir(&pipe, Wanted::WRITE, world.now());
        let is_done = world.engine.panic_in_names(None);
        let links = world.engine.status(&Node::Pipe(pipe.clone())).unwrap().links;
        match is_done {
            true => assert_eq!((heir, links), (Heir::Pipe(pipe.clone()), 1)),
            false => assert_eq!((heir, links), (Heir::Unknown, 0), "after {steps} steps"),
        }
        let found = world.engine.lookup(ROOT, b"p").ok();
        assert_eq!(found.is_some(), is_done, "after {steps} steps");
    }
}
