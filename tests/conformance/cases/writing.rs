//! Group G: writing, capacity, waiting for room.

use crate::pipes::{Call, Code, DUPLEX, INBOUND, MESSAGES, OUTBOUND, Outcome, Spec, Wants};
use crate::story::{NAME, Story, create, part, write};

crate::on_each_arm! {
    everywhere {
        g1_each_direction_has_its_capacity,
        g2_a_write_that_fits_needs_no_reader,
        g3_a_write_that_does_not_fit_waits,
        g6_writes_keep_their_order,
        g8_a_write_meets_a_read_that_waits,
        g10_a_write_that_does_not_wait,
        g11_what_fits_if_a_read_waits,
        g13_a_cancelled_write_leaves_nothing,
        g15_the_wrong_direction,
    }
    here {
        g4_a_write_larger_than_the_capacity,
        g5_nothing_of_a_waiting_write_is_there,
        g7_no_capacity_at_all,
        g9_a_read_that_waits_and_the_room,
        g12_more_than_fits_without_waiting,
        g16_not_waiting_any_more,
    }
}

/// A pipe whose lanes hold so many bytes.
fn holding(capacity_bytes: u64, spec: Spec) -> Spec {
    Spec { capacity_bytes, ..spec }
}

/// SEMANTICS: instance-duplex, write-full
fn g1_each_direction_has_its_capacity(p: &mut Story) {
    let (server, client) = p.pair(holding(100, DUPLEX));
    let full = "f".repeat(100);
    p.writes(server, &full);
    let waiting = p.waits(write(server, "x"));
    p.writes(client, &full);
    p.waits(write(client, "x"));
    p.reads(client, 100, &full);
    assert_eq!(p.ended(waiting), Outcome::Written(1));
}

/// SEMANTICS: write-full
fn g2_a_write_that_fits_needs_no_reader(p: &mut Story) {
    let (server, client) = p.pair(holding(100, OUTBOUND));
    p.writes(server, &"a".repeat(60));
    p.writes(server, &"b".repeat(40));
    p.reads(client, 999, &("a".repeat(60) + &"b".repeat(40)));
}

/// SEMANTICS: write-full, write-whole
fn g3_a_write_that_does_not_fit_waits(p: &mut Story) {
    let (server, client) = p.pair(holding(100, OUTBOUND));
    let full = "f".repeat(100);
    p.writes(server, &full);
    let waiting = p.waits(write(server, &"w".repeat(100)));
    p.reads(client, 100, &full);
    assert_eq!(p.ended(waiting), Outcome::Written(100), "never a short count");
    p.reads(client, 999, &"w".repeat(100));
}

/// SEMANTICS: write-whole
fn g4_a_write_larger_than_the_capacity(p: &mut Story) {
    let (server, client) = p.pair(holding(100, OUTBOUND));
    let large = "l".repeat(2100);
    p.writes(server, &large);
    let waiting = p.waits(write(server, "x"));
    p.reads(client, 2000, &large[..2000]);
    p.still_waits(waiting);
    p.reads(client, 1, "l");
    assert_eq!(p.ended(waiting), Outcome::Written(1));
}

/// SEMANTICS: write-whole
fn g5_nothing_of_a_waiting_write_is_there(p: &mut Story) {
    let (server, client) = p.pair(holding(4, DUPLEX));
    p.writes(server, "full");
    let waiting = p.waits(write(server, "later"));
    assert_eq!(p.peeks(client, 99), ("full".into(), 4, 0), "Windows: it is there already");
    p.reads(client, 99, "full");
    assert_eq!(p.ended(waiting), Outcome::Written(5));
    assert_eq!(p.peeks(client, 99), ("later".into(), 5, 0));
}

/// SEMANTICS: wait-order
fn g6_writes_keep_their_order(p: &mut Story) {
    let (server, client) = p.pair(holding(10, OUTBOUND));
    p.writes(server, "0123456789");
    let copy = p.duplicate(server);
    let second = p.waits(write(server, "second"));
    assert_eq!(p.call(write(copy, "")), Outcome::Written(0), "an empty write does not wait");
    let third = p.waits(write(copy, "3"));
    p.reads(client, 10, "0123456789");
    assert_eq!(p.ended(second), Outcome::Written(6));
    assert_eq!(p.ended(third), Outcome::Written(1));
    p.reads(client, 99, "second3");
}

