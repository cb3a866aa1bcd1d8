//! What lists of files and of streams hold, as file systems put it into a buffer.

use winfsp_sys::{FSP_FSCTL_DIR_INFO, FSP_FSCTL_FILE_INFO, FSP_FSCTL_STREAM_INFO};

use crate::driver::text_of;

/// Entries begin at multiples of this.
const ALIGNMENT: usize = 8;

/// A file or directory in a directory.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) file: FSP_FSCTL_FILE_INFO,
}

/// A stream of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// The entries, and whether they are the last ones.
pub(crate) fn entries(bytes: &[u8]) -> (Vec<Entry>, bool) {
    let (records, is_all) = records(bytes);
    let entry = |record: &[u8]| {
        // SAFETY: a record has at least so many bytes, of which any are such a structure.
        let head = unsafe { head::<FSP_FSCTL_DIR_INFO>(record) };
        let name = text_of(&record[size_of::<FSP_FSCTL_DIR_INFO>()..]);
        Entry { name, file: head.FileInfo }
    };
    (records.into_iter().map(entry).collect(), is_all)
}

/// The streams.
pub(crate) fn streams(bytes: &[u8]) -> Vec<Stream> {
    let stream = |record: &[u8]| {
        // SAFETY: a record has at least so many bytes, of which any are such a structure.
        let head = unsafe { head::<FSP_FSCTL_STREAM_INFO>(record) };
        let name = text_of(&record[size_of::<FSP_FSCTL_STREAM_INFO>()..]);
        Stream { name, size: head.StreamSize }
    };
    let (records, is_all) = records(bytes);
    assert!(is_all, "streams are listed at once");
    records.into_iter().map(stream).collect()
}

/// Records that begin with their size, and whether there is the empty one that ends the list.
fn records(bytes: &[u8]) -> (Vec<&[u8]>, bool) {
    let mut found = Vec::new();
    let mut left = bytes;
    while let [low, high, ..] = *left {
        let size = usize::from(u16::from_ne_bytes([low, high]));
        if size == 0 {
            return (found, true);
        }
        found.push(&left[..size]);
        left = left.get(size.next_multiple_of(ALIGNMENT)..).unwrap_or_default();
    }
    (found, false)
}

/// # Safety
/// Any bytes are a `T`.
unsafe fn head<T>(record: &[u8]) -> T {
    assert!(record.len() >= size_of::<T>(), "a record of {} bytes", record.len());
    // SAFETY: as the caller says; there are enough of them, aligned or not.
    unsafe { record.as_ptr().cast::<T>().read_unaligned() }
}
