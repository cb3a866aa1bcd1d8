//! The driver: thin adapters around the engine.
#[cfg(target_os = "linux")]
pub mod fuse;
