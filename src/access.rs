//! Who becomes server and who client: the one table that decides an open.

use crate::settings::Access;
use crate::{Error, Result};

/// What an open asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// `O_RDONLY` or `O_RDWR`.
    pub read: bool,
    /// `O_WRONLY` or `O_RDWR`.
    pub write: bool,
    /// `O_TRUNC`: with both directions it asks for a server (`w+`).
    pub truncate: bool,
    /// `O_APPEND`: with both directions it asks for a client (`a+`).
    pub append: bool,
}

impl Wanted {
    /// `O_RDONLY`.
    pub const READ: Self = Self { read: true, write: false, truncate: false, append: false };
    /// `O_WRONLY`.
    pub const WRITE: Self = Self { read: false, write: true, truncate: false, append: false };
    /// `O_RDWR`.
    pub const BOTH: Self = Self { read: true, write: true, truncate: false, append: false };
    /// `O_RDWR|O_TRUNC`.
    pub const SERVE_BOTH: Self = Self { truncate: true, ..Self::BOTH };
    /// `O_RDWR|O_APPEND`.
    pub const CONNECT_BOTH: Self = Self { append: true, ..Self::BOTH };
}

/// The directions that a pipe has once its access is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Server to client.
    Outbound,
    /// Client to server.
    Inbound,
    /// Both.
    Duplex,
}

impl Direction {
    /// Whether there is a lane from server to client.
    pub(crate) fn has_to_client(self) -> bool {
        matches!(self, Self::Outbound | Self::Duplex)
    }

    /// Whether there is a lane from client to server.
    pub(crate) fn has_to_server(self) -> bool {
        matches!(self, Self::Inbound | Self::Duplex)
    }

    /// Whether a client can do here what its open asked for.
    pub(crate) fn suits_client(self, wanted: Wanted) -> bool {
        (self.has_to_client() || !wanted.read) && (self.has_to_server() || !wanted.write)
    }
}

/// What an open makes of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It creates an instance with these directions.
    Serve(Direction),
    /// It connects to an instance, or waits for one.
    Connect,
}

/// The direction that is in force: the setting's, or what the first server decided.
pub(crate) fn in_force(access: Access, decided: Option<Direction>) -> Option<Direction> {
    match access {
        Access::Auto => decided,
        Access::Outbound => Some(Direction::Outbound),
        Access::Inbound => Some(Direction::Inbound),
        Access::Duplex => Some(Direction::Duplex),
    }
}

/// Decides one open of an `instance` pipe. `listening` tells whether an instance waits for a
/// client now.
///
/// # Errors
/// [`Error::AccessDenied`]: the pipe has not both directions. [`Error::Invalid`]: the open asks
/// for neither.
pub(crate) fn decide(
    in_force: Option<Direction>,
    wanted: Wanted,
    listening: bool,
) -> Result<Decision> {
    use Decision::{Connect, Serve};
    use Direction::{Duplex, Inbound, Outbound};
    let connects = wanted.append && !wanted.truncate;
    match (in_force, wanted.read, wanted.write) {
        (_, false, false) => Err(Error::Invalid),
        (None | Some(Duplex), true, true) if connects => Ok(Connect),
        (None | Some(Outbound), false, true) => Ok(Serve(Outbound)),
        (None, true, true) => Ok(Serve(Duplex)),
        (None | Some(Outbound | Duplex), true, false) => Ok(Connect),
        (Some(Inbound), true, false) => Ok(Serve(Inbound)),
        (Some(Inbound | Duplex), false, true) => Ok(Connect),
        (Some(Outbound | Inbound), true, true) => Err(Error::AccessDenied),
        (Some(Duplex), true, true) if listening && !wanted.truncate => Ok(Connect),
        (Some(Duplex), true, true) => Ok(Serve(Duplex)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_roles() {
        use Decision::{Connect, Serve};
        use Direction::{Duplex, Inbound, Outbound};
        let denied = Err(Error::AccessDenied);
        let rows = [
            (Wanted::CONNECT_BOTH, [denied, denied, Ok(Connect), Ok(Connect)]),
            (Wanted::WRITE, [Ok(Serve(Outbound)), Ok(Connect), Ok(Connect), Ok(Serve(Outbound))]),
            (Wanted::READ, [Ok(Connect), Ok(Serve(Inbound)), Ok(Connect), Ok(Connect)]),
            (Wanted::BOTH, [denied, denied, Ok(Serve(Duplex)), Ok(Serve(Duplex))]),
            (Wanted::SERVE_BOTH, [denied, denied, Ok(Serve(Duplex)), Ok(Serve(Duplex))]),
        ];
        for (wanted, row) in rows {
            let columns = [Some(Outbound), Some(Inbound), Some(Duplex), None];
            for (direction, expected) in columns.into_iter().zip(row) {
                assert_eq!(decide(direction, wanted, false), expected, "{direction:?} {wanted:?}");
            }
        }
        assert_eq!(decide(Some(Duplex), Wanted::BOTH, true), Ok(Connect));
        assert_eq!(decide(Some(Duplex), Wanted::SERVE_BOTH, true), Ok(Serve(Duplex)));
        assert_eq!(decide(None, Wanted::default(), false), Err(Error::Invalid));
    }
}