/// SEMANTICS: write-whole, attribute-refused
fn g7_no_capacity_at_all(p: &mut Story) {
    assert_eq!(p.refused(create(NAME, holding(0, OUTBOUND))), Code::InvalidParameter);
    let (server, client) = p.pair(holding(1, OUTBOUND));
    p.writes(server, "Windows: waits for its reader");
    let waiting = p.waits(write(server, "x"));
    p.reads(client, 99, "Windows: waits for its reader");
    assert_eq!(p.ended(waiting), Outcome::Written(1));
}

/// SEMANTICS: write-meets-reader, message-read
fn g8_a_write_meets_a_read_that_waits(p: &mut Story) {
    let text = "t".repeat(4000);
    let (server, client) = p.pair(OUTBOUND);
    let read = p.waits(Call::Read(client, 1000));
    p.writes(server, &text);
    p.was_read(read, &text[..1000]);
    p.reads(client, 9999, &text[..3000]);
    let server = p.server_of("messages", MESSAGES);
    let client = p.client_of("messages", Wants::Both);
    p.done(Call::SetReadMode(client, crate::pipes::ReadMode::Message));
    let read = p.waits(Call::Read(client, 1000));
    p.writes(server, &text);
    let outcome = p.ended(read);
    part(outcome, &text[..1000]);
    p.reads(client, 9999, &text[..3000]);
}

/// SEMANTICS: write-meets-reader
fn g9_a_read_that_waits_and_the_room(p: &mut Story) {
    let (server, client) = p.pair(holding(100, DUPLEX));
    p.writes(server, "12345");
    assert_eq!(p.info(server).writable_bytes, 95);
    p.reads(client, 9, "12345");
    p.waits(Call::Read(client, 30));
    assert_eq!(p.info(server).writable_bytes, 100, "Windows: 70");
}

/// SEMANTICS: wait-nonblock, write-full
fn g10_a_write_that_does_not_wait(p: &mut Story) {
    let (server, client) = p.pair(holding(100, OUTBOUND));
    p.done(Call::SetNoWait(server, true));
    p.writes(server, &"f".repeat(100));
    assert_eq!(p.call(write(server, "x")), Outcome::Written(0));
    p.reads(client, 999, &"f".repeat(100));
    p.writes(server, "y");
    p.reads(client, 999, "y");
}

/// SEMANTICS: write-meets-reader
fn g11_what_fits_if_a_read_waits(p: &mut Story) {
    let (server, client) = p.pair(holding(512, OUTBOUND));
    p.done(Call::SetNoWait(server, true));
    p.writes(server, &"f".repeat(512));
    p.reads(client, 999, &"f".repeat(512));
    let read = p.waits(Call::Read(client, 1));
    p.writes(server, &"g".repeat(513));
    p.was_read(read, "g");
    p.reads(client, 999, &"g".repeat(512));
}

/// SEMANTICS: write-meets-reader, write-whole
fn g12_more_than_fits_without_waiting(p: &mut Story) {
    let (server, client) = p.pair(holding(512, OUTBOUND));
    p.done(Call::SetNoWait(server, true));
    let read = p.waits(Call::Read(client, 1));
    p.writes(server, &"g".repeat(514));
    p.was_read(read, "g");
    p.reads(client, 999, &"g".repeat(513));
}

/// SEMANTICS: wait-interrupt
fn g13_a_cancelled_write_leaves_nothing(p: &mut Story) {
    // Each is longer than the one before: in the kernel such writes must not wait for each other.
    let (server, client) = p.pair(holding(1, OUTBOUND));
    p.writes(server, "f");
    let copy = p.duplicate(server);
    let (gone, late) = (p.waits(write(server, "gone")), p.waits(write(copy, "too late")));
    p.cancel(gone);
    p.still_waits(late);
    p.reads(client, 1, "f");
    p.reads(client, 99, "too late");
    assert_eq!(p.ended(late), Outcome::Written(8));
}

/// SEMANTICS: data-wrong-direction
fn g15_the_wrong_direction(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    assert_eq!(p.refused(Call::Read(server, 9)), Code::AccessDenied);
    assert_eq!(p.refused(write(client, "x")), Code::AccessDenied);
    let server = p.server_of("in", INBOUND);
    let client = p.client_of("in", Wants::Write);
    assert_eq!(p.refused(write(server, "x")), Code::AccessDenied);
    assert_eq!(p.refused(Call::Read(client, 9)), Code::AccessDenied);
}

/// SEMANTICS: wait-nonblock
fn g16_not_waiting_any_more(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    let read = p.waits(Call::Read(client, 9));
    p.done(Call::SetNoWait(client, true));
    p.still_waits(read);
    assert_eq!(p.refused(Call::Read(client, 9)), Code::NoData);
    p.writes(server, "x");
    p.was_read(read, "x");
}
