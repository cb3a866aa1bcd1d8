//! Names, directories and attributes.

use std::time::Duration;

use pipefs::{AttributeChange, Bounds, Engine, Error, Ino, Node, ROOT, Rename, Settings, Wanted};

use super::world::{World, attributes};

impl World {
    fn rename(&mut self, from: (Ino, &str), to: (Ino, &str), how: Rename) -> Result<(), Error> {
        let (from, to) = ((from.0, from.1.as_bytes()), (to.0, to.1.as_bytes()));
        let now = self.now();
        self.engine.rename(from, to, how, now, &mut self.effects)
    }
}

/// > A pipe may take the name of one that is idle; if that one is open or holds data, rename fails
/// > with `EBUSY`.
///
/// SEMANTICS: dir-rename
#[test]
fn a_rename_replaces_only_an_idle_pipe() {
    let mut world = World::new();
    let (new, old) = (world.create("new"), world.create("old"));
    let (from, to) = ((ROOT, "new"), (ROOT, "old"));
    let server = world.opens(&old, Wanted::WRITE);
    assert_eq!(world.rename(from, to, Rename::Replace), Err(Error::Busy));
    world.writes(server, "data");
    world.close(server);
    assert_eq!(world.rename(from, to, Rename::Replace), Err(Error::Busy));
    let client = world.opens(&old, Wanted::READ);
    assert_eq!(world.reads(client), "data");
    world.close(client);
    assert_eq!(world.rename(from, to, Rename::NoReplace), Err(Error::Exists));
    assert_eq!(world.rename(from, to, Rename::Replace), Ok(()));
    assert_eq!(world.engine.lookup(ROOT, b"old"), Ok(Node::Pipe(new)));
    assert_eq!(world.engine.lookup(ROOT, b"new"), Err(Error::NotFound));
    assert_eq!(world.fails_to_open(&old, Wanted::WRITE), Error::NotFound);
}

/// A rename into a directory that is gone is refused, and the pipe stays where it was.
#[test]
fn a_rename_to_nowhere_loses_nothing() {
    let mut world = World::new();
    let pipe = world.create("p");
    let gone = world.engine.make_directory(ROOT, b"d", attributes()).expect("a new name");
    world.engine.remove_directory(ROOT, b"d", world.now()).expect("it is empty");
    for to in [gone, Ino(1 << 40)] {
        assert_eq!(world.rename((ROOT, "p"), (to, "p"), Rename::Replace), Err(Error::NotFound));
        assert_eq!(world.engine.lookup(ROOT, b"p"), Ok(Node::Pipe(pipe.clone())));
    }
}

/// A renamed pipe is the same pipe, to those who have it open and to those who come.
///
/// SEMANTICS: file-inode
#[test]
fn a_renamed_pipe_goes_on() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    let directory = world.engine.make_directory(ROOT, b"d", attributes()).expect("a new name");
    assert_eq!(world.rename((ROOT, "p"), (directory, "q"), Rename::Replace), Ok(()));
    let Ok(Node::Pipe(found)) = world.engine.lookup(directory, b"q") else {
        panic!("it has the new name");
    };
    assert_eq!(found.ino(), pipe.ino());
    world.writes(server, "hello");
    let client = world.opens(&found, Wanted::READ);
    assert_eq!(world.reads(client), "hello");
}

/// > Directories can be made, nested and removed; removing one that has entries fails with
/// > `ENOTEMPTY`.
///
/// SEMANTICS: dir-tree
#[test]
fn directories_nest() {
    let world = World::new();
    let outer = world.engine.make_directory(ROOT, b"outer", attributes()).expect("a new name");
    let inner = world.engine.make_directory(outer, b"inner", attributes()).expect("a new name");
    assert_eq!(world.engine.make_directory(ROOT, b"outer", attributes()), Err(Error::Exists));
    world.engine.create(inner, b"p", attributes(), None).expect("a new name");
    let now = world.now();
    assert_eq!(world.engine.remove_directory(outer, b"inner", now), Err(Error::NotEmpty));
    assert_eq!(world.engine.list(inner).map(|listing| listing.parent), Ok(outer));
    assert_eq!(world.engine.remove_directory(inner, b"p", now), Err(Error::NotADirectory));
    let status = world.engine.status(&Node::Directory(outer));
    assert_eq!(status.map(|status| status.links), Ok(3));
}

