//! Kept inputs, and random changes of them from a seed: the same on any machine and toolchain.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use super::{TARGETS, Target};
use random::Random;

#[path = "../model/random.rs"]
#[expect(dead_code, reason = "the model needs more of it")]
mod random;

/// Where what is found is kept, one directory for each target.
const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fuzz/corpus");

/// How many changed inputs a target gets, unless `PIPEFS_FUZZ_MINUTES` says for how long.
const RUNS: [(&str, u64); 3] = [("requests", 1500), ("wire", 100_000), ("text", 30_000)];

/// Seeds the changes, unless `PIPEFS_SEED` does.
const SEED: u64 = 20_261_121;

/// Most bytes of an input.
const MAX_BYTES: usize = 4096;

/// Bytes at which something changes, or that mean something.
const BYTES: &[u8] = b"\0\x01\x7f\x80\xff\\\"'=,/ \n\x1b.-+09";

/// Words that mean something to the targets of text.
const WORDS: [&str; 16] = [
    "mode=shared",
    "capacity=",
    "1T",
    "64K",
    "wait_timeout=5s",
    "linger=flush",
    "type=message",
    "memory=2M",
    "fsname=",
    "allow_other",
    "x-",
    ",",
    "\u{202e}",
    "\u{301}",
    "\\x41",
    " - fuse",
];

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// The kept inputs, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(CORPUS).join(name);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("it can be read")).collect()
}

/// One to four small changes.
fn changed(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let len = random.below(bytes.len() - at + 1).min(16);
        match random.below(8) {
            0 => bytes.insert(at, random.next() as u8),
            1 => drop(bytes.drain(at..at + len)),
            2 => bytes.splice(at..at, random.next().to_le_bytes()).for_each(drop),
            3 => {
                let word = WORDS[random.below(WORDS.len())];
                bytes.splice(at..at, word.bytes()).for_each(drop);
            }
            4 => {
                let from = random.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied()).for_each(drop);
            }
            5 => bytes.extend((0..random.below(64)).map(|_| random.next() as u8)),
            6 if at < bytes.len() => bytes[at] = BYTES[random.below(BYTES.len())],
            7 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
    bytes.truncate(MAX_BYTES);
    bytes
}

/// Runs a target on one input; what it fails on is kept in a file.
fn try_input(name: &str, target: Target, input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let path = env::temp_dir().join(format!("pipefs-fuzz-{name}"));
        let kept = fs::write(&path, input);
        let _ = writeln!(std::io::stderr(), "the input is in {} ({kept:?})", path.display());
        std::panic::resume_unwind(panic);
    }
}

fn fuzz(name: &str) {
    let (_, target) = *TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    let mut inputs = corpus(name);
    inputs.push(Vec::new());
    inputs.iter().for_each(|input| try_input(name, target, input));
    let minutes = number("PIPEFS_FUZZ_MINUTES");
    let (_, runs) = RUNS.into_iter().find(|(known, _)| *known == name).expect("a target");
    let seed = number("PIPEFS_SEED").unwrap_or(SEED);
    let (mut random, start, mut count) = (Random::new(seed), Instant::now(), 0);
    let goes_on = |count| match minutes {
        Some(minutes) => start.elapsed() < Duration::from_secs(60 * minutes),
        None => count < runs,
    };
    while goes_on(count) {
        let [input, other] = [(); 2].map(|()| &inputs[random.below(inputs.len())]);
        let input = changed(input, other, &mut random);
        try_input(name, target, &input);
        count += 1;
        // A chain of changes leads farther than one step from what is kept.
        if random.chance(1) {
            let at = inputs.len() - 1;
            inputs[at] = input;
        }
    }
    let (kept, seconds) = (inputs.len() - 1, start.elapsed().as_secs_f32());
    // Not by a macro: those are kept back where a test passes.
    let line = format!("fuzz {name}: {kept} kept inputs, {count} changed ones in {seconds:.1} s\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

#[test]
fn requests_of_a_strange_kernel() {
    fuzz("requests");
}

#[test]
fn structures_on_the_wire() {
    fuzz("wire");
}

#[test]
fn text_and_names() {
    fuzz("text");
}
