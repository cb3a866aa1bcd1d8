//! The kernel's structures about nodes (linux/fuse.h): names and flags in, entries, attributes and
//! handles out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType};

/// Size of `struct fuse_attr`.
const ATTR_BYTES: usize = 88;

/// Size of what stands before the attributes in `struct fuse_entry_out`.
const ENTRY_BYTES: usize = 40;

/// Size of what stands before the attributes in `struct fuse_attr_out`.
const LIFETIME_BYTES: usize = 16;

/// The name in a LOOKUP's body.
pub(crate) fn name(body: &[u8]) -> Option<&[u8]> {
    body.split_last().filter(|(last, _)| **last == 0).map(|(_, name)| name)
}

/// `struct fuse_open_in`: the flags of open(2).
pub(crate) fn open_flags(body: &[u8]) -> Option<i32> {
    Some(i32::from_ne_bytes(body.get(..4)?.try_into().ok()?))
}

/// `struct fuse_open_out`.
pub(super) fn open_out(handle: u64, flags: u32) -> [u8; 16] {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&handle.to_ne_bytes());
    out[8..12].copy_from_slice(&flags.to_ne_bytes());
    out
}

/// `struct fuse_forget_in`: how many references the kernel gives back.
pub(crate) fn forgotten_lookups(body: &[u8]) -> Option<u64> {
    Some(u64::from_ne_bytes(body.get(..8)?.try_into().ok()?))
}

/// `struct fuse_batch_forget_in`: nodes, and how many references of each.
pub(crate) fn forgotten_nodes(body: &[u8]) -> Option<impl Iterator<Item = (u64, u64)>> {
    let (head, nodes) = body.split_at_checked(8)?;
    let count = u32::from_ne_bytes(head[..4].try_into().ok()?) as usize;
    let (nodes, rest) = nodes.as_chunks::<16>();
    let complete = nodes.len() == count && rest.is_empty();
    let word = |half: &[u8]| u64::from_ne_bytes(half.try_into().expect("half of 16 bytes"));
    complete.then(|| nodes.iter().map(move |node| (word(&node[..8]), word(&node[8..]))))
}

/// `struct fuse_entry_out`: the kernel asks for the name anew each time, and for the attributes
/// after `lifetime`.
pub(super) fn entry_out(
    nodeid: u64,
    attributes: &FileAttr,
    lifetime: Duration,
) -> [u8; ENTRY_BYTES + ATTR_BYTES] {
    let mut out = [0; ENTRY_BYTES + ATTR_BYTES];
    out[..8].copy_from_slice(&nodeid.to_ne_bytes());
    out[24..32].copy_from_slice(&lifetime.as_secs().to_ne_bytes());
    out[36..ENTRY_BYTES].copy_from_slice(&lifetime.subsec_nanos().to_ne_bytes());
    out[ENTRY_BYTES..].copy_from_slice(&attr(attributes));
    out
}

/// `struct fuse_attr_out`.
pub(super) fn attr_out(
    attributes: &FileAttr,
    lifetime: Duration,
) -> [u8; LIFETIME_BYTES + ATTR_BYTES] {
    let mut out = [0; LIFETIME_BYTES + ATTR_BYTES];
    out[..8].copy_from_slice(&lifetime.as_secs().to_ne_bytes());
    out[8..12].copy_from_slice(&lifetime.subsec_nanos().to_ne_bytes());
    out[LIFETIME_BYTES..].copy_from_slice(&attr(attributes));
    out
}

