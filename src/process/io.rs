//! Ends as [`std::io::Read`] and [`std::io::Write`], errors as [`std::io::Error`].

use std::io;

use crate::Error;

use super::end::PipeEnd;

/// Most that one write to a byte pipe takes: 1 MiB, what one request has on a mount, so that a
/// lane exceeds its capacity by no more than it does there. [`io::Write::write_all`] goes on.
const WRITE_MAX_BYTES: usize = 1 << 20;

/// A read returns what is there, 0 at the end of file.
impl<Role> io::Read for PipeEnd<Role> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        io::Read::read(&mut &*self, buffer)
    }
}

impl<Role> io::Read for &PipeEnd<Role> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut free = buffer;
        let data = self.read_data(free.len())?;
        for slice in data.iter() {
            let (first, rest) = free.split_at_mut(slice.len());
            first.copy_from_slice(slice);
            free = rest;
        }
        Ok(data.byte_len())
    }
}

/// A write is taken as a whole, up to 1 MiB of it on a byte pipe. A flush does nothing: what was
/// written is with the other end already. [`PipeEnd::drain`] waits until it is read.
impl<Role> io::Write for PipeEnd<Role> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut &*self, data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<Role> io::Write for &PipeEnd<Role> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let taken = match data.len() {
            0 => return Ok(0),
            all if self.carries_bytes() => &data[..all.min(WRITE_MAX_BYTES)],
            _ => data,
        };
        Ok(self.write_data(taken)? as usize)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The nearest kind; the error itself is inside ([`io::Error::get_ref`]).
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::NotFound => io::ErrorKind::NotFound,
            Error::Exists => io::ErrorKind::AlreadyExists,
            Error::NotADirectory => io::ErrorKind::NotADirectory,
            Error::IsADirectory => io::ErrorKind::IsADirectory,
            Error::NotEmpty => io::ErrorKind::DirectoryNotEmpty,
            Error::NameTooLong => io::ErrorKind::InvalidFilename,
            Error::Invalid | Error::MessageTooLong => io::ErrorKind::InvalidInput,
            Error::AccessDenied | Error::BadHandle | Error::NotPermitted => {
                io::ErrorKind::PermissionDenied
            }
            Error::Busy => io::ErrorKind::ResourceBusy,
            Error::WouldBlock => io::ErrorKind::WouldBlock,
            Error::BrokenPipe => io::ErrorKind::BrokenPipe,
            Error::NotConnected | Error::NoReader | Error::NobodyThere => {
                io::ErrorKind::NotConnected
            }
            Error::Reset => io::ErrorKind::ConnectionReset,
            Error::Unsupported => io::ErrorKind::Unsupported,
            Error::Full | Error::TooManyNames => io::ErrorKind::StorageFull,
            Error::TimedOut => io::ErrorKind::TimedOut,
            Error::Interrupted => io::ErrorKind::Interrupted,
            Error::BadState | Error::ShutDown | Error::GivenUp => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
