//! Text that people type, and names.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pipefs_mount::fuse::fuzz::run("text", input));
