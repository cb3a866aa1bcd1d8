//! The subcommands that are made of system calls. Those of a mount have a file each.

use super::unavailable;
use crate::cli::{Call, Create, Serve, Wait};
use crate::exit::Failure;

mod mount;
mod umount;

pub(crate) use mount::run as mount;
pub(crate) use umount::run as umount;

pub(crate) fn create(_: &Create) -> Result<(), Failure> {
    Err(unavailable("`pipefs create`"))
}

pub(crate) fn wait(_: &Wait) -> Result<(), Failure> {
    Err(unavailable("`pipefs wait`"))
}

pub(crate) fn call(_: &Call) -> Result<(), Failure> {
    Err(unavailable("`pipefs call`"))
}

pub(crate) fn serve(_: &Serve) -> Result<(), Failure> {
    Err(unavailable("`pipefs serve`"))
}
