//! What a read returns and what a write is.

use pipefs::queue::ADOPT_MIN_BYTES;
use pipefs::{Blocking, Error, Progress, Wanted};

use super::world::World;

fn connected(world: &mut World) -> (pipefs::EndId, pipefs::EndId) {
    let pipe = world.create("p");
    (world.opens(&pipe, Wanted::WRITE), world.opens(&pipe, Wanted::READ))
}

/// > A read returns what is there, up to its size; it waits only if there is nothing, never to
/// > fill its buffer.
///
/// SEMANTICS: read-available
#[test]
fn a_read_takes_what_is_there() {
    let mut world = World::new();
    let (server, client) = connected(&mut world);
    world.writes(server, "one ");
    world.writes(server, "two");
    assert_eq!(world.reads_up_to(client, 5), "one t");
    assert_eq!(world.reads_up_to(client, 5), "wo");
    let read = world.waits_to_read_up_to(client, 5);
    world.writes(server, "six and more");
    assert_eq!(world.was_read(read), "six a");
    assert_eq!(world.reads(client), "nd more");
}

/// > Reads that wait are served in the order in which they came, and so are writes.
///
/// SEMANTICS: wait-order
#[test]
fn waiting_is_a_queue() {
    let mut world = World::with(|settings| settings.capacity_bytes = 4);
    let (server, client) = connected(&mut world);
    let reads = [2, 3, 10].map(|max| world.waits_to_read_up_to(client, max));
    world.writes(server, "abcdefgh");
    assert_eq!(reads.map(|read| world.was_read(read)), ["ab", "cde", "fgh"]);

    world.writes(server, "full");
    let writes = ["1", "23", "4"].map(|data| world.waits_to_write(server, data));
    assert_eq!(world.fails_to_write(server, "it would overtake"), Error::WouldBlock);
    assert_eq!(world.reads_up_to(client, 1), "f");
    assert_eq!(world.was_written(writes[0]), 1);
    assert_eq!(world.answer(writes[1]), None);
    assert_eq!(world.reads(client), "ull1");
    assert_eq!([world.was_written(writes[1]), world.was_written(writes[2])], [2, 1]);
    assert_eq!(world.reads(client), "234");
}

/// > A lane takes a write as a whole as long as it holds less than its `capacity`, so it may hold
/// > more than its capacity by one write.
///
/// SEMANTICS: write-whole, write-full
#[test]
fn a_write_is_accepted_whole_or_waits() {
    let mut world = World::with(|settings| settings.capacity_bytes = 4);
    let (server, client) = connected(&mut world);
    world.writes(server, "123");
    world.writes(server, "far more than four");
    assert_eq!(world.fails_to_write(server, "x"), Error::WouldBlock);
    let write = world.waits_to_write(server, "x");
    assert_eq!(world.reads_up_to(client, 17), "123far more than ");
    assert_eq!(world.answer(write), None);
    assert_eq!(world.reads_up_to(client, 1), "f");
    assert_eq!(world.was_written(write), 1);
    assert_eq!(world.reads(client), "ourx");
}

/// > The two lanes of a duplex instance are independent: what is buffered or waits in one
/// > direction holds up nothing in the other.
///
/// SEMANTICS: instance-duplex
#[test]
fn one_direction_does_not_hold_up_the_other() {
    let mut world = World::with(|settings| settings.capacity_bytes = 4);
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::BOTH);
    let client = world.opens(&pipe, Wanted::BOTH);
    world.writes(server, "full");
    let write = world.waits_to_write(server, "more");
    world.writes(client, "back");
    assert_eq!(world.reads(server), "back");
    assert_eq!(world.reads(client), "full");
    assert_eq!(world.was_written(write), 4);
}

/// > Reading from an end that was not opened for reading, or writing to one not opened for
/// > writing, fails with `EBADF`.
///
/// SEMANTICS: data-wrong-direction
#[test]
fn ends_have_the_direction_that_they_were_opened_for() {
    let mut world = World::new();
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::BOTH);
    let reader = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.fails_to_write(reader, "x"), Error::BadHandle);
    world.opens(&pipe, Wanted::SERVE_BOTH);
    let writer = world.opens(&pipe, Wanted::WRITE);
    assert_eq!(world.fails_to_read(writer), Error::BadHandle);
    world.writes(server, "x");
    assert_eq!(world.reads(reader), "x");
}

/// > returns what the first request found and what is there for the rest; once it has some data
/// > it does not wait for more
///
/// SEMANTICS: read-large
#[test]
fn a_continuation_never_waits() {
    let mut world = World::new();
    let (server, client) = connected(&mut world);
    let nothing = Ok(Progress::Done(pipefs::Data::default()));
    assert_eq!(world.read(client, 9, Blocking::Continuation).1, nothing);
    world.writes(server, "there");
    let (_, rest) = world.read(client, 9, Blocking::Continuation);
    assert!(matches!(rest, Ok(Progress::Done(data)) if data.to_vec() == b"there"));
}

/// > Reads and writes of no bytes succeed and do nothing.
///
/// The kernel answers them itself; a caller of the library finds nothing surprising either.
#[test]
fn empty_reads_and_writes_do_nothing() {
    let mut world = World::new();
    let (server, client) = connected(&mut world);
    world.writes(server, "");
    let read = world.waits_to_read(client);
    world.writes(server, "");
    assert_eq!(world.answer(read), None);
    world.writes(server, "x");
    assert_eq!(world.was_read(read), "x");
    world.writes(server, "y");
    assert_eq!(world.reads_up_to(client, 0), "");
    assert_eq!(world.reads(client), "y");
}

/// > Writes of up to 1 MiB from memory that begins at a page boundary, as that of `cat`, `cp` and
/// > `dd` does, are never mixed with other writers' data
///
/// SEMANTICS: write-atomic
#[test]
fn large_and_small_writes_stay_whole() {
    let mut world = World::with(|settings| settings.mode = pipefs::settings::Mode::Shared);
    let pipe = world.create("p");
    let writers = [(); 2].map(|()| world.opens(&pipe, Wanted::WRITE));
    let reader = world.opens(&pipe, Wanted::READ);
    let parts = ["a".repeat(ADOPT_MIN_BYTES + 1), "b".repeat(100), "c".repeat(1 << 20)];
    world.writes(writers[0], &parts[0]);
    world.writes(writers[1], &parts[1]);
    world.writes(writers[0], &parts[2]);
    let last = world.waits_to_write(writers[1], &parts[2]);
    let mut got = String::new();
    while got.len() < parts[0].len() + 100 + (2 << 20) {
        got += &world.reads_up_to(reader, 70_000);
    }
    assert_eq!(world.was_written(last), 1 << 20);
    let (a, rest) = got.split_at(parts[0].len());
    let (b, c) = rest.split_at(100);
    assert!(a == parts[0] && b == parts[1] && c.bytes().all(|byte| byte == b'c'));
}
