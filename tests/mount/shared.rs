//! Shared mode is what POSIX says of FIFOs: the same bodies run on a pipe of ours and on a FIFO of
//! the kernel's, so what they expect is known to be true of the one they are compared with.

use std::path::PathBuf;

use libc::{
    O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, POLLERR, POLLHUP,
    POLLIN, POLLOUT,
};

use crate::harness::calls;
use crate::harness::watchdog::new_directory;
use crate::harness::{Errno, Fd, Mount, Task, eventually, run, sh, sys};
use crate::{SOON, skip_without_fuse};

/// Runs a test's body on a FIFO, then on a pipe that mkfifo(3) made on a mount.
fn on_a_fifo_and_on_ours(body: impl Fn(&PathBuf)) {
    let fifo = new_directory().join("fifo");
    sys::mkfifo(&fifo, 0o666).unwrap();
    body(&fifo);
    let mount = Mount::new();
    let ours = mount.path("ours");
    sys::mkfifo(&ours, 0o666).unwrap();
    body(&ours);
}

fn open(path: &PathBuf, flags: i32) -> Fd {
    Fd::open(path, flags).unwrap_or_else(|error| panic!("{path:?}, {flags:#o}: {error:?}"))
}

/// A reader and a writer; opened so that neither waits.
fn reader_and_writer(path: &PathBuf) -> (Fd, Fd) {
    let reader = open(path, O_RDONLY | O_NONBLOCK);
    let writer = open(path, O_WRONLY);
    (reader, writer)
}

/// SEMANTICS: shared-eof
#[test]
fn end_of_file_comes_with_the_last_writer_and_is_taken_back() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let (reader, one) = reader_and_writer(path);
        let two = open(path, O_WRONLY | O_APPEND);
        assert_eq!(reader.read(9), Err(Errno::EAGAIN));
        one.write_all(b"1").unwrap();
        drop(one);
        assert_eq!(reader.read(9).unwrap(), b"1");
        assert_eq!(reader.read(9), Err(Errno::EAGAIN), "a writer is left");
        two.write_all(b"2").unwrap();
        drop(two);
        assert_eq!(reader.read(9).unwrap(), b"2");
        assert_eq!(reader.read(9).unwrap(), b"");
        assert_eq!(reader.read(9).unwrap(), b"", "and again");
        let three = open(path, O_WRONLY);
        assert_eq!(reader.read(9), Err(Errno::EAGAIN));
        three.write_all(b"3").unwrap();
        assert_eq!(reader.read(9).unwrap(), b"3");
    });
}

/// SEMANTICS: shared-eof
#[test]
fn all_readers_that_wait_see_end_of_file() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let (first, writer) = reader_and_writer(path);
        let mut readers: Vec<_> = (0..5)
            .map(|_| {
                let reader = open(path, O_RDONLY);
                Task::spawn(move || reader.read(9))
            })
            .collect();
        readers.iter_mut().for_each(Task::assert_waits);
        drop(writer);
        for reader in readers {
            assert_eq!(reader.join(SOON).unwrap(), b"");
        }
        drop(first);
    });
}

/// SEMANTICS: shared-writer-nonblock, shared-reader-nonblock
#[test]
fn who_opens_without_waiting() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let refused = Fd::open(path, O_WRONLY | O_NONBLOCK).map(drop);
        assert_eq!(refused, Err(Errno::ENXIO));
        let reader = open(path, O_RDONLY | O_NONBLOCK);
        let writer = open(path, O_WRONLY | O_NONBLOCK);
        assert_eq!(writer.write(b"x"), Ok(1));
        assert_eq!(reader.read(9).unwrap(), b"x");
    });
}

/// SEMANTICS: shared-reader-waits
#[test]
fn a_readers_open_waits_for_a_writer() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let waiting = path.clone();
        let mut opening = Task::spawn(move || Fd::open(waiting, O_RDONLY));
        opening.assert_waits();
        let writer = open(path, O_WRONLY);
        let reader = opening.join(SOON).unwrap();
        writer.write_all(b"x").unwrap();
        assert_eq!(reader.read(9).unwrap(), b"x");
    });
}

/// SEMANTICS: shared-rdwr
#[test]
fn rdwr_holds_both_ends() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let both = open(path, O_RDWR);
        both.write_all(b"own").unwrap();
        assert_eq!(both.read(9).unwrap(), b"own");
        both.set_nonblocking(true).unwrap();
        assert_eq!(both.read(9), Err(Errno::EAGAIN), "there is a writer: itself");
        let writer = open(path, O_WRONLY | O_NONBLOCK);
        writer.write_all(b"x").unwrap();
        drop(writer);
        assert_eq!(both.read(9).unwrap(), b"x");
        assert_eq!(both.read(9), Err(Errno::EAGAIN), "no end of file");
        assert_eq!(both.ready(), POLLOUT);
    });
    on_a_fifo_and_on_ours(|path| {
        let script = r#"exec 3<> "$1"; echo one >&3; echo two > "$1"; head -n 2 <&3"#;
        let output = run(&mut sh(script, &[path]), SOON);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo\n", "{output:?}");
    });
}

/// SEMANTICS: create-excl, file-truncate
#[test]
fn create_and_truncate_open_what_is_there() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let both = open(path, O_RDWR);
        both.write_all(b"kept").unwrap();
        drop(open(path, O_WRONLY | O_CREAT | O_TRUNC));
        drop(open(path, O_WRONLY | O_APPEND));
        let refused = Fd::open(path, O_WRONLY | O_CREAT | O_EXCL).map(drop);
        assert_eq!(refused, Err(Errno::EEXIST));
        assert_eq!(both.read(9).unwrap(), b"kept");
    });
}

