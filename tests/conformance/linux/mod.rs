//! What of the rows is Linux': a real mount as a further arm of the stories, rows that are about
//! system calls, and the FIFOs of the kernel.
//!
//! - `coverage` — start here: that each row is covered, once
//! - `mount` — the arm; `errno` — error numbers as the engine's errors
//! - `cases` — groups A to O, on a mount alone
//! - `fifo` — groups P to R, on a FIFO of the kernel's and on one of ours

mod cases;
mod coverage;
mod errno;
mod fifo;
mod mount;

use crate::story::Story;

/// Time for what happens at once, on a machine that has other things to do.
const SOON: std::time::Duration = std::time::Duration::from_secs(10);

/// Each case of a group as a test of its own, on a FIFO of the kernel's and on one of ours.
macro_rules! on_fifos {
    ($($case:ident,)*) => {
        pub(crate) const CASES: &[&str] = &[$(stringify!($case)),*];

        mod kernels {
            $(#[test]
            fn $case() {
                super::$case(&super::Fifo::of_the_kernel());
            })*
        }

        mod ours {
            $(#[test]
            fn $case() {
                crate::skip_without_fuse!();
                super::$case(&super::Fifo::of_ours());
            })*
        }
    };
}
use on_fifos;

/// Each case of a group as a test of its own, with a mount.
macro_rules! on_a_mount {
    ($($case:ident,)*) => {
        pub(crate) const CASES: &[&str] = &[$(stringify!($case)),*];

        mod mount {
            $(#[test]
            fn $case() {
                crate::skip_without_fuse!();
                super::$case(&crate::linux::mount::like_windows());
            })*
        }
    };
}
use on_a_mount;

/// A story, on a mount.
pub(crate) fn story_on_a_mount(case: fn(&mut Story)) {
    case(&mut Story::on(mount::MountArm::new()));
}
