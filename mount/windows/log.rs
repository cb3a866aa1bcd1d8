//! Where the log goes: stderr, or a file when one is named.

use std::io;
use std::path::Path;

use crate::logging::{end_of, levels, log_panics};

/// Starts the log, once per process, and has every panic logged.
///
/// # Errors
/// The file cannot be opened.
///
/// # Panics
/// If the process has a log already.
pub fn start(file: Option<&Path>, verbosity: u8) -> io::Result<()> {
    let mut builder = levels(verbosity);
    if let Some(file) = file {
        builder.target(end_of(file)?);
    }
    builder.init();
    log_panics();
    Ok(())
}
