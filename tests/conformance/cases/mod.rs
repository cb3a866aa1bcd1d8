//! Groups A to O: Windows' named pipes, as stories that run on every arm.

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

use crate::story::Story;

/// A case: where it is true, its name, its body.
pub(crate) type Case = (&'static str, &'static str, fn(&mut Story));

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = Case> {
    let groups: [&[Case]; 14] = [
        names::CASES,
        instances::CASES,
        states::CASES,
        opening::CASES,
        waiting::CASES,
        reading::CASES,
        writing::CASES,
        peeking::CASES,
        transacting::CASES,
        flushing::CASES,
        closing::CASES,
        information::CASES,
        security::CASES,
        cancelling::CASES,
    ];
    groups.into_iter().flatten().copied()
}

/// The row that a case is called after.
pub(crate) fn row_of(case: &str) -> String {
    case.split('_').next().unwrap_or_default().to_uppercase()
}
