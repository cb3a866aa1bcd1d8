//! Group Q, first half: data through a FIFO.

use libc::{O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, SIGKILL, SIGPIPE};

use super::Fifo;
use crate::harness::actor::{Actor, Step, killed_by, sequence};
use crate::harness::{Errno, Task};
use crate::linux::SOON;

crate::linux::on_fifos! {
    q1_end_of_file_comes_with_the_last_writer_to_all_readers,
    q2_a_new_writer_revives_a_reader,
    q3_nothing_there_and_a_writer,
    q4_writing_without_a_reader,
    q5_small_writes_are_never_mixed,
    q6_writes_that_do_not_wait,
    q7_a_write_beyond_capacity_waits_and_can_be_killed,
    q8_many_writers_and_readers_share_one_stream,
    q9_an_empty_write_is_not_seen,
}

/// More than any capacity.
const VERY_MUCH: usize = 3 << 20;

/// SEMANTICS: shared-eof
fn q1_end_of_file_comes_with_the_last_writer_to_all_readers(it: &Fifo) {
    let (first, one) = it.ends();
    let two = it.open(O_WRONLY);
    assert_eq!(one.write(b"1"), Ok(1));
    drop(one);
    assert_eq!(first.read(9).unwrap(), b"1");
    assert_eq!(first.read(9), Err(Errno::EAGAIN), "a writer is left");
    let mut readers: Vec<_> = (0..3)
        .map(|_| {
            let reader = it.open(O_RDONLY);
            Task::spawn(move || reader.read(9))
        })
        .collect();
    readers.iter_mut().for_each(Task::assert_waits);
    drop(two);
    for reader in readers {
        assert_eq!(reader.join(SOON).unwrap(), b"");
    }
    assert_eq!(first.read(9).unwrap(), b"");
}

/// SEMANTICS: shared-eof
fn q2_a_new_writer_revives_a_reader(it: &Fifo) {
    let (reader, writer) = it.ends();
    assert_eq!(writer.write(b"1"), Ok(1));
    drop(writer);
    assert_eq!(reader.read(9).unwrap(), b"1");
    assert_eq!(reader.read(9).unwrap(), b"");
    let writer = it.open(O_WRONLY);
    assert_eq!(reader.read(9), Err(Errno::EAGAIN));
    assert_eq!(writer.write(b"2"), Ok(1));
    assert_eq!(reader.read(9).unwrap(), b"2");
}

/// SEMANTICS: wait-nonblock
fn q3_nothing_there_and_a_writer(it: &Fifo) {
    let (reader, writer) = it.ends();
    assert_eq!(reader.read(9), Err(Errno::EAGAIN));
    reader.set_nonblocking(false).unwrap();
    let mut read = Task::spawn(move || reader.read(9));
    read.assert_waits();
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(read.join(SOON).unwrap(), b"x");
}

/// SEMANTICS: shared-no-reader
fn q4_writing_without_a_reader(it: &Fifo) {
    let (reader, writer) = it.ends();
    drop(reader);
    // This process ignores SIGPIPE, an actor does not.
    assert_eq!(writer.write(b"x"), Err(Errno::EPIPE));
    let reader = it.open(O_RDONLY | O_NONBLOCK);
    let steps = [Step::Open(it.path.clone(), O_WRONLY), Step::Poll(0, -1), Step::Write(1, b'x')];
    let mut actor = Actor::start(&steps);
    actor.until_waiting_in(1);
    drop(reader);
    let status = actor.child.wait(SOON);
    let by_signal = killed_by(status, SIGPIPE);
    let answer = (by_signal, actor.outcomes().get(2).copied());
    assert_eq!(answer, it.answer("Q4", (true, None), (false, Some(Err(Errno::EPIPE)))));
}

