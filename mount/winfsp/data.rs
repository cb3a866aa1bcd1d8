//! What moves data, and may wait: reads, writes and flushes.

use bytes::Bytes;
use pipefs::{Answer, Blocking, Data, Error, Now, Ticket};
use windows_sys::Win32::Foundation::{STATUS_END_OF_FILE, STATUS_INSUFFICIENT_RESOURCES};
use winfsp::FspError;

use super::driver::Driver;
use super::opening::{As, Opened};
use super::pending::wait_for;
use super::status::fsp_error;

/// The threads that take requests. A flush keeps one waiting, and nothing else does.
pub(crate) const DISPATCHERS: u32 = 8;

/// Flushes that may wait at once: half of the threads are left for what ends them.
const FLUSHES_AT_ONCE: usize = DISPATCHERS as usize / 2;

/// The largest piece of a write that arrives as a whole, as on Linux.
const MAX_WRITE_BYTES: usize = 1 << 20;

impl Driver {
    /// Reads what is there, or waits for something; how many bytes.
    ///
    /// # Errors
    /// The end of the file, or the engine's.
    pub(crate) async fn read(
        &self,
        opened: &Opened,
        buffer: &mut [u8],
        offset: u64,
    ) -> Result<u32, FspError> {
        let end = match &opened.as_what {
            As::End(end) => end.id,
            As::Stream(stream) => return stream.read(offset, buffer),
            As::Attributes | As::Directory(_) => return Err(fsp_error(Error::BadHandle)),
        };
        let read = |ticket: Ticket, effects: &mut _| {
            self.engine.read(end, buffer.len(), Blocking::Yes, ticket, Now::read(), effects)
        };
        match self.pending.answer(read, Answer::Read).await {
            Answer::Read(data) if data.is_end() => Err(FspError::NTSTATUS(STATUS_END_OF_FILE)),
            Answer::Read(data) => Ok(fill(buffer, data)),
            Answer::Failed(error) => Err(fsp_error(error)),
            other => unreachable!("a read was answered with {other:?}"),
        }
    }

    /// Writes, piece after piece; how many bytes.
    ///
    /// # Errors
    /// Of the first piece; of a stream, the value is refused.
    pub(crate) async fn write(&self, opened: &Opened, data: &[u8]) -> Result<u32, FspError> {
        let end = match &opened.as_what {
            As::End(end) => end.id,
            As::Stream(stream) => {
                self.write_stream(&opened.node, stream, data)?;
                return Ok(data.len() as u32);
            }
            As::Attributes | As::Directory(_) => return Err(fsp_error(Error::BadHandle)),
        };
        let mut written = 0;
        for piece in data.chunks(MAX_WRITE_BYTES) {
            let write = |ticket: Ticket, effects: &mut _| {
                let piece = Bytes::copy_from_slice(piece);
                self.engine.write(end, piece, Blocking::Yes, ticket, Now::read(), effects)
            };
            match self.pending.answer(write, Answer::Written).await {
                Answer::Written(bytes) => written += bytes,
                Answer::Failed(error) if written == 0 => return Err(fsp_error(error)),
                Answer::Failed(_) => break,
                other => unreachable!("a write was answered with {other:?}"),
            }
        }
        Ok(written)
    }

    /// Waits, on this thread, until what was written has been read.
    ///
    /// # Errors
    /// Too many wait already, or the engine's.
    pub(crate) fn flush(&self, opened: &Opened) -> Result<(), FspError> {
        let Some(end) = opened.end() else { return Ok(()) };
        let place = self.place_to_flush(FLUSHES_AT_ONCE);
        let _place = place.ok_or(FspError::NTSTATUS(STATUS_INSUFFICIENT_RESOURCES))?;
        let flush = |ticket: Ticket, effects: &mut _| self.engine.flush(end, ticket, effects);
        match wait_for(self.pending.answer(flush, |()| Answer::Flushed)) {
            Answer::Failed(error) => Err(fsp_error(error)),
            _ => Ok(()),
        }
    }
}

/// Copies what was read; how many bytes.
fn fill(buffer: &mut [u8], data: Data) -> u32 {
    let mut filled = 0;
    for slice in data.into_slices() {
        buffer[filled..filled + slice.len()].copy_from_slice(&slice);
        filled += slice.len();
    }
    filled as u32
}
