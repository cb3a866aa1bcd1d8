//! What each subcommand does, a file each.

use crate::cli::Command;
use crate::exit::Failure;

mod mount;
mod umount;

/// Does what the command line asks for.
///
/// # Errors
/// Why it could not be done, with the exit code that says so.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Mount(arguments) => mount::run(arguments),
        Command::Umount(arguments) => umount::run(arguments),
    }
}
