//! The memory of an entry: what the kernel writes a request to and reads its answer from.

use std::io::{self, IoSlice};
use std::ptr::{self, NonNull};

use crate::fuse::data::buffers::MAX_PAYLOAD_BYTES;
use crate::fuse::data::serve::Request;
use crate::fuse::data::wire::{IN_HEADER_BYTES, OUT_HEADER_BYTES, WRITE_HEADER_BYTES};

/// `struct fuse_uring_req_header`: the request's or the answer's header, the structure of the
/// operation, and how much payload there is.
const HEADER_BYTES: usize = 288;
const OPERATION: usize = 128;
const MAX_OPERATION_BYTES: usize = 128;
const PAYLOAD_SIZE: usize = 256 + 16;

/// Two iovecs behind the header tell the kernel where header and payload are.
const PLACES_BYTES: usize = 32;
const STRIDE: usize = HEADER_BYTES + PLACES_BYTES;

/// The unit in which memory is given back.
const PAGE_BYTES: usize = 4096;

/// One entry's memory. Whoever has this value is the only one who uses it, the kernel aside, and
/// that does so only while the entry is in its hands and only in calls of the ring's owner.
#[derive(Debug)]
pub(super) struct Entry {
    header: NonNull<[u8]>,
    payload: NonNull<[u8]>,
}

// SAFETY: it is memory of the process, not of a thread.
unsafe impl Send for Entry {}

impl Entry {
    /// Memory for so many entries. It holds nothing until it is used and stays until the process
    /// ends, because the kernel may write to it as long as the mount is there.
    ///
    /// # Errors
    /// The process may not have that much address space.
    pub(super) fn make(count: usize) -> io::Result<Vec<Self>> {
        let headers_bytes = (count * STRIDE).next_multiple_of(PAGE_BYTES);
        let len = headers_bytes + count * MAX_PAYLOAD_BYTES;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the kernel chooses the address. Without huge pages, an entry would hold memory
        // of its neighbours; a kernel that has none refuses, and that is all.
        let start = unsafe {
            let start = libc::mmap(ptr::null_mut(), len, access, flags, -1, 0);
            if start == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            libc::madvise(start, len, libc::MADV_NOHUGEPAGE);
            NonNull::new_unchecked(start.cast::<u8>())
        };
        let part = |at: usize, len: usize| {
            // SAFETY: it is inside of what was mapped.
            NonNull::slice_from_raw_parts(unsafe { start.add(at) }, len)
        };
        let entry = |number| Self {
            header: part(number * STRIDE, STRIDE),
            payload: part(headers_bytes + number * MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES),
        };
        Ok((0..count).map(entry).collect())
    }

    fn header(&mut self) -> &mut [u8] {
        // SAFETY: it is mapped for good, and this value is the only one that leads to it. The
        // kernel does not use it now, see `Entry`.
        unsafe { self.header.as_mut() }
    }

    fn payload(&mut self) -> &mut [u8] {
        // SAFETY: as above.
        unsafe { self.payload.as_mut() }
    }

    /// Where the kernel finds two iovecs that lead to the header and the payload.
    pub(super) fn places(&mut self) -> u64 {
        let header = self.header.as_ptr().cast::<u8>().expose_provenance();
        let payload = self.payload.as_ptr().cast::<u8>().expose_provenance();
        let words = [header, HEADER_BYTES, payload, MAX_PAYLOAD_BYTES];
        let places = &mut self.header()[HEADER_BYTES..];
        for (place, word) in places.chunks_exact_mut(size_of::<usize>()).zip(words) {
            place.copy_from_slice(&word.to_ne_bytes());
        }
        places.as_ptr().expose_provenance() as u64
    }

    fn word(&mut self, at: usize) -> usize {
        let word = self.header()[at..at + 4].try_into().expect("it is 4 bytes long");
        u32::from_ne_bytes(word) as usize
    }

    /// The number of the request that the kernel has put here.
    pub(super) fn unique(&mut self) -> u64 {
        u64::from_ne_bytes(self.header()[8..16].try_into().expect("it is 8 bytes long"))
    }

    /// The node that the request is about.
    pub(super) fn node(&mut self) -> u64 {
        u64::from_ne_bytes(self.header()[16..24].try_into().expect("it is 8 bytes long"))
    }

    /// How long the request's payload is, in bytes.
    pub(super) fn payload_len(&mut self) -> usize {
        self.word(PAYLOAD_SIZE).min(MAX_PAYLOAD_BYTES)
    }

