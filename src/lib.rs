//! Windows' named pipes (Microsoft's "Pipes (Interprocess Communications)") as a library.
//!
//! For the threads of one process, start at [`Namespace`]: its functions block, as those of
//! Windows do, and its ends are [`std::io::Read`] and [`std::io::Write`].
//!
//! ```
//! use std::thread;
//! use pipefs::{Namespace, PipeOptions, Wanted};
//!
//! let pipes = Namespace::new();
//! let server = pipes.create("shout", PipeOptions::duplex().messages())?;
//! let serving = thread::spawn(move || {
//!     server.connect()?; // Waits for a client; one may have come already.
//!     while let Some(message) = server.read_message(1024)? {
//!         server.write_message(&message.data.to_ascii_uppercase())?;
//!     }
//!     Ok::<(), pipefs::Error>(())
//! });
//!
//! let client = pipes.open("shout", Wanted::BOTH)?;
//! client.write_message(b"hello")?;
//! assert_eq!(client.read_message(1024)?.expect("a reply").data, b"HELLO");
//! drop(client);
//! serving.join().expect("it does not panic")?;
//! # Ok::<(), pipefs::Error>(())
//! ```
//!
//! For an adapter between pipes and something else, start at [`Engine`]. It does no I/O, keeps no
//! thread and reads no clock; an operation that cannot finish is parked under its ticket and
//! answered later through [`Effects`].
//!
//! What there is, from the outside in:
//!
//! - [`process`] — the pipe functions for threads: locks, clock and waiting around the engine
//! - `engine` — operations on ends, and the only locks; `tree` on names; `report` only looks
//! - `handle` — a pipe as callers hold it
//! - `namespace`, `directory`, `name` — the tree, what is in it, and what a name may be
//! - `pipe`, `opening` — all instances of a name; how opens find one, or wait
//! - `access` — who becomes server and who client
//! - `instances`, `instance`, `state`, `end` — conduits, their life, what open files hold of them
//! - `lane`, `transfer`, `outlet`, `outlets` — one direction of a conduit: its writers, bytes and
//!   messages, and where its readers take from
//! - `flush` — waiting until what was written has been read
//! - `queue`, `data`, `lengths` — the buffer; what goes in and out; where messages end in it
//! - `listen`, `transact`, `inspect` — the pipe functions beside read, write and flush
//! - `waiting`, `effects`, `ready` — parked operations, their answers, and poll
//! - `lifetime` — names that go with the last instance
//! - `traffic` — what went through
//! - `giving_up` — what becomes of a pipe when an operation on it panics
//! - `configure` — changing a pipe's settings
//! - `settings`, `units`, `error` — what can be set and refused
//! - `bounds`, `quota`, `users` — the limits of a mount, its memory and that of each user
//! - `pressure` — writers that wait for memory, and what gives it to them
//! - `sync` — the locks' names
#![forbid(unsafe_code)]

pub mod access;
pub mod bounds;
mod changes;
pub mod configure;
mod data;
mod directory;
pub mod effects;
pub mod end;
pub mod engine;
pub mod error;
mod flush;
mod giving_up;
pub mod handle;
pub mod inspect;
mod instance;
mod instances;
mod lane;
mod lengths;
mod lifetime;
pub mod listen;
pub mod name;
pub mod namespace;
pub mod opening;
mod outlet;
mod outlets;
pub mod pipe;
mod pressure;
pub mod process;
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
mod users;
pub mod waiting;

pub use access::Wanted;
pub use bounds::Bounds;
pub use configure::Refusal;
pub use effects::{Answer, Effects, PollKey, Progress, Ticket};
pub use end::{EndId, ReadMode, Who};
pub use engine::{Engine, Now};
pub use error::{Error, Result};
pub use handle::PipeHandle;
pub use inspect::{EndInfo, Peeked, Whose};
pub use lifetime::Heir;
pub use listen::Arrival;
pub use name::Name;
pub use namespace::{Attributes, Ino, Listing, Node, ROOT, Rename};
pub use opening::{Open, Patience};
pub use process::{ClientEnd, Message, Namespace, PipeEnd, PipeOptions, ServerEnd};
pub use queue::Data;
pub use ready::Ready;
pub use report::{
    EndReport, EndRole, InstanceReport, MemoryUse, Overview, OwnReport, PipeState, Summary,
};
pub use settings::Settings;
pub use state::State;
pub use traffic::Traffic;
pub use tree::{AttributeChange, Status};
pub use waiting::{Blocking, Wait};
