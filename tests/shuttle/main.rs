//! The locks of the engine, its adapter for threads and the driver's order of requests, under a
//! scheduler that decides at each of them who goes on: every schedule that it tries must hold.
//!
//! - [`explore`]: start here: how schedules are chosen, and how many
//! - [`lives`]: a ticket's life: everything that can end an operation that waits, at once
//! - [`storm`]: random operations, with the accounts of `tests/engine/arena.rs`
//! - [`blocking`]: threads that sleep until they are answered: none sleeps for ever
//! - [`names`]: names that go by themselves while others move them
//! - [`polling`]: who polls hears of a reader, however memory comes and goes
//! - [`requests`]: the order of the kernel's requests among the driver's threads
//!
//! `PIPEFS_CASES=100000` tries that many schedules of each kind, `PIPEFS_SEED=7` other ones.

#![allow(clippy::disallowed_types, reason = "what only the test locks is no step of a schedule")]
#![allow(clippy::absurd_extreme_comparisons, reason = "nobody spins here")]

extern crate pipefs_shuttle as pipefs;

#[path = "../engine/arena.rs"]
mod arena;
mod blocking;
mod explore;
#[path = "../../mount/fuse/data/head.rs"]
mod head;
mod lives;
mod names;
#[path = "../../mount/fuse/data/order.rs"]
mod order;
mod polling;
#[path = "../model/random.rs"]
mod random;
mod requests;
mod storm;

/// What the arena asks of the engine's examples.
mod world {
    use std::time::SystemTime;

    pub(crate) fn attributes() -> pipefs::Attributes {
        pipefs::Attributes::new(0o644, 0, 0, SystemTime::UNIX_EPOCH)
    }
}
