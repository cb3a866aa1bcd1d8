//! Open files that were handed on, and paths that somebody holds on to: they give nobody more than
//! he was to have.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};
use pipefs_mount::functions::wire;

use super::OTHER;
use crate::harness::calls::{attribute, ioctl};
use crate::harness::watchdog::new_directory;
use crate::harness::{Child, Errno, Fd, Mount, command, eventually, run, sh, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// One file of a duplex end for each direction alone.
fn halves(end: &Fd) -> (Fd, Fd) {
    let reopened = |flags| Fd::open(format!("/proc/self/fd/{}", end.raw()), flags).unwrap();
    (reopened(O_RDONLY), reopened(O_WRONLY))
}

/// SEMANTICS: handle-directions
///
/// > An open file does by ioctl(2) no more than by read(2) and write(2).
#[test]
fn a_file_for_one_direction_does_nothing_in_the_other() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message,access=duplex"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("p", O_RDWR);
    let (reads, writes) = halves(&client);
    let (serves_reading, _) = halves(&server);
    let function = |file: &Fd, number: u32, first: u32| {
        let mut structure = vec![0; (number as usize >> 16) & 0x3FFF];
        if let Some(word) = structure.get_mut(..4) {
            word.copy_from_slice(&first.to_ne_bytes());
        }
        ioctl(file, number, &mut structure)
    };
    server.write_all(b"secret").unwrap();
    let (peek, transact) = (wire::peek(100), wire::transact(100));
    let refused = Err(Errno::EBADF);
    for (row, file, number, first, expected) in [
        ("peek, reads", &reads, peek, 0, Ok(0)),
        ("peek, writes", &writes, peek, 0, refused),
        ("transact, reads", &reads, transact, 0, refused),
        ("transact, writes", &writes, transact, 0, refused),
        ("send empty, reads", &reads, wire::SEND_EMPTY, 0, refused),
        ("send empty, writes", &writes, wire::SEND_EMPTY, 0, Ok(0)),
        ("set state, reads", &reads, wire::SET_STATE, 1, refused),
        ("set state, writes", &writes, wire::SET_STATE, 1, refused),
        ("set state, both", &client, wire::SET_STATE, 1, Ok(0)),
        ("info, reads", &reads, wire::INFO, 0, Ok(0)),
        ("info, writes", &writes, wire::INFO, 0, Ok(0)),
        ("state, reads", &reads, wire::GET_STATE, 0, Ok(0)),
        ("peer, writes", &writes, wire::PEER, 0, Ok(0)),
        ("disconnect, reads", &serves_reading, wire::DISCONNECT, 0, refused),
    ] {
        assert_eq!(function(file, number, first), expected, "{row}");
    }
    assert_eq!(server.read(9).unwrap(), b"", "the empty message, and no other");
    assert_eq!(reads.read(9).unwrap(), b"secret", "it was not discarded");
    assert_eq!(reads.write(b"x"), Err(Errno::EBADF));
    assert_eq!(writes.read(9), Err(Errno::EBADF));
    assert_eq!(function(&server, wire::DISCONNECT, 0), Ok(0));
}

/// `$1` is the pipe, `$2` a file that appears when the second step is due.
const HOLDS_THE_PATH: &str = r#"
import os, sys, time
path, go = sys.argv[1:]
held = os.open(path, os.O_PATH)
way = f"/proc/self/fd/{held}"
os.close(os.open(way, os.O_RDWR | os.O_TRUNC))
print("holds", flush=True)
while not os.path.exists(go):
    time.sleep(0.01)
end = os.open(way, os.O_RDWR | os.O_NONBLOCK)
os.write(end, b"from outside")
print("wrote", flush=True)
time.sleep(60)
"#;

/// SEMANTICS: handle-foreign
///
/// He holds the path of a pipe that he may open; a server has opened it since. He gets an end of
/// his own, and not the server's, in whose name he could read and write.
#[test]
fn who_holds_a_path_does_not_join_another_users_end() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,access=duplex"]);
    let path = mount.make("p");
    sys::chmod(&path, 0o666).unwrap();
    let go = new_directory();
    fs::set_permissions(&go, fs::Permissions::from_mode(0o755)).unwrap();
    let go = go.join("go");
    let mut python = command("python3");
    python.args(["-c", HOLDS_THE_PATH]).args([&path, &go]);
    sys::run_as_user(&mut python, OTHER, OTHER);
    let holder = Child::spawn(&mut python);
    eventually(SOON, || holder.stdout().contains("holds"));
    let server = mount.open("p", O_RDWR | O_TRUNC);
    fs::write(&go, "").unwrap();
    eventually(SOON, || holder.stdout().contains("wrote"));
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.read(99).unwrap(), b"from outside", "he is its client");
    let state = attribute(&path, "user.pipefs.state").unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    let ends = state["instances"][0]["ends"].as_array().unwrap();
    let mut found: Vec<_> = ends.iter().map(|end| (end["role"].as_str(), &end["uid"])).collect();
    found.sort_by_key(|(role, _)| *role);
    assert_eq!(found, [(Some("client"), &OTHER.into()), (Some("server"), &0.into())]);
}

