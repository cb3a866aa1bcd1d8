//! The command `pipefs`.
fn main() {}
