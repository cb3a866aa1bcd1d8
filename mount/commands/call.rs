//! `pipefs call`: send a message, print what comes back.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::path::Path;

use super::deadline::Deadline;
use super::duplex;
use crate::cli::Call;
use crate::exit::{Exit, Failure};
use crate::functions::{MESSAGE_MAX_BYTES, PipeFunctions, Ready};
use crate::pipe_file::{self, shown, wrong_name};
use crate::platform::ends;
use crate::stdout::Stdout;
use crate::view;

pub(super) fn run(arguments: &Call) -> Result<(), Failure> {
    let path = &arguments.name;
    let pipe = duplex::find(path, Deadline::after(arguments.timeout))?;
    duplex::check(path, &pipe)?;
    let setting = |key| pipe.setting(key).map_err(|error| pipe_file::failure(path, &error));
    if setting("type")? != b"message" {
        let what = "has bytes and no messages, so a reply has no end: it needs `type=message`";
        return Err(duplex::unsuited(path, what));
    }
    let request = request(arguments, setting("framing")? == b"line")?;
    // The empty message is the end of the server's input.
    let end = (!arguments.one).then(Vec::new);

    let call = Conversation {
        path,
        client: duplex::opened(path, ends::open_client(path))?,
        deadline: Deadline::after(arguments.timeout),
        unsent: [request].into_iter().chain(end).collect(),
        replies: 0,
    };
    call.hold(arguments.one)
}

/// What is to be sent, with its last line ended if lines are messages.
fn request(arguments: &Call, by_lines: bool) -> Result<Vec<u8>, Failure> {
    let refused = |message: String| Err(Failure::new(Exit::Usage, message));
    let mut request = Vec::new();
    match &arguments.text {
        Some(text) if text != "-" => request.extend(text.as_encoded_bytes()),
        None if io::stdin().is_terminal() => {
            return refused("nothing to send: give a TEXT, or `-` for what you type".into());
        }
        _ => {
            let mut input = io::stdin().take(MESSAGE_MAX_BYTES as u64 + 1);
            if let Err(error) = input.read_to_end(&mut request) {
                return refused(format!("the standard input cannot be read: {error}"));
            }
        }
    }
    if by_lines && !request.ends_with(b"\n") {
        request.push(b'\n');
    }
    if request.len() > MESSAGE_MAX_BYTES {
        let most = view::exact_size(MESSAGE_MAX_BYTES as u64);
        return refused(format!("nothing was sent: a message has at most {most}"));
    }
    Ok(request)
}

/// A client and what it still has to say.
struct Conversation<'a> {
    path: &'a Path,
    client: File,
    deadline: Deadline,
    unsent: VecDeque<Vec<u8>>,
    replies: u64,
}

/// What there was to receive.
enum Received {
    Message(Vec<u8>),
    Nothing,
    End,
}

impl Conversation<'_> {
    /// Sends everything, and prints what comes back: one message, or all up to the end.
    fn hold(mut self, one: bool) -> Result<(), Failure> {
        let mut stdout = Stdout::lock();
        let mut line_is_open = false;
        while stdout.is_wanted() && !(one && self.replies > 0) {
            let ready = self.until_ready()?;
            if ready.room {
                self.send()?;
            }
            if !ready.input {
                continue;
            }
            match self.receive()? {
                Received::Nothing => {}
                Received::End => break,
                Received::Message(reply) => {
                    self.replies += 1;
                    line_is_open = reply.last().map_or(line_is_open, |byte| *byte != b'\n');
                    stdout.print(reply)?;
                    stdout.flush()?;
                }
            }
        }
        if line_is_open && stdout.is_terminal() {
            stdout.print("\n")?;
            stdout.flush()?;
        }
        if self.replies == 0 && stdout.is_wanted() {
            let message = format!("`{}`: the server has left without a reply", shown(self.path));
            return Err(Failure::new(Exit::Disconnected, message));
        }
        Ok(())
    }

    /// Waits until there is something to do. A client that has no server yet has nothing.
    fn until_ready(&self) -> Result<Ready, Failure> {
        let wants_room = !self.unsent.is_empty();
        let ready = ends::until_ready(&self.client, wants_room, || self.deadline.left());
        let ready = ready.map_err(|error| duplex::failure(self.path, &error))?;
        ready.ok_or_else(|| self.timed_out())
    }

    fn timed_out(&self) -> Failure {
        let is_waiting = self.client.info().is_ok_and(|info| info.role.is_none());
        let what = match (is_waiting, self.replies) {
            (true, _) => "no server listens, nothing was sent".into(),
            (false, 0) => "no reply".into(),
            (false, count) => format!("{count} replies, and no end of them"),
        };
        Failure::new(Exit::TimedOut, format!("`{}`: {what} in time", shown(self.path)))
    }

    /// Sends the next message, if that is possible now.
    fn send(&mut self) -> Result<(), Failure> {
        let Some(message) = self.unsent.front() else { return Ok(()) };
        let sent = match &**message {
            [] => self.client.send_empty(),
            message => self.client.write(message).map(drop),
        };
        match sent.map_err(|error| (ends::kind(&error), error)) {
            Ok(()) => drop(self.unsent.pop_front()),
            Err((ErrorKind::WouldBlock | ErrorKind::Interrupted, _)) => {}
            // What it replied before it left can be read all the same.
            Err((ErrorKind::BrokenPipe, _)) => self.unsent.clear(),
            Err((_, error)) => return Err(duplex::failure(self.path, &error)),
        }
        Ok(())
    }

    /// Takes the next message, when poll has said that there is something. Only a look at the pipe
    /// tells an empty message from the end; it does not show what waits for memory.
    fn receive(&mut self) -> Result<Received, Failure> {
        let received = self.client.peek(0).and_then(|peeked| {
            let is_there = peeked.messages > 0;
            let bytes = if is_there { peeked.left_bytes as usize } else { MESSAGE_MAX_BYTES };
            // A read of no bytes takes nothing, not even an empty message.
            let mut message = vec![0; bytes.max(1)];
            let count = self.client.read(&mut message)?;
            message.truncate(count);
            let is_message = is_there || count > 0;
            Ok(if is_message { Received::Message(message) } else { Received::Nothing })
        });
        received.or_else(|error| match ends::kind(&error) {
            ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(Received::Nothing),
            ErrorKind::BrokenPipe => Ok(Received::End),
            // Servers that were written for Windows end so when they have replied.
            ErrorKind::NotConnected | ErrorKind::ConnectionReset if self.replies > 0 => {
                Ok(Received::End)
            }
            ErrorKind::NotFound => Err(wrong_name(self.path, "was removed: no server can come")),
            _ => Err(duplex::failure(self.path, &error)),
        })
    }
}
