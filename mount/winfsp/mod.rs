//! The WinFsp adapter: a pipefs on a drive or a directory of Windows.

use std::io;

use winfsp_sys::FspVersion;

/// A version of WinFsp's DLL, which is that of the driver it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Changes when programs have to be built anew.
    pub major: u16,
    /// Counts releases.
    pub minor: u16,
}

impl Version {
    /// That of the DLL that is there.
    ///
    /// # Errors
    /// WinFsp is not installed.
    pub fn installed() -> io::Result<Self> {
        winfsp::winfsp_init().map_err(io::Error::other)?;
        let mut version = 0;
        // SAFETY: the DLL was loaded, and it writes one number to where one is.
        let status = unsafe { FspVersion(&raw mut version) };
        if status < 0 {
            return Err(io::Error::other(format!("WinFsp tells no version: {status:#010x}")));
        }
        let [low, high] = [version & 0xffff, version >> 16];
        let part = |number: u32| u16::try_from(number).expect("it has 16 bits");
        Ok(Self { major: part(high), minor: part(low) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dll_is_one_that_the_bindings_are_for() {
        let version = Version::installed().unwrap();
        assert_eq!(version.major, 2, "{version:?}");
    }
}
