//! A node of WinFsp's driver for each open.
//!
//! While a read or write is parked, WinFsp's driver holds the lock of the file's node, and whoever
//! opens or closes that node waits. It knows its nodes by their names. So an open of a pipe for its
//! data is answered as that of a symbolic link is, with another path: through a *door*, a directory
//! that is in no listing and has a number of its own. All doors lead to the same names. What only
//! looks, renames or deletes comes without one; nothing is ever parked there.

use std::sync::atomic::{AtomicU64, Ordering};

use pipefs::Node;
use winfsp::U16CStr;

use super::driver::Driver;
use super::names::Named;
use super::request::{Creating, Disposition};

/// What the name of a door has around its number.
const BEFORE: &str = "{pipefs-";
const AFTER: &str = "}";

/// `IO_REPARSE_TAG_SYMLINK`, and its flag for a path from the root of the volume.
const TAG_SYMLINK: u32 = 0xa000_000c;
const SYMLINK_FLAG_RELATIVE: u32 = 1;

/// Bytes of a symbolic link's reparse data before its paths: a header (tag, length, reserved), and
/// of these paths offsets and lengths, and the flags.
const HEADER_BYTES: usize = 8;
const LINK_BYTES: usize = 12;

// Of `CreateFile`, as the driver hands it over.
const FILE_DIRECTORY_FILE: u32 = 0x1;
const FILE_OPEN_REPARSE_POINT: u32 = 0x20_0000;
const FILE_READ_DATA: u32 = 0x1;
const FILE_WRITE_DATA: u32 = 0x2;
const FILE_APPEND_DATA: u32 = 0x4;
const MAXIMUM_ALLOWED: u32 = 0x200_0000;

/// Whether a name in the root directory is a door's.
pub(crate) fn is_door(name: &str) -> bool {
    let number = name.strip_prefix(BEFORE).and_then(|name| name.strip_suffix(AFTER));
    number.is_some_and(|number| u64::from_str_radix(number, 16).is_ok())
}

/// The doors of a mount: their numbers.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    next: AtomicU64,
}

impl Doors {
    /// The reparse data that sends an open of `path` through a new door.
    pub(crate) fn through_a_new_one(&self, path: &[u16]) -> Vec<u8> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut target: Vec<u16> = format!("\\{BEFORE}{number:x}{AFTER}").encode_utf16().collect();
        target.extend_from_slice(path);
        link_to(&target)
    }
}

/// The reparse data of a symbolic link.
fn link_to(target: &[u16]) -> Vec<u8> {
    let target: Vec<u8> = target.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    // The paths are the real one and the one to show, which lies in the same place.
    let bytes = u16::try_from(target.len()).expect("WinFsp's paths are shorter");
    let mut data = Vec::with_capacity(HEADER_BYTES + LINK_BYTES + target.len());
    data.extend(TAG_SYMLINK.to_le_bytes());
    data.extend((LINK_BYTES as u16 + bytes).to_le_bytes());
    data.extend(0_u16.to_le_bytes());
    for offset_or_length in [0, bytes, 0, bytes] {
        data.extend(offset_or_length.to_le_bytes());
    }
    data.extend(SYMLINK_FLAG_RELATIVE.to_le_bytes());
    data.extend(target);
    data
}

/// Whether an open is of the data of what it names, and follows links.
fn is_for_data(creating: &Creating) -> bool {
    const DATA: u32 = FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | MAXIMUM_ALLOWED;
    let follows = creating.options & (FILE_DIRECTORY_FILE | FILE_OPEN_REPARSE_POINT) == 0;
    follows && !creating.opens_parent && creating.desired_access & DATA != 0
}

impl Driver {
    /// Whether the open that is being looked up is to come again through a door. For a name that
    /// is about to be made, too: what is opened then waits like any other.
    pub(crate) fn wants_door(&self, named: &Named, path: &U16CStr) -> bool {
        let Some(creating) = Creating::now() else { return false };
        // Not a directory on the way, whose rights are looked up meanwhile.
        let is_last = creating.path_bytes == (path.len() + 1) * size_of::<u16>();
        let is_new = Creating::disposition(creating.options) == Disposition::New;
        let is_plain = named.stream.is_none() && !named.is_door;
        if self.doors.is_none() || !is_last || is_new || !is_plain {
            return false;
        }
        is_for_data(&creating)
            && match named.find(&self.engine) {
                Ok(Node::Pipe(_)) => true,
                Ok(Node::Directory(_)) => false,
                Err(_) => creating.may_make() && named.place(&self.engine).is_ok(),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_open_has_a_door_of_its_own() {
        let doors = Doors::default();
        let path: Vec<u16> = "\\dir\\greeting".encode_utf16().collect();
        for number in 0..3 {
            let data = doors.through_a_new_one(&path);
            assert_eq!(data[..4], TAG_SYMLINK.to_le_bytes());
            let said = usize::from(u16::from_le_bytes([data[4], data[5]]));
            assert_eq!(said, data.len() - HEADER_BYTES);
            let units: Vec<u16> = data[HEADER_BYTES + LINK_BYTES..]
                .chunks(2)
                .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
                .collect();
            let target = String::from_utf16(&units).unwrap();
            assert_eq!(target, format!("\\{{pipefs-{number}}}\\dir\\greeting"));
            assert!(is_door(target.split('\\').nth(1).unwrap()));
        }
        for no_door in ["greeting", "{pipefs-}", "{pipefs-x}", "{pipefs-1", "pipefs-1}"] {
            assert!(!is_door(no_door), "{no_door}");
        }
    }

    #[test]
    fn who_only_looks_gets_no_door() {
        for data in [FILE_READ_DATA, FILE_APPEND_DATA, FILE_WRITE_DATA | 0x10_0000] {
            assert!(is_for_data(&Creating::asking_for(0, data)));
            assert!(!is_for_data(&Creating::asking_for(FILE_OPEN_REPARSE_POINT, data)));
            assert!(!is_for_data(&Creating::asking_for(FILE_DIRECTORY_FILE, data)));
        }
        // FILE_READ_ATTRIBUTES, DELETE, SYNCHRONIZE: a look, or a rename.
        assert!(!is_for_data(&Creating::asking_for(0, 0x11_0080)));
    }
}
