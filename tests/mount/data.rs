//! Data of the byte type: what a read returns, what a write is, capacity, and order.

use std::time::Duration;

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY};

use crate::harness::actor::sequence;
use crate::harness::process::timed;
use crate::harness::{Errno, Fd, Mount, Task, sys};
use crate::{SOON, skip_without_fuse};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// A connected writer and reader.
fn connected(mount: &Mount, name: &str) -> (Fd, Fd) {
    let writer = mount.open(name, O_WRONLY | O_CREAT);
    let reader = mount.open(name, O_RDONLY);
    (writer, reader)
}

/// SEMANTICS: read-available
#[test]
fn a_read_returns_what_is_there_up_to_its_size() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (writer, reader) = connected(&mount, "p");
    writer.write_all(b"hello, world").unwrap();
    assert_eq!(reader.read(5).unwrap(), b"hello");
    assert_eq!(reader.read(100).unwrap(), b", world");
    writer.write_all(b"one ").unwrap();
    writer.write_all(b"two").unwrap();
    assert_eq!(reader.read(100).unwrap(), b"one two", "bytes have no borders");
    let mut reading = Task::spawn(move || reader.read(100));
    reading.assert_waits();
    writer.write_all(b"x").unwrap();
    assert_eq!(reading.join(SOON).unwrap(), b"x");
}

/// SEMANTICS: read-large
#[test]
fn a_read_larger_than_what_is_there_returns_at_once() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=16M"]);
    let (writer, reader) = connected(&mount, "p");
    let mut start = 0;
    // Whole requests among them, where the next one finds nothing; and memory of either kind.
    for size in [1, 4 * KIB, MIB - 1, MIB, MIB + 1, 3 * MIB] {
        for read in [Fd::read, Fd::read_to_page] {
            writer.write_all(&sequence(start, size)).unwrap();
            let (data, time) = timed(|| read(&reader, 8 * MIB).unwrap());
            assert_eq!(data.len(), size);
            assert!(data == sequence(start, size), "{size} bytes came back different");
            assert!(time < Duration::from_secs(2), "{size} bytes took {time:?}");
            start += size;
        }
    }
    reader.set_nonblocking(true).unwrap();
    writer.write_all(&sequence(0, 2 * MIB)).unwrap();
    assert_eq!(reader.read(8 * MIB).unwrap().len(), 2 * MIB);
    assert_eq!(reader.read(8 * MIB), Err(Errno::EAGAIN));
}

/// SEMANTICS: write-full
#[test]
fn a_blocking_write_of_64_mib_arrives_whole() {
    skip_without_fuse!();
    let mount = Mount::new();
    for reader_first in [true, false] {
        let name = format!("p{reader_first}");
        let writer = mount.open(&name, O_WRONLY | O_CREAT);
        let mut writing = Task::spawn(move || writer.write(&sequence(0, 64 * MIB)));
        if !reader_first {
            writing.assert_waits();
        }
        let reader = mount.open(&name, O_RDONLY);
        let mut total = 0;
        loop {
            let piece = reader.read(700 * KIB).unwrap();
            if piece.is_empty() {
                break;
            }
            assert!(piece == sequence(total, piece.len()), "differs after byte {total}");
            total += piece.len();
        }
        assert_eq!(total, 64 * MIB);
        assert_eq!(writing.join(SOON), Ok(64 * MIB), "the whole write is one call");
    }
}

/// SEMANTICS: write-whole
#[test]
fn a_lane_accepts_a_whole_write_while_it_is_below_capacity() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
    assert_eq!(writer.write(&[1; 4095]), Ok(4095));
    assert_eq!(writer.write(&[2; 1_000_000]), Ok(1_000_000), "whole, though one byte is free");
    assert_eq!(writer.write(&[3]), Err(Errno::EAGAIN));
    let reader = mount.open("p", O_RDONLY);
    assert_eq!(reader.read_exactly(4095).unwrap(), [1; 4095]);
    assert_eq!(writer.write(&[3]), Err(Errno::EAGAIN), "1,000,000 bytes are above 4 KiB");
    assert_eq!(reader.read_exactly(995_904).unwrap().len(), 995_904);
    assert_eq!(writer.write(&[3]), Err(Errno::EAGAIN), "4096 bytes are at capacity");
    assert_eq!(reader.read(1).unwrap(), [2]);
    assert_eq!(writer.write(&[3]), Ok(1));
}