/// `struct fuse_attr`.
fn attr(attributes: &FileAttr) -> [u8; ATTR_BYTES] {
    let kind = match attributes.kind {
        FileType::Directory => libc::S_IFDIR,
        FileType::NamedPipe => libc::S_IFIFO,
        _ => libc::S_IFREG,
    };
    let times = [attributes.atime, attributes.mtime, attributes.ctime].map(since_epoch);
    let longs = [attributes.ino.0, attributes.size, attributes.blocks];
    let longs = longs.into_iter().chain(times.map(|(seconds, _)| seconds.cast_unsigned()));
    let mode = kind | u32::from(attributes.perm);
    let words = times.map(|(_, nanoseconds)| nanoseconds).into_iter().chain([
        mode,
        attributes.nlink,
        attributes.uid,
        attributes.gid,
        attributes.rdev,
        attributes.blksize,
        0,
    ]);
    let mut out = [0; ATTR_BYTES];
    let (first, second) = out.split_at_mut(48);
    first.chunks_mut(8).zip(longs).for_each(|(at, long)| at.copy_from_slice(&long.to_ne_bytes()));
    second.chunks_mut(4).zip(words).for_each(|(at, word)| at.copy_from_slice(&word.to_ne_bytes()));
    out
}

/// Seconds, which may be before 1970, and nanoseconds after them.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => (after.as_secs().cast_signed(), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = -before.as_secs().cast_signed();
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanoseconds => (seconds - 1, 1_000_000_000 - nanoseconds),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fuser::INodeNo;

    use super::*;

    #[test]
    fn times_before_1970_count_backwards() {
        assert_eq!(since_epoch(UNIX_EPOCH + Duration::new(5, 6)), (5, 6));
        assert_eq!(since_epoch(UNIX_EPOCH - Duration::from_secs(5)), (-5, 0));
        assert_eq!(since_epoch(UNIX_EPOCH - Duration::new(5, 6)), (-6, 999_999_994));
    }

    #[test]
    fn attributes_are_where_the_kernel_looks() {
        let attributes = FileAttr {
            ino: INodeNo(1),
            size: 2,
            blocks: 3,
            atime: UNIX_EPOCH + Duration::new(4, 10),
            mtime: UNIX_EPOCH + Duration::new(5, 11),
            ctime: UNIX_EPOCH + Duration::new(6, 12),
            crtime: UNIX_EPOCH,
            kind: FileType::RegularFile,
            perm: 0o644,
            nlink: 7,
            uid: 8,
            gid: 9,
            rdev: 0,
            blksize: 13,
            flags: 0,
        };
        let lifetime = Duration::new(3, 4);
        let out = entry_out(99, &attributes, lifetime);
        let long = |at: usize| u64::from_ne_bytes(out[at..at + 8].try_into().unwrap());
        let word = |at: usize| u32::from_ne_bytes(out[at..at + 4].try_into().unwrap());
        assert_eq!((long(0), long(24), word(36)), (99, 3, 4));
        assert_eq!([0, 1, 2, 3, 4, 5].map(|number| long(40 + 8 * number)), [1, 2, 3, 4, 5, 6]);
        let words = [10, 11, 12, libc::S_IFREG | 0o644, 7, 8, 9, 0, 13, 0];
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|number| word(88 + 4 * number)), words);
        let out_of_getattr = attr_out(&attributes, lifetime);
        assert_eq!(out_of_getattr[16..], out[40..]);
        assert_eq!(out_of_getattr[..16], [3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn names_and_forgotten_nodes_are_whole_or_refused() {
        assert_eq!(name(b"pipe\0"), Some(&b"pipe"[..]));
        assert_eq!((name(b"pipe"), name(b"")), (None, None));
        let mut body = [2_u32.to_ne_bytes(), [0; 4]].concat();
        body.extend([3_u64, 1, 4, 5].into_iter().flat_map(u64::to_ne_bytes));
        let nodes: Vec<_> = forgotten_nodes(&body).unwrap().collect();
        assert_eq!(nodes, [(3, 1), (4, 5)]);
        for len in 0..body.len() {
            assert!(forgotten_nodes(&body[..len]).is_none(), "{len}");
        }
        assert_eq!(forgotten_lookups(&7_u64.to_ne_bytes()), Some(7));
    }
}
