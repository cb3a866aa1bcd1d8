//! The subcommands that are made of system calls: one function each.

use super::unavailable;
use crate::cli::{Call, Create, Mount, Serve, Umount, Wait};
use crate::exit::Failure;

pub(crate) fn mount(_: &Mount) -> Result<(), Failure> {
    Err(unavailable("`pipefs mount`"))
}

pub(crate) fn umount(_: &Umount) -> Result<(), Failure> {
    Err(unavailable("`pipefs umount`"))
}

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
