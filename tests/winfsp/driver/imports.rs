//! The DLL's table of imported functions, and how ours get into it.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::Once;
use std::sync::atomic::Ordering;

use windows_sys::Win32::System::LibraryLoader::LoadLibraryW;
use windows_sys::Win32::System::Memory::{PAGE_READWRITE, VirtualProtect};

use super::hooks::HOOKS;

/// Offsets in an image of 64 bits, all from its beginning or that of a structure (PE format).
const PE_HEADER_AT: usize = 0x3c;
const IMPORTS_IN_PE_HEADER: usize = 24 + 112 + 8;
const DESCRIPTOR_SIZE: usize = 20;
const NAMES_IN_DESCRIPTOR: usize = 0;
const ADDRESSES_IN_DESCRIPTOR: usize = 16;

/// An import that has a number instead of a name.
const IS_NUMBER: u64 = 1 << 63;

/// Replaces the functions, once in this process.
///
/// # Panics
/// The DLL is not there, or does not import all of them.
pub(crate) fn patch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let name: Vec<u16> = "winfsp-x64.dll\0".encode_utf16().collect();
        // SAFETY: the name ends in 0. The DLL is never unloaded.
        let image = unsafe { LoadLibraryW(name.as_ptr()) }.cast::<u8>();
        assert!(!image.is_null(), "there is no winfsp-x64.dll");
        // SAFETY: this is an image that Windows has loaded, so its headers are valid; nobody uses
        // the DLL before this is done, because everybody comes through here.
        let replaced = unsafe { patch_image(image) };
        assert_eq!(replaced, HOOKS.len(), "of these functions the DLL imports only some");
    });
}

/// # Safety
/// `image` is where a DLL of 64 bits was loaded, and no thread runs in it.
unsafe fn patch_image(image: *mut u8) -> usize {
    // SAFETY: the offsets that are read in an image are of its structures.
    let offset = |at: usize| unsafe { image.add(at).cast::<u32>().read() } as usize;
    let mut descriptor = offset(offset(PE_HEADER_AT) + IMPORTS_IN_PE_HEADER);
    let mut replaced = 0;
    while offset(descriptor + ADDRESSES_IN_DESCRIPTOR) != 0 {
        let mut name = offset(descriptor + NAMES_IN_DESCRIPTOR);
        let mut address = offset(descriptor + ADDRESSES_IN_DESCRIPTOR);
        loop {
            // SAFETY: both lists end in 0, and are of the same length.
            let (name_at, slot) = unsafe {
                (image.add(name).cast::<u64>().read(), image.add(address).cast::<*const c_void>())
            };
            if name_at == 0 {
                break;
            }
            if name_at & IS_NUMBER == 0 {
                // SAFETY: a name follows two bytes of a hint, and ends in 0.
                let name =
                    unsafe { CStr::from_ptr(image.add(name_at as usize + 2) as *const c_char) };
                // SAFETY: the slot is that of the function of this name.
                replaced += usize::from(unsafe { replace(name, slot) });
            }
            name += size_of::<u64>();
            address += size_of::<u64>();
        }
        descriptor += DESCRIPTOR_SIZE;
    }
    replaced
}

/// Puts our function in the place of the one with this name, if there is one.
///
/// # Safety
/// The slot is the imported function's, and nobody is calling it.
unsafe fn replace(name: &CStr, slot: *mut *const c_void) -> bool {
    let Some(hook) = HOOKS.iter().find(|hook| hook.name.as_bytes() == name.to_bytes()) else {
        return false;
    };
    let mut protection = 0;
    // SAFETY: the slot is a pointer in the image, and can be written while its page is writable.
    unsafe {
        let size = size_of_val(&*slot);
        assert_ne!(VirtualProtect(slot.cast(), size, PAGE_READWRITE, &mut protection), 0);
        hook.original.store(slot.read().cast_mut(), Ordering::Release);
        slot.write((hook.ours)());
        VirtualProtect(slot.cast(), size, protection, ptr::from_mut(&mut protection));
    }
    true
}
