//! Pipe functions that wait: what ends them, and many of them at once.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use libc::{O_APPEND, O_CREAT, O_DIRECTORY, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY};

use crate::harness::{Errno, Fd, Mount, Task, sys};
use crate::{SOON, skip_without_fuse};

fn directory(mount: &Mount, name: &str) -> Fd {
    Fd::open(mount.path(name), O_RDONLY | O_DIRECTORY).unwrap()
}

/// SEMANTICS: ioctl-wait
#[test]
fn a_wait_ends_when_an_instance_listens() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let root = directory(&mount, "");
    assert_eq!(root.wait_for("p", Some(Duration::ZERO)), Err(Errno::EAGAIN));
    assert_eq!(root.wait_for("p", Some(Duration::from_millis(50))), Err(Errno::ETIMEDOUT));
    let mut waiting = [(); 2].map(|()| {
        let root = root.duplicate().unwrap();
        Task::spawn(move || root.wait_for("p", None))
    });
    waiting.iter_mut().for_each(Task::assert_waits);
    let server = mount.open("p", O_RDWR | O_TRUNC);
    waiting.into_iter().for_each(|waiting| assert_eq!(waiting.join(SOON), Ok(0)));
    assert_eq!(root.wait_for("p", None), Ok(0));
    assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN), "nothing is taken");
    let client = mount.open("p", O_RDWR);
    assert_eq!(root.wait_for("p", Some(Duration::ZERO)), Err(Errno::EAGAIN));
    let mut waiting = Task::spawn(move || root.wait_for("p", None));
    waiting.assert_waits();
    drop(client);
    waiting.assert_waits();
    server.disconnect().unwrap();
    waiting.assert_waits();
    assert_eq!(server.connect(Some(Duration::ZERO)), Err(Errno::EAGAIN));
    assert_eq!(waiting.join(SOON), Ok(0), "it listens again");
}

/// SEMANTICS: ioctl-wait
#[test]
fn a_wait_is_for_a_name_in_its_directory() {
    skip_without_fuse!();
    let mount = Mount::new();
    fs::create_dir_all(mount.path("a/b")).unwrap();
    let _server = mount.open("a/p", O_WRONLY | O_CREAT);
    let a = directory(&mount, "a");
    assert_eq!(a.wait_for("p", None), Ok(0));
    assert_eq!(directory(&mount, "").wait_for("p", None), Err(Errno::ENOENT));
    assert_eq!(a.wait_for("b", None), Err(Errno::EISDIR));
    for bad in ["", ".", "..", "../p", "b/", "/p"] {
        assert_eq!(a.wait_for(bad, None), Err(Errno::ENOENT), "{bad}");
    }
    let longest = "n".repeat(255);
    assert_eq!(a.wait_for(&longest, None), Err(Errno::ENOENT));
    mount.make(&format!("a/{longest}"));
    assert_eq!(a.wait_for(&longest, Some(Duration::ZERO)), Err(Errno::EAGAIN));
    fs::rename(mount.path("a/p"), mount.path("a/b/q")).unwrap();
    assert_eq!(a.wait_for("p", None), Err(Errno::ENOENT));
    let b = directory(&mount, "a/b");
    assert_eq!(b.wait_for("q", None), Ok(0));
    fs::remove_file(mount.path("a/b/q")).unwrap();
    fs::remove_dir(mount.path("a/b")).unwrap();
    assert_eq!(b.wait_for("q", None), Err(Errno::ENOENT));
}

/// SEMANTICS: ioctl-wait
#[test]
fn a_wait_for_a_pipe_of_many_is_for_a_writer() {
    skip_without_fuse!();
    for mode in ["shared", "broadcast"] {
        let mount = Mount::with(&["-o", &format!("mode={mode}")]);
        mount.make("p");
        let root = directory(&mount, "");
        assert_eq!(root.wait_for("p", Some(Duration::ZERO)), Err(Errno::EAGAIN), "{mode}");
        let mut waiting = Task::spawn(move || (root.wait_for("p", None), root));
        waiting.assert_waits();
        let writer = mount.open("p", O_WRONLY);
        let (result, root) = waiting.join(SOON);
        assert_eq!(result, Ok(0), "{mode}");
        drop(writer);
        assert_eq!(root.wait_for("p", Some(Duration::ZERO)), Err(Errno::EAGAIN), "{mode}");
    }
}

/// SEMANTICS: ioctl-connect, ioctl-wait
#[test]
fn to_remove_the_name_ends_who_waits_for_somebody_to_come() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    mount.make("q");
    let root = directory(&mount, "");
    let mut waiting = Task::spawn(move || root.wait_for("q", None));
    let mut connecting = Task::spawn(move || (server.connect(None), server.connect(None)));
    waiting.assert_waits();
    connecting.assert_waits();
    fs::remove_file(mount.path("p")).unwrap();
    fs::remove_file(mount.path("q")).unwrap();
    assert_eq!(waiting.join(SOON), Err(Errno::ENOENT));
    assert_eq!(connecting.join(SOON), (Err(Errno::ENOENT), Err(Errno::ENOENT)));
}

