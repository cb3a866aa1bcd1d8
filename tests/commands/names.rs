//! Names that would steer a terminal or mislead a person, and names that are no text: people see
//! escapes, programs the name as it is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::harness::{Mount, sys};
use crate::{does, on_terminal, skip_without_fuse};

/// A name's bytes, and how it is shown.
const NAMES: [(&[u8], &str); 20] = [
    (b"new\nline", "new\\nline"),
    (b"\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
    (b"\x1b]0;title\x07", "\\x1b]0;title\\x07"),
    (b"bell\x07\x7f\x01", "bell\\x07\\x7f\\x01"),
    (b"\xff\xfe\x80", "\\xff\\xfe\\x80"),
    (b"back\\nslash", "back\\\\nslash"),
    (b"\xe2\x80\xaegpj.exe", "\\u{202e}gpj.exe"),
    (b"\xe2\x81\xa6isolate\xe2\x80\x8b", "\\u{2066}isolate\\u{200b}"),
    (b"c1\xc2\x9b31m", "c1\\u{9b}31m"),
    (b"-rf", "-rf"),
    (b"--json", "--json"),
    (b"...", "..."),
    (b"..x", "..x"),
    (b" ", "\\x20"),
    (b"'\"`$(id);*?", "'\"`$(id);*?"),
    (b"\",\"pid\":1,\"x\":\"", "\",\"pid\":1,\"x\":\""),
    (b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\u{fffd}\u{fffd}\u{fffd}"),
    (b"\\xff\\xfe\\x80", "\\\\xff\\\\xfe\\\\x80"),
    (LONG, LONG_SHOWN),
    (b"\xff\xfe\x81", "\\xff\\xfe\\x81"),
];

/// As long as a name can be.
const LONG: &[u8] = &[b'n'; 255];
const LONG_SHOWN: &str = match str::from_utf8(LONG) {
    Ok(text) => text,
    Err(_) => panic!("it is text"),
};

/// The bytes that an object in JSON says are the name.
fn name_of(object: &serde_json::Value) -> Vec<u8> {
    match &object["name_bytes"] {
        serde_json::Value::Null => object["name"].as_str().expect("a name").into(),
        bytes => serde_json::from_value(bytes.clone()).expect("numbers of a byte each"),
    }
}

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
        // Two that are no text may look alike, and one that is text may look like them.
        let object = listed.iter().find(|object| name_of(object) == *bytes).expect("it is listed");
        assert_eq!(object["name"], *text);
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

/// A name that begins as an option does is one all the same, behind `--`.
///
/// SEMANTICS: command-names
#[test]
fn a_name_that_looks_like_an_option_can_be_used() {
    skip_without_fuse!();
    let mount = Mount::new();
    for name in ["-rf", "--json", "--", "-"] {
        let here = |command: &str| {
            let mut pipefs = crate::harness::pipefs();
            crate::harness::run(
                pipefs.current_dir(mount.dir()).args([command, "--", name]),
                crate::SOON,
            )
        };
        for command in ["create", "stat", "peek"] {
            let output = here(command);
            assert!(output.status.success(), "{command} {name}: {output:?}");
        }
        assert!(sys::stat(mount.path(name)).is_ok(), "{name}");
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
