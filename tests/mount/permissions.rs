//! Permissions: other users on a mount with `allow_other`. These tests need to be root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY};

use crate::harness::actor::{Outcome, Step};
use crate::harness::{Actor, Errno, Mount, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// Users that no file here belongs to, unless a test says so.
const USER: u32 = 65_534;
const OTHER_USER: u32 = 65_533;

fn act_as(user: u32, step: Step) -> Outcome {
    Actor::start_as(user, user, &[step]).last_outcome(SOON)
}

/// SEMANTICS: dir-root
#[test]
fn the_root_directory_has_its_mode() {
    skip_without_fuse!();
    let mode = |mount: &Mount| fs::metadata(mount.dir()).unwrap().permissions().mode();
    let root = mode(&Mount::new());
    assert_eq!(root, libc::S_IFDIR | 0o755, "{root:o}");
    skip_unless_root!();
    let root = mode(&Mount::with(&["-o", "allow_other"]));
    assert_eq!(root, libc::S_IFDIR | 0o1777, "{root:o}");
}

/// SEMANTICS: dir-root
///
/// Without `allow_other` the kernel lets nobody else in.
#[test]
fn others_are_kept_out_without_allow_other() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::new();
    let path = mount.make("p");
    assert_eq!(act_as(USER, Step::Stat(path.clone())), Err(Errno::EACCES));
    assert_eq!(act_as(USER, Step::Open(path, O_RDONLY | O_NONBLOCK)), Err(Errno::EACCES));
}

/// SEMANTICS: file-attributes
#[test]
fn the_kernel_checks_permissions() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    let path = mount.make("p");
    let open = |flags| act_as(USER, Step::Open(mount.path("p"), flags | O_NONBLOCK));
    let refused = Err(Errno::EACCES);
    for (mode, read, write) in
        [(0o600, refused, refused), (0o604, Ok(0), refused), (0o602, refused, Ok(0))]
    {
        sys::chmod(&path, mode).unwrap();
        assert_eq!((open(O_RDONLY), open(O_WRONLY)), (read, write), "mode {mode:o}");
        assert_eq!(open(O_RDWR), refused, "mode {mode:o}");
    }
    assert_eq!(act_as(USER, Step::Chmod(path.clone(), 0o777)), Err(Errno::EPERM));
    assert_eq!(act_as(USER, Step::Truncate(path.clone(), 0)), Ok(0), "0602 lets others write");
    // The owner and its group, once the pipe is theirs.
    std::os::unix::fs::chown(&path, Some(OTHER_USER), Some(USER)).unwrap();
    sys::chmod(&path, 0o640).unwrap();
    assert_eq!((open(O_RDONLY), open(O_WRONLY)), (Ok(0), refused));
    assert_eq!(act_as(OTHER_USER, Step::Chmod(path, 0o600)), Ok(0));
    assert_eq!(open(O_RDONLY), refused);
}

/// SEMANTICS: open-permission
#[test]
fn a_client_that_is_refused_takes_no_instance() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,open=fail"]);
    let path = mount.make("p");
    sys::chmod(&path, 0o600).unwrap();
    mount.open("p", O_WRONLY).write_all(b"for root").unwrap();
    for _ in 0..3 {
        let refused = act_as(USER, Step::Open(path.clone(), O_RDONLY));
        assert_eq!(refused, Err(Errno::EACCES));
    }
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"for root");
}

/// SEMANTICS: file-regular
#[test]
fn a_pipe_belongs_to_who_created_it() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    let path = mount.path("p");
    let mut creator = Actor::start_as(
        USER,
        USER,
        &[Step::Open(path.clone(), O_WRONLY | O_CREAT), Step::Write(3, b'x')],
    );
    assert_eq!(creator.finish(SOON), [Ok(0), Ok(3)]);
    let stat = fs::metadata(&path).unwrap();
    assert_eq!((stat.uid(), stat.gid()), (USER, USER));
    // The root directory is sticky: another user cannot remove it, its owner can.
    let remove = |user: u32| {
        let mut rm = crate::harness::command("rm");
        sys::run_as_user(rm.arg(&path), user, user);
        crate::harness::run(&mut rm, SOON).status.success()
    };
    assert!(!remove(OTHER_USER));
    assert!(path.exists());
    assert!(remove(USER));
    assert!(!path.exists());
}

/// SEMANTICS: file-regular
///
/// Two users talk to each other; the one who opens somebody else's pipe does not create.
#[test]
fn two_users_talk_to_each_other() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    let path = mount.make("p");
    sys::chmod(&path, 0o666).unwrap();
    let mut server = Actor::start_as(
        USER,
        USER,
        &[Step::Open(path.clone(), O_RDWR), Step::Write(5, b's'), Step::Read(9)],
    );
    server.until_waiting();
    let mut client = Actor::start_as(
        OTHER_USER,
        OTHER_USER,
        &[Step::Open(path, O_RDWR), Step::Read(9), Step::Write(3, b'c')],
    );
    assert_eq!(client.finish(SOON), [Ok(0), Ok(5), Ok(3)]);
    assert_eq!(server.finish(SOON), [Ok(0), Ok(5), Ok(3)]);
    assert_eq!((server.data(), client.data()), (b"ccc".to_vec(), b"sssss".to_vec()));
}
