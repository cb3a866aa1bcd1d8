//! What the engine takes for a write and a read in steady state, counted, so that it does not
//! depend on the machine: allocations, copies of the data, and locks.
//!
//! | module | what it is |
//! |---|---|
//! | [`allocator`] | counts the allocations of each thread |
//! | `locks` | a package in place of `parking_lot`, which counts the locks that each thread takes |

extern crate pipefs_costs as pipefs;

mod allocator;

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use pipefs::settings::{Mode, PipeType, Settings};
use pipefs::{
    Answer, Attributes, Blocking, Bounds, Data, Effects, EndId, Engine, Now, Open, Patience,
    Progress, ROOT, Ticket, Wanted, Who,
};

use allocator::allocations;
use parking_lot::taken;

/// The longest message.
const LARGE: usize = (1 << 20) - 4096;
/// Enough for every container to have found its size.
const WARM_UP: u64 = 100;
const ROUNDS: u64 = 1000;

/// A pipe with a writer and a reader, and the caller's part of their calls.
struct Stream {
    engine: Engine,
    effects: Effects,
    writer: EndId,
    reader: EndId,
    tickets: u64,
}

impl Stream {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_users(None, change)
    }

    /// The same where users have a limit of their own.
    fn with_users(user_memory_bytes: Option<u64>, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let attributes = Attributes::new(0o644, 0, 0, SystemTime::UNIX_EPOCH);
        let bounds = Bounds { user_memory_bytes, ..Bounds::memory(u64::MAX) };
        let engine = Engine::new(settings, bounds, attributes);
        let pipe = engine.create(ROOT, b"p", attributes, None).expect("a new name");
        let mut effects = Effects::default();
        let mut tickets = 0;
        let mut open = |wanted| {
            tickets += 1;
            let patience = Patience::Wait;
            let open = Open { wanted, who: Who::default(), patience, reopens: None };
            match engine.open(&pipe, open, Ticket(tickets), Now::read(), &mut effects) {
                Ok(Progress::Done(end)) => end,
                other => panic!("the open gives {other:?}"),
            }
        };
        let (writer, reader) = (open(Wanted::WRITE), open(Wanted::READ));
        Self { engine, effects, writer, reader, tickets }
    }

    fn write(&mut self, data: Bytes) {
        self.tickets += 1;
        let (ticket, now, effects) = (Ticket(self.tickets), Now::read(), &mut self.effects);
        match self.engine.write(self.writer, data, Blocking::Yes, ticket, now, effects) {
            Ok(Progress::Done(_)) => {}
            other => panic!("the write gives {other:?}"),
        }
    }

    fn read(&mut self) -> Option<Data> {
        self.tickets += 1;
        let (ticket, now, effects) = (Ticket(self.tickets), Now::read(), &mut self.effects);
        match self.engine.read(self.reader, LARGE, Blocking::Yes, ticket, now, effects) {
            Ok(Progress::Done(data)) => Some(data),
            Ok(Progress::Waiting) => None,
            Err(error) => panic!("the read is refused: {error:?}"),
        }
    }

    /// What the read that waited got.
    fn answer(&mut self) -> Data {
        match self.effects.answers.pop() {
            Some((_, Answer::Read(data))) if self.effects.answers.is_empty() => data,
            other => panic!("the read that waits gets {other:?}"),
        }
    }

    /// Moves one large block; what was read begins where what was written did. Returns its memory.
    fn moves(&mut self, mut block: BytesMut, reader_first: bool) -> BytesMut {
        block.resize(LARGE, 7);
        let place = block.as_ptr();
        let data = if reader_first {
            assert_eq!(self.read(), None);
            self.write(block.freeze());
            self.answer()
        } else {
            self.write(block.freeze());
            self.read().expect("there is data")
        };
        assert!(matches!(&data[..], [slice] if slice.as_ptr() == place && slice.len() == LARGE));
        let slice = data.into_slices().next().expect("one slice");
        slice.try_into_mut().expect("nobody else holds it")
    }
}

