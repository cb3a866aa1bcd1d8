//! Request buffers: taken for a request, lent to the queue with a large write, and given back
//! when its reader has got the data. Last used first, because that one is still in the cache.
//!
//! Each has room for the largest request, but holds memory only where data ever came to. A buffer
//! must not wait in a queue with much more memory than data, so how far each was used is noted, and
//! streams of shorter writes get buffers that were never used for longer ones.

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Largest payload of a request: the `max_write` that is negotiated at INIT.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Payloads begin at a page boundary: the kernel copies page by page, and an unaligned buffer
/// would split each copy in two.
const ALIGN: usize = 4096;

/// Most memory of idle buffers that is kept, in bytes: what streams at full speed have in flight,
/// far below the 32 MiB that the driver may use beside what is buffered.
const MAX_IDLE_BYTES: usize = 6 << 20;

/// Each buffer is a mapping of its own, of which a process has 65,530. So as soon as this much is
/// buffered, in bytes, only writes of at least half a request are lent theirs.
const MANY_BYTES: u64 = 1 << 30;
const LONG_BYTES: usize = MAX_PAYLOAD_BYTES / 2;

/// Most buffers that something is noted of. What the queue throws away is noted still.
const MAX_NOTED: usize = 32 << 10;

/// So many writes in a row that were too short for their buffer make the thread change it.
const PATIENCE: u32 = 8;

/// A buffer that is not lent.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    pub(crate) bytes: BytesMut,
    /// How many bytes of it were ever used, at most.
    used: usize,
    /// How many writes in a row were too short for it.
    too_short: u32,
}

impl Buffer {
    /// An empty buffer with room for [`MAX_PAYLOAD_BYTES`].
    fn new() -> Self {
        let mut bytes = BytesMut::with_capacity(MAX_PAYLOAD_BYTES + ALIGN);
        // A buffer that has been split counts its users; from now on it can be frozen and taken
        // back without an allocation.
        drop(bytes.split());
        Self { bytes: align(bytes), used: 0, too_short: 0 }
    }

    fn is_tight_for(&self, len: usize) -> bool {
        self.used <= 2 * len
    }
}

/// Buffers that wait to be used, and what is known of those that are lent.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    idle: Vec<Buffer>,
    idle_bytes: usize,
    /// How far each lent buffer was used, by its address.
    lent: FxHashMap<usize, usize>,
}

impl Buffers {
    /// A buffer for the next request.
    pub(crate) fn take(&self) -> Buffer {
        self.0.lock().take(|_| true)
    }

    /// Data of a write, for the queue: in the buffer itself, which must come back by
    /// [`Self::settle`], if that holds not much more than the data; else a copy. `buffered_bytes`
    /// is what all queues hold.
    pub(crate) fn lend(&self, buffer: &mut Buffer, buffered_bytes: u64) -> Bytes {
        let len = buffer.bytes.len();
        buffer.used = buffer.used.max(len);
        if len < pipefs::queue::ADOPT_MIN_BYTES {
            return std::mem::take(&mut buffer.bytes).freeze();
        }
        let mut known = self.0.lock();
        let are_few = buffered_bytes < MANY_BYTES || len >= LONG_BYTES;
        if are_few && buffer.is_tight_for(len) {
            buffer.too_short = 0;
            if known.lent.len() == MAX_NOTED {
                known.lent.clear();
            }
            known.lent.insert(buffer.bytes.as_ptr().addr(), buffer.used);
            return std::mem::take(&mut buffer.bytes).freeze();
        }
        let data = Bytes::copy_from_slice(&buffer.bytes);
        buffer.too_short += 1;
        if buffer.too_short >= PATIENCE {
            let tighter = known.take(|idle| idle.is_tight_for(len));
            known.keep(std::mem::replace(buffer, tighter));
        }
        data
    }

    /// The buffer whose data was lent, if the queue has not kept it; else another one.
    pub(crate) fn settle(&self, buffer: &mut Buffer, data: Bytes) {
        if buffer.bytes.capacity() > 0 {
            return;
        }
        let is_noted = data.len() >= pipefs::queue::ADOPT_MIN_BYTES;
        match reuse(data) {
            Some(bytes) => {
                if is_noted {
                    self.0.lock().lent.remove(&bytes.as_ptr().addr());
                }
                buffer.bytes = bytes;
            }
            None => *buffer = self.take(),
        }
    }

    /// Gives a slice's buffer back if this was the last slice of a request buffer.
    pub(crate) fn give_back(&self, slice: Bytes) {
        let Some(bytes) = reuse(slice) else { return };
        let mut known = self.0.lock();
        // What nothing is known of may have been used to its end.
        let used = known.lent.remove(&bytes.as_ptr().addr()).unwrap_or(MAX_PAYLOAD_BYTES);
        known.keep(Buffer { bytes, used, too_short: 0 });
    }
}

impl Known {
    /// The idle buffer that was used last of those that are wanted, or a new one.
    fn take(&mut self, is_wanted: impl Fn(&Buffer) -> bool) -> Buffer {
        let Some(at) = self.idle.iter().rposition(is_wanted) else { return Buffer::new() };
        let buffer = self.idle.remove(at);
        self.idle_bytes -= buffer.used;
        buffer
    }

    fn keep(&mut self, buffer: Buffer) {
        if self.idle_bytes + buffer.used <= MAX_IDLE_BYTES {
            self.idle_bytes += buffer.used;
            self.idle.push(buffer);
        }
    }
}

