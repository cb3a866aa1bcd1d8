//! Group Q, second half: a FIFO as a file.

use std::fs;

use libc::{O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY};

use super::Fifo;
use crate::harness::actor::{Actor, Step};
use crate::harness::process::command;
use crate::harness::watchdog::new_directory;
use crate::harness::{Errno, Fd, calls, eventually, run, sh, sys};
use crate::linux::SOON;

crate::linux::on_fifos! {
    q10_no_positions,
    q11_what_a_fifo_refuses,
    q12_wrong_direction,
    q13_how_much_is_there,
    q14_without_its_name_and_through_copies,
    q15_how_it_is_made,
}

/// SEMANTICS: file-seek
fn q10_no_positions(it: &Fifo) {
    let (reader, writer) = it.ends();
    assert_eq!(calls::seek(&reader, 0), Err(Errno::ESPIPE));
    assert_eq!(calls::seek(&writer, 5), Err(Errno::ESPIPE));
    assert_eq!(calls::read_at(&reader, 1, 0), Err(Errno::ESPIPE));
    assert_eq!(calls::write_at(&writer, b"x", 0), Err(Errno::ESPIPE));
}

/// SEMANTICS: fsync-waits, file-truncate, file-mmap, limit-mmap
fn q11_what_a_fifo_refuses(it: &Fifo) {
    let (reader, writer) = it.ends();
    let differs = it.differs("Q11");
    let refused = |by| if differs { Ok(()) } else { Err(by) };
    assert_eq!(writer.fsync(), refused(Errno::EINVAL), "nothing is there to be waited for");
    assert_eq!(reader.fsync(), refused(Errno::EINVAL));
    assert_eq!(calls::truncate_open(&writer, 0), refused(Errno::EINVAL));
    assert_eq!(sys::truncate(&it.path, 0), refused(Errno::EINVAL));
    assert_eq!(calls::truncate_open(&writer, 5), Err(Errno::EINVAL));
    assert_eq!(sys::truncate(&it.path, 5), Err(Errno::EINVAL));
    assert_eq!(calls::allocate(&writer, 4096), Err(Errno::ESPIPE));
    assert_eq!(calls::map_shared(&reader, libc::PROT_READ), Err(Errno::ENODEV));
    let file = new_directory().join("file");
    fs::write(&file, "").unwrap();
    let file = Fd::open(file, O_WRONLY).unwrap();
    let copied = calls::copy_range(&reader, &file, 9);
    assert_eq!(copied, Err(it.answer("Q11", Errno::EINVAL, Errno::EXDEV)));
    let mut touching = Actor::start(&[Step::Open(it.path.clone(), O_RDWR), Step::TouchMapping]);
    let status = touching.child.wait(SOON);
    if differs {
        assert!(crate::harness::actor::killed_by(status, libc::SIGBUS), "{touching:?}");
    } else {
        assert_eq!(touching.outcomes()[1], Err(Errno::ENODEV));
    }
}

/// SEMANTICS: data-wrong-direction
fn q12_wrong_direction(it: &Fifo) {
    let (reader, writer) = it.ends();
    assert_eq!(reader.write(b"x"), Err(Errno::EBADF));
    assert_eq!(writer.read(1), Err(Errno::EBADF));
}

/// SEMANTICS: file-size
fn q13_how_much_is_there(it: &Fifo) {
    let (reader, writer) = it.ends();
    assert_eq!(writer.write(&[b'x'; 1000]), Ok(1000));
    assert_eq!(calls::readable_bytes(&reader), Ok(it.answer("Q13", 1000, 2)));
    let capacity = it.answer("Q13", Ok(65_536), Err(Errno::EBADF));
    assert_eq!(calls::pipe_capacity(&reader), capacity);
    let changed = it.answer("Q13", Ok(131_072), Err(Errno::EBADF));
    assert_eq!(calls::set_pipe_capacity(&reader, 131_072), changed);
    assert_eq!(sys::stat(&it.path).unwrap().st_size, 0);
    if it.differs("Q13") {
        eventually(SOON, || sys::stat(&it.path).unwrap().st_blocks == 2);
        let capacity = calls::attribute(&it.path, "user.pipefs.capacity").unwrap();
        assert_eq!(String::from_utf8_lossy(&capacity), "1048576");
    }
}

/// SEMANTICS: close-unlink, close-last-copy
fn q14_without_its_name_and_through_copies(it: &Fifo) {
    let (reader, writer) = it.ends();
    let copy = writer.duplicate().unwrap();
    drop(writer);
    assert_eq!(reader.read(9), Err(Errno::EAGAIN), "the copy is the writer");
    // Opened with close-on-exec, so a program that is started holds nothing.
    let mut program = crate::harness::Child::spawn(command("sleep").arg("60"));
    drop(copy);
    assert_eq!(reader.read(9).unwrap(), b"", "the last copy is closed");
    program.signal(libc::SIGTERM);
    program.wait(SOON);
    let writer = it.open(O_WRONLY);
    fs::remove_file(&it.path).unwrap();
    assert_eq!(it.refused(O_RDWR), Errno::ENOENT);
    assert_eq!(it.refused(O_RDONLY | O_NONBLOCK), Errno::ENOENT);
    assert_eq!(writer.write(b"x"), Ok(1));
    assert_eq!(reader.read(9).unwrap(), b"x");
    drop(writer);
    assert_eq!(reader.read(9).unwrap(), b"");
}

/// SEMANTICS: create-mkfifo, dir-names
fn q15_how_it_is_made(it: &Fifo) {
    let here = it.path.parent().unwrap();
    let before = sys::stat(here).unwrap().st_mtime;
    let script = r#"sleep 1.1; umask 027; mkfifo "$1/new""#;
    let output = run(&mut sh(script, &[here]), SOON);
    assert!(output.status.success(), "{output:?}");
    let made = sys::stat(here.join("new")).unwrap();
    assert_eq!(made.st_mode & 0o7777, 0o640);
    assert_eq!(made.st_uid, sys::effective_uid());
    assert_eq!((made.st_nlink, made.st_size), (1, 0));
    assert!(made.st_mtime > before, "its times are those of its making");
    assert!(sys::stat(here).unwrap().st_mtime > before, "the directory has changed");
    let refused = |name: &str| sys::mkfifo(here.join(name), 0o666).map(drop).unwrap_err();
    assert_eq!(refused("new"), Errno::EEXIST);
    assert_eq!(refused("missing/new"), Errno::ENOENT);
    assert_eq!(refused("new/below"), Errno::ENOTDIR);
    assert_eq!(refused(&"n".repeat(256)), Errno::ENAMETOOLONG);
    sys::mkfifo(here.join("n".repeat(255)), 0o666).unwrap();
    let elsewhere = new_directory();
    std::os::unix::fs::symlink("loop", elsewhere.join("loop")).unwrap();
    assert_eq!(sys::mkfifo(elsewhere.join("loop/new"), 0o666), Err(Errno::ELOOP));
    fs::create_dir(here.join("closed")).unwrap();
    fs::set_permissions(here.join("closed"), std::os::unix::fs::PermissionsExt::from_mode(0o555))
        .unwrap();
    crate::skip_unless_root!();
    let script = r#"mkfifo "$1/closed/new" 2>&1"#;
    let mut other = sh(script, &[here]);
    sys::run_as_user(&mut other, 65_534, 65_534);
    let output = run(&mut other, SOON);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!output.status.success() && said.contains("denied"), "{said}");
}
