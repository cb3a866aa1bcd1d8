//! Request buffers: taken for a request, lent to the queue with a large write, and given back
//! when its reader has got the data. Last used first, because that one is still in the cache.

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

/// Largest payload of a request: the `max_write` that is negotiated at INIT.
pub(crate) const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// Payloads begin at a page boundary: the kernel copies page by page, and an unaligned buffer
/// would split each copy in two.
const ALIGN: usize = 4096;

/// Most idle buffers that are kept (8 MiB): what a stream at full speed has in flight, far below
/// the 32 MiB that the driver may use beside what is buffered.
const MAX_IDLE: usize = 8;

/// Idle request buffers.
#[derive(Debug, Default)]
pub(crate) struct Buffers(Mutex<Vec<BytesMut>>);

impl Buffers {
    /// An empty buffer with room for [`MAX_PAYLOAD_BYTES`].
    pub(crate) fn take(&self) -> BytesMut {
        let idle = self.0.lock().pop();
        idle.unwrap_or_else(|| {
            let mut buffer = BytesMut::with_capacity(MAX_PAYLOAD_BYTES + ALIGN);
            // A buffer that has been split counts its users; from now on it can be frozen and
            // taken back without an allocation.
            drop(buffer.split());
            align(buffer)
        })
    }

    /// Gives a slice's buffer back if this was the last slice of a request buffer.
    pub(crate) fn give_back(&self, slice: Bytes) {
        if let Some(buffer) = reuse(slice) {
            self.keep(buffer);
        }
    }

    fn keep(&self, buffer: BytesMut) {
        let mut idle = self.0.lock();
        if idle.len() < MAX_IDLE {
            idle.push(buffer);
        }
    }
}

/// Makes a request buffer of a slice again, if nobody else holds a part of it.
pub(crate) fn reuse(slice: Bytes) -> Option<BytesMut> {
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

    fn filled(mut buffer: BytesMut, len: usize) -> Bytes {
        buffer.resize(len, 7);
        buffer.freeze()
    }

    #[test]
    fn a_buffer_comes_back_as_it_was() {
        let buffers = Buffers::default();
        let buffer = buffers.take();
        let at = buffer.as_ptr();
        assert_eq!(at.align_offset(ALIGN), 0);
        assert!(buffer.capacity() >= MAX_PAYLOAD_BYTES);
        buffers.give_back(filled(buffer, MAX_PAYLOAD_BYTES));
        let again = buffers.take();
        assert_eq!(again.as_ptr(), at);
        assert!(again.is_empty() && again.capacity() >= MAX_PAYLOAD_BYTES);
    }

    #[test]
    fn a_buffer_that_is_still_read_does_not_come_back() {
        let buffers = Buffers::default();
        let whole = filled(buffers.take(), 100);
        let part = whole.slice(..50);
        buffers.give_back(whole);
        assert!(buffers.0.lock().is_empty());
        buffers.give_back(part);
        assert_eq!(buffers.0.lock().len(), 1);
    }

    #[test]
    fn the_last_part_of_a_write_brings_the_whole_buffer_back() {
        let mut whole = filled(Buffers::default().take(), MAX_PAYLOAD_BYTES);
        drop(whole.split_to(MAX_PAYLOAD_BYTES - 10));
        let buffer = reuse(whole).unwrap();
        assert!(buffer.capacity() >= MAX_PAYLOAD_BYTES);
        assert_eq!(buffer.as_ptr().align_offset(ALIGN), 0);
    }

    #[test]
    fn small_slices_are_not_request_buffers_and_idle_ones_are_bounded() {
        let buffers = Buffers::default();
        buffers.give_back(filled(BytesMut::with_capacity(100), 100));
        assert!(buffers.0.lock().is_empty());
        let taken: Vec<_> = (0..MAX_IDLE + 3).map(|_| buffers.take()).collect();
        taken.into_iter().for_each(|buffer| buffers.give_back(filled(buffer, 1)));
        assert_eq!(buffers.0.lock().len(), MAX_IDLE);
    }
}
