//! `pipefs peek`.

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::Mount;
use crate::{does, on_terminal, skip_without_fuse};

/// SEMANTICS: command-peek
#[test]
fn bytes_are_printed_as_they_are_and_stay() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    assert_eq!(does("peek", &path, &[]).text(), "");
    let data: Vec<u8> = (0..=255).collect();
    mount.open("p", O_WRONLY).write_all(&data).unwrap();
    mount.open("p", O_WRONLY).write_all(b"second").unwrap();
    for _ in 0..2 {
        let ran = does("peek", &path, &[]);
        assert_eq!((ran.code, &*ran.said, &*ran.printed), (Some(0), "", &*data));
    }
    for (option, length) in
        [("--bytes=0", 0), ("--bytes=3", 3), ("--bytes=1K", 256), ("--bytes=16777215T", 256)]
    {
        assert_eq!(does("peek", &path, &[option]).printed, data[..length], "{option}");
    }
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), data);
    assert_eq!(does("peek", &path, &[]).text(), "second");
    for bad in ["", "-1", "x", "1.5", "99999999999999999999", "\u{1b}"] {
        let said = does("peek", &path, &[&format!("--bytes={bad}")]).refusal(2);
        assert!(said.contains("--bytes") && !said.contains('\u{1b}'), "{said}");
    }
}

/// SEMANTICS: command-peek
#[test]
fn a_terminal_gets_no_control_characters() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let shown =
        |more: &[&str]| on_terminal(&[&["peek", path.to_str().unwrap()][..], more].concat());
    assert_eq!(shown(&[]), "");
    mount.open("p", O_WRONLY).write_all(b"a\tb\n\x1b[31mred\xff\xe2\x80\xae\\").unwrap();
    let text = shown(&[]);
    assert_eq!(text, "a\tb\n\\x1b[31mred\\xff\\u{202e}\\\\\n", "and its last line ends");
    // What is not shown is said: of this instance, and of others.
    assert_eq!(shown(&["--bytes=4"]), "a\tb\npipefs: 13 bytes more: `pipefs stat` shows where\n");
    mount.open("p", O_WRONLY).write_all(&[b'x'; 1523]).unwrap();
    let text = shown(&["--bytes=4"]);
    assert!(
        text.ends_with("pipefs: 1.5K (1536 bytes) more: `pipefs stat` shows where\n"),
        "{text}"
    );
}

/// SEMANTICS: command-peek
#[test]
fn of_messages_the_next_one_is_printed() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"one").unwrap();
    writer.write_all(b"two").unwrap();
    assert_eq!(does("peek", mount.path("p"), &[]).text(), "one");
    let text = on_terminal(&["peek", mount.path("p").to_str().unwrap()]);
    assert_eq!(text, "one\npipefs: 3 bytes more: `pipefs stat` shows where\n");
}

/// SEMANTICS: command-peek
#[test]
fn a_broadcast_has_no_next_reader() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=broadcast"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let _reader = mount.open("p", O_RDONLY);
    writer.write_all(b"news").unwrap();
    assert_eq!(does("peek", mount.path("p"), &[]).text(), "");
}

/// SEMANTICS: command-peek
#[test]
fn there_are_at_most_64_kibibytes() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(&vec![7; 200_000]).unwrap();
    assert_eq!(does("peek", mount.path("p"), &[]).printed.len(), 64 << 10);
}
