//! Group F: reading, read modes, messages.

use crate::pipes::{Call, Code, DUPLEX, MESSAGES, OUTBOUND, Outcome, ReadMode, Wants};
use crate::story::{Story, part, write};

crate::on_each_arm! {
    everywhere {
        f1_bytes_of_several_writes,
        f2_one_message_a_read,
        f3_the_rest_belongs_to_the_end,
        f4_byte_reads_join_messages,
        f5_a_read_of_just_the_rest,
        f6_a_read_takes_what_comes_first,
        f7_reads_are_served_in_order,
        f10_an_empty_message,
        f11_an_empty_write_of_bytes,
        f12_an_empty_message_counts_no_bytes,
        f13_each_end_has_its_read_mode,
        f14_message_reads_from_a_byte_pipe,
        f16_a_read_that_does_not_wait,
    }
    here {
        f15_no_right_is_needed,
    }
}

/// SEMANTICS: read-available
fn f1_bytes_of_several_writes(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    for text in ["one", "two", "three"] {
        p.writes(server, text);
    }
    p.reads(client, 7, "onetwot");
    p.reads(client, 99, "hree");
}

/// SEMANTICS: message-read
fn f2_one_message_a_read(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "a long message");
    p.writes(server, "another");
    p.reads_part(client, 2, "a ");
    p.reads_part(client, 4, "long");
    p.reads(client, 99, " message");
    p.reads(client, 99, "another");
    // A read that waits gets part of a message, too.
    let read = p.waits(Call::Read(server, 3));
    p.writes(client, "again");
    let outcome = p.ended(read);
    part(outcome, "aga");
    p.reads(server, 99, "in");
}

/// SEMANTICS: message-read
fn f3_the_rest_belongs_to_the_end(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "a message");
    p.reads_part(client, 2, "a ");
    let copy = p.duplicate(client);
    p.reads_part(copy, 4, "mess");
    p.close(client);
    p.reads(copy, 99, "age");
}

fn f4_byte_reads_join_messages(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    for text in ["one", "two", "three"] {
        p.writes(server, text);
    }
    p.reads(client, 4, "onet");
    p.reads(client, 99, "wothree");
    p.writes(client, "1");
    p.writes(client, "2");
    p.reads(server, 99, "1");
    p.reads(server, 99, "2");
}

/// SEMANTICS: message-read
fn f5_a_read_of_just_the_rest(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "12345678901234567890");
    p.reads_part(client, 10, "1234567890");
    p.reads(client, 10, "1234567890");
    p.writes(server, "whole");
    p.reads(client, 5, "whole");
}

/// SEMANTICS: read-available
fn f6_a_read_takes_what_comes_first(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    let read = p.waits(Call::Read(client, 1000));
    p.writes(server, "x");
    p.was_read(read, "x");
}

/// SEMANTICS: wait-order
fn f7_reads_are_served_in_order(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    let reads = [3, 9, 9].map(|max| p.waits(Call::Read(client, max)));
    p.writes(server, "123456");
    p.was_read(reads[0], "123");
    p.was_read(reads[1], "456");
    p.still_waits(reads[2]);
    p.writes(server, "7");
    p.was_read(reads[2], "7");
}

fn f10_an_empty_message(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "");
    p.writes(server, "after");
    p.reads(client, 9, "");
    p.reads(client, 9, "after");
    let (one, two) = (p.waits(Call::Read(client, 9)), p.waits(Call::Read(client, 9)));
    p.writes(server, "");
    p.was_read(one, "");
    p.still_waits(two);
    p.writes(server, "x");
    p.was_read(two, "x");
}

/// SEMANTICS: data-zero-length
fn f11_an_empty_write_of_bytes(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    let read = p.waits(Call::Read(client, 9));
    assert_eq!(p.call(write(server, "")), Outcome::Written(0));
    p.still_waits(read);
    p.writes(server, "x");
    p.was_read(read, "x");
}

fn f12_an_empty_message_counts_no_bytes(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    p.writes(server, "");
    assert_eq!(p.peeks(client, 9), (String::new(), 0, 0));
    p.writes(server, "abc");
    assert_eq!(p.peeks(client, 9), (String::new(), 3, 0));
    p.reads(client, 9, "");
    assert_eq!(p.peeks(client, 9), ("abc".into(), 3, 0));
}

fn f13_each_end_has_its_read_mode(p: &mut Story) {
    let (server, client) = p.pair(MESSAGES);
    for (ends, modes) in [
        ((server, client), (ReadMode::Byte, ReadMode::Message)),
        ((client, server), (ReadMode::Byte, ReadMode::Message)),
        ((server, client), (ReadMode::Byte, ReadMode::Byte)),
    ] {
        p.done(Call::SetReadMode(ends.0, modes.0));
        p.done(Call::SetReadMode(ends.1, modes.1));
        assert_eq!((p.info(ends.0).reads, p.info(ends.1).reads), modes);
        for (from, to, mode) in [(ends.0, ends.1, modes.1), (ends.1, ends.0, modes.0)] {
            p.writes(from, "one");
            p.writes(from, "two");
            match mode {
                ReadMode::Byte => p.reads(to, 9, "onetwo"),
                ReadMode::Message => {
                    p.reads(to, 9, "one");
                    p.reads(to, 9, "two");
                }
            }
        }
    }
}

fn f14_message_reads_from_a_byte_pipe(p: &mut Story) {
    let (server, client) = p.pair(DUPLEX);
    for end in [server, client] {
        assert_eq!(p.refused(Call::SetReadMode(end, ReadMode::Message)), Code::InvalidParameter);
        p.done(Call::SetReadMode(end, ReadMode::Byte));
    }
}

fn f15_no_right_is_needed(p: &mut Story) {
    p.server(MESSAGES);
    let client = p.client(Wants::Read);
    p.done(Call::SetReadMode(client, ReadMode::Byte));
    assert_eq!(p.info(client).reads, ReadMode::Byte);
}

/// SEMANTICS: wait-nonblock
fn f16_a_read_that_does_not_wait(p: &mut Story) {
    let (server, client) = p.pair(OUTBOUND);
    p.done(Call::SetNoWait(client, true));
    assert_eq!(p.refused(Call::Read(client, 9)), Code::NoData);
    p.writes(server, "x");
    p.reads(client, 9, "x");
    p.done(Call::SetNoWait(client, false));
    p.waits(Call::Read(client, 9));
}
