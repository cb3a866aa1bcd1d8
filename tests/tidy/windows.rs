//! The page about Windows' functions: each has a row with tests that exist, and each of our errors
//! stands beside its errno.

use super::Findings;
use super::tree::{file, files};

const PAGE: &str = "docs/WIN32.md";

/// Microsoft's "Pipe Functions", and those of files that pipes need.
const FUNCTIONS: [&str; 21] = [
    "CallNamedPipe",
    "ConnectNamedPipe",
    "CreateFile",
    "CreateNamedPipe",
    "CreatePipe",
    "DisconnectNamedPipe",
    "FlushFileBuffers",
    "GetNamedPipeClientComputerName",
    "GetNamedPipeClientProcessId",
    "GetNamedPipeClientSessionId",
    "GetNamedPipeHandleState",
    "GetNamedPipeInfo",
    "GetNamedPipeServerProcessId",
    "GetNamedPipeServerSessionId",
    "ImpersonateNamedPipeClient",
    "PeekNamedPipe",
    "ReadFile",
    "SetNamedPipeHandleState",
    "TransactNamedPipe",
    "WaitNamedPipe",
    "WriteFile",
];

/// The tests that a line names, as in `library::names::names_are_checked`: the file of each, and
/// its function.
fn tests(line: &str) -> Vec<(String, &str)> {
    let is_test = |span: &&str| {
        let plain = span.chars().all(|c| c.is_ascii_lowercase() || "_:0123456789".contains(c));
        plain && span.matches("::").count() > 1
    };
    let spans = line.split('`').skip(1).step_by(2).filter(is_test);
    let split = spans.filter_map(|span| span.rsplit_once("::"));
    split.map(|(path, name)| (format!("tests/{}.rs", path.replace("::", "/")), name)).collect()
}

#[test]
fn each_function_of_windows_has_a_row_and_a_test() {
    let mut findings = Findings::default();
    let page = file(PAGE);
    for function in FUNCTIONS {
        let row = page.lines().find(|(_, line)| line.starts_with(&format!("| `{function}` |")));
        match row {
            None => findings.add(PAGE, 1, format!("has no row for {function}")),
            Some((number, row)) if tests(row).is_empty() => {
                findings.add(PAGE, number, format!("names no test of {function}"));
            }
            Some(_) => {}
        }
    }
    let all = files();
    for (number, line) in page.lines() {
        for (path, name) in tests(line) {
            let source = all.iter().find(|file| file.path == path);
            if !source.is_some_and(|source| source.text.contains(&format!("fn {name}("))) {
                findings.add(PAGE, number, format!("{path} has no test {name}"));
            }
        }
    }
    findings.none();
}

#[test]
fn each_error_stands_beside_its_errno() {
    let mut findings = Findings::default();
    let (page, table) = (file(PAGE), file("mount/fuse/errno.rs"));
    let mut pairs = 0;
    for line in table.text.lines() {
        let Some((error, errno)) = line.trim().split_once(" => libc::") else { continue };
        let (error, errno) = (error.trim_start_matches("Error::"), errno.trim_end_matches(','));
        let cells = format!("| `{error}` | `{errno}` |");
        if !page.text.contains(&cells) {
            findings.add(PAGE, 1, format!("has no row with {cells}"));
        }
        pairs += 1;
    }
    assert!(pairs > 20, "found {pairs} errors in {}", table.path);
    findings.none();
}
