//! The few kernel structures that the data plane reads and writes itself (linux/fuse.h, protocol
//! 7.31 and later). Everything is decoded by copying, nothing is cast; a message that is too
//! short is `None`.

/// Size of `struct fuse_in_header`.
pub(crate) const IN_HEADER_BYTES: usize = 40;

/// Where a WRITE's payload begins: `fuse_in_header` and `fuse_write_in`. READ has this length in
/// all.
pub(crate) const WRITE_HEADER_BYTES: usize = IN_HEADER_BYTES + 40;

/// Size of `struct fuse_out_header`.
pub(crate) const OUT_HEADER_BYTES: usize = 16;

/// `FUSE_READ_LOCKOWNER`: set for read(2), not for reads of the page cache (mmap, splice).
const READ_LOCKOWNER: u32 = 1 << 1;

/// `FUSE_WRITE_LOCKOWNER`: whose write it is is told.
const WRITE_LOCKOWNER: u32 = 1 << 1;

/// `FUSE_POLL_SCHEDULE_NOTIFY`: somebody sleeps until NOTIFY_POLL.
const POLL_SCHEDULE_NOTIFY: u32 = 1 << 0;

/// Operation codes that are not merely passed on (`enum fuse_opcode`).
pub(crate) mod opcode {
    pub(crate) const LOOKUP: u32 = 1;
    pub(crate) const FORGET: u32 = 2;
    pub(crate) const GETATTR: u32 = 3;
    pub(crate) const OPEN: u32 = 14;
    pub(crate) const READ: u32 = 15;
    pub(crate) const WRITE: u32 = 16;
    pub(crate) const RELEASE: u32 = 18;
    pub(crate) const SETXATTR: u32 = 21;
    pub(crate) const GETXATTR: u32 = 22;
    pub(crate) const FLUSH: u32 = 25;
    pub(crate) const INIT: u32 = 26;
    pub(crate) const READDIR: u32 = 28;
    pub(crate) const INTERRUPT: u32 = 36;
    pub(crate) const DESTROY: u32 = 38;
    pub(crate) const IOCTL: u32 = 39;
    pub(crate) const POLL: u32 = 40;
    pub(crate) const BATCH_FORGET: u32 = 42;
    pub(crate) const READDIRPLUS: u32 = 44;
}

/// Notification codes (`enum fuse_notify_code`).
mod notify {
    pub(super) const POLL: i32 = 1;
    pub(super) const INVAL_INODE: i32 = 2;
    pub(super) const INVAL_ENTRY: i32 = 3;
    pub(super) const STORE: i32 = 4;
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// What every request begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InHeader {
    /// Length of the whole message in bytes.
    pub(crate) len: u32,
    pub(crate) opcode: u32,
    pub(crate) unique: u64,
    pub(crate) nodeid: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The thread that asks; 0 if it is in no PID namespace that the driver can see.
    pub(crate) pid: u32,
}

impl InHeader {
    pub(crate) fn decode(message: &[u8]) -> Option<Self> {
        message.get(..IN_HEADER_BYTES)?;
        Some(Self {
            len: u32_at(message, 0)?,
            opcode: u32_at(message, 4)?,
            unique: u64_at(message, 8)?,
            nodeid: u64_at(message, 16)?,
            uid: u32_at(message, 24)?,
            gid: u32_at(message, 28)?,
            pid: u32_at(message, 32)?,
        })
    }
}

/// `struct fuse_read_in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReadIn {
    pub(crate) fh: u64,
    pub(crate) offset: u64,
    pub(crate) size: u32,
    /// It comes from read(2), not from the page cache.
    pub(crate) is_direct: bool,
    /// The open file's flags now (`O_NONBLOCK`).
    pub(crate) flags: u32,
}

impl ReadIn {
    pub(crate) fn decode(message: &[u8]) -> Option<Self> {
        let body = message.get(IN_HEADER_BYTES..)?;
        Some(Self {
            fh: u64_at(body, 0)?,
            offset: u64_at(body, 8)?,
            size: u32_at(body, 16)?,
            is_direct: u32_at(body, 20)? & READ_LOCKOWNER != 0,
            flags: u32_at(body, 32)?,
        })
    }
}

/// `struct fuse_write_in`, without the payload that follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WriteIn {
    /// The kernel's number for the inode, out of the header.
    pub(crate) nodeid: u64,
    pub(crate) fh: u64,
    pub(crate) size: u32,
    /// Who writes, if that is told.
    pub(crate) owner: Option<Owner>,
    /// The open file's flags now (`O_NONBLOCK`).
    pub(crate) flags: u32,
}

