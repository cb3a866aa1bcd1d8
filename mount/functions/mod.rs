//! The pipe functions beside read, write and fsync, for programs in Rust: what docs/pipefs.h is for
//! C. The structures and numbers are those that the driver itself uses.
//!
//! - `wire` — the structures
//! - `numbers` — what the numbers in them stand for
//! - `serving` — the driver's side of the functions
//!
//! ```no_run
//! use std::fs::OpenOptions;
//! use std::io::{Read, Write};
//! use pipefs_mount::pipe_functions::PipeFunctions;
//!
//! // Opened with "w+" it is a server's end.
//! let mut server = OpenOptions::new().read(true).write(true).truncate(true).open("/pipes/shout")?;
//! server.connect(None)?; // Waits for a client.
//! let mut request = [0; 4096];
//! let length = server.read(&mut request)?;
//! server.write_all(&request[..length].to_ascii_uppercase())?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::ffi::OsStr;
use std::io;
use std::time::Duration;

pub use pipefs::access::Direction;
pub use pipefs::settings::{MESSAGE_MAX_BYTES, Mode, PipeType};
pub use pipefs::{Arrival, EndRole, Peeked, ReadMode, Whose};

pub use self::numbers::Condition;
use self::numbers::Numbered;
use crate::platform::functions::{OpenFile, STRUCTURE_MAX, control, refusal};

pub mod numbers;
pub(crate) mod serving;
pub mod wire;

/// Most bytes that [`PipeFunctions::peek`] copies.
pub const PEEK_MAX_BYTES: usize = STRUCTURE_MAX - wire::PEEK_BYTES;

/// Most bytes that a request and its reply can have in [`PipeFunctions::transact`].
pub const TRANSACT_MAX_BYTES: usize = STRUCTURE_MAX - wire::TRANSACT_BYTES;

/// What a reply had that came to a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The message, or its first part.
    pub data: Vec<u8>,
    /// How many bytes of it did not fit, and wait for the next reads.
    pub left_bytes: u64,
}

/// What an end is and has (GetNamedPipeInfo).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// What the end is; `None`: a client that waits for an instance.
    pub role: Option<EndRole>,
    /// Whether the pipe has messages.
    pub pipe_type: PipeType,
    /// Who shares what.
    pub mode: Mode,
    /// The pipe's directions; `None`: not decided yet.
    pub direction: Option<Direction>,
    /// How its instance is; `None`: it is a client that waits for one.
    pub condition: Option<Condition>,
    /// Most instances that the pipe may have; `None`: unlimited.
    pub max_instances: Option<u32>,
    /// Instances that it has.
    pub instances: u32,
    /// Bytes that each direction holds before writers wait.
    pub capacity_bytes: u64,
    /// Bytes that wait to be read from this end.
    pub readable_bytes: u64,
    /// Bytes by which what this end wrote is below the capacity.
    pub writable_bytes: u64,
    /// Bytes that `overflow` took from this end's reading.
    pub dropped_bytes: u64,
    /// How many messages or writes that was.
    pub dropped_count: u64,
}

/// What can be done with an end without waiting.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// There is something to read, or the end of it.
    pub input: bool,
    /// There is room to write.
    pub room: bool,
}

/// Who opened an end (GetNamedPipeClientProcessId and its relatives).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The process; if the thread that opened has ended, that thread.
    pub pid: u32,
    /// Its user when it opened.
    pub uid: u32,
    /// Its group when it opened.
    pub gid: u32,
    /// The process's session id; 0 when it has ended.
    pub session: u32,
    /// This machine's name: all ends are on one machine.
    pub host: Vec<u8>,
}

/// The pipe functions of an open file on a mount. Those that wait do so whether the file has
/// `O_NONBLOCK` or not, at most for `limit`; without one for as long as it takes.
///
/// # Errors
/// All of them fail with `ENOTTY` if it is no file of a mount, with `EISDIR` if it is a directory,
/// with `EINTR` if a signal comes while they wait, with `ESHUTDOWN` if the driver ends.
pub trait PipeFunctions: OpenFile {
    /// ConnectNamedPipe: waits until this server's end has a client. After [`Self::disconnect`] it
    /// listens again first, also with a limit of zero.
    ///
    /// # Errors
    /// `EAGAIN`: nobody is there and the limit is zero; `ETIMEDOUT`; `EPIPE`: the client has left
    /// and is not disconnected yet; `ENOENT`: the name is removed; `ENOTCONN`: the instance was
    /// disconnected meanwhile; `EOPNOTSUPP`: not a server's end.
    fn connect(&self, limit: Option<Duration>) -> io::Result<Arrival> {
        let result = control(self, wire::CONNECT, &mut words(&[milliseconds(limit)]))?;
        Ok(if result == 0 { Arrival::Now } else { Arrival::Before })
    }

