//! What a process of a storm does with a pipe from open to close.

use std::collections::HashMap;
use std::ops::ControlFlow::{self, Break, Continue};
use std::time::Duration;

use libc::{O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, POLLIN, POLLOUT};

use super::content::{
    self, ID_BYTES, Id, RECORD_BYTES, append_record, check_record, message_bytes, piece_bytes,
};
use super::ledger::Event;
use super::pipes::{Kind, kind};
use super::worker::Worker;
use crate::harness::functions::OTHER_END;
use crate::harness::{Errno, Fd};

/// Longest piece of a stream: of bytes more than one request, of messages what is allowed.
const LONGEST_PIECE: usize = (1 << 20) + 10_000;
const LONGEST_MESSAGE: usize = (1 << 20) - 4096;

/// Most records of a byte pipe that one write has or one read gets.
pub(super) const MOST_RECORDS: u64 = 16;

// The last ones come of being disconnected, which happens to wild pipes.
const MAY_NOT_WRITE: [Errno; 5] =
    [Errno::EPIPE, Errno::EAGAIN, Errno::ENOSPC, Errno::ENOENT, Errno::ENOTCONN];
const MAY_NOT_READ: [Errno; 4] = [Errno::EAGAIN, Errno::ENOENT, Errno::ENOTCONN, Errno::ECONNRESET];

pub(super) fn write(worker: &mut Worker, pipe: usize) {
    let is_duplex = kind(pipe) == Kind::Wild && worker.once_in(3);
    let truncates = if worker.once_in(2) { O_TRUNC } else { 0 };
    let flags = if is_duplex { O_RDWR | truncates } else { O_WRONLY };
    let Some(file) = worker.open(pipe, flags) else { return };
    let stream = worker.new_stream();
    match kind(pipe) {
        Kind::Streams { messages } => write_stream(worker, &file, pipe, stream, messages),
        Kind::Shared { messages } | Kind::Broadcast { messages } => {
            write_records(worker, &file, pipe, stream, messages);
        }
        // Nobody knows its type: a record has the same length in each.
        Kind::Wild => {
            write_records(worker, &file, pipe, stream, false);
            call_functions(worker, &file);
            if is_duplex {
                read_records(worker, &file, pipe, Kind::Wild);
            }
        }
    }
}

/// Whether a call that failed is to be tried again. It is not for those who wait for long.
fn goes_on(worker: &mut Worker, file: &Fd, error: Errno, event: i16) -> ControlFlow<()> {
    let polls = error == Errno::EAGAIN || error == Errno::EINTR && worker.once_in(4);
    if !matches!(error, Errno::EAGAIN | Errno::EINTR) || worker.once_in(3) || worker.is_over() {
        return Break(());
    }
    if polls {
        let time = Duration::from_millis(worker.random.below(60));
        let _ = worker.expect(file.poll(event, time), &[]);
    }
    Continue(())
}

fn write_stream(worker: &mut Worker, file: &Fd, pipe: usize, stream: u64, messages: bool) {
    let longest = if messages { LONGEST_MESSAGE } else { LONGEST_PIECE };
    let mut position = 0;
    for piece in 0..1 + worker.random.below(30) {
        let length = piece_bytes(stream, piece, longest);
        let end = position + length as u64;
        while position < end {
            let mut bytes = std::mem::take(&mut worker.buffer);
            let rest = &mut bytes[..(end - position) as usize];
            content::fill(stream, position, rest);
            let written = file.write(rest);
            // What was accepted belongs to the queue now: what is here is not for it any more.
            rest.fill(0xEE);
            worker.buffer = bytes;
            match worker.expect(written, &MAY_NOT_WRITE) {
                Ok(count) => {
                    assert!(!messages || count == length, "{count} of a message of {length} bytes");
                    position += count as u64;
                    worker.note(Event::Accepted, pipe, stream, position);
                }
                Err(error) => {
                    if goes_on(worker, file, error, POLLOUT).is_break() {
                        // The piece that is begun must not end here: who reads knows its length.
                        return;
                    }
                }
            }
        }
    }
    // Noted first: then it is closed whatever happens next.
    worker.note(Event::Closed, pipe, stream, position);
}

