//! Work queues: processes that write messages to one pipe and processes that take them from it,
//! while some are killed at any moment and others take their places.
//!
//! `PIPEFS_MESSAGES=1000000` sends more of them, `PIPEFS_SEED=7` chooses other moments.

use std::collections::HashSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use libc::{O_RDWR, SIGKILL};
use serde_json::{Value, json};

use crate::harness::actor::killed_by;
use crate::harness::calls::attribute;
use crate::harness::deadline::PATIENCE;
use crate::harness::random::Random;
use crate::harness::{Child, Mount};
use crate::numbered::{Id, Messages, Part, Role, number, recorded};
use crate::skip_without_fuse;

/// How many processes write, and how many read.
const WRITERS: u32 = 8;
const READERS: u32 = 8;

/// The time between two kills, on average.
const BETWEEN_KILLS: Duration = Duration::from_millis(60);

/// How many are killed one right after the other, at most.
const MOST_AT_ONCE: u64 = 4;

/// How long a queue may take, on a machine that is busy with other things.
const LIFE: Duration = Duration::from_secs(600);

/// One queue and what goes through it.
struct Queue {
    options: &'static str,
    /// Bytes of a message, newline included, at least and at most.
    sizes: (usize, usize),
    /// How many messages are one write.
    batch: u32,
    /// How many messages each writer writes, a multiple of that.
    each: u32,
}

/// Where a process works; when it is killed, another one takes its place.
struct Place {
    child: Child,
    /// None: it reads.
    writer: Option<u32>,
    /// Where the writer began.
    from: u32,
    done: bool,
    killed: usize,
    /// What each process of this place has written or read; of a write the first message.
    recorded: Vec<Vec<Id>>,
    /// The first message of each write of which nobody knows whether it was accepted.
    doubtful: Vec<Id>,
}

impl Queue {
    fn process(&self, mount: &Mount, writer: Option<u32>, from: u32) -> Child {
        let role = match writer {
            Some(writer) => Role::Writer { writer, from, to: self.each, batch: self.batch },
            // It does not wait for a writer in open: the last may have gone already.
            None => Role::Reader {
                opens_at_once: true,
                pauses: (u64::MAX, Duration::ZERO),
                stays: false,
            },
        };
        Part { path: &mount.path("queue"), sizes: self.sizes, role }.start()
    }

    fn place(&self, mount: &Mount, writer: Option<u32>) -> Place {
        Place {
            child: self.process(mount, writer, 0),
            writer,
            from: 0,
            done: false,
            killed: 0,
            recorded: Vec::new(),
            doubtful: Vec::new(),
        }
    }

    /// Kills the process of a place in whatever it is doing; one that goes on after it begins.
    fn kill(&self, mount: &Mount, place: &mut Place) {
        place.child.signal(SIGKILL);
        let status = place.child.wait(PATIENCE);
        if !killed_by(status, SIGKILL) {
            return place.ended();
        }
        let records = recorded(&place.child);
        place.killed += 1;
        if let Some(writer) = place.writer {
            let next = records.last().map_or(place.from, |last| last.number + self.batch);
            if next < self.each {
                place.doubtful.push(Id { writer, number: next });
            }
            place.from = next + self.batch;
            place.done = place.from >= self.each;
        }
        place.recorded.push(records);
        if !place.done {
            place.child = self.process(mount, place.writer, place.from);
        }
    }

    /// Lets all of it happen; gives the places of the writers and those of the readers.
    fn play(&self, mount: &Mount, random: &mut Random) -> (Vec<Place>, Vec<Place>) {
        // While this is open, readers see no end and writers no broken pipe.
        let holder = mount.open("queue", O_RDWR);
        let who = (0..WRITERS).map(Some).chain((0..READERS).map(|_| None));
        let mut places: Vec<_> = who.map(|writer| self.place(mount, writer)).collect();
        let deadline = Instant::now() + LIFE;
        while places.iter().any(|place| place.writer.is_some() && !place.done) {
            assert!(Instant::now() < deadline, "not finished within {LIFE:?}");
            thread::sleep(BETWEEN_KILLS.mul_f64(random.below(2000) as f64 / 1000.0));
            for place in places.iter_mut().filter(|place| !place.done) {
                if place.child.ends_within(Duration::ZERO).is_some() {
                    place.ended();
                }
            }
            for _ in 0..=random.below(MOST_AT_ONCE) {
                let victim = random.below(places.len() as u64) as usize;
                if !places[victim].done {
                    self.kill(mount, &mut places[victim]);
                }
            }
        }
        drop(holder);
        let mut readers = places.split_off(WRITERS as usize);
        for reader in &mut readers {
            reader.child.wait(PATIENCE);
            reader.ended();
        }
        (places, readers)
    }

