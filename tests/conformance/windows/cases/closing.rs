//! Groups J and K: flushing and closing.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_PIPE_LISTENING, GENERIC_READ};

use crate::pipes::{Call, Code, DUPLEX, Outcome, Spec, Wants};
use crate::story::{Story, write};
use crate::windows::api::{self, OVERLAPPED_DUPLEX};
use crate::windows::arm::new_name;
use crate::windows::overlapped::Overlapped;

super::what_windows_does! {
    stories {
        j4_the_only_write_is_cancelled,
        j5_nobody_is_connected,
        j6_a_flush_always_waits,
        k5_a_disconnect_discards_both_ways,
        k6_a_disconnect_ends_what_waits,
        k8_a_server_nobody_has_connected_to,
    }
    calls {
        k9_an_error_at_once,
        k11_libraries_see_the_end,
    }
}

fn j4_the_only_write_is_cancelled(p: &mut Story) {
    let (server, _client) = p.pair(Spec { capacity_bytes: 4, ..DUPLEX });
    let waiting = p.waits(write(server, "too long"));
    let flush = p.waits(Call::Flush(server));
    p.cancel(waiting);
    assert_eq!(p.ended(flush), Outcome::Done);
}

fn j5_nobody_is_connected(p: &mut Story) {
    let server = p.server(DUPLEX);
    p.done(Call::Flush(server));
    let client = p.client(Wants::Both);
    p.disconnect(server);
    p.done(Call::Flush(server));
    assert_eq!(p.refused(Call::Flush(client)), Code::NotConnected);
    p.listen(server);
    let client = p.client(Wants::Both);
    p.close(client);
    p.done(Call::Flush(server));
}

fn j6_a_flush_always_waits(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.done(Call::SetNoWait(server, true));
    p.writes(server, "x");
    let flush = p.waits(Call::Flush(server));
    p.reads(client, 9, "x");
    assert_eq!(p.ended(flush), Outcome::Done);
}

fn k5_a_disconnect_discards_both_ways(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "unread");
    p.writes(client, "unread");
    p.disconnect(server);
    for end in [server, client] {
        for _ in 0..2 {
            assert_eq!(p.refused(Call::Read(end, 9)), Code::NotConnected);
        }
        assert_eq!(p.refused(write(end, "x")), Code::NotConnected);
    }
}

fn k6_a_disconnect_ends_what_waits(p: &mut Story) {
    let gone = Outcome::Failed(Code::NotConnected);
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..DUPLEX });
    let reads = [server, client].map(|end| p.waits(Call::Read(end, 9)));
    p.disconnect(server);
    assert_eq!(reads.map(|read| p.ended(read)), [gone.clone(), gone.clone()]);
    p.listen(server);
    let client = p.client(Wants::Both);
    let writes = [server, client].map(|end| {
        p.writes(end, "full");
        p.waits(write(end, "x"))
    });
    p.disconnect(server);
    assert_eq!(writes.map(|write| p.ended(write)), [gone.clone(), gone]);
}

fn k8_a_server_nobody_has_connected_to(p: &mut Story) {
    let server = p.server(DUPLEX);
    assert_eq!(p.refused(Call::Read(server, 9)), Code::Listening);
    assert_eq!(p.refused(Call::Read(server, 0)), Code::Listening);
    assert_eq!(p.refused(write(server, "x")), Code::Listening);
    assert_eq!(p.refused(write(server, "")), Code::Listening);
}

fn k9_an_error_at_once() {
    let server = api::create(Some(&new_name()), OVERLAPPED_DUPLEX).expect("a server");
    for mut refused in [Overlapped::read(&server, 9), Overlapped::write(&server, b"x".into())] {
        let ended = refused.ended_within(Duration::ZERO);
        assert_eq!(ended, Some((Err(ERROR_PIPE_LISTENING), 0)));
        assert!(refused.is_untouched());
        assert!(!refused.is_signalled(Duration::ZERO));
    }
}

fn k11_libraries_see_the_end() {
    let name = new_name();
    let server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let mut client = File::from(api::open(&name, GENERIC_READ, 0).expect("a client"));
    let mut written = Overlapped::write(&server, b"all of it".into());
    assert_eq!(written.ended_within(Duration::from_secs(5)), Some((Ok(()), 9)));
    drop(server);
    let mut text = String::new();
    client.read_to_string(&mut text).expect("the end is no error");
    assert_eq!(text, "all of it");
    assert_eq!(client.read(&mut [0; 9]).ok(), Some(0));
}