fn write_records(worker: &mut Worker, file: &Fd, pipe: usize, stream: u64, messages: bool) {
    let mut bytes = Vec::new();
    let (mut number, mut failures) = (0, 0);
    let last = worker.random.below(40) as u32;
    while number <= last && failures < 5 {
        bytes.clear();
        let count = if messages { 1 } else { 1 + worker.random.below(MOST_RECORDS) as u32 };
        // One record, where nobody knows whether it will be a message.
        let count = if kind(pipe) == Kind::Wild { 1 } else { count };
        for number in number..number + count {
            let length = if messages { message_bytes(&mut worker.random) } else { RECORD_BYTES };
            append_record(Id { stream, number }, length, &mut bytes);
            worker.note(Event::Tries, pipe, stream, number.into());
        }
        match worker.expect(file.write(&bytes), &MAY_NOT_WRITE) {
            Ok(written) => {
                assert_eq!(written, bytes.len(), "a write of one request is whole");
                for number in number..number + count {
                    worker.note(Event::Sent, pipe, stream, number.into());
                }
                number += count;
            }
            Err(error) if goes_on(worker, file, error, POLLOUT).is_break() => return,
            Err(_) => failures += 1,
        }
    }
}

/// The other pipe functions, whether they suit the end or not.
fn call_functions(worker: &mut Worker, file: &Fd) {
    let may = [
        Errno::EAGAIN,
        Errno::EBADF,
        Errno::EBADFD,
        Errno::EBUSY,
        Errno::EINVAL,
        Errno::ENOENT,
        // A transaction does not wait for memory.
        Errno::ENOSPC,
        Errno::ENOTCONN,
        Errno::EOPNOTSUPP,
        Errno::EPIPE,
        Errno::ESRCH,
        Errno::ETIMEDOUT,
    ];
    let limit = Some(Duration::from_millis(worker.random.below(20)));
    for _ in 0..worker.random.below(3) {
        let called = match worker.random.below(8) {
            0 => file.fsync(),
            1 => file.connect(limit).map(drop),
            2 => file.disconnect().map(drop),
            3 => file.send_empty().map(drop),
            4 => file.info().map(drop),
            5 => file.peer(OTHER_END).map(drop),
            6 => file.set_read_mode(worker.random.below(2) as u32).map(drop),
            _ => {
                let mut request = Vec::new();
                let id = Id { stream: worker.new_stream(), number: 0 };
                append_record(id, RECORD_BYTES, &mut request);
                file.transact(&request, 1024, limit).map(|(reply, left)| {
                    assert!(reply.is_empty() || left > 0 || check_record(&reply).is_ok());
                })
            }
        };
        let _ = worker.expect(called, &may);
    }
}

pub(super) fn read(worker: &mut Worker, pipe: usize) {
    // Noted first: who is killed in its open may have got what nobody else gets any more.
    worker.note(Event::Reads, pipe, 0, 0);
    if let Some(file) = worker.open(pipe, O_RDONLY) {
        match kind(pipe) {
            Kind::Streams { messages } => {
                let known = read_stream(worker, &file, pipe, messages);
                if known.is_none() {
                    worker.note(Event::Blank, pipe, 0, 0);
                }
            }
            other => read_records(worker, &file, pipe, other),
        }
        drop(file);
    }
    worker.note(Event::Left, pipe, 0, 0);
}

/// What a reader knows of the stream that it reads.
struct Reading {
    stream: Option<u64>,
    beginning: Vec<u8>,
    position: u64,
    /// Which piece it is in, and where that ends.
    piece: u64,
    end: u64,
}

/// Returns which stream it was, if that was seen.
fn read_stream(worker: &mut Worker, file: &Fd, pipe: usize, messages: bool) -> Option<u64> {
    let mut reading =
        Reading { stream: None, beginning: Vec::new(), position: 0, piece: 0, end: 0 };
    let quits_after = match !worker.drains && worker.once_in(8) {
        true => worker.random.below(20),
        false => u64::MAX,
    };
    for _ in 0..quits_after {
        if worker.once_in(10) {
            peek(worker, file, &reading);
        }
        let mut buffer = std::mem::take(&mut worker.buffer);
        let most = *worker.random.pick(&[1, 7, 100, 4096, 70_000, 300_000, 1 << 20]);
        let room = 1 + worker.random.below(most) as usize;
        let got = worker.expect(file.read_into(&mut buffer[..room]), &MAY_NOT_READ);
        let next = match got {
            Ok(0) => {
                if let Some(stream) = reading.stream {
                    worker.note(Event::Ended, pipe, stream, reading.position);
                }
                Break(())
            }
            Ok(count) => {
                reading.take(worker, pipe, &buffer[..count], room, messages);
                Continue(())
            }
            Err(error) => goes_on(worker, file, error, POLLIN),
        };
        buffer.fill(0xDD);
        worker.buffer = buffer;
        if next.is_break() {
            break;
        }
    }
    reading.stream
}

