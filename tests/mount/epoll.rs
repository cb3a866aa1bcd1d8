//! epoll, level and edge: a busy event loop neither misses an event nor turns without one.

use std::time::Duration;

use libc::{
    EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT, O_CREAT, O_NONBLOCK, O_RDONLY,
    O_RDWR, O_TRUNC, O_WRONLY,
};

use crate::harness::actor::Step;
use crate::harness::deadline::A_WHILE;
use crate::harness::events::Epoll;
use crate::harness::{Actor, Errno, Fd, Mount, Task, sys};
use crate::{SOON, skip_without_fuse};

const NOW: Duration = Duration::ZERO;

fn connected(mount: &Mount, name: &str) -> (Fd, Fd) {
    let writer = mount.open(name, O_WRONLY | O_CREAT | O_NONBLOCK);
    let reader = mount.open(name, O_RDONLY | O_NONBLOCK);
    (writer, reader)
}

/// SEMANTICS: poll-reader, poll-writer
#[test]
fn level_triggered_events_stay_while_they_are_true() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let (writer, reader) = connected(&mount, "p");
    let epoll = Epoll::new();
    epoll.add(&reader, EPOLLIN, 1).unwrap();
    epoll.add(&writer, EPOLLOUT, 2).unwrap();
    assert_eq!(epoll.wait(NOW), [(2, EPOLLOUT)]);
    writer.write_all(&[0; 4096]).unwrap();
    assert_eq!(epoll.wait(SOON), [(1, EPOLLIN)]);
    assert_eq!(epoll.wait(NOW), [(1, EPOLLIN)], "and still");
    assert_eq!(reader.read(5000).unwrap().len(), 4096);
    assert_eq!(epoll.wait(SOON), [(2, EPOLLOUT)]);
    drop(writer);
    assert_eq!(epoll.wait(SOON), [(1, EPOLLIN | EPOLLHUP)]);
    assert_eq!(epoll.wait(NOW), [(1, EPOLLIN | EPOLLHUP)]);
}

/// SEMANTICS: poll-edge
///
/// Each write is an event of its own, whether what was there before has been read or not.
#[test]
fn an_edge_triggered_reader_gets_an_event_for_each_write() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (writer, reader) = connected(&mount, "p");
    let epoll = Epoll::new();
    epoll.add(&reader, EPOLLIN | EPOLLET, 1).unwrap();
    assert_eq!(epoll.wait(NOW), []);
    for round in 0..20 {
        writer.write_all(b"x").unwrap();
        assert_eq!(epoll.wait(SOON), [(1, EPOLLIN)], "round {round}");
        assert_eq!(epoll.wait(Duration::from_millis(20)), [], "nothing new in round {round}");
    }
    assert_eq!(reader.read(99).unwrap().len(), 20);
    writer.write_all(b"y").unwrap();
    assert_eq!(epoll.wait(SOON), [(1, EPOLLIN)]);
    drop(writer);
    let events = epoll.wait(SOON);
    assert_eq!(events.len(), 1);
    assert_ne!(events[0].1 & EPOLLHUP, 0, "{events:?}");
}

/// SEMANTICS: poll-edge
#[test]
fn an_edge_triggered_writer_gets_an_event_when_there_is_room_again() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let (writer, reader) = connected(&mount, "p");
    let epoll = Epoll::new();
    epoll.add(&writer, EPOLLOUT | EPOLLET, 1).unwrap();
    assert_eq!(epoll.wait(SOON), [(1, EPOLLOUT)], "the state at the beginning is an event");
    assert_eq!(epoll.wait(NOW), []);
    for round in 0..20 {
        writer.write_all(&[0; 4096]).unwrap();
        assert_eq!(writer.write(b"x"), Err(Errno::EAGAIN));
        // Events that came before the lane was full are not asked about.
        epoll.wait(NOW);
        assert_eq!(reader.read(4096).unwrap().len(), 4096);
        assert_eq!(epoll.wait(SOON), [(1, EPOLLOUT)], "round {round}");
    }
    drop(reader);
    let events = epoll.wait(SOON);
    assert_eq!(events.len(), 1);
    assert_ne!(events[0].1 & EPOLLERR, 0, "{events:?}");
}

