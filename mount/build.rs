//! Links programs for Windows so that the DLL of WinFsp is loaded when it is first used: where
//! WinFsp is installed is looked up at run time, and without it the command can still say so.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |key: &str| env::var(format!("CARGO_CFG_TARGET_{key}")).unwrap_or_default();
    // Only Microsoft's linker can do that.
    if target("OS") != "windows" || target("ENV") != "msvc" {
        return;
    }
    let dll = match &*target("ARCH") {
        "aarch64" => "winfsp-a64.dll",
        "x86" => "winfsp-x86.dll",
        _ => "winfsp-x64.dll",
    };
    println!("cargo::rustc-link-lib=dylib=delayimp");
    println!("cargo::rustc-link-arg=/DELAYLOAD:{dll}");
}
