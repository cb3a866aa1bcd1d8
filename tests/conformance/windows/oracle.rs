//! A test for each row that a case shows on the system's pipes: what the system and what the engine
//! answer is what the row says, or differs from it as it is known to. And the list of all rows.

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, OnceLock};

use super::api;
use super::arm::SystemArm;
use super::cases::{self, Body, NOT_RUN};
use super::differences::{self, Answers};
use crate::arms::engine::EngineArm;
use crate::cases::row_of;
use crate::rows::ROWS;
use crate::story::Story;

/// What came of a row's case: `None` if all of it was so, else what was not.
#[derive(Debug)]
struct Findings {
    system: Option<String>,
    /// `None`: the case cannot be run on the engine.
    engine: Option<Option<String>>,
}

/// A row's case, and what came of it once it was run.
struct Shown {
    body: Body,
    findings: OnceLock<Findings>,
}

/// The page's section about this.
const SECTION: &str = "Held against Windows' own pipes";

/// The threads that run cases for the list: these wait more than they do.
const THREADS: usize = 8;

/// How much of a long text is shown of its beginning, and of its end.
const SHOWN_CHARS: usize = 250;

/// The cases by row: what Windows does in particular, else the story of all arms.
static SHOWN: LazyLock<BTreeMap<String, Shown>> = LazyLock::new(|| {
    let stories = crate::cases::all().map(|(_, name, story)| (name, Body::Story(story)));
    let bodies = stories.chain(cases::all()).map(|(name, body)| (row_of(name), body));
    let mut shown: BTreeMap<_, _> =
        bodies.map(|(row, body)| (row, Shown { body, findings: OnceLock::new() })).collect();
    for (row, _) in NOT_RUN {
        shown.remove(row);
    }
    shown
});

/// Runs the row's case, if that has not been done.
fn findings(row: &str) -> &'static Findings {
    let Shown { body, findings } = &SHOWN[row];
    findings.get_or_init(|| match *body {
        Body::Story(story) => Findings {
            system: failure(|| story(&mut Story::on(SystemArm::new()))),
            engine: Some(failure(|| story(&mut Story::on(EngineArm::new())))),
        },
        Body::Calls(calls) => Findings { system: failure(calls), engine: None },
    })
}

/// What fails a case, in one line.
fn failure(case: impl FnOnce()) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(case)).err()?;
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().map_or("?", |text| *text).to_owned(),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    // What was called with a thousand bytes says them all.
    let chars: Vec<char> = text.chars().collect();
    let Some(rest) = chars.len().checked_sub(2 * SHOWN_CHARS) else { return Some(text) };
    let (start, end) = (&chars[..SHOWN_CHARS], &chars[SHOWN_CHARS + rest..]);
    Some(start.iter().chain(&[' ', '…', ' ']).chain(end).collect())
}

/// What is wrong with an answer: it differs, and is not known to; or the other way round.
fn surprise(row: &str, answers: Answers, found: Option<&str>) -> Option<String> {
    // Windows itself has to do what the row says.
    let known =
        differences::known(row, answers).filter(|_| answers != Answers::Wine || api::is_wine());
    match (found, known) {
        (None, None) => None,
        (Some(found), Some(known)) if found.contains(known.found) => None,
        (Some(found), Some(known)) => Some(format!(
            "{row}: {answers:?} is to differ by {:?}, and does by {found:?}",
            known.found
        )),
        (Some(found), None) => Some(format!("{row}: {answers:?} differs by {found:?}")),
        (None, Some(_)) => Some(format!("{row}: {answers:?} is listed as different, and agrees")),
    }
}

/// What is wrong with the answers to a row.
fn surprises(row: &str) -> Vec<String> {
    let Findings { system, engine } = findings(row);
    let engine = engine.as_ref().and_then(|found| found.as_deref());
    let system = surprise(row, Answers::Wine, system.as_deref());
    system.into_iter().chain(surprise(row, Answers::Ours, engine)).collect()
}

/// The rows, each as a test.
macro_rules! each_row {
    ($($row:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($row)),*];

        $(#[test]
        fn $row() {
            let surprises = surprises(&stringify!($row).to_uppercase());
            assert!(surprises.is_empty(), "{}", surprises.join("\n"));
        })*
    };
}

