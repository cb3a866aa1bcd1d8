//! The subcommands that are made of Linux' system calls, a file each.

mod call;
mod create;
mod deadline;
mod duplex;
mod mount;
mod serve;
mod umount;
mod wait;

pub(crate) use call::run as call;
pub(crate) use create::run as create;
pub(crate) use mount::run as mount;
pub(crate) use serve::run as serve;
pub(crate) use umount::run as umount;
pub(crate) use wait::run as wait;
