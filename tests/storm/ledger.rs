//! What the processes of a storm noted, and whether it fits together.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::content::Id;
use crate::harness::sys;

/// What a process notes as it happens. What it notes is there whatever becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Event {
    /// A process has begun.
    Began,
    /// It has a pipe open to read from.
    Reads,
    /// It has left that pipe.
    Left,
    /// All bytes of a stream up to here were accepted.
    Accepted,
    /// The writer has closed its stream, of this length.
    Closed,
    /// A reader leaves that does not know which stream it had, if it had any.
    Blank,
    /// A reader has begun with a stream.
    Met,
    /// It has read a stream to its end, which was here.
    Ended,
    /// A record is about to be written.
    Tries,
    /// It was accepted.
    Sent,
    /// A record was read.
    Got,
}

impl Event {
    const ALL: [Self; 11] = [
        Self::Began,
        Self::Reads,
        Self::Left,
        Self::Accepted,
        Self::Closed,
        Self::Blank,
        Self::Met,
        Self::Ended,
        Self::Tries,
        Self::Sent,
        Self::Got,
    ];
}

/// One line of a process's notes, in the process itself.
pub(super) fn note(event: Event, pipe: usize, stream: u64, number: u64, operations: u64) {
    let words = [event as u64 | (pipe as u64) << 8, stream, number, operations];
    let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_ne_bytes).collect();
    sys::write_raw(1, &bytes);
}

/// All notes of one round.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) operations: u64,
    pub(super) verified_streams: u64,
    pub(super) verified_records: u64,
    pub(super) longest_d: Duration,
    streams: HashMap<u64, Stream>,
    /// By pipe: what was tried, what was accepted, what was read.
    tried: HashMap<usize, HashSet<Id>>,
    sent: HashMap<usize, HashSet<Id>>,
    got: HashMap<usize, HashSet<Id>>,
    /// By pipe: readers that may have taken something with them.
    took_away: HashMap<usize, u64>,
    pub(super) violations: Vec<String>,
}

#[derive(Debug, Default)]
struct Stream {
    pipe: usize,
    accepted: u64,
    closed: Option<u64>,
    met: u32,
    ended: Option<u64>,
}

impl Ledger {
    /// Takes in what a process noted, which has ended.
    pub(super) fn add(&mut self, notes: &[u8]) {
        let (mut reads, mut operations) = (None, 0);
        for note in notes.chunks_exact(32) {
            let word = |at: usize| {
                u64::from_ne_bytes(note[8 * at..8 * at + 8].try_into().expect("eight bytes"))
            };
            let event = Event::ALL[(word(0) & 0xFF) as usize];
            let (pipe, stream, number) = ((word(0) >> 8) as usize, word(1), word(2));
            operations = word(3);
            let id = Id { stream, number: number as u32 };
            match event {
                Event::Began => {}
                Event::Reads => reads = Some(pipe),
                Event::Left => reads = None,
                Event::Tries => drop(self.tried.entry(pipe).or_default().insert(id)),
                Event::Sent => drop(self.sent.entry(pipe).or_default().insert(id)),
                Event::Blank => *self.took_away.entry(pipe).or_default() += 1,
                Event::Got => {
                    if !self.got.entry(pipe).or_default().insert(id) {
                        self.violations.push(format!("pipe {pipe}: {id:x?} was read twice"));
                    }
                }
                _ => self.note_stream(event, pipe, stream, number),
            }
        }
        self.operations += operations;
        if let Some(pipe) = reads {
            *self.took_away.entry(pipe).or_default() += 1;
        }
    }

    fn note_stream(&mut self, event: Event, pipe: usize, stream: u64, number: u64) {
        let known = self.streams.entry(stream).or_default();
        known.pipe = pipe;
        match event {
            Event::Accepted => known.accepted = number,
            Event::Closed => known.closed = Some(number),
            Event::Met => known.met += 1,
            _ => known.ended = Some(number),
        }
    }

    /// Compares what was written with what was read, when all is over and all pipes are empty.
    /// A reader that was killed took one read with it, of at most `most_records`.
    pub(super) fn close(&mut self, most_records: u64) {
        let mut unread: HashMap<usize, u64> = HashMap::new();
        for (id, stream) in &self.streams {
            let Stream { pipe, accepted, closed, met, ended } = *stream;
            let mut wrong = |what: String| {
                self.violations.push(format!("pipe {pipe}, stream {id:#x}: {what}"));
            };
            if met > 1 {
                wrong(format!("{met} readers"));
            }
            match (closed, ended) {
                (Some(written), Some(read)) if written != read => {
                    wrong(format!("{written} bytes were written and {read} read"));
                }
                (None, Some(read)) if read < accepted => {
                    wrong(format!("{accepted} bytes were accepted and {read} read"));
                }
                (_, Some(_)) => self.verified_streams += 1,
                (Some(written), None) if met == 0 && written > 0 => {
                    *unread.entry(pipe).or_default() += 1;
                }
                _ => {}
            }
        }
        for (pipe, count) in unread {
            let gone = self.took_away.get(&pipe).copied().unwrap_or(0);
            if count > gone {
                self.violations.push(format!(
                    "pipe {pipe}: {count} whole streams were read by nobody, but only {gone} \
                     readers left without a word"
                ));
            }
        }
        self.close_records(most_records);
    }

    fn close_records(&mut self, most_records: u64) {
        let none = HashSet::new();
        for (pipe, got) in &self.got {
            let (tried, sent) =
                (self.tried.get(pipe).unwrap_or(&none), self.sent.get(pipe).unwrap_or(&none));
            let lost = sent.difference(got).count() as u64;
            let gone = self.took_away.get(pipe).copied().unwrap_or(0);
            if lost > gone * most_records {
                self.violations.push(format!(
                    "pipe {pipe}: {lost} records are lost, but only {gone} readers were killed"
                ));
            }
            for id in got.difference(tried) {
                self.violations.push(format!("pipe {pipe}: {id:x?} was read, written by nobody"));
            }
            self.verified_records += got.len() as u64;
        }
    }
}
