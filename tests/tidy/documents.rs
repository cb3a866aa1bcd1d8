//! Rules about Markdown.

use pipefs::Settings;

use super::Findings;
use super::tree::{File, file, files};

/// The lines that are prose: not in a fenced or indented block of code.
fn prose(file: &File) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && !line.starts_with("    ") {
            lines.push((number, line));
        }
    }
    lines
}

/// The line with its code spans taken out, and the spans.
fn split_spans(line: &str) -> (String, Vec<&str>) {
    let parts: Vec<&str> = line.split('`').collect();
    let spans = parts.iter().skip(1).step_by(2).copied().collect();
    (parts.iter().step_by(2).copied().collect::<Vec<_>>().join("_"), spans)
}

/// Where a line's links lead: `[text](here)` and `[text]: here`.
fn targets(line: &str) -> Vec<&str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let defined = line.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    inline.chain(defined.map(|(_, target)| target)).collect()
}

/// The anchors that a page has, as GitHub makes them from its headings.
fn anchors(page: &File) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, line) in prose(page) {
        let text = line.trim_start_matches('#');
        if text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let mut anchor = String::new();
        for c in text.trim().to_lowercase().chars() {
            match c {
                ' ' => anchor.push('-'),
                c if c.is_alphanumeric() || "-_".contains(c) => anchor.push(c),
                _ => {}
            }
        }
        let earlier = found.iter().filter(|other| **other == anchor).count();
        found.push(if earlier == 0 { anchor } else { format!("{anchor}-{earlier}") });
    }
    found
}

/// A link from `page` to `target`: the path from the root, and the anchor.
fn resolve(page: &File, target: &str) -> (String, Option<String>) {
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (target, None),
    };
    if path.is_empty() {
        return (page.path.clone(), anchor);
    }
    let mut parts: Vec<&str> = page.path.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    (parts.join("/"), anchor)
}

#[test]
fn links_lead_somewhere() {
    let mut findings = Findings::default();
    let all = files();
    let find = |path: &str| all.iter().find(|file| file.path == path);
    let is_folder = |path: &str| all.iter().any(|file| file.path.starts_with(&format!("{path}/")));
    for page in all.iter().filter(|file| file.is_markdown()) {
        for (number, line) in prose(page) {
            let (text, _) = split_spans(line);
            for target in targets(&text) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (path, anchor) = resolve(page, target);
                match (find(&path), anchor) {
                    (None, None) if is_folder(&path) || path.is_empty() => {}
                    (None, _) => findings.add(&page.path, number, format!("no file {path}")),
                    (Some(other), Some(anchor)) if !anchors(other).contains(&anchor) => {
                        findings.add(&page.path, number, format!("no heading #{anchor} in {path}"));
                    }
                    (Some(_), _) => {}
                }
            }
        }
    }
    findings.none();
}

/// A path in a document, as in `src/engine.rs`, is a promise that the file is there.
#[test]
fn files_that_are_named_exist() {
    let mut findings = Findings::default();
    let all = files();
    let places = ["src/", "mount/", "tests/", "scripts/", "docs/", ".ci/"];
    for page in all.iter().filter(|file| file.is_markdown()) {
        for (number, line) in prose(page) {
            for span in split_spans(line).1 {
                let path = span.split([' ', ':', '#']).next().unwrap_or_default();
                let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "_./-".contains(c));
                let ours = places.iter().any(|place| path.starts_with(place));
                let folder = format!("{}/", path.trim_end_matches('/'));
                let exists = all.iter().any(|f| f.path == path || f.path.starts_with(&folder));
                if plain && ours && !exists {
                    findings.add(&page.path, number, format!("no file or folder {path}"));
                }
            }
        }
    }
    findings.none();
}

/// Pages whose tables say which test shows what.
const WITH_TESTS: [&str; 2] = ["docs/RELIABILITY.md", "docs/SECURITY.md"];

#[test]
fn tests_that_are_named_exist() {
    let mut findings = Findings::default();
    let all = files();
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_lowercase() || "_0".contains(c));
    for page in WITH_TESTS.map(file) {
        for (number, line) in prose(&page).into_iter().filter(|(_, line)| line.starts_with('|')) {
            for span in split_spans(line).1 {
                let parts: Vec<&str> = span.split("::").collect();
                let [.., test] = parts[..] else { continue };
                let head = format!("fn {test}(");
                if parts.len() > 1
                    && parts.iter().all(|part| is_word(part))
                    && !all.iter().any(|file| file.is_rust() && file.text.contains(&head))
                {
                    findings.add(&page.path, number, format!("there is no test {test}"));
                }
            }
        }
    }
    findings.none();
}

#[test]
fn the_map_of_documents_is_whole() {
    let mut findings = Findings::default();
    let map = file("docs/README.md");
    for page in files().iter().filter(|file| file.is_in(&["docs/"]) && file.is_markdown()) {
        let path = page.path.trim_start_matches("docs/");
        if page.path != map.path && !map.text.contains(&format!("]({path})")) {
            findings.add(&map.path, 1, format!("does not link to {path}"));
        }
    }
    findings.none();
}

#[test]
fn the_changelog_has_a_place_for_the_next_change() {
    let first = file("CHANGELOG.md").text.lines().find(|l| l.starts_with("## ")).map(str::to_owned);
    assert_eq!(first.as_deref(), Some("## Unreleased"), "CHANGELOG.md: the first heading");
}

#[test]
fn every_setting_is_described() {
    let mut findings = Findings::default();
    let page = file("docs/SEMANTICS.md");
    for key in
        Settings::KEYS.iter().chain(&["memory", "user_memory", "max_pipes", "total_instances"])
    {
        if !page.text.contains(&format!("| `{key}` |")) {
            findings.add(&page.path, 1, format!("has no row for the setting `{key}`"));
        }
    }
    findings.none();
}
