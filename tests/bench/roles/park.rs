//! Readers that wait: threads in read(2), each at a pipe of its own whose writer says nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::{say, wait_for_line};

/// Enough for a read.
const STACK_BYTES: usize = 32 << 10;
/// How often it is looked whether all wait.
const GLANCE: Duration = Duration::from_millis(20);

/// Readers of one process.
#[derive(Debug, Args)]
pub(crate) struct Park {
    directory: PathBuf,
    /// Begins the names of its pipes
    name: String,
    readers: usize,
}

/// Says `parked` when every reader is in its read, and ends at the next line.
pub(super) fn park(park: &Park) -> io::Result<()> {
    let mut silent = Vec::new();
    for number in 0..park.readers {
        let path = park.directory.join(format!("{}-{number}", park.name));
        silent.push(OpenOptions::new().write(true).create(true).truncate(false).open(&path)?);
        let mut file = File::open(&path)?;
        let reader = move || file.read(&mut [0]);
        thread::Builder::new().stack_size(STACK_BYTES).spawn(reader)?;
    }
    while !all_wait(park.readers)? {
        thread::sleep(GLANCE);
    }
    say("parked")?;
    wait_for_line()?;
    drop(silent);
    Ok(())
}

/// Whether all threads but this one sleep in a read of a file, which the kernel says by its number.
fn all_wait(readers: usize) -> io::Result<bool> {
    let mut waiting = 0;
    for entry in fs::read_dir("/proc/self/task")? {
        let call = fs::read_to_string(entry?.path().join("syscall")).unwrap_or_default();
        let number = call.split(' ').next().and_then(|word| word.parse().ok());
        waiting += usize::from(number == Some(libc::SYS_read));
    }
    Ok(waiting >= readers)
}
