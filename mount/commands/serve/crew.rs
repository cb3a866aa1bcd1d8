//! The programs that serve clients at this moment.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;
use std::sync::Arc;

use crate::cli::Serve;
use crate::exit::say;
use crate::functions::{Condition, PipeFunctions, Whose};
use crate::pipe_file::shown;
use crate::platform::ends;
use crate::platform::programs::{Program, Signal, describe_client};

/// The programs.
pub(super) struct Crew<'a> {
    program: &'a OsStr,
    arguments: &'a [OsString],
    /// The pipe's absolute path.
    pipe: PathBuf,
    limit: usize,
    running: Vec<Running>,
    /// Whether they were told to end: how they do is of no interest then.
    is_dismissed: bool,
}

struct Running {
    program: Program,
    instance: Arc<File>,
    client: u32,
}

impl<'a> Crew<'a> {
    pub(super) fn new(arguments: &'a Serve) -> Self {
        let (program, rest) = arguments.command.split_first().expect("clap asks for one");
        Self {
            program,
            arguments: rest,
            pipe: absolute(&arguments.name).unwrap_or_else(|_| arguments.name.clone()),
            limit: arguments.limit.into(),
            running: Vec::new(),
            is_dismissed: false,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.running.len() >= self.limit
    }

    /// Starts a program for an instance's client; not for one that has left and wants nothing.
    pub(super) fn start(&mut self, instance: Arc<File>) {
        match self.started(&instance) {
            Ok(Some((program, client))) => {
                self.running.push(Running { program, instance, client });
            }
            Ok(None) => {}
            // The next client may have more luck: there may be too many processes just now.
            Err(error) => self.report(format_args!("cannot be started: {error}")),
        }
    }

    fn started(&self, instance: &Arc<File>) -> io::Result<Option<(Program, u32)>> {
        let info = instance.info()?;
        if info.condition == Some(Condition::Closing) && info.readable_bytes == 0 {
            return Ok(None);
        }
        let client = instance.peer(Whose::Client)?;
        let mut command = Command::new(self.program);
        command.args(self.arguments).env("PIPEFS_PIPE", &self.pipe);
        describe_client(&mut command, &client);
        Ok(Some((Program::start(command, instance)?, client.pid)))
    }

    /// Lets go of the programs that have ended.
    pub(super) fn reap(&mut self) {
        let mut ended = Vec::new();
        self.running.retain_mut(|running| match running.program.try_wait() {
            Ok(None) => true,
            Ok(Some(status)) => {
                ended.push((status, Arc::clone(&running.instance), running.client));
                false
            }
            Err(error) => unreachable!("a child that is not reaped yet can be: {error}"),
        });
        for (status, instance, client) in ended {
            if status.success() {
                end_reply(&instance);
            } else if !self.is_dismissed {
                self.report(format_args!("{status}, client {client}"));
            }
        }
    }

    /// Sends all of them a signal, to end.
    pub(super) fn signal(&mut self, signal: Signal) {
        self.is_dismissed = true;
        for running in &mut self.running {
            running.program.signal(signal);
        }
    }

    fn report(&self, what: impl Display) {
        say(format_args!("`{}`: {what}", shown(Path::new(self.program))));
    }
}

/// Ends what a program that succeeded has replied with an empty message. So a client can tell that
/// from the end of a program that failed before it had replied; and one that reads on until it gets
/// nothing does not notice.
fn end_reply(instance: &File) {
    // If it would have to wait for room there is a reply, and that is enough.
    if ends::has_room(instance) {
        // A byte pipe takes none, nor does a client that has left.
        let _ = instance.send_empty();
    }
}