    /// DisconnectNamedPipe: throws the client of this server's end out. What is buffered is lost
    /// both ways, and no client can come until the next [`Self::connect`].
    ///
    /// # Errors
    /// `ENOTCONN`: it is disconnected already; `EOPNOTSUPP`: not a server's end.
    fn disconnect(&self) -> io::Result<()> {
        control(self, wire::DISCONNECT, &mut []).map(drop)
    }

    /// PeekNamedPipe: up to so many bytes of what the next read gets, and how much there is.
    /// Nothing is taken. It copies at most [`PEEK_MAX_BYTES`].
    ///
    /// # Errors
    /// `EBADFD`: a server without a client; `EPIPE`: the other end has closed and everything is
    /// read; `ENOTCONN`: the server has disconnected this client; `EAGAIN`: a client that has no
    /// instance yet, `ENOENT` if the name is removed; `EBADF`: not open for reading.
    fn peek(&self, max_bytes: usize) -> io::Result<Peeked> {
        let mut out = vec![0; wire::PEEK_BYTES + max_bytes.min(PEEK_MAX_BYTES)];
        control(self, wire::peek(out.len()), &mut out)?;
        let data = out.split_off(wire::PEEK_BYTES);
        let mut head = Reader(&out);
        let total_bytes = head.long();
        let copied = head.word() as usize;
        let (left_bytes, messages) = (head.word().into(), head.word() as usize);
        Ok(Peeked { data: data[..copied].to_vec(), total_bytes, left_bytes, messages })
    }

    /// TransactNamedPipe: sends one message and takes the next one that comes, up to so many bytes
    /// of it. Request and reply have at most [`TRANSACT_MAX_BYTES`]; longer ones can be written and
    /// read. The data of a reply is empty also if the other end closes without one.
    ///
    /// # Errors
    /// `EBADFD`: not a connected duplex end of a message pipe, or it reads bytes; `EBUSY`:
    /// something can be read already; `ENOTCONN`: a client without an instance, or a disconnected
    /// one; `ECONNRESET`: disconnected while it waited; `ETIMEDOUT`; `EINVAL`: the request is too
    /// long, or the limit zero.
    fn transact(
        &self,
        request: &[u8],
        max_bytes: usize,
        limit: Option<Duration>,
    ) -> io::Result<Reply> {
        if request.len() > TRANSACT_MAX_BYTES {
            return Err(refusal::invalid());
        }
        let room = max_bytes.min(TRANSACT_MAX_BYTES).max(request.len());
        let mut structure = words(&[request.len() as u32, 0, milliseconds(limit), 0]);
        structure.extend(request);
        structure.resize(wire::TRANSACT_BYTES + room, 0);
        control(self, wire::transact(structure.len()), &mut structure)?;
        let mut data = structure.split_off(wire::TRANSACT_BYTES);
        let mut head = Reader(&structure);
        data.truncate(head.word() as usize);
        Ok(Reply { data, left_bytes: head.word().into() })
    }

    /// GetNamedPipeInfo: what this end is and has.
    ///
    /// # Errors
    /// Those of all functions; `EPROTO` here and below: the driver is of another version.
    fn info(&self) -> io::Result<Info> {
        let mut out = [0; wire::INFO_BYTES];
        control(self, wire::INFO, &mut out)?;
        let mut reader = Reader(&out);
        let info = Info {
            role: reader.value()?,
            pipe_type: reader.value()?,
            mode: reader.value()?,
            direction: reader.value()?,
            condition: reader.value()?,
            max_instances: Some(reader.word()).filter(|most| *most != 0),
            instances: (reader.word(), reader.word()).0,
            capacity_bytes: reader.long(),
            readable_bytes: reader.long(),
            writable_bytes: reader.long(),
            dropped_bytes: reader.long(),
            dropped_count: reader.long(),
        };
        Ok(info)
    }

