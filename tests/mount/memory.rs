//! The memory of a whole mount: its limit, and what the driver really takes.

use std::time::Duration;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY};

use crate::harness::deadline::comes_true;
use crate::harness::{Errno, Fd, Mount, Task, eventually, sys};
use crate::{SOON, skip_without_fuse};

const MIB: usize = 1 << 20;

/// What the driver may take beyond twice what is buffered.
const ALLOWANCE: usize = 32 * MIB;

/// Writes until nothing more is accepted; how much was.
fn fill(writer: &Fd, piece: &[u8]) -> usize {
    let mut total = 0;
    loop {
        match writer.write(piece) {
            Ok(count) => total += count,
            Err(Errno::EAGAIN) => return total,
            Err(other) => panic!("{other:?} after {total} bytes"),
        }
    }
}

/// SEMANTICS: write-memory
#[test]
fn writers_wait_at_the_memory_limit_and_go_on_below_it() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "memory=8M,capacity=64M"]);
    let flags = O_WRONLY | O_CREAT | O_NONBLOCK;
    let writers = ["a", "b", "c"].map(|name| mount.open(name, flags));
    let piece = vec![7; 300_000];
    let total: usize = writers.iter().map(|writer| fill(writer, &piece)).sum();
    assert!((8 * MIB..=8 * MIB + piece.len()).contains(&total), "{total} bytes were accepted");
    assert_eq!(writers[2].ready() & libc::POLLOUT, 0);
    // One who waits is woken by room that is made in another pipe.
    let [a, _b, c] = &writers;
    c.set_nonblocking(false).unwrap();
    let c = c.duplicate().unwrap();
    let mut writing = Task::spawn(move || c.write(b"x"));
    writing.assert_waits();
    let reader = mount.open("a", O_RDONLY);
    assert_eq!(reader.read_exactly(2 * MIB).unwrap().len(), 2 * MIB);
    assert_eq!(writing.join(SOON), Ok(1));
    assert_ne!(a.ready() & libc::POLLOUT, 0);
    assert!(a.write(&piece).is_ok());
}

/// SEMANTICS: write-memory
///
/// It is given back when a pipe is removed, when a client leaves, and when a reader has read.
#[test]
fn the_limit_does_not_leak() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "memory=4M"]);
    let piece = vec![7; MIB];
    for round in 0..30 {
        let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
        assert_eq!(writer.write(&piece), Ok(MIB), "round {round}");
        let reader = mount.open("p", O_RDONLY);
        match round % 3 {
            0 => assert_eq!(reader.read_exactly(MIB).unwrap().len(), MIB),
            1 => assert_eq!(reader.read(10).unwrap().len(), 10),
            _ => drop(writer),
        }
    }
    eventually(SOON, || {
        let all = sys::statfs(mount.dir()).unwrap();
        all.f_blocks > 0 && all.f_bfree == all.f_blocks
    });
}

/// Fills pipes with pieces of this size, looks at the driver's memory, then reads everything and
/// looks again.
fn assert_memory_is_within_bounds(pipes: usize, total: usize, piece: usize) {
    let mount = Mount::with(&["-o", "memory=1G,capacity=512M"]);
    let each = total / pipes;
    let bytes = vec![7; piece];
    let mut readers = Vec::new();
    for number in 0..pipes {
        let name = format!("p{number}");
        let writer = mount.open(&name, O_WRONLY | O_CREAT);
        let mut left = each;
        while left > 0 {
            left -= writer.write(&bytes[..piece.min(left)]).unwrap();
        }
        readers.push((mount.open(&name, O_RDONLY), writer));
    }
    let buffered = each * pipes;
    let full = usize::try_from(mount.rss_bytes()).unwrap();
    assert!(
        full <= 2 * buffered + ALLOWANCE,
        "{buffered} bytes in pieces of {piece} take {full} bytes of memory"
    );
    for (reader, _writer) in &readers {
        assert_eq!(reader.read_exactly(each).unwrap().len(), each);
    }
    // The allocator gets some time to give back what lies between pieces that are in use.
    let empty = || usize::try_from(mount.rss_bytes()).unwrap();
    let given_back = comes_true(Duration::from_secs(5), || empty() <= ALLOWANCE);
    assert!(given_back, "{} bytes of memory are taken after everything was read", empty());
}

/// SEMANTICS: memory-bounded
#[test]
fn large_pieces_take_at_most_twice_their_size() {
    skip_without_fuse!();
    assert_memory_is_within_bounds(4, 256 * MIB, MIB);
}

