//! A server that acts as its client when it uses files. These tests need to be root.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use libc::O_RDWR;
use pipefs_mount::impersonate::Impersonation;
use tempfile::TempDir;

use crate::harness::actor::Step;
use crate::harness::{Actor, Mount, calls, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// A user and a group that nothing here belongs to.
const USER: u32 = 65_534;
const GROUP: u32 = 65_533;

/// `CAP_SETGID`.
const CAP_SETGID: u32 = 6;

/// A server's end to which [`USER`] has come, the client, and a folder of files that everybody
/// may add to.
struct Stage {
    mount: Mount,
    server: File,
    client: Actor,
    folder: TempDir,
}

impl Stage {
    fn new() -> Self {
        let mount = Mount::with(&["-o", "allow_other,access=duplex"]);
        sys::chmod(mount.make("p"), 0o666).unwrap();
        let mut server = serve(&mount);
        // The last step waits, until this is dropped.
        let steps = [Step::Open(mount.path("p"), O_RDWR), Step::Write(1, b'x'), Step::Read(1)];
        let client = Actor::start_as(USER, GROUP, &steps);
        server.read_exact(&mut [0]).unwrap();
        let folder = tempfile::tempdir_in(mount.dir().parent().unwrap()).unwrap();
        set_mode(folder.path(), 0o777);
        Self { mount, server, client, folder }
    }

    /// A file of root's.
    fn file(&self, mode: u32) -> PathBuf {
        let path = self.folder.path().join(format!("{mode:o}"));
        fs::write(&path, "root's").unwrap();
        set_mode(&path, mode);
        path
    }
}

fn serve(mount: &Mount) -> File {
    OpenOptions::new().read(true).write(true).truncate(true).open(mount.path("p")).unwrap()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// This thread's users, groups and supplementary groups.
fn identity() -> Vec<String> {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let is_wanted = |line: &&str| ["Uid:", "Gid:", "Groups:"].iter().any(|w| line.starts_with(w));
    status.lines().filter(is_wanted).map(str::to_owned).collect()
}

fn can_open(path: &Path) -> bool {
    match File::open(path) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn a_server_that_impersonates_its_client_has_its_permissions() {
    skip_without_fuse!();
    skip_unless_root!();
    let stage = Stage::new();
    let files = [0o600, 0o640, 0o604].map(|mode| stage.file(mode));
    let can = || files.each_ref().map(|file| can_open(file));
    assert_eq!(can(), [true; 3]);
    let guard = Impersonation::of_client(&stage.server).unwrap();
    // 0640: root's groups are not the client's.
    assert_eq!(can(), [false, false, true]);
    let new = stage.folder.path().join("new");
    fs::write(&new, "the client's").unwrap();
    let owner = fs::metadata(&new).map(|data| (data.uid(), data.gid())).unwrap();
    assert_eq!(owner, (USER, GROUP));
    drop(guard);
    assert_eq!(can(), [true; 3]);
}

#[test]
fn impersonating_concerns_one_thread_alone() {
    skip_without_fuse!();
    skip_unless_root!();
    let stage = Stage::new();
    let file = stage.file(0o600);
    let before = identity();
    let (ask, asked) = std::sync::mpsc::channel::<PathBuf>();
    // Started before: a thread has what the one that starts it has.
    let other = thread::spawn(move || {
        let path = asked.recv_timeout(SOON).unwrap();
        (can_open(&path), identity())
    });
    let guard = Impersonation::of_client(&stage.server).unwrap();
    assert_ne!(identity(), before);
    ask.send(file).unwrap();
    assert_eq!(other.join().unwrap(), (true, before));
    drop(guard);
}

#[test]
fn impersonating_ends_with_a_panic() {
    skip_without_fuse!();
    skip_unless_root!();
    let stage = Stage::new();
    let file = stage.file(0o600);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = Impersonation::of_client(&stage.server).unwrap();
        assert!(can_open(&file), "this has to fail");
    }));
    assert!(panicked.is_err());
    assert!(can_open(&file));
}

#[test]
fn the_client_may_have_closed_but_not_be_disconnected() {
    skip_without_fuse!();
    skip_unless_root!();
    let mut stage = Stage::new();
    let file = stage.file(0o600);
    stage.client.end_by(libc::SIGKILL);
    stage.server.write_all(b"x").expect_err("the client has gone");
    let guard = Impersonation::of_client(&stage.server).unwrap();
    assert!(!can_open(&file));
    drop(guard);

    let alone = serve(&stage.mount);
    let nobody = Impersonation::of_client(&alone).map(drop).unwrap_err();
    assert_eq!(nobody.raw_os_error(), Some(libc::ESRCH));
    let no_pipe = Impersonation::of_client(File::open(&file).unwrap()).map(drop).unwrap_err();
    assert_eq!(no_pipe.raw_os_error(), Some(libc::ENOTTY));
    assert!(can_open(&file));
}

#[test]
fn impersonations_can_be_nested_and_have_groups() {
    skip_unless_root!();
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let file = folder.path().join("for the group");
    fs::write(&file, "").unwrap();
    std::os::unix::fs::chown(&file, None, Some(GROUP)).unwrap();
    set_mode(&file, 0o640);
    let member = Impersonation::of(USER, USER, &[GROUP]).unwrap();
    assert!(can_open(&file));
    let stranger = Impersonation::of(USER - 5, USER, &[]).unwrap();
    assert!(!can_open(&file));
    drop(stranger);
    assert!(can_open(&file));
    drop(member);
    assert!(can_open(&file));
}

/// Who may not change its user is refused, and stays as it was.
#[test]
fn who_may_not_impersonate_stays_who_it_is() {
    skip_without_fuse!();
    skip_unless_root!();
    let stage = Stage::new();
    let file = stage.file(0o600);
    // With the second, the groups are changed before the user turns out to be refused.
    for kept in [0, 1 << CAP_SETGID] {
        let (server, file) = (stage.server.try_clone().unwrap(), file.clone());
        let outcome = thread::spawn(move || {
            calls::keep_capabilities(kept).unwrap();
            let before = identity();
            let refused = Impersonation::of_client(&server).map(drop).unwrap_err();
            assert_eq!(identity(), before);
            (refused.raw_os_error(), can_open(&file))
        });
        assert_eq!(outcome.join().unwrap(), (Some(libc::EPERM), true));
    }
}