each_row! {
    a1 a2 a3 a4 a5 a8 a10 a11 a12 a13
    b1 b3 b4 b5 b6 b7 b8 b9 b10 b11 b13 b14 b15 b16
    c1 c2 c3 c4 c5 c6 c7 c8 c9 c10 c11 c12 c13 c14 c15
    d1 d2 d3 d4 d5 d6 d8
    e1 e2 e3 e4 e5 e6 e7
    f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12 f13 f14 f15 f16
    g1 g2 g3 g4 g5 g6 g7 g8 g9 g10 g11 g13 g14 g15 g16
    h1 h2 h3 h4 h5 h6 h7
    i1 i2 i3 i4 i5 i6 i7 i8 i9
    j1 j2 j3 j4 j5 j6
    k1 k2 k3 k4 k5 k6 k7 k8 k9 k10 k11
    l1 l3 l4 l5 l6 l7
    m1 m2 m4 m9
    n1 n2 n3 n4 n5 n6 n8 n9
    o1 o2 o3 o4
}

/// One line for each row of groups A to O, by tabs: the row, what the system's answer does and what
/// the engine's does, the rule, and what the case said of either.
fn list() -> String {
    let word = |found: &Option<String>| if found.is_none() { "agrees" } else { "differs" };
    let mut list = String::new();
    for (row, _, rule) in windows_rows() {
        let line = match NOT_RUN.iter().find(|(id, _)| *id == row) {
            Some((_, why)) => ["not-run", "not-run", rule, why, "-"].join("\t"),
            None => {
                let Findings { system, engine } = findings(row);
                let said = |found: Option<&str>| found.unwrap_or("-").to_owned();
                let engine_said = engine.as_ref().and_then(|found| found.as_deref());
                let engine = engine.as_ref().map_or("not-run", word);
                let (system, system_said) = (word(system), said(system.as_deref()));
                [system, engine, rule, &system_said, &said(engine_said)].join("\t")
            }
        };
        list += &format!("oracle\t{row}\t{line}\n");
    }
    list
}

/// The rows that are Windows'.
fn windows_rows() -> impl Iterator<Item = crate::rows::Row> {
    ROWS.into_iter().filter(|(row, ..)| *row < "P")
}

/// Prints the list where libtest does not take it away.
#[test]
fn the_list_of_rows() {
    std::thread::scope(|scope| {
        for first in 0..THREADS {
            scope.spawn(move || {
                for row in TESTED.iter().skip(first).step_by(THREADS) {
                    findings(&row.to_uppercase());
                }
            });
        }
    });
    std::io::stdout().lock().write_all(list().as_bytes()).expect("it can be printed");
}

/// Each row has a test, or a reason why it has none.
#[test]
fn no_row_is_forgotten() {
    let tested = TESTED.iter().map(|row| row.to_uppercase());
    let mut found: Vec<_> = tested.chain(NOT_RUN.map(|(row, _)| row.to_owned())).collect();
    let mut expected: Vec<_> = windows_rows().map(|(row, ..)| row.to_owned()).collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert!(differences::ALL.iter().all(|known| SHOWN.contains_key(known.row)), "no such row");
}

/// A difference is accepted if it is the one that is listed, and has to be there then.
#[test]
fn nothing_else_is_accepted() {
    let said = |row, found| surprise(row, Answers::Ours, found).is_some();
    let found = differences::known("A1", Answers::Ours).expect("case matters").found;
    let among_others = format!("before {found} after");
    assert!(!said("A1", Some(among_others.as_str())));
    assert!(said("A1", Some("something else")));
    assert!(said("A1", None), "it agrees");
    assert!(!said("C1", None));
    assert!(said("C1", Some(found)));
}

/// The page has the table of differences, the reasons of rows that are not run, and the numbers.
#[test]
fn the_page_says_the_same() {
    let page = include_str!("../../../docs/WIN32.md");
    let differ = |answers| differences::ALL.iter().filter(|known| known.answers == answers).count();
    let engine = SHOWN.values().filter(|shown| matches!(shown.body, Body::Story(_))).count();
    let (wine, ours) = (differ(Answers::Wine), differ(Answers::Ours));
    let numbers = [
        format!("| Wine | {} | {} | {wine} |", SHOWN.len(), SHOWN.len() - wine),
        format!("| pipefs | {engine} | {} | {ours} |", engine - ours),
    ];
    let known = differences::ALL.iter().map(differences::Difference::markdown);
    let not_run = NOT_RUN.iter().map(|(row, why)| format!("| {row} | {why} |"));
    let lines: Vec<_> = numbers.into_iter().chain(known).chain(not_run).collect();
    let section = page.split("\n## ").find(|section| section.starts_with(SECTION));
    let rows = section.expect("the section is there").lines().filter(|line| line.starts_with("| "));
    let heads = ["| row |", "| pipes of |"];
    let found: Vec<_> =
        rows.filter(|line| !heads.iter().any(|head| line.starts_with(head))).collect();
    assert_eq!(found, lines, "the page is to have these lines:\n{}\n", lines.join("\n"));
}
