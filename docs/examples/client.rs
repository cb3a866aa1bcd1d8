//! Pipe client: sends each message and prints the reply.
//!
//! ```text
//! cargo run -p pipefs-mount --example client -- /pipes/shout hello "how are you"
//! ```

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pipefs_mount::pipe_functions::{PipeFunctions, ReadMode};

const BUFFER_BYTES: usize = 4096;
const LIMIT: Duration = Duration::from_secs(20);

fn main() -> io::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let name = PathBuf::from(arguments.next().expect("usage: client PIPE MESSAGE..."));
    let mut pipe = connect(&name)?;

    // SetNamedPipeHandleState: so it is from the start. This fails if the pipe has no messages.
    pipe.set_read_mode(ReadMode::Message)?;

    let mut reply = [0; BUFFER_BYTES];
    for message in arguments {
        pipe.write_all(message.as_bytes())?;
        match pipe.read(&mut reply)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            length => println!("{}", String::from_utf8_lossy(&reply[..length])),
        }
    }
    Ok(())
}

/// WaitNamedPipe, on the directory, and CreateFile. If somebody was faster the open waits on, for
/// as long as it takes. With `append` it is a client's.
fn connect(name: &Path) -> io::Result<File> {
    let directory = match name.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let last = name.file_name().ok_or(ErrorKind::InvalidInput)?;
    File::open(directory)?.wait_for(last, Some(LIMIT))?;
    OpenOptions::new().read(true).append(true).open(name)
}
