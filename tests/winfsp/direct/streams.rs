//! Settings and state as alternate streams.

use serde_json::Value;
use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_DEVICE_BUSY, STATUS_END_OF_FILE, STATUS_INVALID_PARAMETER,
    STATUS_OBJECT_NAME_INVALID, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_PIPE_NOT_AVAILABLE,
};
use winfsp_sys::FSP_FSCTL_STREAM_INFO;

use super::*;
use crate::winfsp::UNMOUNT_IN_USE;
use crate::winfsp::pending::wait_for;

impl World {
    fn text(&self, path: &str) -> String {
        let stream = self.open(path, READ).unwrap();
        let mut text = vec![0; 100_000];
        let read = self.filesystem.read_async(&stream, &mut text, 0);
        let bytes = wait_for(read).unwrap() as usize;
        let mut rest = [0; 9];
        let end = self.filesystem.read_async(&stream, &mut rest, bytes as u64);
        assert_eq!(refused(wait_for(end)), STATUS_END_OF_FILE);
        assert_eq!(self.told(&stream).file_size, bytes as u64);
        text.truncate(bytes);
        String::from_utf8(text).unwrap()
    }

    fn set(&self, path: &str, value: &str) -> Result<u32> {
        let stream = self.open_as(path, WRITE, CREATE_ALWAYS).unwrap();
        let mut info = FileInfo::default();
        self.filesystem.overwrite(&stream, 0, false, 0, None, &mut info).unwrap();
        come(&self.write(&stream, value.as_bytes()))
    }

    fn streams(&self, path: &str) -> Vec<String> {
        let mut room = vec![0; 4096];
        let opened = self.open(path, LOOK).unwrap();
        let used = self.filesystem.get_stream_info(&opened, &mut room).unwrap() as usize;
        let mut bytes = &room[..used];
        let mut names = Vec::new();
        while let [low, high, ..] = *bytes {
            let size = usize::from(u16::from_le_bytes([low, high]));
            if size == 0 {
                break;
            }
            let name = &bytes[size_of::<FSP_FSCTL_STREAM_INFO>()..size];
            let units: Vec<u16> =
                name.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
            names.push(String::from_utf16(&units).unwrap());
            bytes = bytes.get(size.next_multiple_of(8)..).unwrap_or_default();
        }
        names
    }
}

#[test]
fn the_state_is_json_and_looking_opens_no_end() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    world.writes(&server, "hello");
    let state: Value = serde_json::from_str(&world.text("\\P:State")).unwrap();
    assert_eq!(state["buffered_bytes"], 5);
    assert_eq!(state["instances"][0]["ends"][0]["role"], "server");
    assert_eq!(state["settings"]["mode"], "instance");
    assert_eq!(world.text("\\p:peek"), "hello");
    let mount: Value = serde_json::from_str(&world.text("\\:state:$DATA")).unwrap();
    assert_eq!((&mount["pipes"], &mount["ends"]), (&1.into(), &1.into()));
}

#[test]
fn a_setting_is_read_and_replaced() {
    let world = World::new();
    world.make("\\p");
    assert_eq!(world.text("\\p:capacity"), "1048576");
    // As `echo 4M> P:\p:capacity` writes it.
    assert_eq!(world.set("\\p:CAPACITY", "4M\r\n").unwrap(), 4);
    assert_eq!(world.text("\\p:capacity"), "4194304");
    assert_eq!(world.set("\\p:capacity", "\r\n").unwrap(), 2);
    assert_eq!(world.text("\\p:capacity"), "4194304");
    assert_eq!(refused(world.set("\\p:mode", "both")), STATUS_INVALID_PARAMETER);
    let _server = world.open("\\p", WRITE).unwrap();
    assert_eq!(refused(world.set("\\p:mode", "shared")), STATUS_PIPE_NOT_AVAILABLE);
    assert_eq!(world.text("\\p:mode"), "instance");
}

#[test]
fn what_can_only_be_read_is_not_opened_to_be_written() {
    let world = World::new();
    world.make("\\p");
    for path in ["\\p:state", "\\p:peek", "\\:state"] {
        assert_eq!(refused(world.open(path, WRITE)), STATUS_ACCESS_DENIED, "{path}");
    }
    for (path, granted) in [("\\p:x", READ), ("\\:mode", READ), ("\\:peek", WRITE)] {
        assert_eq!(refused(world.open(path, granted)), STATUS_OBJECT_NAME_NOT_FOUND, "{path}");
    }
    assert_eq!(refused(world.create("\\p:new", WRITE)), STATUS_OBJECT_NAME_INVALID);
    let state = world.open("\\p:state", READ).unwrap();
    let delete = world.filesystem.set_delete(&state, &wide("\\p:state"), true);
    assert_eq!(refused(delete), STATUS_ACCESS_DENIED);
    let rename = world.filesystem.rename(&state, &wide("\\p:state"), &wide("\\p:x"), true);
    assert_eq!(refused(rename), STATUS_INVALID_PARAMETER);
}

#[test]
fn the_streams_are_listed_but_for_the_look_inside() {
    let world = World::new();
    world.make("\\p");
    let mut expected = vec![""];
    expected.extend(Settings::KEYS);
    expected.push("state");
    assert_eq!(world.streams("\\p"), expected);
    assert_eq!(world.streams("\\"), ["state"]);
    let pipe = world.open("\\p", LOOK).unwrap();
    assert!(world.filesystem.get_stream_info(&pipe, &mut [0; 64]).is_err());
}

#[test]
fn a_mount_is_taken_down_by_a_stream_unless_pipes_are_open() {
    let world = World::new();
    let server = world.create("\\p", WRITE).unwrap();
    assert_eq!(refused(world.set("\\:unmount", "idle")), STATUS_DEVICE_BUSY);
    assert!(world.stopped.try_recv().is_err());
    world.set("\\:unmount", UNMOUNT_IN_USE).unwrap();
    come(&world.stopped);
    world.close(&server);
    world.set("\\:unmount", "idle").unwrap();

    let world = World::with(|config| config.allow_other = true);
    let (_, permissions) = world.look_up("\\:unmount").unwrap();
    assert_eq!(permissions.mode & 0o777, 0o600, "it is the owner's");
    world.set("\\:unmount", "idle").unwrap();
    come(&world.stopped);
}
