//! Group R: poll, select and epoll on a FIFO.

use std::time::Duration;

use libc::{
    EPOLLET, EPOLLIN, EPOLLOUT, O_NONBLOCK, O_RDONLY, O_WRONLY, POLLERR, POLLHUP, POLLIN, POLLOUT,
};

use super::Fifo;
use crate::harness::actor::{Actor, Step};
use crate::harness::events::{Epoll, select};
use crate::harness::process::timed;
use crate::harness::{Errno, Fd};
use crate::linux::SOON;

crate::linux::on_fifos! {
    r1_a_reader,
    r2_a_reader_that_never_had_a_writer,
    r3_a_writer,
    r4_timeouts_hold_and_others_wake,
    r5_edges,
}

/// SEMANTICS: poll-reader
fn r1_a_reader(it: &Fifo) {
    let (reader, writer) = it.ends();
    assert_eq!(reader.ready(), 0);
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(reader.ready(), POLLIN);
    drop(writer);
    assert_eq!(reader.ready(), POLLIN | POLLHUP);
    assert_eq!(reader.read(9).unwrap(), b"x");
    assert_eq!(reader.ready(), it.answer("R1", POLLHUP, POLLIN | POLLHUP));
    let writer = it.open(O_WRONLY);
    assert_eq!(reader.ready(), 0, "taken back");
    assert_eq!(writer.write(b"y"), Ok(1));
    assert_eq!(reader.ready(), POLLIN);
}

/// SEMANTICS: poll-reader
fn r2_a_reader_that_never_had_a_writer(it: &Fifo) {
    let reader = it.open(O_RDONLY | O_NONBLOCK);
    assert_eq!(reader.ready(), 0);
    assert_eq!(select(&reader, true, false, Duration::ZERO), (false, false));
}

/// SEMANTICS: poll-writer
fn r3_a_writer(it: &Fifo) {
    let (reader, writer) = it.ends();
    assert_eq!(writer.ready(), POLLOUT);
    it.fill(&writer);
    assert_eq!(writer.ready(), 0);
    assert_eq!(reader.read(1).unwrap().len(), 1);
    assert_eq!(writer.ready(), it.answer("R3", 0, POLLOUT));
    assert_eq!(reader.read(4095).unwrap().len(), 4095);
    assert_eq!(writer.ready(), POLLOUT);
    drop(reader);
    assert_ne!(writer.ready() & POLLERR, 0);
}

/// SEMANTICS: poll-reader, poll-writer
fn r4_timeouts_hold_and_others_wake(it: &Fifo) {
    let (reader, writer) = it.ends();
    let time = Duration::from_millis(100);
    let (events, took) = timed(|| reader.poll(POLLIN, time));
    assert_eq!(events, Ok(0));
    assert!((100..5000).contains(&took.as_millis()), "{took:?}");
    let (ready, took) = timed(|| select(&reader, true, false, time));
    assert_eq!(ready, (false, false));
    assert!((99..5000).contains(&took.as_millis()), "{took:?}");
    let polling = |flags, events| {
        let mut actor = Actor::start(&[Step::Open(it.path.clone(), flags), Step::Poll(events, -1)]);
        actor.until_waiting();
        actor
    };
    let mut for_data = polling(O_RDONLY, POLLIN);
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(for_data.last_outcome(SOON), Ok(i64::from(POLLIN)));
    assert_eq!(reader.read(9).unwrap(), b"x");
    let mut for_the_end = polling(O_RDONLY, POLLIN);
    drop(writer);
    let end = it.answer("R1", POLLHUP, POLLIN | POLLHUP);
    assert_eq!(for_the_end.last_outcome(SOON), Ok(i64::from(end)));
    let writer = it.open(O_WRONLY);
    it.fill(&writer);
    let mut for_room = polling(O_WRONLY, POLLOUT);
    while reader.read(4096).is_ok() {}
    assert_eq!(for_room.last_outcome(SOON), Ok(i64::from(POLLOUT)));
}

/// SEMANTICS: poll-edge
fn r5_edges(it: &Fifo) {
    let (reader, writer) = it.ends();
    let epoll = Epoll::new();
    let none: Vec<(u64, i32)> = Vec::new();
    epoll.add(&reader, EPOLLIN | EPOLLET, 1).unwrap();
    epoll.add(&writer, EPOLLOUT | EPOLLET, 2).unwrap();
    assert_eq!(epoll.wait(SOON), [(2, EPOLLOUT)]);
    let quiet = Duration::from_millis(50);
    assert_eq!(epoll.wait(quiet), none, "an edge is told once");
    let arrives = |writer: &Fd, byte: &[u8]| {
        assert_eq!(writer.write(byte), Ok(1));
        let seen = epoll.wait(SOON);
        assert!(seen.contains(&(1, EPOLLIN)), "{seen:?}");
    };
    arrives(&writer, b"1");
    arrives(&writer, b"2");
    assert_eq!(reader.read(9).unwrap(), b"12");
    assert_eq!(reader.read(9), Err(Errno::EAGAIN));
    it.fill(&writer);
    epoll.wait(quiet);
    while reader.read(4096).is_ok() {}
    let mut seen = epoll.wait(SOON);
    seen.retain(|(token, _)| *token == 2);
    assert_eq!(seen, [(2, EPOLLOUT)], "there is room again");
}
