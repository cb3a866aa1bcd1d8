//! Broadcast to many processes: each reader gets all messages in order, or it is known how many it
//! missed, whatever becomes of the others.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use libc::{O_WRONLY, SIGKILL};
use serde_json::Value;

use crate::harness::actor::killed_by;
use crate::harness::calls::attribute;
use crate::harness::deadline::PATIENCE;
use crate::harness::random::Random;
use crate::harness::{Child, Mount, eventually};
use crate::numbered::{END, Id, Messages, Part, Role, number, recorded};
use crate::skip_without_fuse;

const READERS: u64 = 10;

/// How many messages are sent; more of them by the environment variable `PIPEFS_MESSAGES`.
fn messages() -> u32 {
    number("PIPEFS_MESSAGES", 100_000) as u32
}

/// How long a test may take, on a machine that is busy with other things.
const LIFE: Duration = Duration::from_secs(600);

const NO_PAUSES: (u64, Duration) = (u64::MAX, Duration::ZERO);

/// A pipe and what is sent through it.
struct Broadcast {
    mount: Mount,
    path: PathBuf,
    /// Bytes of a message, at least and at most.
    sizes: (usize, usize),
    writers: u32,
    /// How many messages each writer sends, and how many in one write.
    each: u32,
    batch: u32,
}

impl Broadcast {
    /// Small messages, each one write, from one writer.
    fn new(options: &str) -> Self {
        let options = format!("mode=broadcast,type=message,capacity=64K,{options}");
        let mount = Mount::with(&["-o", &options]).lasting(LIFE);
        let path = mount.make("p");
        Self { mount, path, sizes: (16, 4 << 10), writers: 1, each: messages(), batch: 1 }
    }

    fn sent(&self) -> u32 {
        self.writers * self.each
    }

    fn state(&self) -> Value {
        let state = attribute(&self.path, "user.pipefs.state").unwrap();
        serde_json::from_slice(&state).unwrap()
    }

    fn start(&self, role: Role) -> Child {
        Part { path: &self.path, sizes: self.sizes, role }.start()
    }

    /// Starts readers and waits until they wait in open.
    fn readers(&self, pauses: impl Fn(u64) -> (u64, Duration)) -> Vec<Child> {
        let role = |pauses| Role::Reader { opens_at_once: false, pauses, stays: true };
        let readers: Vec<_> = (0..READERS).map(|which| self.start(role(pauses(which)))).collect();
        eventually(PATIENCE, || self.state()["waiting_clients"] == READERS);
        readers
    }

    /// A reader that comes while others are at it, perhaps after the last writer has gone.
    fn late_reader(&self) -> Child {
        self.start(Role::Reader { opens_at_once: true, pauses: NO_PAUSES, stays: true })
    }

    fn writers(&self) -> Vec<Child> {
        let role = |writer| Role::Writer { writer, from: 0, to: self.each, batch: self.batch };
        (0..self.writers).map(|writer| self.start(role(writer))).collect()
    }

    /// Sends everything; none of the writes fails.
    fn send(&self) {
        // Else one writer might have come and gone before the next.
        let holder = (self.writers > 1).then(|| self.mount.open("p", O_WRONLY));
        for mut writer in self.writers() {
            let status = writer.wait(LIFE);
            assert!(status.success(), "{writer:?}");
        }
        drop(holder);
    }

    /// All readers get everything, in one and the same order.
    fn assert_everybody_gets_everything(&self, pauses: impl Fn(u64) -> (u64, Duration)) {
        let mut readers = self.readers(pauses);
        let start = Instant::now();
        self.send();
        let first = all_of(&mut readers[0]);
        assert_in_order(&first);
        assert_eq!(first.len(), self.sent() as usize);
        for reader in &mut readers[1..] {
            assert!(all_of(reader) == first, "{reader:?}");
        }
        eprintln!("{} messages, {} writers: {:?}", self.sent(), self.writers, start.elapsed());
        let state = self.state();
        let totals = &state["totals"];
        let sent_bytes = totals["written_bytes"].as_u64().unwrap();
        assert_eq!(totals["read_bytes"], sent_bytes * READERS, "{totals}");
        assert_eq!((&state["buffered_bytes"], &totals["dropped_count"]), (&0.into(), &0.into()));
    }

