//! A mount of pipefs, as the adapter serves it, on the fake driver.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use pipefs::{Bounds, Settings};
use pipefs_mount::functions::wire;
use pipefs_mount::platform::functions::{RESULT_BYTES, code};
use pipefs_mount::winfsp;
use serde_json::Value;

use crate::client::{Client, READ, WRITE};
use crate::deadline::{PATIENCE, within};
use crate::driver::answer::Status;
use crate::driver::volume_of;
use crate::file::File;

/// Longest wait of an operation when a test is not about that: none of them waits so long.
const LONG: Duration = Duration::from_secs(600);

/// Bytes that all pipes of a mount hold.
pub(crate) const MEMORY_BYTES: u64 = 64 << 20;

/// A mount, which is taken down at the end, with a deadline.
pub(crate) struct Mount {
    pub(crate) client: Client,
    mounted: Option<winfsp::Mounted>,
    /// Says when the mount was asked to go.
    pub(crate) stopped: Receiver<()>,
}

/// What an end of a pipe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A client that has no server yet.
    Pending = 0,
    Server = 1,
    Client = 2,
    /// Of a shared pipe.
    Member = 3,
}

/// The usual one.
pub(crate) fn config() -> winfsp::Config {
    winfsp::Config {
        allow_other: false,
        bounds: Bounds::memory(MEMORY_BYTES),
        defaults: Settings::default(),
        label: "pipes".into(),
        wait: Some(LONG),
        doors: false,
    }
}

impl Mount {
    pub(crate) fn new() -> Self {
        Self::with(&config())
    }

    pub(crate) fn with(config: &winfsp::Config) -> Self {
        let (stop, stopped) = channel();
        let (volume, mounted) = volume_of(|| winfsp::Mounted::serve(config, stop));
        let mounted = Some(mounted.expect("it is served"));
        Self { client: Client(volume), mounted, stopped }
    }

    /// Takes it down.
    #[track_caller]
    pub(crate) fn end(&mut self) {
        if let Some(mounted) = self.mounted.take() {
            within(PATIENCE, move || drop(mounted));
        }
    }

    /// What a stream says.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn stream(&self, path: &str) -> Result<String, Status> {
        let stream = self.client.open(path, READ, crate::client::Disposition::OpenExisting)?;
        Ok(String::from_utf8(stream.read(64 << 10)?).expect("streams are text"))
    }

    /// What the state says, of a pipe or of the mount.
    #[track_caller]
    pub(crate) fn state(&self, path: &str) -> Value {
        let text = self.stream(&format!("{path}:state")).expect("there is a state");
        serde_json::from_str(&text).expect("it is JSON")
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn set(&self, path: &str, key: &str, value: &str) -> Result<(), Status> {
        let stream = format!("{path}:{key}");
        let stream = self.client.open(&stream, WRITE, crate::client::Disposition::OpenExisting)?;
        stream.write(value.as_bytes()).map(drop)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.end();
        self.client.0.assert_no_faults();
    }
}

impl File {
    /// Calls a pipe function with a structure, and gives what is in that afterwards.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn function(&self, number: u32, structure: &[u8]) -> Result<Vec<u8>, Status> {
        let room = u32::try_from(RESULT_BYTES + structure.len()).expect("it is small");
        Ok(self.control(code(number), structure, room)?.split_off(RESULT_BYTES))
    }

    /// What it is.
    ///
    /// # Errors
    /// The file system's: it is no end.
    pub(crate) fn role(&self) -> Result<Role, Status> {
        let info = self.function(wire::INFO, &[0; wire::INFO_BYTES])?;
        let all = [Role::Pending, Role::Server, Role::Client, Role::Member];
        Ok(all[usize::from(info[0])])
    }
}
