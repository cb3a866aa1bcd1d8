//! How the pipe functions reach the driver: DeviceIoControl. WinFsp lets none of them wait, so
//! those that may wait ask again and again here.

use std::io::{self, ErrorKind};
use std::os::windows::io::{AsHandle, AsRawHandle};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::ERROR_NO_DATA;
use windows_sys::Win32::System::IO::DeviceIoControl;

use crate::functions::wire;

/// What the functions are called on.
pub use std::os::windows::io::AsHandle as OpenFile;

/// Most bytes of a structure: WinFsp carries 4 KiB, with the result.
pub(crate) const STRUCTURE_MAX: usize = (4 << 10) - RESULT_BYTES;

/// What an answer begins with: what a function returns.
pub const RESULT_BYTES: usize = size_of::<u32>();

/// How often a function that waits asks.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// The kind of device that our control codes name, and where our functions' numbers begin: both
/// are the range that Microsoft leaves to others, and WinFsp passes on no other.
const DEVICE: u32 = 0x80F2;
const FIRST_FUNCTION: u32 = 0x800;

/// The number of a function without a structure.
pub(crate) const fn io(kind: u32, number: u32) -> u32 {
    sized(kind, number, 0)
}

/// The number of a function that fills a structure of this size.
pub(crate) const fn ior(kind: u32, number: u32, size: usize) -> u32 {
    sized(kind, number, size)
}

/// The number of a function that reads one.
pub(crate) const fn iow(kind: u32, number: u32, size: usize) -> u32 {
    sized(kind, number, size)
}

/// The number of a function that does both.
pub(crate) const fn iowr(kind: u32, number: u32, size: usize) -> u32 {
    sized(kind, number, size)
}

const fn sized(kind: u32, number: u32, size: usize) -> u32 {
    (size as u32) << wire::SIZE_SHIFT | kind << 8 | number
}

/// The control code of a function: its number without the size.
#[must_use]
pub const fn code(number: u32) -> u32 {
    DEVICE << 16 | (FIRST_FUNCTION | number & 0xff) << 2
}

/// The function of a control code, with a structure of this size; `None`: it is none of ours.
pub(crate) const fn number(code: u32, kind: u32, size: usize) -> Option<u32> {
    let number = code >> 2 & 0xff;
    if code == self::code(number) { Some(sized(kind, number, size)) } else { None }
}

/// What the functions refuse before the driver hears of them.
pub(crate) mod refusal {
    use std::io::Error;

    use windows_sys::Win32::Foundation::{
        ERROR_FILENAME_EXCED_RANGE, ERROR_INVALID_PARAMETER, ERROR_REVISION_MISMATCH, WIN32_ERROR,
    };

    fn error(number: WIN32_ERROR) -> Error {
        Error::from_raw_os_error(number.cast_signed())
    }

    pub(crate) fn invalid() -> Error {
        error(ERROR_INVALID_PARAMETER)
    }

    pub(crate) fn too_long() -> Error {
        error(ERROR_FILENAME_EXCED_RANGE)
    }

    /// The driver is of another version.
    pub(crate) fn unknown() -> Error {
        error(ERROR_REVISION_MISMATCH)
    }
}

/// Calls a function with a structure of the size that the number says.
pub(crate) fn control(
    file: &(impl AsHandle + ?Sized),
    number: u32,
    structure: &mut [u8],
) -> io::Result<u32> {
    assert_eq!(structure.len(), wire::structure_bytes(number), "the number says how large it is");
    let limit = match number {
        // The limit is the first of both structures. The driver is told not to wait.
        wire::CONNECT | wire::WAIT => {
            let (first, _) = structure.split_first_chunk_mut().expect("it has a limit");
            Some(u32::from_ne_bytes(std::mem::replace(first, 0_u32.to_ne_bytes())))
        }
        wire::SEND_EMPTY => Some(wire::FOREVER),
        _ => None,
    };
    let started = Instant::now();
    loop {
        let outcome = control_once(file, number, structure);
        let is_early = outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        match limit {
            Some(limit) if is_early && limit != 0 => {
                let limit_time = Duration::from_millis(limit.into());
                if limit != wire::FOREVER && started.elapsed() >= limit_time {
                    return Err(ErrorKind::TimedOut.into());
                }
                thread::sleep(ASK_EVERY);
            }
            _ => return outcome,
        }
    }
}

fn control_once(
    file: &(impl AsHandle + ?Sized),
    number: u32,
    structure: &mut [u8],
) -> io::Result<u32> {
    let mut out = vec![0; RESULT_BYTES + structure.len()];
    let fits = |bytes: usize| u32::try_from(bytes).expect("structures are small");
    let mut returned = 0;
    // SAFETY: the handle is open; the structure is read, and the answer gets at most as much as
    // there is room for; both are there until the call returns.
    let done = unsafe {
        DeviceIoControl(
            file.as_handle().as_raw_handle(),
            code(number),
            structure.as_ptr().cast(),
            fits(structure.len()),
            out.as_mut_ptr().cast(),
            fits(out.len()),
            &mut returned,
            ptr::null_mut(),
        )
    };
    if done == 0 {
        let error = io::Error::last_os_error();
        // Of a write it is the end, and of a function that nothing is there yet.
        let is_early = error.raw_os_error() == Some(ERROR_NO_DATA.cast_signed());
        return Err(if is_early { ErrorKind::WouldBlock.into() } else { error });
    }
    let answer = out.get(..returned as usize).and_then(|out| out.split_first_chunk());
    let (result, out) = answer.ok_or_else(refusal::unknown)?;
    let out = out.get(..structure.len().min(out.len())).expect("it is not longer");
    structure[..out.len()].copy_from_slice(out);
    Ok(u32::from_ne_bytes(*result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::PipeFunctions;

    #[test]
    fn control_codes_are_of_the_range_for_others() {
        // Bit 31 of a code and bit 11 of its function; buffered, and any access.
        assert_eq!(code(wire::CONNECT), 0x80F2_2004);
        let of_code = number(code(wire::INFO), wire::TYPE, wire::INFO_BYTES);
        assert_eq!(of_code, Some(wire::INFO));
        assert_eq!(number(0x0009_0028, wire::TYPE, 0), None);
    }

    #[test]
    fn what_is_no_file_of_a_mount_has_no_functions() {
        let file = tempfile::tempfile().unwrap();
        assert!(file.info().is_err());
        let started = Instant::now();
        assert!(file.connect(None).is_err());
        assert!(file.disconnect().is_err());
        let long = file.wait_for("n".repeat(256), None).unwrap_err();
        assert_eq!(long.kind(), ErrorKind::InvalidFilename);
        assert_eq!(file.wait_for("a\0b", None).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(started.elapsed() < Duration::from_secs(5), "none of them has waited");
    }
}
