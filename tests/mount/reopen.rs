//! Closed is closed when close(2) has returned, and what leads to an open end leads to that end.

use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::time::Duration;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, POLLERR};

use crate::harness::{Errno, Fd, Mount, Task, run, sh, sys};
use crate::{SOON, skip_without_fuse};

/// How often something is closed and looked at: one lost race in some thousands is one too many.
const TIMES: u32 = 10_000;

/// SEMANTICS: close-at-once
#[test]
fn the_only_instance_is_free_after_close() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "max_instances=1"]).lasting(Duration::from_secs(120));
    let path = mount.make("p");
    for round in 0..TIMES {
        let server = Fd::open(&path, O_WRONLY);
        assert!(server.is_ok(), "round {round}: {server:?}");
        drop(server);
    }
}

/// SEMANTICS: close-at-once
#[test]
fn a_reader_is_gone_after_close() {
    skip_without_fuse!();
    let mount = Mount::new().lasting(Duration::from_secs(120));
    let path = mount.path("p");
    sys::mkfifo(&path, 0o666).unwrap();
    for round in 0..TIMES {
        let reader = Fd::open(&path, O_RDONLY | O_NONBLOCK).unwrap();
        let writer = Fd::open(&path, O_WRONLY | O_NONBLOCK).unwrap();
        drop(reader);
        if round % 2 == 0 {
            assert_eq!(writer.write(b"x"), Err(Errno::EPIPE), "round {round}");
        } else {
            assert_ne!(writer.ready() & POLLERR, 0, "round {round}");
        }
        drop(writer);
        let alone = Fd::open(&path, O_WRONLY | O_NONBLOCK).map(drop);
        assert_eq!(alone, Err(Errno::ENXIO), "round {round}");
    }
}

/// SEMANTICS: close-at-once
#[test]
fn a_writer_is_gone_after_close() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "open=fail"]).lasting(Duration::from_secs(120));
    let path = mount.make("p");
    for round in 0..TIMES {
        let server = Fd::open(&path, O_WRONLY).unwrap();
        let client = Fd::open(&path, O_RDONLY | O_NONBLOCK).unwrap();
        drop(server);
        assert_eq!(client.read(9).unwrap(), b"", "round {round}: end of file, not EAGAIN");
    }
}

/// SEMANTICS: close-last-copy
///
/// Also a copy that another process inherited, or that was made by dup(2).
#[test]
fn an_end_lives_as_long_as_its_last_copy() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY | O_NONBLOCK);
    let copy = server.duplicate().unwrap();
    server.close().unwrap();
    assert_eq!(client.read(9), Err(Errno::EAGAIN));
    copy.write_all(b"x").unwrap();
    assert_eq!(client.read(9).unwrap(), b"x");
    drop(copy);
    assert_eq!(client.read(9).unwrap(), b"");
    let script = r#"exec 3> "$1"; { sleep 0.5; echo late >&3; } & exec 3>&-; wait"#;
    mount.make("q");
    let mut shell = crate::harness::Child::spawn(&mut sh(script, &[mount.path("q")]));
    let reader = mount.open("q", O_RDONLY);
    assert_eq!(reader.read_to_end().unwrap(), b"late\n");
    shell.wait(SOON);
}

