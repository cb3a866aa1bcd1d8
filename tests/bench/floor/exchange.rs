//! The floor of round trips: two opens are a pair, and what one of them writes the other reads. A
//! read that finds nothing is parked, and the other's write answers it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use fuser::{ReplyData, ReplyWrite};
use parking_lot::Mutex;

use super::Data;

#[derive(Default)]
pub(super) struct Exchange {
    opened: AtomicU64,
    /// What waits for a handle: data, or the handle's own read.
    waiting: Mutex<HashMap<u64, Waiting>>,
}

enum Waiting {
    Data(Vec<u8>),
    Read(ReplyData),
}

impl Data for Exchange {
    fn open(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed)
    }

    fn read(&self, handle: u64, _size: usize, reply: ReplyData) {
        let mut waiting = self.waiting.lock();
        match waiting.remove(&handle) {
            Some(Waiting::Data(data)) => {
                drop(waiting);
                reply.data(&data);
            }
            _ => drop(waiting.insert(handle, Waiting::Read(reply))),
        }
    }

    /// The writer is answered first, as pipefs does it.
    fn write(&self, handle: u64, data: &[u8], reply: ReplyWrite) {
        let other = handle ^ 1;
        let mut waiting = self.waiting.lock();
        let parked = match waiting.remove(&other) {
            Some(Waiting::Read(parked)) => Some(parked),
            Some(Waiting::Data(mut before)) => {
                before.extend_from_slice(data);
                waiting.insert(other, Waiting::Data(before));
                None
            }
            None => {
                waiting.insert(other, Waiting::Data(data.to_vec()));
                None
            }
        };
        drop(waiting);
        reply.written(data.len() as u32);
        if let Some(parked) = parked {
            parked.data(data);
        }
    }
}
