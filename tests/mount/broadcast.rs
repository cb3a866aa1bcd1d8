//! Broadcast mode: every reader gets everything that is written while it is open.

use std::path::PathBuf;
use std::time::Duration;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, POLLOUT, SIGKILL};
use serde_json::{Value, json};

use crate::harness::actor::{Step, sequence};
use crate::harness::calls::{attribute, set_attribute};
use crate::harness::{Actor, Errno, Fd, Mount, Task, eventually, run, sh, sys};
use crate::{SOON, skip_without_fuse};

const MIB: usize = 1 << 20;

/// A mount whose pipes are broadcast and hold 4 KiB for each reader.
fn mounted(options: &str) -> Mount {
    let options = format!("mode=broadcast,capacity=4K{options}");
    Mount::with(&["-o", &options])
}

/// A writer, and readers that came after it.
fn connected<const READERS: usize>(mount: &Mount, name: &str) -> (Fd, [Fd; READERS]) {
    let writer = mount.open(name, O_WRONLY | O_CREAT);
    (writer, [(); READERS].map(|()| mount.open(name, O_RDONLY)))
}

fn state(mount: &Mount) -> Value {
    let state = attribute(mount.path("p"), "user.pipefs.state").unwrap();
    serde_json::from_slice(&state).unwrap()
}

/// A write that may wait, in a thread of its own.
fn writing(writer: &Fd, data: &'static [u8]) -> Task<Result<usize, Errno>> {
    let writer = writer.duplicate().unwrap();
    Task::spawn(move || writer.write(data))
}

/// SEMANTICS: broadcast-each, broadcast-own-pace
#[test]
fn each_reader_gets_what_is_written_while_it_is_open() {
    skip_without_fuse!();
    let mount = mounted("");
    let (writer, [first]) = connected(&mount, "p");
    writer.write_all(b"one ").unwrap();
    let second = mount.open("p", O_RDONLY);
    second.set_nonblocking(true).unwrap();
    assert_eq!(second.read(9), Err(Errno::EAGAIN), "nothing from before");
    writer.write_all(b"two").unwrap();
    assert_eq!(second.read(9).unwrap(), b"two");
    assert_eq!(second.read(9), Err(Errno::EAGAIN));
    assert_eq!(first.read(2).unwrap(), b"on");
    assert_eq!(first.read(9).unwrap(), b"e two");
    drop(first);
    writer.write_all(b"three").unwrap();
    assert_eq!(second.read(9).unwrap(), b"three");
    assert_eq!(state(&mount)["instances"][0]["state"], "broadcast");
}