/// Two instances wait; `script` opens the pipe as descriptor 3 and reads it by another way.
/// Then the other instance must still be there.
fn assert_joins(script: &str) {
    let mount = Mount::new();
    mount.make("p");
    for word in ["first", "second"] {
        mount.open("p", O_WRONLY).write_all(word.as_bytes()).unwrap();
    }
    let output = run(&mut sh(script, &[mount.path("p")]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "first", "{script}: {output:?}");
    let next = mount.open("p", O_RDONLY).read_to_end().unwrap();
    assert_eq!(String::from_utf8_lossy(&next), "second", "{script}");
}

/// SEMANTICS: instance-reopen
#[test]
fn reading_through_a_descriptor_reads_its_own_instance() {
    skip_without_fuse!();
    for script in [
        r#"cat /dev/stdin < "$1""#,
        r#"cat < "$1""#,
        r#"exec 3< "$1"; cat /dev/fd/3"#,
        r#"exec 3< "$1"; cat /proc/self/fd/3"#,
        r#"exec 3< "$1"; cat <&3"#,
        r#"exec 3< "$1"; cat /proc/$$/fd/3"#,
        r#"exec 3< "$1"; stat -L /proc/self/fd/3 >&2; cat /dev/fd/3"#,
        r#"exec 3< "$1"; : < "/dev/fd/3"; cat /dev/fd/3"#,
        r#"exec 3< "$1"; head -c 2 /dev/fd/3; cat <&3"#,
        r#"exec 3< "$1"; dd bs=1 count=2 status=none <&3; cat /dev/fd/3"#,
        r#"exec 3< "$1"; exec 4< /dev/fd/3; exec 3<&-; cat <&4"#,
    ] {
        assert_joins(script);
    }
}

/// SEMANTICS: instance-reopen
#[test]
fn writing_through_a_descriptor_writes_to_its_own_instance() {
    skip_without_fuse!();
    for script in [
        r#"echo word > /dev/stdout"#,
        r#"echo word > /dev/fd/1"#,
        r#"echo word >> /proc/self/fd/1"#,
        r#"echo wo | tr -d '\n' > /dev/stdout; echo rd > /dev/stdout"#,
        r#"printf wo; echo rd > /dev/stdout"#,
        r#"{ exec 3>/dev/stdout; printf wo >&3; exec 3>&-; echo rd; }"#,
    ] {
        let mount = Mount::new();
        let whole = format!(r#"{{ {script}; }} > "$1"; echo other > "$1""#);
        let output = run(&mut sh(&whole, &[mount.path("p")]), SOON);
        assert!(output.status.success(), "{script}: {output:?}");
        let next = || {
            let data = mount.open("p", O_RDONLY).read_to_end().unwrap();
            String::from_utf8(data).unwrap()
        };
        assert_eq!((next(), next()), ("word\n".into(), "other\n".into()), "{script}");
    }
}

/// SEMANTICS: instance-reopen
///
/// A duplex end, by either direction; what an end was not opened for cannot be joined.
#[test]
fn a_duplex_end_is_joined_by_either_direction() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("p", O_RDWR);
    let by_number = |end: &Fd| PathBuf::from(format!("/proc/self/fd/{}", end.as_raw_fd()));
    let writing = Fd::open(by_number(&client), O_WRONLY).unwrap();
    writing.write_all(b"to server").unwrap();
    assert_eq!(server.read(99).unwrap(), b"to server");
    let reading = Fd::open(by_number(&client), O_RDONLY).unwrap();
    server.write_all(b"to client").unwrap();
    assert_eq!(reading.read(99).unwrap(), b"to client");
    // Three copies of the client: the server sees it go with the last.
    drop(client);
    drop(writing);
    assert_eq!(server.ready() & POLLERR, 0);
    drop(reading);
    assert_ne!(server.ready() & POLLERR, 0);
    let writer = mount.open("one-way", O_WRONLY | O_CREAT);
    assert_eq!(Fd::open(by_number(&writer), O_RDONLY).map(drop), Err(Errno::EACCES));
    assert_eq!(Fd::open(by_number(&writer), O_RDWR).map(drop), Err(Errno::EACCES));
}

/// SEMANTICS: instance-reopen
///
/// The reverse: opens by the name never join each other, however many come at once.
#[test]
fn opens_by_name_at_the_same_time_get_an_instance_each() {
    skip_without_fuse!();
    const AT_ONCE: u8 = 8;
    let mount = Mount::new();
    let path = mount.make("p");
    for round in 0..100 {
        let servers: Vec<_> = (0..AT_ONCE)
            .map(|number| {
                let server = Fd::open(&path, O_WRONLY).unwrap();
                server.write_all(&[number]).unwrap();
                server
            })
            .collect();
        let clients: Vec<_> = (0..AT_ONCE).map(|_| mount.opening("p", O_RDONLY)).collect();
        let clients: Vec<_> = clients.into_iter().map(|open| open.join(SOON).unwrap()).collect();
        drop(servers);
        let readers: Vec<_> = clients
            .into_iter()
            .map(|client| Task::spawn(move || client.read_to_end().unwrap()))
            .collect();
        let mut got: Vec<_> = readers.into_iter().map(|reader| reader.join(SOON)).collect();
        got.sort_unstable();
        let wanted: Vec<_> = (0..AT_ONCE).map(|number| vec![number]).collect();
        assert_eq!(got, wanted, "round {round}");
    }
}
