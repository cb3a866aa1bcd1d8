//! Other users, and what they may not do. docs/SECURITY.md says what is promised. Most of these
//! tests need to be root.
//!
//! | module | what it shows |
//! |---|---|
//! | [`matrix`] | start here: who may do what to a pipe, line by line |
//! | [`handles`] | open files and paths that somebody else holds |
//! | [`mounting`] | mount points in directories that somebody else controls |
//! | [`observers`] | who looks all the time, whoever is first under a name, what a log says |
//! | [`ordinary`] | the same on a mount of an ordinary user |
//! | [`privileges`] | what root's driver keeps of root's privileges |

mod handles;
mod matrix;
mod mounting;
mod observers;
mod ordinary;
mod privileges;

/// Users and a group that nothing here belongs to, unless a test says so.
const OWNER: u32 = 65_531;
const MEMBER: u32 = 65_532;
const OTHER: u32 = 65_533;
const GROUP: u32 = 65_530;
