//! What all threads of one mount share.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use pipefs::{Attributes, Bounds, Effects, Engine, Error, Node, Now, PipeHandle, Settings};
use serde_json::{Map, Value};
use winfsp::FspError;
use winfsp::filesystem::FileInfo;

use super::doors::Doors;
use super::information::describe;
use super::pending::Pending;
use super::security;
use super::status::fsp_error;
use crate::values::{Values, mount_state};

/// What a mount is made with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Other users may use the mount (`allow_other`); the root directory is 1777 then, else 0755.
    pub allow_other: bool,
    /// Limits of all pipes together.
    pub bounds: Bounds,
    /// Settings of new pipes.
    pub defaults: Settings,
    /// The volume's label.
    pub label: String,
    /// Longest wait of a read, write or flush; `None`: for ever.
    pub wait: Option<Duration>,
    /// Each open of a pipe's data gets a node of its own in WinFsp's driver: docs/WINFSP.md.
    pub doors: bool,
}

/// One mount, served.
#[derive(Debug)]
pub(crate) struct Driver {
    pub(crate) engine: Engine,
    pub(crate) pending: Pending,
    pub(crate) doors: Option<Doors>,
    pub(crate) label: String,
    /// Threads that wait for a flush: WinFsp takes its answer only when the method returns.
    pub(crate) flushing: AtomicUsize,
    /// Who is told that the mount is to go; `None`: it was told.
    stop: Mutex<Option<Sender<()>>>,
}

impl Driver {
    pub(crate) fn new(config: &Config, stop: Sender<()>) -> Self {
        let mode = if config.allow_other { 0o1777 } else { 0o755 };
        let (uid, gid) = security::own_ids();
        let root = Attributes::new(mode, uid, gid, SystemTime::now());
        let engine = Engine::new(config.defaults, config.bounds, root).ignoring_case();
        Self {
            engine,
            pending: Pending::new(config.wait),
            doors: config.doors.then(Doors::default),
            label: config.label.clone(),
            flushing: AtomicUsize::new(0),
            stop: Mutex::new(Some(stop)),
        }
    }

    /// Runs an operation that does not wait, and delivers what it answered to others.
    pub(crate) fn perform<T>(
        &self,
        operation: impl FnOnce(&Engine, Now, &mut Effects) -> Result<T, Error>,
    ) -> Result<T, FspError> {
        let mut effects = Effects::default();
        let outcome = operation(&self.engine, Now::read(), &mut effects);
        self.pending.deliver(&mut effects);
        outcome.map_err(fsp_error)
    }

    /// What the system is told of a node.
    pub(crate) fn information(&self, node: &Node<PipeHandle>) -> Result<FileInfo, FspError> {
        let status = self.engine.status(node).map_err(fsp_error)?;
        Ok(describe(node, &status))
    }

    pub(crate) fn values(&self) -> Values<'_> {
        Values { engine: &self.engine, process_of: |process| process }
    }

    /// The state of the mount, as docs/STATE.md says.
    pub(crate) fn mount_state(&self) -> Value {
        mount_state(&self.engine, Map::new(), None)
    }

    /// Has the mount go, soon: its end waits for the thread that is here.
    pub(crate) fn ask_to_stop(&self) {
        if let Some(stop) = self.stop.lock().take() {
            let _ = stop.send(());
        }
    }

    /// Ends everything that waits, and from now on everything that would.
    pub(crate) fn shut_down(&self) {
        let mut effects = Effects::default();
        self.engine.shut_down(&mut effects);
        self.pending.deliver(&mut effects);
        self.pending.end();
    }

    /// Takes one of a few places, for as long as the value lives; `None`: they are taken.
    pub(crate) fn place_to_flush(&self, places: usize) -> Option<Flushing<'_>> {
        let flushing = Flushing(&self.flushing);
        (self.flushing.fetch_add(1, Ordering::SeqCst) < places).then_some(flushing)
    }
}

/// A thread waits for a flush.
#[derive(Debug)]
pub(crate) struct Flushing<'a>(&'a AtomicUsize);

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
