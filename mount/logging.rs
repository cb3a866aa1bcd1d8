//! What a mount logs, on each system.
//!
//! Each record is one line, whatever is in it: paths are other people's, and could else steer a
//! terminal, or look like records of their own.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::panic;
use std::path::Path;
use std::thread;

use env_logger::Target;
use log::{Level, LevelFilter, Record, error};

use crate::view;

/// What the state is logged under when somebody has asked for it: it is shown whatever the level.
pub(crate) const STATE: &str = "pipefs::state";

/// A log of what as many `-v` ask for: 1 is info, 2 debug, 3 trace; with 0 `RUST_LOG` decides, and
/// without that warnings and errors are logged.
pub(crate) fn levels(verbosity: u8) -> env_logger::Builder {
    let mut builder = env_logger::Builder::new();
    builder.format(|line, record| {
        let (time, level, target) = (line.timestamp(), record.level(), record.target());
        writeln!(line, "[{time} {level:<5} {target}] {}", text(record))
    });
    builder.filter_module(STATE, LevelFilter::Info);
    builder.filter_level(match verbosity {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    });
    if verbosity == 0 {
        builder.parse_default_env();
    }
    builder
}

/// What a record says, on one line.
pub(crate) fn text(record: &Record<'_>) -> String {
    view::one_line(&record.args().to_string())
}

/// The end of a file, which is made if it is missing, as the place for a log.
///
/// # Errors
/// It cannot be opened.
pub(crate) fn end_of(file: &Path) -> io::Result<Target> {
    let file = OpenOptions::new().create(true).append(true).open(file)?;
    Ok(Target::Pipe(Box::new(file)))
}

/// Sends the text of every panic, of any thread, to the log: a daemon's stderr goes nowhere.
pub(crate) fn log_panics() {
    let to_stderr = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !log::log_enabled!(Level::Error) {
            return to_stderr(panic);
        }
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        // Where it was, and what it says, are on two lines.
        error!("thread {name} {}", panic.to_string().replacen('\n', " ", 1));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            backtrace.to_string().lines().for_each(|line| error!("{line}"));
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_raises_the_level() {
        let expected = [LevelFilter::Info, LevelFilter::Debug, LevelFilter::Trace];
        for (level, verbosity) in expected.into_iter().zip(1..) {
            assert_eq!(levels(verbosity).build().filter(), level);
        }
        assert_eq!(levels(u8::MAX).build().filter(), LevelFilter::Trace);
    }
}
