//! What an end can learn without moving data: PeekNamedPipe, GetNamedPipeInfo, the handle's state,
//! and who is at the other end.

use crate::access::{Direction, Wanted, in_force};
use crate::end::{Connection, EndId, Link, ReadMode, Role, Who};
use crate::engine::Engine;
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::report::EndRole;
use crate::settings::{PipeType, Settings};
use crate::state::State;
use crate::traffic::Traffic;
use crate::{Error, Result};

/// What a look at an end's buffered data found; nothing is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peeked {
    /// A copy of the first bytes; of a message pipe, of the first message.
    pub data: Vec<u8>,
    /// All buffered bytes.
    pub total_bytes: u64,
    /// What follows the copy in the first message, in bytes; 0 of a byte pipe.
    pub left_bytes: u64,
    /// All buffered messages; 0 of a byte pipe.
    pub messages: usize,
}

/// What GetNamedPipeInfo and its relatives tell of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndInfo {
    /// What the end is; `None`: a client that waits for an instance.
    pub role: Option<EndRole>,
    /// The pipe's settings.
    pub settings: Settings,
    /// The pipe's directions; `None`: not decided yet.
    pub direction: Option<Direction>,
    /// The state of its instance; `None` of a client that waits, or was disconnected.
    pub state: Option<State>,
    /// Whether its server has disconnected it.
    pub is_severed: bool,
    /// How it reads.
    pub read_mode: ReadMode,
    /// Instances that the pipe has now, those that a client still drains left out.
    pub instances: usize,
    /// Bytes that wait to be read from this end.
    pub readable_bytes: u64,
    /// Bytes by which what this end wrote is below the capacity.
    pub writable_bytes: u64,
    /// What the readers there got, and what was dropped before they did; of a broadcast pipe,
    /// this reader.
    pub traffic: Traffic,
}

/// Whose identity is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The other end's.
    Peer,
    /// The server's.
    Server,
    /// The client's.
    Client,
}

impl Engine {
    /// PeekNamedPipe: a copy of up to `max_bytes` of what the next read of this end would get, and
    /// how much there is. Never waits, takes nothing, and follows the pipe's type, not the end's
    /// read mode.
    ///
    /// # Errors
    /// [`Error::BadState`]: a server without a client. [`Error::BrokenPipe`]: the other end has
    /// closed and all is read. [`Error::NotConnected`]: the server has disconnected this client.
    /// [`Error::WouldBlock`]: no instance yet. [`Error::BadHandle`]: the end does not read.
    pub fn peek_end(&self, end: EndId, max_bytes: usize) -> Result<Peeked> {
        self.handle(end)?.lock().peek_end(end, max_bytes)
    }

    /// GetNamedPipeInfo, GetNamedPipeHandleState: what the end is and has.
    ///
    /// # Errors
    /// [`Error::BadHandle`]: there is no such end.
    pub fn end_info(&self, end: EndId) -> Result<EndInfo> {
        let gate = Gate::new(&self.quota);
        self.handle(end)?.lock().end_info(end, &gate)
    }

    /// What the open that made the end asked for.
    ///
    /// # Errors
    /// [`Error::BadHandle`]: there is no such end.
    pub fn opened_for(&self, end: EndId) -> Result<Wanted> {
        let handle = self.handle(end)?;
        let pipe = handle.lock();
        pipe.ends.get(&end).map(|end| end.wanted).ok_or(Error::BadHandle)
    }

    /// SetNamedPipeHandleState: how the end reads from now on. Reads that wait are not changed.
    ///
    /// # Errors
    /// [`Error::Invalid`]: a byte pipe has no messages. [`Error::BadHandle`].
    pub fn set_read_mode(&self, end: EndId, mode: ReadMode) -> Result<()> {
        let handle = self.handle(end)?;
        let mut pipe = handle.lock();
        if (mode, pipe.settings.pipe_type) == (ReadMode::Message, PipeType::Byte) {
            return Err(Error::Invalid);
        }
        pipe.ends.get_mut(&end).ok_or(Error::BadHandle)?.read_mode = mode;
        Ok(())
    }

