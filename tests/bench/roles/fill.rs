//! Data that waits in the driver while its memory is looked at.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Buffer, say, wait_for_line};

/// What waits in the driver while its memory is looked at.
#[derive(Debug, Args)]
pub(crate) struct Fill {
    directory: PathBuf,
    write_size: usize,
    bytes_per_pipe: u64,
    pipes: usize,
}

pub(super) fn filler(fill: &Fill) -> io::Result<()> {
    let buffer = Buffer::new(fill.write_size, false);
    let mut buffered = 0;
    for number in 0..fill.pipes {
        buffered += fill_pipe(fill, &fill.directory.join(number.to_string()), buffer.bytes())?;
    }
    say(&format!("filled {buffered}"))?;
    let mut drain = Drain { fill, held: buffered, next: 0, current: None };
    for goal in [buffered / 2, buffered / 8, 0] {
        wait_for_line()?;
        drain.down_to(goal)?;
        say(&format!("drained {}", drain.held))?;
    }
    wait_for_line()
}

/// Writes until the pipe holds its share or refuses; returns what it took.
fn fill_pipe(fill: &Fill, path: &Path, block: &[u8]) -> io::Result<u64> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).custom_flags(libc::O_NONBLOCK);
    let mut file = options.open(path)?;
    let mut taken = 0;
    while taken < fill.bytes_per_pipe {
        match file.write(block) {
            Ok(wrote) => taken += wrote as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

/// Takes out again what was filled in, pipe after pipe, and can pause in the middle of one.
struct Drain<'a> {
    fill: &'a Fill,
    held: u64,
    next: usize,
    current: Option<File>,
}

impl Drain<'_> {
    /// Reads until no more than `goal` bytes are left.
    fn down_to(&mut self, goal: u64) -> io::Result<()> {
        let mut buffer = vec![0; 64 << 10];
        while self.held > goal {
            let mut file = match self.current.take() {
                Some(file) => file,
                None => File::open(self.fill.directory.join(self.next.to_string()))?,
            };
            match file.read(&mut buffer)? {
                0 => self.next += 1,
                got => {
                    self.held = self.held.saturating_sub(got as u64);
                    self.current = Some(file);
                }
            }
        }
        Ok(())
    }
}
