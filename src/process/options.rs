//! What CreateNamedPipe is told of a pipe.

use std::time::Duration;

use crate::Error;
use crate::settings::{
    Access, MAX_CAPACITY_BYTES, MAX_INSTANCES, MIN_CAPACITY_BYTES, Mode, PipeType, SettingError,
    Settings,
};

/// How a server wants its pipe to be. Whoever creates the first instance decides; later ones have
/// to agree in the direction only.
///
/// ```
/// use pipefs::{Namespace, PipeOptions, Wanted};
///
/// let options = PipeOptions::duplex().messages().max_instances(2).set("linger", "drop")?;
/// let pipes = Namespace::new();
/// let first = pipes.create("jobs", options)?;
/// let second = pipes.create("jobs", options)?;
/// assert_eq!(pipes.create("jobs", options).err(), Some(pipefs::Error::Busy));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipeOptions {
    pub(super) settings: Settings,
    pub(super) is_first: bool,
}

impl PipeOptions {
    fn new(access: Access) -> Self {
        Self { settings: Settings { access, ..Settings::default() }, is_first: false }
    }

    /// Both sides read and write (`PIPE_ACCESS_DUPLEX`).
    #[must_use]
    pub fn duplex() -> Self {
        Self::new(Access::Duplex)
    }

    /// The server writes, clients read (`PIPE_ACCESS_OUTBOUND`).
    #[must_use]
    pub fn outbound() -> Self {
        Self::new(Access::Outbound)
    }

    /// The server reads, clients write (`PIPE_ACCESS_INBOUND`).
    #[must_use]
    pub fn inbound() -> Self {
        Self::new(Access::Inbound)
    }

    /// Every write is a message (`PIPE_TYPE_MESSAGE`); without this the pipe carries bytes.
    #[must_use]
    pub fn messages(mut self) -> Self {
        self.settings.pipe_type = PipeType::Message;
        self
    }

    /// Who shares what. The default is an instance for each call of
    /// [`Namespace::create`](super::Namespace::create).
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.settings.mode = mode;
        self
    }

    /// How many bytes each direction of an instance holds before writers wait: 1 byte to 1 TiB.
    #[must_use]
    pub fn capacity_bytes(mut self, bytes: u64) -> Self {
        self.settings.capacity_bytes = bytes;
        self
    }

    /// How many instances there may be at once: 1 to 255. The default is any number.
    #[must_use]
    pub fn max_instances(mut self, count: u32) -> Self {
        self.settings.max_instances = Some(count);
        self
    }

    /// How long clients wait for an instance when they do not say (`nDefaultTimeOut`). The
    /// default is for ever.
    #[must_use]
    pub fn wait_timeout(mut self, timeout: Duration) -> Self {
        self.settings.wait_timeout = Some(timeout);
        self
    }

    /// The name must be new (`FILE_FLAG_FIRST_PIPE_INSTANCE`): [`Error::Exists`] if it is not.
    #[must_use]
    pub fn first_instance(mut self) -> Self {
        self.is_first = true;
        self
    }

    /// Any other setting, by the name and value that a mount's user would write.
    ///
    /// # Errors
    /// There is no such setting, or it does not take this value.
    pub fn set(mut self, key: &str, value: &str) -> Result<Self, SettingError> {
        self.settings.set(key, value)?;
        Ok(self)
    }

    /// The settings, if they are within their limits.
    pub(super) fn checked(&self) -> crate::Result<Settings> {
        let Settings { access, capacity_bytes, max_instances, .. } = self.settings;
        let valid = access != Access::Auto
            && (MIN_CAPACITY_BYTES..=MAX_CAPACITY_BYTES).contains(&capacity_bytes)
            && max_instances.is_none_or(|count| (1..=MAX_INSTANCES).contains(&count));
        if valid { Ok(self.settings) } else { Err(Error::Invalid) }
    }
}
