//! Every passage of docs/SEMANTICS.md, docs/FUNCTIONS.md and docs/CLI.md has a test, and every
//! test's passage exists.
//!
//! A passage is a list item or a table row that begins with its name in brackets, as in
//! `- **[close-data]** …`. A test names the passages that it proves in a comment just above it,
//! `/// SEMANTICS: close-data, close-eof` (in a script: `# SEMANTICS: …`, anywhere in the file).
//! It may quote them too, in lines that begin with `/// >`; then it has to quote them as they are.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use super::rust::function_name;
use super::tree::{File, file, files};

/// Where the passages are: every item of a list there is one.
const PAGES: [&str; 3] = ["docs/SEMANTICS.md", "docs/FUNCTIONS.md", "docs/CLI.md"];

/// What a test's comment begins with.
const MARK: &str = concat!("SEMANTICS", ":");

/// The name in `**[name]**` at the beginning of an item or a row.
fn passage(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("- ").or_else(|| line.strip_prefix("| "))?;
    line.strip_prefix("**[")?.split_once("]**").map(|(name, _)| name)
}

fn is_name(name: &str) -> bool {
    name.contains('-') && name.chars().all(|c| c.is_ascii_lowercase() || "-0123456789".contains(c))
}

/// The passages that a file's comments name, each with its line.
fn proven(file: &File) -> Vec<(usize, &str)> {
    let comment = |line: &str| ["//", "#", "--"].iter().any(|mark| line.starts_with(mark));
    let mut found = Vec::new();
    for (number, line) in file.lines().filter(|(_, line)| comment(line.trim_start())) {
        let Some((_, names)) = line.split_once(MARK) else { continue };
        found.extend(names.split(',').map(|name| (number, name.trim().trim_end_matches('.'))));
    }
    found
}

/// Whether the code below a comment's line is a function, or a row of a macro that makes one.
fn stands_above_a_test(file: &File, line: usize) -> bool {
    let below = file.text.lines().skip(line).map(str::trim_start);
    let mut code = below.skip_while(|line| line.starts_with("//") || line.starts_with("#["));
    let is_row = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        name.len() < line.len() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    code.next().is_some_and(|line| function_name(line).is_some() || is_row(line))
}

#[test]
fn every_item_is_a_passage_with_a_name_of_its_own() {
    let mut findings = Findings::default();
    let mut seen = BTreeSet::new();
    for page in PAGES.map(file) {
        let before = seen.len();
        for (number, line) in page.lines() {
            let wrong = match passage(line) {
                Some(name) if !is_name(name) => {
                    format!("`{name}`: lower case, with at least one `-`")
                }
                Some(name) if !seen.insert(name.to_owned()) => format!("`{name}` is there twice"),
                None if line.starts_with("- ") => {
                    "begin the item with its name: **[close-data]**".into()
                }
                _ => continue,
            };
            findings.add(&page.path, number, wrong);
        }
        assert!(seen.len() > before, "{} has no passages", page.path);
    }
    findings.none();
}

#[test]
fn every_passage_has_a_test() {
    let mut findings = Findings::default();
    let pages = PAGES.map(file);
    let mut passages: BTreeMap<&str, (&str, usize)> = BTreeMap::new();
    for page in &pages {
        let found = page.lines().filter_map(|(number, line)| Some((passage(line)?, number)));
        passages.extend(found.map(|(name, number)| (name, (page.path.as_str(), number))));
    }
    let all = files();
    let mut tested = BTreeSet::new();
    for file in all.iter().filter(|file| file.is_in(&["tests/", "src/", "mount/"])) {
        if file.is_in(&["tests/tidy/", "tests/tidy.rs"]) || file.is_markdown() {
            continue;
        }
        for (number, name) in proven(file) {
            if !passages.contains_key(name) {
                findings.add(&file.path, number, format!("{PAGES:?} have no passage `{name}`"));
            }
            if file.is_rust() && !stands_above_a_test(file, number) {
                findings.add(&file.path, number, "this comment must stand above a test");
            }
            tested.insert(name);
        }
    }
    for (name, (page, number)) in passages.iter().filter(|(name, _)| !tested.contains(*name)) {
        findings.add(page, *number, format!("no test says `{MARK} {name}`"));
    }
    findings.none();
}

/// The words of a text, without punctuation, table lines and the names of passages: what is left
/// of a quotation whose line breaks and cells were put together anew.
fn words(text: &str) -> String {
    let mut plain = String::new();
    for part in text.split("**[") {
        plain.push_str(part.split_once("]**").map_or(part, |(_, rest)| rest));
        plain.push(' ');
    }
    let words = plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn quotations_are_exact() {
    let mut findings = Findings::default();
    let pages = PAGES.map(|page| format!(" {} ", words(&file(page).text)));
    for file in files().iter().filter(|file| file.is_in(&["tests/"]) && file.is_rust()) {
        let mut quotation = String::new();
        let quoted = |line: &str| line.trim_start().strip_prefix("/// > ").map(str::to_owned);
        for (number, line) in file.lines() {
            if let Some(part) = quoted(line) {
                quotation.push_str(&part);
                quotation.push(' ');
            } else if !quotation.is_empty() {
                let quoted = format!(" {} ", words(&quotation));
                if !pages.iter().any(|page| page.contains(&quoted)) {
                    findings.add(&file.path, number - 1, format!("{PAGES:?} do not say this"));
                }
                quotation.clear();
            }
        }
    }
    findings.none();
}
