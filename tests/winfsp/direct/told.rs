//! Attributes, sizes, times, the volume.

use winfsp::filesystem::VolumeInfo;
use winfsp_sys::FSP_FSCTL_VOLUME_INFO;

use super::*;
use crate::winfsp::information::file_time;
use crate::winfsp::pending::wait_for;

const NORMAL: u32 = 0x80;
const IS_DIRECTORY: u32 = 0x10;

#[test]
fn a_pipe_has_no_size_and_allocates_what_waits_in_it() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    world.writes(&server, &"x".repeat(5000));
    let info = world.told(&server);
    assert_eq!((info.file_attributes, info.file_size), (NORMAL, 0));
    assert_eq!((info.allocation_size, info.index_number, info.hard_links), (8192, 2, 0));
    let root = world.told(&world.open("\\", LOOK).unwrap());
    assert_eq!((root.file_attributes, root.index_number), (IS_DIRECTORY, 1));
}

#[test]
fn an_open_and_a_write_say_the_same() {
    let world = World::new();
    let mut info = nothing_told();
    let server = world.filesystem.create(
        &wide("\\p"),
        CREATE_NEW,
        WRITE,
        0,
        None,
        0,
        None,
        false,
        &mut info,
    );
    assert_eq!(info.as_ref().index_number, 2);
    let mut told = FileInfo::default();
    let server = server.unwrap();
    let write = world.filesystem.write_async(&server, b"12", 0, false, false, &mut told);
    assert_eq!(wait_for(write).unwrap(), 2);
    assert_eq!((told.index_number, told.allocation_size), (2, 4096));
    let mut told = FileInfo::default();
    world.filesystem.overwrite(&server, 0, false, 0, None, &mut told).unwrap();
    assert_eq!(told.allocation_size, 4096, "nothing in a pipe is overwritten");
}

#[test]
fn times_are_set_and_sizes_mean_nothing() {
    let world = World::new();
    let pipe = world.create("\\p", LOOK).unwrap();
    let before = world.told(&pipe);
    let then = file_time(std::time::SystemTime::UNIX_EPOCH);
    let mut info = FileInfo::default();
    world.filesystem.set_basic_info(&pipe, 0x80, 0, then, 0, 0, &mut info).unwrap();
    assert_eq!(info.last_access_time, then);
    assert_eq!(info.last_write_time, before.last_write_time);
    world.filesystem.set_basic_info(&pipe, 0x80, 0, 0, u64::MAX, 0, &mut info).unwrap();
    assert_eq!(info.last_write_time, before.last_write_time);
    for is_allocation in [true, false] {
        let mut info = FileInfo::default();
        world.filesystem.set_file_size(&pipe, 1 << 20, is_allocation, &mut info).unwrap();
        assert_eq!((info.file_size, info.index_number), (0, 2));
    }
}

#[test]
fn the_volume_is_as_large_as_its_memory() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    world.writes(&server, &"x".repeat(1 << 19));
    let mut raw = FSP_FSCTL_VOLUME_INFO::default();
    // SAFETY: `winfsp` makes sure that the two are laid out alike.
    let volume = unsafe { &mut *(&raw mut raw).cast::<VolumeInfo>() };
    world.filesystem.get_volume_info(volume).unwrap();
    assert_eq!(raw.TotalSize, 64 << 20);
    assert!((64 << 20) - raw.FreeSize >= 1 << 19, "{} are free", raw.FreeSize);
    let label = &raw.VolumeLabel[..usize::from(raw.VolumeLabelLength) / 2];
    assert_eq!(String::from_utf16(label).unwrap(), "pipes");
}
