//! What is sent otherwise than by a write: TransactNamedPipe's request, and empty messages.

use bytes::Bytes;

use crate::effects::{Effects, Progress, Ticket};
use crate::end::{Connection, EndId, Link, ReadMode};
use crate::engine::{Engine, Now};
use crate::pipe::Pipe;
use crate::queue::Data;
use crate::quota::Gate;
use crate::settings::{MESSAGE_MAX_BYTES, PipeType};
use crate::state::State;
use crate::waiting::{Blocking, ParkedRead, ParkedWrite, Takes, Wait, Waits};
use crate::{Error, Result};

impl Engine {
    /// TransactNamedPipe: sends one message (which may be empty) and reads the next one that
    /// comes, up to `max_bytes` of it; [`Data::left_bytes`] tells what did not fit. Sending never
    /// waits for room. A cancelled transaction leaves its request in the pipe. An answer that
    /// comes later is [`crate::Answer::Transacted`].
    ///
    /// # Errors
    /// Nothing was sent if it is refused: [`Error::BadState`]: not a connected duplex end of a
    /// message pipe that reads messages. [`Error::Busy`]: unread data waits for the caller.
    /// [`Error::MessageTooLong`], [`Error::NotConnected`], [`Error::BadHandle`]; [`Error::Full`]:
    /// memory is used up.
    /// [`Error::WouldBlock`]: with [`Wait::No`]. Later: [`Error::TimedOut`],
    /// [`Error::Interrupted`]; an empty answer if the peer closes without one.
    #[expect(clippy::too_many_arguments, reason = "a request, a reply, and what every call has")]
    pub fn transact(
        &self,
        end: EndId,
        request: Bytes,
        max_bytes: usize,
        wait: Wait,
        ticket: Ticket,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Progress<Data>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, Some(now.wall), effects, |pipe, gate, effects| {
            if wait == Wait::No {
                return Err(Error::WouldBlock);
            }
            let reply = ParkedRead { ticket, end, max_bytes, takes: Takes::Reply };
            let progress = pipe.transact(reply, request, gate, effects)?;
            pipe.attributes.modified = now.wall;
            if progress == Progress::Waiting {
                self.park(&handle, pipe, end, ticket, wait.deadline(), effects)?;
            }
            Ok(progress)
        })
    }

    /// Writes an empty message, which write(2) cannot. Its reader reads 0 bytes, as at the end of
    /// file. An answer that comes later is [`crate::Answer::Sent`].
    ///
    /// # Errors
    /// [`Error::Invalid`]: a byte pipe has no messages. Else those of [`Engine::write`].
    pub fn send_empty(
        &self,
        end: EndId,
        blocking: Blocking,
        ticket: Ticket,
        now: Now,
        effects: &mut Effects,
    ) -> Result<Progress<u32>> {
        let handle = self.handle(end)?;
        self.on_pipe(&handle, Some(now.wall), effects, |pipe, gate, effects| {
            if pipe.settings.pipe_type == PipeType::Byte {
                return Err(Error::Invalid);
            }
            let limits = pipe.limits(gate);
            let (data, owner) = (Bytes::new(), pipe.owner(end));
            let write = ParkedWrite { ticket, end, data, owner, sends_empty: true };
            let progress = pipe.write_now(end, write, blocking.into(), limits, effects)?;
            match &progress {
                Progress::Done(_) => pipe.attributes.modified = now.wall,
                Progress::Waiting => self.park(&handle, pipe, end, ticket, None, effects)?,
            }
            Ok(progress)
        })
    }
}

impl Pipe {
    fn transact(
        &mut self,
        reply: ParkedRead,
        request: Bytes,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<Data>> {
        let limits = self.limits(gate);
        let end = self.ends.get(&reply.end).ok_or(Error::BadHandle)?;
        let owner = end.owner.clone();
        let reads_messages = end.read_mode == ReadMode::Message;
        if !reads_messages || self.settings.pipe_type != PipeType::Message {
            return Err(Error::BadState);
        }
        let (id, reads, writes) = match &end.link {
            Link::Connected(Connection { instance, reads, writes, .. }) => {
                let reads = reads.filter(|_| end.wanted.read);
                (*instance, reads, writes.filter(|_| end.wanted.write))
            }
            Link::Pending(_) | Link::Severed { .. } => return Err(Error::NotConnected),
        };
        let instance = self.instance_mut(id);
        let (Some(reads), Some(writes), State::Connected) = (reads, writes, instance.state) else {
            return Err(Error::BadState);
        };
        if instance.lane(reads.lane).offers(reply.end) {
            return Err(Error::Busy);
        }
        if request.len() > MESSAGE_MAX_BYTES {
            return Err(Error::MessageTooLong);
        }
        let lane = instance.lane_mut(writes.lane);
        if !lane.has_memory_for(&owner, limits) {
            // A caller who gave up again and again would fill all memory with requests.
            return Err(Error::Full);
        }
        // What waits to be written before it keeps its place.
        while lane.admit_next(limits, effects) {}
        lane.accept_message(request, &owner, limits, effects);
        instance.lane_mut(reads.lane).read(reply, Waits::Yes, limits, effects)
    }
}