/// `$1` is the pipe. It is held by its path and by an end; for each line that comes to the file
/// `$2` both are opened again, to read and to write, and what is buffered is looked at and a
/// setting set.
const OPENS_AGAIN: &str = r#"
import errno, os, sys, time
path, orders = sys.argv[1:]
held = [os.open(path, os.O_PATH), os.open(path, os.O_RDONLY | os.O_NONBLOCK)]
def outcome(call, fd, *arguments):
    try:
        call(f"/proc/self/fd/{fd}", *arguments)
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
calls = [
    (lambda way: os.close(os.open(way, os.O_RDONLY | os.O_NONBLOCK)),),
    (lambda way: os.close(os.open(way, os.O_WRONLY | os.O_NONBLOCK)),),
    (os.getxattr, "user.pipefs.peek"),
    (os.setxattr, "user.pipefs.capacity", b"1M"),
]
def outcomes(fd):
    return [outcome(call, fd, *arguments) for call, *arguments in calls]
print("holds", flush=True)
orders = open(orders)
while True:
    line = orders.readline()
    if not line:
        time.sleep(0.01)
        continue
    first, second = map(outcomes, held)
    print(line.strip(), *first, "same" if first == second else second, flush=True)
"#;

/// SEMANTICS: handle-foreign, file-attributes
///
/// He might open the pipe when he looked it up; what he may now counts.
#[test]
fn who_holds_a_path_may_open_it_only_as_long_as_the_permissions_say_so() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,mode=shared"]);
    let path = mount.make("p");
    sys::chmod(&path, 0o666).unwrap();
    let _server = mount.open("p", O_RDWR);
    let orders = new_directory();
    fs::set_permissions(&orders, fs::Permissions::from_mode(0o755)).unwrap();
    let orders = orders.join("orders");
    let mut said = fs::File::create(&orders).unwrap();
    let mut python = command("python3");
    python.args(["-c", OPENS_AGAIN]).args([&path, &orders]);
    sys::run_as_user(&mut python, OTHER, OTHER);
    let holder = Child::spawn(&mut python);
    eventually(SOON, || holder.stdout().contains("holds"));
    let (all, none) = ("done done done done same", "EACCES EACCES EACCES EACCES same");
    let reads = "done EACCES done EACCES same";
    for (mode, gid, expected) in [
        (0o666, 0, all),
        (0o600, 0, none),
        (0o644, 0, reads),
        (0o640, 0, none),
        (0o640, OTHER, reads),
        (0o606, OTHER, none),
        (0o666, OTHER, all),
    ] {
        sys::chmod(&path, mode).unwrap();
        chown(&path, Some(0), Some(gid)).unwrap();
        let line = format!("{mode:o}:{gid}");
        writeln!(said, "{line}").unwrap();
        eventually(SOON, || holder.stdout().matches(&format!("{line} ")).count() > 0);
        let found = holder.stdout();
        let found = found.lines().last().unwrap();
        assert_eq!(found, format!("{line} {expected}"));
    }
}

/// Uses descriptor 3: writes, peeks, and asks who it is.
const USES: &str = r#"
import fcntl, os, sys
assert os.getuid() != 0
os.write(3, b"from the other user")
print(fcntl.ioctl(3, int(sys.argv[1]), bytes(96))[8:12].hex(), flush=True)
"#;

/// SEMANTICS: handle-directions
///
/// What was opened counts, and not who uses it now: neither the pipe's permissions, nor who the
/// peer is.
#[test]
fn a_file_that_was_handed_on_works_for_whoever_has_it() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other,access=duplex"]);
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    sys::chmod(mount.path("p"), 0o600).unwrap();
    let script = format!(
        r#"exec 3<> "$1"; PATH=/usr/bin:/bin
        exec setpriv --reuid {OTHER} --regid {OTHER} --clear-groups python3 -c "$2" "$3""#
    );
    let path = mount.path("p");
    let arguments = [path.to_str().unwrap(), USES, &wire::PEER.to_string()];
    let output = run(&mut sh(&script, &arguments), SOON);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said, "00000000\n", "the server is root: {output:?}");
    assert_eq!(server.read(99).unwrap(), b"from the other user");
    let mut peer = vec![0; (wire::PEER as usize >> 16) & 0x3FFF];
    ioctl(&server, wire::PEER, &mut peer).unwrap();
    assert_eq!(peer[8..12], [0; 4], "the client is who opened");
}

/// Opens its argument, and says with which error that fails.
const OPENS: &str = r#"
import os, sys
try:
    os.open(sys.argv[1], os.O_RDWR | os.O_NONBLOCK)
    print("opened")
except OSError as error:
    print(error.errno)
"#;

/// SEMANTICS: handle-foreign
///
/// The kernel lets nobody look into another user's process; and where a file was handed on, the
/// pipe's own permissions count for whoever opens it anew.
#[test]
fn another_users_open_files_are_out_of_reach() {
    skip_without_fuse!();
    skip_unless_root!();
    let mount = Mount::with(&["-o", "allow_other"]);
    let server = mount.open("p", O_RDWR | O_CREAT);
    sys::chmod(mount.path("p"), 0o600).unwrap();
    let way = format!("/proc/{}/fd/{}", std::process::id(), server.raw());
    let refused = [libc::EACCES, libc::EPERM].map(|errno| format!("{errno}\n"));
    let opens = |script: &str, of: &str| {
        let script = script.replace("USER", &OTHER.to_string());
        let output = run(&mut sh(&script, &[OPENS, of]), SOON);
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(refused.contains(&said), "{output:?}");
    };
    // The first python3 of root's PATH may be closed to others.
    let become_user = r#"PATH=/usr/bin:/bin exec setpriv --reuid USER --regid USER --clear-groups \
        python3 -c "$1""#;
    opens(&format!(r#"{become_user} "$2""#), &way);
    // Handed on, it can be used, and not opened anew.
    let handed_on = format!(r#"exec 3<> "$2"; {become_user} /proc/self/fd/3"#);
    opens(&handed_on, mount.path("p").to_str().unwrap());
}