impl WriteIn {
    pub(crate) fn decode(message: &[u8]) -> Option<Self> {
        let body = message.get(IN_HEADER_BYTES..)?;
        let is_told = u32_at(body, 20)? & WRITE_LOCKOWNER != 0;
        let owner = Owner(u64_at(body, 24)?);
        Some(Self {
            nodeid: u64_at(message, 16)?,
            fh: u64_at(body, 0)?,
            size: u32_at(body, 16)?,
            owner: is_told.then_some(owner),
            flags: u32_at(body, 32)?,
        })
    }
}

/// A table of descriptors: a process, with all of its threads. (The kernel calls it the owner of
/// locks.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) u64);

/// `struct fuse_flush_in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlushIn {
    pub(crate) fh: u64,
    /// Whose descriptor is closed.
    pub(crate) owner: Owner,
}

impl FlushIn {
    pub(crate) fn decode(message: &[u8]) -> Option<Self> {
        let body = message.get(IN_HEADER_BYTES..)?;
        Some(Self { fh: u64_at(body, 0)?, owner: Owner(u64_at(body, 16)?) })
    }
}

/// `struct fuse_poll_in`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollIn {
    pub(crate) fh: u64,
    /// The kernel's handle for NOTIFY_POLL, when somebody sleeps on it.
    pub(crate) notify: Option<u64>,
}

impl PollIn {
    pub(crate) fn decode(message: &[u8]) -> Option<Self> {
        let body = message.get(IN_HEADER_BYTES..)?;
        let handle = u64_at(body, 8)?;
        let flags = u32_at(body, 16)?;
        let notify = (flags & POLL_SCHEDULE_NOTIFY != 0).then_some(handle);
        Some(Self { fh: u64_at(body, 0)?, notify })
    }
}

/// Whether this GETXATTR is the kernel's own question before it truncates a file, at each open
/// with `O_TRUNC`. No pipe has such an attribute; not to ask the control plane for it makes up
/// for what else such an open costs.
pub(crate) fn asks_for_capability(message: &[u8]) -> bool {
    message.get(IN_HEADER_BYTES + 8..) == Some(b"security.capability\0")
}

/// `struct fuse_release_in`: the handle of the open file that has gone.
pub(crate) fn released_handle(message: &[u8]) -> Option<u64> {
    u64_at(message.get(IN_HEADER_BYTES..)?, 0)
}

/// `struct fuse_interrupt_in`: the `unique` of the request that is to end.
pub(crate) fn interrupted_unique(message: &[u8]) -> Option<u64> {
    u64_at(message.get(IN_HEADER_BYTES..)?, 0)
}

/// Gives a request another number, for its way to the control plane.
pub(crate) fn set_unique(message: &mut [u8], unique: u64) {
    if let Some(place) = message.get_mut(8..16) {
        place.copy_from_slice(&unique.to_ne_bytes());
    }
}

/// The number in a reply's header.
pub(crate) fn replied_unique(reply: &[u8]) -> Option<u64> {
    u64_at(reply, 8)
}

/// The reply's header for `payload` bytes; `error` is 0 or a negative errno.
pub(crate) fn out_header(unique: u64, error: i32, payload: usize) -> [u8; OUT_HEADER_BYTES] {
    // A reply is at most 1 MiB and a header: it fits.
    let len = (OUT_HEADER_BYTES + payload) as u32;
    let mut header = [0; OUT_HEADER_BYTES];
    header[..4].copy_from_slice(&len.to_ne_bytes());
    header[4..8].copy_from_slice(&error.to_ne_bytes());
    header[8..].copy_from_slice(&unique.to_ne_bytes());
    header
}

/// A reply with 8 bytes: `fuse_write_out` (bytes written) and `fuse_poll_out` (events) both are
/// a number and padding.
pub(crate) fn number_reply(unique: u64, number: u32) -> [u8; OUT_HEADER_BYTES + 8] {
    let mut reply = [0; OUT_HEADER_BYTES + 8];
    reply[..OUT_HEADER_BYTES].copy_from_slice(&out_header(unique, 0, 8));
    reply[OUT_HEADER_BYTES..][..4].copy_from_slice(&number.to_ne_bytes());
    reply
}

/// NOTIFY_POLL: whoever sleeps on this handle asks again.
pub(crate) fn notify_poll(handle: u64) -> [u8; OUT_HEADER_BYTES + 8] {
    let mut message = [0; OUT_HEADER_BYTES + 8];
    message[..OUT_HEADER_BYTES].copy_from_slice(&out_header(0, notify::POLL, 8));
    message[OUT_HEADER_BYTES..].copy_from_slice(&handle.to_ne_bytes());
    message
}

