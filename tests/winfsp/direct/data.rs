//! Reading, writing, flushing; what waits, and what ends that.

use std::sync::Barrier;

use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_END_OF_FILE, STATUS_INSUFFICIENT_RESOURCES, STATUS_IO_TIMEOUT,
    STATUS_VOLUME_DISMOUNTED,
};

use super::*;
use crate::winfsp::pending::wait_for;

/// A pipe with a server that writes and a client that reads.
fn connected(world: &World) -> (Arc<Opened>, Arc<Opened>) {
    let server = world.create("\\p", WRITE).unwrap();
    let client = world.open("\\p", READ).unwrap();
    (server, client)
}

#[test]
fn the_end_of_the_file_comes_when_the_writer_has_gone() {
    let world = World::new();
    let (server, client) = connected(&world);
    world.writes(&server, "all");
    world.close(&server);
    assert_eq!(world.reads(&client), "all");
    assert_eq!(refused(come(&world.read(&client, 10))), STATUS_END_OF_FILE);
}

#[test]
fn an_empty_message_is_no_end() {
    let world = World::with(|config| config.defaults.set("type", "message").unwrap());
    let (server, client) = connected(&world);
    let mut effects = pipefs::Effects::default();
    let end = server.end().unwrap();
    let sent = world.driver().engine.send_empty(
        end,
        pipefs::Blocking::Yes,
        pipefs::Ticket(1 << 40),
        pipefs::Now::read(),
        &mut effects,
    );
    assert_eq!(sent, Ok(pipefs::Progress::Done(0)));
    assert_eq!(world.reads(&client), "");
}

#[test]
fn a_message_that_does_not_fit_is_read_on() {
    let world = World::with(|config| config.defaults.set("type", "message").unwrap());
    let (server, client) = connected(&world);
    world.writes(&server, "first");
    world.writes(&server, "second");
    assert_eq!(come(&world.read(&client, 3)).unwrap(), b"fir");
    assert_eq!(world.reads(&client), "st");
    assert_eq!(world.reads(&client), "second");
}

#[test]
fn a_write_that_waits_goes_on_when_there_is_room() {
    let world = World::with(|config| config.defaults.set("capacity", "4").unwrap());
    let (server, client) = connected(&world);
    world.writes(&server, "full");
    let write = world.write(&server, b"more");
    world.until_waiting(1);
    assert_eq!(world.reads(&client), "full");
    assert_eq!(come(&write).unwrap(), 4);
    assert_eq!(world.reads(&client), "more");
}

#[test]
fn a_large_write_arrives_as_a_whole() {
    let world = World::new();
    let (server, client) = connected(&world);
    let data: Vec<u8> = (0..5_000_000_u32).map(|number| number as u8).collect();
    let write = world.write(&server, &data);
    let mut read = Vec::new();
    while read.len() < data.len() {
        read.extend(come(&world.read(&client, 300_000)).unwrap());
    }
    assert!(read == data, "what was read is what was written");
    assert_eq!(come(&write).unwrap() as usize, data.len());
}

/// WinFsp takes nothing back, so nothing waits for ever.
#[test]
fn what_waits_too_long_ends() {
    let world = World::with(|config| config.wait = Some(Duration::from_millis(50)));
    let driver = Arc::clone(&world.filesystem.0);
    let keeper = thread::spawn(move || driver.pending.keep_deadlines(&driver.engine));
    let (server, client) = connected(&world);
    let reads: Vec<_> = (0..100).map(|_| world.read(&client, 10)).collect();
    for read in reads {
        assert_eq!(refused(come(&read)), STATUS_IO_TIMEOUT);
    }
    assert_eq!(world.driver().engine.waiting_count(), 0);
    world.writes(&server, "still there");
    assert_eq!(world.reads(&client), "still there");
    world.driver().shut_down();
    keeper.join().unwrap();
}

#[test]
fn what_waits_ends_with_the_mount() {
    let world = World::new();
    let (_server, client) = connected(&world);
    let reads: Vec<_> = (0..100).map(|_| world.read(&client, 10)).collect();
    world.until_waiting(100);
    world.filesystem.dispatcher_stopped(true);
    for read in reads {
        assert_eq!(refused(come(&read)), STATUS_VOLUME_DISMOUNTED);
    }
    assert_eq!(refused(come(&world.read(&client, 10))), STATUS_VOLUME_DISMOUNTED);
}

