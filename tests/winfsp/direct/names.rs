//! Making, finding, listing, renaming and removing.

use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_DIRECTORY_NOT_EMPTY, STATUS_FILE_IS_A_DIRECTORY,
    STATUS_INVALID_DEVICE_REQUEST, STATUS_INVALID_PARAMETER, STATUS_NAME_TOO_LONG,
    STATUS_NOT_A_DIRECTORY, STATUS_NOT_A_REPARSE_POINT, STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_INVALID, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_OBJECT_PATH_NOT_FOUND,
    STATUS_PIPE_NOT_AVAILABLE,
};
use winfsp::constants::FspCleanupFlags::FspCleanupDelete;
use winfsp::filesystem::DirMarker;
use winfsp_sys::FSP_FSCTL_DIR_INFO;

use super::*;

const NON_DIRECTORY: u32 = 0x40;

impl World {
    /// A directory's entries, read with room for this many bytes at once.
    fn list(&self, path: &str, room: usize) -> Vec<String> {
        let directory = self.open(path, READ).unwrap();
        let mut names: Vec<String> = Vec::new();
        loop {
            let marker = names.last().map(|name| wide(name));
            let mut buffer = vec![0_u64; room / 8];
            // SAFETY: it has as many bytes; any bytes are numbers.
            let bytes =
                unsafe { std::slice::from_raw_parts_mut(buffer.as_mut_ptr().cast::<u8>(), room) };
            // SAFETY: `DirMarker` is a reference to a string, or none, with no constructor.
            let marker: DirMarker<'_> = unsafe { std::mem::transmute(marker.as_deref()) };
            let used = self.filesystem.read_directory(&directory, None, marker, bytes).unwrap();
            let before = names.len();
            names.extend(entries(&bytes[..used as usize]));
            if names.len() == before {
                return names;
            }
        }
    }

    fn delete(&self, path: &str) -> Result<()> {
        let opened = self.open(path, LOOK)?;
        self.filesystem.set_delete(&opened, &wide(path), true)?;
        self.filesystem.cleanup(&opened, Some(&wide(path)), FspCleanupDelete as u32);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str, replace: bool) -> Result<()> {
        let opened = self.open(from, LOOK)?;
        self.filesystem.rename(&opened, &wide(from), &wide(to), replace)
    }
}

/// The names in WinFsp's form of a listing.
fn entries(mut bytes: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    while let [low, high, ..] = *bytes {
        let size = usize::from(u16::from_le_bytes([low, high]));
        if size == 0 {
            break;
        }
        let name = &bytes[size_of::<FSP_FSCTL_DIR_INFO>()..size];
        let units: Vec<u16> =
            name.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        names.push(String::from_utf16(&units).unwrap());
        bytes = bytes.get(size.next_multiple_of(8)..).unwrap_or_default();
    }
    names
}

#[test]
fn a_directory_lists_what_was_made_as_it_was_written() {
    let world = World::new();
    world.make("\\Zwei");
    world.make_directory("\\Inner");
    world.make("\\inner\\Größe");
    assert_eq!(world.list("\\", 4096), ["Inner", "Zwei"]);
    assert_eq!(world.list("\\INNER", 4096), [".", "..", "Größe"]);
    for number in 0..50 {
        world.make(&format!("\\inner\\{number:02}"));
    }
    // In several pieces, each of which goes on where the last one ended.
    let all = world.list("\\inner", 1024);
    assert_eq!(all.len(), 53);
    assert_eq!(all[51], "49");
    let pipe = world.open("\\zwei", LOOK).unwrap();
    // SAFETY: as above.
    let marker: DirMarker<'_> = unsafe { std::mem::transmute(None::<&winfsp::U16CStr>) };
    let no_directory = world.filesystem.read_directory(&pipe, None, marker, &mut [0; 64]);
    assert_eq!(refused(no_directory), STATUS_INVALID_DEVICE_REQUEST);
}

#[test]
fn a_name_is_made_once_in_any_case() {
    let world = World::new();
    world.make("\\a");
    assert_eq!(refused(world.create("\\A", WRITE)), STATUS_OBJECT_NAME_COLLISION);
    assert_eq!(refused(world.create("\\", WRITE)), STATUS_OBJECT_NAME_COLLISION);
    assert_eq!(refused(world.create("\\x\\y", WRITE)), STATUS_OBJECT_PATH_NOT_FOUND);
    assert_eq!(refused(world.create("\\a\\y", WRITE)), STATUS_OBJECT_PATH_NOT_FOUND);
    let long = format!("\\{}", "ä".repeat(128));
    assert_eq!(refused(world.create(&long, WRITE)), STATUS_NAME_TOO_LONG);
    for door in ["\\{pipefs-0}", "\\{pipefs-0}\\{pipefs-1}"] {
        assert_eq!(refused(world.create(door, WRITE)), STATUS_OBJECT_NAME_COLLISION, "{door}");
    }
    assert_eq!(refused(world.create("\\.", WRITE)), STATUS_OBJECT_NAME_INVALID);
}

