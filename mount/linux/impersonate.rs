//! ImpersonateNamedPipeClient: a server's thread opens files as its client.
//!
//! For servers that are written in Rust; the driver does not use it. Linux asks for permission to
//! use a file by a thread's *filesystem* user and group and its supplementary groups, and each
//! thread has its own. The server has to be root, or to have `CAP_SETUID` and `CAP_SETGID`.

use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;

use nix::unistd::{Gid, getgroups};

use crate::functions::{PipeFunctions, Whose};

/// This thread acts as somebody else when it uses files, until this is dropped (RevertToSelf); a
/// panic drops it too.
///
/// What it changes is whose files may be used, and to whom new ones belong. That is so also for
/// pipes: the thread opens others as the client. It does not change who may send signals to it or
/// from it. A thread or process that is started meanwhile keeps what it has inherited: start none.
/// A server that is not root but has `CAP_DAC_OVERRIDE` keeps that.
///
/// ```no_run
/// use std::fs::{File, OpenOptions};
/// use pipefs_mount::impersonate::Impersonation;
///
/// let server = OpenOptions::new().read(true).write(true).truncate(true).open("/pipes/files")?;
/// // … the client connects, and asks for a file …
/// let file = {
///     let _client = Impersonation::of_client(&server)?;
///     File::open("/srv/asked-for")? // `PermissionDenied` if the client may not read it.
/// };
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Impersonation {
    before: Identity,
    /// It has to end in the thread in which it began.
    of_thread: PhantomData<*const ()>,
}

/// Who a thread is to the kernel when it uses files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    uid: u32,
    gid: u32,
    groups: Vec<u32>,
}

impl Impersonation {
    /// Acts as the client of this server's end, an open file on a mount: as the user and group
    /// that it had when it opened, also if it has closed since. It gets no supplementary groups,
    /// for nobody has kept the client's, and those that its user may have now could be more than
    /// it had.
    ///
    /// # Errors
    /// `ESRCH`: no client has come, or it was disconnected. `ENOTTY`: not a file of a mount.
    /// `EOPNOTSUPP`: a shared or broadcast pipe. `EPERM`: the thread may not change its user or
    /// groups.
    pub fn of_client(server: impl AsFd) -> io::Result<Self> {
        let client = server.peer(Whose::Client)?;
        Self::of(client.uid, client.gid, &[])
    }

    /// Acts as this user, with this group and these supplementary groups.
    ///
    /// # Errors
    /// `EPERM`: the thread may not change its user or groups. Nothing is changed then.
    pub fn of(uid: u32, gid: u32, groups: &[u32]) -> io::Result<Self> {
        // If the change fails half-way, dropping this takes the first half back.
        let guard = Self { before: Identity::of_thread()?, of_thread: PhantomData };
        Identity { uid, gid, groups: groups.to_vec() }.take_on()?;
        Ok(guard)
    }
}

impl Drop for Impersonation {
    /// # Panics
    /// If the thread has given up the right to be who it was: it must not go on as somebody else.
    fn drop(&mut self) {
        if Identity::of_thread().ok().as_ref() != Some(&self.before) {
            self.before.take_on().expect("a thread may become again who it was");
        }
    }
}

impl Identity {
    fn of_thread() -> io::Result<Self> {
        let groups = getgroups()?.into_iter().map(Gid::as_raw).collect();
        // No user or group has this number: it asks only.
        Ok(Self { uid: set_uid(u32::MAX), gid: set_gid(u32::MAX), groups })
    }

    fn take_on(&self) -> io::Result<()> {
        set_groups(&self.groups)?;
        set_gid(self.gid);
        set_uid(self.uid);
        // These two do not say whether they were allowed.
        if set_gid(u32::MAX) != self.gid || set_uid(u32::MAX) != self.uid {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        Ok(())
    }
}

/// Sets this thread's filesystem user, and returns the one before.
fn set_uid(uid: u32) -> u32 {
    // SAFETY: it takes a number.
    unsafe { libc::setfsuid(uid).cast_unsigned() }
}

/// Sets this thread's filesystem group, and returns the one before.
fn set_gid(gid: u32) -> u32 {
    // SAFETY: it takes a number.
    unsafe { libc::setfsgid(gid).cast_unsigned() }
}

/// The call whose groups have 32 bits.
#[cfg(target_pointer_width = "64")]
const SET_GROUPS: libc::c_long = libc::SYS_setgroups;
#[cfg(not(target_pointer_width = "64"))]
const SET_GROUPS: libc::c_long = libc::SYS_setgroups32;

/// Sets this thread's supplementary groups. The C library's function would set every thread's.
fn set_groups(groups: &[u32]) -> io::Result<()> {
    // SAFETY: the kernel reads as many numbers as are said to be there.
    let result = unsafe { libc::syscall(SET_GROUPS, groups.len(), groups.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
