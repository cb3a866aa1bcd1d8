//! Who may do what: one line for each deed, mode and outcome. POSIX says what is expected of files
//! in a directory that is sticky, as the root of an `allow_other` mount is.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use libc::{O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};

use super::{GROUP, MEMBER, OTHER, OWNER};
use crate::harness::actor::{Outcome, Step};
use crate::harness::calls::set_attribute;
use crate::harness::{Actor, Errno, Fd, Mount, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// Who tries it: uid and gid, in the order of a row's outcomes. The pipe is OWNER's and GROUP's.
const WHO: [(&str, u32, u32); 4] =
    [("root", 0, 0), ("owner", OWNER, OWNER), ("group", MEMBER, GROUP), ("other", OTHER, OTHER)];

/// What is tried on the pipe at a path. `beside` is a name that is free, or a pipe of who tries it.
type Deed = fn(pipe: PathBuf, beside: PathBuf) -> Step;

const YES: Result<(), Errno> = Ok(());
const DENIED: Result<(), Errno> = Err(Errno::EACCES);
const FORBIDDEN: Result<(), Errno> = Err(Errno::EPERM);

/// What it is called, what it is, and for each mode of the pipe what comes of it, by [`WHO`].
type Row = (&'static str, Deed, &'static [(u32, [Result<(), Errno>; 4])]);

const BY_READ: &[(u32, [Result<(), Errno>; 4])] = &[
    (0o600, [YES, YES, DENIED, DENIED]),
    (0o640, [YES, YES, YES, DENIED]),
    (0o604, [YES, YES, DENIED, YES]),
    (0o622, [YES, YES, DENIED, DENIED]),
    (0o044, [YES, DENIED, YES, YES]),
    (0o000, [YES, DENIED, DENIED, DENIED]),
];

const BY_WRITE: &[(u32, [Result<(), Errno>; 4])] = &[
    (0o600, [YES, YES, DENIED, DENIED]),
    (0o620, [YES, YES, YES, DENIED]),
    (0o602, [YES, YES, DENIED, YES]),
    (0o644, [YES, YES, DENIED, DENIED]),
    (0o022, [YES, DENIED, YES, YES]),
    (0o000, [YES, DENIED, DENIED, DENIED]),
];

const BY_BOTH: &[(u32, [Result<(), Errno>; 4])] = &[
    (0o600, [YES, YES, DENIED, DENIED]),
    (0o664, [YES, YES, YES, DENIED]),
    (0o646, [YES, YES, DENIED, YES]),
    (0o642, [YES, YES, DENIED, DENIED]),
    (0o066, [YES, DENIED, YES, YES]),
];

/// What the mode does not decide.
const BY_OWNER: &[(u32, [Result<(), Errno>; 4])] =
    &[(0o777, [YES, YES, FORBIDDEN, FORBIDDEN]), (0o000, [YES, YES, FORBIDDEN, FORBIDDEN])];

const BY_ROOT: &[(u32, [Result<(), Errno>; 4])] =
    &[(0o777, [YES, FORBIDDEN, FORBIDDEN, FORBIDDEN])];

const BY_NOBODY: &[(u32, [Result<(), Errno>; 4])] =
    &[(0o777, [Err(Errno::EEXIST); 4]), (0o000, [Err(Errno::EEXIST); 4])];

const ROWS: &[Row] = &[
    ("serve by writing", |p, _| Step::Open(p, O_WRONLY | O_NONBLOCK), BY_WRITE),
    ("serve both ways", |p, _| Step::Open(p, O_RDWR | O_TRUNC | O_NONBLOCK), BY_BOTH),
    ("connect to read", |p, _| Step::Open(p, O_RDONLY | O_NONBLOCK), BY_READ),
    ("take the name", |p, _| Step::Open(p, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK), BY_NOBODY),
    ("truncate", |p, _| Step::Truncate(p, 0), BY_WRITE),
    ("change a setting", |p, _| Step::SetAttribute(p, "user.pipefs.linger", "drop"), BY_WRITE),
    ("see a setting", |p, _| Step::Attribute(p, "user.pipefs.capacity"), BY_READ),
    ("see the state", |p, _| Step::Attribute(p, "user.pipefs.state"), BY_READ),
    ("peek", |p, _| Step::Attribute(p, "user.pipefs.peek"), BY_READ),
    ("chmod", |p, _| Step::Chmod(p, 0o600), BY_OWNER),
    ("give away", |p, _| Step::Chown(p, OTHER, OTHER), BY_ROOT),
    ("give to its own group", |p, _| Step::Chown(p, OWNER, OWNER), BY_OWNER),
    ("remove", |p, _| Step::Unlink(p), BY_OWNER),
    ("rename", Step::Rename, BY_OWNER),
    ("rename over it", |p, beside| Step::Rename(beside, p), BY_OWNER),
];

/// A pipe of this owner.
fn make(path: &Path, uid: u32, gid: u32, mode: u32) {
    sys::mknod(path, libc::S_IFREG | 0o600).unwrap();
    chown(path, Some(uid), Some(gid)).unwrap();
    sys::chmod(path, mode).unwrap();
}

fn outcome(uid: u32, gid: u32, step: Step) -> Result<(), Errno> {
    let outcome: Outcome = Actor::start_as(uid, gid, &[step]).last_outcome(SOON);
    outcome.map(drop)
}

/// SEMANTICS: file-attributes, attribute-permissions, create-excl
#[test]
fn each_may_do_what_posix_says() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]).lasting(20 * SOON);
    let mut wrong = Vec::new();
    for (deed, step, modes) in ROWS {
        for (mode, expected) in *modes {
            for ((who, uid, gid), expected) in WHO.into_iter().zip(expected) {
                let (pipe, beside) = (mount.path("pipe"), mount.path("beside"));
                make(&pipe, OWNER, GROUP, *mode);
                let step = step(pipe.clone(), beside.clone());
                if matches!(&step, Step::Rename(from, _) if *from == beside) {
                    make(&beside, uid, gid, 0o600);
                }
                let came = outcome(uid, gid, step);
                if came != *expected {
                    wrong.push(format!("{who} {deed} {mode:03o}: {came:?}, not {expected:?}"));
                }
                for path in [pipe, beside] {
                    let _ = std::fs::remove_file(path);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// SEMANTICS: attribute-permissions
///
/// One more server beside somebody's, and its client: by the pipe's permissions, and by no others.
#[test]
fn one_more_instance_of_somebodys_pipe_needs_leave_to_write() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,access=duplex"]);
    for (mode, serves, connects) in
        [(0o600, DENIED, DENIED), (0o604, DENIED, DENIED), (0o606, YES, YES)]
    {
        let pipe = mount.path("pipe");
        make(&pipe, OWNER, GROUP, mode);
        let server = Fd::open(&pipe, O_RDWR | O_TRUNC).unwrap();
        let open = |flags| outcome(OTHER, OTHER, Step::Open(pipe.clone(), flags | O_NONBLOCK));
        assert_eq!(open(O_RDWR | O_TRUNC), serves, "{mode:o}");
        assert_eq!(open(O_RDWR), connects, "{mode:o}");
        drop(server);
        std::fs::remove_file(&pipe).unwrap();
    }
}

/// SEMANTICS: open-permission, open-wronly, open-rdonly
///
/// Of a pipe that goes one way, with a server there.
#[test]
fn a_mode_lets_others_connect_and_not_serve() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    for (access, mode, serving, connecting) in
        [("outbound", 0o644, O_WRONLY, O_RDONLY), ("inbound", 0o622, O_RDONLY, O_WRONLY)]
    {
        let pipe = mount.path("pipe");
        make(&pipe, OWNER, GROUP, mode);
        set_attribute(&pipe, "user.pipefs.access", access.as_bytes()).unwrap();
        let server = Fd::open(&pipe, serving).unwrap();
        let open = |flags| outcome(OTHER, OTHER, Step::Open(pipe.clone(), flags | O_NONBLOCK));
        assert_eq!(open(serving), DENIED, "{access}");
        assert_eq!(open(connecting), YES, "{access}");
        drop(server);
        std::fs::remove_file(&pipe).unwrap();
    }
}

/// SEMANTICS: dir-tree
///
/// In a directory without the sticky bit its own permissions decide who removes and renames.
#[test]
fn a_directory_decides_who_removes_from_it() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    for (mode, expected) in [
        (0o755, [YES, DENIED, DENIED, DENIED]),
        (0o777, [YES, YES, YES, YES]),
        (0o1777, [YES, YES, FORBIDDEN, FORBIDDEN]),
        (0o775, [YES, DENIED, YES, DENIED]),
        (0o000, [YES, DENIED, DENIED, DENIED]),
    ] {
        for ((who, uid, gid), expected) in WHO.into_iter().zip(expected) {
            let directory = mount.path("d");
            std::fs::create_dir(&directory).unwrap();
            chown(&directory, Some(0), Some(GROUP)).unwrap();
            make(&directory.join("p"), OWNER, GROUP, 0o600);
            sys::chmod(&directory, mode).unwrap();
            let step = Step::Unlink(directory.join("p"));
            assert_eq!(outcome(uid, gid, step), expected, "{who} {mode:o}");
            std::fs::remove_dir_all(&directory).unwrap();
        }
    }
}

/// SEMANTICS: dir-setgid
///
/// > In a directory with the set-group-id bit what is created gets the directory's group, and
/// > directories the bit as well.
#[test]
fn a_set_group_id_directory_hands_its_group_on() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    let directory = mount.path("d");
    std::fs::create_dir(&directory).unwrap();
    chown(&directory, Some(0), Some(GROUP)).unwrap();
    sys::chmod(&directory, 0o2777).unwrap();
    let open = Step::Open(directory.join("opened"), O_WRONLY | O_CREAT | O_NONBLOCK);
    assert_eq!(outcome(OTHER, OTHER, open), YES);
    make_dir_as(OTHER, &directory.join("inner"));
    sys::mkfifo(directory.join("inner/fifo"), 0o600).unwrap();
    for (name, uid, mode) in
        [("opened", OTHER, None), ("inner", OTHER, Some(0o2000)), ("inner/fifo", 0, None)]
    {
        let found = std::fs::metadata(directory.join(name)).unwrap();
        assert_eq!((found.uid(), found.gid()), (uid, GROUP), "{name}");
        let bit = found.permissions().mode() & 0o2000;
        assert_eq!(bit, mode.unwrap_or(0), "{name}");
    }
}

fn make_dir_as(uid: u32, path: &Path) {
    let mut mkdir = crate::harness::command("mkdir");
    sys::run_as_user(mkdir.arg(path), uid, uid);
    let output = crate::harness::run(&mut mkdir, SOON);
    assert!(output.status.success(), "{output:?}");
}