    /// GetNamedPipeClientProcessId and its relatives: the process at an end of this end's
    /// instance, also when it has gone.
    ///
    /// # Errors
    /// [`Error::NobodyThere`]: no client has come, or it was disconnected.
    /// [`Error::NotConnected`]: the server has disconnected this client. [`Error::Unsupported`]:
    /// the pipe has no instances. [`Error::BadHandle`].
    pub fn peer(&self, end: EndId, whose: Whose) -> Result<Who> {
        self.handle(end)?.lock().peer(end, whose)
    }
}

impl Pipe {
    fn peek_end(&self, id: EndId, max_bytes: usize) -> Result<Peeked> {
        let end = self.ends.get(&id).ok_or(Error::BadHandle)?;
        let connection = match &end.link {
            _ if !end.wanted.read => return Err(Error::BadHandle),
            Link::Pending(pending) if pending.orphaned => return Err(Error::NotFound),
            Link::Pending(_) => return Err(Error::WouldBlock),
            Link::Severed { .. } => return Err(Error::NotConnected),
            Link::Connected(connection) => connection,
        };
        let side = connection.reads.ok_or(Error::BadHandle)?;
        let instance = &self.instances[connection.instance];
        if matches!(instance.state, State::Listening | State::Disconnected) {
            return Err(Error::BadState);
        }
        let lane = instance.lane(side.lane);
        let outlet = lane.outlets.of(id);
        if outlet.queue.is_empty() && lane.reader_ready(id, side.peers_from).hangup {
            return Err(Error::BrokenPipe);
        }
        Ok(outlet.peeked(max_bytes, self.settings))
    }

    fn end_info(&self, id: EndId, gate: &Gate<'_>) -> Result<EndInfo> {
        let end = self.ends.get(&id).ok_or(Error::BadHandle)?;
        let read_mode = match self.settings.pipe_type {
            PipeType::Byte => ReadMode::Byte,
            PipeType::Message => end.read_mode,
        };
        let mut info = EndInfo {
            role: None,
            settings: self.settings,
            direction: in_force(self.settings.access, self.decided),
            state: None,
            is_severed: matches!(end.link, Link::Severed { .. }),
            read_mode,
            instances: self.instances.iter().filter(|i| i.state.is_counted()).count(),
            readable_bytes: 0,
            writable_bytes: 0,
            traffic: Traffic::default(),
        };
        match &end.link {
            Link::Pending(_) => {}
            Link::Severed { .. } => info.role = Some(EndRole::Client),
            Link::Connected(Connection { instance, role, reads, writes }) => {
                let instance = &self.instances[*instance];
                info.role = Some((*role).into());
                info.state = Some(instance.state);
                if let Some(side) = reads.filter(|_| end.wanted.read) {
                    let outlet = instance.lane(side.lane).outlets.of(id);
                    info.readable_bytes = outlet.queue.byte_len();
                    info.traffic = outlet.traffic();
                }
                if let Some(side) = writes.filter(|_| end.wanted.write) {
                    info.writable_bytes = instance.lane(side.lane).room_bytes(self.limits(gate));
                }
            }
        }
        Ok(info)
    }

    fn peer(&self, id: EndId, whose: Whose) -> Result<Who> {
        let (instance, role) = match &self.ends.get(&id).ok_or(Error::BadHandle)?.link {
            Link::Pending(_) => return Err(Error::NobodyThere),
            Link::Severed { .. } => return Err(Error::NotConnected),
            Link::Connected(Connection { instance, role, .. }) => {
                (&self.instances[*instance], role)
            }
        };
        match (whose, role) {
            (_, Role::Member) => Err(Error::Unsupported),
            (Whose::Server, _) | (Whose::Peer, Role::Client) => Ok(instance.server),
            (Whose::Client, _) | (Whose::Peer, Role::Server) => {
                instance.client.ok_or(Error::NobodyThere)
            }
        }
    }
}

impl From<Role> for EndRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Server => Self::Server,
            Role::Client => Self::Client,
            Role::Member => Self::Member,
        }
    }
}
