//! What pipefs takes in time and memory, beside mkfifo, sockets, and FUSE drivers that do next to
//! nothing.
//!
//! - [`options`]: the command line
//! - [`supervisor`]: the outermost process; whatever happens inside, it cleans up
//! - [`throughput`]: start here: streams of blocks, one pair of processes or many
//! - [`latency`]: round trips, opens and closes
//! - [`programs`]: `cat`, `dd` and `tar`, untouched
//! - [`parked`]: a pair beside thousands of readers that wait
//! - [`memory`]: what the driver holds for data that waits, and for nothing
//! - [`turns`]: repetitions, their order, second tries
//! - [`arms`]: what is compared, and how a driver is started and stopped
//! - [`floor`]: the drivers that do next to nothing
//! - [`roles`]: the processes that move data
//! - [`process`]: children, their deadlines and their CPUs
//! - [`syscalls`]: what std does not have, and the only `unsafe`
//! - [`figures`], [`outcome`], [`goals`]: what is made of the numbers
//! - [`report`], [`table`], [`plot`], [`json`], [`machine`]: how it is shown
//!
//! Run it with `scripts/bench.sh`; docs/BENCHMARKS.md has the method and the figures.

#[cfg(target_os = "linux")]
mod arms;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
mod goals;
#[cfg(target_os = "linux")]
mod json;
#[cfg(target_os = "linux")]
mod latency;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod outcome;
#[cfg(target_os = "linux")]
mod parked;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod programs;
#[cfg(target_os = "linux")]
mod report;
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
mod turns;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    supervisor::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the benchmark needs Linux: mkfifo and FUSE are what it compares");
}
