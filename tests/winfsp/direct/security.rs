//! Descriptors.

use std::ffi::c_void;

use windows_sys::Win32::Foundation::{STATUS_BUFFER_OVERFLOW, STATUS_OBJECT_NAME_NOT_FOUND};
use windows_sys::Win32::Security::{DACL_SECURITY_INFORMATION, OWNER_SECURITY_INFORMATION};
use winfsp::filesystem::{FileSecurity, ModificationDescriptor};

use super::*;
use crate::winfsp::security::{Permissions, own_ids, permissions_of};

/// Room for a descriptor, aligned as they have to be.
struct Room([u64; 128]);

impl Room {
    fn bytes(&mut self) -> &mut [c_void] {
        // SAFETY: it has as many bytes, and any are allowed.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), size_of_val(&self.0)) }
    }
}

impl World {
    /// What WinFsp asks before it opens a file.
    pub(super) fn look_up(&self, path: &str) -> Result<(FileSecurity, Permissions)> {
        let mut room = Room([0; 128]);
        let nothing = |_: &winfsp::U16CStr| None;
        let found =
            self.filesystem.get_security_by_name(&wide(path), Some(room.bytes()), nothing)?;
        let permissions = permissions_of(room.bytes()).unwrap();
        Ok((found, permissions))
    }

    fn permissions(&self, opened: &Opened) -> Permissions {
        let mut room = Room([0; 128]);
        let bytes = self.filesystem.get_security(opened, Some(room.bytes())).unwrap();
        assert_eq!(self.filesystem.get_security(opened, None).unwrap(), bytes);
        permissions_of(room.bytes()).unwrap()
    }
}

#[test]
fn the_mounts_owner_owns_it_and_others_are_let_in_if_allowed() {
    let (uid, gid) = own_ids();
    for (allow_other, mode) in [(false, 0o755), (true, 0o1777)] {
        let world = World::with(|config| config.allow_other = allow_other);
        let (found, permissions) = world.look_up("\\").unwrap();
        assert_eq!((found.reparse, found.attributes), (false, 0x10));
        // The bit that keeps others from removing is not in a descriptor.
        let expected = Permissions { uid, gid, mode: mode & 0o777 };
        let told = Permissions { mode: permissions.mode & 0o777, ..permissions };
        assert_eq!(told, expected, "{mode:o}");
    }
}

#[test]
fn a_name_that_is_not_there_has_no_security() {
    let world = World::new();
    assert_eq!(refused(world.look_up("\\x")), STATUS_OBJECT_NAME_NOT_FOUND);
    world.make("\\p");
    assert_eq!(refused(world.look_up("\\p:x")), STATUS_OBJECT_NAME_NOT_FOUND);
    let (found, permissions) = world.look_up("\\P:State").unwrap();
    assert_eq!((found.attributes, permissions.mode), (0x80, 0o644));
    let mut small = [0_u64; 1];
    // SAFETY: it has as many bytes.
    let small = unsafe { std::slice::from_raw_parts_mut(small.as_mut_ptr().cast(), 8) };
    let no_room = world.filesystem.get_security_by_name(&wide("\\p"), Some(small), |_| None);
    assert_eq!(refused(no_room), STATUS_BUFFER_OVERFLOW);
}

#[test]
fn a_pipe_is_made_with_the_descriptor_that_it_is_given() {
    let world = World::new();
    let (uid, gid) = own_ids();
    let wanted = Permissions { uid, gid, mode: 0o640 };
    let mut room = Room([0; 128]);
    crate::winfsp::security::Descriptor::of(wanted).unwrap().copy_to(Some(room.bytes())).unwrap();
    let pipe = world.filesystem.create(
        &wide("\\p"),
        CREATE_NEW,
        LOOK,
        0,
        Some(room.bytes()),
        0,
        None,
        false,
        &mut nothing_told(),
    );
    assert_eq!(world.permissions(&pipe.unwrap()), wanted);
    let plain = world.create("\\q", LOOK).unwrap();
    assert_eq!(world.permissions(&plain), Permissions { uid, gid, mode: 0o644 });
}

#[test]
fn a_descriptor_is_changed_in_the_parts_that_are_named() {
    let world = World::new();
    let pipe = world.create("\\p", LOOK).unwrap();
    let before = world.permissions(&pipe);
    let wanted = Permissions { mode: 0o600, ..before };
    let mut room = Room([0; 128]);
    crate::winfsp::security::Descriptor::of(wanted).unwrap().copy_to(Some(room.bytes())).unwrap();
    let pointer = room.bytes().as_mut_ptr();
    for (part, expected) in
        [(OWNER_SECURITY_INFORMATION, before), (DACL_SECURITY_INFORMATION, wanted)]
    {
        // SAFETY: it is a pointer, and has no constructor.
        let change: ModificationDescriptor = unsafe { std::mem::transmute(pointer) };
        world.filesystem.set_security(&pipe, part, change).unwrap();
        assert_eq!(world.permissions(&pipe), expected);
    }
}
