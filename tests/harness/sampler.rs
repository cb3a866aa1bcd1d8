//! Watching that no process sits in uninterruptible sleep.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::deadline::Task;
use super::process::{Stat, tasks};

/// How long a process may be in state D: a request that the driver answers at once is in D only
/// while the driver is being scheduled.
pub const LONGEST_D: Duration = Duration::from_millis(100);

/// A stay in state D that no busy machine explains: somebody else has to do something first.
const HUNG_D: Duration = Duration::from_secs(1);

/// How often the states are read.
const PERIOD: Duration = Duration::from_millis(4);

/// Reads, in a thread of its own, the states of all threads of the processes it was told of.
///
/// Two readings of D belong together when the thread has not slept anew in between; so a reading
/// that comes late, on a busy machine, does not make two short stays one long stay.
#[derive(Debug)]
pub struct StateWatch {
    shared: Arc<Mutex<Shared>>,
    reader: Option<Task<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    watched: HashSet<i32>,
    /// Threads that were in D at the last reading: since when, and their count of sleeps.
    in_d: HashMap<i32, (Instant, u64)>,
    longest: Duration,
    complaints: Vec<String>,
    finished: bool,
}

impl StateWatch {
    /// Starts with nobody to watch.
    pub fn start() -> Self {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let reader = Task::spawn({
            let shared = Arc::clone(&shared);
            move || {
                loop {
                    let mut shared = shared.lock();
                    if shared.finished {
                        return;
                    }
                    shared.read_all();
                    drop(shared);
                    thread::sleep(PERIOD);
                }
            }
        });
        Self { shared, reader: Some(reader) }
    }

    /// Watches one more process, and all its threads, until it ends.
    pub fn add(&self, pid: i32) {
        self.shared.lock().watched.insert(pid);
    }

    /// Ends the watch; the longest stay in state D without a break. On a machine that is busy
    /// with other things one stay may exceed [`LONGEST_D`]: who is strict measures again then.
    ///
    /// # Panics
    /// When a thread was in state D for longer than a second without a break.
    #[track_caller]
    pub fn finish(mut self) -> Duration {
        self.shared.lock().finished = true;
        self.reader.take().expect("it ends once").join(Duration::from_secs(5));
        let shared = self.shared.lock();
        assert!(shared.longest <= HUNG_D, "uninterruptible:\n{}", shared.complaints.join("\n"));
        shared.longest
    }
}

impl Drop for StateWatch {
    fn drop(&mut self) {
        self.shared.lock().finished = true;
    }
}

impl Shared {
    fn read_all(&mut self) {
        let mut gone = Vec::new();
        for pid in self.watched.iter().copied().collect::<Vec<_>>() {
            let tasks = tasks(pid);
            if tasks.is_empty() {
                gone.push(pid);
            }
            for task in tasks {
                self.read_one(pid, task);
            }
        }
        for pid in gone {
            self.watched.remove(&pid);
        }
    }

    fn read_one(&mut self, pid: i32, task: i32) {
        let now = Instant::now();
        let Some(stat) = Stat::read(pid, task).filter(|stat| stat.state == 'D') else {
            self.in_d.remove(&task);
            return;
        };
        let (since, sleeps) = *self.in_d.entry(task).or_insert((now, stat.sleeps));
        if sleeps != stat.sleeps {
            self.in_d.insert(task, (now, stat.sleeps));
            return;
        }
        self.longest = self.longest.max(now - since);
        if now - since > LONGEST_D && self.complaints.len() < 20 {
            let stack = std::fs::read_to_string(format!("/proc/{pid}/task/{task}/stack"));
            let stack = stack.unwrap_or_default();
            self.complaints.push(format!("pid {pid} task {task}: {:?} in D\n{stack}", now - since));
        }
    }
}

/// Watches one process for `time`, and once more if it was in state D for too long.
///
/// # Panics
/// When one of its threads is in state D for longer than [`LONGEST_D`] without a break.
#[track_caller]
pub fn assert_never_in_d_state(pid: i32, time: Duration) {
    let mut longest = Duration::MAX;
    for _ in 0..3 {
        let watch = StateWatch::start();
        watch.add(pid);
        thread::sleep(time);
        longest = watch.finish();
        if longest <= LONGEST_D {
            return;
        }
    }
    panic!("pid {pid} was in uninterruptible sleep for {longest:?}, three times");
}
