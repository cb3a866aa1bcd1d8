//! How much memory a mount may use when nobody says: a quarter of what the machine has.

use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};

/// What a quarter is taken of when the machine does not tell its memory.
const UNKNOWN_RAM_BYTES: u64 = 1 << 30;

/// A quarter of RAM, in bytes.
#[must_use]
pub fn default_limit_bytes() -> u64 {
    let mut status =
        MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..Default::default() };
    // SAFETY: the structure says how large it is, and is written to.
    let told = unsafe { GlobalMemoryStatusEx(&raw mut status) } != 0;
    if told { status.ullTotalPhys / 4 } else { UNKNOWN_RAM_BYTES / 4 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_some_memory() {
        assert!(default_limit_bytes() > 1 << 20);
    }
}
