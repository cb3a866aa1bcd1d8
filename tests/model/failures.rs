//! Differences between engine and model that there were once, each with the steps that showed it.
//! When random steps find another one, they print the steps to add here.

use pipefs::Blocking::{Continuation, No, Yes};
use pipefs::Patience::{Created, NonBlocking, Wait};
use pipefs::ReadMode::Byte;
use pipefs::Rename::Replace;
use pipefs::Settings;
use pipefs::settings::Mode::{Broadcast, Shared};
use pipefs::settings::{Access, Framing, Lifetime, Overflow, PipeType};

use super::shrink;
use super::steps::How::{ReadOnly, ReadWrite, ReadWriteAppend, ReadWriteTruncate, WriteOnly};
use super::steps::Span::Forever;
use super::steps::Step::{
    Close, Create, Disconnect, Flush, Open, Poll, Read, Rename, Reopen, SendEmpty, SetReadMode,
    Transact, Write,
};
use super::steps::{Limits, NOWHERE, Setup, Step};

/// Ample memory.
const ENOUGH: u64 = 1 << 30;

/// Settings of a pipe that takes all functions.
fn messages() -> Settings {
    Settings { access: Access::Duplex, pipe_type: PipeType::Message, ..Settings::default() }
}

fn check(settings: Settings, memory_bytes: u64, steps: &[(u64, Step)]) {
    for limits in [Limits::Mount, Limits::User] {
        let setup = Setup { settings, memory_bytes, limits, processes: 6 };
        if let Err(difference) = shrink::replay(setup, steps) {
            panic!("{limits:?}: {difference}");
        }
    }
}

/// An open that waited counted as an open end, and could be used by whoever guessed its number.
#[test]
fn an_open_that_waits_has_no_end() {
    let steps = [
        (1, Create { name: 1, mode: None }),
        (2, Open { file: 7, name: 1, how: ReadOnly, patience: Wait }),
    ];
    check(Settings::default(), ENOUGH, &steps);
}

/// When a read let a waiting write in, the time of the last write stayed that of the one before.
#[test]
fn a_write_that_waited_has_its_time() {
    let steps = [
        (1, Create { name: 0, mode: None }),
        (2, Open { file: 3, name: 0, how: WriteOnly, patience: Wait }),
        (3, Open { file: 8, name: 0, how: ReadOnly, patience: Wait }),
        (4, Write { file: 3, bytes: 1, blocking: Yes }),
        (5, Write { file: 3, bytes: 1, blocking: Yes }),
        (6, Read { file: 8, max_bytes: 1, blocking: Yes }),
    ];
    check(Settings { capacity_bytes: 1, ..Settings::default() }, ENOUGH, &steps);
}

/// A pipe that was renamed into a directory which does not exist was gone.
#[test]
fn a_rename_to_nowhere_loses_nothing() {
    let steps =
        [(1, Create { name: 0, mode: None }), (2, Rename { from: 0, to: NOWHERE, how: Replace })];
    check(Settings::default(), ENOUGH, &steps);
}

/// A write waited for memory, then came a reader: both waited, though the data needed no memory.
#[test]
fn a_reader_takes_what_waits_for_memory() {
    let steps = [
        (1, Create { name: 0, mode: Some(Shared) }),
        (2, Open { file: 7, name: 0, how: WriteOnly, patience: Wait }),
        (3, Write { file: 7, bytes: 1, blocking: Yes }),
        (4, Create { name: 1, mode: None }),
        (5, Open { file: 5, name: 1, how: WriteOnly, patience: Wait }),
        (6, Open { file: 8, name: 1, how: ReadOnly, patience: Wait }),
        (7, Poll { file: 8, wake: true }),
        (8, Write { file: 5, bytes: 1, blocking: Yes }),
        (9, Read { file: 8, max_bytes: 1, blocking: Yes }),
    ];
    check(Settings::default(), 1, &steps);
}

/// A shared pipe's writer had lost its readers; that a new one came woke nobody.
#[test]
fn a_reader_that_comes_back_wakes_the_writers() {
    let steps = [
        (1, Create { name: 3, mode: Some(Shared) }),
        (2, Open { file: 11, name: 3, how: ReadOnly, patience: NonBlocking }),
        (3, Reopen { file: 15, by: 11, how: WriteOnly }),
        (4, Close { file: 11 }),
        (5, Poll { file: 15, wake: true }),
        (6, Open { file: 9, name: 3, how: ReadOnly, patience: Wait }),
        (7, Open { file: 8, name: 3, how: ReadOnly, patience: NonBlocking }),
    ];
    check(Settings::default(), ENOUGH, &steps);
}

