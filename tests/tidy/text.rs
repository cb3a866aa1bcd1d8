//! Rules about any file.

use std::collections::BTreeSet;
use std::fs;

use super::Findings;
use super::rust::{code_only, functions, has_word, modules};
use super::tree::{File, file, files, root};

/// Widest line.
const COLUMNS: usize = 100;

/// Longest file; what is longer has two subjects.
const FILE_LINES: usize = 400;

/// Longest function.
const FUNCTION_LINES: usize = 70;

/// Largest file: everything here is written by hand.
const FILE_BYTES: u64 = 256 << 10;

/// Files that others wrote or a tool writes.
const NOT_OURS: [&str; 3] = ["Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT"];

/// Functions that may be longer than [`FUNCTION_LINES`]: file, name, reason.
const LONG_FUNCTIONS: [(&str, &str, &str); 0] = [];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 8] =
    ["util", "utils", "common", "helper", "helpers", "types", "misc", "stuff"];

/// Words that mark code as unfinished. Split, so that this list is not found itself.
const UNFINISHED: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("unimplemented", "!"),
    concat!("to", "do!"),
    concat!("db", "g!"),
];

fn ours() -> Vec<File> {
    files().into_iter().filter(|file| !NOT_OURS.contains(&file.path.as_str())).collect()
}

/// Tables and links cannot be broken.
fn may_be_wide(file: &File, line: &str) -> bool {
    let line = line.trim_start();
    (file.is_markdown() && line.starts_with('|'))
        || line.starts_with("//! |")
        || line.starts_with("/// |")
        || line.contains("https://")
        || line.contains("http://")
}

#[test]
fn lines_fit_a_screen() {
    let mut findings = Findings::default();
    for file in ours() {
        for (number, line) in file.lines() {
            let columns = line.chars().count();
            if columns > COLUMNS && !may_be_wide(&file, line) {
                findings.add(&file.path, number, format!("{columns} columns, at most {COLUMNS}"));
            }
        }
    }
    findings.none();
}

#[test]
fn lines_end_cleanly() {
    let mut findings = Findings::default();
    for file in ours() {
        let tabs = ["go", "mod"].contains(&file.extension());
        for (number, line) in file.lines() {
            if line.ends_with([' ', '\t', '\r']) {
                findings.add(&file.path, number, "blank at the end of the line");
            }
            if line.starts_with('\t') && !tabs {
                findings.add(&file.path, number, "a tab: indent with spaces");
            }
        }
        if !file.text.is_empty() && (!file.text.ends_with('\n') || file.text.ends_with("\n\n")) {
            findings.add(&file.path, file.lines().count(), "end the file with one newline");
        }
    }
    findings.none();
}

#[test]
fn files_have_one_subject() {
    let mut findings = Findings::default();
    for file in ours() {
        let lines = file.lines().count();
        if lines > FILE_LINES && file.path != "CHANGELOG.md" {
            findings.add(&file.path, lines, format!("{lines} lines, at most {FILE_LINES}"));
        }
        let bytes = fs::metadata(root().join(&file.path)).map_or(0, |data| data.len());
        if bytes > FILE_BYTES {
            findings.add(&file.path, 1, format!("{bytes} bytes: generate it instead"));
        }
    }
    findings.none();
}

#[test]
fn functions_are_short() {
    let mut findings = Findings::default();
    let mut excused = BTreeSet::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        for function in functions(&code_only(&file.text)) {
            if function.length <= FUNCTION_LINES {
                continue;
            }
            let excuse = |(path, name, _): &&(&str, &str, &str)| {
                *path == file.path && *name == function.name
            };
            if let Some(entry) = LONG_FUNCTIONS.iter().find(excuse) {
                excused.insert(entry);
                continue;
            }
            let what = format!(
                "fn {} has {} lines, at most {FUNCTION_LINES}",
                function.name, function.length
            );
            findings.add(&file.path, function.line, what);
        }
    }
    for entry in LONG_FUNCTIONS.iter().filter(|entry| !excused.contains(entry)) {
        findings.add(entry.0, 1, format!("fn {} is short now: strike it off the list", entry.1));
    }
    findings.none();
}

