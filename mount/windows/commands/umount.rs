//! `pipefs umount`: ask the driver of a mount to end, and wait until it has.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_BUSY};

use super::mount::{answers, stream};
use crate::cli::Umount;
use crate::exit::{Exit, Failure};
use crate::winfsp::{UNMOUNT, UNMOUNT_IN_USE};

/// How long the driver may take to end.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is written to take the mount down only if no pipe is open.
const UNMOUNT_IDLE: &str = "idle";

/// Unmounts; returns when the mount is gone.
pub(crate) fn run(arguments: &Umount) -> Result<(), Failure> {
    let shown = arguments.dir.display();
    let (Some(unmount), true) = (stream(&arguments.dir, UNMOUNT), answers(&arguments.dir)) else {
        return Err(Failure::new(Exit::MountPoint, format!("no pipefs is mounted on {shown}")));
    };
    let how = if arguments.lazy { UNMOUNT_IN_USE } else { UNMOUNT_IDLE };
    let asked = fs::write(unmount, how);
    let refused = asked.as_ref().err().and_then(|error| error.raw_os_error());
    match refused.map(i32::cast_unsigned) {
        Some(ERROR_BUSY) => {
            let advice = format!("`pipefs umount --lazy {shown}` unmounts all the same");
            let message = format!("{shown} is busy: pipes are open; {advice}");
            return Err(Failure::new(Exit::MountPoint, message));
        }
        Some(ERROR_ACCESS_DENIED) => {
            let message = format!("{shown} is somebody else's mount");
            return Err(Failure::new(Exit::Unavailable, message));
        }
        // The driver may end before its answer arrives.
        _ => {}
    }
    let deadline = Instant::now() + GONE_WITHIN;
    while answers(&arguments.dir) {
        if Instant::now() > deadline {
            let why = asked.err().map_or_else(String::new, |error| format!(": {error}"));
            let message = format!("{shown} is still mounted{why}");
            return Err(Failure::new(Exit::Failure, message));
        }
        thread::sleep(LOOK_EVERY);
    }
    Ok(())
}
