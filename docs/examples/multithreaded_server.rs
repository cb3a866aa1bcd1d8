//! Multithreaded pipe server: a thread for each client. Sends back what it gets, in capitals.
//!
//! ```text
//! cargo run -p pipefs-mount --example multithreaded_server -- /pipes/shout
//! ```

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::thread;

use pipefs_mount::pipe_functions::PipeFunctions;

const BUFFER_BYTES: usize = 4096;

fn main() -> io::Result<()> {
    let name = env::args_os().nth(1).expect("usage: multithreaded_server PIPE");
    loop {
        // CreateNamedPipe: with `truncate` it is a server's, an instance of its own.
        let instance = OpenOptions::new().read(true).write(true).truncate(true).open(&name)?;
        connect(&instance)?;
        thread::spawn(move || {
            if let Err(error) = serve(instance) {
                eprintln!("a client: {error}");
            }
        });
    }
}

/// ConnectNamedPipe. A client that has left already (`BrokenPipe`) may have left a message.
fn connect(instance: &File) -> io::Result<()> {
    loop {
        match instance.connect(None).map_err(|error| (error.kind(), error)) {
            Ok(_) | Err((ErrorKind::BrokenPipe, _)) => return Ok(()),
            Err((ErrorKind::Interrupted, _)) => {} // Ctrl-Z, and fg.
            Err((_, error)) => return Err(error),
        }
    }
}

fn serve(mut instance: File) -> io::Result<()> {
    let mut message = [0; BUFFER_BYTES];
    loop {
        match instance.read(&mut message) {
            // The client has closed, or sent an empty message.
            Ok(0) => break,
            Ok(length) => instance.write_all(&message[..length].to_ascii_uppercase())?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    match instance.sync_all() {
        // FlushFileBuffers: the client reads the rest, or leaves.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => instance.disconnect(),
    }
}
