//! Requests of a strange kernel.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| pipefs_mount::fuse::fuzz::run("requests", input));
