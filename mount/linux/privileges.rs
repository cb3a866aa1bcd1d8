//! What the driver may do: as little as it needs. Root's may unmount, and nothing else that root
//! may do because it is root; docs/SECURITY.md tells the rest.

use std::io;

use log::{debug, warn};
use nix::unistd::geteuid;
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set,
    remove_capability_from_bounding_set, set_capabilities, set_no_new_privs,
};

/// What it takes to unmount: umount2(2) itself, and the way to a mount point that may lead through
/// directories that are closed to root without it. In effect only meanwhile.
const KEPT: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::DAC_READ_SEARCH);

/// Gives up what the driver does not need once it has mounted. Threads that were started before
/// would keep it: there must be none.
///
/// - Its memory holds what users have written, so nobody but root may look into it: no ptrace(2) by
///   another process of the same user, and no core dump.
/// - Root's driver keeps [`KEPT`], not in effect, and can never get more, by starting a program
///   either. That of an ordinary user has nothing, but needs the set-user-id bit of fusermount3.
///
/// # Errors
/// The kernel refuses.
pub fn reduce() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let permitted = capabilities(None)?.permitted;
    if permitted.contains(CapabilitySet::SETPCAP) {
        for capability in CapabilitySet::all().difference(KEPT).iter() {
            // One that this kernel does not know is not there.
            if let Err(error) = remove_capability_from_bounding_set(capability) {
                debug!("{capability:?} is not in the bounding set: {error}");
            }
        }
    }
    // Kernels before 4.3 have none.
    if let Err(error) = clear_ambient_capability_set() {
        debug!("no ambient capabilities: {error}");
    }
    set(CapabilitySet::empty(), permitted.intersection(KEPT))?;
    if geteuid().is_root() {
        set_no_new_privs(true)?;
    }
    Ok(())
}

fn set(effective: CapabilitySet, permitted: CapabilitySet) -> io::Result<()> {
    let inheritable = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective, permitted, inheritable })?)
}

/// While this lives, what was kept is in effect in this thread.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Lent(Option<CapabilitySets>);

/// Puts what [`reduce`] has kept into effect, in the calling thread.
pub fn lend() -> Lent {
    let before = capabilities(None).ok();
    let before = before.filter(|sets| !sets.effective.contains(sets.permitted));
    if let Some(sets) = &before
        && let Err(error) = set(sets.permitted, sets.permitted)
    {
        warn!("what was kept for the unmount cannot be used: {error}");
    }
    Lent(before)
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(sets) = self.0.take()
            && let Err(error) = set(sets.effective, sets.permitted)
        {
            warn!("what was lent for the unmount cannot be given back: {error}");
        }
    }
}
