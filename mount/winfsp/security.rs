//! Security descriptors, made of an owner, a group and permission bits, and read as such, in the
//! way in which WinFsp does it for programs from Unix. Entries that do not fit into that are lost.

use std::collections::HashMap;
use std::ffi::c_void;
use std::io;
use std::ptr;
use std::slice;
use std::sync::LazyLock;

use parking_lot::Mutex;
use pipefs::Attributes;
use windows_sys::Win32::Foundation::{
    CloseHandle, HANDLE, NTSTATUS, STATUS_BUFFER_OVERFLOW, STATUS_NOT_SUPPORTED,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GROUP_SECURITY_INFORMATION, GetSecurityDescriptorDacl,
    GetSecurityDescriptorGroup, GetSecurityDescriptorLength, GetSecurityDescriptorOwner,
    GetTokenInformation, InitializeSecurityDescriptor, OWNER_SECURITY_INFORMATION, PSID,
    SECURITY_DESCRIPTOR, SetSecurityDescriptorDacl, SetSecurityDescriptorGroup,
    SetSecurityDescriptorOwner, TOKEN_INFORMATION_CLASS, TOKEN_QUERY, TokenPrimaryGroup, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};
use winfsp::FspError;
use winfsp::filesystem::ModificationDescriptor;
use winfsp_sys::{
    FspPosixMapPermissionsToSecurityDescriptor, FspPosixMapSecurityDescriptorToPermissions,
    FspPosixMapSidToUid,
};

/// Who has a SID that WinFsp knows no number for.
const NOBODY: u32 = 65534;

/// The only one that there is.
const SECURITY_DESCRIPTOR_REVISION: u32 = 1;

/// Room for a token's user or group: a SID has at most 68 bytes, and something points to it.
const TOKEN_WORDS: usize = 32;

/// Owner, group and permission bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Permissions {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
}

impl From<Attributes> for Permissions {
    fn from(Attributes { uid, gid, mode, .. }: Attributes) -> Self {
        Self { uid, gid, mode }
    }
}

/// A security descriptor in one piece, as WinFsp's DLL has made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor(&'static [u8]);

/// Those that were made. They are kept for good: there are few, one for each owner, group and mode.
static MADE: LazyLock<Mutex<HashMap<Permissions, Descriptor>>> = LazyLock::new(Mutex::default);

impl Descriptor {
    /// That of these permissions.
    ///
    /// # Errors
    /// Those of WinFsp.
    pub(crate) fn of(permissions: Permissions) -> Result<Self, FspError> {
        let mut made = MADE.lock();
        if let Some(descriptor) = made.get(&permissions) {
            return Ok(*descriptor);
        }
        let Permissions { uid, gid, mode } = permissions;
        let mut pointer = ptr::null_mut();
        // SAFETY: the DLL writes a pointer to where there is one.
        let status =
            unsafe { FspPosixMapPermissionsToSecurityDescriptor(uid, gid, mode, &raw mut pointer) };
        checked(status)?;
        // SAFETY: it is a valid descriptor in one piece of that length, and is never freed.
        let descriptor = unsafe {
            let bytes = GetSecurityDescriptorLength(pointer);
            Self(slice::from_raw_parts(pointer.cast::<u8>(), bytes as usize))
        };
        made.insert(permissions, descriptor);
        Ok(descriptor)
    }

    /// How long it is.
    pub(crate) fn byte_len(self) -> u64 {
        self.0.len() as u64
    }

    /// Copies it where WinFsp wants it, if it does.
    ///
    /// # Errors
    /// There is no room.
    pub(crate) fn copy_to(self, room: Option<&mut [c_void]>) -> Result<(), FspError> {
        let Some(room) = room else { return Ok(()) };
        if room.len() < self.0.len() {
            return Err(FspError::NTSTATUS(STATUS_BUFFER_OVERFLOW));
        }
        // SAFETY: both have as many bytes, and nobody else writes there.
        unsafe {
            ptr::copy_nonoverlapping(self.0.as_ptr(), room.as_mut_ptr().cast(), self.0.len());
        }
        Ok(())
    }

    /// The permissions in it after a change of the parts that `information` names.
    ///
    /// # Errors
    /// One of the two lacks an owner, a group or a list.
    pub(crate) fn changed(
        self,
        information: u32,
        change: &ModificationDescriptor,
    ) -> Result<Permissions, FspError> {
        let ours = self.0.as_ptr().cast_mut().cast();
        let of_part = |part| if information & part == 0 { ours } else { change.as_mut_ptr() };
        let (mut owner, mut group) = (ptr::null_mut(), ptr::null_mut());
        let mut list = ptr::null_mut();
        let [mut is_default, mut is_there] = [0; 2];
        let mut after = SECURITY_DESCRIPTOR::default();
        let into = (&raw mut after).cast();
        // SAFETY: WinFsp hands over a valid descriptor, and ours is one; what they point to stays
        // until the end of this function; pointers and numbers are written to where there are some.
        let is_done = unsafe {
            let from = of_part(OWNER_SECURITY_INFORMATION);
            GetSecurityDescriptorOwner(from, &raw mut owner, &raw mut is_default) != 0
                && GetSecurityDescriptorGroup(
                    of_part(GROUP_SECURITY_INFORMATION),
                    &raw mut group,
                    &raw mut is_default,
                ) != 0
                && GetSecurityDescriptorDacl(
                    of_part(DACL_SECURITY_INFORMATION),
                    &raw mut is_there,
                    &raw mut list,
                    &raw mut is_default,
                ) != 0
                && InitializeSecurityDescriptor(into, SECURITY_DESCRIPTOR_REVISION) != 0
                && SetSecurityDescriptorOwner(into, owner, 0) != 0
                && SetSecurityDescriptorGroup(into, group, 0) != 0
                && SetSecurityDescriptorDacl(into, is_there, list, 0) != 0
        };
        if is_done { permissions_in(into) } else { Err(io::Error::last_os_error().into()) }
    }
}