/// SEMANTICS: shared-no-reader, poll-writer
#[test]
fn a_writer_gets_epipe_when_the_last_reader_has_closed() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let (one, writer) = reader_and_writer(path);
        let two = open(path, O_RDONLY);
        drop(one);
        assert_eq!(writer.write(b"x"), Ok(1));
        assert_eq!(two.read(9).unwrap(), b"x");
        drop(two);
        assert_eq!(writer.write(b"y"), Err(Errno::EPIPE));
        assert_ne!(writer.ready() & POLLERR, 0);
        let reader = open(path, O_RDONLY);
        assert_eq!(writer.ready(), POLLOUT, "a reader takes it back");
        assert_eq!(writer.write(b"z"), Ok(1));
        assert_eq!(reader.read(9).unwrap(), b"z");
    });
}

/// SEMANTICS: poll-reader
#[test]
fn a_reader_hangs_up_and_is_revived() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let reader = open(path, O_RDONLY | O_NONBLOCK);
        assert_eq!(reader.ready(), 0, "there was no writer yet");
        let writer = open(path, O_WRONLY);
        assert_eq!(reader.ready(), 0);
        writer.write_all(b"x").unwrap();
        assert_eq!(reader.ready(), POLLIN);
        drop(writer);
        assert_eq!(reader.ready(), POLLIN | POLLHUP);
        reader.read(9).unwrap();
        // A FIFO says POLLHUP alone, and its read does not wait either.
        assert_ne!(reader.ready() & POLLHUP, 0);
        let writer = open(path, O_WRONLY);
        assert_eq!(reader.ready(), 0, "a new writer takes the hang-up back");
        writer.write_all(b"y").unwrap();
        assert_eq!(reader.ready(), POLLIN);
    });
}

/// SEMANTICS: close-unlink
#[test]
fn open_ends_go_on_without_their_name() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let (reader, writer) = reader_and_writer(path);
        std::fs::remove_file(path).unwrap();
        assert_eq!(Fd::open(path, O_RDWR).map(drop), Err(Errno::ENOENT));
        writer.write_all(b"x").unwrap();
        assert_eq!(reader.read(9).unwrap(), b"x");
        drop(writer);
        assert_eq!(reader.read(9).unwrap(), b"");
    });
}

/// SEMANTICS: file-seek, data-wrong-direction, data-zero-length
#[test]
fn what_cannot_be_done_is_refused_alike() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let (reader, writer) = reader_and_writer(path);
        assert_eq!(calls::seek(&reader, 0), Err(Errno::ESPIPE));
        assert_eq!(calls::read_at(&reader, 1, 0), Err(Errno::ESPIPE));
        assert_eq!(calls::write_at(&writer, b"x", 0), Err(Errno::ESPIPE));
        assert_eq!(calls::truncate_open(&writer, 5), Err(Errno::EINVAL));
        assert_eq!(calls::map_shared(&reader, libc::PROT_READ), Err(Errno::ENODEV));
        assert_eq!(reader.write(b"x"), Err(Errno::EBADF));
        assert_eq!(writer.read(1), Err(Errno::EBADF));
        assert_eq!(writer.write(b""), Ok(0));
        assert_eq!(reader.read(9), Err(Errno::EAGAIN), "an empty write is not seen");
    });
}

/// SEMANTICS: shared-order, shared-compete
///
/// Lines of several processes, each written at once, stay whole; several readers take them all.
#[test]
fn lines_of_many_processes_stay_whole() {
    skip_without_fuse!();
    on_a_fifo_and_on_ours(|path| {
        let script = r#"
            exec 3<> "$1"
            for writer in 1 2 3 4 5 6; do
                for i in $(seq 0 49); do echo "writer $writer line $i"; done > "$1" &
            done
            i=0; while [ $i -lt 300 ]; do IFS= read -r line <&3; echo "$line"; i=$((i+1)); done
            wait
        "#;
        let output = run(&mut sh(script, &[path]), SOON * 2);
        let text = String::from_utf8_lossy(&output.stdout);
        let mut lines: Vec<_> = text.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 300, "{output:?}");
        let whole = |line: &&str| line.starts_with("writer ") && line.split(' ').count() == 4;
        assert!(lines.iter().all(whole), "{lines:?}");
    });
}

/// SEMANTICS: shared-writer-goes-first
#[test]
fn unlike_a_fifo_a_writer_goes_first_and_its_data_stays() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=shared"]);
    mount.open("p", O_WRONLY | O_CREAT).write_all(b"one ").unwrap();
    mount.open("p", O_WRONLY).write_all(b"two ").unwrap();
    let writer = mount.open("p", O_WRONLY);
    writer.write_all(b"three").unwrap();
    drop(writer);
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"one two three");
    // Drained and closed: the next reader waits for the next writer.
    let mut opening = mount.opening("p", O_RDONLY);
    opening.assert_waits();
    drop(mount.open("p", O_WRONLY));
    let reader = opening.join(SOON).unwrap();
    assert_eq!(reader.read(9).unwrap(), b"");
}

/// SEMANTICS: shared-keeps-unread
#[test]
fn what_a_reader_left_is_there_for_the_next_even_if_nobody_is_left() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=shared"]);
    mount.open("p", O_WRONLY | O_CREAT).write_all(b"first\nsecond\n").unwrap();
    let reader = mount.open("p", O_RDONLY);
    assert_eq!(reader.read(6).unwrap(), b"first\n");
    drop(reader);
    eventually(SOON, || sys::stat(mount.path("p")).unwrap().st_blocks == 1);
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"second\n");
}