    /// GetNamedPipeHandleState: how this end reads. [`Self::info`] has the rest.
    ///
    /// # Errors
    /// Those of all functions.
    fn read_mode(&self) -> io::Result<ReadMode> {
        let mut out = [0; wire::STATE_BYTES];
        control(self, wire::GET_STATE, &mut out)?;
        Reader(&out).value()
    }

    /// SetNamedPipeHandleState: how this end reads from now on.
    ///
    /// # Errors
    /// `EINVAL`: a byte pipe has no messages.
    fn set_read_mode(&self, mode: ReadMode) -> io::Result<()> {
        control(self, wire::SET_STATE, &mut words(&[mode.number()])).map(drop)
    }

    /// GetNamedPipeClientProcessId and its relatives: who opened an end of this end's instance;
    /// still known when it has gone.
    ///
    /// # Errors
    /// `ESRCH`: no client has come, or it was disconnected; `ENOTCONN`: the server has disconnected
    /// this client; `EOPNOTSUPP`: a shared or broadcast pipe.
    fn peer(&self, whose: Whose) -> io::Result<Peer> {
        let mut structure = words(&[whose.number()]);
        structure.resize(wire::PEER_BYTES, 0);
        control(self, wire::PEER, &mut structure)?;
        let mut reader = Reader(&structure[4..]);
        let [pid, uid, gid, session, _] = [(); 5].map(|()| reader.word());
        let host = reader.0.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Peer { pid, uid, gid, session, host: host.to_vec() })
    }

    /// Writes an empty message, which a write of no bytes does not; waits for room as a write does
    /// without `O_NONBLOCK`. Its reader reads 0 bytes, as at the end of file.
    ///
    /// # Errors
    /// `EINVAL`: a byte pipe has no messages; and those of write(2).
    fn send_empty(&self) -> io::Result<()> {
        control(self, wire::SEND_EMPTY, &mut []).map(drop)
    }

    /// WaitNamedPipe, on an open directory: waits until an instance of the pipe of this name in it
    /// listens, of a shared or broadcast pipe until it has a writer or data. It takes nothing: an
    /// open may still find that somebody was faster.
    ///
    /// # Errors
    /// `EAGAIN`: nothing listens and the limit is zero; `ETIMEDOUT`; `ENOENT`: there is no such
    /// name, or it was removed meanwhile; `ENOTDIR`: this is a pipe, or `EISDIR`: that is a
    /// directory; `EINVAL`: the name is no name in a directory; `ENAMETOOLONG`.
    fn wait_for(&self, name: impl AsRef<OsStr>, limit: Option<Duration>) -> io::Result<()> {
        let name = name.as_ref().as_encoded_bytes();
        if name.contains(&0) {
            return Err(refusal::invalid());
        }
        let mut structure = words(&[milliseconds(limit), 0]);
        structure.extend(name);
        if structure.len() >= wire::WAIT_BYTES {
            return Err(refusal::too_long());
        }
        structure.resize(wire::WAIT_BYTES, 0);
        control(self, wire::WAIT, &mut structure).map(drop)
    }
}

impl<T: OpenFile + ?Sized> PipeFunctions for T {}

/// A limit as structures have it: less than a millisecond is not zero yet, and what does not fit
/// is seven weeks.
fn milliseconds(limit: Option<Duration>) -> u32 {
    limit.map_or(wire::FOREVER, |limit| {
        let rounded_up = limit.as_nanos().div_ceil(1_000_000);
        rounded_up.try_into().unwrap_or(u32::MAX).min(wire::FOREVER - 1)
    })
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// A structure's fields, from its first to its last.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.0.split_first_chunk().expect("the structure has the field");
        self.0 = rest;
        *field
    }

    fn word(&mut self) -> u32 {
        u32::from_ne_bytes(self.take())
    }

    fn long(&mut self) -> u64 {
        u64::from_ne_bytes(self.take())
    }

    fn value<T: Numbered>(&mut self) -> io::Result<T> {
        T::numbered(self.word()).ok_or_else(refusal::unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rounded_up() {
        assert_eq!(milliseconds(None), wire::FOREVER);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_millis(5000))), 5000);
        assert_eq!(milliseconds(Some(Duration::MAX)), wire::FOREVER - 1);
    }
}
