//! Windows around the driver: what `platform` has there. What is not available says so.
//!
//! - `commands` — the subcommands that are made of system calls
//! - `log`, `memory` — where the log of a mount goes; how much memory it may use when nobody says
//! - `pipe_file` — pipes by their paths
//! - `owners` — who people and processes are

use crate::exit::{Exit, Failure};

pub(crate) mod commands;
pub mod log;
pub mod memory;
pub mod owners;
pub mod pipe_file;

/// Nothing to do: no file that is opened later becomes a standard stream on Windows.
pub fn keep_standard_streams_open() {}

/// Why a command fails that needs what is not there on Windows.
fn unavailable(what: &str) -> Failure {
    Failure::new(Exit::Unavailable, format!("{what}: not available on Windows"))
}
