//! How the command ends: its exit codes, and the one line that says why it failed.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::view;

/// The exit codes. [`TABLE`] is their documentation for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// None of the others fits.
    Failure = 1,
    /// The command line is wrong: an argument, a mount option or its value.
    Usage = 2,
    /// The mount point cannot be used as it is.
    MountPoint = 3,
    /// FUSE cannot be used on this machine, or not by this user.
    Unavailable = 4,
    /// The name of a pipe leads nowhere, or to something else, or is taken.
    Name = 5,
    /// The permissions of a pipe or directory forbid it.
    NotPermitted = 6,
    /// The pipe is in use.
    Busy = 7,
    /// Nobody came, or replied, in time.
    TimedOut = 8,
    /// The other side has left.
    Disconnected = 9,
}

/// The exit codes as `--help` shows them.
pub const TABLE: &str = "\
Exit codes:
  0  done
  1  a failure that is none of the following
  2  usage: a wrong argument, an unknown mount option, a bad value
  3  mount point: missing, no directory, not empty, already mounted, busy, or no pipefs mount
  4  FUSE unavailable: no /dev/fuse, no fusermount3, or not permitted
  5  name: missing, there already, or no pipe or directory on a pipefs
  6  not permitted, by the permissions of the pipe or of its directory
  7  busy: the pipe is in use
  8  timed out: no server listened, or none replied, in time
  9  disconnected: the server has left before it replied";

impl Exit {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Failure,
        Self::Usage,
        Self::MountPoint,
        Self::Unavailable,
        Self::Name,
        Self::NotPermitted,
        Self::Busy,
        Self::TimedOut,
        Self::Disconnected,
    ];

    /// The exit code of this number, as a process reported it; an unknown one is a plain failure.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|exit| *exit as u8 == code).unwrap_or(Self::Failure)
    }
}

/// Longest line in characters: a path of the greatest length that Linux takes, and words. What a
/// user hands over may be much longer.
const LONGEST_LINE: usize = 5000;

/// Why the command failed, and the exit code that goes with it. The text says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The text, without the leading `pipefs: `.
    pub message: String,
}

impl Failure {
    /// A failure with this code and text.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

/// Says why the command failed, if it did, and gives its exit code.
#[must_use]
pub fn code(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// Prints `pipefs: TEXT` to stderr as one line, whatever the text holds.
pub fn say(text: impl Display) {
    let mut line = view::one_line(&text.to_string());
    if let Some((end, _)) = line.char_indices().nth(LONGEST_LINE) {
        line.replace_range(end.., "…");
    }
    let line = format!("pipefs: {line}\n");
    // In one write, so that the lines of several processes stay apart. A lost stderr is no reason
    // to fail, and `eprintln!` would panic.
    let _ = io::stderr().write_all(line.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_code() {
        for exit in Exit::ALL {
            assert_eq!(Exit::from_code(exit as u8), exit);
            assert!(TABLE.contains(&format!("\n  {}  ", exit as u8)), "{exit:?}");
        }
        assert_eq!(Exit::from_code(101), Exit::Failure);
    }
}
