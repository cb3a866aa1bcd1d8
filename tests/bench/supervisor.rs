//! The outermost process: starts the one that measures, and cleans up whatever becomes of it.
//!
//! Ctrl-C, a panic, a hang and a kill all end the same way: the worker is gone, its children got
//! their signal when it went (writers and readers SIGKILL, drivers SIGTERM, so that they unmount),
//! orphans come to this process, and what is left of mounts and files below the base is removed.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use signal_hook::consts::{SIGHUP, SIGINT, SIGKILL, SIGTERM};

use crate::options::{Options, Part};
use crate::outcome::Outcome;
use crate::{
    arms, json, latency, machine, memory, parked, plot, process, programs, report, roles, syscalls,
    table, throughput,
};

/// How often the worker is looked at; long, because looking takes CPU from what is measured.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long drivers may take to unmount once the worker is gone, and again once they are killed.
const LEFTOVERS_DEADLINE: Duration = Duration::from_secs(5);

/// Decides which process this is: supervisor, worker, or one of the worker's children.
pub(crate) fn main() -> ExitCode {
    let mut options = Options::parse();
    let result = if let Some(role) = options.role.take() {
        roles::run(role).map(|()| ExitCode::SUCCESS)
    } else if let Some(base) = options.base.clone() {
        work(&base, &options)
    } else if options.bench {
        supervise(&options)
    } else {
        println!("nothing is measured without --bench: use scripts/bench.sh or cargo bench");
        Ok(ExitCode::SUCCESS)
    };
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn supervise(options: &Options) -> io::Result<ExitCode> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    syscalls::adopt_orphans()?;
    let base =
        fs::canonicalize(tempfile::Builder::new().prefix("pipefs-bench-").tempdir()?.keep())?;
    let mut command = process::own_command()?;
    command.args(std::env::args_os().skip(1)).arg("--base").arg(&base).process_group(0);
    let mut worker = process::spawn_bound(&mut command, SIGKILL)?;
    let deadline = Instant::now() + options.time_limit();
    let status = loop {
        if let Some(status) = worker.try_wait()? {
            break Some(status);
        }
        if stop.load(Ordering::Relaxed) {
            eprintln!("stopped");
            break None;
        }
        if Instant::now() >= deadline {
            eprintln!("not done after {:?}: given up", options.time_limit());
            break None;
        }
        thread::sleep(INTERVAL);
    };
    end_all(&mut worker);
    clean(&base);
    Ok(status
        .and_then(|status| status.code())
        .map_or(ExitCode::FAILURE, |code| ExitCode::from(u8::try_from(code).unwrap_or(1))))
}

/// Ends the worker, lets its drivers unmount, and kills what is left of its process group.
fn end_all(worker: &mut Child) {
    let _ = worker.kill();
    let _ = process::wait_until(worker, Instant::now() + LEFTOVERS_DEADLINE);
    if !reap_all() {
        syscalls::send_signal(-worker.id().cast_signed(), SIGKILL);
        if !reap_all() {
            eprintln!("a process of the benchmark cannot be ended");
        }
    }
}

/// Waits for all orphans; `false` if some are left at the deadline.
fn reap_all() -> bool {
    let deadline = Instant::now() + LEFTOVERS_DEADLINE;
    loop {
        match syscalls::reap_any() {
            Err(_) => return true,
            Ok(0) if Instant::now() >= deadline => return false,
            Ok(0) => thread::sleep(Duration::from_millis(10)),
            Ok(_) => {}
        }
    }
}

/// Unmounts what is mounted below `base`, and removes files and directories, never through a mount.
fn clean(base: &Path) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        arms::unmount(&entry.path());
        if arms::is_mounted(&entry.path()).unwrap_or(true) {
            continue;
        }
        let _ = fs::remove_dir_all(entry.path());
    }
    if let Err(error) = fs::remove_dir(base) {
        eprintln!("{} is left: {error}", base.display());
    }
}

/// Measures, prints and writes the report.
fn work(base: &Path, options: &Options) -> io::Result<ExitCode> {
    let about = report::about(options, &machine::describe());
    let outcome = measure(base, options)?;
    print!("{}", report::report(&about, &outcome, &[]));
    if let Some(file) = &options.json {
        fs::write(file, json::document(&about, &outcome))?;
    }
    if let Some(file) = &options.write {
        if outcome.has_failed() {
            eprintln!("{} is left as it was: something failed", file.display());
        } else {
            let plots = plot::write_all(&plots_beside(file), &outcome, &about)?;
            table::write_between_marks(file, &report::report(&about, &outcome, &plots))?;
        }
    }
    Ok(if outcome.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// `docs/benchmarks` for `docs/BENCHMARKS.md`.
fn plots_beside(file: &Path) -> PathBuf {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    file.with_file_name(name)
}

/// Measures all parts that are wanted, one after the other.
fn measure(base: &Path, options: &Options) -> io::Result<Outcome> {
    let mut patience = machine::Patience::new(options.patience());
    let mut outcome = Outcome::default();
    for part in [Part::Free, Part::Apart, Part::OneCpu, Part::Modes, Part::Pairs] {
        if options.has(part) {
            outcome.sections.push(throughput::measure(part, base, options, &mut patience)?);
        }
    }
    if options.has(Part::RoundTrip) {
        outcome.lines.extend(latency::round_trips(base, options, &mut patience)?);
    }
    if options.has(Part::Cycles) {
        outcome.lines.extend(latency::cycles(base, options, &mut patience));
    }
    if options.has(Part::Programs) {
        outcome.lines.extend(programs::measure(base, options, &mut patience)?);
    }
    if options.has(Part::Parked) {
        let (section, crowd) = parked::measure(base, options, &mut patience)?;
        outcome.sections.push(section);
        outcome.crowd = crowd;
    }
    if options.has(Part::Memory) && options.wants(arms::Arm::Pipefs) {
        (outcome.held, outcome.failures) = memory::measure(base, options);
    }
    if options.has(Part::Idle) && options.wants(arms::Arm::Pipefs) {
        match memory::idle(base, options) {
            Ok(idle) => outcome.idle = Some(idle),
            Err(error) => outcome.failures.push(format!("idle: {error}")),
        }
    }
    Ok(outcome)
}
