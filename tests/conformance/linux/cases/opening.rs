//! Group D: clients.

use std::time::Duration;

use libc::{O_CREAT, O_RDONLY, O_WRONLY, SIGALRM};

use crate::harness::actor::{Actor, Step};
use crate::harness::{Errno, Fd, Mount, Task, calls};
use crate::linux::SOON;

crate::linux::on_a_mount! {
    d7_an_open_may_wait,
    d8_a_thousand_quick_clients,
}

/// SEMANTICS: open-waits, open-wait-timeout, open-fail, wait-interrupt
fn d7_an_open_may_wait(mount: &Mount) {
    let path = mount.make("p");
    let set = |key, value: &str| {
        calls::set_attribute(&path, &format!("user.pipefs.{key}"), value.as_bytes()).unwrap();
    };
    assert_eq!(mount.refused("p", O_RDONLY), Errno::EBUSY);
    set("open", "wait");
    let open = Step::Open(path.clone(), O_RDONLY);
    let mut waiting = Actor::start(std::slice::from_ref(&open));
    waiting.until_waiting();
    let server = mount.open("p", O_WRONLY);
    assert_eq!(waiting.last_outcome(SOON), Ok(0));
    drop(server);
    let signal = [Step::Handle(SIGALRM, false), Step::AlarmEvery(50_000), open];
    assert_eq!(Actor::start(&signal).last_outcome(SOON), Err(Errno::EINTR));
    set("wait_timeout", "50ms");
    assert_eq!(mount.refused("p", O_RDONLY), Errno::ETIMEDOUT);
    assert_eq!(mount.refused("missing", O_RDONLY), Errno::ENOENT, "at once");
}

/// SEMANTICS: open-fail, linger-drop
fn d8_a_thousand_quick_clients(mount: &Mount) {
    let path = mount.path("p");
    drop(mount.open("p", O_WRONLY | O_CREAT));
    let server = Task::spawn({
        let path = path.clone();
        move || {
            for _ in 0..500 {
                let server = Fd::open(&path, O_WRONLY).unwrap();
                // A client may have come and gone, or be about to come.
                match server.write(b"x") {
                    Ok(1) | Err(Errno::EPIPE) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    });
    let mut connected = 0;
    for _ in 0..1000 {
        match Fd::open(&path, O_RDONLY) {
            Ok(client) => {
                connected += 1;
                assert!(client.read(9).unwrap().len() <= 1);
            }
            Err(Errno::EBUSY) => std::thread::sleep(Duration::from_micros(100)),
            Err(other) => panic!("{other:?}"),
        }
    }
    server.join(SOON * 3);
    // They have met, or there was nothing to be seen.
    let server = mount.open("p", O_WRONLY);
    let client = mount.open("p", O_RDONLY);
    server.write_all(b"x").unwrap();
    assert_eq!(client.read(9).unwrap(), b"x", "after {connected} clients");
}
