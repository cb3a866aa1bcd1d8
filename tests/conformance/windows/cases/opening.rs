//! Groups D and E: clients, and waiting for a name.

use std::thread;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_NO_DATA, ERROR_PIPE_BUSY, ERROR_PIPE_CONNECTED, ERROR_SEM_TIMEOUT,
    GENERIC_READ,
};

use crate::pipes::{
    Call, Code, DUPLEX, INBOUND, MESSAGES, OUTBOUND, Outcome, ReadMode, Wait, Wants,
};
use crate::story::{NAME, Story, open};
use crate::windows::api::{self, Creation, OVERLAPPED_DUPLEX};
use crate::windows::arm::new_name;
use crate::windows::overlapped::Overlapped;

super::what_windows_does! {
    stories {
        d4_a_direction_that_is_not_there,
        d5_neither_reading_nor_writing,
        d6_a_fresh_client_reads_bytes,
        e7_the_last_instance_goes_meanwhile,
    }
    calls {
        d8_a_thousand_quick_clients,
        e6_the_default_time,
    }
}

fn d4_a_direction_that_is_not_there(p: &mut Story) {
    for (name, spec, there) in [("out", OUTBOUND, Wants::Read), ("in", INBOUND, Wants::Write)] {
        p.server_of(name, spec);
        for wants in [Wants::Read, Wants::Write, Wants::Both] {
            if wants != there {
                assert_eq!(p.refused(open(name, wants)), Code::AccessDenied, "{name}: {wants:?}");
            }
        }
        p.client_of(name, there);
    }
    for wants in [Wants::Read, Wants::Write, Wants::Both] {
        p.server(DUPLEX);
        p.client(wants);
    }
}

fn d5_neither_reading_nor_writing(p: &mut Story) {
    let server = p.server(DUPLEX);
    p.client(Wants::Nothing);
    assert_eq!(p.info(server).state, 3);
    assert_eq!(p.refused(open(NAME, Wants::Both)), Code::PipeBusy);
}

fn d6_a_fresh_client_reads_bytes(p: &mut Story) {
    let server = p.server(MESSAGES);
    let client = p.client(Wants::Both);
    assert_eq!(p.info(client).reads, ReadMode::Byte);
    p.writes(server, "one");
    p.writes(server, "two");
    p.reads(client, 99, "onetwo");
    p.waits(Call::Read(client, 99));
}

fn d8_a_thousand_quick_clients() {
    let name = new_name();
    let server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let clients = thread::spawn({
        let name = name.clone();
        move || {
            let mut connected = 0;
            while connected < 1000 {
                match api::open(&name, GENERIC_READ, 0) {
                    Ok(_) => connected += 1,
                    Err(ERROR_PIPE_BUSY) => thread::yield_now(),
                    Err(other) => panic!("an open fails with {other}"),
                }
            }
        }
    });
    let end = Instant::now() + Duration::from_secs(60);
    while !clients.is_finished() {
        assert!(Instant::now() < end, "they do not come to an end");
        let mut listen = Overlapped::connect(&server);
        match listen.ended_within(Duration::from_millis(50)) {
            None => continue,
            Some((Ok(()) | Err(ERROR_PIPE_CONNECTED | ERROR_NO_DATA), _)) => {}
            Some((Err(other), _)) => panic!("listening fails with {other}"),
        }
        assert_eq!(api::disconnect(&server), Ok(()));
    }
    clients.join().expect("each client got in");
}

fn e6_the_default_time() {
    for (default, milliseconds) in [(300, 300), (0, 50)] {
        let name = new_name();
        let creation = Creation { default_milliseconds: default, ..OVERLAPPED_DUPLEX };
        let _server = api::create(Some(&name), creation).expect("a server");
        let _client = api::open(&name, GENERIC_READ, 0).expect("a client");
        let times = [(); 5].map(|()| {
            let start = Instant::now();
            assert_eq!(api::await_instance(&name, 0), Err(ERROR_SEM_TIMEOUT));
            start.elapsed()
        });
        // The clock of the system's times has steps of up to 16 ms.
        let shortest = times.into_iter().min().unwrap_or_default() + Duration::from_millis(16);
        assert!(
            shortest >= Duration::from_millis(milliseconds),
            "{default} stands for {milliseconds} ms"
        );
    }
    assert_eq!(api::await_instance(&new_name(), 0), Err(ERROR_FILE_NOT_FOUND));
}

fn e7_the_last_instance_goes_meanwhile(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    let waiting = p.waits(Call::Await(NAME.into(), Wait::Forever));
    p.close(client);
    p.still_waits(waiting);
    p.close(server);
    assert_eq!(p.ended(waiting), Outcome::Failed(Code::FileNotFound));
}
