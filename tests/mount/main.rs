//! Real mounts: the driver is started, files are opened, and what the kernel makes of it is seen.
//!
//! | module | what it shows |
//! |---|---|
//! | [`roles`] | start here: who is server and who is client |
//! | [`creating`] | how pipes come to be, how many instances, and clients that wait |
//! | [`closing`] | nothing that was accepted is lost |
//! | [`unmounting`] | taking a mount down while it is in use |
//! | [`data`] | what a read returns and a write is, capacity, order |
//! | [`writers`] | many writers at once |
//! | [`memory`] | the memory limit, and what the driver takes |
//! | [`harness_itself`] | the harness: deadlines, actors, and what cleans up |

use std::time::Duration;

#[path = "../harness/mod.rs"]
mod harness;

mod closing;
mod creating;
mod data;
mod harness_itself;
mod memory;
mod roles;
mod unmounting;
mod writers;

/// Time for what happens at once, on a machine that has other things to do.
const SOON: Duration = Duration::from_secs(10);
