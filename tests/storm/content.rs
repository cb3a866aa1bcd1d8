//! What the processes of a storm write: bytes that say where they belong.
//!
//! A *stream* is what one writer writes between open and close, cut into pieces; each byte follows
//! from the stream and its position. A *record* stands alone and says whose it is: it is for pipes
//! whose readers and writers are many.

use std::sync::LazyLock;

use crate::harness::random::Random;

/// Bytes that say of a stream, at its beginning, which one it is.
pub(super) const ID_BYTES: usize = 8;

/// Each run of so many bytes is cut from another place of the table.
const RUN_BYTES: u64 = 4096;

/// A prime, so that runs of different places have little in common.
const TABLE_BYTES: usize = 65_521;

static TABLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut random = Random::new(0);
    let words = std::iter::repeat_with(|| random.next().to_ne_bytes()).flatten();
    words.take(TABLE_BYTES + RUN_BYTES as usize).collect()
});

fn mixed(a: u64, b: u64) -> u64 {
    Random::new(a ^ b.wrapping_mul(0xA24B_AED4_963E_E407)).next()
}

/// Calls `each` with the stretches of a stream from `at` on, `length` bytes in all.
fn stretches(stream: u64, at: u64, length: usize, mut each: impl FnMut(usize, &[u8])) {
    let (mut position, end) = (at, at + length as u64);
    let id = stream.to_le_bytes();
    while position < end {
        let done = (position - at) as usize;
        if position < ID_BYTES as u64 {
            each(done, &id[position as usize..=position as usize]);
            position += 1;
            continue;
        }
        let (run, offset) = (position / RUN_BYTES, position % RUN_BYTES);
        let count = (RUN_BYTES - offset).min(end - position) as usize;
        let start = (mixed(stream, run) % TABLE_BYTES as u64 + offset) as usize;
        each(done, &TABLE[start..start + count]);
        position += count as u64;
    }
}

/// Puts the bytes of a stream from `at` on into `buffer`.
pub(super) fn fill(stream: u64, at: u64, buffer: &mut [u8]) {
    stretches(stream, at, buffer.len(), |done, bytes| {
        buffer[done..done + bytes.len()].copy_from_slice(bytes);
    });
}

/// Says where the bytes of a stream from `at` on are wrong.
pub(super) fn check(stream: u64, at: u64, found: &[u8]) -> Result<(), String> {
    let mut wrong = None;
    stretches(stream, at, found.len(), |done, bytes| {
        let found = &found[done..done + bytes.len()];
        if wrong.is_none() && found != bytes {
            let off = found.iter().zip(bytes).take_while(|(a, b)| a == b).count();
            let shown = found.len().min(off + 32);
            wrong = Some(format!(
                "stream {stream:#x}: at {} is {:?} and not {:?}",
                at + (done + off) as u64,
                &found[off..shown],
                &bytes[off..shown]
            ));
        }
    });
    wrong.map_or(Ok(()), Err)
}

/// Which stream begins with these bytes.
pub(super) fn stream_of(beginning: &[u8]) -> u64 {
    u64::from_le_bytes(beginning[..ID_BYTES].try_into().expect("as many bytes as that"))
}

/// The length of a stream's piece: the smallest, those that are copied, those that are kept as
/// they came, and some of more than one request where that is allowed.
pub(super) fn piece_bytes(stream: u64, piece: u64, longest: usize) -> usize {
    let mut random = Random::new(mixed(stream, !piece));
    let most = match random.below(16) {
        0 => longest,
        1 | 2 => 64 << 10,
        3..=6 => 6_000,
        _ => 200,
    };
    ID_BYTES + random.below(most.min(longest) as u64 - ID_BYTES as u64 + 1) as usize
}

/// Bytes that a record begins with.
const HEADER_BYTES: usize = 16;

/// Length of each record of a byte pipe: readers who ask for whole ones get whole ones.
pub(super) const RECORD_BYTES: usize = 256;

/// Whose record it is, and which of its writer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) stream: u64,
    pub(super) number: u32,
}

/// Appends a record.
pub(super) fn append_record(id: Id, length: usize, to: &mut Vec<u8>) {
    let start = to.len();
    to.extend(id.stream.to_le_bytes());
    to.extend(id.number.to_le_bytes());
    to.extend((length as u32).to_le_bytes());
    to.resize(start + length, 0);
    fill(id.stream, body_position(id), &mut to[start + HEADER_BYTES..]);
}

/// Which record stands at the beginning, and how long it is.
pub(super) fn check_record(bytes: &[u8]) -> Result<(Id, usize), String> {
    let shown = &bytes[..bytes.len().min(32)];
    let Some(header) = bytes.get(..HEADER_BYTES) else {
        return Err(format!("{} bytes are no record: {shown:?}", bytes.len()));
    };
    let word = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
    let id = Id { stream: stream_of(header), number: word(8) };
    let length = word(12) as usize;
    let body = bytes.get(HEADER_BYTES..length);
    let body = body.ok_or_else(|| format!("{} bytes begin no record: {shown:?}", bytes.len()))?;
    check(id.stream, body_position(id), body)?;
    Ok((id, length))
}

fn body_position(id: Id) -> u64 {
    u64::from(id.number + 1) << 32
}

/// The length of a message that is a record.
pub(super) fn message_bytes(random: &mut Random) -> usize {
    let most = match random.below(32) {
        0 => 700_000,
        1..=3 => 20_000,
        _ => 500,
    };
    HEADER_BYTES + random.below(most) as usize
}
