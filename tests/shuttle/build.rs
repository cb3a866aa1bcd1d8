//! Compiles the engine for the model checker: `cfg(shuttle)` in this package, and in no other.

fn main() {
    println!("cargo::rustc-cfg=shuttle");
}
