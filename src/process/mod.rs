//! The pipe functions for the threads of one process: they block, deliver what they do to each
//! other, and read the clock, none of which the engine does.
//!
//! Start at [`Namespace`].
//!
//! - `namespace` — the names, and what is done by name
//! - `options` — what a new pipe is like
//! - `end` — what a server and a client hold
//! - `io` — ends as [`std::io::Read`] and [`std::io::Write`], errors as [`std::io::Error`]
//! - `calls` — one blocking call, and the table of those that wait: locks and clock

mod calls;
mod end;
mod io;
mod namespace;
mod options;

pub use end::{Client, ClientEnd, Message, PipeEnd, Server, ServerEnd};
pub use namespace::Namespace;
pub use options::PipeOptions;
