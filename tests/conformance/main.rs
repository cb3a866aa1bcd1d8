//! Conformance: what the suites of others have observed of Windows' named pipes and of FIFOs, as
//! one body of cases that runs on several arms. Each case is called after its row, as in
//! `c14_clients_get_the_instance_that_listened_longest`.
//!
//! | module | what it is |
//! |---|---|
//! | [`rows`] | start here: the 181 behaviours, and what stands for each |
//! | [`coverage`] | that each of them is covered, once |
//! | [`fifo`] | groups P to R, on a FIFO of the kernel's and on one of ours |

#[path = "../harness/mod.rs"]
mod harness;

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
pub(crate) use on_fifos;

mod coverage;
mod fifo;
mod rows;

/// Time for what happens at once, on a machine that has other things to do.
const SOON: std::time::Duration = std::time::Duration::from_secs(10);
