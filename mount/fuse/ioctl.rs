//! The pipe functions beside read(2), write(2) and fsync(2), as ioctl(2).
//!
//! The control plane serves them; what waits keeps its reply in the driver. An ioctl is not told
//! of `O_NONBLOCK`: those that may wait have a limit of their own, or wait like a blocking write.

use std::fs;

use fuser::{Errno, ReplyIoctl};
use pipefs::{Answer, Effects, Error, Ino, Progress, Ticket, Wanted, Who};

use super::attributes::process_of;
use super::driver::{Driver, WaitingReply};
use super::errno::fuser_errno;
use super::handle::Handle;
use crate::functions::serving::{self, Described, Outcome};
use crate::functions::wire::{self, Call, Function};

/// What an ioctl is made on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    Directory(Ino),
    File(Handle),
}

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
                let waits = Some(ticket);
                serving::on_directory(&self.engine, directory, function, waits, &mut effects)
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
        serving::on_end(&self.engine, end, function, Some(ticket), who, effects)
    }
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

fn who(who: Who) -> Described {
    let who = Who { pid: process_of(who.pid), ..who };
    Described { who, session: session_of(who.pid), host: host() }
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