/// SEMANTICS: poll-edge
///
/// One file in two epoll instances, and one that asks for one event only.
#[test]
fn epoll_instances_do_not_take_events_from_each_other() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (writer, reader) = connected(&mount, "p");
    let (edge, once) = (Epoll::new(), Epoll::new());
    edge.add(&reader, EPOLLIN | EPOLLET, 1).unwrap();
    once.add(&reader, EPOLLIN | EPOLLONESHOT, 2).unwrap();
    for round in 0..10 {
        writer.write_all(b"x").unwrap();
        assert_eq!(edge.wait(SOON), [(1, EPOLLIN)], "round {round}");
        assert_eq!(once.wait(SOON), [(2, EPOLLIN)], "round {round}");
        assert_eq!(once.wait(NOW), []);
        assert_eq!(reader.read(9).unwrap(), b"x");
        once.modify(&reader, EPOLLIN | EPOLLONESHOT, 2).unwrap();
        assert_eq!(once.wait(NOW), []);
    }
}

/// SEMANTICS: open-nonblock-pending, poll-pending
#[test]
fn an_event_loop_sees_a_pending_client_become_connected() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "access=inbound"]);
    mount.make("p");
    let client = mount.open("p", O_WRONLY | O_NONBLOCK);
    let (level, edge) = (Epoll::new(), Epoll::new());
    level.add(&client, EPOLLOUT, 1).unwrap();
    edge.add(&client, EPOLLOUT | EPOLLET, 2).unwrap();
    assert_eq!((level.wait(A_WHILE), edge.wait(NOW)), (vec![], vec![]));
    let server = mount.open("p", O_RDONLY);
    assert_eq!(level.wait(SOON), [(1, EPOLLOUT)]);
    assert_eq!(edge.wait(SOON), [(2, EPOLLOUT)]);
    client.write_all(b"x").unwrap();
    assert_eq!(server.read(9).unwrap(), b"x");
}

/// SEMANTICS: poll-reader, poll-edge
#[test]
fn an_event_loop_on_a_shared_pipe_sees_writers_come_and_go() {
    skip_without_fuse!();
    let mount = Mount::new();
    sys::mkfifo(mount.path("p"), 0o666).unwrap();
    let reader = mount.open("p", O_RDONLY | O_NONBLOCK);
    let epoll = Epoll::new();
    epoll.add(&reader, EPOLLIN | EPOLLET, 1).unwrap();
    assert_eq!(epoll.wait(NOW), []);
    for round in 0..10 {
        let mut other = Actor::start(&[
            Step::Open(mount.path("p"), O_WRONLY),
            Step::Write(5, b'x'),
            Step::Close,
        ]);
        let mut data = Vec::new();
        let mut hung_up = false;
        while data.len() < 5 || !hung_up {
            let events = epoll.wait(SOON);
            assert!(!events.is_empty(), "no event in round {round}, got {data:?}");
            hung_up |= events[0].1 & EPOLLHUP != 0;
            while let Ok(piece) = reader.read(99) {
                if piece.is_empty() {
                    break;
                }
                data.extend(piece);
            }
        }
        assert_eq!(data, b"xxxxx");
        other.finish(SOON);
    }
}

/// SEMANTICS: poll-edge
///
/// An event loop on both ends of a duplex pipe echoes a million bytes, driven by edges alone.
#[test]
fn an_edge_triggered_event_loop_echoes_everything() {
    skip_without_fuse!();
    const TOTAL: usize = 1_000_000;
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC | O_NONBLOCK);
    let client = mount.open("p", O_RDWR | O_NONBLOCK);
    let echo = Task::spawn(move || {
        let epoll = Epoll::new();
        epoll.add(&server, EPOLLIN | EPOLLOUT | EPOLLET, 1).unwrap();
        let (mut pending, mut echoed) = (Vec::new(), 0);
        while echoed < TOTAL {
            assert!(!epoll.wait(SOON).is_empty(), "no event after {echoed} bytes");
            loop {
                if pending.is_empty() {
                    match server.read(3000) {
                        Ok(bytes) => pending = bytes,
                        Err(_) => break,
                    }
                }
                let Ok(count) = server.write(&pending) else { break };
                pending.drain(..count);
                echoed += count;
            }
        }
    });
    let epoll = Epoll::new();
    epoll.add(&client, EPOLLIN | EPOLLOUT | EPOLLET, 1).unwrap();
    let (mut sent, mut received) = (0, 0);
    while received < TOTAL {
        assert!(!epoll.wait(SOON).is_empty(), "no event after {sent} sent, {received} received");
        loop {
            let mut idle = true;
            let bytes: Vec<u8> = (sent..TOTAL.min(sent + 1777)).map(|n| (n % 251) as u8).collect();
            if let Ok(count) = client.write(&bytes) {
                sent += count;
                idle = count == 0;
            }
            if let Ok(bytes) = client.read(5000) {
                assert!(bytes.iter().zip(received..).all(|(byte, n)| *byte == (n % 251) as u8));
                received += bytes.len();
                idle &= bytes.is_empty();
            }
            if idle {
                break;
            }
        }
    }
    echo.join(SOON);
    assert_eq!(received, TOTAL);
}