/// A client that had waited to write to a duplex server got the instance of one that only writes.
#[test]
fn a_client_gets_an_instance_that_it_can_use() {
    let steps = [
        (1, Create { name: 1, mode: None }),
        (2, Open { file: 2, name: 1, how: ReadWriteTruncate, patience: Wait }),
        (3, Open { file: 6, name: 1, how: ReadOnly, patience: NonBlocking }),
        (4, Close { file: 2 }),
        (5, Open { file: 5, name: 1, how: WriteOnly, patience: Wait }),
        (6, Close { file: 6 }),
        (7, Open { file: 0, name: 1, how: WriteOnly, patience: Wait }),
    ];
    check(Settings::default(), ENOUGH, &steps);
}

/// Not the engine's fault but the model's: memory that others fill and give back is no news for a
/// poller that was told "writable" and has not tried since.
#[test]
fn a_poller_need_not_hear_of_memory_that_it_did_not_miss() {
    let steps = [
        (1, Create { name: 1, mode: None }),
        (2, Open { file: 1, name: 1, how: WriteOnly, patience: Wait }),
        (3, Poll { file: 1, wake: true }),
        (4, Open { file: 10, name: 1, how: WriteOnly, patience: NonBlocking }),
        (5, Write { file: 10, bytes: 97, blocking: Continuation }),
        (6, Open { file: 4, name: 1, how: ReadOnly, patience: Wait }),
        (7, Open { file: 5, name: 1, how: ReadOnly, patience: Wait }),
        (8, Close { file: 5 }),
    ];
    check(Settings::default(), 3, &steps);
}

/// A server that had disconnected its client was told that it could write.
#[test]
fn nobody_writes_to_a_disconnected_instance() {
    let steps = [
        (1, Create { name: 3, mode: None }),
        (2, Open { file: 11, name: 3, how: WriteOnly, patience: NonBlocking }),
        (3, Disconnect { file: 11 }),
        (4, Poll { file: 11, wake: true }),
    ];
    check(Settings::default(), ENOUGH, &steps);
}

/// What a client that could only write had written was lost by a disconnect, and its fsync(2) did
/// not say so.
#[test]
fn fsync_fails_at_a_disconnected_client() {
    let steps = [
        (1, Create { name: 3, mode: None }),
        (2, Open { file: 0, name: 3, how: ReadWrite, patience: Wait }),
        (3, Open { file: 6, name: 3, how: WriteOnly, patience: Wait }),
        (4, Write { file: 6, bytes: 1, blocking: Yes }),
        (5, Disconnect { file: 0 }),
        (6, Flush { file: 6 }),
        (7, Flush { file: 0 }),
    ];
    check(Settings::default(), ENOUGH, &steps);
}

/// The rest of a read(2) that had got data was told of the disconnect, where nobody hears it; the
/// next read(2) found the end of file.
#[test]
fn the_rest_of_a_read_is_not_told_of_a_disconnect() {
    let steps = [
        (1, Create { name: 1, mode: None }),
        (2, Open { file: 6, name: 1, how: WriteOnly, patience: Wait }),
        (3, Open { file: 2, name: 1, how: ReadOnly, patience: Wait }),
        (4, Disconnect { file: 6 }),
        (5, Read { file: 2, max_bytes: 1, blocking: Continuation }),
        (6, Read { file: 2, max_bytes: 1, blocking: Yes }),
    ];
    check(Settings::default(), ENOUGH, &steps);
}

/// The reply to a transaction left the time of the last read as it was.
#[test]
fn a_reply_that_was_waited_for_is_a_read() {
    let steps = [
        (1, Create { name: 0, mode: None }),
        (2, Open { file: 14, name: 0, how: ReadWrite, patience: Wait }),
        (3, Open { file: 5, name: 0, how: ReadWriteAppend, patience: Wait }),
        (4, Transact { file: 14, bytes: 1, max_bytes: 1, span: Forever }),
        (5, Write { file: 5, bytes: 1, blocking: Yes }),
    ];
    check(messages(), ENOUGH, &steps);
}

