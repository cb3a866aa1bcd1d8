//! The number by which the kernel knows an open file (`fh`): its end, and the directions in which
//! this one of the end's files was opened.
//!
//! The kernel sees to the directions of read(2) and write(2), but an ioctl(2) does not say how its
//! file was opened. A duplex end can be joined for one direction alone, by way of /proc/self/fd,
//! and such a file may be given to somebody who is not to do more.

use pipefs::{EndId, Wanted};

/// Set in the number of a file that was opened for reading.
const READS: u64 = 1 << 63;

/// Set in the number of a file that was opened for writing.
const WRITES: u64 = 1 << 62;

/// An open file of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handle {
    pub(crate) end: EndId,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

impl Handle {
    pub(crate) fn new(end: EndId, wanted: Wanted) -> Self {
        Self { end, reads: wanted.read, writes: wanted.write }
    }

    /// Ends are counted from 1, and nobody counts to 2^62.
    pub(crate) fn number(self) -> u64 {
        let Self { end, reads, writes } = self;
        end.raw() | if reads { READS } else { 0 } | if writes { WRITES } else { 0 }
    }

    pub(crate) fn numbered(number: u64) -> Self {
        let end = EndId::from_raw(number & !(READS | WRITES));
        Self { end, reads: number & READS != 0, writes: number & WRITES != 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_it_all() {
        for wanted in [Wanted::READ, Wanted::WRITE, Wanted::BOTH] {
            let handle = Handle::new(EndId::from_raw(7), wanted);
            assert_eq!(Handle::numbered(handle.number()), handle);
            assert_eq!((handle.reads, handle.writes), (wanted.read, wanted.write));
        }
    }
}
