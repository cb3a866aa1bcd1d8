//! Pipes as files: what stat(2) says of them, and what they refuse.

use std::os::unix::fs::DirEntryExt;
use std::time::Duration;

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};

use crate::harness::calls;
use crate::harness::{Errno, Fd, Mount, Task, eventually, run, sh, sys};
use crate::{SOON, skip_without_fuse};

/// SEMANTICS: file-regular
#[test]
fn a_pipe_is_a_regular_file_of_its_creator() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"umask 027; : > "$1/a"; umask 0; : > "$1/b"; mkfifo -m 0640 "$1/c"
        umask 077; touch "$1/d""#;
    let output = run(&mut sh(script, &[mount.dir()]), SOON);
    assert!(output.status.success(), "{output:?}");
    for (name, mode) in [("a", 0o640), ("b", 0o666), ("c", 0o640), ("d", 0o600)] {
        let stat = sys::stat(mount.path(name)).unwrap();
        assert_eq!(stat.st_mode, libc::S_IFREG | mode, "{name} has {:o}", stat.st_mode);
        assert_eq!(stat.st_uid, sys::effective_uid());
        assert_eq!(stat.st_nlink, 1);
    }
}

/// SEMANTICS: file-size
#[test]
fn the_size_is_zero_and_the_blocks_are_what_is_buffered() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let looks = || {
        let stat = sys::stat(mount.path("p")).unwrap();
        (stat.st_size, stat.st_blocks)
    };
    assert_eq!(looks(), (0, 0));
    writer.write_all(&[0; 5120]).unwrap();
    assert_eq!(looks(), (0, 10));
    writer.write_all(&[0; 512]).unwrap();
    assert_eq!((writer.stat().unwrap().st_size, writer.stat().unwrap().st_blocks), (0, 11));
    // A second instance counts, too.
    let second = mount.open("p", O_WRONLY | O_APPEND);
    second.write_all(&[0; 1024]).unwrap();
    assert_eq!(looks(), (0, 13));
    let reader = mount.open("p", O_RDONLY);
    reader.read_exactly(5632).unwrap();
    assert_eq!(looks(), (0, 2));
    let du = run(&mut sh("du -B512 \"$1\" | cut -f1", &[mount.path("p")]), SOON);
    assert_eq!(du.stdout, b"2\n", "{du:?}");
}

/// SEMANTICS: file-block-size
#[test]
fn the_block_size_steers_programs_to_large_transfers() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let size = sys::stat(mount.path("p")).unwrap().st_blksize;
    assert!(((64 << 10)..=1 << 20).contains(&size), "{size}");
}

/// SEMANTICS: file-times
#[test]
fn mtime_is_the_last_write_and_atime_the_last_read() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    let times = || {
        let stat = sys::stat(mount.path("p")).unwrap();
        ((stat.st_mtime, stat.st_mtime_nsec), (stat.st_atime, stat.st_atime_nsec))
    };
    let pause = || std::thread::sleep(Duration::from_millis(30));
    let (mtime, atime) = times();
    pause();
    writer.write_all(b"x").unwrap();
    let (written, unread) = times();
    assert!(written > mtime, "a write is seen in mtime: {written:?} after {mtime:?}");
    assert_eq!(unread, atime, "and not in atime");
    pause();
    reader.read(9).unwrap();
    let (unwritten, read) = times();
    assert!(read > atime, "a read is seen in atime: {read:?} after {atime:?}");
    assert_eq!(unwritten, written, "and not in mtime");
}

/// SEMANTICS: file-inode
#[test]
fn the_inode_number_is_stable() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let inode = writer.stat().unwrap().st_ino;
    let listed = |name: &str| {
        let entries = std::fs::read_dir(mount.dir()).unwrap();
        let entry = entries.flatten().find(|entry| entry.file_name() == name);
        entry.map(|entry| entry.ino())
    };
    let others: Vec<_> = (0..5).map(|_| mount.open("p", O_WRONLY)).collect();
    let reader = mount.open("p", O_RDONLY);
    for end in others.iter().chain([&writer, &reader]) {
        assert_eq!(end.stat().unwrap().st_ino, inode);
        assert_eq!(sys::stat(mount.path("p")).unwrap().st_ino, inode);
        assert_eq!(listed("p"), Some(inode));
    }
    drop((others, reader));
    std::fs::rename(mount.path("p"), mount.path("q")).unwrap();
    assert_eq!(sys::stat(mount.path("q")).unwrap().st_ino, inode);
    assert_eq!(listed("q"), Some(inode));
    assert_eq!(writer.stat().unwrap().st_ino, inode);
    sys::mkfifo(mount.path("f"), 0o666).unwrap();
    let inode = sys::stat(mount.path("f")).unwrap().st_ino;
    let end = mount.open("f", O_RDWR);
    assert_eq!(end.stat().unwrap().st_ino, inode);
    assert_eq!(listed("f"), Some(inode));
}