/// NOTIFY_INVAL_INODE with offset -1: cached attributes are out of date, pages are not touched.
pub(crate) fn notify_stale_attributes(nodeid: u64) -> [u8; OUT_HEADER_BYTES + 24] {
    let mut message = [0; OUT_HEADER_BYTES + 24];
    message[..OUT_HEADER_BYTES].copy_from_slice(&out_header(0, notify::INVAL_INODE, 24));
    message[OUT_HEADER_BYTES..][..8].copy_from_slice(&nodeid.to_ne_bytes());
    message[OUT_HEADER_BYTES + 8..][..8].copy_from_slice(&(-1_i64).to_ne_bytes());
    message
}

/// NOTIFY_INVAL_ENTRY: a name in a directory leads nowhere any more. The kernel waits for the
/// directory's lock before it takes this.
pub(crate) fn notify_name_gone(directory: u64, name: &[u8]) -> Vec<u8> {
    let payload = 16 + name.len() + 1;
    let mut message = out_header(0, notify::INVAL_ENTRY, payload).to_vec();
    message.extend(directory.to_ne_bytes());
    message.extend((name.len() as u32).to_ne_bytes());
    message.extend(0_u32.to_ne_bytes());
    message.extend(name);
    message.push(0);
    message
}

/// NOTIFY_STORE of the last one of `size` bytes: the inode's size is at least that from then on.
/// What is stored is never read if it is not a page's first byte: the kernel does not take the
/// page for complete then.
pub(crate) fn notify_size(nodeid: u64, size: u64) -> [u8; OUT_HEADER_BYTES + 25] {
    let mut message = [0; OUT_HEADER_BYTES + 25];
    message[..OUT_HEADER_BYTES].copy_from_slice(&out_header(0, notify::STORE, 25));
    message[OUT_HEADER_BYTES..][..8].copy_from_slice(&nodeid.to_ne_bytes());
    message[OUT_HEADER_BYTES + 8..][..8].copy_from_slice(&(size - 1).to_ne_bytes());
    message[OUT_HEADER_BYTES + 16..][..4].copy_from_slice(&1_u32.to_ne_bytes());
    message
}

/// A request of our own making for the control plane: a header, then `body`.
fn own_request(opcode: u32, unique: u64, body: &[u8]) -> Vec<u8> {
    let mut message = vec![0; IN_HEADER_BYTES];
    let len = (IN_HEADER_BYTES + body.len()) as u32;
    message[..4].copy_from_slice(&len.to_ne_bytes());
    message[4..8].copy_from_slice(&opcode.to_ne_bytes());
    message[8..16].copy_from_slice(&unique.to_ne_bytes());
    message.extend_from_slice(body);
    message
}

/// An INIT as the kernel would send it: protocol 7.31, no capabilities. The control plane's
/// session wants one; the real one was answered when the mount was made.
pub(crate) fn own_init() -> Vec<u8> {
    let mut body = [0; 64];
    body[..4].copy_from_slice(&7_u32.to_ne_bytes());
    body[4..8].copy_from_slice(&31_u32.to_ne_bytes());
    own_request(opcode::INIT, 1, &body)
}

/// A DESTROY: the control plane's session ends its loop without an error.
pub(crate) fn own_destroy() -> Vec<u8> {
    own_request(opcode::DESTROY, 2, &[])
}

