//! Waiting for the other end: ConnectNamedPipe, DisconnectNamedPipe and WaitNamedPipe.

use crate::effects::{Answer, Effects, Progress, Ticket};
use crate::end::{Connection, EndId, InstanceId, LaneId, Link, Role};
use crate::engine::Engine;
use crate::handle::PipeHandle;
use crate::lane::Lane;
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::settings::Mode;
use crate::state::State;
use crate::waiting::{ParkedWait, Wait};
use crate::{Error, Result};

/// When the client came that a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Before the server asked (Windows: `ERROR_PIPE_CONNECTED`).
    Before,
    /// As soon as it asked.
    Now,
}

impl Engine {
    /// ConnectNamedPipe: waits until the instance of a server's end has a client. After
    /// [`Engine::disconnect`] it listens again first, whether it waits or not. An answer that
    /// comes later is [`crate::Answer::Connected`].
    ///
    /// # Errors
    /// [`Error::WouldBlock`]: nobody is there, and [`Wait::No`]. [`Error::BrokenPipe`]: the client
    /// has left and the server has not disconnected it yet. [`Error::Unsupported`]: the end is no
    /// server's, or the pipe has no instances. [`Error::NotFound`]: the name has gone, nobody can
    /// come. [`Error::BadHandle`], [`Error::Interrupted`].
    pub fn connect(
        &self,
        end: EndId,
        wait: Wait,
        ticket: Ticket,
        effects: &mut Effects,
    ) -> Result<Progress<Arrival>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, None, effects, |pipe, gate, effects| {
            let progress = pipe.connect_server(end, wait, ticket, gate, effects)?;
            if progress == Progress::Waiting {
                self.park(&handle, pipe, end, ticket, wait.deadline(), effects)?;
            }
            Ok(progress)
        })
    }

    /// DisconnectNamedPipe: a server's end throws its client out. What is buffered is discarded
    /// both ways, and no client can come before [`Engine::connect`].
    ///
    /// # Errors
    /// [`Error::NotConnected`]: it is disconnected already. [`Error::Unsupported`]: the end is no
    /// server's, or the pipe has no instances. [`Error::BadHandle`].
    pub fn disconnect(&self, end: EndId, effects: &mut Effects) -> Result<()> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, None, effects, |pipe, gate, effects| {
            pipe.disconnect(end, gate, effects)
        })
    }

    /// WaitNamedPipe: waits until an instance listens, or a shared pipe has a writer, and reserves
    /// nothing. An answer that comes later is [`crate::Answer::Listening`].
    ///
    /// # Errors
    /// [`Error::NotFound`]: the name has gone. [`Error::WouldBlock`], [`Error::Interrupted`].
    pub fn wait(
        &self,
        handle: &PipeHandle,
        wait: Wait,
        ticket: Ticket,
        effects: &mut Effects,
    ) -> Result<Progress<()>> {
        let id = self.new_end();
        self.on_pipe(handle, None, effects, |pipe, _, effects| {
            match (pipe.named, pipe.is_available(), wait) {
                (false, _, _) => return Err(Error::NotFound),
                (true, true, _) => return Ok(Progress::Done(())),
                (true, false, Wait::No) => return Err(Error::WouldBlock),
                (true, false, Wait::Forever | Wait::Until(_)) => {}
            }
            pipe.watchers.push_back(ParkedWait { ticket, end: id });
            self.park(handle, pipe, id, ticket, wait.deadline(), effects)?;
            Ok(Progress::Waiting)
        })
    }
}

impl Pipe {
    /// An instance begins to listen. Mostly it is the only one: no room is kept for more.
    pub(crate) fn listen(&mut self, id: InstanceId) {
        if self.listening.capacity() == 0 {
            self.listening.reserve_exact(1);
        }
        self.listening.push_back(id);
    }

    /// The instance of which this is the server's end.
    fn served_by(&self, end: EndId) -> Result<InstanceId> {
        match &self.ends.get(&end).ok_or(Error::BadHandle)?.link {
            Link::Connected(Connection { role: Role::Server, instance, .. }) => Ok(*instance),
            Link::Connected(_) | Link::Pending(_) | Link::Severed { .. } => Err(Error::Unsupported),
        }
    }