/// SEMANTICS: broadcast-each, message-read
///
/// Readers that take different pieces of it, of writes of one request and of several.
#[test]
fn large_writes_arrive_whole_at_each_reader() {
    skip_without_fuse!();
    let mount = mounted("");
    let (writer, readers) = connected::<3>(&mount, "p");
    let total = 16 * MIB;
    let readers = readers.into_iter().zip([70_001, MIB, 3 * MIB]).map(|(reader, piece)| {
        Task::spawn(move || {
            let mut got = 0;
            loop {
                let data = reader.read(piece).unwrap();
                if data.is_empty() {
                    return got;
                }
                assert!(data == sequence(got, data.len()), "differs after byte {got}");
                got += data.len();
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    let mut sent = 0;
    for piece in [5, 4096, 600_000, MIB, 5 * MIB].into_iter().cycle() {
        let piece = piece.min(total - sent);
        writer.write_all(&sequence(sent, piece)).unwrap();
        sent += piece;
        if sent == total {
            break;
        }
    }
    drop(writer);
    for reader in readers {
        assert_eq!(reader.join(SOON), total);
    }
}

/// SEMANTICS: broadcast-open
#[test]
fn readers_wait_for_the_first_writer_and_miss_nothing() {
    skip_without_fuse!();
    let mount = mounted("");
    let path = mount.make("p");
    let early = mount.open("p", O_RDONLY | O_NONBLOCK);
    assert_eq!(early.read(9).unwrap(), b"", "end of file, as of a FIFO that nobody writes to");
    let mut opens: Vec<_> = (0..5).map(|_| mount.opening("p", O_RDONLY)).collect();
    eventually(SOON, || state(&mount)["waiting_clients"] == 5);
    opens.iter_mut().for_each(Task::assert_waits);
    // The process that writes is gone before a reader can do anything.
    let script = r#"printf 'all of it' > "$1""#;
    assert!(run(&mut sh(script, &[path]), SOON).status.success());
    for open in opens {
        assert_eq!(open.join(SOON).unwrap().read_to_end().unwrap(), b"all of it");
    }
    assert_eq!(early.read_to_end().unwrap(), b"all of it");
    assert_eq!(state(&mount)["instances"][0]["ends"].as_array().unwrap().len(), 1);
}

/// SEMANTICS: broadcast-end
#[test]
fn readers_end_with_the_last_writer_and_are_revived() {
    skip_without_fuse!();
    let mount = mounted("");
    let (writer, readers) = connected::<2>(&mount, "p");
    let other = mount.open("p", O_WRONLY);
    writer.write_all(b"left").unwrap();
    drop(writer);
    assert_eq!(readers[0].read(9).unwrap(), b"left");
    let mut reading = Task::spawn({
        let reader = readers[0].duplicate().unwrap();
        move || reader.read(9)
    });
    reading.assert_waits();
    drop(other);
    assert_eq!(reading.join(SOON).unwrap(), b"", "it waited");
    assert_eq!(readers[1].read(9).unwrap(), b"left");
    assert_eq!(readers[1].read(9).unwrap(), b"");
    let again = mount.open("p", O_WRONLY);
    again.write_all(b"revived").unwrap();
    for reader in &readers {
        assert_eq!(reader.read(9).unwrap(), b"revived");
    }
}

/// SEMANTICS: broadcast-alone
#[test]
fn a_writer_that_nobody_hears_goes_on() {
    skip_without_fuse!();
    let mount = mounted("");
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_NONBLOCK);
    let to_nobody = vec![7; 3 * MIB];
    writer.write_all(&to_nobody).unwrap();
    writer.fsync().unwrap();
    let reader = mount.open("p", O_RDONLY);
    writer.write_all(b"heard").unwrap();
    assert_eq!(reader.read(9).unwrap(), b"heard");
    writer.write_all(b"left").unwrap();
    drop(reader);
    writer.write_all(&to_nobody).unwrap();
    assert_eq!(writer.ready(), POLLOUT, "and no error");
    let totals = &state(&mount)["totals"];
    assert_eq!(totals["discarded_bytes"], 2 * to_nobody.len() + 4);
    assert_eq!(totals["written_bytes"], 2 * to_nobody.len() + 9);
    drop(writer);
    assert_eq!(state(&mount)["instances"], json!([]), "nothing lingers");
    assert_eq!(sys::stat(mount.path("p")).unwrap().st_blocks, 0);
}

/// SEMANTICS: broadcast-block
#[test]
fn a_writer_waits_for_the_slowest_reader() {
    skip_without_fuse!();
    let mount = mounted("");
    let (writer, [fast, slow]) = connected(&mount, "p");
    writer.write_all(&[1; 4096]).unwrap();
    assert_eq!(fast.read(5000).unwrap().len(), 4096);
    let mut first = writing(&writer, b"x");
    first.assert_waits();
    fast.set_nonblocking(true).unwrap();
    assert_eq!(fast.read(9), Err(Errno::EAGAIN), "none gets what has not been accepted");
    assert_eq!(slow.read(1).unwrap(), [1]);
    assert_eq!(first.join(SOON), Ok(1));
    assert_eq!(fast.read(9).unwrap(), b"x");
    // Its close is as good, and so is a larger capacity.
    let mut second = writing(&writer, b"y");
    second.assert_waits();
    drop(slow);
    assert_eq!(second.join(SOON), Ok(1));
    writer.write_all(&[2; 4096]).unwrap();
    let mut third = writing(&writer, b"z");
    third.assert_waits();
    set_attribute(mount.path("p"), "user.pipefs.capacity", b"8K").unwrap();
    assert_eq!(third.join(SOON), Ok(1));
    let got = fast.read(9000).unwrap();
    assert_eq!((got[0], got.len(), got[4097]), (b'y', 4098, b'z'));
}

/// SEMANTICS: broadcast-block, close-killed
///
/// Whatever the reader is doing: it waits in read with other readers being slow, it does nothing,
/// or it is stopped.
#[test]
fn a_reader_that_is_killed_holds_up_nobody() {
    skip_without_fuse!();
    for signals in [&[SIGKILL][..], &[libc::SIGSTOP, SIGKILL]] {
        let mount = mounted("");
        let (writer, [reader]) = connected(&mount, "p");
        let open = Step::Open(mount.path("p"), O_RDONLY);
        let mut slow = Actor::start(&[open.clone(), Step::Sleep(60_000)]);
        let mut waits = Actor::start(&[open, Step::Read(1), Step::Read(4096), Step::Read(1)]);
        slow.until_waiting_in(1);
        waits.until_waiting_in(1);
        writer.write_all(&[1; 4096]).unwrap();
        assert_eq!(reader.read(4096).unwrap().len(), 4096);
        waits.until_waiting_in(3);
        let mut write = writing(&writer, b"x");
        write.assert_waits();
        for actor in [&mut waits, &mut slow] {
            assert!(!write.ends_within(Duration::ZERO));
            signals.iter().for_each(|signal| actor.child.signal(*signal));
            actor.child.wait(SOON);
        }
        assert_eq!(write.join(SOON), Ok(1));
        assert_eq!(reader.read(9).unwrap(), b"x");
    }
}

/// SEMANTICS: broadcast-overflow
#[test]
fn with_error_a_write_reaches_all_readers_or_none() {
    skip_without_fuse!();
    let mount = mounted(",overflow=error");
    let (writer, [fast, slow]) = connected(&mount, "p");
    writer.write_all(&[1; 4096]).unwrap();
    assert_eq!(fast.read(5000).unwrap().len(), 4096);
    assert_eq!(writer.write(b"lost"), Err(Errno::ENOSPC));
    fast.set_nonblocking(true).unwrap();
    assert_eq!(fast.read(9), Err(Errno::EAGAIN));
    assert_eq!(slow.read(5000).unwrap().len(), 4096);
    writer.write_all(b"for both").unwrap();
    assert_eq!(fast.read(9).unwrap(), b"for both");
    assert_eq!(slow.read(9).unwrap(), b"for both");
}

/// SEMANTICS: broadcast-overflow
///
/// Of bytes: what was read and what was dropped is what was sent, and what is kept is in order.
#[test]
fn a_slow_reader_of_bytes_misses_the_oldest_or_the_newest() {
    skip_without_fuse!();
    for (overflow, kept) in [("drop-oldest", 99_488..100_000), ("drop-newest", 0..512)] {
        let mount = mounted(&format!(",overflow={overflow}"));
        let (writer, [fast, slow]) = connected(&mount, "p");
        for number in 0..100_000_u64 {
            writer.write_all(&number.to_ne_bytes()).unwrap();
            if number % 500 == 499 {
                assert_eq!(fast.read_exactly(4000).unwrap().len(), 4000);
            }
        }
        let got = slow.read(5000).unwrap();
        let numbers = got.chunks(8).map(|number| u64::from_ne_bytes(number.try_into().unwrap()));
        assert!(numbers.eq(kept), "{overflow}: {} bytes", got.len());
        let seen = state(&mount);
        let ends = seen["instances"][0]["ends"].as_array().unwrap();
        let mut dropped: Vec<_> = ends.iter().map(|end| end["dropped_bytes"].as_u64()).collect();
        dropped.sort_unstable();
        assert_eq!(dropped, [None, Some(0), Some(800_000 - 4096)], "the writer's, and readers'");
    }
}

/// SEMANTICS: broadcast-flush
#[test]
fn fsync_waits_for_every_reader_that_stays() {
    skip_without_fuse!();
    let mount = mounted("");
    let (writer, [one, two, leaves]) = connected(&mount, "p");
    writer.write_all(b"text").unwrap();
    let mut syncing = Task::spawn({
        let writer = writer.duplicate().unwrap();
        move || writer.fsync()
    });
    syncing.assert_waits();
    let other = mount.open("p", O_WRONLY);
    other.write_all(b"later").unwrap();
    let late = mount.open("p", O_RDONLY);
    other.write_all(b"!").unwrap();
    assert_eq!(one.read(99).unwrap(), b"textlater!");
    assert_eq!(two.read(4).unwrap(), b"text");
    syncing.assert_waits();
    drop(leaves);
    assert_eq!(syncing.join(SOON), Ok(()));
    assert_eq!(late.read(9).unwrap(), b"!");
}

/// SEMANTICS: broadcast-open, broadcast-each, open-rdwr
///
/// An end that reads and writes hears itself, as everybody does.
#[test]
fn an_end_of_both_directions_is_a_reader_and_a_writer() {
    skip_without_fuse!();
    let mount = mounted("");
    let members = [(); 3].map(|()| mount.open("p", O_RDWR | O_CREAT));
    for (speaker, word) in members.iter().zip([&b"one"[..], b"two", b"three"]) {
        speaker.write_all(word).unwrap();
        for member in &members {
            assert_eq!(member.read(99).unwrap(), word);
        }
    }
    let script = r#"exec 3<> "$1"; echo hello >&3; head -n 1 <&3"#;
    let output = run(&mut sh(script, &[mount.path("p")]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{output:?}");
    let [one, two, three] = members;
    assert_eq!(two.read(99).unwrap(), b"hello\n");
    drop((two, three));
    let mut reading = Task::spawn(move || (one.read(6).unwrap(), one.read(6), one));
    reading.assert_waits();
    mount.open("p", O_WRONLY).write_all(b"last").unwrap();
    let (before, last, _one) = reading.join(SOON);
    assert_eq!((before, last.unwrap()), (b"hello\n".to_vec(), b"last".to_vec()));
}

/// SEMANTICS: broadcast-reopen
#[test]
fn a_reader_that_is_opened_again_by_its_descriptor_has_one_lane() {
    skip_without_fuse!();
    for script in [
        r#"cat /dev/stdin < "$1""#,
        r#"exec 3< "$1"; cat /dev/fd/3"#,
        r#"exec 3< "$1"; head -c 5 /proc/self/fd/3; cat <&3"#,
    ] {
        let mount = mounted("");
        let path = mount.make("p");
        let mut reader = crate::harness::Child::spawn(&mut sh(script, &[&path]));
        eventually(SOON, || state(&mount)["waiting_clients"] == 1);
        let data = sequence(0, 300_000);
        let writer = mount.open("p", O_WRONLY);
        let expected = data.clone();
        Task::spawn(move || writer.write_all(&data)).join(SOON).unwrap();
        reader.wait(SOON);
        assert!(reader.stdout_bytes() == expected, "{script}: {reader:?}");
    }
}

/// SEMANTICS: broadcast-each, close-unlink, attribute-in-use
#[test]
fn open_ends_go_on_without_their_name() {
    skip_without_fuse!();
    let mount = mounted("");
    let (writer, [reader]) = connected(&mount, "p");
    let mode = set_attribute(mount.path("p"), "user.pipefs.mode", b"shared");
    assert_eq!(mode, Err(Errno::EBUSY));
    std::fs::remove_file(mount.path("p")).unwrap();
    writer.write_all(b"still").unwrap();
    drop(writer);
    assert_eq!(reader.read_to_end().unwrap(), b"still");
    mount.make("q");
    let opening = mount.opening("q", O_RDONLY);
    std::thread::sleep(Duration::from_millis(100));
    std::fs::remove_file(mount.path("q")).unwrap();
    assert_eq!(opening.join(SOON).map(drop), Err(Errno::ENOENT));
}

/// SEMANTICS: broadcast-own-pace, file-size, attribute-peek, attribute-state
#[test]
fn each_readers_share_is_shown_and_nothing_of_it_to_others() {
    skip_without_fuse!();
    let mount = mounted("");
    let path: PathBuf = mount.path("p");
    let (writer, [fast, slow]) = connected(&mount, "p");
    writer.write_all(&[7; 2048]).unwrap();
    let shown = || {
        let output = run(&mut sh(r#"du -B 512 "$1" | cut -f 1"#, &[&path]), SOON);
        let blocks: i64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        assert_eq!(sys::stat(&path).unwrap().st_blocks, blocks);
        (blocks, state(&mount)["buffered_bytes"].as_i64().unwrap())
    };
    assert_eq!(shown(), (8, 4096), "two readers have 2 KiB each before them");
    assert_eq!(fast.read(2048).unwrap().len(), 2048);
    assert_eq!(shown(), (4, 2048));
    assert_eq!(
        attribute(&path, "user.pipefs.peek").unwrap(),
        b"",
        "a new reader would get nothing"
    );
    let seen = state(&mount);
    let ends = seen["instances"][0]["ends"].as_array().unwrap();
    let mut own: Vec<_> = ends.iter().map(|end| end["buffered_bytes"].as_u64()).collect();
    own.sort_unstable();
    assert_eq!(own, [None, Some(0), Some(2048)]);
    assert_eq!(slow.read(5000).unwrap().len(), 2048);
    assert_eq!(shown(), (0, 0));
}