#[test]
fn what_is_not_there_is_not_opened() {
    let world = World::new();
    world.make("\\p");
    world.make_directory("\\d");
    let open = |path, options| refused(world.open_as(path, READ, OPEN_EXISTING | options));
    assert_eq!(open("\\x", 0), STATUS_OBJECT_NAME_NOT_FOUND);
    assert_eq!(open("\\x\\y", 0), STATUS_OBJECT_PATH_NOT_FOUND);
    assert_eq!(open("\\d", NON_DIRECTORY), STATUS_FILE_IS_A_DIRECTORY);
    assert_eq!(open("\\p", DIRECTORY), STATUS_NOT_A_DIRECTORY);
}

#[test]
fn a_deleted_name_is_gone_and_its_ends_go_on() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    let client = world.open("\\p", READ).unwrap();
    world.delete("\\P").unwrap();
    assert_eq!(refused(world.open("\\p", READ)), STATUS_OBJECT_NAME_NOT_FOUND);
    world.writes(&server, "still");
    assert_eq!(world.reads(&client), "still");

    world.make("\\p");
    world.filesystem.cleanup(&server, Some(&wide("\\p")), FspCleanupDelete as u32);
    assert!(world.open("\\p", LOOK).is_ok(), "another pipe has the name by now");
}

#[test]
fn directories_go_when_they_are_empty_and_the_root_never() {
    let world = World::new();
    world.make_directory("\\d");
    world.make("\\d\\p");
    assert_eq!(refused(world.delete("\\d")), STATUS_DIRECTORY_NOT_EMPTY);
    assert_eq!(refused(world.delete("\\")), STATUS_ACCESS_DENIED);
    let directory = world.open("\\d", LOOK).unwrap();
    world.filesystem.set_delete(&directory, &wide("\\d"), false).unwrap();
    world.delete("\\d\\p").unwrap();
    world.delete("\\d").unwrap();
    assert!(world.list("\\", 1024).is_empty());
}

#[test]
fn names_change_their_place_and_their_case() {
    let world = World::new();
    world.make("\\a");
    world.make_directory("\\d");
    world.rename("\\a", "\\A", false).unwrap();
    assert_eq!(world.list("\\", 1024), ["A", "d"]);
    world.rename("\\a", "\\d\\b", false).unwrap();
    assert_eq!(world.list("\\d", 1024), [".", "..", "b"]);
    world.make("\\c");
    assert_eq!(refused(world.rename("\\c", "\\D\\B", false)), STATUS_OBJECT_NAME_COLLISION);
    let busy = world.open("\\d\\b", WRITE).unwrap();
    assert_eq!(refused(world.rename("\\c", "\\d\\b", true)), STATUS_PIPE_NOT_AVAILABLE);
    world.close(&busy);
    world.rename("\\c", "\\d\\B", true).unwrap();
    assert_eq!(world.list("\\d", 1024), [".", "..", "B"]);
    assert_eq!(refused(world.rename("\\d", "\\d\\e", false)), STATUS_INVALID_PARAMETER);
    assert_eq!(refused(world.rename("\\d", "\\", false)), STATUS_INVALID_PARAMETER);
}

#[test]
fn a_path_through_a_door_leads_to_the_same() {
    let world = World::new();
    world.make_directory("\\d");
    let server = world.create("\\{pipefs-7}\\d\\p", WRITE).unwrap();
    let client = world.open("\\{pipefs-8}\\D\\P", READ).unwrap();
    world.writes(&server, "through");
    assert_eq!(world.reads(&client), "through");
    assert_eq!(world.list("\\{pipefs-8}\\d", 1024), [".", "..", "p"]);
}

/// `winfsp` asks for these when a lookup has said that it wants a door.
#[test]
fn links_lead_through_doors_and_doors_nowhere_else() {
    let world = World::new();
    let mut room = [0; 1024];
    let link = |path: &str, is_directory, room: &mut [u8]| {
        world.filesystem.get_reparse_point_by_name(&wide(path), is_directory, room)
    };
    let length = link("\\d\\p", false, &mut room).unwrap() as usize;
    let units: Vec<u16> =
        room[20..length].chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
    assert_eq!(String::from_utf16(&units).unwrap(), "\\{pipefs-0}\\d\\p");
    for (path, is_directory) in [("\\d", true), ("\\{pipefs-0}\\d\\p", false)] {
        let refused = refused(link(path, is_directory, &mut room));
        assert_eq!(refused, STATUS_NOT_A_REPARSE_POINT, "{path}");
    }
    assert!(link("\\d\\p", false, &mut [0; 16]).is_err());
    let plain = World::with(|config| config.doors = false);
    let refused =
        refused(plain.filesystem.get_reparse_point_by_name(&wide("\\p"), false, &mut room));
    assert_eq!(refused, STATUS_NOT_A_REPARSE_POINT);
}