/// SEMANTICS: file-seek
#[test]
fn a_pipe_cannot_be_seeked() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT);
    let client = mount.open("p", O_RDWR);
    server.write_all(b"hello").unwrap();
    for end in [&server, &client] {
        assert_eq!(calls::seek(end, 0), Err(Errno::ESPIPE));
        assert_eq!(calls::read_at(end, 1, 0), Err(Errno::ESPIPE));
        assert_eq!(calls::write_at(end, b"x", 0), Err(Errno::ESPIPE));
    }
    assert_eq!(client.read(9).unwrap(), b"hello");
}

/// SEMANTICS: file-mmap
#[test]
fn a_shared_mapping_is_refused() {
    skip_without_fuse!();
    let mount = Mount::new();
    let end = mount.open("p", O_RDWR | O_CREAT);
    for protection in [libc::PROT_READ, libc::PROT_READ | libc::PROT_WRITE] {
        assert_eq!(calls::map_shared(&end, protection), Err(Errno::ENODEV));
    }
}

/// SEMANTICS: file-truncate
#[test]
fn truncating_discards_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(b"kept").unwrap();
    assert_eq!(sys::truncate(mount.path("p"), 0), Ok(()));
    assert_eq!(calls::truncate_open(&writer, 0), Ok(()));
    let other = mount.open("p", O_WRONLY | O_TRUNC);
    let shell = run(&mut sh(": > \"$1\" && truncate -s 0 \"$1\"", &[mount.path("p")]), SOON);
    assert!(shell.status.success(), "{shell:?}");
    for size in [1, 4096, 1 << 40] {
        assert_eq!(sys::truncate(mount.path("p"), size), Err(Errno::EINVAL));
        assert_eq!(calls::truncate_open(&writer, size), Err(Errno::EINVAL));
    }
    drop((writer, other));
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"kept");
}

/// Copies from a pipe that holds data, by calls that go through the page cache.
fn assert_no_false_end_of_file(what: &str, copy: impl Fn(&Fd, &Fd, usize) -> Result<usize, Errno>) {
    let mount = Mount::new();
    let (read_end, write_end) = calls::kernel_pipe();
    for shared in [false, true] {
        let name = if shared { "shared" } else { "instance" };
        if shared {
            sys::mkfifo(mount.path(name), 0o666).unwrap();
        }
        let writer = mount.open(name, O_WRONLY | O_CREAT);
        writer.write_all(b"hello").unwrap();
        let reader = mount.open(name, O_RDONLY);
        for round in 0..3 {
            // What stat shows must not become what the kernel believes.
            assert_eq!(reader.stat().unwrap().st_size, 0);
            assert_eq!(sys::stat(mount.path(name)).unwrap().st_size, 0);
            match copy(&reader, &write_end, 5) {
                Ok(5) if round == 0 => {
                    assert_eq!(read_end.read(9).unwrap(), b"hello");
                    writer.write_all(b"hello").unwrap();
                }
                other => assert_eq!(other, Err(Errno::EINVAL), "{what}, {name}, round {round}"),
            }
        }
        assert_eq!(reader.read(9).unwrap(), b"hello", "{what} took nothing");
    }
}

/// SEMANTICS: file-splice
#[test]
fn splice_shows_no_false_end_of_file() {
    skip_without_fuse!();
    assert_no_false_end_of_file("splice", calls::splice);
}

/// SEMANTICS: file-splice
#[test]
fn sendfile_shows_no_false_end_of_file() {
    skip_without_fuse!();
    assert_no_false_end_of_file("sendfile", calls::sendfile);
}

/// SEMANTICS: file-splice, limit-truncate
///
/// `O_TRUNC` makes the kernel forget the inode's size; soon after it must know it again.
#[test]
fn an_end_that_truncates_shows_no_false_end_of_file() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (_read_end, write_end) = calls::kernel_pipe();
    let path = mount.make("p");
    let server = Fd::open(&path, O_RDWR | O_TRUNC).unwrap();
    let client = Fd::open(&path, O_RDWR).unwrap();
    client.write_all(b"hello").unwrap();
    eventually(SOON, || calls::kept_size(&server).unwrap() > 0);
    assert_eq!(calls::splice(&server, &write_end, 5), Err(Errno::EINVAL));
    assert_eq!(server.stat().unwrap().st_size, 0);
    assert_eq!(server.read(9).unwrap(), b"hello");
}

