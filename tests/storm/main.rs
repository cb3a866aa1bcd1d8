//! Many processes do everything that can be done with pipes, while signals hit them: nothing is
//! lost, doubled or changed, nobody hangs, and the driver is as it was before.
//!
//! | module | what it has |
//! |---|---|
//! | [`crowd`] | start here: the processes, and the signals |
//! | [`worker`] | one process: what it does next |
//! | [`sessions`] | what it does with one open file |
//! | [`pipes`] | the pipes |
//! | [`content`] | bytes that say where they belong |
//! | [`ledger`] | what was noted, and whether it fits together |
//! | [`watch`] | who is in uninterruptible sleep |
//!
//! It is alone in its test binary: it takes all of the machine, and others measure times there.
//! `scripts/soak.sh` runs it for long; docs/RELIABILITY.md says more.

#[path = "../harness/mod.rs"]
mod harness;

mod content;
mod crowd;
mod ledger;
mod pipes;
mod sessions;
mod watch;
mod worker;

use std::env;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::crowd::{Counts, Crowd};
use self::pipes::{KEPT, PIPES, directory, names, state};
use self::sessions::MOST_RECORDS;
use crate::harness::Mount;
use crate::harness::deadline::{PATIENCE, comes_true};

/// How long one round takes, after which everything is looked at.
const ROUND: Duration = Duration::from_secs(9);

/// What the driver may have of memory when nothing is buffered, in bytes: half as much again as it
/// should have beside what is, which it exceeded once in a hundred rounds. A leak of a few hundred
/// bytes for each process comes to that in an hour or two.
const MOST_BYTES: u64 = 48 << 20;

const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(5);

/// What many rounds did.
#[derive(Default)]
struct Total {
    rounds: u64,
    counts: Counts,
    operations: u64,
    streams: u64,
    records: u64,
    longest_d: Duration,
}

/// SEMANTICS: close-killed, wait-no-d-state, wait-interrupt, write-atomic, message-queue
#[test]
fn a_storm_of_processes_and_signals_loses_nothing() {
    skip_without_fuse!();
    let seed = environment("PIPEFS_STORM_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let time = Duration::from_secs(60 * environment("PIPEFS_STORM_MINUTES").unwrap_or(0));
    let mount = Mount::with(&["-o", "memory=64M"]).lasting(time + Duration::from_secs(120));
    let (mut total, start) = (Total::default(), Instant::now());
    while total.rounds < 2 || start.elapsed() < time {
        let seed = seed + total.rounds;
        let rss_bytes = total.round(&mount, seed);
        assert!(
            rss_bytes <= MOST_BYTES,
            "PIPEFS_STORM_SEED={seed}: the driver has {rss_bytes} bytes for nothing"
        );
        total.print(seed, start.elapsed(), rss_bytes);
    }
}

fn environment(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}

impl Total {
    /// One round, and what is left of it: nothing. Returns the driver's memory after it.
    fn round(&mut self, mount: &Mount, seed: u64) -> u64 {
        pipes::make_all(mount);
        let mut crowd = Crowd::new(mount, seed, ROUND);
        crowd.rage();
        let Crowd { counts, mut ledger, .. } = crowd;
        ledger.close(MOST_RECORDS);
        for pipe in 0..KEPT {
            ledger.violations.extend(left_in(mount.dir(), pipe));
        }
        for pipe in 0..PIPES {
            names(mount.dir(), pipe).iter().for_each(|name| drop(fs::remove_file(name)));
            let _ = fs::remove_dir(directory(mount.dir(), pipe).join("inner"));
            let removed = fs::remove_dir(directory(mount.dir(), pipe));
            removed.expect("the directory of a pipe is empty");
        }
        let nothing = json!({
            "pipes": 0, "directories": 1, "ends": 0, "doors": 0,
            "waiting_operations": 0, "memory_used_bytes": 0,
        });
        let now = || state(mount.dir()).expect("the root has a state");
        if !comes_true(PATIENCE, || has_all(&now(), &nothing)) {
            ledger.violations.push(format!("not everything has gone: {}", now()));
        }
        let found = ledger.violations.join("\n");
        assert!(found.is_empty(), "PIPEFS_STORM_SEED={seed} finds violations:\n{found}");
        self.rounds += 1;
        self.counts.processes += counts.processes;
        self.counts.interrupts += counts.interrupts;
        self.counts.kills += counts.kills;
        self.counts.stops += counts.stops;
        self.operations += ledger.operations;
        self.streams += ledger.verified_streams;
        self.records += ledger.verified_records;
        self.longest_d = self.longest_d.max(ledger.longest_d);
        // The allocator gets some time to give memory back.
        comes_true(GIVEN_BACK_WITHIN, || mount.rss_bytes() <= MOST_BYTES);
        mount.rss_bytes()
    }

    fn print(&self, seed: u64, time: Duration, rss_bytes: u64) {
        let Self { rounds, counts, operations, streams, records, longest_d } = self;
        let Counts { processes, interrupts, kills, stops } = counts;
        eprintln!(
            "storm: {} s, {rounds} rounds, the last with PIPEFS_STORM_SEED={seed}: {processes} \
             processes, signals: {interrupts} SIGINT, {kills} SIGKILL, {stops} SIGSTOP; \
             {operations} operations, {streams} streams and {records} records verified, longest \
             state D {} ms, driver {} KiB, violations: 0",
            time.as_secs(),
            longest_d.as_millis(),
            rss_bytes >> 10
        );
    }
}

/// What is wrong with a pipe that is kept, when all have left it and it was emptied.
fn left_in(dir: &Path, pipe: usize) -> Vec<String> {
    let states = names(dir, pipe).map(|name| state(&name));
    let Some(Ok(state)) = states.into_iter().find(Result::is_ok) else {
        return vec![format!("pipe {pipe} has gone")];
    };
    let idle = json!({ "buffered_bytes": 0, "waiting_clients": 0, "instances": [] });
    let total = |what: &str| state["totals"][what].as_u64().expect("a number");
    let is_broadcast = matches!(pipes::kind(pipe), pipes::Kind::Broadcast { .. });
    let out = total("read_bytes") + total("discarded_bytes") + total("dropped_bytes");
    let balanced = is_broadcast || total("written_bytes") == out;
    match has_all(&state, &idle) && balanced {
        true => Vec::new(),
        false => vec![format!("pipe {pipe} is not as it was: {state}")],
    }
}

/// Whether all members of `wanted` are as they are there.
fn has_all(state: &Value, wanted: &Value) -> bool {
    wanted.as_object().expect("an object").iter().all(|(name, value)| state[name] == *value)
}
