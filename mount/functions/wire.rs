//! The pipe functions as ioctl(2) carries them, and DeviceIoControl: numbers and structures, as
//! docs/pipefs.h has them for callers. Fields have fixed widths and no gaps, so callers of 32 bits
//! need no translation.
//!
//! The size of its structure is part of a function's number, and Linux copies that many bytes in,
//! out, or both, and no others. So a structure with data has one number for each size.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use pipefs::{Data, EndInfo, Peeked, ReadMode, State, Wait, Who, Whose};

use super::numbers::{Condition, Numbered};
use crate::platform::functions::{io, ior, iow, iowr};

/// The byte that all our numbers have in common.
pub(crate) const TYPE: u32 = 0xF2;

/// `timeout_ms` of a wait without an end (`PIPEFS_FOREVER`).
pub const FOREVER: u32 = u32::MAX;

/// Bytes of a structure that is one number.
const WORD_BYTES: usize = 4;

/// Bytes of `struct pipefs_peek` before its data.
pub const PEEK_BYTES: usize = 24;

/// Bytes of `struct pipefs_transact` before its data.
pub const TRANSACT_BYTES: usize = 16;

/// Bytes of `struct pipefs_info`.
pub const INFO_BYTES: usize = 72;

/// Bytes of `struct pipefs_handle_state`.
pub const STATE_BYTES: usize = 8;

/// Bytes of `struct pipefs_peer`, and of the name of a machine in it.
pub const PEER_BYTES: usize = 24 + HOST_BYTES;
const HOST_BYTES: usize = 72;

/// Bytes of `struct pipefs_wait`, and of the name of a pipe in it.
pub const WAIT_BYTES: usize = 8 + NAME_BYTES;
const NAME_BYTES: usize = 256;

/// ConnectNamedPipe.
pub const CONNECT: u32 = iow(TYPE, 1, WORD_BYTES);
/// DisconnectNamedPipe.
pub const DISCONNECT: u32 = io(TYPE, 2);
/// PeekNamedPipe, less the size.
const PEEK: u32 = ior(TYPE, 3, 0);
/// TransactNamedPipe, less the size.
const TRANSACT: u32 = iowr(TYPE, 4, 0);
/// GetNamedPipeInfo.
pub const INFO: u32 = ior(TYPE, 5, INFO_BYTES);
/// GetNamedPipeHandleState.
pub const GET_STATE: u32 = ior(TYPE, 6, STATE_BYTES);
/// SetNamedPipeHandleState.
pub const SET_STATE: u32 = iow(TYPE, 7, WORD_BYTES);
/// GetNamedPipeClientProcessId and its relatives.
pub const PEER: u32 = iowr(TYPE, 8, PEER_BYTES);
/// An empty message, which write(2) cannot send.
pub const SEND_EMPTY: u32 = io(TYPE, 9);
/// WaitNamedPipe.
pub const WAIT: u32 = iow(TYPE, 10, WAIT_BYTES);

/// Where a number holds the size of its structure, and the largest size.
pub(crate) const SIZE_SHIFT: u32 = 16;
pub(crate) const SIZE_MAX: usize = (1 << 14) - 1;

/// PeekNamedPipe with a structure of this size, data included.
#[must_use]
pub const fn peek(size: usize) -> u32 {
    PEEK | (size as u32) << SIZE_SHIFT
}

/// TransactNamedPipe with a structure of this size, data included.
#[must_use]
pub const fn transact(size: usize) -> u32 {
    TRANSACT | (size as u32) << SIZE_SHIFT
}

/// The size of a function's structure.
pub(crate) const fn structure_bytes(number: u32) -> usize {
    (number >> SIZE_SHIFT) as usize & SIZE_MAX
}

/// One ioctl(2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) command: u32,
    /// What the caller passed in.
    pub(crate) argument: &'a [u8],
    /// How much the caller takes back.
    pub(crate) out_bytes: usize,
}

/// What a caller asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Function<'a> {
    Connect(Wait),
    Disconnect,
    Peek { max_bytes: usize },
    Transact { request: Bytes, max_bytes: usize, wait: Wait },
    Info,
    GetState,
    SetState(ReadMode),
    Peer(Whose),
    SendEmpty,
    Wait { name: &'a [u8], wait: Wait },
}