    /// Copies the request out as /dev/fuse would have given it, in two parts; its length in bytes.
    /// `None`: its parts are not as long as it says.
    pub(super) fn take_request(&mut self, request: &mut Request) -> Option<usize> {
        let (len, payload_len) = (self.word(0), self.payload_len());
        let operation_len = len.checked_sub(IN_HEADER_BYTES + payload_len)?;
        if operation_len > MAX_OPERATION_BYTES {
            return None;
        }
        let mut message = [0; IN_HEADER_BYTES + MAX_OPERATION_BYTES];
        let head_len = IN_HEADER_BYTES + operation_len;
        message[..IN_HEADER_BYTES].copy_from_slice(&self.header()[..IN_HEADER_BYTES]);
        let operation = &self.header()[OPERATION..OPERATION + operation_len];
        message[IN_HEADER_BYTES..head_len].copy_from_slice(operation);
        let payload = &self.payload()[..payload_len];
        let bytes = &mut request.payload.bytes;
        bytes.clear();
        let here = head_len.min(WRITE_HEADER_BYTES);
        request.header[..here].copy_from_slice(&message[..here]);
        bytes.extend_from_slice(&message[here..head_len]);
        let more = payload_len.min(WRITE_HEADER_BYTES - here);
        request.header[here..here + more].copy_from_slice(&payload[..more]);
        bytes.extend_from_slice(&payload[more..]);
        Some(len)
    }

    /// Writes an answer: a header, then what does not fit it. Its payload's length in bytes.
    pub(super) fn put_answer(&mut self, parts: &[IoSlice<'_>]) -> usize {
        let (mut head, mut len) = (0, 0);
        for part in parts {
            let (header, rest) = part.split_at((OUT_HEADER_BYTES - head).min(part.len()));
            self.header()[head..head + header.len()].copy_from_slice(header);
            self.payload()[len..len + rest.len()].copy_from_slice(rest);
            head += header.len();
            len += rest.len();
        }
        let size = (len as u32).to_ne_bytes();
        self.header()[PAYLOAD_SIZE..PAYLOAD_SIZE + size.len()].copy_from_slice(&size);
        len
    }

    /// Gives the memory of the payload's first `len` bytes back to the system.
    pub(super) fn cool(&mut self, len: usize) {
        let len = len.next_multiple_of(PAGE_BYTES).min(MAX_PAYLOAD_BYTES);
        let payload = self.payload().as_mut_ptr();
        // SAFETY: it is anonymous memory of this entry alone, and reads as zeroes afterwards.
        unsafe { libc::madvise(payload.cast(), len, libc::MADV_DONTNEED) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuse::data::buffers::Buffers;

    /// An entry as the kernel fills it.
    fn filled(operation: &[u8], payload: &[u8]) -> Entry {
        let mut entry = Entry::make(3).expect("there is memory").remove(1);
        let len = IN_HEADER_BYTES + operation.len() + payload.len();
        entry.header()[..4].copy_from_slice(&(len as u32).to_ne_bytes());
        entry.header()[8..16].copy_from_slice(&77_u64.to_ne_bytes());
        entry.header()[OPERATION..][..operation.len()].copy_from_slice(operation);
        entry.payload()[..payload.len()].copy_from_slice(payload);
        let size = (payload.len() as u32).to_ne_bytes();
        entry.header()[PAYLOAD_SIZE..][..4].copy_from_slice(&size);
        entry
    }

    #[test]
    fn a_request_is_as_dev_fuse_would_have_given_it() {
        let buffers = Buffers::default();
        for (operation, payload) in [(40, 5), (40, MAX_PAYLOAD_BYTES), (0, 3), (8, 70), (128, 9)] {
            let operation: Vec<u8> = (0..operation).collect();
            let payload: Vec<u8> = (0..payload).map(|at| at as u8).collect();
            let mut entry = filled(&operation, &payload);
            let mut request = Request::new(1, &buffers);
            let len = entry.take_request(&mut request).expect("it is well-formed");
            assert_eq!(len, IN_HEADER_BYTES + operation.len() + payload.len());
            let head = &request.header[IN_HEADER_BYTES..len.min(WRITE_HEADER_BYTES)];
            let message = [head, &request.payload.bytes].concat();
            assert!(message == [operation, payload].concat());
            assert_eq!(entry.unique(), 77);
        }
    }

    #[test]
    fn a_request_of_another_length_than_it_says_is_none() {
        let mut request = Request::new(1, &Buffers::default());
        for len in [0, IN_HEADER_BYTES + 4, IN_HEADER_BYTES + 5 + 129, u32::MAX as usize] {
            let mut entry = filled(&[1; 40], &[2; 5]);
            entry.header()[..4].copy_from_slice(&(len as u32).to_ne_bytes());
            assert_eq!(entry.take_request(&mut request), None, "{len}");
        }
    }

    #[test]
    fn an_answer_is_in_two_places_however_it_comes() {
        let whole: Vec<u8> = (0..100).collect();
        for cut in [0, 1, 16, 17, 100] {
            let mut entry = filled(&[], &[]);
            let parts = [IoSlice::new(&whole[..cut]), IoSlice::new(&whole[cut..])];
            assert_eq!(entry.put_answer(&parts), 84);
            assert_eq!(entry.payload_len(), 84);
            assert_eq!(entry.header()[..OUT_HEADER_BYTES], whole[..OUT_HEADER_BYTES]);
            assert_eq!(entry.payload()[..84], whole[OUT_HEADER_BYTES..]);
        }
    }

    #[test]
    fn memory_that_was_given_back_holds_nothing() {
        let mut entry = filled(&[], &[7; 10_000]);
        entry.cool(5000);
        assert!(entry.payload()[..8192].iter().all(|byte| *byte == 0));
        assert!(entry.payload()[8192..10_000].iter().all(|byte| *byte == 7));
    }
}
