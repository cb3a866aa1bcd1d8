//! Windows around the driver: what `platform` has there. All of it says that it is not available:
//! there is nothing in this folder that finds a mount or makes one.
//!
//! - `commands` — the subcommands that are made of system calls
//! - `pipe_file` — pipes by their paths
//! - `owners` — who people and processes are

use crate::exit::{Exit, Failure};

pub(crate) mod commands;
pub mod owners;
pub mod pipe_file;

/// Nothing to do: no file that is opened later becomes a standard stream on Windows.
pub fn keep_standard_streams_open() {}

/// Why a command fails that needs what is not there on Windows.
fn unavailable(what: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("{what}: not available on Windows"))
}