/// SEMANTICS: write-full
#[test]
fn the_default_capacity_is_one_mib() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
    assert_eq!(writer.write(&sequence(0, MIB - 1)), Ok(MIB - 1));
    assert_eq!(writer.write(b"a"), Ok(1));
    assert_eq!(writer.write(b"b"), Err(Errno::EAGAIN));
    writer.set_nonblocking(false).unwrap();
    let reader = mount.open("p", O_RDONLY);
    let mut writing = Task::spawn(move || writer.write(b"b"));
    writing.assert_waits();
    assert_eq!(reader.read(1).unwrap(), [0]);
    assert_eq!(writing.join(SOON), Ok(1));
}

/// SEMANTICS: write-full
///
/// A write that is larger than one request has then moved what was accepted.
#[test]
fn a_large_nonblocking_write_is_short() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=64K"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
    let data = sequence(0, 5 * MIB);
    let count = writer.write(&data).unwrap();
    assert!((64 * KIB..=64 * KIB + MIB).contains(&count), "{count}");
    assert_eq!(writer.write(&data[count..]), Err(Errno::EAGAIN));
    let reader = mount.open("p", O_RDONLY);
    assert!(reader.read_exactly(count).unwrap() == data[..count]);
    drop(writer);
    assert_eq!(reader.read(9).unwrap(), b"", "nothing else was accepted");
}

/// SEMANTICS: shared-order
///
/// Pieces of all sizes arrive in the order in which they were written.
#[test]
fn pieces_of_all_sizes_arrive_in_order() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=256K"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_APPEND);
    let reader = mount.open("p", O_RDONLY);
    let sizes = [1, 63, 4 * KIB, 7, 100_000, MIB, 4095, 4097, 65_537, 2 * MIB + 1, 2];
    let total: usize = sizes.iter().sum::<usize>() * 4;
    let writing = Task::spawn(move || {
        let mut start = 0;
        for size in sizes.iter().cycle().take(sizes.len() * 4) {
            writer.write_all(&sequence(start, *size)).unwrap();
            start += size;
        }
    });
    let mut start = 0;
    for size in [13, 70_000, 3, 2 * MIB, 512, 100_001].iter().cycle() {
        let piece = reader.read(*size).unwrap();
        if piece.is_empty() {
            break;
        }
        assert!(piece == sequence(start, piece.len()), "differs after byte {start}");
        start += piece.len();
    }
    assert_eq!(start, total);
    writing.join(SOON);
}

/// SEMANTICS: data-zero-length
#[test]
fn empty_reads_and_writes_do_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (writer, reader) = connected(&mount, "p");
    assert_eq!(writer.write(b""), Ok(0));
    assert_eq!(reader.read(0).unwrap(), b"");
    reader.set_nonblocking(true).unwrap();
    assert_eq!(reader.read(9), Err(Errno::EAGAIN), "an empty write is no end of file");
    writer.write_all(b"x").unwrap();
    assert_eq!(reader.read(0).unwrap(), b"");
    assert_eq!(reader.read(9).unwrap(), b"x");
}

/// SEMANTICS: shared-compete
#[test]
fn each_byte_of_a_shared_pipe_goes_to_one_reader() {
    skip_without_fuse!();
    let mount = Mount::new();
    sys::mkfifo(mount.path("p"), 0o666).unwrap();
    let writer = mount.open("p", O_WRONLY);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let reader = mount.open("p", O_RDONLY);
            Task::spawn(move || {
                let mut records = Vec::new();
                loop {
                    let record = reader.read(4).unwrap();
                    if record.is_empty() {
                        return records;
                    }
                    records.push(u32::from_ne_bytes(record.try_into().unwrap()));
                }
            })
        })
        .collect();
    for number in 0..4000_u32 {
        writer.write_all(&number.to_ne_bytes()).unwrap();
    }
    drop(writer);
    let mut all = Vec::new();
    for reader in readers {
        let records = reader.join(SOON);
        assert!(records.is_sorted(), "a reader sees what it gets in the order of the writes");
        all.extend(records);
    }
    all.sort_unstable();
    assert!(all.iter().copied().eq(0..4000), "each record goes to exactly one reader");
}
