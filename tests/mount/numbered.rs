//! Numbered messages, each byte of which can be checked, and the processes that pass them on.
//!
//! A process of such a test is this test binary again, with one of its tests that are marked as
//! ignored. What it has done it says on its standard error, a record at a time: that is a file in
//! memory, so it is there whatever happens to the process afterwards.

use std::{env, iter};

use serde_json::Value;

use crate::harness::random::Random;
use crate::harness::{Child, command, sys};

/// Who wrote a message, and which of its writer's messages it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id {
    pub(crate) writer: u32,
    pub(crate) number: u32,
}

impl Id {
    fn to_record(self) -> u64 {
        u64::from(self.writer) << 32 | u64::from(self.number)
    }

    fn from_record(record: u64) -> Self {
        Self { writer: (record >> 32) as u32, number: record as u32 }
    }
}

/// Digits that a message begins with: the writer and the number, in hexadecimal.
const HEADER_BYTES: usize = 12;

/// The messages of one test. Each is a line: digits, letters that follow from them, a newline.
/// Most are short, one in 32 is longer.
pub(crate) struct Messages {
    shortest: usize,
    longest: usize,
    letters: Vec<u8>,
}

/// Where the letters of a message may begin.
const STARTS: u64 = 4096;

impl Messages {
    /// Messages of at least 16 bytes, newline included.
    pub(crate) fn new(shortest: usize, longest: usize) -> Self {
        let mut random = Random::new(0);
        let letters = iter::repeat_with(|| random.next().to_ne_bytes()).flatten();
        let letters = letters.map(|byte| b'a' + byte % 16).take(longest + STARTS as usize);
        Self { shortest, longest, letters: letters.collect() }
    }

    /// As the parts of a test hand it on.
    pub(crate) fn from_part(what: &Value) -> Self {
        let size = |key: &str| what[key].as_u64().expect("a part knows its sizes") as usize;
        Self::new(size("shortest"), size("longest"))
    }

    /// How many bytes the longest may have.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// How many bytes a message has.
    pub(crate) fn length(&self, id: Id) -> usize {
        let mut random = Random::new(id.to_record());
        let most = match random.below(64) {
            0 => self.longest,
            1 => self.longest / 16,
            _ => 256,
        };
        let most = most.clamp(self.shortest, self.longest) - self.shortest;
        self.shortest + random.below(most as u64 + 1) as usize
    }

    fn letters(&self, id: Id) -> &[u8] {
        let start = Random::new(!id.to_record()).below(STARTS) as usize;
        &self.letters[start..][..self.length(id) - HEADER_BYTES - 1]
    }

    /// Appends a message.
    pub(crate) fn append(&self, id: Id, to: &mut Vec<u8>) {
        to.extend_from_slice(format!("{:04x}{:08x}", id.writer, id.number).as_bytes());
        to.extend_from_slice(self.letters(id));
        to.push(b'\n');
    }

    /// Which message this begins with, and its length; it has to be all there.
    ///
    /// # Panics
    /// When it is none, or not as it was written.
    pub(crate) fn check(&self, bytes: &[u8]) -> (Id, usize) {
        let header = bytes.get(..HEADER_BYTES).and_then(|header| str::from_utf8(header).ok());
        let number = |digits| u32::from_str_radix(digits, 16).ok();
        let id = header.map(|header| header.split_at(4)).and_then(|(writer, which)| {
            Some(Id { writer: number(writer)?, number: number(which)? })
        });
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
        let id = id.unwrap_or_else(|| panic!("{} bytes, no message: {start}", bytes.len()));
        let length = self.length(id);
        let rest = bytes.get(HEADER_BYTES..length).and_then(|rest| rest.strip_suffix(b"\n"));
        assert!(rest == Some(self.letters(id)), "{} of {length} bytes: {start}", bytes.len());
        (id, length)
    }
}

/// The variable in a part's environment that says what it has to do.
const PART: &str = "PIPEFS_TEST_PART";

/// Starts a test that is a part of another one, in a process of its own.
#[track_caller]
pub(crate) fn start(test: &str, what: &Value) -> Child {
    let mut command = command("/proc/self/exe");
    command.args(["--exact", "--ignored", test]).env(PART, what.to_string());
    Child::spawn(&mut command)
}

/// In a part: what it has to do.
pub(crate) fn part() -> Value {
    let text = env::var(PART).expect("this is a part of another test, which starts it");
    serde_json::from_str(&text).expect("the other test says what is to be done")
}

/// In a part: records that a message has been written, or read.
pub(crate) fn record(id: Id) {
    sys::write_raw(2, &id.to_record().to_ne_bytes());
}

/// What a part has recorded so far.
pub(crate) fn recorded(part: &Child) -> Vec<Id> {
    let bytes = part.stderr_bytes();
    let records = bytes.chunks_exact(8).map(|record| record.try_into().expect("8 bytes"));
    records.map(|record| Id::from_record(u64::from_ne_bytes(record))).collect()
}

/// A number from the environment, for more or fewer of something than a test usually takes.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
