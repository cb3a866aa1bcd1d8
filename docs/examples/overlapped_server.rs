//! Pipe server with overlapped I/O: several instances, one thread, nothing that waits but poll(2).
//! Sends back what it gets, in capitals.
//!
//! ```text
//! cargo run -p pipefs-mount --example overlapped_server -- /pipes/shout
//! ```

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use pipefs_mount::pipe_functions::PipeFunctions;
use rustix::event::{PollFd, PollFlags, poll};

const INSTANCES: usize = 4;
const BUFFER_BYTES: usize = 4096;

struct Instance {
    pipe: File,
    /// What is to be written; empty while a message is waited for.
    reply: Vec<u8>,
}

impl Instance {
    /// CreateNamedPipe with FILE_FLAG_OVERLAPPED; clients can come from here on.
    fn new(name: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).truncate(true).custom_flags(libc::O_NONBLOCK);
        Ok(Self { pipe: options.open(name)?, reply: Vec::new() })
    }

    fn waits_for(&self) -> PollFlags {
        if self.reply.is_empty() { PollFlags::IN } else { PollFlags::OUT }
    }

    /// Goes on where the instance was. An error, or nothing to read: the client has gone.
    fn advance(&mut self) -> io::Result<()> {
        if self.reply.is_empty() {
            let mut message = [0; BUFFER_BYTES];
            match self.pipe.read(&mut message)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                length => self.reply = message[..length].to_ascii_uppercase(),
            }
        } else {
            // A message is taken as a whole, or not yet.
            self.pipe.write_all(&self.reply)?;
            self.reply.clear();
        }
        Ok(())
    }

    /// DisconnectNamedPipe, and ConnectNamedPipe that does not wait: poll tells what the next
    /// client sends. One that waits already gets the instance at once.
    fn reconnect(&mut self) -> io::Result<()> {
        self.reply.clear();
        self.pipe.disconnect()?;
        match self.pipe.connect(Some(Duration::ZERO)) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }
}

fn main() -> io::Result<()> {
    let name = env::args_os().nth(1).expect("usage: overlapped_server PIPE");
    let name = Path::new(&name);
    let mut instances =
        (0..INSTANCES).map(|_| Instance::new(name)).collect::<io::Result<Vec<_>>>()?;
    loop {
        let wanted =
            instances.iter().map(|instance| PollFd::new(&instance.pipe, instance.waits_for()));
        let mut polled = wanted.collect::<Vec<_>>();
        poll(&mut polled, None)?; // WaitForMultipleObjects
        let ready = polled.iter().map(|entry| !entry.revents().is_empty()).collect::<Vec<_>>();
        for (instance, _) in instances.iter_mut().zip(ready).filter(|(_, is_ready)| *is_ready) {
            match instance.advance() {
                Err(error) if error.kind() != ErrorKind::WouldBlock => instance.reconnect()?,
                _ => {}
            }
        }
    }
}
