//! Linux around the driver: processes, mounts, files. What `platform` has besides:
//!
//! - `commands` — the subcommands that are made of system calls
//! - `pipe_file` — pipes by their paths, asked by extended attributes
//! - `owners` — who people and processes are
//! - `daemon`, `log`, `signals` — the process that serves a mount: its life in the background,
//!   where its log goes, the signals that end it
//! - `privileges` — what that may do
//! - `memory` — how much memory a mount may use when nobody says
//! - `mountinfo`, `mountpoint`, `prerequisites`, `unmount` — the kernel's list of mounts, the
//!   directory that is mounted on, the device and the helper that FUSE needs, and how a mount is
//!   taken down
//! - `creating`, `ends`, `programs` — what the other subcommands do to pipes: make them, use their
//!   ends, start programs on them
//! - `functions` — how the pipe functions reach the driver
//! - `impersonate` — for programs that use a mount

pub(crate) mod commands;
pub mod creating;
pub mod daemon;
pub mod ends;
pub mod functions;
pub mod impersonate;
pub mod log;
pub mod memory;
pub mod mountinfo;
pub mod mountpoint;
pub mod owners;
pub mod pipe_file;
pub mod prerequisites;
pub mod privileges;
pub mod programs;
pub mod signals;
pub mod unmount;

pub use daemon::keep_standard_streams_open;
