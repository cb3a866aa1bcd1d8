//! Differences between engine and model that there were once, each with the steps that showed it.
//! When random steps find another one, they print the steps to add here.

use pipefs::Blocking::{Continuation, Yes};
use pipefs::Patience::{NonBlocking, Wait};
use pipefs::Rename::Replace;
use pipefs::Settings;
use pipefs::settings::Mode::Shared;

use super::shrink;
use super::steps::How::{ReadOnly, ReadWriteTruncate, WriteOnly};
use super::steps::Step::{Close, Create, Open, Poll, Read, Rename, Reopen, Write};
use super::steps::{NOWHERE, Setup, Step};

/// Ample memory.
const ENOUGH: u64 = 1 << 30;

fn check(settings: Settings, memory_bytes: u64, steps: &[(u64, Step)]) {
    let setup = Setup { settings, memory_bytes, processes: 6 };
    if let Err(difference) = shrink::replay(setup, steps) {
        panic!("{difference}");
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
