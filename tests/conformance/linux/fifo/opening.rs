//! Group P: opening a FIFO.

use libc::{
    O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SIGALRM, SIGKILL,
};

use super::Fifo;
use crate::harness::actor::{Actor, Step, killed_by};
use crate::harness::{Errno, Fd, run, sh};
use crate::linux::SOON;

crate::linux::on_fifos! {
    p1_opens_wait_for_the_other_side,
    p2_a_writer_that_does_not_wait_needs_a_reader,
    p3_a_reader_that_does_not_wait_finds_an_end,
    p4_both_ways_never_waits,
    p5_create_truncate_and_append_change_nothing,
    p6_noclobber,
}

/// SEMANTICS: shared-reader-waits, shared-writer-goes-first, wait-interrupt, wait-kill
fn p1_opens_wait_for_the_other_side(it: &Fifo) {
    let open = |flags| Step::Open(it.path.clone(), flags);
    let mut reader = Actor::start(&[open(O_RDONLY), Step::Read(9)]);
    reader.until_waiting_in(0);
    let writer = it.open(O_WRONLY);
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(reader.finish(SOON), [Ok(0), Ok(1)]);
    drop(writer);

    let mut writer = Actor::start(&[open(O_WRONLY), Step::Write(1, b'w')]);
    if it.differs("P1") {
        assert_eq!(writer.finish(SOON), [Ok(0), Ok(1)]);
        assert_eq!(it.open(O_RDONLY).read(9).unwrap(), b"w");
    } else {
        writer.until_waiting_in(0);
        let reader = it.open(O_RDONLY);
        assert_eq!(writer.finish(SOON), [Ok(0), Ok(1)]);
        assert_eq!(reader.read(9).unwrap(), b"w");
    }

    let signal = [Step::Handle(SIGALRM, false), Step::AlarmEvery(50_000)];
    let mut interrupted = Actor::start(&[&signal[..], &[open(O_RDONLY)]].concat());
    assert_eq!(interrupted.last_outcome(SOON), Err(Errno::EINTR));
    let mut killed = Actor::start(&[open(O_RDONLY)]);
    killed.until_waiting();
    assert!(killed_by(killed.end_by(SIGKILL).0, SIGKILL));
    assert_eq!(it.refused(O_WRONLY | O_NONBLOCK), Errno::ENXIO, "no reader is left over");
}

/// SEMANTICS: shared-writer-nonblock
fn p2_a_writer_that_does_not_wait_needs_a_reader(it: &Fifo) {
    assert_eq!(it.refused(O_WRONLY | O_NONBLOCK), Errno::ENXIO);
    let reader = it.open(O_RDONLY | O_NONBLOCK);
    let writer = it.open(O_WRONLY | O_NONBLOCK);
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(reader.read(9).unwrap(), b"x");
}

/// SEMANTICS: shared-reader-nonblock
fn p3_a_reader_that_does_not_wait_finds_an_end(it: &Fifo) {
    let reader = it.open(O_RDONLY | O_NONBLOCK);
    assert_eq!(reader.read(9).unwrap(), b"");
    assert_eq!(reader.read(9).unwrap(), b"", "and again");
    let writer = it.open(O_WRONLY);
    assert_eq!(reader.read(9), Err(Errno::EAGAIN), "now there is a writer");
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(reader.read(9).unwrap(), b"x");
}

/// SEMANTICS: shared-rdwr
fn p4_both_ways_never_waits(it: &Fifo) {
    let both = it.open(O_RDWR);
    assert_eq!(both.write(b"own"), Ok(3));
    assert_eq!(both.read(9).unwrap(), b"own");
    drop(both);
    let script = r#"exec 3<> "$1"; echo one >&3; echo two > "$1"; head -n 2 <&3"#;
    let output = run(&mut sh(script, &[&it.path]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo\n", "{output:?}");
}

/// SEMANTICS: create-excl, file-truncate
fn p5_create_truncate_and_append_change_nothing(it: &Fifo) {
    let both = it.open(O_RDWR);
    assert_eq!(both.write(b"kept"), Ok(4));
    drop(it.open(O_WRONLY | O_CREAT | O_TRUNC));
    drop(it.open(O_WRONLY | O_APPEND));
    assert_eq!(it.refused(O_WRONLY | O_CREAT | O_EXCL), Errno::EEXIST);
    assert_eq!(both.read(9).unwrap(), b"kept");
    let appending: Fd = it.open(O_WRONLY | O_APPEND);
    let plain = it.open(O_WRONLY | O_TRUNC);
    for (writer, byte) in [(&appending, b"1"), (&plain, b"2"), (&appending, b"3")] {
        assert_eq!(writer.write(byte), Ok(1));
    }
    assert_eq!(both.read(9).unwrap(), b"123", "`>` and `>>` are alike");
}

/// SEMANTICS: limit-noclobber
fn p6_noclobber(it: &Fifo) {
    let script = r#"exec 3<> "$1"; set -C; (echo text > "$1") 2>&1 && head -n 1 <&3"#;
    let output = run(&mut sh(script, &[&it.path]), SOON);
    let said = String::from_utf8_lossy(&output.stdout).to_lowercase();
    if it.differs("P6") {
        assert!(said.contains("exist"), "{said}");
    } else {
        assert_eq!(said, "text\n");
    }
    let script = r#"exec 3<> "$1"; set -C; echo one >> "$1"; echo two >| "$1"; head -n 2 <&3"#;
    let output = run(&mut sh(script, &[&it.path]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "one\ntwo\n");
}