    fn connect_server(
        &mut self,
        end: EndId,
        wait: Wait,
        ticket: Ticket,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<Arrival>> {
        let id = self.served_by(end)?;
        match self.instance_mut(id).state {
            State::Connected => return Ok(Progress::Done(Arrival::Before)),
            State::Abandoned => return Err(Error::BrokenPipe),
            State::Disconnected => {
                self.instance_mut(id).listen_again(gate, effects);
                self.listen(id);
                self.serve_waiting(gate, effects);
            }
            State::Listening => {}
            state @ (State::Lingering | State::Draining | State::Joined) => {
                unreachable!("a server's end is open in state {state:?}")
            }
        }
        if self.instance_mut(id).state == State::Connected {
            return Ok(Progress::Done(Arrival::Now));
        }
        match wait {
            _ if !self.named => Err(Error::NotFound),
            Wait::No => Err(Error::WouldBlock),
            Wait::Forever | Wait::Until(_) => {
                self.instance_mut(id).connects.push_back(ParkedWait { ticket, end });
                Ok(Progress::Waiting)
            }
        }
    }

    fn disconnect(&mut self, end: EndId, gate: &Gate<'_>, effects: &mut Effects) -> Result<()> {
        let id = self.served_by(end)?;
        let before = self.instance_mut(id).state;
        if before == State::Disconnected {
            return Err(Error::NotConnected);
        }
        if before.is_listening() {
            self.listening.retain(|listening| *listening != id);
        }
        let answered = effects.answers.len();
        let client = self.instance_mut(id).disconnect(end, gate, effects);
        if let Some(end) = client.and_then(|client| self.ends.get_mut(&client)) {
            let mut answers = effects.answers[answered..].iter();
            let told = answers.any(|(_, answer)| *answer == Answer::Failed(Error::Reset));
            end.link = Link::Severed { told };
        }
        Ok(())
    }

    /// Whether a client's open would not have to wait.
    pub(crate) fn is_available(&self) -> bool {
        match self.settings.mode {
            Mode::Instance => !self.listening.is_empty(),
            Mode::Shared | Mode::Broadcast => self.instances.iter().any(|conduit| {
                let lane = conduit.lane(LaneId::ToClient);
                lane.has_writers() || !lane.is_empty()
            }),
        }
    }
}

impl Lane {
    /// The server disconnects the client: what is buffered is lost, and who waits fails with what
    /// `why` says of their end.
    pub(crate) fn sever(
        &mut self,
        gate: &Gate<'_>,
        effects: &mut Effects,
        why: impl Fn(EndId, Error) -> Error,
    ) {
        for outlet in self.outlets.iter_mut() {
            for read in outlet.readers.drain(..) {
                effects.fail(read.ticket, why(read.end, Error::Reset));
            }
            outlet.pollers.wake(&mut effects.wakes);
        }
        for write in self.writers.drain(..) {
            effects.fail(write.ticket, why(write.end, Error::BrokenPipe));
        }
        for flush in self.flushes.drain(..) {
            effects.fail(flush.ticket, Error::NotConnected);
        }
        self.writer_pollers.wake(&mut effects.wakes);
        self.discard(gate);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            debug_assert!(self.watchers.is_empty(), "somebody forgotten who waits for a server");
            let links = self.ends.values().map(|end| &end.link);
            let mut opens = links.filter_map(|link| match link {
                Link::Pending(pending) => pending.open,
                Link::Connected(_) | Link::Severed { .. } => None,
            });
            debug_assert_eq!(opens.next(), None, "an open forgotten that waits");
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::namespace::Attributes;
    use crate::settings::Settings;

    #[test]
    #[should_panic(expected = "somebody forgotten")]
    fn a_pipe_does_not_go_while_somebody_waits() {
        let attributes = Attributes::new(0o644, 0, 0, SystemTime::UNIX_EPOCH);
        let mut pipe = Pipe::new(Settings::default(), attributes);
        pipe.watchers.push_back(ParkedWait { ticket: Ticket(1), end: EndId::from_raw(1) });
    }
}
