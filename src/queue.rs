//! The queue of one lane: bytes in the order of writing, with marks where messages end.
//!
//! Large writes are kept as they came (the caller's buffer becomes a segment, nothing is copied);
//! small ones are gathered in the tail, so that a thousand one-byte writes cost one allocation.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

pub use crate::data::{Boundary, Data};
use crate::lengths::Lengths;

/// A write of at least this many bytes is kept in the buffer that it came in, which should not hold
/// more than twice as much memory (the bound of resident memory). Shorter ones are copied.
pub const ADOPT_MIN_BYTES: usize = 64 << 10;

/// Smallest and largest chunk that gathers small writes. A chunk grows with what is buffered, so
/// that a lane that holds six bytes does not hold a page.
const CHUNK_MIN_BYTES: usize = 64;
const CHUNK_MAX_BYTES: usize = 64 << 10;

/// An empty queue keeps a chunk up to this size for the next write; a larger one is given back.
const IDLE_CHUNK_BYTES: usize = 4 << 10;

/// Most slices that one read takes, well below `IOV_MAX` (1,024), so that they leave in one
/// system call. A read that would need more is short.
pub const MAX_SLICES: usize = 512;

/// A part of the queue with an allocation of its own.
#[derive(Debug)]
struct Segment {
    data: Bytes,
    /// How much memory it holds as long as a byte of it is left.
    allocation: usize,
}

/// A message of which something is left, or which is empty.
#[derive(Debug, Clone, Copy)]
struct Message {
    /// Stream position at which it ends, not before the queue's head.
    end: u64,
    /// How long it was when it came.
    length: u64,
}

/// Bytes in order, and where messages end.
#[derive(Debug, Default)]
pub struct Queue {
    /// Full segments, oldest first.
    segments: VecDeque<Segment>,
    /// What follows them: gathered small writes.
    tail: BytesMut,
    /// Size of the allocation behind `tail`.
    chunk_bytes: usize,
    /// Stream position of the first byte: how many bytes were ever taken.
    head: u64,
    /// Stream position after the last byte.
    end: u64,
    /// The first message that has an end.
    first: Option<Message>,
    /// How many messages have an end, and how many of them are empty.
    messages: usize,
    empty_messages: usize,
    /// How many empty messages have left.
    past_empty: u64,
    /// How long the messages after it are.
    lengths: Lengths,
    /// Stream position at which the last message ends.
    last_end: u64,
}

