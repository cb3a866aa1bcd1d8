//! Message pipes, what a full lane does, and data that goes with its server.

use std::collections::HashSet;
use std::time::Duration;

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};

use crate::harness::{Errno, Fd, Mount, Task, run, sh, sys};
use crate::{SOON, skip_without_fuse};

/// The longest message: 1 MiB less one page.
const LONGEST: usize = (1 << 20) - 4096;

fn connected(mount: &Mount) -> (Fd, Fd) {
    (mount.open("p", O_WRONLY | O_CREAT), mount.open("p", O_RDONLY))
}

/// SEMANTICS: message-read
#[test]
fn one_write_is_one_message_and_one_read_at_most_one() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let (writer, reader) = connected(&mount);
    for message in [&b"first"[..], b"second", b"x"] {
        writer.write_all(message).unwrap();
    }
    assert_eq!(reader.read(100).unwrap(), b"first");
    assert_eq!(reader.read(4).unwrap(), b"seco");
    assert_eq!(reader.read(4).unwrap(), b"nd", "the rest of the message, nothing of the next");
    assert_eq!(reader.read(1).unwrap(), b"x");
    let mut reading = Task::spawn(move || (reader.read(100), reader));
    reading.assert_waits();
    writer.write_all(b"later").unwrap();
    let (message, reader) = reading.join(SOON);
    assert_eq!(message.unwrap(), b"later");
    drop(writer);
    assert_eq!(reader.read(100).unwrap(), b"");
}

/// SEMANTICS: message-read
///
/// Both ways of a duplex pipe.
#[test]
fn a_duplex_pipe_has_messages_in_both_directions() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("p", O_RDWR);
    for (from, to) in [(&server, &client), (&client, &server)] {
        from.write_all(b"one").unwrap();
        from.write_all(b"two").unwrap();
        assert_eq!(to.read(100).unwrap(), b"one");
        assert_eq!(to.read(100).unwrap(), b"two");
    }
}

/// SEMANTICS: message-limit
///
/// Also if the kernel cuts the write into several requests, because it is larger than one or does
/// not begin at a page boundary; and with `O_APPEND`, where each has another offset.
#[test]
fn a_message_too_long_is_refused_and_nothing_is_written() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,capacity=64M"]);
    for flags in [O_WRONLY, O_WRONLY | O_APPEND] {
        let writer = mount.open("p", flags | O_CREAT);
        let reader = mount.open("p", O_RDONLY | O_NONBLOCK);
        for too_long in [LONGEST + 1, 1 << 20, (1 << 20) + 1, 3 << 20] {
            assert_eq!(writer.write(&vec![7; too_long]), Err(Errno::EMSGSIZE), "{too_long}");
        }
        assert_eq!(reader.read(10), Err(Errno::EAGAIN));
        let longest: Vec<u8> = (0..=LONGEST).map(|at| (at % 251) as u8).collect();
        for start in [0, 1] {
            let message = &longest[start..start + LONGEST];
            assert_eq!(writer.write(message), Ok(LONGEST));
            assert_eq!(writer.write(b"next"), Ok(4));
            assert!(reader.read(4 << 20).unwrap() == message, "whole, and nothing of the next");
            assert_eq!(reader.read(4 << 20).unwrap(), b"next");
        }
    }
}

/// SEMANTICS: message-line
#[test]
fn printf_sends_a_message_for_each_line() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,framing=line"]);
    let script = r#"printf 'a\nb\nlast' > "$1""#;
    assert!(run(&mut sh(script, &[mount.path("p")]), SOON).status.success());
    let reader = mount.open("p", O_RDONLY);
    for line in [&b"a\n"[..], b"b\n", b"last", b""] {
        assert_eq!(reader.read(100).unwrap(), line);
    }
}

/// SEMANTICS: message-queue
///
/// Several writers and readers of a shared message pipe: a work queue.
#[test]
fn each_message_goes_to_exactly_one_reader() {
    skip_without_fuse!();
    const WRITERS: usize = 4;
    const EACH: usize = 2_000;
    let mount = Mount::with(&["-o", "type=message"]).lasting(Duration::from_secs(60));
    sys::mkfifo(mount.path("queue"), 0o666).unwrap();
    let open = |flags| Fd::open(mount.path("queue"), flags).unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let writer = open(O_WRONLY);
            Task::spawn(move || {
                for job in 0..EACH {
                    let text = format!("{number} {job} {}", "x".repeat(job % 500));
                    assert_eq!(writer.write(text.as_bytes()), Ok(text.len()));
                }
            })
        })
        .collect();
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let reader = open(O_RDONLY);
            Task::spawn(move || {
                let messages = std::iter::from_fn(|| Some(reader.read(1000).unwrap()));
                messages.take_while(|message| !message.is_empty()).collect::<Vec<_>>()
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join(Duration::from_secs(40)));
    let mut seen = HashSet::new();
    for reader in readers {
        for message in reader.join(Duration::from_secs(40)) {
            let text = String::from_utf8(message).unwrap();
            let words: Vec<&str> = text.split(' ').collect();
            let job: usize = words[1].parse().unwrap();
            assert_eq!(words[2].len(), job % 500, "{text} is whole");
            assert!(seen.insert((words[0].to_owned(), job)), "{text} came twice");
        }
    }
    assert_eq!(seen.len(), WRITERS * EACH, "none is missing");
}

/// SEMANTICS: overflow-drop-oldest, overflow-drop-newest, overflow-error
#[test]
fn a_full_lane_does_what_overflow_says() {
    skip_without_fuse!();
    let cases = [
        ("drop-oldest", Ok(3), &b"two"[..]),
        ("drop-newest", Ok(3), b"one"),
        ("error", Err(Errno::ENOSPC), b"one"),
    ];
    for (overflow, expected, left) in cases {
        let options = format!("type=message,capacity=3,overflow={overflow}");
        let mount = Mount::with(&["-o", &options]);
        let (writer, reader) = connected(&mount);
        writer.write_all(b"one").unwrap();
        let writer = Task::spawn(move || (writer.write(b"two"), writer)).join(SOON);
        assert_eq!(writer.0, expected, "{overflow}");
        assert_eq!(reader.read(100).unwrap(), left, "{overflow}");
        drop(writer);
        assert_eq!(reader.read(100).unwrap(), b"", "{overflow}");
    }
}

/// SEMANTICS: linger-drop
#[test]
fn data_that_no_client_came_for_goes_with_its_server() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "linger=drop,open=fail"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"nobody came").unwrap();
    drop(writer);
    assert_eq!(mount.refused("p", O_RDONLY), Errno::EBUSY);
}
