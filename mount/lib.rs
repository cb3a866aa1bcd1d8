//! The driver: thin adapters around the engine, and the command `pipefs`.
//!
//! Start with [`commands`], what each subcommand does, and with
//! [`fuse`], which serves a mount.

// The command: its arguments and how mount(8) calls it; its mount options; what each subcommand
// does; its exit codes, and the one line that says why it failed.
pub mod cli;
#[cfg(target_os = "linux")]
pub mod commands;
pub mod exit;
pub mod options;

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
// and the helper that FUSE needs, and how a mount is taken down.
#[cfg(target_os = "linux")]
pub mod mountinfo;
#[cfg(target_os = "linux")]
pub mod mountpoint;
#[cfg(target_os = "linux")]
pub mod prerequisites;
#[cfg(target_os = "linux")]
pub mod unmount;

// The adapters: FUSE on Linux.
#[cfg(target_os = "linux")]
pub mod fuse;

// For servers: acting as a client.
#[cfg(target_os = "linux")]
pub mod impersonate;
