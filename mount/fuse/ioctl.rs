//! The pipe functions beside read(2), write(2) and fsync(2), as ioctl(2).
//!
//! The control plane serves them; what waits keeps its reply in the driver. An ioctl is not told
//! of `O_NONBLOCK`: those that may wait have a limit of their own, or wait like a blocking write.

use std::fs;

use fuser::{Errno, ReplyIoctl};
use pipefs::{
    Answer, Arrival, Blocking, Effects, EndId, Error, Ino, Node, Now, Progress, Ticket, Wait,
    Wanted, Who,
};

use super::attributes::process_of;
use super::driver::{Driver, WaitingReply};
use super::errno::fuser_errno;
use super::handle::Handle;
use crate::functions::wire::{self, Call, Function};

/// What an ioctl is made on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    Directory(Ino),
    File(Handle),
}

/// What an ioctl(2) that succeeds returns, and what it writes to the caller's structure.
type Outcome = (i32, Vec<u8>);

impl Driver {
    /// Serves one ioctl.
    pub(crate) fn ioctl(&self, ticket: Ticket, on: Target, call: Call<'_>, reply: ReplyIoctl) {
        let function = match Function::decode(call) {
            None => return reply.error(Errno::ENOTTY),
            Some(None) => return reply.error(Errno::EINVAL),
            Some(Some(function)) => function,
        };
        self.keep_waiting(ticket, WaitingReply::Ioctl(reply));
        let mut effects = Effects::default();
        let outcome = match on {
            Target::Directory(directory) => {
                self.directory_function(directory, function, ticket, &mut effects)
            }
            Target::File(handle) => self.file_function(handle, function, ticket, &mut effects),
        };
        if outcome != Ok(Progress::Waiting)
            && let Some(WaitingReply::Ioctl(reply)) = self.take_waiting(ticket)
        {
            match outcome {
                Ok(Progress::Done((result, out))) => reply.ioctl(result, &out),
                Ok(Progress::Waiting) => {}
                Err(error) => reply.error(fuser_errno(error)),
            }
        }
        self.deliver(&mut effects);
        self.watch_memory();
    }

    fn directory_function(
        &self,
        directory: Ino,
        function: Function<'_>,
        ticket: Ticket,
        effects: &mut Effects,
    ) -> Result<Progress<Outcome>, Error> {
        let Function::Wait { name, wait } = function else { return Err(Error::IsADirectory) };
        match self.engine.lookup(directory, name)? {
            Node::Directory(_) => Err(Error::IsADirectory),
            Node::Pipe(pipe) => {
                let progress = self.engine.wait(&pipe, wait, ticket, effects)?;
                Ok(progress.map(|()| nothing()))
            }
        }
    }

    /// The kernel has not seen to it that the file was opened for what the function does.
    fn file_function(
        &self,
        handle: Handle,
        function: Function<'_>,
        ticket: Ticket,
        effects: &mut Effects,
    ) -> Result<Progress<Outcome>, Error> {
        let Handle { end, reads, writes } = handle;
        let is_allowed = match function {
            Function::Peek { .. } => reads,
            Function::SendEmpty => writes,
            Function::Transact { .. } | Function::Disconnect | Function::SetState(_) => {
                let Wanted { read, write, .. } = self.engine.opened_for(end)?;
                (reads || !read) && (writes || !write)
            }
            Function::Connect(_) | Function::Wait { .. } => true,
            Function::Info | Function::GetState | Function::Peer(_) => true,
        };
        if !is_allowed {
            return Err(Error::BadHandle);
        }
        self.end_function(end, function, ticket, effects)
    }

    fn end_function(
        &self,
        end: EndId,
        function: Function<'_>,
        ticket: Ticket,
        effects: &mut Effects,
    ) -> Result<Progress<Outcome>, Error> {
        let engine = &self.engine;
        let now = Now::read();
        let outcome = match function {
            Function::Connect(wait) => {
                let progress = engine.connect(end, wait, ticket, effects)?;
                return Ok(progress.map(|arrival| match arrival {
                    Arrival::Before => (1, Vec::new()),
                    Arrival::Now => nothing(),
                }));
            }
            Function::Transact { wait: Wait::No, .. } => return Err(Error::Invalid),
            Function::Transact { request, max_bytes, wait } => {
                let progress =
                    engine.transact(end, request, max_bytes, wait, ticket, now, effects)?;
                return Ok(progress.map(|data| (0, wire::transacted(&data))));
            }
            Function::SendEmpty => {
                let progress = engine.send_empty(end, Blocking::Yes, ticket, now, effects)?;
                return Ok(progress.map(|_| nothing()));
            }
            Function::Disconnect => {
                engine.disconnect(end, effects)?;
                nothing()
            }
            Function::SetState(mode) => {
                engine.set_read_mode(end, mode)?;
                nothing()
            }
            Function::Peek { max_bytes } => (0, wire::peeked(&engine.peek_end(end, max_bytes)?)),
            Function::Info => (0, wire::info(&engine.end_info(end)?)),
            Function::GetState => (0, wire::handle_state(&engine.end_info(end)?)),
            Function::Peer(whose) => {
                let who = engine.peer(end, whose)?;
                let who = Who { pid: process_of(who.pid), ..who };
                (0, wire::peer(whose, who, session_of(who.pid), &host()))
            }
            Function::Wait { .. } => return Err(Error::NotADirectory),
        };
        Ok(Progress::Done(outcome))
    }
}

fn nothing() -> Outcome {
    (0, Vec::new())
}

/// Answers an ioctl that has waited.
pub(crate) fn answer(reply: ReplyIoctl, answer: Answer) {
    match answer {
        Answer::Connected | Answer::Listening | Answer::Sent => reply.ioctl(0, &[]),
        Answer::Transacted(data) => reply.ioctl(0, &wire::transacted(&data)),
        Answer::Failed(error) => reply.error(fuser_errno(error)),
        other => unreachable!("{reply:?} was answered with {other:?}"),
    }
}

/// The session of a process; 0 when it has ended. /proc/PID/stat has it too, but to read that may
/// wait for a process that is in execve(2).
fn session_of(process: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let sessions = status.lines().find_map(|line| line.strip_prefix("NSsid:"));
    let here = sessions.and_then(|sessions| sessions.split_whitespace().next());
    here.and_then(|session| session.parse().ok()).unwrap_or(0)
}

/// This machine's name in its network: all ends of a pipe are on one machine.
fn host() -> Vec<u8> {
    let name = fs::read("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim_ascii_end().to_vec()
}
