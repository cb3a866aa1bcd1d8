//! The engine by example: what each passage of docs/SEMANTICS.md means for a caller of the
//! library, without a mount.
//!
//! | module | what it shows |
//! |---|---|
//! | [`opening`] | start here: who becomes server, who client, and how clients wait |
//! | [`closing`] | nothing that was accepted is lost |
//! | [`flushing`] | a close that waits until everything has been read |
//! | [`data`] | what a read returns and what a write is |
//! | [`messages`] | message pipes, and what a full lane throws away |
//! | [`functions`] | the pipe functions beside reading, writing and flushing |
//! | [`empty_messages`] | empty messages and read modes |
//! | [`broadcast`] | everything to everybody |
//! | [`shared`] | one conduit for all |
//! | [`memory`] | the memory limit |
//! | [`readiness`] | what poll says, and whom a change wakes |
//! | [`waiting`] | interrupts |
//! | [`configure`] | settings and reports of a pipe that is there |
//! | [`lifetime`] | names that go with the last instance |
//! | [`giving_up`] | an operation that panics |
//! | [`half_done`] | a change of the tree of names that panics |
//! | [`users`], [`limits`] | each user's memory; how many names and instances there may be |
//! | [`names`] | names, directories and attributes |
//! | [`races`] | two threads at the same moment |
//! | [`stress`], [`arena`] | many threads on one engine |
//! | [`world`] | an engine with a clock, and operations that say what they expect |

#[path = "../model/random.rs"]
mod random;

mod arena;
mod broadcast;
mod closing;
mod configure;
mod data;
mod empty_messages;
mod flushing;
mod functions;
mod giving_up;
mod half_done;
mod lifetime;
mod limits;
mod memory;
mod messages;
mod names;
mod opening;
mod races;
mod readiness;
mod shared;
mod stress;
mod users;
mod waiting;
mod world;
