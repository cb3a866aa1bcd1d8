//! What went through: numbers that only grow.

use std::ops::Add;

/// Bytes that went through a lane, an instance or a pipe; the numbers only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Bytes that writers handed over, those that `overflow` dropped included.
    pub written_bytes: u64,
    /// Bytes that readers got.
    pub read_bytes: u64,
    /// Bytes that a reader left behind, or that went with their name.
    pub discarded_bytes: u64,
    /// Bytes that `overflow` dropped.
    pub dropped_bytes: u64,
    /// How many messages those were; of a byte pipe, how many writes dropped any.
    pub dropped_count: u64,
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            written_bytes: self.written_bytes + other.written_bytes,
            read_bytes: self.read_bytes + other.read_bytes,
            discarded_bytes: self.discarded_bytes + other.discarded_bytes,
            dropped_bytes: self.dropped_bytes + other.dropped_bytes,
            dropped_count: self.dropped_count + other.dropped_count,
        }
    }
}
