//! `lifetime=last-close`: a name goes with its last instance.

use std::fs;
use std::time::Duration;

use libc::{O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, SIGKILL};
use serde_json::Value;

use crate::harness::actor::Step;
use crate::harness::calls::{attribute, rename_with, set_attribute};
use crate::harness::{Actor, Child, Errno, Fd, Mount, eventually, run, sh, sys, within};
use crate::{SOON, skip_without_fuse};

fn mount() -> Mount {
    Mount::with(&["-o", "lifetime=last-close"])
}

/// Whether a name is there, for stat(2) and in its directory's listing.
#[track_caller]
fn is_there(mount: &Mount, name: &str) -> bool {
    let path = mount.path(name);
    let found = sys::stat(&path);
    let mut listing = fs::read_dir(path.parent().unwrap()).unwrap();
    let listed = listing.any(|entry| entry.unwrap().path() == path);
    assert_eq!(found.is_ok(), listed, "{name}: {found:?}");
    if let Err(error) = found {
        assert_eq!(error, Errno::ENOENT);
    }
    listed
}

/// SEMANTICS: name-goes
#[test]
fn a_name_goes_and_open_ends_go_on() {
    skip_without_fuse!();
    let mount = mount();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let client = mount.open("p", O_RDWR);
    let other = mount.open("p", O_RDWR | O_TRUNC);
    server.write_all(b"read me").unwrap();
    server.close().unwrap();
    assert!(is_there(&mount, "p"), "another server listens");
    other.close().unwrap();
    assert!(!is_there(&mount, "p"));
    assert_eq!(mount.refused("p", O_RDWR), Errno::ENOENT);
    // A new pipe of that name is another one.
    let new = mount.open("p", O_WRONLY | O_CREAT | O_EXCL);
    assert_eq!(client.stat().unwrap().st_nlink, 0);
    assert_ne!(client.stat().unwrap().st_ino, new.stat().unwrap().st_ino);
    assert_eq!(client.read(4).unwrap(), b"read");
    let again = Fd::open(format!("/proc/self/fd/{}", client.raw()), O_RDONLY).unwrap();
    assert_eq!(again.read_to_end().unwrap(), b" me");
    assert_eq!(client.write(b"x"), Err(Errno::EPIPE));
    drop((client, again));
    assert!(is_there(&mount, "p"));
    drop(new);
    assert!(!is_there(&mount, "p"));
}

/// SEMANTICS: name-goes
#[test]
fn what_a_shell_leaves_is_there_until_somebody_takes_it() {
    skip_without_fuse!();
    let mount = mount();
    let script = r#"cd "$1" && echo hello > p && ls && cat p && ls && [ ! -e p ] && echo gone"#;
    let output = run(&mut sh(script, &[mount.dir()]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "p\nhello\ngone\n", "{output:?}");
    // The name is free as soon as the client has come.
    fs::write(mount.path("p"), "one").unwrap();
    let client = mount.open("p", O_RDONLY);
    fs::write(mount.path("p"), "two").unwrap();
    assert_eq!(client.read_to_end().unwrap(), b"one");
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"two");
    assert!(!is_there(&mount, "p"));
}

/// SEMANTICS: name-goes
#[test]
fn a_client_that_waits_gets_enoent() {
    skip_without_fuse!();
    let mount = mount();
    let server = mount.open("p", O_WRONLY | O_CREAT);
    let _client = mount.open("p", O_RDONLY);
    let mut waiting = [0, 1].map(|_| mount.opening("p", O_RDONLY));
    waiting.iter_mut().for_each(|opening| opening.assert_waits());
    server.close().unwrap();
    for opening in waiting {
        assert_eq!(opening.join(SOON).unwrap_err(), Errno::ENOENT);
    }
}

/// SEMANTICS: name-goes, close-killed
#[test]
fn the_name_of_a_killed_server_goes() {
    skip_without_fuse!();
    let mount = mount();
    let steps = [Step::Open(mount.path("p"), O_RDWR | O_CREAT | O_TRUNC), Step::Read(1)];
    let mut server = Actor::start(&steps);
    server.until_waiting();
    assert!(is_there(&mount, "p"));
    server.end_by(SIGKILL);
    eventually(SOON, || !is_there(&mount, "p"));
}

