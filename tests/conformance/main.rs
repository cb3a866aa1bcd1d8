//! Conformance: what the suites of others have observed of Windows' named pipes and of FIFOs, as
//! one body of cases that runs on several arms. Each case is called after its row, as in
//! `c14_clients_get_the_instance_that_listened_longest`.
//!
//! | module | what it is |
//! |---|---|
//! | [`rows`] | start here: the 181 behaviours, and what stands for each |
//! | [`coverage`] | that each of them is covered, once |
//! | [`pipes`] | the operations that an arm of groups A to O has, and what comes of them |
//! | [`story`] | words for cases |
//! | [`cases`] | groups A to O |
//! | [`arms`] | the engine driven directly, and a real mount |
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

/// Each case of a group as a test of its own on each arm. What is true `everywhere` is true of
/// Windows, too; what is true `here` is said on the page "Different here".
macro_rules! on_each_arm {
    ($($kind:ident { $($case:ident,)* })*) => {
        pub(crate) const CASES: &[(&str, &str)] =
            &[$($((stringify!($kind), stringify!($case)),)*)*];

        $(mod $kind {
            crate::on_each_arm! { @$kind $($case)* }
        })*
    };
    (@everywhere $($case:ident)*) => {
        crate::on_each_arm! { @here $($case)* }
    };
    (@here $($case:ident)*) => {
        mod engine {
            $(#[test]
            fn $case() {
                crate::in_the_engine(super::super::$case);
            })*
        }

        mod mount {
            $(#[test]
            fn $case() {
                crate::skip_without_fuse!();
                crate::on_a_mount(super::super::$case);
            })*
        }
    };
    (@engine $($case:ident)*) => {
        $(#[test]
        fn $case() {
            crate::in_the_engine(super::$case);
        })*
    };
    (@mount $($case:ident)*) => {
        $(#[test]
        fn $case() {
            crate::skip_without_fuse!();
            super::$case(&crate::arms::mount::like_windows());
        })*
    };
}
pub(crate) use on_each_arm;

mod arms;
mod cases;
mod coverage;
mod fifo;
mod pipes;
mod rows;
mod story;

/// Time for what happens at once, on a machine that has other things to do.
const SOON: std::time::Duration = std::time::Duration::from_secs(10);

fn in_the_engine(case: fn(&mut story::Story)) {
    case(&mut story::Story::on(arms::engine::EngineArm::new()));
}

fn on_a_mount(case: fn(&mut story::Story)) {
    case(&mut story::Story::on(arms::mount::MountArm::new()));
}
