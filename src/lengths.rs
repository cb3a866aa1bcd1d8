//! The lengths of buffered messages, in little memory: a pipe may be full of empty lines, and what
//! it holds beside its data has to stay in proportion to them.

use std::collections::VecDeque;

/// A length below this is one byte; this byte announces a longer one, in eight.
const LONG: u8 = u8::MAX;

/// An empty list keeps this much memory for the next message; more is given back.
const IDLE_BYTES: usize = 4 << 10;

/// Lengths, first in first out.
#[derive(Debug, Default)]
pub(crate) struct Lengths(VecDeque<u8>);

impl Lengths {
    pub(crate) fn push(&mut self, length: u64) {
        if self.0.capacity() - self.0.len() <= size_of::<u64>() {
            // By an eighth; twice as much at a time would be as much as the messages.
            self.0.reserve_exact(self.0.len() / 8 + 2 * size_of::<u64>());
        }
        match u8::try_from(length) {
            Ok(short) if short < LONG => self.0.push_back(short),
            _ => {
                self.0.push_back(LONG);
                self.0.extend(length.to_le_bytes());
            }
        }
    }

    pub(crate) fn pop(&mut self) -> Option<u64> {
        let length = match self.0.pop_front()? {
            LONG => {
                self.0.drain(..size_of::<u64>()).rev().fold(0, |sum, b| sum << 8 | u64::from(b))
            }
            short => u64::from(short),
        };
        if self.0.is_empty() && self.0.capacity() > IDLE_BYTES {
            self.0 = VecDeque::new();
        }
        Some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_come_out_as_they_went_in() {
        let all = [0, 1, 254, 255, 256, 65_536, 1 << 20, u64::MAX, 3];
        let mut lengths = Lengths::default();
        all.into_iter().for_each(|length| lengths.push(length));
        assert_eq!(all.map(|_| lengths.pop()), all.map(Some));
        assert_eq!(lengths.pop(), None);
    }

    /// A pipe full of empty lines took seventeen times what it held.
    ///
    /// SEMANTICS: memory-bounded
    #[test]
    fn a_short_message_takes_little_more_than_a_byte() {
        let mut lengths = Lengths::default();
        (0..1_000_000).for_each(|_| lengths.push(1));
        assert!(lengths.0.capacity() < 1_130_000, "{}", lengths.0.capacity());
        (0..1_000_000).for_each(|_| assert_eq!(lengths.pop(), Some(1)));
        assert!(lengths.0.capacity() <= IDLE_BYTES);
    }
}
