//! What can be seen of pipes and of the mount without touching them.

use crate::Settings;
use crate::end::Who;
use crate::engine::{Engine, PipeHandle};
use crate::state::State;
use crate::traffic::Traffic;

/// A pipe's state at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipeState {
    /// Its settings.
    pub settings: Settings,
    /// Each instance's state and buffered bytes, oldest first.
    pub instances: Vec<(State, u64)>,
    /// The processes that hold ends.
    pub holders: Vec<Who>,
    /// What went through it.
    pub traffic: Traffic,
    /// Successful opens so far.
    pub opens: u64,
}

/// The memory limit and how much of it is used, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryUse {
    /// All queues together may hold this much before writers wait.
    pub limit_bytes: u64,
    /// They hold this much.
    pub used_bytes: u64,
}

impl Engine {
    /// A pipe's state at this moment.
    #[must_use]
    pub fn pipe_state(&self, handle: &PipeHandle) -> PipeState {
        let pipe = handle.lock();
        PipeState {
            settings: pipe.settings,
            instances: pipe.instance_states(),
            holders: pipe.holders(),
            traffic: pipe.traffic(),
            opens: pipe.opens(),
        }
    }

    /// The memory limit and its use.
    #[must_use]
    pub fn memory(&self) -> MemoryUse {
        MemoryUse { limit_bytes: self.quota.limit_bytes(), used_bytes: self.quota.used_bytes() }
    }
}
