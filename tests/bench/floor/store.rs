//! The floor of opens and closes: a file that gives what was written to it once, and then ends.

use fuser::{ReplyData, ReplyWrite};
use parking_lot::Mutex;

use super::Data;

#[derive(Default)]
pub(super) struct Store(Mutex<Vec<u8>>);

impl Data for Store {
    fn open(&self) -> u64 {
        0
    }

    fn read(&self, _handle: u64, size: usize, reply: ReplyData) {
        let mut stored = self.0.lock();
        let count = stored.len().min(size);
        reply.data(&stored[..count]);
        stored.drain(..count);
    }

    fn write(&self, _handle: u64, data: &[u8], reply: ReplyWrite) {
        self.0.lock().extend_from_slice(data);
        reply.written(data.len() as u32);
    }
}
