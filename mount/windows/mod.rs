//! Windows around the driver: what `platform` has there.
//!
//! - `commands` — the subcommands about mounts
//! - `log`, `memory` — where the log of a mount goes; how much memory it may use when nobody says
//! - `pipe_file`, `volumes` — pipes by their paths, asked by streams; which volumes are pipefs
//! - `owners` — who people and processes are
//! - `creating`, `ends`, `programs` — what the other subcommands do to pipes: make them, use their
//!   ends, start programs on them
//! - `functions` — how the pipe functions reach the driver

pub(crate) mod commands;
pub mod creating;
pub mod ends;
pub mod functions;
pub mod log;
pub mod memory;
pub mod owners;
pub mod pipe_file;
pub mod programs;
pub mod volumes;

/// Nothing to do: no file that is opened later becomes a standard stream on Windows.
pub fn keep_standard_streams_open() {}