/// SEMANTICS: name-unserved, create-mkfifo
#[test]
fn names_can_be_made_beforehand() {
    skip_without_fuse!();
    let mount = mount();
    let script = r#"cd "$1" && touch p && touch p && mkfifo f && mknod n p && ls"#;
    let output = run(&mut sh(script, &[mount.dir()]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "f\nn\np\n", "{output:?}");
    let mut client = mount.opening("p", O_RDONLY);
    client.assert_waits();
    fs::write(mount.path("p"), "hello").unwrap();
    assert_eq!(client.join(SOON).unwrap().read_to_end().unwrap(), b"hello");
    eventually(SOON, || !is_there(&mount, "p"));
    // What the kernel was asked for as a FIFO.
    let script = r#"cd "$1" && { echo hello > f & } && cat f && wait"#;
    let output = run(&mut sh(script, &[mount.dir()]), SOON);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n", "{output:?}");
    eventually(SOON, || !is_there(&mount, "f"));
    assert!(is_there(&mount, "n"));
}

/// SEMANTICS: name-goes
#[test]
fn the_name_of_a_shared_pipe_goes_with_the_last_end() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "lifetime=last-close,mode=shared"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    writer.write_all(b"12").unwrap();
    writer.close().unwrap();
    assert_eq!(reader.read(1).unwrap(), b"1");
    reader.close().unwrap();
    assert!(is_there(&mount, "p"), "there is data for the next reader");
    let reader = mount.open("p", O_RDONLY);
    assert_eq!(reader.read_to_end().unwrap(), b"2");
    assert!(is_there(&mount, "p"));
    reader.close().unwrap();
    assert!(!is_there(&mount, "p"));
}

/// SEMANTICS: name-goes, dir-rename
#[test]
fn the_name_goes_from_where_it_was_moved() {
    skip_without_fuse!();
    let mount = mount();
    fs::create_dir(mount.path("d")).unwrap();
    let first = mount.open("p", O_WRONLY | O_CREAT);
    let second = mount.open("d/q", O_WRONLY | O_CREAT);
    fs::rename(mount.path("p"), mount.path("d/p")).unwrap();
    rename_with(&mount.path("d/p"), &mount.path("d/q"), libc::RENAME_EXCHANGE).unwrap();
    fs::rename(mount.path("d"), mount.path("e")).unwrap();
    first.close().unwrap();
    assert!(!is_there(&mount, "e/q") && is_there(&mount, "e/p"));
    assert!(fs::remove_dir(mount.path("e")).is_err(), "the other one is there");
    second.close().unwrap();
    assert!(!is_there(&mount, "e/p"));
    fs::remove_dir(mount.path("e")).unwrap();
}

/// SEMANTICS: name-set, attribute-settings
#[test]
fn the_setting_can_be_changed_while_a_server_is_there() {
    skip_without_fuse!();
    let mount = Mount::new();
    let set = |value: &[u8]| set_attribute(mount.path("p"), "user.pipefs.lifetime", value);
    let server = mount.open("p", O_WRONLY | O_CREAT);
    assert_eq!(attribute(mount.path("p"), "user.pipefs.lifetime").unwrap(), b"keep");
    set(b"last-close").unwrap();
    set(b"keep").unwrap();
    drop(server);
    set(b"last-close").unwrap();
    assert!(is_there(&mount, "p"), "this server has gone before");
    drop(mount.open("p", O_WRONLY));
    assert!(!is_there(&mount, "p"));
}

fn root_state(mount: &Mount) -> Value {
    serde_json::from_slice(&attribute(mount.dir(), "user.pipefs.state").unwrap()).unwrap()
}