/// The size of an end that truncates is set again up to a second later: by then the end may have
/// gone, and somebody else be about to open its inode.
#[test]
fn an_end_that_truncates_may_be_gone_at_once() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    for flags in [O_WRONLY | O_APPEND | O_TRUNC, O_RDWR | O_TRUNC] {
        Fd::open(&path, flags).unwrap().close().unwrap();
        assert_eq!(sys::stat(&path).unwrap().st_size, 0);
    }
    std::thread::sleep(Duration::from_millis(1200));
    let server = mount.open("p", O_WRONLY | O_APPEND);
    assert!(calls::kept_size(&server).unwrap() > 0);
}

/// SEMANTICS: file-splice
///
/// Into a pipe, too: what a program splices there arrives, or it is told to write it.
#[test]
fn splice_into_a_pipe_loses_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (read_end, write_end) = calls::kernel_pipe();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    write_end.write_all(b"hello").unwrap();
    match calls::splice(&read_end, &writer, 5) {
        Ok(count) => assert_eq!(reader.read(9).unwrap(), b"hello"[..count]),
        Err(error) => {
            assert_eq!(error, Errno::EINVAL);
            assert_eq!(read_end.read(9).unwrap(), b"hello");
        }
    }
}

/// SEMANTICS: file-splice
///
/// The programs that use these calls copy what is there: cp, cat, Python's `shutil`.
#[test]
fn programs_that_copy_inside_the_kernel_copy_everything() {
    skip_without_fuse!();
    let mount = Mount::new();
    let out = crate::harness::watchdog::new_directory().join("out");
    let python = "import shutil,sys; shutil.copyfile(sys.argv[1], sys.argv[2])";
    for script in [
        r#"cp "$1" "$2""#.to_owned(),
        r#"cat "$1" > "$2""#.to_owned(),
        r#"dd if="$1" of="$2" status=none"#.to_owned(),
        format!(r#"python3 -c "{python}" "$1" "$2""#),
    ] {
        let data = "line\n".repeat(60_000);
        mount.open("p", O_WRONLY | O_CREAT).write_all(data.as_bytes()).unwrap();
        let output = run(&mut sh(&script, &[&mount.path("p"), &out]), SOON);
        assert!(output.status.success(), "{script}: {output:?}");
        let copied = std::fs::read_to_string(&out).unwrap();
        assert!(copied == data, "{script}: {} bytes of {}", copied.len(), data.len());
        std::fs::remove_file(&out).unwrap();
    }
}

/// SEMANTICS: data-wrong-direction
#[test]
fn the_wrong_direction_is_ebadf() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    assert_eq!(writer.read(1), Err(Errno::EBADF));
    assert_eq!(reader.write(b"x"), Err(Errno::EBADF));
}

/// SEMANTICS: file-attributes
///
/// They do not wait, whatever others do with the pipe.
#[test]
fn attributes_can_be_changed_while_others_wait() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT | O_APPEND);
    writer.write_all(&[0; 4096]).unwrap();
    let mut writing = Task::spawn(move || writer.write(b"x"));
    writing.assert_waits();
    let path = mount.path("p");
    sys::chmod(&path, 0o640).unwrap();
    calls::set_times(&path, 1_000, 2_000).unwrap();
    let stat = sys::stat(&path).unwrap();
    assert_eq!((stat.st_mode & 0o7777, stat.st_atime, stat.st_mtime), (0o640, 1_000, 2_000));
    if sys::effective_uid() == 0 {
        std::os::unix::fs::chown(&path, Some(12), Some(34)).unwrap();
        let stat = sys::stat(&path).unwrap();
        assert_eq!((stat.st_uid, stat.st_gid), (12, 34));
    }
    writing.assert_waits();
    let reader = mount.open("p", O_RDONLY | O_NONBLOCK);
    reader.read(9).unwrap();
    assert_eq!(writing.join(SOON), Ok(1));
}

/// SEMANTICS: file-statfs
#[test]
fn statfs_shows_the_memory_limit_and_its_use() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "memory=8M"]);
    let looks = || {
        let info = sys::statfs(mount.dir()).unwrap();
        let unit = u64::try_from(info.f_frsize).unwrap();
        (info.f_blocks * unit, info.f_bfree * unit, info.f_namelen)
    };
    assert_eq!(looks(), (8 << 20, 8 << 20, 255));
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    writer.write_all(&vec![0; 1 << 20]).unwrap();
    assert_eq!(looks(), (8 << 20, 7 << 20, 255));
}
