//! Groups F to I: reading, writing, looking, calling.

use std::thread;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_BAD_PIPE, ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, GENERIC_READ,
};
use windows_sys::Win32::System::Pipes as pipes;

use crate::pipes::{Call, Code, DUPLEX, MESSAGES, OUTBOUND, Outcome, ReadMode, Spec};
use crate::story::{Story, part, transact, whole, write};
use crate::windows::api::{self, Creation, OVERLAPPED_DUPLEX};
use crate::windows::arm::{ends_within, new_name};
use crate::windows::overlapped::Overlapped;

super::what_windows_does! {
    stories {
        f8_a_read_of_nothing_waits,
        f9_a_read_of_nothing_tells_of_a_message,
        g4_a_write_larger_than_the_quota,
        g5_what_a_waiting_write_has_brought,
        g7_no_quota_at_all,
        g9_a_read_that_waits_and_the_room,
        g16_not_waiting_any_more,
        i5_a_request_needs_no_room,
        h3_what_a_look_at_bytes_leaves,
    }
    calls {
        f15_the_right_to_change_the_mode,
        h7_a_look_that_fails_fills_nothing,
        i9_a_whole_call,
    }
}

/// A message pipe.
const OF_MESSAGES: Creation = Creation {
    pipe_mode: pipes::PIPE_TYPE_MESSAGE | pipes::PIPE_READMODE_MESSAGE,
    ..OVERLAPPED_DUPLEX
};

/// How long what has a reason to end may take.
const SOON: Duration = Duration::from_secs(5);

fn f8_a_read_of_nothing_waits(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    let read = p.waits(Call::Read(client, 0));
    p.writes(server, "x");
    p.was_read(read, "");
    p.reads(client, 9, "x");
}

fn f9_a_read_of_nothing_tells_of_a_message(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "message");
    let outcome = p.call(Call::Read(client, 0));
    part(outcome, "");
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    p.reads(client, 0, "");
    p.reads(client, 9, "message");
}

fn f15_the_right_to_change_the_mode() {
    let name = new_name();
    let server = api::create(Some(&name), OF_MESSAGES).expect("a server");
    let client = api::open(&name, GENERIC_READ, 0).expect("a client");
    let refused = api::set_mode(&client, pipes::PIPE_READMODE_MESSAGE);
    assert_eq!(refused, Err(ERROR_ACCESS_DENIED));
    assert_eq!(api::set_mode(&server, pipes::PIPE_READMODE_BYTE), Ok(()));
}

fn g4_a_write_larger_than_the_quota(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 100, ..OUTBOUND });
    let large = "l".repeat(2100);
    let waiting = p.waits(write(server, &large));
    p.reads(client, 1999, &large[..1999]);
    p.still_waits(waiting);
    p.reads(client, 1, "l");
    assert_eq!(p.ended(waiting), Outcome::Written(2100));
    p.reads(client, 999, &large[..100]);
}

fn g5_what_a_waiting_write_has_brought(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..DUPLEX });
    p.writes(server, "full");
    let waiting = p.waits(write(server, "later"));
    assert_eq!(p.peeks(client, 0), (String::new(), 9, 0));
    p.reads(client, 7, "fulllat");
    assert_eq!(p.ended(waiting), Outcome::Written(5));
    p.reads(client, 9, "er");
}

fn g7_no_quota_at_all(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 0, ..OUTBOUND });
    let waiting = p.waits(write(server, "x"));
    p.reads(client, 9, "x");
    assert_eq!(p.ended(waiting), Outcome::Written(1));
    assert_eq!(p.call(write(server, "")), Outcome::Written(0));
}

fn g9_a_read_that_waits_and_the_room(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 100, ..DUPLEX });
    p.waits(Call::Read(client, 30));
    assert_eq!(p.info(server).writable_bytes, 70);
}

fn g16_not_waiting_any_more(p: &mut Story) {
    let (_, client) = p.pair(DUPLEX);
    p.waits(Call::Read(client, 9));
    assert_eq!(p.refused(Call::SetNoWait(client, true)), Code::PipeBusy);
}

fn h3_what_a_look_at_bytes_leaves(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    p.writes(server, "one");
    p.writes(server, "two");
    assert_eq!(p.peeks(client, 0), (String::new(), 6, 0));
    assert_eq!(p.peeks(client, 4), ("onet".into(), 6, (-4_i32 as u32).into()), "it has wrapped");
}

fn i5_a_request_needs_no_room(p: &mut Story) {
    let (server, client) = p.pair(Spec { capacity_bytes: 4, ..MESSAGES });
    p.writes(client, "full");
    let copy = p.duplicate(client);
    let waiting = p.waits(write(copy, "waiting"));
    let asked = p.waits(transact(client, "question", 99));
    p.still_waits(waiting);
    for text in ["full", "waiting", "question"] {
        p.reads(server, 99, text);
    }
    assert_eq!(p.ended(waiting), Outcome::Written(7));
    p.writes(server, "answer");
    let outcome = p.ended(asked);
    whole(outcome, "answer");
}

fn h7_a_look_that_fails_fills_nothing() {
    let name = new_name();
    let server = api::create(Some(&name), OVERLAPPED_DUPLEX).expect("a server");
    let look = api::peek(&server, 9, 0xEE);
    assert_eq!(look.answer, Err(ERROR_BAD_PIPE), "nobody is connected");
    assert_eq!(look.numbers, [0xEE; 3]);
}

/// The reply of a call, and how it ends, when the server of such a pipe answers so.
fn called(creation: Creation, max_bytes: usize, wait: u32) -> (Vec<u8>, api::Answer) {
    let name = new_name();
    let server = api::create(Some(&name), creation).expect("a server");
    let mut connect = Overlapped::connect(&server);
    let call = thread::spawn(move || api::call(&name, b"question", max_bytes, wait));
    assert_eq!(connect.ended_within(SOON), Some((Ok(()), 0)));
    let mut question = Overlapped::read(&server, 99);
    match question.ended_within(SOON) {
        Some((Ok(()), _)) => {
            assert_eq!(question.bytes(), b"question");
            let mut answer = Overlapped::write(&server, b"answer".into());
            assert_eq!(answer.ended_within(SOON), Some((Ok(()), 6)));
        }
        // A call that is refused asks nothing.
        _ => assert!(ends_within(&call, SOON), "the call neither asks nor ends"),
    }
    assert!(ends_within(&call, SOON), "the call does not end");
    call.join().expect("it does not panic")
}

fn i9_a_whole_call() {
    for wait in [pipes::NMPWAIT_NOWAIT, pipes::NMPWAIT_USE_DEFAULT_WAIT, 1000] {
        assert_eq!(called(OF_MESSAGES, 99, wait), (b"answer".into(), Ok(())));
    }
    let forever = pipes::NMPWAIT_WAIT_FOREVER;
    assert_eq!(called(OF_MESSAGES, 3, forever), (b"ans".into(), Err(ERROR_MORE_DATA)));
    let (_, refused) = called(OVERLAPPED_DUPLEX, 99, forever);
    assert!(refused.is_err(), "bytes");
    let (_, missing) = api::call(&new_name(), b"x", 9, forever);
    assert_eq!(missing, Err(ERROR_FILE_NOT_FOUND));
}
