//! How the pipe functions reach the driver: ioctl(2).

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::functions::wire;

/// What the functions are called on.
pub use std::os::fd::AsFd as OpenFile;

/// Most bytes of a structure: its size is part of its function's number, and has 14 bits there.
pub(crate) const STRUCTURE_MAX: usize = wire::SIZE_MAX;

/// The number of a function without a structure.
pub(crate) const fn io(kind: u32, number: u32) -> u32 {
    libc::_IO(kind, number) as u32
}

/// The number of a function that fills a structure of this size.
pub(crate) const fn ior(kind: u32, number: u32, size: usize) -> u32 {
    sized(libc::_IOR::<()>(kind, number) as u32, size)
}

/// The number of a function that reads one.
pub(crate) const fn iow(kind: u32, number: u32, size: usize) -> u32 {
    sized(libc::_IOW::<()>(kind, number) as u32, size)
}

/// The number of a function that does both.
pub(crate) const fn iowr(kind: u32, number: u32, size: usize) -> u32 {
    sized(libc::_IOWR::<()>(kind, number) as u32, size)
}

const fn sized(number: u32, size: usize) -> u32 {
    number | (size as u32) << wire::SIZE_SHIFT
}

/// What the functions refuse before the driver hears of them.
pub(crate) mod refusal {
    use std::io::Error;

    pub(crate) fn invalid() -> Error {
        Error::from_raw_os_error(libc::EINVAL)
    }

    pub(crate) fn too_long() -> Error {
        Error::from_raw_os_error(libc::ENAMETOOLONG)
    }

    /// The driver is of another version.
    pub(crate) fn unknown() -> Error {
        Error::from_raw_os_error(libc::EPROTO)
    }
}

/// ioctl(2) with a structure of the size that the number says.
pub(crate) fn control(
    file: &(impl AsFd + ?Sized),
    number: u32,
    structure: &mut [u8],
) -> io::Result<libc::c_int> {
    assert_eq!(structure.len(), wire::structure_bytes(number), "the number says how large it is");
    let file = file.as_fd().as_raw_fd();
    // SAFETY: the kernel reads and writes as many bytes as the number says, and these are there.
    let result = unsafe { libc::ioctl(file, number.into(), structure.as_mut_ptr()) };
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{PipeFunctions, TRANSACT_MAX_BYTES};

    #[test]
    fn what_is_no_file_of_a_mount_has_no_functions() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let refused = |result: io::Result<()>| result.unwrap_err().raw_os_error();
        assert_eq!(refused(file.connect(None).map(drop)), Some(libc::ENOTTY));
        assert_eq!(refused(file.wait_for("p", None)), Some(libc::ENOTTY));
        assert_eq!(refused(file.wait_for("a\0b", None)), Some(libc::EINVAL));
        assert_eq!(refused(file.wait_for("n".repeat(256), None)), Some(libc::ENAMETOOLONG));
        let request = vec![0; TRANSACT_MAX_BYTES + 1];
        assert_eq!(refused(file.transact(&request, 0, None).map(drop)), Some(libc::EINVAL));
    }
}
