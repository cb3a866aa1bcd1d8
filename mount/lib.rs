//! The driver: thin adapters around the engine, and the command `pipefs`.
//!
//! Start with [`commands`], what each subcommand does, and with the adapter of your system: `fuse`
//! on Linux, `winfsp` on Windows, each of which serves a mount.

// The command: its arguments and how mount(8) calls it; its mount options, and settings as they are
// typed; what each subcommand does; its exit codes, and the one line that says why it failed; pipes
// by their paths; what it shows, and what it does to names and data so that they can be shown.
pub mod assignment;
pub mod cli;
pub mod commands;
pub mod exit;
pub mod functions;
pub mod options;
pub mod pipe_file;
pub mod stdout;
pub mod view;

// The adapters; and for both, what they show of a mount by name, what they log, and what becomes
// of a panic.
#[cfg(target_os = "linux")]
pub mod fuse;
mod logging;
mod survive;
mod values;
#[cfg(windows)]
pub mod winfsp;

// What else differs between systems. The rest of the driver asks `platform` for it, which has the
// same names on each.
#[cfg(target_os = "linux")]
pub mod linux;
#[cfg(target_os = "linux")]
pub use linux as platform;
#[cfg(windows)]
pub mod windows;
#[cfg(windows)]
pub use windows as platform;

// For programs that use a mount: the pipe functions; acting as a client.
pub use functions as pipe_functions;
#[cfg(target_os = "linux")]
pub use linux::impersonate;
