//! A mount's life: made, served by WinFsp's threads, stopped.

use std::ffi::OsStr;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use log::info;
use parking_lot::Mutex;
use winfsp::FspError;
use winfsp::host::{FileSystemHost, VolumeParams};
use winfsp::service::FileSystemServiceBuilder;
use winfsp_sys::FspVersion;

use super::data::DISPATCHERS;
use super::driver::{Config, Driver};
use super::filesystem::Filesystem;
use super::information::{UNIT_BYTES, file_time};

/// The longest name of a file, in UTF-16's units: what the system takes. The engine's limit is one
/// of bytes, and refuses some of these.
const MAX_NAME_UNITS: u16 = 255;

/// A filesystem that is served, on a drive or a directory if it was put there.
pub struct Mounted {
    host: Option<FileSystemHost<Filesystem>>,
    driver: Arc<Driver>,
    deadlines: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Mounted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.driver.fmt(f)
    }
}

impl Mounted {
    /// Makes a filesystem and starts its threads. It is on no drive yet. `stop` is told when
    /// somebody asks the mount to go (`pipefs umount`).
    ///
    /// # Errors
    /// WinFsp is not there, or refuses it.
    pub fn serve(config: &Config, stop: Sender<()>) -> io::Result<Self> {
        winfsp::winfsp_init().map_err(io::Error::other)?;
        let driver = Arc::new(Driver::new(config, stop));
        let filesystem = Filesystem(Arc::clone(&driver));
        let host = FileSystemHost::<Filesystem>::new_async(volume(), filesystem);
        let mut mounted = Self { host: Some(host.map_err(failure)?), driver, deadlines: None };
        let keeper = Arc::clone(&mounted.driver);
        let deadlines = thread::Builder::new()
            .name("pipefs-deadlines".into())
            .spawn(move || keeper.pending.keep_deadlines(&keeper.engine))?;
        mounted.deadlines = Some(deadlines);
        mounted.host().start_with_threads(DISPATCHERS).map_err(failure)?;
        Ok(mounted)
    }

    /// Puts it on a drive (`P:`) or on a directory that is not there yet.
    ///
    /// # Errors
    /// It is taken, or may not be used.
    pub fn mount(&mut self, on: &OsStr) -> io::Result<()> {
        self.host().mount(on).map_err(failure)
    }

    fn host(&mut self) -> &mut FileSystemHost<Filesystem> {
        self.host.as_mut().expect("it is served until it is dropped")
    }
}

impl Drop for Mounted {
    /// In this order: nobody new can come; who waits is answered, because WinFsp waits for them;
    /// the threads end; what they used goes.
    fn drop(&mut self) {
        let mut host = self.host.take().expect("it is dropped once");
        host.unmount();
        self.driver.shut_down();
        host.stop();
        drop(host);
        if let Some(deadlines) = self.deadlines.take() {
            let _ = deadlines.join();
        }
        info!("the mount is gone");
    }
}

/// Mounts and serves until the mount is to go: by Ctrl-C, by `pipefs umount`, or by Windows'
/// service manager, if it has started this process. `ready` is called once it is mounted.
///
/// # Errors
/// WinFsp is not there, or `on` cannot be mounted on.
pub fn run(config: &Config, on: &OsStr, ready: impl Fn() + Send + Sync) -> io::Result<()> {
    let init = winfsp::winfsp_init().map_err(io::Error::other)?;
    let (stop, stopped) = channel();
    let stop = Mutex::new(Some(stop));
    let refused = Mutex::new(None);
    let start = || {
        let stop = stop.lock().take().expect("it is started once");
        let mounted = Mounted::serve(config, stop).and_then(|mut mounted| {
            mounted.mount(on)?;
            Ok(mounted)
        });
        match mounted {
            Ok(mounted) => {
                ready();
                Ok(Some(mounted))
            }
            Err(error) => {
                let status = match error.raw_os_error() {
                    Some(code) => FspError::WIN32(code.cast_unsigned()),
                    None => FspError::IO(error.kind()),
                };
                *refused.lock() = Some(error);
                Err(status)
            }
        }
    };
    let end = |mounted: Option<&mut Option<Mounted>>| {
        drop(mounted.and_then(Option::take));
        Ok(())
    };
    let service = FileSystemServiceBuilder::new().with_start(start).with_stop(end);
    let mut service = service.build("pipefs", init).map_err(failure)?;
    service.start().map_err(failure)?;
    // Somebody asks, or the mount has ended or never come to be.
    let _ = stopped.recv();
    service.stop();
    service.join().map_err(failure)?;
    drop(service);
    match refused.into_inner() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn volume() -> VolumeParams {
    let now = file_time(SystemTime::now());
    let mut volume = VolumeParams::new();
    volume
        .filesystem_name("pipefs")
        .sector_size(UNIT_BYTES)
        .sectors_per_allocation_unit(1)
        .max_component_length(MAX_NAME_UNITS)
        .volume_creation_time(now)
        // Of the low bits, which differ from mount to mount.
        .volume_serial_number(now as u32)
        .case_sensitive_search(false)
        .case_preserved_names(true)
        .unicode_on_disk(true)
        .persistent_acls(true)
        .named_streams(true)
        .device_control(true)
        .flush_and_purge_on_cleanup(true)
        // Nothing is cached: it changes without WinFsp's doing.
        .file_info_timeout(0);
    volume
}

fn failure(error: impl Into<FspError>) -> io::Error {
    match error.into() {
        FspError::WIN32(code) => io::Error::from_raw_os_error(code.cast_signed()),
        other => {
            // SAFETY: the DLL was loaded; the function takes a number and returns one.
            let code = unsafe { winfsp_sys::FspWin32FromNtStatus(other.to_ntstatus()) };
            io::Error::from_raw_os_error(code.cast_signed())
        }
    }
}

/// A version of WinFsp's DLL, which is that of the driver it talks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Changes when programs have to be built anew.
    pub major: u16,
    /// Counts releases.
    pub minor: u16,
}

impl Version {
    /// That of the DLL that is there.
    ///
    /// # Errors
    /// WinFsp is not installed.
    pub fn installed() -> io::Result<Self> {
        winfsp::winfsp_init().map_err(io::Error::other)?;
        let mut version = 0;
        // SAFETY: the DLL was loaded, and it writes one number to where one is.
        let status = unsafe { FspVersion(&raw mut version) };
        if status < 0 {
            return Err(io::Error::other(format!("WinFsp tells no version: {status:#010x}")));
        }
        let [low, high] = [version & 0xffff, version >> 16];
        let part = |number: u32| u16::try_from(number).expect("it has 16 bits");
        Ok(Self { major: part(high), minor: part(low) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dll_is_one_that_the_bindings_are_for() {
        let version = Version::installed().unwrap();
        assert_eq!(version.major, 2, "{version:?}");
    }
}
