//! The driver: thin adapters around the engine, and the command `pipefs`.
//!
//! Start with [`commands`], what each subcommand does, and with
//! [`fuse`], which serves a mount.

// The command: its arguments and how mount(8) calls it; its mount options, and settings as they are
// typed; what each subcommand does; its exit codes, and the one line that says why it failed; what
// it shows, and what it does to names and data so that they can be shown.
#[cfg(target_os = "linux")]
pub mod assignment;
pub mod cli;
#[cfg(target_os = "linux")]
pub mod commands;
pub mod exit;
pub mod options;
pub mod stdout;
pub mod view;

// The process that serves a mount: its life in the background, where its log goes, how much memory
// it may use when nobody says, and the signals that end it.
#[cfg(target_os = "linux")]
pub mod daemon;
#[cfg(target_os = "linux")]
pub mod log;
pub mod memory;
#[cfg(target_os = "linux")]
pub mod signals;

// The machine around it: the kernel's list of mounts, the directory that is mounted on, the device
// and the helper that FUSE needs, and how a mount is taken down; the pipes on one, by their paths.
#[cfg(target_os = "linux")]
pub mod mountinfo;
#[cfg(target_os = "linux")]
pub mod mountpoint;
#[cfg(target_os = "linux")]
pub mod pipe_file;
#[cfg(target_os = "linux")]
pub mod prerequisites;
#[cfg(target_os = "linux")]
pub mod unmount;

// The adapters: FUSE on Linux.
#[cfg(target_os = "linux")]
pub mod fuse;

// For programs that use a mount: the pipe functions; acting as a client.
#[cfg(target_os = "linux")]
pub mod impersonate;
#[cfg(target_os = "linux")]
pub mod pipe_functions;
