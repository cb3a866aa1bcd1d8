//! Names that would steer a terminal or mislead a person, and names that are no text: people see
//! escapes, programs the name as it is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::harness::{Mount, sys};
use crate::{does, on_terminal, skip_without_fuse};

/// A name's bytes, and how it is shown.
const NAMES: [(&[u8], &str); 9] = [
    (b"new\nline", "new\\nline"),
    (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    (b"bell\x07\x7f\x01", "bell\\x07\\x7f\\x01"),
    (b"\xff\xfe\x80", "\\xff\\xfe\\x80"),
    (b"back\\nslash", "back\\\\nslash"),
    (b"\xe2\x80\xaegpj.exe", "\\u{202e}gpj.exe"),
    (b"\xe2\x81\xa6isolate\xe2\x80\x8b", "\\u{2066}isolate\\u{200b}"),
    (b"c1\xc2\x9b31m", "c1\\u{9b}31m"),
];

fn pipes(mount: &Mount) -> Vec<(PathBuf, &'static [u8], &'static str)> {
    let make = |(bytes, shown): (&'static [u8], &'static str)| {
        let path = mount.path(OsStr::from_bytes(bytes));
        sys::mknod(&path, libc::S_IFREG | 0o644).unwrap();
        (path, bytes, shown)
    };
    NAMES.into_iter().map(make).collect()
}

#[track_caller]
fn assert_harmless(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{2066}', '\u{200b}']), "{text:?}");
}

/// SEMANTICS: command-names
#[test]
fn people_see_escapes() {
    skip_without_fuse!();
    let mount = Mount::new();
    let pipes = pipes(&mount);
    let dir = mount.dir().to_str().unwrap();
    for text in [does("ls", dir, &[]).text(), on_terminal(&["ls", dir])] {
        assert_harmless(&text);
        for (_, _, shown) in &pipes {
            assert!(text.lines().any(|line| line.ends_with(&format!(" {shown}"))), "{text}");
        }
    }
    for (path, _, shown) in &pipes {
        let text = does("stat", path, &[]).text();
        assert_harmless(&text);
        assert_eq!(text.lines().next(), Some(&*format!("{dir}/{shown}")));
        let said = does("create", path, &[]).refusal(5);
        assert_harmless(&said);
        assert!(said.contains(shown), "{said}");
        let said = does("set", path, &["mode=\x1b[31m\u{202e}"]).refusal(2);
        assert_harmless(&said);
    }
}

/// SEMANTICS: command-names
#[test]
fn programs_get_the_name_as_it_is() {
    skip_without_fuse!();
    let mount = Mount::new();
    let pipes = pipes(&mount);
    assert_harmless(&does("ls", mount.dir(), &["--json"]).text());
    let listed = does("ls", mount.dir(), &["--json"]).json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), pipes.len());
    for (path, bytes, _) in &pipes {
        let text = String::from_utf8_lossy(bytes);
        let object = listed.iter().find(|object| object["name"] == *text).expect("it is listed");
        let is_text = str::from_utf8(bytes).is_ok();
        assert_eq!(object.get("name_bytes").is_none(), is_text, "{object}");
        if !is_text {
            assert_eq!(object["name_bytes"], serde_json::json!(bytes));
        }
        let object = does("stat", path, &["--json"]).json();
        let whole = path.as_os_str().as_bytes();
        assert_eq!(object["name"], *String::from_utf8_lossy(whole));
        assert_eq!(object.get("name_bytes").is_none(), is_text, "{object}");
    }
}

/// A process may call itself anything, and is shown to whoever looks at its pipe.
///
/// SEMANTICS: command-names
#[test]
fn a_process_name_is_harmless() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let script = "printf '\\033[31m\\nx' > /proc/self/comm; exec 3> \"$1\"; echo opened; cat";
    let script = format!("mkfifo \"$1.f\" 2> /dev/null; {script} \"$1.f\"");
    let mut shell = crate::harness::command("bash");
    let holder = crate::harness::Child::spawn(shell.args(["-c", &script, "sh"]).arg(&path));
    crate::harness::eventually(crate::SOON, || holder.stdout().contains("opened"));
    let text = does("stat", &path, &[]).text();
    assert_harmless(&text);
    assert!(text.contains("server"), "{text}");
}