/// A server that had come only to go took the name with it if it had called DISCONNECT.
#[test]
fn a_server_that_nobody_used_leaves_the_name() {
    let steps = [
        (1, Create { name: 0, mode: None }),
        (2, Open { file: 6, name: 0, how: WriteOnly, patience: NonBlocking }),
        (3, Disconnect { file: 6 }),
    ];
    check(Settings { lifetime: Lifetime::LastClose, ..Settings::default() }, ENOUGH, &steps);
}

/// A reader of bytes passed over an empty message, and the writer that waited for its room waited
/// on: with the reader, for ever.
#[test]
fn an_empty_message_that_is_passed_over_makes_room() {
    let steps = [
        (1, Create { name: 0, mode: None }),
        (2, Open { file: 3, name: 0, how: ReadWrite, patience: Wait }),
        (3, Open { file: 7, name: 0, how: ReadWrite, patience: Wait }),
        (4, SendEmpty { file: 3, blocking: Yes }),
        (5, Write { file: 3, bytes: 1, blocking: Yes }),
        (6, SetReadMode { file: 7, mode: Byte }),
        (7, Read { file: 7, max_bytes: 1, blocking: Yes }),
    ];
    check(Settings { capacity_bytes: 1, ..messages() }, ENOUGH, &steps);
}

/// The same in another order: the empty message was still waiting for memory.
#[test]
fn an_empty_message_that_waits_is_passed_over_too() {
    let steps = [
        (1, Create { name: 0, mode: None }),
        (4, Open { file: 10, name: 0, how: ReadWrite, patience: Wait }),
        (8, Write { file: 10, bytes: 4, blocking: Yes }),
        (10, SendEmpty { file: 10, blocking: Yes }),
        (12, Open { file: 7, name: 0, how: ReadWrite, patience: Wait }),
        (16, Write { file: 10, bytes: 1, blocking: Yes }),
        (29, SetReadMode { file: 7, mode: Byte }),
        (30, Read { file: 7, max_bytes: 1, blocking: Yes }),
        (32, Read { file: 7, max_bytes: 1, blocking: No }),
    ];
    let settings = Settings { framing: Framing::Line, capacity_bytes: 1, ..messages() };
    check(settings, 1, &steps);
}

/// fsync(2) did not fail when what the client had left unread was an empty message, and ended with
/// the bytes before one.
#[test]
fn an_empty_message_is_to_be_read_too() {
    let begin = [
        (1, Create { name: 0, mode: None }),
        (2, Open { file: 3, name: 0, how: ReadOnly, patience: NonBlocking }),
        (3, Open { file: 1, name: 0, how: WriteOnly, patience: Wait }),
    ];
    let lost =
        [(4, SendEmpty { file: 1, blocking: Yes }), (5, Close { file: 3 }), (6, Flush { file: 1 })];
    let unread = [
        (4, Write { file: 1, bytes: 1, blocking: Yes }),
        (5, SendEmpty { file: 1, blocking: Yes }),
        (6, Flush { file: 1 }),
        (7, Read { file: 3, max_bytes: 1, blocking: Yes }),
    ];
    let settings = Settings { pipe_type: PipeType::Message, ..Settings::default() };
    check(settings, ENOUGH, &[&begin[..], &lost].concat());
    check(settings, ENOUGH, &[&begin[..], &unread].concat());
}

/// To make room for one byte of memory, more was dropped than the empty message that held it.
#[test]
fn an_empty_message_makes_room_for_another() {
    let steps = [
        (1, Create { name: 1, mode: Some(Shared) }),
        (2, Open { file: 8, name: 1, how: ReadWrite, patience: Wait }),
        (3, SendEmpty { file: 8, blocking: Yes }),
        (4, Write { file: 8, bytes: 91, blocking: Yes }),
        (5, SendEmpty { file: 8, blocking: Yes }),
    ];
    check(Settings { overflow: Overflow::DropOldest, ..messages() }, 3, &steps);
}

/// Of a write with several lines, a reader of bytes that waited got only the first.
#[test]
fn a_reader_of_bytes_gets_all_lines_of_a_write() {
    let steps = [
        (5, Create { name: 0, mode: Some(Shared) }),
        (7, Open { file: 2, name: 0, how: ReadWrite, patience: NonBlocking }),
        (13, SetReadMode { file: 2, mode: Byte }),
        (19, Read { file: 2, max_bytes: 5, blocking: Yes }),
        (23, Write { file: 2, bytes: 6, blocking: No }),
    ];
    check(Settings { framing: Framing::Line, ..messages() }, ENOUGH, &steps);
}