#[test]
fn rust_files_say_what_they_are() {
    let mut findings = Findings::default();
    for file in files().iter().filter(|file| file.is_rust()) {
        if !file.text.starts_with("//! ") {
            findings.add(&file.path, 1, "begin with a `//!` line that says what the file is for");
        }
    }
    findings.none();
}

#[test]
fn names_say_what_is_inside() {
    let mut findings = Findings::default();
    for file in files() {
        for part in file.path.split('/') {
            let stem = part.split('.').next().unwrap_or_default();
            if EMPTY_NAMES.contains(&stem) {
                findings.add(&file.path, 1, format!("`{stem}` says nothing: name it by its task"));
            }
        }
    }
    findings.none();
}

#[test]
fn nothing_is_left_unfinished() {
    let mut findings = Findings::default();
    for file in ours().iter().filter(|file| !file.is_markdown()) {
        for (number, line) in file.lines() {
            for word in UNFINISHED.iter().filter(|word| has_word(line, word)) {
                findings.add(&file.path, number, format!("`{word}`: finish it or leave it out"));
            }
        }
    }
    findings.none();
}

/// Targets are listed by hand (`autotests = false`), so a test file that nobody names would never
/// run, and a module that nobody declares would never be compiled.
#[test]
fn every_rust_file_is_compiled() {
    let mut findings = Findings::default();
    let all = files();
    let mut known: BTreeSet<String> = BTreeSet::new();
    for file in &all {
        let folder = file.path.strip_suffix(file.name()).unwrap_or_default();
        for line in file.text.lines() {
            let line = line.trim().trim_start_matches("#[").trim_end_matches(']');
            let Some(path) = line.strip_prefix("path = \"") else { continue };
            known.insert(resolved(&format!("{folder}{}", path.trim_end_matches('"'))));
        }
        if file.is_rust() {
            let inner = format!("{}/", file.path.trim_end_matches(".rs"));
            for module in modules(&code_only(&file.text)) {
                for place in [folder, inner.as_str()] {
                    known.insert(format!("{place}{module}.rs"));
                    known.insert(format!("{place}{module}/mod.rs"));
                }
            }
        }
    }
    for file in all.iter().filter(|file| file.is_rust()) {
        let by_name = file.path == "src/lib.rs" || file.name() == "build.rs";
        if !by_name && !known.contains(&file.path) {
            findings.add(&file.path, 1, "in no [[test]] or [[bench]], and no `mod` declares it");
        }
    }
    findings.none();
}

/// `a/b/../c` is `a/c`.
fn resolved(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(unix)]
#[test]
fn scripts_can_be_run_and_stop_at_mistakes() {
    use std::os::unix::fs::PermissionsExt;
    let mut findings = Findings::default();
    for file in files().iter().filter(|file| file.is_in(&["scripts/", ".ci/"])) {
        let mode =
            fs::metadata(root().join(&file.path)).map_or(0, |data| data.permissions().mode());
        let executable = mode & 0o111 != 0;
        let shell = file.text.starts_with("#!/bin/sh\n") || file.text.starts_with("#!/bin/bash\n");
        if executable != file.text.starts_with("#!") {
            findings.add(&file.path, 1, "executable and with a `#!` line, or neither: sourced");
        }
        if shell && !file.text.lines().any(|line| line.starts_with("set -") && line.contains('u')) {
            findings.add(&file.path, 2, "say `set -eu`, or `set -u` and why not -e");
        }
    }
    findings.none();
}

#[test]
fn the_licences_are_there() {
    assert!(file("LICENSE-MIT").text.contains("MIT License"));
    assert!(file("LICENSE-APACHE").text.contains("Version 2.0, January 2004"));
}