impl Reading {
    fn take(&mut self, worker: &Worker, pipe: usize, bytes: &[u8], room: usize, messages: bool) {
        let at = self.position;
        self.position += bytes.len() as u64;
        let Some(stream) = self.stream else {
            self.beginning.extend(bytes);
            if self.beginning.len() >= ID_BYTES {
                let stream = content::stream_of(&self.beginning);
                assert_right(content::check(stream, 0, &self.beginning));
                self.stream = Some(stream);
                worker.note(Event::Met, pipe, stream, 0);
                let longest = if messages { LONGEST_MESSAGE } else { LONGEST_PIECE };
                self.end = piece_bytes(stream, 0, longest) as u64;
            }
            return;
        };
        assert_right(content::check(stream, at, bytes));
        if messages {
            while at >= self.end {
                self.piece += 1;
                self.end += piece_bytes(stream, self.piece, LONGEST_MESSAGE) as u64;
            }
            let left = (self.end - at) as usize;
            assert_eq!(bytes.len(), left.min(room), "of {left} bytes of a message, room {room}");
        }
    }
}

/// A look at what is next, which must be what the next reads get.
fn peek(worker: &mut Worker, file: &Fd, reading: &Reading) {
    let room = worker.random.below(8000) as usize;
    let may = [Errno::EAGAIN, Errno::EPIPE, Errno::ENOTCONN, Errno::ENOENT, Errno::EBADFD];
    let Ok(peeked) = worker.expect(file.peek(room), &may) else { return };
    if let Some(stream) = reading.stream {
        assert_right(content::check(stream, reading.position, &peeked.data));
    }
}

fn read_records(worker: &mut Worker, file: &Fd, pipe: usize, kind: Kind) {
    let messages =
        matches!(kind, Kind::Shared { messages: true } | Kind::Broadcast { messages: true });
    let mut seen: HashMap<u64, u32> = HashMap::new();
    let quits_after = if worker.once_in(4) { worker.random.below(40) } else { 400 };
    for _ in 0..quits_after {
        let mut buffer = std::mem::take(&mut worker.buffer);
        let room = match messages {
            true => buffer.len(),
            false => RECORD_BYTES * (1 + worker.random.below(MOST_RECORDS) as usize),
        };
        let got = worker.expect(file.read_into(&mut buffer[..room]), &MAY_NOT_READ);
        let next = match got {
            Ok(0) => Break(()),
            Ok(count) => {
                take_records(worker, pipe, kind, &buffer[..count], &mut seen);
                Continue(())
            }
            Err(error) => goes_on(worker, file, error, POLLIN),
        };
        buffer.fill(0xDD);
        worker.buffer = buffer;
        if next.is_break() {
            return;
        }
    }
}

fn take_records(
    worker: &Worker,
    pipe: usize,
    kind: Kind,
    mut bytes: &[u8],
    seen: &mut HashMap<u64, u32>,
) {
    while !bytes.is_empty() {
        let (id, length) = assert_right(check_record(bytes));
        bytes = &bytes[length..];
        if matches!(kind, Kind::Shared { .. }) {
            worker.note(Event::Got, pipe, id.stream, id.number.into());
        }
        let before = seen.insert(id.stream, id.number);
        match before {
            Some(before) if matches!(kind, Kind::Broadcast { .. }) => {
                assert_eq!(id.number, before + 1, "a broadcast has no gaps: {id:x?}");
            }
            Some(before) => assert!(id.number > before, "{id:x?} was read after {before}"),
            None => {}
        }
    }
}

/// What is right is right.
///
/// # Panics
/// When it is wrong, with what was found.
#[track_caller]
fn assert_right<T>(found: Result<T, String>) -> T {
    found.unwrap_or_else(|wrong| panic!("{wrong}"))
}
