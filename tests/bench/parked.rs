//! A pair that moves data beside thousands of readers that wait, and what those take.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::arms::{Arm, Site};
use crate::floor::Kind;
use crate::machine::Patience;
use crate::memory::status;
use crate::options::{Options, Part};
use crate::process::Actor;
use crate::throughput::{self, Section};

/// Threads of one process; more would need more descriptors than a process usually may have.
const READERS_PER_PROCESS: usize = 100;
/// How long the crowd may take to come.
const DEADLINE: Duration = Duration::from_secs(180);

/// The driver's memory around a crowd of readers, in bytes.
#[derive(Debug)]
pub(crate) struct Crowd {
    pub(crate) readers: usize,
    pub(crate) before: u64,
    pub(crate) after: u64,
}

impl Crowd {
    /// What each reader takes in the driver: its pipe, its end and its writer's, and its read.
    pub(crate) fn bytes_per_reader(&self) -> f64 {
        self.after.saturating_sub(self.before) as f64 / self.readers as f64
    }
}

/// Two mounts of pipefs, one of them with a crowd that waits, take turns.
pub(crate) fn measure(
    base: &Path,
    options: &Options,
    patience: &mut Patience,
) -> io::Result<(Section, Option<Crowd>)> {
    let mut failures = Vec::new();
    let arms = [Arm::Pipefs, Arm::Crowded];
    let sites = Site::open_all(&arms, base, options, Kind::Discard, &mut failures);
    let mut crowd = None;
    let mut actors = Vec::new();
    if let Some(site) = sites.iter().find(|site| site.arm == Arm::Crowded) {
        let driver = site.driver.as_ref().map(|driver| driver.id());
        let driver = driver.ok_or_else(|| io::Error::other("no driver"))?;
        let before = status(driver, "VmRSS:")?;
        let processes = if options.quick { 10 } else { 100 };
        actors = gather(site, processes)?;
        let after = status(driver, "VmRSS:")?;
        let readers = processes * READERS_PER_PROCESS;
        eprintln!("{readers} readers wait");
        crowd = Some(Crowd { readers, before, after });
    }
    let mut section = throughput::measure_at(Part::Parked, &sites, options, patience)?;
    section.failures.splice(0..0, failures);
    drop(actors);
    Ok((section, crowd))
}

/// Starts processes whose threads all wait in a read.
fn gather(site: &Site, processes: usize) -> io::Result<Vec<Actor>> {
    let deadline = Instant::now() + DEADLINE;
    let mut actors = Vec::new();
    for process in 0..processes {
        let directory = site.directory.display().to_string();
        let readers = READERS_PER_PROCESS.to_string();
        let arguments = ["parked".to_owned(), directory, format!("parked-{process}"), readers];
        actors.push(Actor::spawn("crowd", &arguments)?);
    }
    for actor in &mut actors {
        actor.expect("parked", deadline)?;
    }
    Ok(actors)
}
