//! The WinFsp adapter: a pipefs on a drive or a directory of Windows. docs/WINFSP.md tells what
//! WinFsp makes of it.
//!
//! ```text
//!   WinFsp's driver ──▶ its DLL ──▶ filesystem ──▶ engine
//!         ▲                              │            │
//!         └──────── answers ◀── pending ◀┘◀──Effects──┘
//! ```
//!
//! - `service` — mounting, the threads, stopping, in front and as a service; start here
//! - `driver` — what the threads share
//! - `filesystem` — the methods that WinFsp calls
//! - `control` — the pipe functions
//! - `data` — reading, writing, flushing
//! - `opening` — who becomes what; making and removing names
//! - `pending` — reads, writes and flushes that wait, and their deadlines
//! - `doors` — why an open of a pipe comes twice
//! - `names` — paths and streams
//! - `streams` — settings and state as alternate streams
//! - `information` — what the system is told of a file
//! - `security` — security descriptors, owners and modes
//! - `request` — what the methods are not told
//! - `status` — errors

mod control;
mod data;
mod doors;
mod driver;
mod filesystem;
mod information;
mod names;
mod opening;
mod pending;
mod request;
mod security;
mod service;
mod status;
mod streams;

pub use driver::Config;
pub use filesystem::Filesystem;
pub use opening::Opened;
pub use service::{Mounted, Version, run};
pub use streams::{UNMOUNT, UNMOUNT_IN_USE};

#[cfg(test)]
#[path = "../../tests/winfsp/direct/mod.rs"]
mod direct;
