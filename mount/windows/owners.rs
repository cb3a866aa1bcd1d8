//! Who is meant: whose a file is and who may use it, by its security descriptor; and processes.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::slice;

use serde_json::{Map, Value};
use windows_sys::Win32::Foundation::{ERROR_SUCCESS, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW, ConvertSidToStringSidW,
    GetNamedSecurityInfoW, SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, LookupAccountSidW, OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR,
    PSID, SID_NAME_USE,
};

use super::pipe_file::Metadata;
use crate::view;

/// Longest name of an account or a domain, with a 0 at its end (`DNLEN` and `UNLEN` are 256).
const NAME_UNITS: usize = 257;

/// What a file's security descriptor says.
#[derive(Debug)]
pub struct Descriptor {
    /// `DOMAIN\NAME`, or the number of an account that has no name here.
    owner: String,
    /// The access control list as icacls and PowerShell write it (SDDL).
    access: String,
}

impl Descriptor {
    /// That of a file or directory.
    ///
    /// # Errors
    /// It may not be read, or the file is gone.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let which = OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
        let (mut owner, mut descriptor) = (ptr::null_mut(), ptr::null_mut());
        let name = wide(path.as_os_str());
        // SAFETY: the name ends in 0; there is a place for what is asked for. The owner points into
        // the descriptor, which is freed below.
        let status = unsafe {
            GetNamedSecurityInfoW(
                name.as_ptr(),
                SE_FILE_OBJECT,
                which,
                &mut owner,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
                &mut descriptor,
            )
        };
        if status != ERROR_SUCCESS {
            return Err(io::Error::from_raw_os_error(status.cast_signed()));
        }
        let descriptor = Local(descriptor);
        let found = Self { owner: account(owner)?, access: list(descriptor.0)? };
        Ok(found)
    }
}

/// Memory that Windows has allocated for us.
struct Local(*mut std::ffi::c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from Windows, to be freed like this, and nobody uses it any more.
        unsafe { LocalFree(self.0) };
    }
}

/// Text that Windows has allocated for us.
fn taken(text: *mut u16) -> String {
    let memory = Local(text.cast());
    // SAFETY: it ends in 0 and can be read up to there.
    let units = unsafe {
        let length = (0..).take_while(|&at| text.add(at).read() != 0).count();
        slice::from_raw_parts(text, length)
    };
    let found = String::from_utf16_lossy(units);
    drop(memory);
    found
}

fn account(sid: PSID) -> io::Result<String> {
    let (mut name, mut domain) = ([0; NAME_UNITS], [0; NAME_UNITS]);
    let (mut name_units, mut domain_units) = (NAME_UNITS as u32, NAME_UNITS as u32);
    let mut kind: SID_NAME_USE = 0;
    // SAFETY: the number of the account is in a descriptor that is still there, and the names get
    // at most as much as there is room for.
    let found = unsafe {
        LookupAccountSidW(
            ptr::null(),
            sid,
            name.as_mut_ptr(),
            &mut name_units,
            domain.as_mut_ptr(),
            &mut domain_units,
            &mut kind,
        )
    };
    if found != 0 {
        let text = |units: &[u16], count: u32| String::from_utf16_lossy(&units[..count as usize]);
        let (domain, name) = (text(&domain, domain_units), text(&name, name_units));
        return Ok(if domain.is_empty() { name } else { format!(r"{domain}\{name}") });
    }
    let mut text = ptr::null_mut();
    // SAFETY: as above; there is a place for the text, which is freed when it was taken.
    match unsafe { ConvertSidToStringSidW(sid, &mut text) } {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(taken(text)),
    }
}

fn list(descriptor: PSECURITY_DESCRIPTOR) -> io::Result<String> {
    let mut text = ptr::null_mut();
    // SAFETY: the descriptor is still there; there is a place for the text, which is freed when it
    // was taken.
    let made = unsafe {
        ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor,
            SDDL_REVISION_1,
            DACL_SECURITY_INFORMATION,
            &mut text,
            ptr::null_mut(),
        )
    };
    if made == 0 { Err(io::Error::last_os_error()) } else { Ok(taken(text)) }
}

/// Text as Windows takes it, with a 0 at its end.
pub(super) fn wide(text: &OsStr) -> Vec<u16> {
    text.encode_wide().chain([0]).collect()
}

/// Names that were looked up.
#[derive(Debug, Default)]
pub struct Owners {
    /// The last of them, as long as it is lent.
    shown: String,
}

impl Owners {
    /// The owner of a file.
    #[must_use]
    pub fn of(&mut self, metadata: &Metadata) -> String {
        view::name(metadata.descriptor.owner.as_bytes())
    }

    /// The user that a file belongs to.
    #[must_use]
    pub fn user_of(&mut self, metadata: &Metadata) -> &str {
        self.shown = self.of(metadata);
        &self.shown
    }

    /// Who holds an end, of which this is the state.
    #[must_use]
    pub fn holder(&mut self, end: &Value) -> String {
        format!("pid {}", end["pid"].as_u64().unwrap_or(0))
    }

    /// The user of an account of the mount's memory.
    #[must_use]
    pub fn account(&mut self, account: &Value) -> String {
        account["uid"].to_string()
    }
}

/// The access control list of a file.
#[must_use]
pub fn permissions(metadata: &Metadata) -> String {
    view::name(metadata.descriptor.access.as_bytes())
}

/// Adds the owner and the access control list of a file to what JSON says of it.
pub fn add_to(object: &mut Map<String, Value>, metadata: &Metadata) {
    object.insert("owner".into(), metadata.descriptor.owner.as_str().into());
    object.insert("permissions".into(), metadata.descriptor.access.as_str().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_an_owner_and_a_list() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let descriptor = Descriptor::of(file.path()).unwrap();
        assert!(!descriptor.owner.is_empty(), "{descriptor:?}");
        assert!(descriptor.access.starts_with("D:"), "{descriptor:?}");
        let missing = Descriptor::of(Path::new(r"C:\no such file")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