/// > `O_TRUNC`, and truncate(2) to 0, succeed and discard nothing. Any other size fails with
/// > `EINVAL`.
///
/// SEMANTICS: file-truncate
#[test]
fn truncating_discards_nothing() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    world.writes(server, "data");
    let node = Node::Pipe(pipe.clone());
    let to = |size| AttributeChange { size: Some(size), ..AttributeChange::default() };
    assert_eq!(world.engine.set_attributes(&node, to(0), world.now()), Ok(()));
    assert_eq!(world.buffered_bytes(&pipe), 4);
    assert_eq!(world.engine.set_attributes(&node, to(4), world.now()), Err(Error::Invalid));
}

/// > mtime is the time of the last write, atime that of the last read.
///
/// SEMANTICS: file-times
#[test]
fn times_are_those_of_data_even_if_it_waited() {
    let mut world = World::with(|settings| settings.capacity_bytes = 1);
    let pipe = world.create("p");
    let start = world.now().wall;
    let server = world.opens(&pipe, Wanted::WRITE);
    let client = world.opens(&pipe, Wanted::READ);
    let second = Duration::from_secs(1);
    world.pass(second);
    world.writes(server, "at one");
    world.waits_to_write(server, "at three");
    world.pass(second);
    assert_eq!(world.reads_up_to(client, 1), "a");
    world.pass(second);
    assert_eq!(world.reads(client), "t one");
    let status = world.engine.status(&Node::Pipe(pipe)).expect("pipes have one");
    let seconds =
        |time: std::time::SystemTime| time.duration_since(start).expect("later").as_secs();
    assert_eq!(seconds(status.attributes.accessed), 3);
    assert_eq!(seconds(status.attributes.modified), 3);
}

/// Names whose letters differ in case alone are one where the engine is told so, as on Windows;
/// a rename may change the case.
#[test]
fn names_are_one_in_any_case_where_that_is_wanted() {
    let mut world = World::new();
    world.engine =
        Engine::new(Settings::default(), Bounds::memory(u64::MAX), attributes()).ignoring_case();
    let pipe = world.create("Greeting");
    let inner = world.engine.make_directory(ROOT, b"Inner", attributes()).unwrap();
    assert_eq!(world.engine.lookup(ROOT, b"GREETING"), Ok(Node::Pipe(pipe.clone())));
    let taken = world.engine.create(ROOT, b"greeting", attributes(), None);
    assert_eq!(taken.unwrap_err(), Error::Exists);

    let (from, to) = ((ROOT, "greeting"), (ROOT, "GREETING"));
    assert_eq!(world.rename(from, to, Rename::NoReplace), Ok(()));
    let names = |world: &World| {
        let entries = world.engine.list(ROOT).unwrap().entries;
        let names = entries.iter().map(|(name, _)| name.as_bytes().to_vec());
        names.map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names(&world), ["GREETING", "Inner"]);
    let to = (ROOT, "INNER");
    assert_eq!(world.rename((ROOT, "inner"), to, Rename::Replace), Ok(()));
    assert_eq!(world.engine.lookup(ROOT, b"inner"), Ok(Node::Directory(inner)));
    assert_eq!(world.rename((ROOT, "greeting"), (inner, "x"), Rename::Replace), Ok(()));
    assert_eq!(world.engine.lookup(inner, b"X"), Ok(Node::Pipe(pipe)));
    assert_eq!(names(&world), ["INNER"]);
}
