//! mount(2), on exactly the directory that was checked, whatever has become of its path since.

use std::fs::{File, OpenOptions};
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fuser::{
    Config as FuserConfig, Filesystem, InitFlags, KernelConfig, MountOption, Request, Session,
    SessionACL,
};
use log::debug;
use nix::errno::Errno;
use nix::mount::MsFlags;
use nix::unistd::{getegid, geteuid};

use super::data::buffers::MAX_PAYLOAD_BYTES;
use super::session::Config;
use crate::linux::mountpoint::Claim;

/// Most RELEASE and FORGET requests that the kernel queues at once. More would be held back and
/// could be overtaken by the same process's next open; so as many as the protocol can say.
const MAX_BACKGROUND: u16 = u16::MAX;

/// Where the kernel's requests come from.
const DEVICE: &str = "/dev/fuse";

/// Negotiates with the kernel; serves nothing.
#[derive(Debug)]
pub(super) struct Greeter {
    /// There are rings for the kernel, if it takes them.
    pub(super) has_rings: bool,
    pub(super) takes_rings: Arc<AtomicBool>,
}

impl Filesystem for Greeter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let needed = InitFlags::FUSE_ATOMIC_O_TRUNC;
        config.add_capabilities(needed).map_err(|missing| {
            io::Error::new(
                io::ErrorKind::Unsupported,
                format!("this kernel's FUSE lacks {missing:?}; Linux 5.19 or later has it"),
            )
        })?;
        if config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS).is_err() {
            debug!("lookups in one directory are not parallel on this kernel");
        }
        let over_uring = InitFlags::FUSE_OVER_IO_URING;
        let takes_rings = self.has_rings && config.add_capabilities(over_uring).is_ok();
        self.takes_rings.store(takes_rings, Ordering::SeqCst);
        for result in [
            config.set_max_write(MAX_PAYLOAD_BYTES as u32),
            config.set_max_background(MAX_BACKGROUND).map(u32::from).map_err(u32::from),
        ] {
            result.map_err(|nearest| {
                io::Error::other(format!("FUSE refused a limit; it would take {nearest}"))
            })?;
        }
        Ok(())
    }
}

/// Mounts on the very directory that was checked, and negotiates.
///
/// The session would unmount, when it is dropped, whatever is on the path by then, also when ours
/// has gone already and somebody else's has come. So it is not; the process's end closes what it
/// holds.
///
/// # Errors
/// What mount(2) or fusermount3 said. Nothing is mounted then.
pub(super) fn mount(
    claim: &Claim,
    config: &Config,
    greeter: Greeter,
) -> io::Result<ManuallyDrop<Session<Greeter>>> {
    // Root of a container may not be allowed to, where fusermount3 perhaps is.
    let device = match geteuid().is_root() && !config.auto_unmount {
        true => directly(claim, config)?,
        false => None,
    };
    let fuser = fuser_config(config);
    let session = match device {
        Some(device) => Session::from_fd(greeter, device.into(), fuser.acl, fuser)
            .inspect_err(|_| claim.take_back()),
        // fusermount3 has its own way to make sure: it goes there first, and mounts where it is.
        None => Session::new(greeter, claim.path(), &fuser),
    };
    session.map(ManuallyDrop::new)
}

/// mount(2); `None`: not permitted.
fn directly(claim: &Claim, config: &Config) -> io::Result<Option<File>> {
    let device = OpenOptions::new().read(true).write(true).open(DEVICE)?;
    let mut data = format!(
        "fd={},rootmode={:o},user_id={},group_id={},default_permissions,subtype=pipefs",
        device.as_raw_fd(),
        libc::S_IFDIR,
        geteuid(),
        getegid(),
    );
    if config.allow_other {
        data.push_str(",allow_other");
    }
    let flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
    let source = Some(&*config.fsname);
    match nix::mount::mount(source, &claim.way(), Some("fuse"), flags, Some(&*data)) {
        Ok(()) => Ok(Some(device)),
        Err(Errno::EPERM) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

fn fuser_config(config: &Config) -> FuserConfig {
    let mut fuser = FuserConfig::default();
    fuser.mount_options = vec![
        MountOption::FSName(config.fsname.clone()),
        // fuser leaves `Subtype` out when it calls mount(2) itself.
        MountOption::CUSTOM("subtype=pipefs".into()),
        MountOption::DefaultPermissions,
        MountOption::NoDev,
        MountOption::NoSuid,
    ];
    if config.auto_unmount {
        fuser.mount_options.push(MountOption::AutoUnmount);
    }
    fuser.acl = if config.allow_other { SessionACL::All } else { SessionACL::Owner };
    fuser
}