/// Limits the size that a READDIR asks for, so that its answer fits the control plane's socket.
pub(crate) fn clamp_readdir(message: &mut [u8], max_bytes: u32) {
    let at = IN_HEADER_BYTES + 16;
    if let Some(size) = u32_at(message, at)
        && size > max_bytes
    {
        message[at..at + 4].copy_from_slice(&max_bytes.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(opcode: u32, body: &[u64]) -> Vec<u8> {
        let body: Vec<u8> = body.iter().flat_map(|word| word.to_ne_bytes()).collect();
        own_request(opcode, 99, &body)
    }

    #[test]
    fn a_read_is_decoded() {
        let mut bytes = message(opcode::READ, &[7, 4096, 0, 0, 0]);
        bytes[IN_HEADER_BYTES + 16..][..4].copy_from_slice(&1000_u32.to_ne_bytes());
        bytes[IN_HEADER_BYTES + 20..][..4].copy_from_slice(&READ_LOCKOWNER.to_ne_bytes());
        bytes[IN_HEADER_BYTES + 32..][..4].copy_from_slice(&0o4000_u32.to_ne_bytes());
        let header = InHeader::decode(&bytes).unwrap();
        assert_eq!((header.opcode, header.unique, header.len), (opcode::READ, 99, 80));
        let expected = ReadIn { fh: 7, offset: 4096, size: 1000, is_direct: true, flags: 0o4000 };
        assert_eq!(ReadIn::decode(&bytes), Some(expected));
    }

    #[test]
    fn short_messages_are_refused_at_every_length() {
        let bytes = message(opcode::WRITE, &[1, 2, 3, 4, 5]);
        for len in 0..bytes.len() {
            let short = &bytes[..len];
            assert_eq!(InHeader::decode(short).is_some(), len >= IN_HEADER_BYTES);
            assert_eq!(ReadIn::decode(short).is_some(), len >= IN_HEADER_BYTES + 36);
            assert_eq!(WriteIn::decode(short).is_some(), len >= IN_HEADER_BYTES + 36);
            assert_eq!(FlushIn::decode(short).is_some(), len >= IN_HEADER_BYTES + 24);
            assert_eq!(PollIn::decode(short).is_some(), len >= IN_HEADER_BYTES + 20);
            assert_eq!(interrupted_unique(short).is_some(), len >= IN_HEADER_BYTES + 8);
            assert_eq!(released_handle(short).is_some(), len >= IN_HEADER_BYTES + 8);
        }
    }

    #[test]
    fn a_write_and_a_close_name_the_same_owner() {
        let told = u64::from(WRITE_LOCKOWNER) << 32;
        let write = WriteIn::decode(&message(opcode::WRITE, &[7, 0, told | 5, 99, 0])).unwrap();
        let flush = FlushIn::decode(&message(opcode::FLUSH, &[7, 0, 99])).unwrap();
        assert_eq!((write.size, write.owner), (5, Some(flush.owner)));
        let untold = WriteIn::decode(&message(opcode::WRITE, &[7, 0, 5, 99, 0])).unwrap();
        assert_eq!(untold.owner, None);
    }

    #[test]
    fn a_poll_names_its_handle_only_when_somebody_sleeps() {
        let asleep = message(opcode::POLL, &[5, 6, u64::from(POLL_SCHEDULE_NOTIFY)]);
        assert_eq!(PollIn::decode(&asleep), Some(PollIn { fh: 5, notify: Some(6) }));
        let awake = message(opcode::POLL, &[5, 6, 0]);
        assert_eq!(PollIn::decode(&awake), Some(PollIn { fh: 5, notify: None }));
    }

    #[test]
    fn the_question_for_a_capability_is_known_by_its_whole_name() {
        let ask = |name: &[u8]| {
            let body = [&[0; 8][..], name].concat();
            asks_for_capability(&own_request(opcode::GETXATTR, 99, &body))
        };
        assert!(ask(b"security.capability\0"));
        assert!(!ask(b"security.capability") && !ask(b"security.capabilityx\0") && !ask(b""));
        assert!(!asks_for_capability(&[]));
    }

    #[test]
    fn readdir_is_clamped_and_nothing_else() {
        let mut bytes = message(opcode::READDIR, &[1, 0, 1 << 20, 0, 0]);
        clamp_readdir(&mut bytes, 65536);
        assert_eq!(u32_at(&bytes, IN_HEADER_BYTES + 16), Some(65536));
        clamp_readdir(&mut bytes, 1 << 20);
        assert_eq!(u32_at(&bytes, IN_HEADER_BYTES + 16), Some(65536));
        clamp_readdir(&mut bytes[..IN_HEADER_BYTES], 1);
    }

    #[test]
    fn replies_state_their_length() {
        assert_eq!(u32_at(&out_header(5, -4, 100), 0), Some(116));
        assert_eq!(u32_at(&number_reply(5, 77), 0), Some(24));
        assert_eq!(u32_at(&number_reply(5, 77), 16), Some(77));
        assert_eq!(u64_at(&notify_poll(9), 16), Some(9));
        assert_eq!(u64_at(&notify_stale_attributes(9), 24), Some(u64::MAX));
        let size = notify_size(9, 4096);
        assert_eq!(u32_at(&size, 0), Some(size.len() as u32));
        assert_eq!((u64_at(&size, 16), u64_at(&size, 24)), (Some(9), Some(4095)));
        let gone = notify_name_gone(9, b"name");
        assert_eq!(u32_at(&gone, 0), Some(gone.len() as u32));
        assert_eq!((u64_at(&gone, 16), u32_at(&gone, 24)), (Some(9), Some(4)));
        assert_eq!(&gone[32..], b"name\0");
    }
}
