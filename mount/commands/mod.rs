//! What each subcommand does, a file each. Those that are made of a system's own calls are in
//! `platform::commands`.
//!
//! - `deadline`, `duplex` — what `wait`, `call` and `serve` have in common

use std::path::{Path, PathBuf};

use crate::cli::Command;
use crate::exit::{Failure, say};
use crate::platform;

mod call;
mod completions;
mod create;
mod deadline;
mod duplex;
mod ls;
mod man;
mod peek;
mod serve;
mod set;
mod stat;
mod wait;

/// Does what the command line asks for.
///
/// # Errors
/// Why it could not be done, with the exit code that says so.
pub fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Mount(arguments) => platform::commands::mount(arguments),
        Command::Umount(arguments) => platform::commands::umount(arguments),
        Command::Ls(arguments) => ls::run(arguments),
        Command::Stat(arguments) => stat::run(arguments),
        Command::Create(arguments) => create::run(arguments),
        Command::Set(arguments) => set::run(arguments),
        Command::Peek(arguments) => peek::run(arguments),
        Command::Wait(arguments) => wait::run(arguments),
        Command::Call(arguments) => call::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Completions(arguments) => completions::run(arguments),
        Command::Man(arguments) => man::run(arguments),
    }
}

/// Does something with each name. One that fails does not keep the others from their turn.
pub(crate) fn each(
    names: &[PathBuf],
    mut action: impl FnMut(&Path) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for name in names {
        action(name).unwrap_or_else(|failure| note(&mut outcome, failure));
    }
    outcome
}

/// Adds a failure to what came of the ones before: each gets its line, and the first one's exit
/// code is that of the command.
fn note(outcome: &mut Result<(), Failure>, failure: Failure) {
    let exit = match outcome {
        Ok(()) => failure.exit,
        Err(earlier) => {
            say(&*earlier);
            earlier.exit
        }
    };
    *outcome = Err(Failure { exit, ..failure });
}
