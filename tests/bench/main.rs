//! Throughput and memory of pipefs beside mkfifo and beside a FUSE driver that does nothing.
//!
//! - [`options`]: the command line
//! - [`supervisor`]: the outermost process; whatever happens inside, it cleans up
//! - [`throughput`]: start here: one run, its repetitions, their order
//! - [`memory`]: what the driver holds for data that waits
//! - [`arms`]: what is compared, and how a driver is started and stopped
//! - [`floor`]: the driver that discards writes and returns zeroes
//! - [`roles`]: the writer, the reader and the filler, each a process of its own
//! - [`process`]: children, their deadlines and their CPUs
//! - [`syscalls`]: what std does not have, and the only `unsafe`
//! - [`figures`], [`table`], [`json`], [`machine`]: what is made of the numbers
//!
//! Run it with `scripts/bench.sh`; docs/BENCHMARKS.md has the method and the figures.

#[cfg(target_os = "linux")]
mod arms;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
mod json;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod roles;
#[cfg(target_os = "linux")]
mod supervisor;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod throughput;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    supervisor::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the benchmark needs Linux: mkfifo and FUSE are what it compares");
}
