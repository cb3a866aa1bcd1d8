//! Conformance: what the suites of others have observed of Windows' named pipes and of FIFOs, as
//! one body of cases that runs on several arms. Each case is called after its row, as in
//! `c14_clients_get_the_instance_that_listened_longest`.
//!
//! | module | what it is |
//! |---|---|
//! | [`rows`] | start here: the 181 behaviours, and what stands for each |
//! | [`pipes`] | the operations that an arm of groups A to O has, and what comes of them |
//! | [`story`] | words for cases |
//! | [`cases`] | groups A to O, as far as they need no more than these operations |
//! | [`arms`] | the engine, driven directly |
//! | `linux` | the other rows; a real mount; FIFOs; and that each row is covered, once |
//! | `windows` | Windows' own pipes, with the same cases, beside the engine |

mod arms;
mod cases;
mod pipes;
mod rows;
mod story;

#[cfg(target_os = "linux")]
#[path = "../harness/mod.rs"]
mod harness;
#[cfg(target_os = "linux")]
mod linux;

#[cfg(windows)]
mod windows;

/// Each case of a group as a test of its own on each arm. What is true `everywhere` is true of
/// Windows, too; what is true `here` is said on the page "Different here", as is what is true of
/// the `engine` and not to be seen on a mount.
macro_rules! on_each_arm {
    ($($kind:ident { $($case:ident,)* })*) => {
        pub(crate) const CASES: &[crate::cases::Case] =
            &[$($((stringify!($kind), stringify!($case), $case),)*)*];

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

        #[cfg(target_os = "linux")]
        mod mount {
            $(#[test]
            fn $case() {
                crate::skip_without_fuse!();
                crate::linux::story_on_a_mount(super::super::$case);
            })*
        }
    };
    (@engine $($case:ident)*) => {
        $(#[test]
        fn $case() {
            crate::in_the_engine(super::$case);
        })*
    };
}
pub(crate) use on_each_arm;

fn in_the_engine(case: fn(&mut story::Story)) {
    case(&mut story::Story::on(arms::engine::EngineArm::new()));
}
