//! The floor of throughput: writes are discarded, reads get as many zeroes as they ask for.

use fuser::{ReplyData, ReplyWrite};

use super::{Data, MAX_WRITE};

static ZEROES: [u8; MAX_WRITE] = [0; MAX_WRITE];

pub(super) struct Discard;

impl Data for Discard {
    fn open(&self) -> u64 {
        0
    }

    fn read(&self, _handle: u64, size: usize, reply: ReplyData) {
        reply.data(&ZEROES[..MAX_WRITE.min(size)]);
    }

    fn write(&self, _handle: u64, data: &[u8], reply: ReplyWrite) {
        reply.written(data.len() as u32);
    }
}
