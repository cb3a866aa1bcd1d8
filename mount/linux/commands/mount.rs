//! `pipefs mount`: check what can be checked, go to the background, mount, serve until stopped.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use log::{info, warn};
use pipefs::{Bounds, Settings};

use crate::cli::Mount;
use crate::exit::{Exit, Failure, say};
use crate::fuse::{self, Config, Stopper};
use crate::linux::daemon;
use crate::linux::log::{self as logging, Sink};
use crate::linux::memory;
use crate::linux::mountpoint::{self, Claim};
use crate::linux::prerequisites;
use crate::linux::privileges;
use crate::linux::signals::Caught;
use crate::logging::STATE;
use crate::options::Options;
use crate::view;

/// Mounts, and returns in the foreground when the mount is gone, else as soon as it answers.
pub(crate) fn run(arguments: &Mount) -> Result<(), Failure> {
    let options = Options::of(arguments)?;
    let driver = Driver::prepare(arguments, options)?;
    if arguments.fake {
        return Ok(());
    }
    if arguments.foreground {
        return driver.run(|| true);
    }
    if let Some(warning) = &driver.warning {
        say(format_args!("warning: {warning}"));
    }
    daemon::in_background(|report| driver.run(|| report.ready()))
}

/// Everything that is known before the mount is made.
struct Driver {
    /// Absolute and without symbolic links.
    dir: PathBuf,
    config: Config,
    nonempty: bool,
    sink: Sink,
    verbosity: u8,
    warning: Option<String>,
}

impl Driver {
    fn prepare(arguments: &Mount, options: Options) -> Result<Self, Failure> {
        let dir = mountpoint::prepare(&arguments.dir, options.nonempty)?;
        prerequisites::check(&options)?;
        let sink = match &arguments.log_file {
            // The background has another working directory.
            Some(file) => Sink::File(std::path::absolute(file).map_err(|e| log_failure(file, &e))?),
            None if arguments.foreground => Sink::Stderr,
            None => Sink::Syslog,
        };
        let config = Config {
            allow_other: options.allow_other,
            auto_unmount: options.auto_unmount,
            bounds: options.bounds(|| memory::default_limit_bytes(Path::new("/"))),
            defaults: options.defaults,
            uring: options.uring,
            fsname: options.fsname.unwrap_or_else(|| "pipefs".into()),
        };
        let settings = Path::new(prerequisites::KERNEL_SETTINGS);
        let warning = prerequisites::request_timeout_warning(settings);
        let nonempty = options.nonempty;
        Ok(Self { dir, config, nonempty, sink, verbosity: arguments.verbose, warning })
    }

    /// Mounts and serves until the mount is gone. `announce` is called once the mount answers, and
    /// says whether anybody still wants it.
    fn run(&self, announce: impl FnOnce() -> bool) -> Result<(), Failure> {
        logging::start(&self.sink, self.verbosity).map_err(|error| match &self.sink {
            Sink::File(file) => log_failure(file, &error),
            _ => failure(format!("cannot log: {error}")),
        })?;
        if let Some(warning) = &self.warning {
            warn!("{warning}");
        }
        // Before the mount: a signal in between would leave a dead one.
        let signals =
            Caught::catch().map_err(|error| failure(format!("cannot catch signals: {error}")))?;
        let claim = Claim::make(&self.dir, self.nonempty)?;
        let mounted = fuse::mount(&claim, &self.config)
            .map_err(|error| prerequisites::mount_failure(&self.dir, &error))?;
        let stopper = mounted.stopper();
        if let Err(error) = privileges::reduce() {
            stopper.stop();
            return Err(failure(format!("cannot give up privileges: {error}")));
        }
        // Without its process the mount would stay behind, dead.
        self.stop_on(signals, stopper.clone()).inspect_err(|_| stopper.stop())?;

        let shown = self.dir.display();
        let mut answered = Err(failure(format!("the mount on {shown} ended before it answered")));
        mounted
            .serve(|| {
                drop(claim);
                answered = self.check_answer().and_then(|()| match announce() {
                    true => Ok(()),
                    false => Err(failure("the caller is gone before the mount answered".into())),
                });
                match &answered {
                    Ok(()) => info!("mounted on {shown}: {}", in_words(&self.config)),
                    Err(_) => stopper.stop(),
                }
            })
            .inspect_err(|_| stopper.stop())
            .map_err(|error| failure(format!("the mount on {shown} failed: {error}")))?;
        info!("the mount on {shown} is gone");
        answered
    }

    fn check_answer(&self) -> Result<(), Failure> {
        let shown = self.dir.display();
        fs::metadata(&self.dir)
            .map(drop)
            .map_err(|error| failure(format!("{shown} was mounted but does not answer: {error}")))
    }

    fn stop_on(&self, signals: Caught, stopper: Stopper) -> Result<(), Failure> {
        // When the process ends, whoever waits on the mount gets an error; what is left to do is
        // that no dead mount stays behind.
        let leaving = stopper.clone();
        let give_up = move || leaving.give_up();
        let (shown, asked) = (self.dir.display().to_string(), stopper.clone());
        let report =
            move || info!(target: STATE, "state of {shown}: {}", view::json(&asked.state()));
        signals
            .act(report, move || stopper.stop(), give_up)
            .map_err(|error| failure(format!("cannot start a thread: {error}")))
    }
}

/// What a mount was made with, as mount options.
fn in_words(config: &Config) -> String {
    let Bounds { memory_bytes, user_memory_bytes, max_names, max_instances } = config.bounds;
    let limits = [
        ("memory", Some(memory_bytes)),
        ("user_memory", user_memory_bytes),
        ("max_pipes", Some(max_names as u64)),
        ("total_instances", Some(max_instances)),
    ];
    let limits = limits.into_iter().filter_map(|(name, limit)| {
        let limit = limit?;
        let unlimited = limit == u64::MAX;
        Some(if unlimited { format!("{name}=unlimited") } else { format!("{name}={limit}") })
    });
    let settings = Settings::KEYS
        .into_iter()
        .filter_map(|key| Some(format!("{key}={}", config.defaults.get(key)?)));
    let words = [
        ("allow_other", config.allow_other),
        ("auto_unmount", config.auto_unmount),
        ("uring", config.uring),
    ];
    let words = words.into_iter().filter(|(_, is_on)| *is_on).map(|(word, _)| word.to_owned());
    words.chain(limits).chain(settings).collect::<Vec<_>>().join(",")
}

fn log_failure(file: &Path, error: &io::Error) -> Failure {
    failure(format!("cannot log to {}: {error}", file.display()))
}

fn failure(message: String) -> Failure {
    Failure::new(Exit::Failure, message)
}