    /// Readers of different pace: what each gets and what the pipe says that it missed is all.
    fn assert_all_is_accounted_for(&self) {
        // Three read as fast as they can, the others up to 7 messages in a millisecond.
        let mut readers = self.readers(|which| match which {
            0..3 => NO_PAUSES,
            slow => (slow - 2, Duration::from_millis(1)),
        });
        self.send();
        let got: Vec<_> = readers.iter_mut().map(all_of).collect();
        let state = self.state();
        let messages = Messages::new(self.sizes.0, self.sizes.1);
        let sent_bytes = state["totals"]["written_bytes"].as_u64().unwrap();
        let mut dropped_in_all = 0;
        for (which, (reader, ids)) in readers.iter().zip(&got).enumerate() {
            assert_in_order(ids);
            let says = |what| of_reader(&state, reader, what);
            let (dropped, dropped_bytes) = (says("dropped_count"), says("dropped_bytes"));
            eprintln!("reader {which} got {} messages and missed {dropped}", ids.len());
            assert_eq!(ids.len() as u64 + dropped, u64::from(self.sent()), "reader {which}");
            let got_bytes: u64 = ids.iter().map(|id| messages.length(*id) as u64).sum();
            assert_eq!(got_bytes + dropped_bytes, sent_bytes, "reader {which}");
            assert_eq!((says("buffered_bytes"), says("buffered_messages")), (0, 0));
            assert!(which < 3 || dropped > 0 && !ids.is_empty(), "reader {which} is slow");
            dropped_in_all += dropped;
        }
        assert_eq!(state["totals"]["dropped_count"], dropped_in_all);
    }
}

/// What a reader has got when it has seen the end of file, to which it comes soon.
#[track_caller]
fn all_of(reader: &mut Child) -> Vec<Id> {
    eventually(LIFE, || {
        assert!(reader.ends_within(Duration::ZERO).is_none(), "{reader:?}");
        recorded(reader).last() == Some(&END)
    });
    let mut all = recorded(reader);
    all.pop();
    all
}

/// Asserts that each writer's messages are in order and none is there twice.
fn assert_in_order(ids: &[Id]) {
    let mut next = [0; 16];
    for id in ids {
        let next = &mut next[id.writer as usize];
        assert!(id.number >= *next, "{id:?} after {next}");
        *next = id.number + 1;
    }
}

/// What the pipe's state says of the reader in this process.
fn of_reader(state: &Value, reader: &Child, what: &str) -> u64 {
    let ends = state["instances"][0]["ends"].as_array().unwrap();
    let end = ends.iter().find(|end| end["pid"] == reader.pid());
    end.unwrap_or_else(|| panic!("{} is not in {state}", reader.pid()))[what].as_u64().unwrap()
}

/// SEMANTICS: broadcast-each, broadcast-open, broadcast-own-pace, broadcast-block
///
/// All readers wait in open when the first writer comes; some read slowly.
#[test]
fn each_reader_gets_everything_in_the_same_order() {
    skip_without_fuse!();
    let pauses = |which| match which {
        0..5 => NO_PAUSES,
        slow => (slow + 50, Duration::from_micros(100)),
    };
    Broadcast::new("overflow=block").assert_everybody_gets_everything(pauses);
    let four = Broadcast { writers: 4, each: 5_000, ..Broadcast::new("overflow=block") };
    four.assert_everybody_gets_everything(pauses);
    let lines = Broadcast::new("overflow=block,framing=line");
    let lines = Broadcast { writers: 3, each: 5_000, batch: 5, ..lines };
    lines.assert_everybody_gets_everything(pauses);
}