impl Queue {
    /// Buffered bytes.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.end - self.head
    }

    /// Whether a read finds nothing, not even an empty message.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == self.head && self.first.is_none()
    }

    /// What counts against capacity and memory: the bytes, and one for each empty message.
    #[must_use]
    pub fn charge(&self) -> u64 {
        self.byte_len() + self.empty_messages as u64
    }

    /// How much has ever left it, in the measure of [`Queue::charge`].
    #[must_use]
    pub fn charge_taken(&self) -> u64 {
        self.head + self.past_empty
    }

    /// How many bytes were ever taken or discarded.
    #[must_use]
    pub fn head_position(&self) -> u64 {
        self.head
    }

    /// Counts bytes that went from a writer to a waiting reader without being queued.
    ///
    /// # Panics
    /// If something is queued: those bytes would have overtaken it.
    pub fn pass_by(&mut self, bytes: u64) {
        assert!(self.is_empty(), "bytes must not overtake the queue");
        self.head += bytes;
        self.end += bytes;
    }

    /// Appends one write.
    pub fn push(&mut self, data: Bytes, boundary: Boundary) {
        self.end += data.len() as u64;
        if data.len() >= ADOPT_MIN_BYTES {
            self.close_tail();
            let allocation = data.len();
            self.segments.push_back(Segment { data, allocation });
        } else {
            self.gather(&data);
        }
        if boundary == Boundary::Message {
            let length = self.end - std::mem::replace(&mut self.last_end, self.end);
            self.messages += 1;
            self.empty_messages += usize::from(length == 0);
            match self.first {
                None => self.first = Some(Message { end: self.end, length }),
                Some(_) => self.lengths.push(length),
            }
        }
    }

    /// Takes up to `max` bytes, across messages. Empty messages on the way are passed over.
    pub fn take(&mut self, max: usize) -> Data {
        let data = self.take_slices(max);
        self.skip_ended();
        data
    }

    /// Passes over messages of which nothing is left: empty ones, for a reader of bytes.
    pub fn skip_ended(&mut self) {
        while self.first.is_some_and(|message| message.end <= self.head) {
            self.next_message();
        }
    }

    /// Takes up to `max` bytes of the first message; `None` when no message has an end yet.
    pub fn take_message(&mut self, max: usize) -> Option<Data> {
        let end = self.first?.end;
        let left = usize::try_from(end - self.head).unwrap_or(usize::MAX);
        let mut data = self.take_slices(max.min(left));
        data.is_message = true;
        data.left_bytes = usize::try_from(end - self.head).unwrap_or(usize::MAX);
        if data.left_bytes == 0 {
            self.next_message();
        }
        Some(data)
    }

    fn next_message(&mut self) {
        let Some(Message { end, length }) = self.first.take() else { return };
        self.messages -= 1;
        self.empty_messages -= usize::from(length == 0);
        self.past_empty += u64::from(length == 0);
        let next = self.lengths.pop();
        self.first = next.map(|length| Message { end: end + length, length });
    }

    /// Buffered messages.
    #[must_use]
    pub fn message_count(&self) -> usize {
        self.messages
    }

    /// A copy of the first bytes, up to `max` of them.
    #[must_use]
    pub fn peek(&self, max: usize) -> Vec<u8> {
        let segments = self.segments.iter().map(|segment| &segment.data[..]);
        segments.chain([&self.tail[..]]).flatten().take(max).copied().collect()
    }

    /// A copy of what is left of the first message, up to `max` bytes of it.
    #[must_use]
    pub fn peek_message(&self, max: usize) -> Vec<u8> {
        self.peek(max.min(usize::try_from(self.first_bytes()).unwrap_or(usize::MAX)))
    }

    /// How many bytes of the first message are left; of all, if none has an end.
    #[must_use]
    pub fn first_bytes(&self) -> u64 {
        self.first.map_or(self.byte_len(), |message| message.end - self.head)
    }

    /// Throws everything away and tells how many bytes that were.
    pub fn clear(&mut self) -> u64 {
        let (bytes, end) = (self.byte_len(), self.end);
        let past_empty = self.past_empty + self.empty_messages as u64;
        *self = Self { head: end, end, last_end: end, past_empty, ..Self::default() };
        bytes
    }

    /// How much memory the first segment holds for bytes of it that have been taken.
    #[must_use]
    pub fn waste_bytes(&self) -> usize {
        match self.segments.front() {
            Some(front) => front.allocation - front.data.len(),
            None if self.tail.is_empty() => 0,
            None => self.chunk_bytes - self.tail.len(),
        }
    }

    /// Copies what is left of the first segment if that is the lesser part of it, so that the
    /// rest of its memory can go.
    pub fn compact(&mut self) {
        match self.segments.front_mut() {
            Some(front) if front.data.len() < front.allocation / 2 => {
                front.data = Bytes::copy_from_slice(&front.data);
                front.allocation = front.data.len();
            }
            None if self.tail.len() < self.chunk_bytes / 2 => {
                self.tail = BytesMut::from(&self.tail[..]);
                self.chunk_bytes = self.tail.len();
            }
            _ => {}
        }
    }

    fn take_slices(&mut self, max: usize) -> Data {
        let mut slices = SmallVec::new();
        let mut left = max;
        while left > 0 && slices.len() < MAX_SLICES {
            let slice = match self.segments.front_mut() {
                Some(front) if front.data.len() > left => front.data.split_to(left),
                Some(front) => {
                    let data = std::mem::take(&mut front.data);
                    self.segments.pop_front();
                    data
                }
                None if self.tail.is_empty() => break,
                None => self.tail.split_to(left.min(self.tail.len())).freeze(),
            };
            left -= slice.len();
            slices.push(slice);
        }
        self.head += (max - left) as u64;
        if self.head == self.end && self.chunk_bytes > IDLE_CHUNK_BYTES {
            self.tail = BytesMut::new();
            self.chunk_bytes = 0;
        }
        Data { slices, left_bytes: 0, is_message: false }
    }

    /// Copies a small write behind the tail; what does not fit begins a new chunk.
    fn gather(&mut self, data: &[u8]) {
        if self.tail.is_empty() && self.chunk_bytes >= data.len() {
            // Every slice of it may have been read meanwhile: then the chunk starts anew. If not,
            // what is left of it is used up first.
            let _ = self.tail.try_reclaim(data.len());
        }
        let spare = self.tail.capacity() - self.tail.len();
        let (first, rest) = data.split_at(spare.min(data.len()));
        self.tail.extend_from_slice(first);
        if !rest.is_empty() {
            self.close_tail();
            let buffered = usize::try_from(self.byte_len()).unwrap_or(usize::MAX);
            let wanted = buffered.clamp(CHUNK_MIN_BYTES, CHUNK_MAX_BYTES).max(rest.len());
            self.tail = BytesMut::with_capacity(wanted);
            self.chunk_bytes = wanted;
            self.tail.extend_from_slice(rest);
        }
    }

    fn close_tail(&mut self) {
        if !self.tail.is_empty() {
            let (data, allocation) = (self.tail.split().freeze(), self.chunk_bytes);
            self.segments.push_back(Segment { data, allocation });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(len: usize, seed: u8) -> Bytes {
        (0..len).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed)).collect()
    }

    #[test]
    fn what_goes_in_comes_out_in_order_whatever_the_sizes() {
        let sizes = [1, 63, 64, 65, 4096, 70_000, ADOPT_MIN_BYTES, 3, ADOPT_MIN_BYTES + 1, 511];
        for step in [1_usize, 7, 1000, 4096, 1 << 20, usize::MAX] {
            let mut queue = Queue::default();
            let mut expected = Vec::new();
            for (seed, size) in sizes.into_iter().enumerate() {
                let size = if step < 1000 { size.min(5000) } else { size };
                let data = bytes(size, seed as u8);
                expected.extend_from_slice(&data);
                queue.push(data, Boundary::None);
            }
            assert_eq!(queue.byte_len(), expected.len() as u64);
            let mut got = Vec::new();
            while !queue.is_empty() {
                let data = queue.take(step);
                assert!(!data.is_empty() && data.byte_len() <= step);
                got.extend(data.to_vec());
            }
            assert!(got == expected, "step {step}");
            assert_eq!(queue.head_position(), expected.len() as u64);
        }
    }

    #[test]
    fn a_large_write_is_kept_in_its_own_buffer() {
        let data = bytes(ADOPT_MIN_BYTES, 0);
        let at = data.as_ptr();
        let mut queue = Queue::default();
        queue.push(data, Boundary::None);
        assert_eq!(queue.take(usize::MAX)[0].as_ptr(), at);
    }

    #[test]
    fn small_writes_and_reads_in_turn_use_one_allocation() {
        let mut queue = Queue::default();
        queue.push(bytes(64, 0), Boundary::None);
        drop(queue.take(64));
        let chunk = queue.chunk_bytes;
        for round in 0..1000 {
            queue.push(bytes(64, round as u8), Boundary::None);
            assert_eq!(queue.take(100).to_vec(), bytes(64, round as u8));
            assert_eq!(queue.chunk_bytes, chunk);
        }
    }

    #[test]
    fn the_last_bytes_do_not_hold_what_was_taken() {
        for size in [1000, 70_000, ADOPT_MIN_BYTES] {
            let data = bytes(size, 0);
            let mut queue = Queue::default();
            queue.push(data.clone(), Boundary::None);
            drop(queue.take(size - 10));
            assert!(queue.waste_bytes() >= size - 10, "{size}");
            queue.compact();
            assert!(queue.waste_bytes() <= 64, "{size}");
            queue.push(bytes(5, 1), Boundary::None);
            assert_eq!(queue.take(10).to_vec(), data[size - 10..]);
            assert_eq!(queue.take(10).to_vec(), bytes(5, 1));
            assert_eq!(queue.waste_bytes(), 0);
        }
    }

    #[test]
    fn messages_keep_their_ends() {
        let mut queue = Queue::default();
        queue.push(Bytes::from_static(b"first"), Boundary::Message);
        queue.push(Bytes::new(), Boundary::Message);
        queue.push(Bytes::from_static(b"third"), Boundary::Message);
        assert_eq!(queue.message_count(), 3);
        assert_eq!(queue.peek_message(3), b"fir");
        assert_eq!(queue.peek_message(99), b"first");
        assert_eq!(queue.peek(7), b"firstth");
        let part = queue.take_message(2).unwrap();
        assert_eq!((part.to_vec(), part.left_bytes()), (b"fi".to_vec(), 3));
        let part = queue.take_message(3).unwrap();
        assert_eq!((part.to_vec(), part.left_bytes()), (b"rst".to_vec(), 0));
        assert_eq!(queue.charge(), 6, "five bytes and an empty message");
        let part = queue.take_message(9).unwrap();
        assert_eq!((part.byte_len(), part.left_bytes()), (0, 0));
        assert_eq!(queue.charge(), 5);
        assert!(!queue.is_empty());
        assert_eq!(queue.take(2).to_vec(), b"th");
        assert_eq!(queue.take_message(9).unwrap().to_vec(), b"ird");
        assert_eq!(queue.take_message(9), None);
    }

    #[test]
    fn a_byte_read_joins_messages() {
        let mut queue = Queue::default();
        queue.push(Bytes::from_static(b"ab"), Boundary::Message);
        queue.push(Bytes::from_static(b"cd"), Boundary::Message);
        assert_eq!(queue.take(3).to_vec(), b"abc");
        assert_eq!(queue.take_message(9).unwrap().to_vec(), b"d");
        assert!(queue.is_empty());
    }

    #[test]
    fn clear_counts_what_it_throws_away() {
        let mut queue = Queue::default();
        queue.push(bytes(1000, 0), Boundary::Message);
        drop(queue.take(10));
        assert_eq!(queue.clear(), 990);
        assert!(queue.is_empty());
        assert_eq!(queue.charge_taken(), 1000);
        queue.push(bytes(3, 0), Boundary::Message);
        assert_eq!(queue.take_message(9).unwrap().byte_len(), 3);
    }
}