/// SEMANTICS: ioctl-timeout
#[test]
fn a_timeout_is_kept() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "type=message"]);
    let (server, client) = (mount.open("p", O_RDWR | O_CREAT), mount.open("p", O_RDWR));
    let [lonely, expiring] = ["q", "s"].map(|name| mount.open(name, O_RDWR | O_CREAT));
    mount.make("r");
    let root = directory(&mount, "");
    let limit = Duration::from_millis(300);
    // The shorter one is asked for later: its deadline comes first all the same.
    let long = Some(Duration::from_secs(3600));
    let waits_long = Task::spawn(move || lonely.connect(long));
    let expires = |what: &str, call: &dyn Fn() -> Option<Errno>| {
        let start = Instant::now();
        assert_eq!(call(), Some(Errno::ETIMEDOUT), "{what}");
        assert!(start.elapsed() >= limit, "{what} was too early");
    };
    expires("transact", &|| client.transact(b"x", 9, Some(limit)).err());
    expires("wait", &|| root.wait_for("r", Some(limit)).err());
    expires("connect", &|| expiring.connect(Some(limit)).err());
    assert_eq!(server.read(9).unwrap(), b"x", "a request that was not answered stays");
    let _client = mount.open("q", O_RDWR);
    assert_eq!(waits_long.join(SOON), Ok(0));
}

/// SEMANTICS: ioctl-waits
///
/// The kernel keeps an open file for as long as a call on it lasts.
#[test]
fn a_descriptor_that_is_closed_meanwhile_ends_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let server = mount.open("p", O_RDWR | O_CREAT | O_TRUNC);
    let raw = std::mem::ManuallyDrop::new(server.duplicate().unwrap());
    drop(server);
    let number = raw.raw();
    let mut connecting = Task::spawn(move || raw.connect(None));
    connecting.assert_waits();
    Fd::from_new(number).close().unwrap();
    connecting.assert_waits();
    let client = mount.open("p", O_RDONLY);
    assert_eq!(connecting.join(SOON), Ok(0));
    assert_eq!(client.read(9).unwrap(), b"", "then the server's end has closed");
}

/// SEMANTICS: ioctl-waits, close-driver-stops
#[test]
fn whoever_waits_fails_when_the_driver_ends() {
    skip_without_fuse!();
    let mut mount = Mount::with(&["-o", "type=message,capacity=1"]);
    let (server, client) = (mount.open("p", O_RDWR | O_CREAT), mount.open("p", O_RDWR));
    let lonely = mount.open("q", O_RDWR | O_CREAT);
    mount.make("r");
    let root = directory(&mount, "");
    server.write_all(b"full").unwrap();
    let transacting = mount.open("s", O_RDWR | O_CREAT);
    let _client = mount.open("s", O_RDWR);
    let mut waiting = [
        Task::spawn(move || lonely.connect(None).map(drop)),
        Task::spawn(move || server.send_empty().map(drop)),
        Task::spawn(move || root.wait_for("r", None).map(drop)),
        Task::spawn(move || transacting.transact(b"x", 9, None).map(drop)),
    ];
    waiting.iter_mut().for_each(Task::assert_waits);
    mount.signal(libc::SIGTERM);
    for call in waiting {
        assert_eq!(call.join(SOON), Err(Errno::ESHUTDOWN));
    }
    assert!(mount.wait(SOON).success());
    drop(client);
}

/// SEMANTICS: ioctl-connect, ioctl-disconnect, ioctl-transact, ioctl-wait
///
/// 32 callers of 4 servers, each of which has one instance.
#[test]
fn many_callers_and_few_instances() {
    skip_without_fuse!();
    const CALLERS: u32 = 32;
    let mount = Mount::with(&["-o", "type=message"]);
    mount.make("p");
    let served = Arc::new(AtomicU32::new(0));
    let servers: Vec<_> = (0..4)
        .map(|_| {
            let server = mount.open("p", O_RDWR | O_TRUNC);
            let served = Arc::clone(&served);
            Task::spawn(move || {
                while server.connect(None) != Err(Errno::ENOENT) {
                    let request = server.read(99).unwrap();
                    server.write_all(&[&b"re: "[..], &request].concat()).unwrap();
                    // It has been read, or the client has gone.
                    let _ = server.fsync();
                    served.fetch_add(1, Ordering::Relaxed);
                    server.disconnect().unwrap();
                }
            })
        })
        .collect();
    let callers: Vec<_> = (0..CALLERS)
        .map(|number| {
            let (path, root) = (mount.path("p"), directory(&mount, ""));
            Task::spawn(move || {
                root.wait_for("p", None).unwrap();
                let client = Fd::open(path, O_RDWR | O_APPEND).unwrap();
                let text = format!("call {number}");
                let reply = client.transact(text.as_bytes(), 99, None);
                assert_eq!(reply, Ok((format!("re: {text}").into_bytes(), 0)));
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join(SOON * 3));
    fs::remove_file(mount.path("p")).unwrap();
    servers.into_iter().for_each(|server| server.join(SOON));
    assert_eq!(served.load(Ordering::Relaxed), CALLERS);
    assert!(sys::stat(mount.path("p")).is_err());
}
