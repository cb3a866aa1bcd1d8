//! The adapter for WinFsp, without Windows and without WinFsp's driver: a fake of that driver in
//! this process asks what the real one would, through the real DLL.
//!
//! | module | what it shows |
//! |---|---|
//! | [`fake`] | start here: that the fake driver does what it should, with a file system of its own |
//! | [`roles`] | who becomes server, who client |
//! | [`data`] | what goes through pipes |
//! | [`waiting`] | what waits, what ends it, and how a mount goes meanwhile |
//! | [`names`] | names |
//! | [`information`] | sizes, the volume, who may do what |
//! | [`doors`] | opens that come twice |
//! | [`streams`] | settings, state, the pipe functions |
//! | [`commands`] | the commands about pipes, where there are none |
//!
//! | module | what it gives |
//! |---|---|
//! | [`mounted`] | a mount, as the adapter serves it |
//! | [`driver`] | the fake driver |
//! | [`client`] | what programs do with files, as requests |
//! | [`file`] | one of them, when it is open |
//! | [`entries`] | lists of files and streams |
//! | [`sddl`] | security descriptors as text |
//! | [`mini`] | the smallest file system there is |
//! | [`deadline`] | no wait without an end |

#![cfg(windows)]

mod client;
mod commands;
mod data;
#[allow(dead_code, unreachable_pub)]
#[path = "../harness/deadline.rs"]
mod deadline;
mod doors;
mod driver;
mod entries;
mod fake;
mod file;
mod information;
mod mini;
mod mounted;
mod names;
mod roles;
mod sddl;
mod streams;
mod waiting;
