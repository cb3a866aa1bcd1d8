//! What Windows does, where the stories of all arms do not say it. A story runs on the system's
//! pipes and on ours; calls are the system's functions as they are, in rows that are about these.

mod anonymous;
mod cancelling;
mod closing;
mod information;
mod instances;
mod moving;
mod names;
mod opening;

use crate::story::Story;

/// What shows a row.
#[derive(Clone, Copy)]
pub(super) enum Body {
    /// On any arm.
    Story(fn(&mut Story)),
    /// On the system's pipes alone.
    Calls(fn()),
}

/// A case: its name, its body.
pub(super) type Case = (&'static str, Body);

/// The cases of a group.
macro_rules! what_windows_does {
    ($(stories { $($story:ident,)* })? $(calls { $($calls:ident,)* })?) => {
        pub(super) const CASES: &[super::Case] = &[
            $($((stringify!($story), super::Body::Story($story)),)*)?
            $($((stringify!($calls), super::Body::Calls($calls)),)*)?
        ];
    };
}
use what_windows_does;

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Case> {
    let groups: [&[Case]; 8] = [
        names::CASES,
        instances::CASES,
        opening::CASES,
        moving::CASES,
        closing::CASES,
        information::CASES,
        cancelling::CASES,
        anonymous::CASES,
    ];
    groups.into_iter().flatten().copied()
}

/// Windows does this, and Wine does not yet, as those who observed it say.
const NOT_YET: &str = "Wine does not do this yet, as its own tests say";

/// Rows of groups A to O that no case shows, and why.
pub(super) const NOT_RUN: [(&str, &str); 16] = [
    ("A6", NOT_YET),
    ("A7", NOT_YET),
    ("A9", NOT_YET),
    ("B2", "CreateNamedPipe cannot ask for neither direction; the system's own calls can"),
    ("B12", NOT_YET),
    ("D7", "libraries do this, not the system"),
    ("G12", NOT_YET),
    ("L2", NOT_YET),
    ("L8", NOT_YET),
    ("L9", "no suite shows what it answers"),
    ("M3", NOT_YET),
    ("M5", NOT_YET),
    ("M6", "needs a second user"),
    ("M7", "needs a second user"),
    ("M8", "is about files of POSIX"),
    ("N7", "libraries do this, not the system"),
];
