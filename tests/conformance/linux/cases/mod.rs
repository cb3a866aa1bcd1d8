//! Rows that are about system calls, processes or users, on a mount.

pub(crate) mod anonymous;
pub(crate) mod cancelling;
pub(crate) mod closing;
pub(crate) mod flushing;
pub(crate) mod information;
pub(crate) mod instances;
pub(crate) mod names;
pub(crate) mod opening;
pub(crate) mod peeking;
pub(crate) mod reading;
pub(crate) mod security;
pub(crate) mod waiting;
pub(crate) mod writing;
