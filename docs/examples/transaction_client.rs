//! Transactions on a pipe: each message and its reply are one call.
//!
//! ```text
//! cargo run -p pipefs-mount --example transaction_client -- /pipes/shout hello "how are you"
//! ```

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use pipefs_mount::pipe_functions::PipeFunctions;

const BUFFER_BYTES: usize = 512;
const LIMIT: Duration = Duration::from_secs(20);

fn main() -> io::Result<()> {
    let mut arguments = env::args_os().skip(1);
    let name = arguments.next().expect("usage: transaction_client PIPE MESSAGE...");
    // CreateFile; it waits until an instance listens. With `append` it is a client's.
    let mut pipe = OpenOptions::new().read(true).append(true).open(name)?;
    for message in arguments {
        let reply = transact(&mut pipe, message.as_bytes())?;
        println!("{}", String::from_utf8_lossy(&reply));
    }
    Ok(())
}

/// TransactNamedPipe, and ReadFile for what it has left (ERROR_MORE_DATA).
fn transact(pipe: &mut File, message: &[u8]) -> io::Result<Vec<u8>> {
    let mut reply = pipe.transact(message, BUFFER_BYTES, Some(LIMIT))?;
    if reply.data.is_empty() {
        // The server has left; or sent an empty message, which these servers do not.
        return Err(ErrorKind::UnexpectedEof.into());
    }
    if reply.left_bytes > 0 {
        pipe.take(reply.left_bytes).read_to_end(&mut reply.data)?;
    }
    Ok(reply.data)
}