/// Makes a request buffer of a slice again, if nobody else holds a part of it.
fn reuse(slice: Bytes) -> Option<BytesMut> {
    let mut buffer = slice.try_into_mut().ok()?;
    buffer.clear();
    if buffer.capacity() >= MAX_PAYLOAD_BYTES {
        return Some(buffer);
    }
    // The slice was the end of a write that had been read in parts; or it never was a request.
    buffer.try_reclaim(MAX_PAYLOAD_BYTES + ALIGN).then(|| align(buffer))
}

fn align(mut buffer: BytesMut) -> BytesMut {
    let off = buffer.as_ptr().align_offset(ALIGN);
    drop(buffer_split_at_capacity(&mut buffer, off));
    buffer
}

/// Cuts `off` bytes of spare room from the front of an empty buffer.
fn buffer_split_at_capacity(buffer: &mut BytesMut, off: usize) -> BytesMut {
    let rest = buffer.split_off(off);
    std::mem::replace(buffer, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = MAX_PAYLOAD_BYTES;
    const SMALL: usize = 64 << 10;

    fn receive(buffer: &mut Buffer, len: usize) {
        buffer.bytes.clear();
        buffer.bytes.resize(len, 7);
    }

    /// A write that the queue keeps.
    fn kept(buffers: &Buffers, buffer: &mut Buffer, len: usize) -> Bytes {
        receive(buffer, len);
        let data = buffers.lend(buffer, 0);
        buffers.settle(buffer, data.clone());
        data
    }

    #[test]
    fn a_buffer_comes_back_as_it_was() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take();
        let at = buffer.bytes.as_ptr();
        assert_eq!(at.align_offset(ALIGN), 0);
        assert!(buffer.bytes.capacity() >= LARGE);
        let mut data = kept(&buffers, &mut buffer, LARGE);
        assert_eq!(data.as_ptr(), at, "it is not copied");
        assert_ne!(buffer.bytes.as_ptr(), at);
        // It is read in two parts.
        drop(data.split_to(LARGE - 10));
        buffers.give_back(data);
        let again = buffers.take();
        assert_eq!((again.bytes.as_ptr(), again.used), (at, LARGE));
        assert!(again.bytes.is_empty() && again.bytes.capacity() >= LARGE);
        assert!(buffers.0.lock().lent.is_empty());
    }

    #[test]
    fn data_that_nobody_keeps_leaves_the_buffer_where_it_is() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take();
        let at = buffer.bytes.as_ptr();
        for len in [10, SMALL, LARGE] {
            receive(&mut buffer, len);
            let data = buffers.lend(&mut buffer, 0);
            assert_eq!(data.len(), len);
            buffers.settle(&mut buffer, data);
            assert_eq!((buffer.bytes.as_ptr(), buffer.used), (at, len));
            assert!(buffers.0.lock().lent.is_empty());
        }
    }

    #[test]
    fn a_buffer_that_is_still_read_does_not_come_back() {
        let buffers = Buffers::default();
        let whole = kept(&buffers, &mut buffers.take(), SMALL);
        let part = whole.slice(..50);
        buffers.give_back(whole);
        assert!(buffers.0.lock().idle.is_empty());
        buffers.give_back(part);
        assert_eq!(buffers.0.lock().idle.len(), 1);
    }

    #[test]
    fn short_writes_leave_large_buffers_alone() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take();
        drop(kept(&buffers, &mut buffer, SMALL));
        // Somebody has written more through this one.
        receive(&mut buffer, LARGE);
        let data = buffers.lend(&mut buffer, 0);
        buffers.settle(&mut buffer, data);
        let at = buffer.bytes.as_ptr();
        for _ in 1..PATIENCE {
            let data = kept(&buffers, &mut buffer, SMALL);
            assert_ne!(data.as_ptr(), at, "a copy");
            assert_eq!(buffer.bytes.as_ptr(), at);
        }
        drop(kept(&buffers, &mut buffer, SMALL));
        assert_ne!(buffer.bytes.as_ptr(), at, "another one from now on");
        let next = buffer.bytes.as_ptr();
        assert_eq!(kept(&buffers, &mut buffer, SMALL).as_ptr(), next, "and no copy");
    }

    #[test]
    fn few_buffers_are_lent_while_much_is_buffered() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take();
        for (len, buffered, is_lent) in [
            (SMALL, MANY_BYTES - 1, true),
            (SMALL, MANY_BYTES, false),
            (LONG_BYTES, MANY_BYTES, true),
        ] {
            receive(&mut buffer, len);
            let at = buffer.bytes.as_ptr();
            let data = buffers.lend(&mut buffer, buffered);
            assert_eq!(data.as_ptr() == at, is_lent, "{len}, {buffered}");
            buffers.settle(&mut buffer, data);
        }
    }

    #[test]
    fn idle_memory_is_bounded_and_other_slices_are_no_buffers() {
        let buffers = Buffers::default();
        buffers.give_back(Bytes::from(vec![7; 100]));
        assert!(buffers.0.lock().idle.is_empty());
        for len in [LARGE, SMALL] {
            let mut buffer = buffers.take();
            let data: Vec<_> = (0..MAX_IDLE_BYTES / len + 3)
                .map(|_| {
                    buffer = Buffer::new();
                    kept(&buffers, &mut buffer, len)
                })
                .collect();
            data.into_iter().for_each(|data| buffers.give_back(data));
            let known = buffers.0.lock();
            assert!(known.idle_bytes <= MAX_IDLE_BYTES && known.idle_bytes > MAX_IDLE_BYTES / 2);
            assert!(known.lent.is_empty());
        }
    }
}