/// SEMANTICS: name-goes
#[test]
fn ten_thousand_names_come_and_go() {
    skip_without_fuse!();
    let mount = mount();
    let name = |number: usize| mount.path(format!("p{number}"));
    let cycle = |number: usize| {
        Fd::open(name(number), O_WRONLY | O_CREAT | O_EXCL).unwrap().close().unwrap();
    };
    (0..1000).for_each(cycle);
    let before = mount.rss_bytes();
    (1000..9000).for_each(cycle);
    // One and the same name, with data that comes through.
    for _ in 0..1000 {
        let server = Fd::open(name(0), O_WRONLY | O_CREAT | O_EXCL).unwrap();
        let client = Fd::open(name(0), O_RDONLY).unwrap();
        server.write_all(b"x").unwrap();
        server.close().unwrap();
        assert_eq!(client.read_to_end().unwrap(), b"x");
    }
    let after = mount.rss_bytes();
    eventually(SOON, || root_state(&mount)["ends"] == 0);
    assert_eq!(root_state(&mount)["pipes"], 0);
    assert_eq!(fs::read_dir(mount.dir()).unwrap().count(), 0);
    assert!(after < before + (2 << 20), "{before} bytes of memory have become {after}");
}

/// What a client gets until its server closes: nothing if the name goes before one comes. To leave
/// a server that is about to write would break its pipe.
fn read_lines(client: &Fd) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        match client.read(1 << 16) {
            Ok(piece) if piece.is_empty() => break,
            Ok(piece) => all.extend(piece),
            Err(Errno::EAGAIN) => drop(client.poll(libc::POLLIN, SOON).unwrap()),
            Err(Errno::ENOENT) => break,
            Err(other) => panic!("{other:?}"),
        }
    }
    String::from_utf8(all).unwrap().lines().map(str::to_owned).collect()
}

/// SEMANTICS: name-goes
///
/// Servers and clients of one name come and go in several processes; no data goes astray.
#[test]
fn a_name_is_free_for_others_at_once() {
    skip_without_fuse!();
    let mount = mount();
    let script = r#"
        i=0
        while [ $i -lt 100 ]; do
            echo "$2 $i" > "$1" || exit 1
            i=$((i + 1))
        done
    "#;
    let writers: Vec<Child> = ["a", "b"]
        .map(|letter| {
            let path = mount.path("p").to_str().unwrap().to_owned();
            Child::spawn(&mut sh(script, &[path, letter.to_owned()]))
        })
        .into();
    let path = mount.path("p");
    let mut lines = within(Duration::from_secs(30), move || {
        let mut lines = Vec::new();
        while lines.len() < 200 {
            match Fd::open(&path, O_RDONLY | O_NONBLOCK) {
                Ok(client) => lines.extend(read_lines(&client)),
                Err(Errno::ENOENT) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        lines
    });
    for mut writer in writers {
        assert!(writer.wait(SOON).success(), "{writer:?}");
    }
    lines.sort();
    let mut expected: Vec<String> =
        ["a", "b"].iter().flat_map(|l| (0..100).map(move |i| format!("{l} {i}"))).collect();
    expected.sort();
    assert_eq!(lines, expected);
    eventually(SOON, || !is_there(&mount, "p"));
}

/// SEMANTICS: name-goes
///
/// While a name comes and goes all the time, an open with `O_CREAT` never fails, and one without
/// finds the name or does not.
#[test]
fn opens_take_a_name_that_comes_and_goes_as_it_is() {
    skip_without_fuse!();
    let mount = mount();
    let script = r#"
        i=0
        while [ $i -lt 1000 ]; do
            : > "$1" || exit 1
            i=$((i + 1))
        done
    "#;
    let mut servers: Vec<Child> = (0..3)
        .map(|_| Child::spawn(&mut sh(script, &[mount.path("p").to_str().unwrap().to_owned()])))
        .collect();
    let path = mount.path("p");
    within(Duration::from_secs(30), move || {
        for _ in 0..2000 {
            match Fd::open(&path, O_RDONLY | O_NONBLOCK) {
                Ok(_) | Err(Errno::ENOENT) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    });
    servers.iter_mut().for_each(|server| assert!(server.wait(SOON).success(), "{server:?}"));
    eventually(SOON, || !is_there(&mount, "p"));
}
