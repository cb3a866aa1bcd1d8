//! How the command ends: its exit codes, and the one line that says why it failed.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

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
}

/// The exit codes as `--help` shows them.
pub const TABLE: &str = "\
Exit codes:
  0  done
  1  a failure that is none of the following
  2  usage: a wrong argument, an unknown mount option, a bad value
  3  mount point: missing, no directory, not empty, already mounted, busy, or no pipefs mount
  4  FUSE unavailable: no /dev/fuse, no fusermount3, or not permitted";

impl Exit {
    /// The exit code of this number, as a process reported it; an unknown one is a plain failure.
    #[must_use]
    pub fn from_code(code: u8) -> Self {
        match code {
            2 => Self::Usage,
            3 => Self::MountPoint,
            4 => Self::Unavailable,
            _ => Self::Failure,
        }
    }
}

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
    let line = format!("pipefs: {}\n", one_line(&text.to_string()));
    // In one write, so that the lines of several processes stay apart. A lost stderr is no reason
    // to fail, and `eprintln!` would panic.
    let _ = io::stderr().write_all(line.as_bytes());
}

/// The text without what would break its line or steer a terminal: control characters and line
/// separators are shown as escapes, white space at the ends is dropped.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.trim().chars() {
        if character.is_control() || matches!(character, '\u{2028}' | '\u{2029}') {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_on_its_line_and_harmless() {
        assert_eq!(one_line("no such `a\nb`\n"), "no such `a\\nb`");
        assert_eq!(one_line("\u{1b}[31mred\0"), "\\u{1b}[31mred\\u{0}");
        assert_eq!(one_line("Grüße 管 \u{2028}"), "Grüße 管");
        assert_eq!(one_line("a\u{2028}b"), "a\\u{2028}b");
    }

    #[test]
    fn the_table_names_every_code() {
        for exit in [Exit::Failure, Exit::Usage, Exit::MountPoint, Exit::Unavailable] {
            assert_eq!(Exit::from_code(exit as u8), exit);
            assert!(TABLE.contains(&format!("\n  {}  ", exit as u8)), "{exit:?}");
        }
        assert_eq!(Exit::from_code(101), Exit::Failure);
    }
}