#[test]
fn a_hundred_reads_wait_without_a_thread_and_get_what_comes() {
    let world = World::new();
    let (server, client) = connected(&world);
    let reads: Vec<_> = (0..100).map(|_| world.read(&client, 1)).collect();
    world.until_waiting(100);
    world.writes(&server, &"x".repeat(100));
    for read in reads {
        assert_eq!(come(&read).unwrap(), b"x");
    }
}

#[test]
fn a_flush_waits_until_everything_is_read() {
    let world = World::new();
    let (server, client) = connected(&world);
    world.writes(&server, "unread");
    let (filesystem, flushed) = (world.filesystem.clone(), channel());
    let (sender, flushed) = flushed;
    thread::spawn(move || {
        let mut info = FileInfo::default();
        let outcome = filesystem.flush(Some(&server), &mut info);
        sender.send((outcome.is_ok(), info.index_number)).unwrap();
    });
    world.until_waiting(1);
    assert_eq!(world.reads(&client), "unread");
    assert_eq!(come(&flushed), (true, 2));
    world.filesystem.flush(None, &mut FileInfo::default()).unwrap();
}

/// The threads that are left answer what ends the flushes.
#[test]
fn only_a_few_flushes_wait_at_once() {
    let world = World::new();
    let (server, client) = connected(&world);
    world.writes(&server, "unread");
    let at_once = 4;
    let flushes: Vec<_> = (0..at_once)
        .map(|_| {
            let (filesystem, server) = (world.filesystem.clone(), Arc::clone(&server));
            thread::spawn(move || filesystem.flush(Some(&server), &mut FileInfo::default()).is_ok())
        })
        .collect();
    world.until_waiting(at_once);
    let one_more = world.filesystem.flush(Some(&server), &mut FileInfo::default());
    assert_eq!(refused(one_more), STATUS_INSUFFICIENT_RESOURCES);
    assert_eq!(world.reads(&client), "unread");
    for flush in flushes {
        assert!(flush.join().unwrap());
    }
    world.filesystem.flush(Some(&server), &mut FileInfo::default()).unwrap();
}

#[test]
fn what_is_no_end_has_no_data() {
    let world = World::new();
    world.make("\\p");
    for path in ["\\", "\\p"] {
        let look = world.open(path, LOOK).unwrap();
        assert_eq!(refused(come(&world.read(&look, 1))), STATUS_ACCESS_DENIED);
        assert_eq!(refused(come(&world.write(&look, b"x"))), STATUS_ACCESS_DENIED);
    }
    let writer = world.open("\\p", WRITE).unwrap();
    assert_eq!(refused(come(&world.read(&writer, 1))), STATUS_ACCESS_DENIED);
}

#[test]
fn answers_and_deadlines_at_the_same_moment_leave_nobody_waiting() {
    let world = World::with(|config| config.wait = Some(Duration::from_millis(1)));
    let driver = Arc::clone(&world.filesystem.0);
    let keeper = thread::spawn(move || driver.pending.keep_deadlines(&driver.engine));
    let (server, client) = connected(&world);
    let start = Arc::new(Barrier::new(2));
    for round in 0..300 {
        let (filesystem, server, ready) =
            (world.filesystem.clone(), Arc::clone(&server), Arc::clone(&start));
        let writer = thread::spawn(move || {
            ready.wait();
            thread::sleep(Duration::from_micros(round % 20 * 100));
            let mut info = FileInfo::default();
            wait_for(filesystem.write_async(&server, b"x", 0, false, false, &mut info))
        });
        let read = world.read(&client, 1);
        start.wait();
        let outcome = come(&read);
        assert_eq!(writer.join().unwrap().unwrap(), 1);
        match outcome {
            Ok(data) => assert_eq!(data, b"x"),
            Err(error) => {
                assert_eq!(error.to_ntstatus(), STATUS_IO_TIMEOUT);
                assert_eq!(world.reads(&client), "x");
            }
        }
    }
    assert_eq!(world.driver().engine.waiting_count(), 0);
    world.driver().shut_down();
    keeper.join().unwrap();
}