/// A broadcast's reader with room for a write of several lines got some of them.
#[test]
fn a_broadcast_reader_gets_all_of_a_write_or_nothing() {
    let steps = [
        (1, Create { name: 0, mode: Some(Broadcast) }),
        (2, Open { file: 0, name: 0, how: WriteOnly, patience: Wait }),
        (3, Open { file: 3, name: 0, how: ReadOnly, patience: Wait }),
        (4, Open { file: 6, name: 0, how: ReadOnly, patience: Wait }),
        (7, Write { file: 0, bytes: 6, blocking: Yes }),
        (8, Read { file: 3, max_bytes: 100, blocking: Yes }),
        (9, Read { file: 3, max_bytes: 100, blocking: No }),
        (10, Write { file: 0, bytes: 9, blocking: Yes }),
    ];
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let framing = Framing::Line;
        check(Settings { overflow, framing, capacity_bytes: 2, ..messages() }, ENOUGH, &steps);
    }
}

/// A broadcast's writer waited for memory; one reader came and it went on, beyond the memory, to
/// the others too, who were not there.
#[test]
fn memory_is_needed_for_readers_that_do_not_wait() {
    let steps = [
        (1, Create { name: 0, mode: Some(Broadcast) }),
        (2, Open { file: 0, name: 0, how: WriteOnly, patience: Wait }),
        (3, Open { file: 3, name: 0, how: ReadOnly, patience: Wait }),
        (4, Open { file: 6, name: 0, how: ReadOnly, patience: Wait }),
        (5, Create { name: 1, mode: Some(Shared) }),
        (6, Open { file: 9, name: 1, how: WriteOnly, patience: Wait }),
        (7, Write { file: 9, bytes: 1, blocking: Yes }),
        (8, Write { file: 0, bytes: 1, blocking: Yes }),
        (9, Poll { file: 3, wake: true }),
        (10, Read { file: 6, max_bytes: 1, blocking: Yes }),
        (11, Read { file: 3, max_bytes: 1, blocking: No }),
    ];
    check(Settings::default(), 1, &steps);
}

/// A broadcast's last other reader left; what waited to be written was for the one that stayed, and
/// nobody woke it.
#[test]
fn the_reader_that_stays_is_woken() {
    let steps = [
        (11, Create { name: 1, mode: Some(Broadcast) }),
        (25, Open { file: 1, name: 1, how: WriteOnly, patience: Wait }),
        (29, Open { file: 15, name: 1, how: ReadOnly, patience: Wait }),
        (38, Write { file: 1, bytes: 6, blocking: Yes }),
        (40, Write { file: 1, bytes: 1, blocking: Yes }),
        (47, Open { file: 16, name: 1, how: ReadOnly, patience: Wait }),
        (48, Poll { file: 16, wake: true }),
        (49, Close { file: 15 }),
    ];
    check(Settings { framing: Framing::Line, capacity_bytes: 2, ..messages() }, 3, &steps);
}

/// Not the engine's fault but the model's: of two clients that wait for their reads as well as for
/// a server, the one that opened first is served first, whoever read first.
#[test]
fn clients_are_served_in_the_order_of_their_opens() {
    let steps = [
        (1, Create { name: 3, mode: Some(Shared) }),
        (2, Open { file: 11, name: 3, how: ReadOnly, patience: Created }),
        (3, Open { file: 9, name: 3, how: ReadOnly, patience: Created }),
        (4, Read { file: 9, max_bytes: 1, blocking: Yes }),
        (5, Read { file: 11, max_bytes: 1, blocking: Yes }),
        (6, Open { file: 15, name: 3, how: WriteOnly, patience: Wait }),
        (7, Write { file: 15, bytes: 1, blocking: Yes }),
    ];
    check(Settings::default(), ENOUGH, &steps);
}

/// A line that its writer's close ended was dropped, as if the memory which it gave back itself
/// were for others of the same user.
#[test]
fn a_line_that_ends_has_its_own_memory() {
    let settings = Settings {
        framing: Framing::Line,
        overflow: Overflow::DropNewest,
        capacity_bytes: 2,
        ..messages()
    };
    let steps = [
        (1, Create { name: 1, mode: None }),
        (2, Open { file: 1, name: 1, how: ReadWrite, patience: Wait }),
        (3, Write { file: 1, bytes: 1, blocking: Yes }),
        (4, Close { file: 1 }),
    ];
    check(settings, 1, &steps);
}
