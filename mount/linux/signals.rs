//! The signals that end a mount, SIGINT, SIGTERM and SIGHUP, and SIGUSR1, which asks for its
//! state.

use std::fs;
use std::io;
use std::process;
use std::thread;
use std::time::Duration;

use log::{error, info};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use crate::exit::Exit;

/// How long the first signal's way may still take when a second one has arrived.
const PATIENCE: Duration = Duration::from_secs(2);

/// The signals, caught and kept until somebody acts on them.
#[derive(Debug)]
pub struct Caught(Signals);

impl Caught {
    /// From here on the signals no longer kill the process. Starts no thread. SIGHUP stays ignored
    /// if it is (nohup).
    ///
    /// # Errors
    /// The kernel refused a handler.
    pub fn catch() -> io::Result<Self> {
        let ignored = ignored_signals();
        let hangup = (!ignored.contains(&SIGHUP)).then_some(SIGHUP);
        Signals::new([SIGINT, SIGTERM, SIGUSR1].into_iter().chain(hangup)).map(Self)
    }

    /// Starts a thread that calls `report` at each SIGUSR1, and `stop` at the first signal that
    /// ends, also one that has arrived already.
    /// If a second one finds the process still there, and `stop` does not get it to end within
    /// two seconds, the thread calls `give_up` and ends the process.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn act(
        self,
        report: impl Fn() + Send + 'static,
        stop: impl FnOnce() + Send + 'static,
        give_up: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let mut signals = self.0;
        let wait = move || {
            let mut arriving = signals.forever().filter(|signal| {
                if *signal == SIGUSR1 {
                    report();
                }
                *signal != SIGUSR1
            });
            let Some(first) = arriving.next() else { return };
            info!("{}: stopping", signal_name(first).unwrap_or("a signal"));
            // On a thread of its own: this one has to see the next signal even if it hangs.
            if let Err(error) = thread::Builder::new().name("stop".into()).spawn(stop) {
                error!("cannot stop: {error}");
            }
            if arriving.next().is_some() {
                thread::sleep(PATIENCE);
                error!("the mount does not stop: leaving it");
                give_up();
                leave();
            }
        };
        thread::Builder::new().name("signals".into()).spawn(wait).map(drop)
    }
}

/// Ends the process although other threads hang.
#[expect(clippy::disallowed_methods, reason = "the main thread does not come back to return")]
fn leave() -> ! {
    process::exit(Exit::Failure as i32)
}

/// The signals that end a command, less those that its caller had it ignore: a shell's `&` does so
/// with SIGINT, nohup with SIGHUP.
pub fn that_end() -> impl Iterator<Item = i32> {
    let ignored = ignored_signals();
    [SIGINT, SIGTERM, SIGHUP].into_iter().filter(move |signal| !ignored.contains(signal))
}

/// The signals that the caller had this process ignore.
fn ignored_signals() -> Vec<i32> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0);
    (1..=64).filter(|signal| mask & (1 << (signal - 1)) != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ignored_is_known() {
        // Rust's own start-up ignores SIGPIPE.
        assert!(ignored_signals().contains(&signal_hook::consts::SIGPIPE));
        assert!(!ignored_signals().contains(&SIGTERM));
    }
}
