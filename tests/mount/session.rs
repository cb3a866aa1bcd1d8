//! The commands `pipefs mount` and `pipefs umount`, from beginning to end.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::mount::{LIFE, Life, is_mounted, unmount_lazily};
use crate::harness::watchdog::{new_directory, processes_mentioning};
use crate::harness::{Fd, Mount, eventually, pipefs, run, sh, sys, uring};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// A mount point for drivers that are daemons: whatever is left of them ends with the test, or
/// after a minute, so that no call on the mount waits for ever.
pub(crate) struct MountPoint {
    dir: PathBuf,
    life: Option<Life>,
}

impl MountPoint {
    pub(crate) fn new() -> Self {
        let dir = new_directory().join("mnt");
        fs::create_dir(&dir).unwrap();
        let drivers = dir.to_str().unwrap().to_owned();
        Self { dir, life: Some(Life::start(LIFE, move || kill_all(&drivers))) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    fn text(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    pub(crate) fn mount(&self, arguments: &[&str]) -> Output {
        let mut command = pipefs();
        command.arg("mount").args(arguments);
        if uring::is_wanted() {
            command.args(["-o", "uring"]);
        }
        run(command.arg(&self.dir), SOON)
    }

    pub(crate) fn umount(&self) -> Output {
        run(pipefs().arg("umount").arg(&self.dir), SOON)
    }

    pub(crate) fn drivers(&self) -> Vec<i32> {
        processes_mentioning(self.text())
    }

    #[track_caller]
    pub(crate) fn assert_it_works(&self) {
        let script = r#"echo hello > "$1" && cat "$1" && rm "$1""#;
        let output = run(&mut sh(script, &[self.dir.join("p")]), SOON);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{output:?}");
    }

    /// The driver was told to end, and does.
    #[track_caller]
    pub(crate) fn assert_ends(&self) {
        eventually(SOON, || self.drivers().is_empty());
        self.assert_nothing_is_left();
    }

    #[track_caller]
    pub(crate) fn assert_nothing_is_left(&self) {
        assert!(!is_mounted(&self.dir), "the mount is still there");
        eventually(SOON, || self.drivers().is_empty());
    }
}

impl Drop for MountPoint {
    fn drop(&mut self) {
        self.life = None;
        kill_all(self.text());
        unmount_lazily(&self.dir);
    }
}

/// Ends the drivers of a directory; those that have just ended by themselves are no matter.
fn kill_all(dir: &str) {
    for pid in processes_mentioning(dir) {
        let _ = sys::kill(pid, libc::SIGKILL);
    }
}

#[track_caller]
pub(crate) fn assert_succeeded(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

/// The one line that a command said when it failed.
#[track_caller]
fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it was to fail: {output:?}");
    assert!(output.status.code().is_some(), "it ended by a signal: {output:?}");
    assert_eq!(said.lines().count(), 1, "one line: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// The process group and the controlling terminal of a process.
fn group_and_terminal(pid: &str) -> (i32, i32) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // Behind the name, which may hold anything: state, parent, group, session, terminal.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[2].parse().unwrap(), fields[4].parse().unwrap())
}

/// SEMANTICS: mount-returns
#[test]
fn mount_returns_when_the_mount_answers() {
    skip_without_fuse!();
    for round in 0..10 {
        let place = MountPoint::new();
        assert_succeeded(&place.mount(&[]));
        assert!(is_mounted(place.path()), "round {round}");
        place.assert_it_works();
        assert_eq!(place.drivers().len(), 1, "one driver");
        assert_succeeded(&place.umount());
        place.assert_nothing_is_left();
    }
}

/// SEMANTICS: mount-returns
/// The daemon holds neither its caller's output, nor its directory, nor its session.
#[test]
fn the_daemon_lets_go_of_its_caller() {
    skip_without_fuse!();
    // To look at what the driver has open takes root: it is closed to its own user.
    skip_unless_root!();
    let place = MountPoint::new();
    let script = r#""$1" mount "$2" 2>&1 | cat; echo ended"#;
    let arguments = [env!("CARGO_BIN_EXE_pipefs"), place.text()];
    let output = run(&mut sh(script, &arguments), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ended\n", "{output:?}");
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    let link = |name: &str| fs::read_link(format!("/proc/{driver}/{name}")).unwrap();
    assert_eq!(link("cwd"), Path::new("/"));
    for descriptor in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(link(descriptor), Path::new("/dev/null"), "{descriptor}");
    }
    let (group, terminal) = group_and_terminal(&driver.to_string());
    let (own_group, _) = group_and_terminal("self");
    assert_ne!(group, own_group, "a Ctrl-C for the caller is not for the daemon");
    assert_eq!(terminal, 0, "no controlling terminal");
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// SEMANTICS: umount-ends
#[test]
fn umount_unmounts_and_the_driver_ends() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&["-o", "mode=shared"]));
    let trailing = run(pipefs().arg("umount").arg(format!("{}/", place.text())), SOON);
    assert_succeeded(&trailing);
    place.assert_nothing_is_left();
    let again = complaint(&place.umount());
    assert!(again.contains(place.text()), "{again}");
    // Also by umount(8), and by a relative path.
    assert_succeeded(&place.mount(&[]));
    assert_succeeded(&run(&mut sh("umount \"$1\"", &[place.path()]), SOON));
    place.assert_nothing_is_left();
    let script = r#"cd "$2/.." && "$1" mount mnt && echo x > mnt/p && "$1" umount mnt"#;
    let arguments = [env!("CARGO_BIN_EXE_pipefs"), place.text()];
    assert_succeeded(&run(&mut sh(script, &arguments), SOON));
    place.assert_nothing_is_left();
}

/// SEMANTICS: mount-errors
#[test]
fn a_mount_point_that_cannot_be_used_is_named() {
    skip_without_fuse!();
    let place = MountPoint::new();
    let file = place.path().with_file_name("file");
    fs::write(&file, "").unwrap();
    let full = place.path().with_file_name("full");
    fs::create_dir_all(full.join("something")).unwrap();
    let missing = place.path().with_file_name("missing");
    for path in [&file, &full, &missing] {
        for arguments in [&["mount"][..], &["mount", "-f"]] {
            let said = complaint(&run(pipefs().args(arguments).arg(path), SOON));
            assert!(said.contains(path.to_str().unwrap()), "{said}");
        }
        assert!(!is_mounted(path));
    }
    assert_succeeded(&place.mount(&[]));
    let said = complaint(&place.mount(&[]));
    assert!(said.contains(place.text()) && said.contains("already"), "{said}");
    place.assert_it_works();
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// SEMANTICS: set-refused
///
/// The complaint names the option, and nothing is mounted.
#[test]
fn a_bad_option_is_named() {
    skip_without_fuse!();
    let place = MountPoint::new();
    for (option, named) in [
        ("colour=red", "colour"),
        ("capacity=banana", "capacity"),
        ("capacity=0", "capacity"),
        ("mode=broadcasting", "mode"),
        ("access=both", "access"),
        ("max_instances=0", "max_instances"),
        ("max_instances=256", "max_instances"),
        ("wait_timeout=soon", "wait_timeout"),
        ("open=perhaps", "open"),
        ("memory=-1", "memory"),
        ("memory", "memory"),
    ] {
        for arguments in [&["-o", option][..], &["-f", "-o", option]] {
            let output = place.mount(arguments);
            let said = complaint(&output);
            assert!(said.contains(named), "{option}: {said}");
            assert_eq!(output.status.code(), Some(2), "{option}");
        }
        place.assert_nothing_is_left();
    }
}

/// SEMANTICS: set-units
#[test]
fn sizes_and_times_take_units() {
    skip_without_fuse!();
    for (options, capacity) in [("capacity=8K", 8 << 10), ("capacity=2m,wait_timeout=1m", 2 << 20)]
    {
        let mount = Mount::with(&["-o", options]);
        let writer = mount.open("p", O_WRONLY | O_CREAT | libc::O_NONBLOCK);
        let piece = vec![0; capacity / 2];
        assert_eq!(writer.write(&piece), Ok(piece.len()));
        assert_eq!(writer.write(&piece), Ok(piece.len()));
        assert!(writer.write(b"x").is_err(), "{options}");
    }
}

/// SEMANTICS: mount-stale
#[test]
fn a_stale_mount_is_cleaned_up_and_it_is_said() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    sys::kill(driver, libc::SIGKILL).unwrap();
    eventually(SOON, || place.drivers().is_empty());
    assert!(is_mounted(place.path()), "a killed driver leaves its mount behind");
    let output = place.mount(&[]);
    assert_succeeded(&output);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(place.text()) && said.contains("dead"), "{said}");
    place.assert_it_works();
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
    // umount(8) by our own name cleans up, too.
    assert_succeeded(&place.mount(&[]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    sys::kill(driver, libc::SIGKILL).unwrap();
    eventually(SOON, || place.drivers().is_empty());
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
}

/// SEMANTICS: close-driver-stops
/// A daemon, too, can be ended by SIGTERM; SIGHUP of a terminal that closes is not for it.
#[test]
fn sigterm_ends_a_daemon() {
    skip_without_fuse!();
    let place = MountPoint::new();
    assert_succeeded(&place.mount(&[]));
    let [driver] = place.drivers()[..] else { panic!("{:?}", place.drivers()) };
    sys::kill(driver, libc::SIGTERM).unwrap();
    eventually(Duration::from_secs(2), || place.drivers().is_empty());
    place.assert_nothing_is_left();
}

/// Descriptors 0 to 2 may be closed when the command is started (by init, by cron, by a test).
#[test]
fn closed_standard_descriptors_do_no_harm() {
    skip_without_fuse!();
    for closed in ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"] {
        let place = MountPoint::new();
        let script = format!(r#"exec "$1" mount "$2" {closed}"#);
        let arguments = [env!("CARGO_BIN_EXE_pipefs"), place.text()];
        assert_succeeded(&run(&mut sh(&script, &arguments), SOON));
        place.assert_it_works();
        assert_succeeded(&place.umount());
        place.assert_nothing_is_left();
    }
}

/// SEMANTICS: limit-driver-gone
///
/// A driver that is killed with open ends: their owners get errors, and nobody hangs.
#[test]
fn clients_of_a_killed_driver_get_errors() {
    skip_without_fuse!();
    let mut mount = Mount::new();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let client = mount.open("p", O_RDONLY);
    server.write_all(b"lost").unwrap();
    mount.signal(libc::SIGKILL);
    mount.wait(SOON);
    assert!(client.read(9).is_err());
    assert!(server.write(b"x").is_err());
    assert!(server.fsync().is_err());
    assert_ne!(client.ready() & libc::POLLERR, 0);
    let opened = Fd::open(mount.path("p"), O_RDONLY);
    assert!(opened.is_err(), "{}", opened.unwrap().as_raw_fd());
    assert!(sys::stat(mount.path("p")).is_err());
}

/// Mounts do not disturb each other: two side by side, and one inside the other's directory.
#[test]
fn mounts_are_independent() {
    skip_without_fuse!();
    let (one, two) = (Mount::new(), Mount::new());
    one.open("p", O_WRONLY | O_CREAT).write_all(b"one").unwrap();
    two.open("p", O_WRONLY | O_CREAT).write_all(b"two").unwrap();
    assert_eq!(two.open("p", O_RDONLY).read_to_end().unwrap(), b"two");
    assert_eq!(one.open("p", O_RDONLY).read_to_end().unwrap(), b"one");
    fs::create_dir(one.path("inner")).unwrap();
    let inner = one.path("inner");
    assert_succeeded(&run(pipefs().arg("mount").arg(&inner), SOON));
    fs::write(inner.join("p"), "inner").unwrap();
    assert_eq!(fs::read(inner.join("p")).unwrap(), b"inner");
    assert_succeeded(&run(pipefs().arg("umount").arg(&inner), SOON));
    eventually(SOON, || processes_mentioning(inner.to_str().unwrap()).is_empty());
}
