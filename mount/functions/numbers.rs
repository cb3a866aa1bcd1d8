//! What the numbers in the pipe functions' structures stand for; docs/pipefs.h has names for them.

use pipefs::access::Direction;
use pipefs::settings::{Mode, PipeType};
use pipefs::{EndRole, ReadMode, Whose};

/// What a pipe function's caller is told of an instance, with Windows' numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The server has thrown its client out, and does not listen.
    Disconnected,
    /// It waits for a client.
    Listening,
    /// Both ends are there. So they always are for a shared or broadcast pipe.
    Connected,
    /// The other end has closed.
    Closing,
}

/// What stands in a structure as a number.
pub(crate) trait Numbered: Copy + 'static {
    /// Every value.
    const ALL: &'static [Self];

    /// Its number.
    fn number(self) -> u32;

    /// The value that has this number.
    fn numbered(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.number() == number)
    }
}

impl Numbered for Option<EndRole> {
    const ALL: &'static [Self] =
        &[None, Some(EndRole::Server), Some(EndRole::Client), Some(EndRole::Member)];

    fn number(self) -> u32 {
        match self {
            None => 0,
            Some(EndRole::Server) => 1,
            Some(EndRole::Client) => 2,
            Some(EndRole::Member) => 3,
        }
    }
}

impl Numbered for PipeType {
    const ALL: &'static [Self] = &[Self::Byte, Self::Message];

    fn number(self) -> u32 {
        match self {
            Self::Byte => 0,
            Self::Message => 1,
        }
    }
}

impl Numbered for Mode {
    const ALL: &'static [Self] = &[Self::Instance, Self::Shared, Self::Broadcast];

    fn number(self) -> u32 {
        match self {
            Self::Instance => 0,
            Self::Shared => 1,
            Self::Broadcast => 2,
        }
    }
}

impl Numbered for Option<Direction> {
    const ALL: &'static [Self] =
        &[None, Some(Direction::Outbound), Some(Direction::Inbound), Some(Direction::Duplex)];

    fn number(self) -> u32 {
        match self {
            None => 0,
            Some(Direction::Outbound) => 1,
            Some(Direction::Inbound) => 2,
            Some(Direction::Duplex) => 3,
        }
    }
}

/// Windows has no number for a client that waits for an instance.
impl Numbered for Option<Condition> {
    const ALL: &'static [Self] = &[
        None,
        Some(Condition::Disconnected),
        Some(Condition::Listening),
        Some(Condition::Connected),
        Some(Condition::Closing),
    ];

    fn number(self) -> u32 {
        match self {
            None => 0,
            Some(Condition::Disconnected) => 1,
            Some(Condition::Listening) => 2,
            Some(Condition::Connected) => 3,
            Some(Condition::Closing) => 4,
        }
    }
}

impl Numbered for ReadMode {
    const ALL: &'static [Self] = &[Self::Byte, Self::Message];

    fn number(self) -> u32 {
        match self {
            Self::Byte => 0,
            Self::Message => 1,
        }
    }
}

impl Numbered for Whose {
    const ALL: &'static [Self] = &[Self::Peer, Self::Server, Self::Client];

    fn number(self) -> u32 {
        match self {
            Self::Peer => 0,
            Self::Server => 1,
            Self::Client => 2,
        }
    }
}