/// SEMANTICS: broadcast-each, message-limit, write-memory
///
/// Messages of up to the longest, on a mount with memory for less than one for each reader.
#[test]
fn each_reader_gets_large_messages_with_little_memory() {
    skip_without_fuse!();
    let large = Broadcast::new("overflow=block,memory=2M,capacity=16M");
    Broadcast { sizes: (16, (1 << 20) - 4096), writers: 3, each: 1_000, ..large }
        .assert_everybody_gets_everything(|which| (which + 1, Duration::from_micros(100)));
}

/// SEMANTICS: broadcast-overflow
#[test]
fn what_readers_get_and_what_they_miss_is_all_that_was_sent() {
    skip_without_fuse!();
    Broadcast::new("overflow=drop-oldest").assert_all_is_accounted_for();
    let newest = Broadcast::new("overflow=drop-newest");
    Broadcast { writers: 4, each: messages() / 4, ..newest }.assert_all_is_accounted_for();
}

/// SEMANTICS: broadcast-overflow, overflow-lines, overflow-memory
///
/// Lines, several in a write, where memory is short as well.
#[test]
fn what_readers_get_and_what_they_miss_is_all_lines() {
    skip_without_fuse!();
    for overflow in ["drop-oldest", "drop-newest"] {
        let options = format!("overflow={overflow},framing=line,memory=1M,capacity=256K");
        let lines = Broadcast { writers: 2, each: 40_000, batch: 4, ..Broadcast::new(&options) };
        lines.assert_all_is_accounted_for();
    }
}

/// SEMANTICS: broadcast-each, broadcast-block, close-killed
///
/// Readers are killed at any moment, and others come: the writers see nothing of it, and each
/// reader gets an unbroken part of what the first one gets, up to the end or its own.
#[test]
fn readers_come_and_are_killed_while_others_get_everything() {
    skip_without_fuse!();
    let seed = number("PIPEFS_SEED", 0);
    eprintln!("PIPEFS_SEED={seed}");
    let mut random = Random::new(seed);
    let options = "overflow=block";
    let pipe = Broadcast { writers: 2, each: messages() / 5, ..Broadcast::new(options) };
    let mut readers = pipe.readers(|_| NO_PAUSES);
    let mut first = readers.remove(0);
    let holder = pipe.mount.open("p", O_WRONLY);
    let mut writers = pipe.writers();
    let mut killed = Vec::new();
    while writers.iter_mut().any(|writer| writer.ends_within(Duration::ZERO).is_none()) {
        thread::sleep(Duration::from_millis(random.below(100)));
        let mut victim = readers.swap_remove(random.below(readers.len() as u64) as usize);
        victim.signal(SIGKILL);
        let status = victim.wait(PATIENCE);
        assert!(killed_by(status, SIGKILL), "{victim:?}");
        killed.push(recorded(&victim));
        readers.push(pipe.late_reader());
    }
    for writer in &mut writers {
        assert!(writer.wait(PATIENCE).success(), "{writer:?}");
    }
    drop(holder);
    let all = all_of(&mut first);
    assert_in_order(&all);
    assert_eq!(all.len(), pipe.sent() as usize);
    for reader in &mut readers {
        let got = all_of(reader);
        assert!(all.ends_with(&got), "{reader:?} got {} messages", got.len());
    }
    let mut late = 0;
    for got in killed.iter().filter(|got| !got.is_empty()) {
        let start = all.iter().position(|id| *id == got[0]).expect("it was sent");
        assert!(all[start..].starts_with(got), "{} messages from {:?}", got.len(), got[0]);
        late += usize::from(start > 0);
    }
    eprintln!("{} readers killed, {late} of them had come late", killed.len());
    assert!(late > 0, "this has shown nothing");
}
