//! Who becomes server and who client, and what an open touches.

use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_PIPE_CLOSING, STATUS_PIPE_NOT_AVAILABLE,
};

use super::*;

fn state(world: &World) -> (usize, usize) {
    let engine = &world.driver().engine;
    let pipefs::Node::Pipe(pipe) = engine.lookup(pipefs::ROOT, b"p").unwrap() else { panic!() };
    let state = engine.pipe_state(&pipe);
    (state.instances.len(), state.waiting_clients)
}

#[test]
fn who_writes_serves_and_who_reads_connects() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    assert_eq!(state(&world), (1, 0));
    let client = world.open("\\P", READ).unwrap();
    assert_eq!(state(&world), (1, 0));
    world.writes(&server, "hello");
    assert_eq!(world.reads(&client), "hello");
}

#[test]
fn a_client_does_not_wait_in_its_open_but_in_its_read() {
    let world = World::new();
    world.make("\\p");
    let client = world.open("\\p", READ).unwrap();
    assert_eq!(state(&world), (0, 1));
    let read = world.read(&client, 100);
    world.until_waiting(1);
    let server = world.open("\\p", WRITE).unwrap();
    world.writes(&server, "at last");
    assert_eq!(come(&read).unwrap(), b"at last");
}

#[test]
fn both_directions_connect_if_somebody_listens_and_else_serve() {
    let world = World::new();
    world.make("\\p");
    let server = world.open("\\p", READ | WRITE).unwrap();
    let client = world.open("\\p", READ | WRITE).unwrap();
    assert_eq!(state(&world), (1, 0));
    world.writes(&client, "question");
    assert_eq!(world.reads(&server), "question");
    world.writes(&server, "answer");
    assert_eq!(world.reads(&client), "answer");
}

#[test]
fn who_wants_it_empty_serves_and_who_appends_connects() {
    let world = World::new();
    world.make("\\p");
    let _first = world.open("\\p", READ | WRITE).unwrap();
    let _second = world.open_as("\\p", READ | WRITE, CREATE_ALWAYS).unwrap();
    assert_eq!(state(&world), (2, 0));
    let client = world.open("\\p", READ & !0x2 | APPEND).unwrap();
    assert_eq!(state(&world), (2, 0));
    world.close(&client);
}

#[test]
fn attributes_are_looked_at_without_touching_anything() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    world.writes(&server, "hello");
    let look = world.open("\\p", LOOK).unwrap();
    world.close(&look);
    assert_eq!(world.driver().engine.end_count(), 1);
    let client = world.open("\\p", READ).unwrap();
    assert_eq!(world.reads(&client), "hello");
}

#[test]
fn what_the_engine_refuses_is_refused() {
    let world = World::with(|config| config.defaults.set("open", "fail").unwrap());
    world.make("\\p");
    assert_eq!(refused(world.open("\\p", READ)), STATUS_PIPE_NOT_AVAILABLE);
    let _server = world.open("\\p", WRITE).unwrap();
    assert_eq!(refused(world.open("\\p", READ | WRITE)), STATUS_ACCESS_DENIED);
    let world = World::with(|config| config.defaults.set("access", "inbound").unwrap());
    assert_eq!(refused(world.create("\\p", READ | WRITE)), STATUS_ACCESS_DENIED);
    assert!(world.driver().engine.lookup(pipefs::ROOT, b"p").is_err(), "no name stays behind");
}

#[test]
fn the_last_handle_ends_an_end_and_the_close_after_it_does_nothing() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    let client = world.open("\\p", READ).unwrap();
    world.close(&client);
    assert_eq!(world.driver().engine.end_count(), 1);
    world.filesystem.close(Arc::try_unwrap(client).unwrap());
    assert_eq!(refused(come(&world.write(&server, b"x"))), STATUS_PIPE_CLOSING);
    // Without a cleanup before it, as after an open that the system itself refused.
    world.filesystem.close(Arc::try_unwrap(server).unwrap());
    assert_eq!(world.driver().engine.end_count(), 0);
}
