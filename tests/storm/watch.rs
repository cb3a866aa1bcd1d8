//! Looks out for processes in uninterruptible sleep, without taking much of the machine.
//!
//! A process that was signalled while a request of it is being answered counts as uninterruptible,
//! so a driver that has to wait for a CPU keeps it there: that time is allowed for.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::harness::Task;
use crate::harness::process::{Stat, tasks};
use crate::harness::sampler::LONGEST_D;

/// How often the states are read.
const PERIOD: Duration = Duration::from_millis(20);

/// How much later than that a reading comes on a machine that has too much to do. Then who is
/// waited for may wait for its turn, too.
const LATE: Duration = Duration::from_millis(15);

/// What the kernel is at for a process that only changes or leaves its memory. It takes locks there
/// that it shares with whoever runs the same program, and on a busy machine waits for them.
const OWN_MEMORY: [&str; 3] = ["mmput", "mmap", "_vma"];

/// A stay in state D that no busy machine explains.
const HUNG_D: Duration = Duration::from_secs(1);

/// Reads the states of processes in a thread of its own.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Mutex<Shared>>,
    reader: Option<Task<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    watched: Vec<i32>,
    finished: bool,
    driver: i32,
    /// How long the driver's threads have waited for a CPU, all in all.
    driver_waited: Duration,
    /// Of each of them how long it has run, and has waited, as of the last look.
    driver_threads: HashMap<i32, (Duration, Duration)>,
    last_look: Option<Instant>,
    /// Who was in D at the last reading.
    in_d: HashMap<i32, Stay>,
    longest: Duration,
    complaints: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
struct Stay {
    since: Instant,
    /// Its count of sleeps: while this stays it is the same one.
    sleeps: u64,
    /// How late readings have come since.
    late: Duration,
    /// [`Shared::driver_waited`] when it began.
    driver_waited: Duration,
}

impl Watch {
    pub(super) fn start(driver: i32) -> Self {
        let shared = Arc::new(Mutex::new(Shared { driver, ..Shared::default() }));
        let theirs = Arc::clone(&shared);
        let reader = Task::spawn(move || {
            let mut last = Instant::now();
            while !theirs.lock().finished {
                thread::sleep(PERIOD);
                let late = last.elapsed().saturating_sub(PERIOD);
                last = Instant::now();
                theirs.lock().read_all(late);
            }
        });
        Self { shared, reader: Some(reader) }
    }

    /// Watches these processes, which have one thread each, and no others.
    pub(super) fn set(&self, pids: impl Iterator<Item = i32>) {
        self.shared.lock().watched = pids.collect();
    }

    /// Ends the watch: the longest stay in state D, and what was wrong.
    pub(super) fn finish(mut self) -> (Duration, Vec<String>) {
        self.shared.lock().finished = true;
        self.reader.take().expect("it ends once").join(Duration::from_secs(5));
        let mut shared = self.shared.lock();
        (shared.longest, std::mem::take(&mut shared.complaints))
    }
}

impl Shared {
    fn read_all(&mut self, late: Duration) {
        self.look_at_driver();
        for pid in self.watched.clone() {
            // The short file first: most are in another state.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let is_in_d = stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('D'));
            let stat = if is_in_d { Stat::read(pid, pid) } else { None };
            match stat.filter(|stat| stat.state == 'D') {
                Some(stat) => self.note(pid, stat.sleeps, late),
                None => drop(self.in_d.remove(&pid)),
            }
        }
    }

    fn note(&mut self, pid: i32, sleeps: u64, late: Duration) {
        let now = Instant::now();
        let driver_waited = self.driver_waited;
        let new = Stay { since: now, sleeps, late: Duration::ZERO, driver_waited };
        let stay = self.in_d.entry(pid).or_insert(new);
        if stay.sleeps != sleeps {
            *stay = new;
            return;
        }
        stay.late = stay.late.max(late);
        let waited = driver_waited.saturating_sub(stay.driver_waited);
        let (time, was_late) = (now - stay.since, stay.late > LATE);
        let limit = waited + if was_late { HUNG_D } else { LONGEST_D };
        let longest = self.longest.max(time.saturating_sub(waited));
        if longest == self.longest && time <= limit {
            return;
        }
        let stack = stack(pid, pid);
        if OWN_MEMORY.iter().any(|what| stack.contains(what)) && !stack.contains("fuse") {
            return;
        }
        self.longest = longest;
        if time > limit && self.complaints.len() < 5 {
            let drivers = tasks(self.driver).into_iter();
            let drivers: String = drivers.map(|task| stack_of_driver(self.driver, task)).collect();
            self.complaints.push(format!(
                "process {pid} was in state D for {time:?}, the driver waited {waited:?} for a \
                 CPU:\n{stack}{drivers}"
            ));
        }
    }

    /// Adds up how long the driver's threads have waited for a CPU. The kernel adds a wait to its
    /// sum when it is over; until then it is seen by a thread that could run and does not. If this
    /// look comes late the thread may have run and wait again: for as long as nothing else is known
    /// of its time.
    fn look_at_driver(&mut self) {
        let elapsed = self.last_look.map_or(Duration::ZERO, |last| last.elapsed());
        self.last_look = Some(Instant::now());
        let mut waited = Duration::ZERO;
        for task in tasks(self.driver) {
            let Some((ran, delayed)) = schedule(self.driver, task) else { continue };
            let before = self.driver_threads.insert(task, (ran, delayed));
            let (ran_before, delayed_before) = before.unwrap_or((ran, delayed));
            let ran = ran.saturating_sub(ran_before);
            let delayed = delayed.saturating_sub(delayed_before);
            waited += delayed;
            let could_run = Stat::read(self.driver, task).is_some_and(|stat| stat.state == 'R');
            if could_run && (ran.is_zero() || elapsed > PERIOD + LATE) {
                waited += elapsed.saturating_sub(ran + delayed);
            }
        }
        self.driver_waited += waited;
    }
}

/// How long a thread has run in its life, and how long it has waited for a CPU.
fn schedule(pid: i32, task: i32) -> Option<(Duration, Duration)> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{task}/schedstat")).ok()?;
    let mut nanoseconds = text.split(' ').map(|number| number.parse().map(Duration::from_nanos));
    Some((nanoseconds.next()?.ok()?, nanoseconds.next()?.ok()?))
}

fn stack(pid: i32, task: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/task/{task}/stack")).unwrap_or_default()
}

/// Where a thread of the driver is, by which one sees what it waits for.
fn stack_of_driver(pid: i32, task: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/task/{task}/comm")).unwrap_or_default();
    format!("driver's {name}{}", stack(pid, task))
}
