//! What the pipe functions beside reading, writing and flushing do to the model.

use std::time::Instant;

use pipefs::settings::{MESSAGE_MAX_BYTES, PipeType};
use pipefs::{Blocking, Error, ReadMode, State};

use super::lane::{Lane, Takes};
use super::moving::Outcome;
use super::state::{Given, Model, NOBODY, Place, Waiting, Way, Wish};
use super::writing::Sends;

/// How long a function waits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    AtOnce,
    Forever,
    Until(Instant),
}

impl Limit {
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Until(at) => Some(at),
            Self::AtOnce | Self::Forever => None,
        }
    }

    /// What is given instead of waiting.
    fn otherwise(self) -> Option<Given> {
        matches!(self, Self::AtOnce).then_some(Given::Failed(Error::WouldBlock))
    }
}

impl Model {
    /// The instance of which the end is the server's.
    pub(crate) fn served_by(&self, end: usize) -> Result<usize, Error> {
        match self.ends[end].place {
            _ if !self.is_open(end) => Err(Error::BadHandle),
            Place::Server(number) => Ok(number),
            _ => Err(Error::Unsupported),
        }
    }

    /// ConnectNamedPipe.
    pub(crate) fn connect(
        &mut self,
        ticket: u64,
        end: usize,
        limit: Limit,
        order: &[u64],
    ) -> Outcome {
        let number = match self.served_by(end) {
            Ok(number) => number,
            Err(error) => return Outcome::failed(error),
        };
        if self.conduit(number).is_disconnected {
            self.conduit_mut(number).is_disconnected = false;
            self.listens_so_far += 1;
            self.conduit_mut(number).listens_since = self.listens_so_far;
        }
        let (deadline, otherwise) = (limit.deadline(), limit.otherwise());
        self.begin(ticket, end, Wish::Connect, deadline, otherwise, order)
    }

    /// DisconnectNamedPipe.
    pub(crate) fn disconnect(&mut self, end: usize, order: &[u64]) -> Result<(), Error> {
        let number = self.served_by(end)?;
        if self.conduit(number).is_disconnected {
            return Err(Error::NotConnected);
        }
        let mode = self.settings(self.ends[end].pipe).mode;
        self.discard((number, Way::Out));
        self.discard((number, Way::Back));
        let conduit = self.conduit_mut(number);
        (conduit.out, conduit.back) = (Lane::new(mode), Lane::new(mode));
        (conduit.is_disconnected, conduit.client) = (true, None);

        let client = self.ends.iter().position(|end| end.place == Place::Client(number));
        let mut failures = Vec::new();
        let mut told = false;
        for waiting in &self.waiting {
            let error = match waiting.wish {
                _ if waiting.end == end => Error::NotConnected,
                _ if Some(waiting.end) != client => continue,
                Wish::Read { .. } => Error::Reset,
                Wish::Write { .. } => Error::BrokenPipe,
                _ => Error::NotConnected,
            };
            told |= error == Error::Reset;
            failures.push((waiting.ticket, error));
        }
        if let Some(client) = client {
            self.ends[client].place = Place::Severed { told };
        }
        self.fail_each(failures, order);
        Ok(())
    }

    /// WaitNamedPipe.
    pub(crate) fn watch(
        &mut self,
        ticket: u64,
        pipe: usize,
        limit: Limit,
        order: &[u64],
    ) -> Outcome {
        let (deadline, otherwise) = (limit.deadline(), limit.otherwise());
        self.begin(ticket, NOBODY, Wish::Watch { pipe }, deadline, otherwise, order)
    }

    /// TransactNamedPipe.
    pub(crate) fn transact(
        &mut self,
        ticket: u64,
        end: usize,
        request: Vec<u8>,
        max_bytes: usize,
        limit: Limit,
        order: &[u64],
    ) -> Outcome {
        if let Err(error) = self.may_transact(end, request.len(), limit) {
            return Outcome::failed(error);
        }
        let lane = self.writes_to(end);
        let before = self.waiting.iter().map(|w| w.is_write() && self.writes_to(w.end) == lane);
        let before: Vec<bool> = before.collect();
        for (waiting, _) in self.waiting.iter_mut().zip(before).filter(|(_, is_before)| *is_before)
        {
            if let Wish::Write { is_forced, .. } = &mut waiting.wish {
                *is_forced = true;
            }
        }
        let sends = Sends::Message(request);
        let request = Wish::Write { sends, is_forced: true, is_answered: false };
        self.waiting.push(Waiting { ticket, end, wish: request, deadline: None });
        let reply = Wish::Read { max_bytes, takes: Takes::Reply, continues: false };
        self.begin(ticket, end, reply, limit.deadline(), None, order)
    }

    fn may_transact(&self, end: usize, bytes: usize, limit: Limit) -> Result<(), Error> {
        if !self.is_open(end) {
            return Err(Error::BadHandle);
        }
        if matches!(limit, Limit::AtOnce) {
            return Err(Error::WouldBlock);
        }
        let known = &self.ends[end];
        let is_message_pipe = self.settings(known.pipe).pipe_type == PipeType::Message;
        if !is_message_pipe || known.read_mode == ReadMode::Byte {
            return Err(Error::BadState);
        }
        let number = match known.place {
            Place::Server(number) | Place::Client(number) => number,
            Place::Member(_) => return Err(Error::BadState),
            _ => return Err(Error::NotConnected),
        };
        let both = known.wanted.read && known.wanted.write;
        let (Some(reads), Some(writes)) = (self.reads_from(end), self.writes_to(end)) else {
            return Err(Error::BadState);
        };
        if !both || self.state(self.conduit(number)) != State::Connected {
            return Err(Error::BadState);
        }
        if self.is_offered(reads, end) {
            return Err(Error::Busy);
        }
        if bytes > MESSAGE_MAX_BYTES {
            return Err(Error::MessageTooLong);
        }
        if self.has_memory_for(writes) { Ok(()) } else { Err(Error::Full) }
    }

    /// An empty message.
    pub(crate) fn send_empty(
        &mut self,
        ticket: u64,
        end: usize,
        blocking: Blocking,
        order: &[u64],
    ) -> Outcome {
        if self.is_open(end) && self.settings(self.ends[end].pipe).pipe_type == PipeType::Byte {
            return Outcome::failed(Error::Invalid);
        }
        self.write(ticket, end, Sends::Message(Vec::new()), blocking, order)
    }

    /// SetNamedPipeHandleState.
    pub(crate) fn set_read_mode(&mut self, end: usize, mode: ReadMode) -> Result<(), Error> {
        if !self.is_open(end) {
            return Err(Error::BadHandle);
        }
        let pipe_type = self.settings(self.ends[end].pipe).pipe_type;
        if (pipe_type, mode) == (PipeType::Byte, ReadMode::Message) {
            return Err(Error::Invalid);
        }
        self.ends[end].read_mode = mode;
        Ok(())
    }
}
