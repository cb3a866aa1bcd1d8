//! The processes of a storm, and the signals that hit them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use libc::{SIGCONT, SIGINT, SIGKILL, SIGSTOP};

use super::ledger::Ledger;
use super::watch::Watch;
use super::worker::{DRAINER, start};
use crate::harness::actor::killed_by;
use crate::harness::deadline::PATIENCE;
use crate::harness::random::Random;
use crate::harness::{Child, Mount, sys};

/// How many are at work at once.
const CROWD: usize = 64;

/// A signal comes after each such time, in milliseconds, from one up to this.
const BETWEEN_SIGNALS: u64 = 30;

/// How long a stopped process is stopped at most, in milliseconds.
const STOPPED: u64 = 300;

/// What was done to them.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) processes: u64,
    pub(super) interrupts: u64,
    pub(super) kills: u64,
    pub(super) stops: u64,
}

/// A storm of some seconds.
pub(super) struct Crowd<'a> {
    dir: &'a Path,
    driver: i32,
    seed: u64,
    end: Instant,
    random: Random,
    started: u64,
    members: Vec<Child>,
    /// Who is stopped, and until when.
    stopped: Vec<(Instant, usize)>,
    pub(super) counts: Counts,
    pub(super) ledger: Ledger,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(mount: &'a Mount, seed: u64, time: Duration) -> Self {
        let (dir, driver) = (mount.dir(), mount.pid());
        let end = Instant::now() + time;
        let counts = Counts::default();
        let (random, ledger) = (Random::new(!seed), Ledger::default());
        let (members, stopped) = (Vec::new(), Vec::new());
        Self { dir, driver, seed, end, random, started: 0, members, stopped, counts, ledger }
    }

    /// Lets them rage, and waits until all have ended.
    pub(super) fn rage(&mut self) {
        let watch = Watch::start(self.driver);
        for _ in 0..CROWD {
            let next = self.next();
            self.members.push(next);
        }
        while Instant::now() < self.end && self.ledger.violations.is_empty() {
            self.replace_the_ended();
            watch.set(self.members.iter().map(Child::pid));
            self.go_on_with(Instant::now());
            self.signal_somebody();
            thread::sleep(Duration::from_millis(1 + self.random.below(BETWEEN_SIGNALS)));
        }
        self.go_on_with(Instant::now() + Duration::from_millis(STOPPED));
        for member in std::mem::take(&mut self.members) {
            self.take_leave(member);
        }
        let (longest, complaints) = watch.finish();
        self.ledger.longest_d = longest;
        self.ledger.violations.extend(complaints);
        let drainer = Child::spawn(&mut start(self.dir, self.seed, DRAINER, PATIENCE / 2));
        self.take_leave(drainer);
    }

    fn next(&mut self) -> Child {
        self.started += 1;
        self.counts.processes += 1;
        let left = self.end.saturating_duration_since(Instant::now());
        Child::spawn(&mut start(self.dir, self.seed, self.started, left))
    }

    fn replace_the_ended(&mut self) {
        for which in 0..self.members.len() {
            if self.members[which].ends_within(Duration::ZERO).is_some() {
                let next = self.next();
                let ended = std::mem::replace(&mut self.members[which], next);
                self.stopped.retain(|(_, stopped)| *stopped != which);
                self.take_leave(ended);
            }
        }
    }

    /// Takes in what a process noted, once it has ended.
    fn take_leave(&mut self, mut member: Child) {
        let ended = member.ends_within(PATIENCE);
        let notes = member.stdout_bytes();
        self.ledger.add(&notes);
        let fault = match ended {
            None => Some(format!("has not ended: {}", member.state())),
            Some(status) if status.success() || killed_by(status, SIGKILL) => None,
            // Before it could install a handler.
            Some(status) if killed_by(status, SIGINT) && notes.is_empty() => None,
            Some(status) => Some(status.to_string()),
        };
        if let Some(fault) = fault {
            self.ledger.violations.push(format!("a process: {fault}: {}", member.stderr()));
        }
    }

    fn signal_somebody(&mut self) {
        let which = self.random.below(CROWD as u64) as usize;
        let signal = *self.random.pick(&[SIGINT, SIGINT, SIGINT, SIGKILL, SIGKILL, SIGSTOP]);
        match signal {
            SIGINT => self.counts.interrupts += 1,
            SIGKILL => self.counts.kills += 1,
            _ => {
                let time = Duration::from_millis(self.random.below(STOPPED));
                self.stopped.push((Instant::now() + time, which));
                self.counts.stops += 1;
            }
        }
        // It has not been reaped: the number is its own.
        sys::kill(self.members[which].pid(), signal).expect("a child can be signalled");
    }

    /// Lets those go on whose time has come.
    fn go_on_with(&mut self, now: Instant) {
        for (until, which) in std::mem::take(&mut self.stopped) {
            if until <= now {
                sys::kill(self.members[which].pid(), SIGCONT).expect("a child can be signalled");
            } else {
                self.stopped.push((until, which));
            }
        }
    }
}
