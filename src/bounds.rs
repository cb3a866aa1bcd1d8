//! The limits of a whole mount.

/// How much there may be of everything, so that nobody can use up the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// What all queues together may hold before writers wait.
    pub memory_bytes: u64,
    /// What the writers of one user may hold of that before they wait; `None`: all of it.
    pub user_memory_bytes: Option<u64>,
    /// Names, those of directories included.
    pub max_names: usize,
    /// Instances of all pipes together, those included whose server has closed.
    pub max_instances: u64,
}

impl Bounds {
    /// Nothing is limited but memory.
    #[must_use]
    pub const fn memory(memory_bytes: u64) -> Self {
        Self {
            memory_bytes,
            user_memory_bytes: None,
            max_names: usize::MAX,
            max_instances: u64::MAX,
        }
    }
}
