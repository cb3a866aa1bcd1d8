//! The pipe engine: Windows' named pipes (Microsoft's "Pipes (Interprocess Communications)") as
//! a library that does no I/O. It keeps no thread and reads no clock; an operation that cannot
//! finish is parked under its ticket and answered later through [`Effects`].
//!
//! Start at [`Engine`]. From the outside in:
//!
//! - `engine` — operations on ends, and the only locks; `tree` on names; `report` only looks
//! - `handle` — a pipe as callers hold it
//! - `namespace`, `name` — directories, and what a name may be
//! - `pipe`, `opening` — all instances of a name; how opens find one, or wait
//! - `access` — who becomes server and who client
//! - `instance`, `state`, `end` — one conduit, its life, and what an open file holds of it
//! - `lane`, `transfer`, `outlet` — one direction of a conduit: its writers, bytes and messages,
//!   and where its readers take from
//! - `queue`, `data`, `lengths` — the buffer; what goes in and out; where messages end in it
//! - `listen`, `transact`, `inspect` — the pipe functions beside read, write and flush
//! - `waiting`, `effects`, `ready` — parked operations, their answers, and poll
//! - `traffic` — what went through
//! - `configure` — changing a pipe's settings
//! - `settings`, `units`, `quota`, `error` — what can be set, limited and refused
//! - `sync` — the locks' names
#![forbid(unsafe_code)]

pub mod access;
pub mod configure;
mod data;
pub mod effects;
pub mod end;
pub mod engine;
pub mod error;
pub mod handle;
pub mod inspect;
mod instance;
mod lane;
mod lengths;
pub mod listen;
pub mod name;
pub mod namespace;
pub mod opening;
mod outlet;
pub mod pipe;
pub mod queue;
mod quota;
pub mod ready;
pub mod report;
pub mod settings;
pub mod state;
mod sync;
pub mod traffic;
pub mod transact;
mod transfer;
pub mod tree;
pub mod units;
pub mod waiting;

pub use access::Wanted;
pub use configure::Refusal;
pub use effects::{Answer, Effects, PollKey, Progress, Ticket};
pub use end::{EndId, ReadMode, Who};
pub use engine::{Engine, Now};
pub use error::{Error, Result};
pub use handle::PipeHandle;
pub use inspect::{EndInfo, Peeked, Whose};
pub use listen::Arrival;
pub use name::Name;
pub use namespace::{Attributes, Ino, Listing, Node, ROOT, Rename};
pub use opening::{Open, Patience};
pub use queue::Data;
pub use ready::Ready;
pub use report::{EndReport, EndRole, InstanceReport, MemoryUse, OwnReport, PipeState, Summary};
pub use settings::Settings;
pub use state::State;
pub use traffic::Traffic;
pub use tree::{AttributeChange, Status};
pub use waiting::{Blocking, Wait};
