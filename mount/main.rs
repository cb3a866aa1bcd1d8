//! The command `pipefs`.

use std::env;
use std::process::ExitCode;

use pipefs_mount::{cli, commands, exit, platform};

fn main() -> ExitCode {
    platform::keep_standard_streams_open();
    exit::code(match cli::parse(env::args_os()) {
        Ok(command) => commands::run(&command),
        Err(error) => cli::answer(&error),
    })
}
