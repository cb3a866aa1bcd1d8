//! The adapter for WinFsp, without Windows and without WinFsp's driver: a fake of that driver in
//! this process asks what the real one would, through the real DLL.
//!
//! | module | what it shows |
//! |---|---|
//! | [`fake`] | start here: that the fake driver does what it should, with a file system of its own |
//!
//! | module | what it gives |
//! |---|---|
//! | [`driver`] | the fake driver |
//! | [`client`] | what programs do with files, as requests |
//! | [`file`] | one of them, when it is open |
//! | [`entries`] | lists of files and streams |
//! | [`mini`] | the smallest file system there is |
//! | [`deadline`] | no wait without an end |

#![cfg(windows)]

mod client;
#[allow(dead_code, unreachable_pub)]
#[path = "../harness/deadline.rs"]
mod deadline;
mod driver;
mod entries;
mod fake;
mod file;
mod mini;
