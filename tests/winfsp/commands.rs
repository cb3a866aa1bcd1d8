//! The commands about pipes where there is no pipefs: what they say of other files, in one line,
//! and with which exit code. What they do on a mount is shown by scripts/test-windows.ps1.

use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Stdio};

use crate::deadline::{PATIENCE, Task};

/// Runs the command; its exit code, what it has printed and what it has said.
fn pipefs<S: AsRef<OsStr>>(arguments: &[S]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pipefs"));
    command.args(arguments).stdin(Stdio::null());
    let output = Task::spawn(move || command.output()).join(PATIENCE).expect("it can be run");
    let text = |bytes| String::from_utf8(bytes).expect("people get text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// Asserts that it fails with this code and one line that has these words.
#[track_caller]
fn refused<S: AsRef<OsStr>>(arguments: &[S], code: i32, words: &str) {
    let (found, printed, said) = pipefs(arguments);
    assert_eq!((found, &*printed), (Some(code), ""), "{said}");
    assert!(said.starts_with("pipefs: ") && said.lines().count() == 1, "{said}");
    assert!(said.contains(words), "{said}");
}

#[test]
fn what_is_not_on_a_pipefs_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "content").unwrap();
    let file = file.as_os_str();
    let not_ours = "is not on a pipefs (none is mounted";
    for command in ["stat", "peek", "wait", "call"] {
        refused(&[OsStr::new(command), file], 5, not_ours);
    }
    refused(&[OsStr::new("set"), file, OsStr::new("capacity=4M")], 5, not_ours);
    refused(&[OsStr::new("serve"), file, OsStr::new("--"), OsStr::new("cmd")], 5, not_ours);
    refused(&[OsStr::new("ls"), directory.path().as_os_str()], 5, not_ours);
    let new = directory.path().join("new");
    refused(&[OsStr::new("create"), new.as_os_str()], 5, not_ours);
    let made = ["serve".as_ref(), new.as_os_str(), "--".as_ref(), "cmd".as_ref()];
    refused::<&OsStr>(&made, 5, not_ours);
    assert!(!new.exists(), "nothing was made");
    assert_eq!(fs::read(file).unwrap(), b"content", "nothing was changed");
}

#[test]
fn what_is_missing_is_refused() {
    refused(&["stat", r"C:\no such pipe"], 5, "does not exist: `pipefs create` makes one");
    refused(&["peek", r"C:\no such pipe"], 5, "does not exist");
    refused(&["set", r"C:\no such pipe", "mode=shared"], 5, "does not exist");
    refused(&["wait", "--timeout", "100ms", r"C:\no such pipe"], 5, "does not exist");
    refused(&["call", "--timeout", "100ms", r"C:\no such pipe", "text"], 5, "does not exist");
    refused(&["create", r"C:\no such directory\pipe"], 5, "does not exist");
    refused(&["ls", r"C:\no such directory"], 5, "does not exist");
    refused(&["ls"], 5, "which directory?");
}

#[test]
fn what_is_mistyped_is_refused() {
    refused(&["create", r"C:\p", "--permissions", "0600"], 2, "icacls");
    refused(&["create", r"C:\p\"], 5, "is no name for a pipe");
    refused(&["create", "C:/p/.."], 5, "is no name for a pipe");
    refused(&["set", r"C:\p", "mode=nonsense"], 2, "nonsense");
    refused(&["serve", r"C:\p", "--", "no such program"], 2, "is no program in any directory");
    refused(&["serve", r"C:\p", "--", r"C:\none.exe"], 2, "is no program that can be run");
}
