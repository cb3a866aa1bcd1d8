//! The subcommands about mounts, a file each.

mod mount;
mod umount;

pub(crate) use mount::run as mount;
pub(crate) use umount::run as umount;
