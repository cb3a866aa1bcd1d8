//! What the system is told of a pipe, a directory or a stream.

use std::time::{Duration, SystemTime};

use pipefs::{Attributes, Node, PipeHandle, Status};
use winfsp::filesystem::FileInfo;

/// The unit of allocation, and of the volume's size.
pub(crate) const UNIT_BYTES: u16 = 4096;

const FILE_ATTRIBUTE_DIRECTORY: u32 = 0x10;
const FILE_ATTRIBUTE_NORMAL: u32 = 0x80;

/// The attributes of a stream.
pub(crate) const STREAM_ATTRIBUTES: u32 = FILE_ATTRIBUTE_NORMAL;

/// Windows counts from 1601, in steps of 100 ns.
const FROM_1601_TO_1970: Duration = Duration::from_secs(11_644_473_600);
const STEP_NANOSECONDS: u128 = 100;

/// The attributes of a node.
pub(crate) fn attributes_of(node: &Node<PipeHandle>) -> u32 {
    match node {
        Node::Directory(_) => FILE_ATTRIBUTE_DIRECTORY,
        Node::Pipe(_) => FILE_ATTRIBUTE_NORMAL,
    }
}

/// Of a pipe, as on Linux: its size is 0, and what waits in it is what is allocated.
pub(crate) fn describe(node: &Node<PipeHandle>, status: &Status) -> FileInfo {
    FileInfo {
        file_attributes: attributes_of(node),
        allocation_size: status.buffered_bytes.next_multiple_of(u64::from(UNIT_BYTES)),
        index_number: status.ino.0,
        ..of_times(&status.attributes)
    }
}

/// Of a stream: it is a file with a text in it.
pub(crate) fn describe_stream(text_bytes: usize, status: &Status) -> FileInfo {
    FileInfo {
        file_attributes: STREAM_ATTRIBUTES,
        file_size: text_bytes as u64,
        allocation_size: (text_bytes as u64).next_multiple_of(u64::from(UNIT_BYTES)),
        index_number: status.ino.0,
        ..of_times(&status.attributes)
    }
}

fn of_times(attributes: &Attributes) -> FileInfo {
    FileInfo {
        creation_time: file_time(attributes.changed),
        last_access_time: file_time(attributes.accessed),
        last_write_time: file_time(attributes.modified),
        change_time: file_time(attributes.changed),
        ..FileInfo::default()
    }
}

/// A time as Windows counts it; 0 for what lies before 1601.
pub(crate) fn file_time(time: SystemTime) -> u64 {
    let since_1601 = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.checked_add(FROM_1601_TO_1970),
        Err(before) => FROM_1601_TO_1970.checked_sub(before.duration()),
    };
    let steps = since_1601.unwrap_or_default().as_nanos() / STEP_NANOSECONDS;
    u64::try_from(steps).unwrap_or(u64::MAX)
}

/// A time that a program has set; `None`: it leaves the time as it is.
pub(crate) fn time_set(steps: u64) -> Option<SystemTime> {
    // 0 and -1 stand for no change, -2 for one by the filesystem.
    if steps == 0 || steps > i64::MAX as u64 {
        return None;
    }
    let since_1601 = Duration::from_micros(steps / 10) + Duration::from_nanos(steps % 10 * 100);
    match since_1601.checked_sub(FROM_1601_TO_1970) {
        Some(since) => SystemTime::UNIX_EPOCH.checked_add(since),
        None => SystemTime::UNIX_EPOCH.checked_sub(FROM_1601_TO_1970.checked_sub(since_1601)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1601() {
        assert_eq!(file_time(SystemTime::UNIX_EPOCH), 116_444_736_000_000_000);
        for nanoseconds in [0, 100, 1_234_567_800, 3_000_000_000_000_000_000] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds);
            assert_eq!(time_set(file_time(time)), Some(time), "{nanoseconds}");
        }
        let long_ago = SystemTime::UNIX_EPOCH - Duration::from_secs(1 << 32);
        assert_eq!(time_set(file_time(long_ago)), Some(long_ago));
    }

    #[test]
    fn some_numbers_mean_no_change() {
        for steps in [0, u64::MAX, u64::MAX - 1] {
            assert_eq!(time_set(steps), None);
        }
    }
}