    /// All of it, with the pipe empty and left by all in the end.
    fn assert_works(&self) {
        let seed = number("PIPEFS_SEED", 0);
        let mount = Mount::with(&["-o", self.options]).lasting(LIFE);
        let path = mount.make("queue");
        let start = Instant::now();
        let (writers, readers) = self.play(&mount, &mut Random::new(seed));
        let time = start.elapsed();
        let killed = |places: &[Place]| places.iter().map(|place| place.killed).sum::<usize>();
        let (killed_writers, killed_readers) = (killed(&writers), killed(&readers));
        eprintln!(
            "PIPEFS_SEED={seed}: {} messages in {time:?}, {killed_writers} writers and \
             {killed_readers} readers killed",
            self.each * WRITERS
        );
        let state = |path: &Path| -> Value {
            serde_json::from_slice(&attribute(path, "user.pipefs.state").unwrap()).unwrap()
        };
        let pipe = state(&path);
        assert_eq!((&pipe["buffered_bytes"], &pipe["waiting_clients"]), (&0.into(), &0.into()));
        assert_eq!(pipe["instances"], json!([]), "nobody has it open");
        let all = state(mount.dir());
        for what in ["ends", "waiting_operations", "memory_used_bytes"] {
            assert_eq!(all[what], 0, "{what}: {all}");
        }
        self.assert_each_was_read_once(&pipe["totals"], &writers, &readers, killed_readers);
    }

    /// What was read, for each writer and each of its messages.
    fn seen(&self, readers: &[Place]) -> Vec<Vec<bool>> {
        let mut seen = vec![vec![false; self.each as usize]; WRITERS as usize];
        for records in readers.iter().flat_map(|reader| &reader.recorded) {
            let mut last = [None; WRITERS as usize];
            for id in records {
                let Id { writer, number } = *id;
                let seen = &mut seen[writer as usize][number as usize];
                assert!(!std::mem::replace(seen, true), "{id:?} was read twice");
                let before = last[writer as usize].replace(number);
                assert!(before < Some(number), "{id:?} was read after {before:?}");
            }
        }
        seen
    }

    /// Asserts that each message was read once, but for what killed processes had in hand.
    fn assert_each_was_read_once(
        &self,
        totals: &Value,
        writers: &[Place],
        readers: &[Place],
        killed_readers: usize,
    ) {
        let seen = self.seen(readers);
        let messages = Messages::new(self.sizes.0, self.sizes.1);
        let (mut lost, mut known_bytes, mut doubtful_bytes) = (0, 0, 0);
        for (place, seen) in writers.iter().zip(&seen) {
            let doubtful: HashSet<usize> =
                place.doubtful.iter().map(|first| first.number as usize).collect();
            let writes = place.recorded.iter().flatten().count() + doubtful.len();
            assert_eq!(writes, (self.each / self.batch) as usize, "all was tried");
            for (which, batch) in seen.chunks(self.batch as usize).enumerate() {
                let first = which * self.batch as usize;
                let ids = (first as u32..).take(batch.len());
                let ids = ids.map(|number| Id { writer: place.writer.unwrap(), number });
                let bytes: u64 = ids.map(|id| messages.length(id) as u64).sum();
                // A write of which something was read has been accepted as a whole.
                if batch.contains(&true) || !doubtful.contains(&first) {
                    known_bytes += bytes;
                    lost += batch.iter().filter(|seen| !**seen).count();
                } else {
                    doubtful_bytes += bytes;
                }
            }
        }
        eprintln!("{lost} messages were lost with their readers");
        assert!(lost <= killed_readers, "{lost} messages, {killed_readers} readers killed");
        let counted = totals["read_bytes"].as_u64().unwrap();
        let expected = known_bytes..=known_bytes + doubtful_bytes;
        assert!(expected.contains(&counted), "{counted} bytes were read, not {expected:?}");
        for (name, count) in
            [("written_bytes", counted), ("discarded_bytes", 0), ("dropped_count", 0)]
        {
            assert_eq!(totals[name], count, "{name}: {totals}");
        }
    }
}

impl Place {
    /// The process has ended by itself: all is done.
    fn ended(&mut self) {
        let status = self.child.wait(Duration::ZERO);
        assert!(status.success(), "{:?}", self.child);
        self.done = true;
        self.recorded.push(recorded(&self.child));
    }
}

/// SEMANTICS: message-queue, close-killed
#[test]
fn each_job_is_done_once_whoever_is_killed() {
    skip_without_fuse!();
    let total = number("PIPEFS_MESSAGES", 1_000_000) as u32;
    Queue {
        options: "mode=shared,type=message,capacity=64K",
        sizes: (16, 16 << 10),
        batch: 1,
        each: total / WRITERS,
    }
    .assert_works();
}

/// SEMANTICS: message-queue, message-limit, write-memory
///
/// Jobs of up to the longest message, on a mount that has memory for a few of them.
#[test]
fn each_large_job_is_done_once() {
    skip_without_fuse!();
    Queue {
        options: "mode=shared,type=message,capacity=16M,memory=2M",
        sizes: (16, (1 << 20) - 4096),
        batch: 1,
        each: 2_500,
    }
    .assert_works();
}

/// SEMANTICS: message-queue, message-line
///
/// Several lines a write: each line goes to one reader, and of a killed writer's last write all
/// of them arrive or none.
#[test]
fn each_line_is_read_once() {
    skip_without_fuse!();
    Queue {
        options: "mode=shared,type=message,framing=line,capacity=16K",
        sizes: (16, 4 << 10),
        batch: 5,
        each: 20_000,
    }
    .assert_works();
}

/// SEMANTICS: shared-compete, write-atomic
///
/// A byte pipe keeps no boundaries; but records of one size stay whole for who reads so many bytes.
#[test]
fn each_record_of_a_byte_pipe_is_read_once() {
    skip_without_fuse!();
    Queue { options: "mode=shared,capacity=4K", sizes: (64, 64), batch: 1, each: 12_500 }
        .assert_works();
}
