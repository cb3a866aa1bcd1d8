//! Real mounts: the driver is started, files are opened, and what the kernel makes of it is seen.

#[path = "../harness/mod.rs"]
mod harness;

mod harness_itself;
