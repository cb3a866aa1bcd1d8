//! Pipe server with completion routines: reads and writes are started, and a loop calls back when
//! they are done. Sends back what it gets, in capitals.
//!
//! ```text
//! cargo run -p pipefs-mount --example completion_server -- /pipes/shout
//! ```

use std::env;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;

use rustix::event::{PollFd, PollFlags, poll};

const INSTANCES: usize = 4;
const BUFFER_BYTES: usize = 4096;

/// What is called when a read or a write is done, with what was read.
type Completion = fn(&mut Loop, File, io::Result<Vec<u8>>) -> io::Result<()>;

/// A read or a write that was started.
struct Operation {
    pipe: File,
    /// What is to be written; `None`: it reads.
    data: Option<Vec<u8>>,
    then: Completion,
}

impl Operation {
    /// Does it, if it can be done now.
    fn attempt(&mut self) -> io::Result<Vec<u8>> {
        match &self.data {
            // A message is taken as a whole, or not yet.
            Some(data) => self.pipe.write_all(data).map(|()| Vec::new()),
            None => {
                let mut buffer = [0; BUFFER_BYTES];
                let length = self.pipe.read(&mut buffer)?;
                Ok(buffer[..length].to_vec())
            }
        }
    }
}

struct Loop {
    name: OsString,
    started: Vec<Operation>,
}

impl Loop {
    /// ReadFileEx.
    fn read(&mut self, pipe: File, then: Completion) {
        self.started.push(Operation { pipe, data: None, then });
    }

    /// WriteFileEx.
    fn write(&mut self, pipe: File, data: Vec<u8>, then: Completion) {
        self.started.push(Operation { pipe, data: Some(data), then });
    }

    /// CreateNamedPipe with FILE_FLAG_OVERLAPPED: with `truncate` it is a server's.
    fn create(&mut self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).truncate(true).custom_flags(libc::O_NONBLOCK);
        let pipe = options.open(&self.name)?;
        self.read(pipe, message_came);
        Ok(())
    }

    /// SleepEx, again and again: waits, and calls back for what is done.
    fn run(&mut self) -> io::Result<()> {
        loop {
            let wanted = self.started.iter().map(|operation| {
                let event = if operation.data.is_some() { PollFlags::OUT } else { PollFlags::IN };
                PollFd::new(&operation.pipe, event)
            });
            let mut polled = wanted.collect::<Vec<_>>();
            poll(&mut polled, None)?;
            let ready = polled.iter().map(|entry| !entry.revents().is_empty()).collect::<Vec<_>>();
            let started = std::mem::take(&mut self.started);
            for (mut operation, is_ready) in started.into_iter().zip(ready) {
                let done =
                    if is_ready { operation.attempt() } else { Err(ErrorKind::WouldBlock.into()) };
                match done {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        self.started.push(operation);
                    }
                    done => (operation.then)(self, operation.pipe, done)?,
                }
            }
        }
    }
}

fn message_came(run: &mut Loop, pipe: File, message: io::Result<Vec<u8>>) -> io::Result<()> {
    match message {
        Ok(message) if !message.is_empty() => {
            run.write(pipe, message.to_ascii_uppercase(), reply_went);
            Ok(())
        }
        // The client has closed, or sent an empty message. What it has not read stays for it.
        _ => {
            drop(pipe);
            run.create()
        }
    }
}

fn reply_went(run: &mut Loop, pipe: File, result: io::Result<Vec<u8>>) -> io::Result<()> {
    if result.is_err() {
        drop(pipe);
        return run.create();
    }
    run.read(pipe, message_came);
    Ok(())
}

fn main() -> io::Result<()> {
    let name = env::args_os().nth(1).expect("usage: completion_server PIPE");
    let mut events = Loop { name, started: Vec::new() };
    for _ in 0..INSTANCES {
        events.create()?;
    }
    events.run()
}
