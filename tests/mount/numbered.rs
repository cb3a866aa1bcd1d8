//! Numbered messages, each byte of which can be checked, and the processes that pass them on.
//!
//! A process of such a test is this test binary again, with one of the two tests here that are
//! marked as ignored. What it has written or read it says on its standard error, a record at a
//! time: that is a file in memory, so it is there whatever happens to the process afterwards.

use std::path::Path;
use std::time::Duration;
use std::{env, iter, thread};

use libc::{O_NONBLOCK, O_RDONLY, O_WRONLY};
use serde_json::{Value, json};

use crate::harness::random::Random;
use crate::harness::{Child, Fd, command, sys};

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

/// What a reader records that has seen the end of file.
pub(crate) const END: Id = Id { writer: u32::MAX, number: u32::MAX };

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

/// What a process does.
pub(crate) struct Part<'a> {
    pub(crate) path: &'a Path,
    /// Bytes of a message, at least and at most.
    pub(crate) sizes: (usize, usize),
    pub(crate) role: Role,
}

/// Whether it writes or reads.
pub(crate) enum Role {
    /// Writes the messages with these numbers, so many in each write, and ends.
    Writer { writer: u32, from: u32, to: u32, batch: u32 },
    /// Reads until the end of file.
    Reader {
        /// It opens with `O_NONBLOCK`, so that its open does not wait for a writer; its reads do.
        opens_at_once: bool,
        /// It waits so long after each so many messages.
        pauses: (u64, Duration),
        /// It records the end of file, and keeps the pipe open until it is killed.
        stays: bool,
    },
}

/// The variable in a part's environment that says what it has to do.
const PART: &str = "PIPEFS_TEST_PART";

impl Part<'_> {
    /// Starts the process.
    #[track_caller]
    pub(crate) fn start(&self) -> Child {
        let (test, numbers) = match self.role {
            Role::Writer { writer, from, to, batch } => {
                ("numbered::a_writer", [writer, from, to, batch].map(u64::from))
            }
            Role::Reader { opens_at_once, pauses: (messages, pause), stays } => {
                let (opens_at_once, stays) = (u64::from(opens_at_once), u64::from(stays));
                let microseconds = pause.as_micros() as u64;
                ("numbered::a_reader", [opens_at_once, stays, messages, microseconds])
            }
        };
        let (shortest, longest) = self.sizes;
        let what = json!({ "path": self.path, "sizes": [shortest, longest], "numbers": numbers });
        let mut command = command("/proc/self/exe");
        command.args(["--exact", "--ignored", test]).env(PART, what.to_string());
        Child::spawn(&mut command)
    }
}

/// In a part: the path, the messages and the numbers that it was given.
fn part() -> (String, Messages, [u64; 4]) {
    let text = env::var(PART).expect("this is a part of another test, which starts it");
    let what: Value = serde_json::from_str(&text).expect("the other test says what is to be done");
    let number = |of: &str, at: usize| what[of][at].as_u64().expect("it says how");
    let messages = Messages::new(number("sizes", 0) as usize, number("sizes", 1) as usize);
    let path = what["path"].as_str().expect("it says where").to_owned();
    (path, messages, [0, 1, 2, 3].map(|at| number("numbers", at)))
}

/// In a part: records that a message has been written, or read.
fn record(id: Id) {
    sys::write_raw(2, &id.to_record().to_ne_bytes());
}

/// What a part has recorded so far; of a write the first message.
pub(crate) fn recorded(part: &Child) -> Vec<Id> {
    let bytes = part.stderr_bytes();
    let records = bytes.chunks_exact(8).map(|record| record.try_into().expect("8 bytes"));
    records.map(|record| Id::from_record(u64::from_ne_bytes(record))).collect()
}

/// A number from the environment, for more or fewer of something than a test usually takes.
pub(crate) fn number(variable: &str, usual: u64) -> u64 {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
#[ignore = "each_job_is_done_once_whoever_is_killed starts it"]
fn a_writer() {
    let (path, messages, numbers) = part();
    let [writer, from, to, batch] = numbers.map(|number| number as u32);
    let pipe = Fd::open(path, O_WRONLY).unwrap();
    let mut bytes = Vec::new();
    for first in (from..to).step_by(batch as usize) {
        bytes.clear();
        (first..first + batch)
            .for_each(|number| messages.append(Id { writer, number }, &mut bytes));
        assert_eq!(pipe.write(&bytes), Ok(bytes.len()));
        record(Id { writer, number: first });
    }
}

#[test]
#[ignore = "each_job_is_done_once_whoever_is_killed starts it"]
fn a_reader() {
    let (path, messages, [opens_at_once, stays, messages_to_pause, microseconds]) = part();
    let nonblocking = if opens_at_once == 1 { O_NONBLOCK } else { 0 };
    let pipe = Fd::open(path, O_RDONLY | nonblocking).unwrap();
    pipe.set_nonblocking(false).unwrap();
    let mut buffer = vec![0; messages.longest];
    for which in 1.. {
        let count = pipe.read_into(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        let (id, length) = messages.check(&buffer[..count]);
        record(id);
        assert_eq!(length, count, "{id:?} is not alone");
        if which % messages_to_pause == 0 {
            thread::sleep(Duration::from_micros(microseconds));
        }
    }
    if stays == 1 {
        record(END);
        thread::sleep(Duration::from_secs(600));
    }
}
