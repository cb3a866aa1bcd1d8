//! Group D: clients.

use std::time::Duration;

use libc::{O_CREAT, O_RDONLY, O_WRONLY, SIGALRM};

use crate::SOON;
use crate::harness::actor::{Actor, Step};
use crate::harness::{Errno, Fd, Mount, Task, calls};
use crate::pipes::{Call, Code, DUPLEX, INBOUND, MESSAGES, OUTBOUND, Wants};
use crate::story::{NAME, Story, open};

crate::on_each_arm! {
    everywhere {
        d1_a_missing_name,
        d2_nobody_listens,
        d3_busy_until_somebody_listens,
    }
    here {
        d4_a_direction_that_is_not_there,
        d5_neither_reading_nor_writing,
        d6_a_fresh_client,
    }
    mount {
        d7_an_open_may_wait,
        d8_a_thousand_quick_clients,
    }
}

/// SEMANTICS: create-missing
fn d1_a_missing_name(p: &mut Story) {
    for wants in [Wants::Read, Wants::Write, Wants::Both] {
        assert_eq!(p.refused(open(NAME, wants)), Code::FileNotFound);
    }
}

/// SEMANTICS: open-fail
fn d2_nobody_listens(p: &mut Story) {
    let (server, _) = p.pair(DUPLEX);
    for wants in [Wants::Read, Wants::Write, Wants::Both] {
        assert_eq!(p.refused(open(NAME, wants)), Code::PipeBusy);
    }
    p.writes(server, "x");
}

/// SEMANTICS: open-fail
fn d3_busy_until_somebody_listens(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.close(client);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    let other = p.server(DUPLEX);
    let client = p.client(Wants::Both);
    p.writes(client, "x");
    p.reads(other, 9, "x");
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    p.disconnect(server);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
    p.listen(server);
    p.client(Wants::Both);
}

/// SEMANTICS: open-wronly, open-rdonly, open-rdwr
fn d4_a_direction_that_is_not_there(p: &mut Story) {
    p.server_of("out", OUTBOUND);
    assert_eq!(p.refused(open("out", Wants::Both)), Code::AccessDenied);
    // Windows refuses this, too. Here it is a server's open.
    p.client_of("out", Wants::Write);
    p.client_of("out", Wants::Read);
    p.client_of("out", Wants::Read);
    assert_eq!(p.refused(open("out", Wants::Read)), Code::PipeBusy);

    p.server_of("in", INBOUND);
    assert_eq!(p.refused(open("in", Wants::Both)), Code::AccessDenied);
    p.client_of("in", Wants::Read);
    p.client_of("in", Wants::Write);
    p.client_of("in", Wants::Write);
    assert_eq!(p.refused(open("in", Wants::Write)), Code::PipeBusy);

    for wants in [Wants::Both, Wants::Read, Wants::Write] {
        p.server(DUPLEX);
        let client = p.client(wants);
        if wants == Wants::Read {
            assert_eq!(p.refused(Call::Write(client, b"x".into())), Code::AccessDenied);
        }
        assert_eq!(p.refused(open(NAME, wants)), Code::PipeBusy);
    }
}

fn d5_neither_reading_nor_writing(p: &mut Story) {
    p.server(DUPLEX);
    assert_eq!(p.refused(open(NAME, Wants::Nothing)), Code::InvalidParameter);
    p.client(Wants::Both);
}

/// SEMANTICS: message-read
fn d6_a_fresh_client(p: &mut Story) {
    let server = p.server(MESSAGES);
    let client = p.client(Wants::Both);
    p.writes(server, "one");
    p.writes(server, "two");
    p.reads(client, 99, "one");
    p.reads(client, 99, "two");
    p.waits(Call::Read(client, 99));
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
