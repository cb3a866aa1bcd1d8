//! Interrupts that the kernel forgets to tell. A signal that comes while a request is queued for a
//! ring but is not there yet is noted in the request, and no INTERRUPT is sent for it. Whoever
//! waits is in uninterruptible sleep from then on, and that is how it is found.

use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

/// When a request that waits is looked at, in milliseconds from its arrival. The signal came before
/// that; all that the thread had to do since was to fall asleep again, but it may be a while until
/// it has its turn where all CPUs are busy.
const LOOK_AFTER: [u64; 5] = [1, 4, 16, 64, 1000];

/// A request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) unique: u64,
    /// The thread that asked; 0 if the driver cannot see it.
    pub(super) thread: u32,
    /// The entry that holds it.
    pub(super) entry: usize,
}

/// Requests that may still be waiting, and when each is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Watch([VecDeque<(Instant, Waiting)>; LOOK_AFTER.len()]);

impl Watch {
    pub(super) fn add(&mut self, now: Instant, waiting: Waiting) {
        self.0[0].push_back((now, waiting));
    }

    /// How long it is until the next one is due.
    pub(super) fn next(&self, now: Instant) -> Option<Duration> {
        let fronts = self.0.iter().zip(LOOK_AFTER);
        let due = fronts.filter_map(|(queue, after)| Some(queue.front()?.0 + time(after)));
        due.min().map(|due| due.saturating_duration_since(now))
    }

    /// A request that is due. `still_waits` is asked once, with whether it is the first time; if so
    /// the request will be due once more, unless it was often enough.
    pub(super) fn look(
        &mut self,
        now: Instant,
        still_waits: impl FnOnce(&Waiting, bool) -> bool,
    ) -> Option<Waiting> {
        let stage = (0..LOOK_AFTER.len()).find(|stage| {
            let front = self.0[*stage].front();
            front.is_some_and(|(came, _)| *came + time(LOOK_AFTER[*stage]) <= now)
        })?;
        let (came, waiting) = self.0[stage].pop_front()?;
        if still_waits(&waiting, stage == 0)
            && let Some(later) = self.0.get_mut(stage + 1)
        {
            later.push_back((came, waiting));
        }
        Some(waiting)
    }
}

fn time(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Whether a thread that waits for the driver was interrupted.
pub(super) fn was_interrupted(thread: u32) -> bool {
    // Not `stat`: whoever reads that of a thread in execve(2) waits for it.
    let status = fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    is_uninterruptible(&status)
}

fn is_uninterruptible(status: &str) -> bool {
    let state = status.lines().find_map(|line| line.strip_prefix("State:"));
    state.is_some_and(|state| state.trim_start().starts_with('D'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_looked_at_until_it_is_answered_and_five_times_at_most() {
        let start = Instant::now();
        let waiting = |unique| Waiting { unique, thread: 9, entry: 1 };
        let mut watch = Watch::default();
        watch.add(start, waiting(2));
        watch.add(start, waiting(4));
        assert_eq!(watch.next(start), Some(time(LOOK_AFTER[0])));
        assert_eq!(watch.look(start, |_, _| panic!("it is not due")), None);
        let mut seen = Vec::new();
        for after in LOOK_AFTER {
            let now = start + time(after);
            while let Some(Waiting { unique, .. }) = watch.look(now, |waiting, is_first| {
                assert_eq!(is_first, after == LOOK_AFTER[0]);
                waiting.unique == 4
            }) {
                seen.push(unique);
            }
        }
        assert_eq!(seen, [2, 4, 4, 4, 4, 4]);
        assert_eq!(watch.next(start), None);
    }

    #[test]
    fn uninterruptible_sleep_is_known() {
        assert!(is_uninterruptible("Name:\tcat\nState:\tD (disk sleep)\n"));
        for other in ["", "Name:\tD\nState:\tS (sleeping)\n", "State:\tR (running)\n"] {
            assert!(!is_uninterruptible(other), "{other}");
        }
        assert!(!was_interrupted(std::process::id()) && !was_interrupted(0));
    }
}
