//! A pipe as callers hold it.

use crate::namespace::Ino;
use crate::pipe::Pipe;
use crate::settings::Settings;
use crate::sync::{Arc, Mutex, MutexGuard, Weak};

/// A pipe, whatever its name is now: valid also after the name has gone.
#[derive(Debug, Clone)]
pub struct PipeHandle(Arc<Cell>);

#[derive(Debug)]
struct Cell {
    ino: Ino,
    pipe: Mutex<Pipe>,
}

impl PipeHandle {
    /// The pipe's number (`st_ino`), the same for its whole life.
    #[must_use]
    pub fn ino(&self) -> Ino {
        self.0.ino
    }

    /// The pipe's settings at this moment.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.lock().settings
    }

    pub(crate) fn new(ino: Ino, pipe: Pipe) -> Self {
        Self(Arc::new(Cell { ino, pipe: Mutex::new(pipe) }))
    }

    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle(Arc::downgrade(&self.0))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Pipe> {
        self.0.pipe.lock()
    }
}

/// A pipe that is held by nobody for this, and may be gone.
#[derive(Debug)]
pub(crate) struct WeakHandle(Weak<Cell>);

impl WeakHandle {
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    pub(crate) fn upgrade(&self) -> Option<PipeHandle> {
        self.0.upgrade().map(PipeHandle)
    }
}

impl PartialEq for PipeHandle {
    fn eq(&self, other: &Self) -> bool {
        self.ino() == other.ino()
    }
}

impl Eq for PipeHandle {}
