//! Changing the settings of a pipe that is there.

use crate::effects::Effects;
use crate::engine::Engine;
use crate::handle::PipeHandle;
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::settings::{SettingError, Settings};

/// Why a setting was not changed; nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such setting, or it does not take this value.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// What the setting says is built into the instances that there are.
    #[error("`{0}` can be changed only while the pipe is not in use and holds nothing")]
    InUse(&'static str),
    /// A bug: see [`crate::Error::GivenUp`].
    #[error("the pipe was given up after an internal error")]
    GivenUp,
}

/// Settings that an instance is made by; the others are looked at for each operation.
const BUILT_IN: [&str; 4] = ["access", "mode", "type", "framing"];

impl Engine {
    /// Changes one setting of a pipe. Writers that wait go on if there is room for them now.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn configure(
        &self,
        handle: &PipeHandle,
        key: &str,
        value: &str,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        self.on_pipe(handle, None, effects, |pipe, gate, effects| {
            pipe.configure(key, value, gate, effects)
        })
    }
}

impl Pipe {
    fn configure(
        &mut self,
        key: &str,
        value: &str,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<(), Refusal> {
        let mut settings: Settings = self.settings;
        settings.set(key, value)?;
        let built_in = BUILT_IN.into_iter().find(|name| *name == key);
        if let Some(name) = built_in.filter(|_| settings != self.settings && !self.is_idle()) {
            return Err(Refusal::InUse(name));
        }
        if settings.lifetime != self.settings.lifetime {
            // A name does not go because of servers that went before.
            self.served = self.has_server();
        }
        self.settings = settings;
        self.relieve(gate, effects);
        Ok(())
    }
}
