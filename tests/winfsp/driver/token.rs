//! Who asks: this process, as the token that the driver makes of it for each request.

use std::process;
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};
use windows_sys::Win32::Security::{
    DuplicateTokenEx, SecurityImpersonation, TOKEN_ALL_ACCESS, TokenImpersonation,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// A token that rights can be checked with.
#[derive(Debug)]
pub(crate) struct Token(HANDLE);

// SAFETY: handles are the process's, and it is closed once.
unsafe impl Send for Token {}
// SAFETY: nothing but its number is looked at.
unsafe impl Sync for Token {}

impl Token {
    /// This process's.
    pub(crate) fn of_this_process() -> Self {
        let (mut primary, mut token) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: each gets a place for a handle, and the first handle is closed when it was used.
        unsafe {
            assert_ne!(OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &mut primary), 0);
            let made = DuplicateTokenEx(
                primary,
                TOKEN_ALL_ACCESS,
                ptr::null(),
                SecurityImpersonation,
                TokenImpersonation,
                &mut token,
            );
            CloseHandle(primary);
            assert_ne!(made, 0, "a token can be had: {}", super::hooks::last_error());
        }
        Self(token)
    }

    /// As requests have it: the number of the process in the upper half.
    pub(crate) fn in_requests(&self) -> u64 {
        let handle = u32::try_from(self.0 as usize).expect("handles have 32 bits");
        u64::from(process::id()) << 32 | u64::from(handle)
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody has it any more.
        unsafe { CloseHandle(self.0) };
    }
}
