//! What goes in and out of a queue.

use std::ops::Deref;

use bytes::Bytes;
use smallvec::SmallVec;

/// What a read got: slices in order. They share the queue's buffers, nothing is copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data(pub(crate) SmallVec<[Bytes; 2]>);

impl Data {
    /// Total length in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// All bytes in one buffer (copied), for callers that need them so.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.concat()
    }

    /// Takes the slices out.
    pub fn into_slices(self) -> impl Iterator<Item = Bytes> {
        self.0.into_iter()
    }
}

impl Deref for Data {
    type Target = [Bytes];

    fn deref(&self) -> &[Bytes] {
        &self.0
    }
}

impl From<Bytes> for Data {
    fn from(slice: Bytes) -> Self {
        Self(if slice.is_empty() { SmallVec::new() } else { smallvec::smallvec![slice] })
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

/// The part of a message that one read took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagePart {
    /// Its bytes.
    pub data: Data,
    /// Whether more of the same message is left (Windows: `ERROR_MORE_DATA`).
    pub more: bool,
}
