//! Many writers at once: what one write wrote stays together.

use libc::{O_APPEND, O_RDONLY, O_WRONLY};

use crate::harness::random::Random;
use crate::harness::{Fd, Mount, Task, sys};
use crate::{SOON, skip_without_fuse};

const WRITERS: u8 = 20;
const PIECES: u32 = 12;

/// The largest write that may not be torn apart, if its memory begins with a page.
const LARGEST: usize = 1 << 20;

/// The same for memory that begins anywhere: the kernel sends 256 pages in a request, and such
/// memory touches one more.
const LARGEST_ANYWHERE: usize = LARGEST - 4096;

/// Writer, number and length of a piece, which are its first bytes.
const HEADER: usize = 9;

/// A piece: its header, then one byte that tells pieces apart, again and again.
fn piece(writer: u8, number: u32, size: usize) -> Vec<u8> {
    let mut bytes = vec![filling(writer, number); size];
    bytes[0] = writer;
    bytes[1..5].copy_from_slice(&number.to_ne_bytes());
    bytes[5..9].copy_from_slice(&u32::try_from(size).unwrap().to_ne_bytes());
    bytes
}

fn filling(writer: u8, number: u32) -> u8 {
    writer.wrapping_mul(13).wrapping_add(number as u8)
}

/// Sizes of all orders of magnitude, some of them the largest.
fn size(random: &mut Random) -> (usize, bool) {
    match random.below(8) {
        0 => (LARGEST, true),
        1 => (LARGEST_ANYWHERE, false),
        2 => (HEADER, false),
        3 | 4 => (HEADER + random.below(4096) as usize, false),
        _ => (HEADER + random.below((LARGEST_ANYWHERE - HEADER) as u64) as usize, false),
    }
}

/// Writes all pieces of one writer, each with one write(2).
fn write_pieces(end: &Fd, writer: u8) {
    let mut random = Random::new(u64::from(writer));
    for number in 0..PIECES {
        let (size, aligned) = size(&mut random);
        let piece = piece(writer, number, size);
        let written = if aligned { end.write_from_page(&piece) } else { end.write(&piece) };
        assert_eq!(written, Ok(size), "writer {writer}, piece {number}");
    }
}

/// Reads pieces up to end of file; the writer of each.
fn read_pieces(end: &Fd) -> Vec<u8> {
    let mut next = [0; WRITERS as usize];
    let mut writers = Vec::new();
    loop {
        let header = end.read_exactly(HEADER).unwrap();
        if header.is_empty() {
            return writers;
        }
        let writer = header[0];
        let number = u32::from_ne_bytes(header[1..5].try_into().unwrap());
        let size = u32::from_ne_bytes(header[5..9].try_into().unwrap()) as usize;
        let what = format!("writer {writer}, piece {number} of {size} bytes");
        assert!(
            writer < WRITERS && size <= LARGEST,
            "no header, but the middle of a piece: {what}"
        );
        assert_eq!(number, next[writer as usize], "{what} is not in order");
        next[writer as usize] += 1;
        let rest = end.read_exactly(size - HEADER).unwrap();
        assert!(rest == vec![filling(writer, number); size - HEADER], "{what} is torn apart");
        writers.push(writer);
    }
}

/// SEMANTICS: write-atomic
#[test]
fn twenty_writers_of_a_shared_pipe_are_never_interleaved() {
    skip_without_fuse!();
    let mount = Mount::new();
    sys::mkfifo(mount.path("p"), 0o666).unwrap();
    // Open until all writers are: else the first could be the last, and end of file come early.
    let first = mount.open("p", O_WRONLY);
    let reader = mount.open("p", O_RDONLY);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let end = mount.open("p", O_WRONLY | O_APPEND);
            Task::spawn(move || write_pieces(&end, writer))
        })
        .collect();
    drop(first);
    let pieces = Task::spawn(move || read_pieces(&reader)).join(SOON * 4);
    assert_eq!(pieces.len(), usize::from(WRITERS) * PIECES as usize);
    writers.into_iter().for_each(|writer| writer.join(SOON));
}

/// SEMANTICS: instance-one-client
#[test]
fn each_reader_of_an_instance_pipe_sees_one_writer_only() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let end = mount.open("p", O_WRONLY | O_APPEND);
            Task::spawn(move || write_pieces(&end, writer))
        })
        .collect();
    let readers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let reader = mount.open("p", O_RDONLY);
            Task::spawn(move || read_pieces(&reader))
        })
        .collect();
    let mut seen = Vec::new();
    for reader in readers {
        let pieces = reader.join(SOON * 4);
        assert_eq!(pieces.len(), PIECES as usize);
        assert!(pieces.iter().all(|writer| *writer == pieces[0]), "{pieces:?}");
        seen.push(pieces[0]);
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..WRITERS));
    writers.into_iter().for_each(|writer| writer.join(SOON));
}
