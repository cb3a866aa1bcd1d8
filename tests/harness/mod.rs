//! The harness of the tests that need a real mount. Several test crates include it with
//! `#[path = "../harness/mod.rs"] mod harness;`, so each of them uses only a part.
//!
//! | module | what it gives |
//! |---|---|
//! | [`mount`] | start here: [`Mount`], a mounted driver that is taken down at the end of a test |
//! | [`process`] | [`Child`] and [`run`]: other programs, each with a deadline |
//! | [`actor`] | [`Actor`]: a child process that makes the system calls of a script, one by one |
//! | [`stage`] | the child's side of that |
//! | [`deadline`] | [`within`], [`eventually`], [`Task`]: no wait without an end |
//! | [`sampler`] | [`StateWatch`]: no process sits in uninterruptible sleep |
//! | [`sys`] | [`Fd`]: system calls as they are, with their errno |
//! | [`events`] | epoll and select |
//! | [`functions`] | the pipe functions that are reached through ioctl(2) |
//! | [`calls`] | rarer system calls: positions, mappings, copies inside the kernel |
//! | [`random`] | numbers that are the same at each run |
//! | [`errno`] | [`Errno`]: an error number that prints its name |
//! | [`uring`] | the same tests over io_uring |
//! | [`watchdog`] | what cleans up when the test binary itself is killed |
//!
//! Every wait has a deadline: a program that hangs is a failure of pipefs, never a hang of the
//! tests.

#![allow(dead_code, unreachable_pub, unused_imports)]

pub mod actor;
pub mod calls;
pub mod deadline;
pub mod errno;
pub mod events;
pub mod functions;
pub mod mount;
pub mod process;
pub mod random;
pub mod sampler;
pub mod stage;
pub mod sys;
pub mod uring;
pub mod watchdog;

pub use actor::Actor;
pub use deadline::{Task, eventually, within};
pub use errno::Errno;
pub use mount::{Mount, pipefs};
pub use process::{Child, command, run, sh};
pub use sampler::{StateWatch, assert_never_in_d_state};
pub use sys::Fd;

/// Ends the test here, with one line on the real standard error, where FUSE cannot be used.
/// Continuous integration counts these lines and accepts none.
#[macro_export]
macro_rules! skip_without_fuse {
    () => {
        $crate::skip_unless!($crate::harness::mount::fuse_is_usable(), "no /dev/fuse");
        $crate::skip_without_uring!(if wanted)
    };
}

/// The same where the kernel has no FUSE over io_uring, or this is not root.
#[macro_export]
macro_rules! skip_without_uring {
    (if wanted) => {
        $crate::skip_unless!($crate::harness::uring::is_there_if_wanted(), "no FUSE over io_uring")
    };
    () => {
        $crate::skip_unless!($crate::harness::uring::is_there(), "no FUSE over io_uring")
    };
}

/// The same where the test has to become another user.
#[macro_export]
macro_rules! skip_unless_root {
    () => {
        $crate::skip_unless!($crate::harness::sys::effective_uid() == 0, "not root")
    };
}

/// What the two have in common.
#[macro_export]
macro_rules! skip_unless {
    ($possible:expr, $why:literal) => {{
        fn here() {}
        if !$possible {
            $crate::harness::mount::say_skipped(std::any::type_name_of_val(&here), $why);
            return;
        }
    }};
}