/// The permissions in a descriptor that WinFsp has handed over.
///
/// # Errors
/// It lacks an owner, a group or a list.
pub(crate) fn permissions_of(descriptor: &[c_void]) -> Result<Permissions, FspError> {
    permissions_in(descriptor.as_ptr().cast_mut())
}

fn permissions_in(descriptor: *mut c_void) -> Result<Permissions, FspError> {
    if descriptor.is_null() {
        return Err(FspError::NTSTATUS(STATUS_NOT_SUPPORTED));
    }
    let [mut uid, mut gid, mut mode] = [0; 3];
    // SAFETY: it is a valid descriptor; numbers are written to where there are some.
    let status = unsafe {
        FspPosixMapSecurityDescriptorToPermissions(
            descriptor,
            &raw mut uid,
            &raw mut gid,
            &raw mut mode,
        )
    };
    checked(status)?;
    Ok(Permissions { uid, gid, mode: mode & 0o7777 })
}

fn checked(status: NTSTATUS) -> Result<(), FspError> {
    if status < 0 { Err(FspError::NTSTATUS(status)) } else { Ok(()) }
}

/// The numbers of the user and the group of a token.
pub(crate) fn ids_of(token: HANDLE) -> (u32, u32) {
    (id_of(token, TokenUser), id_of(token, TokenPrimaryGroup))
}

/// The numbers of the user and the group that this process runs as.
pub(crate) fn own_ids() -> (u32, u32) {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: a handle is written to where there is one; that of the process is a constant.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return (NOBODY, NOBODY);
    }
    let ids = ids_of(token);
    // SAFETY: it was opened above, and nobody else has it.
    let closed = unsafe { CloseHandle(token) };
    debug_assert_ne!(closed, 0);
    ids
}

/// A user and a group are told in the same form: a pointer to a SID comes first.
fn id_of(token: HANDLE, what: TOKEN_INFORMATION_CLASS) -> u32 {
    let mut words = [0_u64; TOKEN_WORDS];
    let (mut used, room) = (0, size_of_val(&words) as u32);
    let mut id = NOBODY;
    // SAFETY: there are as many bytes as is said, and aligned; a SID that is pointed to lies in
    // them; a number is written to where there is one.
    unsafe {
        let into = words.as_mut_ptr().cast();
        if GetTokenInformation(token, what, into, room, &raw mut used) != 0 {
            let sid = *words.as_ptr().cast::<PSID>();
            if FspPosixMapSidToUid(sid, &raw mut id) < 0 {
                return NOBODY;
            }
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init() {
        winfsp::winfsp_init().unwrap();
    }

    #[test]
    fn permissions_survive_the_way_into_a_descriptor_and_back() {
        init();
        let (uid, gid) = own_ids();
        for mode in [0o600, 0o644, 0o666, 0o755, 0o000] {
            let permissions = Permissions { uid, gid, mode };
            let descriptor = Descriptor::of(permissions).unwrap();
            let mut room = [0_u64; 128];
            // SAFETY: the slice has as many bytes as the words.
            let bytes = unsafe { slice::from_raw_parts_mut(room.as_mut_ptr().cast(), 1024) };
            descriptor.copy_to(Some(bytes)).unwrap();
            assert_eq!(permissions_of(bytes).unwrap(), permissions, "{mode:o}");
        }
    }

    #[test]
    fn a_descriptor_that_has_no_room_is_not_copied() {
        init();
        let descriptor = Descriptor::of(Permissions { uid: 18, gid: 18, mode: 0o600 }).unwrap();
        let mut room = [0_u64; 1];
        // SAFETY: the slice has as many bytes as the word.
        let room = unsafe { slice::from_raw_parts_mut(room.as_mut_ptr().cast(), 8) };
        let refused = descriptor.copy_to(Some(room)).unwrap_err();
        assert_eq!(refused.to_ntstatus(), STATUS_BUFFER_OVERFLOW);
        descriptor.copy_to(None).unwrap();
    }

    #[test]
    fn this_process_has_a_user() {
        init();
        assert_ne!(own_ids().0, NOBODY);
        assert_eq!(ids_of(ptr::null_mut()), (NOBODY, NOBODY));
    }
}
