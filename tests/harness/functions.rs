//! The pipe functions that are reached through ioctl(2), on an open file.

use std::ffi::CStr;
use std::time::Duration;

use pipefs_mount::functions::wire;

use super::calls::ioctl;
use super::errno::Errno;
use super::sys::Fd;

/// `struct pipefs_peek`.
#[derive(Debug, PartialEq, Eq)]
pub struct Peek {
    pub data: Vec<u8>,
    pub total_bytes: u64,
    pub left_bytes: u32,
    pub messages: u32,
}

/// `struct pipefs_info`, but for what is reserved.
#[derive(Debug, PartialEq, Eq)]
pub struct Info {
    pub role: u32,
    pub pipe_type: u32,
    pub mode: u32,
    pub direction: u32,
    pub state: u32,
    pub max_instances: u32,
    pub instances: u32,
    pub capacity_bytes: u64,
    pub readable_bytes: u64,
    pub writable_bytes: u64,
    pub dropped_bytes: u64,
    pub dropped_count: u64,
}

/// `struct pipefs_peer`.
#[derive(Debug, PartialEq, Eq)]
pub struct Peer {
    pub pid: u32,
    pub uid: u32,
    pub gid: u32,
    pub session: u32,
    pub host: String,
}

/// Whose identity PEER is asked for.
pub const OTHER_END: u32 = 0;
pub const SERVER: u32 = 1;
pub const CLIENT: u32 = 2;

fn timeout_ms(limit: Option<Duration>) -> u32 {
    limit.map_or(wire::FOREVER, |limit| limit.as_millis().try_into().expect("a test's limit"))
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// `struct pipefs_transact` with room for `room` bytes of data.
pub fn transact_structure(request: &[u8], room: usize, limit: Option<Duration>) -> Vec<u8> {
    let mut bytes = words(&[request.len() as u32, 0, timeout_ms(limit), 0]);
    bytes.extend(request);
    bytes.resize(wire::TRANSACT_BYTES + room, 0);
    bytes
}

/// `struct pipefs_wait`.
pub fn wait_structure(name: &str, limit: Option<Duration>) -> Vec<u8> {
    let mut bytes = words(&[timeout_ms(limit), 0]);
    bytes.extend(name.as_bytes());
    bytes.resize(wire::WAIT_BYTES, 0);
    bytes
}

impl Fd {
    /// ConnectNamedPipe, waiting for as long as it takes if there is no limit: 0, or 1 if the
    /// client was there already.
    pub fn connect(&self, limit: Option<Duration>) -> Result<i32, Errno> {
        ioctl(self, wire::CONNECT, &mut words(&[timeout_ms(limit)]))
    }

    /// DisconnectNamedPipe.
    pub fn disconnect(&self) -> Result<i32, Errno> {
        ioctl(self, wire::DISCONNECT, &mut [])
    }

    /// PeekNamedPipe, with room for so many bytes.
    pub fn peek(&self, room: usize) -> Result<Peek, Errno> {
        let mut bytes = vec![0; wire::PEEK_BYTES + room];
        ioctl(self, wire::peek(bytes.len()), &mut bytes)?;
        let copied = word(&bytes, 8) as usize;
        Ok(Peek {
            data: bytes[wire::PEEK_BYTES..][..copied].to_vec(),
            total_bytes: long(&bytes, 0),
            left_bytes: word(&bytes, 12),
            messages: word(&bytes, 16),
        })
    }

    /// TransactNamedPipe with room for so many bytes (those of the request if it is longer): the
    /// reply, and how many bytes of it did not fit.
    pub fn transact(
        &self,
        request: &[u8],
        room: usize,
        limit: Option<Duration>,
    ) -> Result<(Vec<u8>, u32), Errno> {
        let mut bytes = transact_structure(request, room.max(request.len()), limit);
        ioctl(self, wire::transact(bytes.len()), &mut bytes)?;
        let length = word(&bytes, 0) as usize;
        Ok((bytes[wire::TRANSACT_BYTES..][..length].to_vec(), word(&bytes, 4)))
    }

    /// GetNamedPipeInfo.
    pub fn info(&self) -> Result<Info, Errno> {
        let mut bytes = [0xEE; wire::INFO_BYTES];
        ioctl(self, wire::INFO, &mut bytes)?;
        assert_eq!(word(&bytes, 28), 0, "what is reserved is 0");
        Ok(Info {
            role: word(&bytes, 0),
            pipe_type: word(&bytes, 4),
            mode: word(&bytes, 8),
            direction: word(&bytes, 12),
            state: word(&bytes, 16),
            max_instances: word(&bytes, 20),
            instances: word(&bytes, 24),
            capacity_bytes: long(&bytes, 32),
            readable_bytes: long(&bytes, 40),
            writable_bytes: long(&bytes, 48),
            dropped_bytes: long(&bytes, 56),
            dropped_count: long(&bytes, 64),
        })
    }

    /// GetNamedPipeHandleState: the read mode (1: messages), and how many instances there are.
    pub fn handle_state(&self) -> Result<(u32, u32), Errno> {
        let mut bytes = [0xEE; wire::STATE_BYTES];
        ioctl(self, wire::GET_STATE, &mut bytes)?;
        Ok((word(&bytes, 0), word(&bytes, 4)))
    }

    /// SetNamedPipeHandleState: the read mode.
    pub fn set_read_mode(&self, mode: u32) -> Result<i32, Errno> {
        ioctl(self, wire::SET_STATE, &mut words(&[mode]))
    }

    /// GetNamedPipeClientProcessId and its relatives.
    pub fn peer(&self, which: u32) -> Result<Peer, Errno> {
        let mut bytes = words(&[which]);
        bytes.resize(wire::PEER_BYTES, 0);
        ioctl(self, wire::PEER, &mut bytes)?;
        assert_eq!((word(&bytes, 0), word(&bytes, 20)), (which, 0));
        let host = CStr::from_bytes_until_nul(&bytes[24..]).expect("the name has an end");
        Ok(Peer {
            pid: word(&bytes, 4),
            uid: word(&bytes, 8),
            gid: word(&bytes, 12),
            session: word(&bytes, 16),
            host: host.to_str().expect("a plain name").to_owned(),
        })
    }

    /// An empty message.
    pub fn send_empty(&self) -> Result<i32, Errno> {
        ioctl(self, wire::SEND_EMPTY, &mut [])
    }

    /// WaitNamedPipe, on an open directory.
    pub fn wait_for(&self, name: &str, limit: Option<Duration>) -> Result<i32, Errno> {
        ioctl(self, wire::WAIT, &mut wait_structure(name, limit))
    }
}
