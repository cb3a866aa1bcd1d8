//! Groups A to O: Windows' named pipes.

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
pub(crate) mod states;
pub(crate) mod transacting;
pub(crate) mod waiting;
pub(crate) mod writing;
