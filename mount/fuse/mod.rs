//! The FUSE adapter: which request goes where, and why there are two planes.
//!
//! fuser answers every INTERRUPT with ENOSYS, after which the kernel stops sending them and a
//! blocked reader cannot be killed. So the driver reads /dev/fuse itself. What may wait or moves
//! data, and RELEASE, which must not be overtaken, it answers itself; every other request goes, as
//! it is, through a socket to an ordinary fuser session, whose replies are copied back.
//! docs/FUSE.md tells the whole story.
//!
//! ```text
//!                       ┌─ data plane (data/) ──────────────▶ engine
//!   /dev/fuse ──read──▶ route                                   ▲
//!       ▲               └─ socket ─▶ fuser ─▶ control plane ────┘
//!       └──── replies ◀──── socket ◀───┘      (metadata)
//! ```
//!
//! - `session`, `mounting` — mounting, the threads, stopping; start here
//! - `driver` — what the threads share, and the deadlines
//! - `route` — who answers which request
//! - `data` — READ, WRITE, POLL, FLUSH, RELEASE, INTERRUPT
//! - `metadata`, `entries` — all other operations; what the kernel sees of a node
//! - `ioctl` — the pipe functions that are no system call of their own
//! - `attributes` — settings and state as extended attributes
//! - `counters`, `mount_state` — what was asked and answered; the state of the whole mount
//! - `doors`, `sizes` — why a pipe has many inode numbers; the sizes that the kernel keeps
//! - `permissions` — who may open a pipe, where the kernel cannot know it
//! - `handle` — the number of an open file
//! - `survive` — what becomes of a request that panics
//! - `device` — system calls
//! - `errno` — errors
//! - `fuzz` — for tests: what a strange kernel might send

mod attributes;
mod counters;
mod data;
mod device;
mod doors;
mod driver;
mod entries;
mod errno;
#[cfg(any(test, fuzzing))]
#[path = "../../tests/fuzz/mod.rs"]
pub mod fuzz;
mod handle;
pub mod ioctl;
mod metadata;
mod mount_state;
mod mounting;
mod permissions;
mod route;
mod session;
mod sizes;
mod survive;

pub use session::{Config, Mounted, Stopper, mount};