/// SEMANTICS: memory-bounded
#[test]
fn middle_sized_pieces_take_at_most_twice_their_size() {
    skip_without_fuse!();
    assert_memory_is_within_bounds(2, 128 * MIB, 65_537);
    assert_memory_is_within_bounds(2, 128 * MIB, 300_001);
}

/// SEMANTICS: memory-bounded
#[test]
fn small_pieces_take_at_most_twice_their_size() {
    skip_without_fuse!();
    assert_memory_is_within_bounds(1, 32 * MIB, 4096);
    assert_memory_is_within_bounds(1, 2 * MIB, 64);
}

/// SEMANTICS: memory-bounded
///
/// What has been read is not kept because of a byte beside it that has not.
#[test]
fn the_last_byte_of_a_large_piece_does_not_hold_the_rest() {
    skip_without_fuse!();
    let mount = Mount::new();
    let piece = vec![7; MIB];
    let mut ends = Vec::new();
    for number in 0..100 {
        let name = format!("p{number}");
        let writer = mount.open(&name, O_WRONLY | O_CREAT);
        let reader = mount.open(&name, O_RDONLY);
        assert_eq!(writer.write_from_page(&piece), Ok(MIB), "in one request");
        assert_eq!(reader.read_exactly(MIB - 1).unwrap().len(), MIB - 1);
        ends.push((writer, reader));
    }
    let taken = usize::try_from(mount.rss_bytes()).unwrap();
    assert!(taken <= 200 + ALLOWANCE, "100 buffered bytes take {taken} bytes of memory");
}

/// SEMANTICS: memory-bounded
///
/// A pipe that has nothing in it takes nothing worth mentioning.
#[test]
fn ten_thousand_empty_pipes_take_little() {
    skip_without_fuse!();
    let mount = Mount::new();
    for number in 0..10_000 {
        let file = Fd::open(mount.path(format!("p{number}")), O_WRONLY | O_CREAT | O_NONBLOCK);
        drop(file.unwrap());
    }
    let taken = usize::try_from(mount.rss_bytes()).unwrap();
    assert!(taken <= ALLOWANCE, "10,000 empty pipes take {taken} bytes of memory");
}

/// SEMANTICS: memory-bounded, broadcast-own-pace
///
/// Ten readers of a broadcast with messages that they have not read, then with rests of them. What
/// each of them has before it counts as buffered; large messages are there once for all of them.
#[test]
fn a_broadcast_takes_at_most_twice_what_waits_for_its_readers() {
    skip_without_fuse!();
    let longest = MIB - 4096;
    for (piece, count) in [(longest, 1), (longest, 8), (600_000, 10), (300_001, 10), (64, 10_000)] {
        let mount = Mount::with(&["-o", "mode=broadcast,type=message,capacity=64M"]);
        let writer = mount.open("p", O_WRONLY | O_CREAT);
        let readers = [(); 10].map(|()| mount.open("p", O_RDONLY));
        let assert_bounded = |buffered: usize| {
            let blocks = sys::stat(mount.path("p")).unwrap().st_blocks as usize;
            assert_eq!(blocks, buffered.div_ceil(512), "{count} of {piece} bytes");
            let taken = usize::try_from(mount.rss_bytes()).unwrap();
            assert!(
                taken <= 2 * buffered + ALLOWANCE,
                "{count} of {piece} bytes: {buffered} buffered bytes take {taken} bytes of memory"
            );
        };
        for _ in 0..count {
            assert_eq!(writer.write(&vec![7; piece]), Ok(piece));
        }
        assert_bounded(10 * count * piece);
        // Each reader leaves all after another message, and ten bytes of that one.
        let mut left = 0;
        for (number, reader) in readers.iter().enumerate() {
            let whole = number * count / 10;
            for _ in 0..whole {
                assert_eq!(reader.read(piece).unwrap().len(), piece);
            }
            assert_eq!(reader.read(piece - 10).unwrap().len(), piece - 10);
            left += (count - whole - 1) * piece + 10;
            assert_bounded(left + (9 - number) * count * piece);
        }
        drop(readers);
        let empty = || usize::try_from(mount.rss_bytes()).unwrap();
        let given_back = comes_true(Duration::from_secs(5), || empty() <= ALLOWANCE);
        assert!(given_back, "{} bytes of memory are taken when all have gone", empty());
    }
}
