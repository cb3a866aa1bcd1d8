//! The methods that WinFsp calls, called as it calls them, one by one, without WinFsp's driver.
//! Part of the adapter's unit tests, because `winfsp` gives its arguments no constructors.
//!
//! - `names` — making, finding, listing, renaming and removing
//! - `roles` — who becomes server and who client, and what an open touches
//! - `data` — reading, writing, flushing; what waits, and what ends that
//! - `told` — attributes, sizes, times, the volume
//! - `security` — descriptors
//! - `streams` — settings and state

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use pipefs::{Bounds, Settings};
use winfsp::filesystem::{AsyncFileSystemContext, FileInfo, FileSystemContext, OpenFileInfo};
use winfsp::{Result, U16CString};

use super::driver::Driver;
use super::pending::spawn;
use super::{Config, Filesystem, Opened};

mod data;
mod names;
mod roles;
mod security;
mod streams;
mod told;

/// Longest wait of a test.
const PATIENCE: Duration = Duration::from_secs(20);

/// What `CreateFile` asks for with `GENERIC_READ` and `GENERIC_WRITE`; and to look only.
const READ: u32 = 0x12_0089;
const WRITE: u32 = 0x12_0116;
const LOOK: u32 = 0x10_0080;
const APPEND: u32 = 0x10_0004;

/// What it does about a name that is there or not, in the options' top byte.
const OPEN_EXISTING: u32 = 1 << 24;
const CREATE_NEW: u32 = 2 << 24;
const CREATE_ALWAYS: u32 = 5 << 24;
const DIRECTORY: u32 = 0x1;

/// A mount that nobody serves.
struct World {
    filesystem: Filesystem,
    stopped: Receiver<()>,
}

impl World {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        winfsp::winfsp_init().unwrap();
        let mut config = Config {
            allow_other: false,
            bounds: Bounds::memory(64 << 20),
            defaults: Settings::default(),
            label: "pipes".into(),
            wait: None,
            doors: true,
        };
        change(&mut config);
        let (stop, stopped) = channel();
        Self { filesystem: Filesystem(Arc::new(Driver::new(&config, stop))), stopped }
    }

    fn driver(&self) -> &Driver {
        &self.filesystem.0
    }

    fn open(&self, path: &str, granted: u32) -> Result<Arc<Opened>> {
        self.open_as(path, granted, OPEN_EXISTING)
    }

    fn open_as(&self, path: &str, granted: u32, options: u32) -> Result<Arc<Opened>> {
        self.filesystem.open(&wide(path), options, granted, &mut nothing_told()).map(Arc::new)
    }

    fn create(&self, path: &str, granted: u32) -> Result<Arc<Opened>> {
        self.create_as(path, granted, CREATE_NEW)
    }

    fn create_as(&self, path: &str, granted: u32, options: u32) -> Result<Arc<Opened>> {
        let mut info = nothing_told();
        let filesystem = &self.filesystem;
        filesystem
            .create(&wide(path), options, granted, 0, None, 0, None, false, &mut info)
            .map(Arc::new)
    }

    /// Makes a pipe and opens nothing of it.
    fn make(&self, path: &str) {
        self.close(&self.create(path, LOOK).unwrap());
    }

    fn make_directory(&self, path: &str) {
        self.close(&self.create_as(path, LOOK, CREATE_NEW | DIRECTORY).unwrap());
    }

    /// The last handle is closed.
    fn close(&self, opened: &Opened) {
        self.filesystem.cleanup(opened, None, 0);
    }

    /// Begins a read; its outcome comes when it does.
    fn read(&self, opened: &Arc<Opened>, max_bytes: usize) -> Receiver<Result<Vec<u8>>> {
        let (filesystem, opened) = (self.filesystem.clone(), Arc::clone(opened));
        let (sender, outcome) = channel();
        spawn(async move {
            let mut buffer = vec![0; max_bytes];
            let read = filesystem.read_async(&opened, &mut buffer, 0).await;
            let data = read.map(|bytes| {
                buffer.truncate(bytes as usize);
                buffer
            });
            sender.send(data).unwrap();
        });
        outcome
    }

    /// Begins a write.
    fn write(&self, opened: &Arc<Opened>, data: &[u8]) -> Receiver<Result<u32>> {
        let (filesystem, opened, data) =
            (self.filesystem.clone(), Arc::clone(opened), data.to_vec());
        let (sender, outcome) = channel();
        spawn(async move {
            let mut info = FileInfo::default();
            let written = filesystem.write_async(&opened, &data, 0, false, false, &mut info).await;
            sender.send(written).unwrap();
        });
        outcome
    }

    fn reads(&self, opened: &Arc<Opened>) -> String {
        String::from_utf8(come(&self.read(opened, 1000)).unwrap()).unwrap()
    }

    fn writes(&self, opened: &Arc<Opened>, data: &str) {
        assert_eq!(come(&self.write(opened, data.as_bytes())).unwrap(), data.len() as u32);
    }

    fn told(&self, opened: &Opened) -> FileInfo {
        let mut info = FileInfo::default();
        self.filesystem.get_file_info(opened, &mut info).unwrap();
        info
    }

    /// Waits until as many operations wait.
    fn until_waiting(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.driver().engine.waiting_count() != count {
            assert!(Instant::now() < deadline, "{count} operations wait");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// What comes of an operation, in time.
fn come<T>(outcome: &Receiver<T>) -> T {
    outcome.recv_timeout(PATIENCE).expect("it ends in time")
}

fn wide(path: &str) -> U16CString {
    U16CString::from_str(path).unwrap()
}

/// The status of a refusal.
fn refused<T>(outcome: Result<T>) -> i32 {
    outcome.err().expect("it is refused").to_ntstatus()
}

/// What WinFsp hands over to be filled, with no room for a name.
fn nothing_told() -> OpenFileInfo {
    // SAFETY: WinFsp's structure, which this one is, holds numbers and a pointer that may be null.
    unsafe { MaybeUninit::zeroed().assume_init() }
}
