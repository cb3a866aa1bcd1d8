//! That each row is covered, once: by a case, by the page, or by both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::cases::{self, row_of};
use crate::linux::cases as on_a_mount;
use crate::linux::fifo;
use crate::linux::fifo::differences;
use crate::rows::{Covered, ROWS};

/// The cases of groups A to O that need a mount.
const MOUNT_GROUPS: [&[&str]; 13] = [
    on_a_mount::names::CASES,
    on_a_mount::instances::CASES,
    on_a_mount::opening::CASES,
    on_a_mount::waiting::CASES,
    on_a_mount::reading::CASES,
    on_a_mount::writing::CASES,
    on_a_mount::peeking::CASES,
    on_a_mount::flushing::CASES,
    on_a_mount::closing::CASES,
    on_a_mount::information::CASES,
    on_a_mount::security::CASES,
    on_a_mount::cancelling::CASES,
    on_a_mount::anonymous::CASES,
];

/// The cases of groups P to R.
const FIFO_GROUPS: [&[&str]; 4] =
    [fifo::opening::CASES, fifo::moving::CASES, fifo::files::CASES, fifo::readiness::CASES];

/// The lines of the page's tables, by row.
fn on_the_page() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/CONFORMANCE.md");
    let page = fs::read_to_string(path).expect("the page is there");
    let mut found = BTreeMap::new();
    for line in page.lines() {
        let Some((id, _)) = line.strip_prefix("| ").and_then(|line| line.split_once(" |")) else {
            continue;
        };
        let (group, number) = id.split_at(1);
        if "ABCDEFGHIJKLMNOPQR".contains(group) && number.parse::<u32>().is_ok() {
            let before = found.insert(id.to_owned(), line.to_owned());
            assert_eq!(before, None, "the page has {id} twice");
        }
    }
    found
}

#[test]
fn every_row_is_covered_once() {
    let mut cases = BTreeMap::new();
    let stories = cases::all().map(|(kind, case, _)| (kind, case));
    let mounts = MOUNT_GROUPS.concat().into_iter().map(|case| ("mount", case));
    let fifos = FIFO_GROUPS.concat().into_iter().map(|case| ("fifo", case));
    for (kind, case) in stories.chain(mounts).chain(fifos) {
        if let Some((_, other)) = cases.insert(row_of(case), (kind, case)) {
            panic!("{case} and {other} are about the same row");
        }
    }
    let page = on_the_page();
    let mut wrong = Vec::new();
    for (id, covered, rule) in ROWS {
        let case = cases.remove(id);
        let (has_case, is_on_page) = (case.is_some(), page.contains_key(id));
        if case.is_some_and(|(kind, _)| kind == "here") && covered != Covered::Both {
            wrong.push(format!("{id} is true here only: the page has to say so"));
        }
        let expected = match covered {
            Covered::Case => (true, false),
            Covered::Different => (false, true),
            Covered::Both => (true, true),
        };
        if (has_case, is_on_page) != expected {
            let found = format!("has a case: {has_case}, is on the page: {is_on_page}");
            wrong.push(format!("{id} ({rule}) is to be {covered:?}; {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases.is_empty(), "cases of no row: {cases:?}");
}

#[test]
fn rows_are_all_there_and_in_order() {
    let sizes = [13, 16, 15, 8, 7, 16, 16, 7, 9, 6, 11, 9, 9, 9, 4, 6, 15, 5];
    let groups = ('A'..='R').zip(sizes);
    let expected = groups.flat_map(|(group, size)| (1..=size).map(move |n| format!("{group}{n}")));
    let ids: Vec<_> = ROWS.iter().map(|(id, ..)| (*id).to_owned()).collect();
    assert_eq!(ids, expected.collect::<Vec<_>>());
    let rules: BTreeSet<_> = ROWS.iter().map(|(.., rule)| rule).collect();
    assert!(rules.len() > 170, "rules say what is special");
}

/// The page repeats the table of differences from a FIFO word by word, and has no others.
#[test]
fn the_page_has_the_differences_from_a_fifo() {
    let page = on_the_page();
    for difference in &differences::ALL {
        assert_eq!(page.get(difference.row), Some(&difference.markdown()));
    }
    let of_fifos = page.keys().filter(|id| "PQR".contains(&id[..1])).count();
    assert_eq!(of_fifos, differences::ALL.len());
}
