//! What goes in and out of a queue.

use std::ops::Deref;

use bytes::Bytes;
use smallvec::SmallVec;

/// What a read got: slices in order. They share the queue's buffers, nothing is copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    pub(crate) slices: SmallVec<[Bytes; 2]>,
    pub(crate) left_bytes: usize,
    pub(crate) is_message: bool,
}

impl Data {
    /// Total length in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.slices.iter().map(Bytes::len).sum()
    }

    /// Bytes of the same message that did not fit the read and wait for the next one (Windows:
    /// `ERROR_MORE_DATA`); 0 for a read of bytes.
    #[must_use]
    pub fn left_bytes(&self) -> usize {
        self.left_bytes
    }

    /// Whether it is the end of file: nothing, and not an empty message either.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.slices.is_empty() && !self.is_message
    }

    /// All bytes in one buffer (copied), for callers that need them so.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.slices.concat()
    }

    /// Takes the slices out.
    pub fn into_slices(self) -> impl Iterator<Item = Bytes> {
        self.slices.into_iter()
    }
}

impl Deref for Data {
    type Target = [Bytes];

    fn deref(&self) -> &[Bytes] {
        &self.slices
    }
}

impl From<Bytes> for Data {
    fn from(slice: Bytes) -> Self {
        let slices = if slice.is_empty() { SmallVec::new() } else { smallvec::smallvec![slice] };
        Self { slices, left_bytes: 0, is_message: false }
    }
}

/// Whether a write ends a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// Byte type: the next write goes on.
    None,
    /// Message type: the message ends with this write, which may be empty.
    Message,
}