impl<'a> Function<'a> {
    /// The function that a call is for. `None`: there is none of this number, whatever its size.
    /// `Some(None)`: its size is wrong, or what the structure says.
    pub(crate) fn decode(call: Call<'a>) -> Option<Option<Self>> {
        let Call { command, argument, out_bytes } = call;
        let word = |at| Some(u32::from_ne_bytes(argument.get(at..at + 4)?.try_into().ok()?));
        let function = match command {
            DISCONNECT => Some(Self::Disconnect),
            SEND_EMPTY => Some(Self::SendEmpty),
            INFO => Some(Self::Info),
            GET_STATE => Some(Self::GetState),
            CONNECT => word(0).map(|timeout_ms| Self::Connect(wait(timeout_ms))),
            SET_STATE => word(0).and_then(ReadMode::numbered).map(Self::SetState),
            PEER => {
                word(0).filter(|_| word(20) == Some(0)).and_then(Whose::numbered).map(Self::Peer)
            }
            WAIT => word(0).filter(|_| word(4) == Some(0)).and_then(|timeout_ms| {
                let name = CStr::from_bytes_until_nul(argument.get(8..)?).ok()?;
                Some(Self::Wait { name: name.to_bytes(), wait: wait(timeout_ms) })
            }),
            _ if command == peek(out_bytes) => {
                out_bytes.checked_sub(PEEK_BYTES).map(|max_bytes| Self::Peek { max_bytes })
            }
            _ if command == transact(argument.len()) => Self::decode_transact(argument),
            _ if has_function(command) => None,
            _ => return None,
        };
        Some(function)
    }

    fn decode_transact(argument: &[u8]) -> Option<Self> {
        let (head, data) = argument.split_at_checked(TRANSACT_BYTES)?;
        let word = |at| Some(u32::from_ne_bytes(head.get(at..at + 4)?.try_into().ok()?));
        let request = data.get(..word(0)? as usize)?;
        let is_plain = (word(4), word(12)) == (Some(0), Some(0));
        is_plain.then_some(Self::Transact {
            request: Bytes::copy_from_slice(request),
            max_bytes: data.len(),
            wait: wait(word(8)?),
        })
    }
}

/// Whether a number is a function's but for size and direction.
fn has_function(command: u32) -> bool {
    let is_same = |ours: u32| ours as u16 == command as u16;
    [CONNECT, DISCONNECT, PEEK, TRANSACT, INFO, GET_STATE, SET_STATE, PEER, SEND_EMPTY, WAIT]
        .into_iter()
        .any(is_same)
}

fn wait(timeout_ms: u32) -> Wait {
    match timeout_ms {
        0 => Wait::No,
        FOREVER => Wait::Forever,
        _ => Wait::Until(Instant::now() + Duration::from_millis(timeout_ms.into())),
    }
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn saturated<T: TryInto<u32>>(number: T) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

/// `struct pipefs_peek`.
pub(crate) fn peeked(peeked: &Peeked) -> Vec<u8> {
    let mut out = peeked.total_bytes.to_ne_bytes().to_vec();
    let left = saturated(peeked.left_bytes);
    out.extend(words(&[saturated(peeked.data.len()), left, saturated(peeked.messages), 0]));
    out.extend(&peeked.data);
    out
}

/// `struct pipefs_transact`, with the reply.
pub(crate) fn transacted(data: &Data) -> Vec<u8> {
    let mut out = words(&[saturated(data.byte_len()), saturated(data.left_bytes()), 0, 0]);
    data.iter().for_each(|slice| out.extend_from_slice(slice));
    out
}

/// `struct pipefs_info`.
pub(crate) fn info(info: &EndInfo) -> Vec<u8> {
    let settings = &info.settings;
    let condition = match info.state {
        None if info.is_severed => Some(Condition::Disconnected),
        None => None,
        Some(State::Disconnected) => Some(Condition::Disconnected),
        Some(State::Listening | State::Lingering) => Some(Condition::Listening),
        Some(State::Connected | State::Joined) => Some(Condition::Connected),
        Some(State::Draining | State::Abandoned) => Some(Condition::Closing),
    };
    let most = settings.max_instances.map_or(0, u32::from);
    let instances = saturated(info.instances);
    let mut out = words(&[
        info.role.number(),
        settings.pipe_type.number(),
        settings.mode.number(),
        info.direction.number(),
        condition.number(),
        most,
        instances,
        0,
    ]);
    for number in [
        settings.capacity_bytes,
        info.readable_bytes,
        info.writable_bytes,
        info.traffic.dropped_bytes,
        info.traffic.dropped_count,
    ] {
        out.extend(number.to_ne_bytes());
    }
    out
}

/// `struct pipefs_handle_state`.
pub(crate) fn handle_state(info: &EndInfo) -> Vec<u8> {
    words(&[info.read_mode.number(), saturated(info.instances)])
}

/// `struct pipefs_peer`. A longer name of the machine is cut.
pub(crate) fn peer(whose: Whose, who: Who, session: u32, host: &[u8]) -> Vec<u8> {
    let mut out = words(&[whose.number(), who.pid, who.uid, who.gid, session, 0]);
    out.extend(host.iter().take(HOST_BYTES - 1));
    out.resize(PEER_BYTES, 0);
    out
}