/// SEMANTICS: shared-order, shared-compete
fn q5_small_writes_are_never_mixed(it: &Fifo) {
    let reader = it.open(O_RDWR);
    let mut writers: Vec<_> = (b'a'..b'g')
        .map(|byte| {
            let write = Step::Write(4096, byte);
            let steps = [&[Step::Open(it.path.clone(), O_WRONLY)][..], &vec![write; 20]].concat();
            Actor::start(&steps)
        })
        .collect();
    let all = reader.read_exactly(6 * 20 * 4096).unwrap();
    for piece in all.chunks(4096) {
        assert!(piece.iter().all(|byte| *byte == piece[0]), "two writers' bytes are mixed");
    }
    for writer in &mut writers {
        assert!(writer.finish(SOON).iter().all(Result::is_ok), "{writer:?}");
    }
}

/// SEMANTICS: write-full, write-whole
fn q6_writes_that_do_not_wait(it: &Fifo) {
    let (reader, writer) = it.ends();
    it.fill(&writer);
    writer.set_nonblocking(true).unwrap();
    assert_eq!(writer.write(b"x"), Err(Errno::EAGAIN));
    assert_eq!(reader.read(4096).unwrap().len(), 4096);
    let written = writer.write(&[b'y'; 8192]);
    assert_eq!(written, Ok(it.answer("Q6", 4096, 8192)));
    assert_eq!(writer.write(&[b'z'; 4096]), Err(Errno::EAGAIN), "all or nothing");
}

/// SEMANTICS: write-full, wait-kill
fn q7_a_write_beyond_capacity_waits_and_can_be_killed(it: &Fifo) {
    let (reader, _) = it.blocking_ends();
    let steps = [Step::Open(it.path.clone(), O_WRONLY), Step::Write(VERY_MUCH, b'x')];
    let mut stuck = Actor::start(&steps);
    stuck.until_waiting();
    let (status, time) = stuck.end_by(SIGKILL);
    assert!(killed_by(status, SIGKILL), "{status}");
    assert!(time < SOON, "{time:?}");
    // What it got in is there, then the end.
    assert!(reader.read_to_end().unwrap().len() < VERY_MUCH);

    let mut waiting = Actor::start(&steps);
    let reader = it.open(O_RDONLY);
    assert_eq!(reader.read_exactly(VERY_MUCH).unwrap().len(), VERY_MUCH);
    assert_eq!(waiting.last_outcome(SOON), Ok(VERY_MUCH as i64), "never a short count");
}

/// SEMANTICS: shared-compete, shared-order
fn q8_many_writers_and_readers_share_one_stream(it: &Fifo) {
    let open = |flags| Step::Open(it.path.clone(), flags);
    let mut readers: Vec<_> =
        (0..3).map(|_| Actor::start(&[open(O_RDONLY), Step::ReadToEnd])).collect();
    let held = it.open(O_WRONLY);
    readers.iter_mut().for_each(|reader| reader.until_waiting_in(1));
    let mut writers: Vec<_> = (b'a'..=b'c')
        .map(|byte| {
            Actor::start(&[&[open(O_WRONLY)][..], &vec![Step::Write(3, byte); 50]].concat())
        })
        .collect();
    for writer in &mut writers {
        assert_eq!(writer.finish(SOON)[1..], [Ok(3); 50]);
    }
    drop(held);
    let mut seen = Vec::new();
    for reader in &mut readers {
        reader.finish(SOON);
        seen.extend(reader.data());
    }
    seen.sort_unstable();
    assert_eq!(String::from_utf8_lossy(&seen), ["a", "b", "c"].map(|c| c.repeat(150)).concat());
    // One writer's bytes come in their order.
    let (reader, writer) = it.ends();
    let data = sequence(0, 10_000);
    writer.write_all(&data).unwrap();
    assert!(reader.read_exactly(10_000).unwrap() == data);
}

/// SEMANTICS: data-zero-length
fn q9_an_empty_write_is_not_seen(it: &Fifo) {
    let (reader, writer) = it.blocking_ends();
    let kept = reader.duplicate().unwrap();
    let mut read = Task::spawn(move || reader.read(9));
    read.assert_waits();
    assert_eq!(writer.write(b""), Ok(0));
    read.assert_waits();
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(read.join(SOON).unwrap(), b"x");
    drop(kept);
    assert_eq!(writer.write(b""), Ok(0), "even without a reader");
}
