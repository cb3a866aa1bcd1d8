//! Security descriptors as text.

use std::ptr;
use std::slice;

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Authorization::{
    ConvertSecurityDescriptorToStringSecurityDescriptorW,
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    DACL_SECURITY_INFORMATION, GROUP_SECURITY_INFORMATION, OWNER_SECURITY_INFORMATION,
};

/// The owner, the group and the list of a descriptor.
pub(crate) fn text(descriptor: &[u8]) -> String {
    let which = OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION;
    let (mut text, mut units) = (ptr::null_mut(), 0);
    // SAFETY: Windows checks the descriptor, gives text of so many units, and wants it back.
    unsafe {
        let made = ConvertSecurityDescriptorToStringSecurityDescriptorW(
            descriptor.as_ptr().cast_mut().cast(),
            SDDL_REVISION_1,
            which,
            &mut text,
            &mut units,
        );
        assert_ne!(made, 0, "no descriptor: {descriptor:?}");
        let found = String::from_utf16_lossy(slice::from_raw_parts(text, units as usize));
        LocalFree(text.cast());
        found.trim_end_matches('\0').to_owned()
    }
}

/// The descriptor that a text describes.
pub(crate) fn descriptor(text: &str) -> Vec<u8> {
    let text: Vec<u16> = text.encode_utf16().chain([0]).collect();
    let (mut descriptor, mut bytes) = (ptr::null_mut(), 0);
    // SAFETY: the text ends in 0; Windows gives a descriptor of so many bytes, and wants it back.
    unsafe {
        let made = ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &mut descriptor,
            &mut bytes,
        );
        assert_ne!(made, 0, "the text describes one");
        let found = slice::from_raw_parts(descriptor.cast::<u8>(), bytes as usize).to_vec();
        LocalFree(descriptor);
        found
    }
}
