//! Where the log goes: stderr in the foreground, else syslog, or a file when one is named.
//!
//! Each record is one line, whatever is in it: paths are other people's, and could else steer a
//! terminal, or look like records of their own.

use std::io;
use std::path::{Path, PathBuf};
use std::process;

use log::{Log, Metadata, Record};
use syslog::{BasicLogger, Facility, Formatter3164, LoggerBackend};

use crate::logging::{end_of, levels, log_panics, text};

/// Syslog's socket.
const SYSLOG_SOCKET: &str = "/dev/log";

/// A place for log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// The terminal that the command was started from.
    Stderr,
    /// The end of this file, which is made if it is missing.
    File(PathBuf),
    /// Syslog if this machine has it, else nowhere: what is left to a daemon.
    Syslog,
}

/// Starts the log, once per process, and has every panic logged. Starts no thread.
///
/// `verbosity` counts the `-v`: 1 is info, 2 debug, 3 trace; with 0 `RUST_LOG` decides, and
/// without that warnings and errors are logged.
///
/// # Errors
/// The file cannot be opened.
///
/// # Panics
/// If the process has a log already.
pub fn start(sink: &Sink, verbosity: u8) -> io::Result<()> {
    let mut builder = levels(verbosity);
    match sink {
        Sink::Stderr => builder.init(),
        Sink::File(path) => builder.target(end_of(path)?).init(),
        Sink::Syslog => {
            if let Some(logger) = syslog(Path::new(SYSLOG_SOCKET)) {
                let filter = builder.build();
                log::set_max_level(filter.filter());
                log::set_boxed_logger(Box::new(Filtered { filter, logger }))
                    .expect("the log is started once");
            }
        }
    }
    log_panics();
    Ok(())
}

/// A connection to syslog, or `None` if nobody listens there.
fn syslog(socket: &Path) -> Option<BasicLogger> {
    let format = Formatter3164 {
        facility: Facility::LOG_DAEMON,
        hostname: None,
        process: "pipefs".into(),
        pid: process::id(),
    };
    let logger = syslog::unix_custom(format, socket).ok()?;
    if let LoggerBackend::Unix(connection) = &logger.backend {
        // A log line may be lost; a filesystem that waits for its logger may not.
        connection.set_nonblocking(true).ok()?;
    }
    Some(BasicLogger::new(logger))
}

/// Syslog behind the same filter as the other sinks have.
struct Filtered {
    filter: env_logger::Logger,
    logger: BasicLogger,
}

impl Log for Filtered {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.filter.matches(record) {
            let text = text(record);
            let mut one_line = Record::builder();
            one_line.metadata(record.metadata().clone());
            self.logger.log(&one_line.args(format_args!("{text}")).build());
        }
    }

    fn flush(&self) {
        self.logger.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logging::STATE;
    use log::{Level, LevelFilter};
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn syslog_is_used_only_if_somebody_listens_and_never_waits() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("log");
        assert!(syslog(&socket).is_none());
        let listener = UnixDatagram::bind(&socket).unwrap();
        let filter = levels(0).filter_level(LevelFilter::Warn).build();
        let sink = Filtered { filter, logger: syslog(&socket).unwrap() };

        log::set_max_level(LevelFilter::Trace);
        let record = |level| Record::builder().level(level).target("pipefs").build();
        sink.log(&record(Level::Info));
        sink.log(&record(Level::Warn));
        // What was asked for is shown, whatever the level.
        sink.log(&Record::builder().level(Level::Info).target(STATE).build());
        let mut line = [0; 200];
        let length = listener.recv(&mut line).unwrap();
        let line = String::from_utf8_lossy(&line[..length]);
        // Facility daemon (3), severity warning (4).
        assert!(line.starts_with("<28>"), "{line}");
        assert!(line.contains(&format!("pipefs[{}]: ", process::id())), "{line}");
        let mut line = [0; 200];
        let length = listener.recv(&mut line).unwrap();
        // Severity informational (6).
        assert!(line[..length].starts_with(b"<30>"));

        let forged = "a\n<24>pipefs[1]: forged \u{1b}[31m";
        sink.log(&Record::builder().level(Level::Error).args(format_args!("{forged}")).build());
        let mut line = [0; 200];
        let length = listener.recv(&mut line).unwrap();
        let line = String::from_utf8_lossy(&line[..length]);
        assert!(line.ends_with("a\\n<24>pipefs[1]: forged \\x1b[31m"), "{line}");

        for _ in 0..2000 {
            sink.log(&record(Level::Error));
        }
    }
}
