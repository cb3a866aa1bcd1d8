//! Waiting at a broadcast pipe: poll and epoll at each end, interrupts and kills.

use std::time::Duration;

use libc::{
    EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY, POLLHUP, POLLIN,
    POLLOUT, SIGALRM, SIGINT, SIGKILL, SIGTERM,
};

use crate::harness::actor::{Step, killed_by, sequence};
use crate::harness::events::{Epoll, select};
use crate::harness::process::timed;
use crate::harness::{Actor, Errno, Fd, Mount, StateWatch, Task};
use crate::killable::assert_prompt;
use crate::{SOON, skip_without_fuse};

const NOW: Duration = Duration::ZERO;

/// Time between two alarms: about as long as a request takes, so that many meet one.
const ALARM_MICROSECONDS: u64 = 150;

/// How often each call is interrupted, and how many bytes are sent meanwhile.
const TIMES: u32 = 3_000;
const TOTAL: usize = 2_000_000;

/// What a reader's lane holds.
const FULL: [u8; 4096] = [1; 4096];

/// A writer, and two readers that came after it, all with `O_NONBLOCK`.
fn connected() -> (Mount, Fd, Fd, Fd) {
    let mount = Mount::with(&["-o", "mode=broadcast,capacity=4K"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
    let readers = [(); 2].map(|()| mount.open("p", O_RDONLY | O_NONBLOCK));
    let [one, two] = readers;
    (mount, writer, one, two)
}

/// SEMANTICS: poll-reader, poll-writer, broadcast-own-pace
#[test]
fn readers_are_ready_by_their_own_lanes_and_writers_by_all() {
    skip_without_fuse!();
    let (mount, writer, one, two) = connected();
    assert_eq!((writer.ready(), one.ready(), two.ready()), (POLLOUT, 0, 0));
    writer.write_all(b"x").unwrap();
    assert_eq!((one.ready(), two.ready()), (POLLIN, POLLIN));
    one.read(9).unwrap();
    assert_eq!((one.ready(), two.ready()), (0, POLLIN));
    assert_eq!(select(&one, true, false, NOW), (false, false));
    assert_eq!(select(&two, true, false, NOW), (true, false));
    two.read(9).unwrap();
    writer.write_all(&FULL).unwrap();
    assert_eq!(writer.ready(), 0);
    one.read(5000).unwrap();
    assert_eq!(writer.ready(), 0, "the other has read nothing");
    two.read(1).unwrap();
    assert_eq!(writer.ready(), POLLOUT);
    let late = mount.open("p", O_RDONLY | O_NONBLOCK);
    assert_eq!(late.ready(), 0);
    drop(writer);
    assert_eq!([&one, &two, &late].map(Fd::ready), [POLLIN | POLLHUP; 3]);
    let again = mount.open("p", O_WRONLY);
    assert_eq!([&one, &two, &late].map(Fd::ready), [0, POLLIN, 0], "a new writer revives them");
    drop((one, two, late));
    assert_eq!(again.ready(), POLLOUT, "and needs nobody");
}

/// SEMANTICS: poll-reader, poll-writer
///
/// A poll that waits is woken: readers' by data and by the end, the writer's by the slowest
/// reader's reading, and by its close.
#[test]
fn polls_that_wait_are_woken() {
    skip_without_fuse!();
    let (_mount, writer, one, two) = connected();
    let waits = |end: &Fd, events| {
        let end = end.duplicate().unwrap();
        let mut polling = Task::spawn(move || end.poll(events, SOON).unwrap());
        polling.assert_waits();
        polling
    };
    let polls = [&one, &two].map(|reader| waits(reader, POLLIN));
    writer.write_all(&FULL).unwrap();
    assert_eq!(polls.map(|poll| poll.join(SOON)), [POLLIN; 2]);
    let mut room = waits(&writer, POLLOUT);
    one.read(5000).unwrap();
    room.assert_waits();
    two.read(10).unwrap();
    assert_eq!(room.join(SOON), POLLOUT);
    writer.write_all(&FULL).unwrap();
    one.read(5000).unwrap();
    let room = waits(&writer, POLLOUT);
    drop(two);
    assert_eq!(room.join(SOON), POLLOUT);
    let end = waits(&one, POLLIN);
    drop(writer);
    assert_eq!(end.join(SOON), POLLIN | POLLHUP);
}

/// SEMANTICS: poll-edge
#[test]
fn edges_come_for_each_write_and_each_time_there_is_room() {
    skip_without_fuse!();
    let (_mount, writer, one, two) = connected();
    let epoll = Epoll::new();
    epoll.add(&one, EPOLLIN | EPOLLET, 1).unwrap();
    epoll.add(&two, EPOLLIN | EPOLLET, 2).unwrap();
    for round in 0..10 {
        writer.write_all(b"x").unwrap();
        let mut events = epoll.wait(SOON);
        // The second reader is told right after the first.
        if events.len() == 1 {
            events.extend(epoll.wait(SOON));
        }
        events.sort_unstable();
        assert_eq!(events, [(1, EPOLLIN), (2, EPOLLIN)], "round {round}");
        assert_eq!(epoll.wait(Duration::from_millis(20)), [], "nothing new in round {round}");
        if round % 2 == 0 {
            one.read(9).unwrap();
        }
    }
    two.read(99).unwrap();
    let epoll = Epoll::new();
    epoll.add(&writer, EPOLLOUT | EPOLLET, 3).unwrap();
    assert_eq!(epoll.wait(SOON), [(3, EPOLLOUT)]);
    for round in 0..10 {
        writer.write_all(&FULL).unwrap();
        assert_eq!(writer.write(b"x"), Err(Errno::EAGAIN));
        one.read(5000).unwrap();
        epoll.wait(NOW);
        assert_eq!(epoll.wait(Duration::from_millis(20)), [], "no room in round {round}");
        two.read(5000).unwrap();
        assert_eq!(epoll.wait(SOON), [(3, EPOLLOUT)], "round {round}");
    }
    let ends = Epoll::new();
    ends.add(&one, EPOLLIN | EPOLLET, 1).unwrap();
    assert_eq!(ends.wait(Duration::from_millis(20)), []);
    drop(writer);
    assert_eq!(ends.wait(SOON), [(1, EPOLLIN | EPOLLHUP)]);
}

/// The calls that can wait here.
const CALLS: [&str; 6] = ["open", "read", "write", "fsync", "poll-in", "poll-out"];

/// What a process waits in; its pipe has a reader that reads nothing, and a writer.
fn steps(mount: &Mount, call: &str, name: &str) -> Vec<Step> {
    let open = |flags| Step::Open(mount.path(name), flags);
    match call {
        "open" => vec![Step::Open(mount.make(&format!("{name}-unused")), O_RDONLY)],
        "read" => vec![open(O_RDONLY), Step::Read(9)],
        "write" => vec![open(O_WRONLY), Step::Write(4096, b'a'), Step::Write(5000, b'b')],
        "fsync" => vec![open(O_WRONLY), Step::Write(4096, b'a'), Step::Fsync],
        "poll-in" => vec![open(O_RDONLY), Step::Poll(POLLIN, -1)],
        "poll-out" => vec![open(O_WRONLY), Step::Write(4096, b'a'), Step::Poll(POLLOUT, -1)],
        other => panic!("no steps for {other}"),
    }
}

/// One process waits in `call` and is ended by `end`; the time of that, or of its longest
/// uninterruptible sleep if that is more. Nothing of what waited is left, and the pipe goes on.
fn wait_and_end(
    mount: &Mount,
    call: &str,
    name: &str,
    before: &[Step],
    end: impl Fn(&mut Actor) -> Duration,
) -> Duration {
    let writer = mount.open(name, O_WRONLY | O_CREAT);
    let slow = mount.open(name, O_RDONLY);
    let mut all = before.to_vec();
    all.extend(steps(mount, call, name));
    let mut actor = Actor::start(&all);
    actor.until_waiting();
    let watch = StateWatch::start();
    watch.add(actor.child.pid());
    let time = end(&mut actor).max(watch.finish());
    if matches!(call, "write" | "fsync" | "poll-out") {
        assert!(slow.read(10_000).unwrap() == [b'a'; 4096], "{call}: what was accepted");
    }
    let writing = Task::spawn(move || writer.write_all(&[b'c'; 9000]));
    assert!(slow.read_exactly(9000).unwrap() == [b'c'; 9000], "{call}: the pipe goes on");
    writing.join(SOON).unwrap();
    assert_eq!(slow.read(9).unwrap(), b"", "{call}: everybody has gone");
    time
}

fn assert_prompt_in_every_call(before: &[Step], end: impl Fn(&mut Actor) -> Duration) {
    let mount = Mount::with(&["-o", "mode=broadcast,capacity=4K"]);
    assert_prompt(&CALLS, |call, name| wait_and_end(&mount, call, name, before, &end));
}

/// SEMANTICS: wait-kill, wait-interrupt, broadcast-block
#[test]
fn signals_end_whoever_waits() {
    skip_without_fuse!();
    for signal in [SIGKILL, SIGTERM, SIGINT] {
        assert_prompt_in_every_call(&[], |actor| {
            let (status, time) = actor.end_by(signal);
            assert!(killed_by(status, signal), "{status}");
            time
        });
    }
}

/// SEMANTICS: wait-interrupt
#[test]
fn a_signal_that_is_handled_gives_eintr() {
    skip_without_fuse!();
    assert_prompt_in_every_call(&[Step::Handle(SIGALRM, false)], |actor| {
        let (outcome, time) = timed(|| {
            actor.child.signal(SIGALRM);
            actor.last_outcome(SOON)
        });
        assert_eq!(outcome, Err(Errno::EINTR));
        time
    });
}

/// SEMANTICS: wait-interrupt, broadcast-each
///
/// The writer and its readers are interrupted all the time; each reader gets each byte once.
#[test]
fn interrupted_ends_lose_and_double_nothing() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=broadcast,capacity=4K"]);
    let path = mount.make("p");
    let alarms = [Step::Handle(SIGALRM, false), Step::AlarmEvery(ALARM_MICROSECONDS)];
    let start = |flags, step| {
        let mut steps = vec![Step::Open(path.clone(), flags)];
        steps.extend(alarms.clone());
        steps.push(step);
        Actor::start(&steps)
    };
    let mut readers = [(); 3].map(|()| start(O_RDONLY, Step::ReadThroughAlarms));
    readers.iter_mut().for_each(|reader| reader.until_waiting_in(0));
    let mut writer = start(O_WRONLY, Step::WriteThroughAlarms(TOTAL, 40_000));
    let mut interrupted = writer.last_outcome(SOON * 3).unwrap();
    for reader in &mut readers {
        interrupted += reader.last_outcome(SOON * 3).unwrap();
        let data = reader.data();
        assert!(data == sequence(0, TOTAL), "{} bytes, or other ones", data.len());
    }
    assert!(interrupted > 0, "no call was interrupted, so this has shown nothing");
}

/// SEMANTICS: wait-interrupt
///
/// Whenever the signal comes: before the driver has seen the request, or when it is parked.
#[test]
fn a_signal_ends_a_call_whenever_it_comes() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=broadcast,capacity=4K"]).lasting(SOON * 12);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let slow = mount.open("p", O_RDONLY);
    writer.write_all(&FULL).unwrap();
    let open = |flags| Step::Open(mount.path("p"), flags);
    for (open, call) in [
        (None, Step::Open(mount.make("unused"), O_RDONLY)),
        (Some(open(O_RDONLY)), Step::Read(9)),
        (Some(open(O_WRONLY)), Step::Write(9, b'y')),
        (Some(open(O_WRONLY)), Step::Fsync),
    ] {
        let mut steps: Vec<_> = open.into_iter().collect();
        steps.push(Step::Handle(SIGALRM, false));
        steps.push(Step::AlarmEvery(ALARM_MICROSECONDS));
        steps.push(Step::Repeat(TIMES, Box::new(call.clone())));
        let interrupted = Actor::start(&steps).last_outcome(SOON * 3);
        assert_eq!(interrupted, Ok(TIMES.into()), "{call:?}");
    }
    drop(writer);
    assert!(slow.read_to_end().unwrap() == FULL, "nothing of the interrupted writes");
}

/// SEMANTICS: broadcast-flush, flush-waits
#[test]
fn with_linger_flush_a_close_waits_for_every_reader_that_stays() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=broadcast,linger=flush"]);
    let [one, two] = [(); 2].map(|()| mount.open("p", O_RDONLY | O_CREAT | O_NONBLOCK));
    // In another process: a close here that waits holds up those that start one.
    let open = Step::Open(mount.path("p"), O_WRONLY);
    let mut writer = Actor::start(&[open, Step::Write(4, b'x'), Step::Close]);
    writer.until_waiting();
    assert_eq!(one.read(9).unwrap(), b"xxxx");
    writer.until_waiting();
    drop(two);
    assert_eq!(writer.last_outcome(SOON), Ok(0));
    assert_eq!(one.read(9).unwrap(), b"");
}