/// A name, and what makes the settings so.
type Kind = (&'static str, fn(&mut Settings));

fn kinds() -> [Kind; 6] {
    [
        ("instance, byte", |_| {}),
        ("instance, message", |settings| settings.pipe_type = PipeType::Message),
        ("shared, byte", |settings| settings.mode = Mode::Shared),
        ("shared, message", |settings| {
            settings.mode = Mode::Shared;
            settings.pipe_type = PipeType::Message;
        }),
        ("broadcast, byte", |settings| settings.mode = Mode::Broadcast),
        ("broadcast, message", |settings| {
            settings.mode = Mode::Broadcast;
            settings.pipe_type = PipeType::Message;
        }),
    ]
}

/// A large write goes through in the caller's own memory: no copy, and no allocation.
#[test]
fn a_large_write_is_neither_copied_nor_allocated() {
    for (kind, change) in kinds() {
        for reader_first in [false, true] {
            let mut stream = Stream::new(change);
            let mut block = BytesMut::with_capacity(LARGE);
            // Split once, it counts its users; before, freezing it would allocate a counter.
            drop(block.split());
            for _ in 0..WARM_UP {
                block = stream.moves(block, reader_first);
            }
            let made = allocations(|| {
                for _ in 0..ROUNDS {
                    block = stream.moves(std::mem::take(&mut block), reader_first);
                }
            });
            assert_eq!(made, 0, "{kind}, reader first: {reader_first}");
        }
    }
}

/// Small writes are gathered in chunks, and a chunk is for many writes.
#[test]
fn small_writes_allocate_less_than_once_in_ten() {
    let data = Bytes::from(vec![7; 64]);
    for (kind, change) in kinds() {
        let mut stream = Stream::new(change);
        let mut round = || {
            stream.write(data.clone());
            assert_eq!(stream.read().expect("there is data").byte_len(), data.len());
        };
        (0..WARM_UP).for_each(|_| round());
        let made = allocations(|| (0..ROUNDS).for_each(|_| round()));
        assert!(made * 10 <= ROUNDS, "{kind}: {made} allocations for {ROUNDS} writes and reads");
    }
}

/// A read that waits costs nothing but its place in tables that are there already.
#[test]
fn a_read_that_waits_allocates_nothing() {
    let data = Bytes::from(vec![7; 64]);
    for (kind, change) in kinds() {
        let mut stream = Stream::new(change);
        let mut round = || {
            assert_eq!(stream.read(), None);
            stream.write(data.clone());
            assert_eq!(stream.answer().byte_len(), data.len());
        };
        (0..WARM_UP).for_each(|_| round());
        let made = allocations(|| (0..ROUNDS).for_each(|_| round()));
        assert_eq!(made, 0, "{kind}: {made} allocations for {ROUNDS} reads that waited");
    }
}

/// A write takes the list of ends, the pipe, and the list of those that wait for memory; so does a
/// read.
#[test]
fn a_write_and_a_read_take_three_locks_each() {
    for data in [Bytes::from(vec![7; 64]), Bytes::from(vec![7; LARGE])] {
        for (kind, change) in kinds() {
            let mut stream = Stream::new(change);
            for _ in 0..WARM_UP {
                let written = taken(|| stream.write(data.clone()));
                let mut left = data.len();
                while left > 0 {
                    let read = taken(|| left -= stream.read().expect("there is data").byte_len());
                    assert_eq!(read, 3, "{kind}: a read");
                }
                assert_eq!(written, 3, "{kind}: a write");
            }
        }
    }
}

/// What waits is noted, so that a signal finds it: one lock more, and one for the answer.
#[test]
fn a_read_that_waits_takes_one_lock_more() {
    let data = Bytes::from(vec![7; 64]);
    for (kind, change) in kinds() {
        let mut stream = Stream::new(change);
        for _ in 0..WARM_UP {
            let waiting = taken(|| assert_eq!(stream.read(), None));
            let written = taken(|| stream.write(data.clone()));
            assert_eq!(stream.answer().byte_len(), data.len());
            assert_eq!((waiting, written), (4, 4), "{kind}");
        }
    }
}

/// A limit for users costs no lock and, in steady state, no allocation: whose bytes they are is
/// noted where there is room for it already.
#[test]
fn a_limit_for_users_takes_no_lock_and_no_allocation() {
    let data = Bytes::from(vec![7; 64]);
    for (kind, change) in kinds() {
        let mut free = Stream::new(change);
        let mut limited = Stream::with_users(Some(u64::MAX), change);
        let round = |stream: &mut Stream| {
            let locks = taken(|| {
                stream.write(data.clone());
                assert_eq!(stream.read().expect("there is data").byte_len(), data.len());
            });
            assert_eq!(locks, 6, "{kind}");
        };
        let mut made = [&mut free, &mut limited].into_iter().map(|stream| {
            (0..WARM_UP).for_each(|_| round(stream));
            allocations(|| (0..ROUNDS).for_each(|_| round(stream)))
        });
        assert_eq!(made.next(), made.next(), "{kind}");
    }
}
