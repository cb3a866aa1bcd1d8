//! FLUSH: close(2) of an end that waits until what it wrote has been read (`linger=flush`).
//!
//! The kernel sends it for each descriptor that is closed, also where nobody must wait: a process
//! that exits cannot be interrupted any more, and one in execve(2) holds a lock of its own.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use pipefs::{Blocking, Effects, EndId, Error, Now, Progress, Ticket};
use smallvec::SmallVec;

use super::wire::{FlushIn, Owner};
use crate::fuse::driver::Driver;
use crate::fuse::errno::errno;
use crate::fuse::handle::Handle;

/// Most processes that are known to have written to one end. Of a shell's output there may be very
/// many, one after another; those that wrote first have mostly ended.
const MAX_WRITERS: usize = 64;

/// The ends whose closes may wait, and which processes have written to each: the others hold mere
/// copies, as every child of such a process does.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    ends: Mutex<HashMap<EndId, Watched>>,
    /// How many of them there are. Mostly there is none, and a write need not look.
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Watched {
    /// Open files that share the end.
    files: u32,
    /// The latest, at most [`MAX_WRITERS`].
    writers: SmallVec<[Owner; 2]>,
}

impl Closing {
    /// An open file of the end is about to be there.
    pub(crate) fn watch(&self, end: EndId) {
        let mut ends = self.ends.lock();
        ends.entry(end).or_default().files += 1;
        self.count.store(ends.len(), Ordering::Relaxed);
    }

    /// An open file has gone; the end may not be one of ours.
    pub(super) fn forget(&self, end: EndId) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut ends = self.ends.lock();
        let Some(watched) = ends.get_mut(&end) else { return };
        watched.files -= 1;
        if watched.files == 0 {
            ends.remove(&end);
            self.count.store(ends.len(), Ordering::Relaxed);
        }
    }

    /// Somebody writes to an end, which may not be one of ours.
    pub(super) fn note_write(&self, end: EndId, owner: Owner) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(Watched { writers, .. }) = self.ends.lock().get_mut(&end)
            && !writers.contains(&owner)
        {
            if writers.len() == MAX_WRITERS {
                writers.remove(0);
            }
            writers.push(owner);
        }
    }

    fn has_written(&self, end: EndId, owner: Owner) -> bool {
        self.ends.lock().get(&end).is_some_and(|watched| watched.writers.contains(&owner))
    }
}

impl Driver {
    /// `thread` is the one that closes.
    pub(super) fn flush(&self, ticket: Ticket, thread: u32, flush: FlushIn, effects: &mut Effects) {
        let end = Handle::numbered(flush.fh).end;
        if !self.closing.has_written(end, flush.owner) {
            return self.reply_error(ticket, 0);
        }
        let flush = |blocking, effects: &mut Effects| {
            self.engine.flush_at_close(end, blocking, ticket, Now::read(), effects)
        };
        let mut outcome = flush(Blocking::No, effects);
        if outcome == Err(Error::WouldBlock) {
            outcome = match may_wait(thread) {
                true => flush(Blocking::Yes, effects),
                false => Ok(Progress::Done(())),
            };
        }
        match outcome {
            Ok(Progress::Done(())) => self.reply_error(ticket, 0),
            Ok(Progress::Waiting) => {}
            Err(error) => self.reply_error(ticket, errno(error)),
        }
        self.deliver(effects);
    }
}

/// Whether a thread that waits may go on doing so: a signal would end it, and it holds up nobody.
/// Who cannot be seen is taken for one that may not.
fn may_wait(thread: u32) -> bool {
    // Not `stat`: while the thread is in execve(2) the kernel makes whoever reads that wait, and
    // it would wait for us.
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).unwrap_or_default();
    program_kilobytes(&status) > 0
}

/// How much program a thread has in its memory. One that exits, and one that works for the kernel,
/// have no memory; one in execve(2) has one without a program in it.
fn program_kilobytes(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmExe:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_written_is_known() {
        let (closing, end) = (Closing::default(), EndId::from_raw(1));
        closing.note_write(end, Owner(1));
        closing.watch(end);
        closing.watch(end);
        assert!(!closing.has_written(end, Owner(1)), "nobody watched then");
        for number in 1..=MAX_WRITERS as u64 {
            closing.note_write(end, Owner(number));
            closing.note_write(end, Owner(1));
        }
        closing.forget(end);
        assert!(closing.has_written(end, Owner(1)));
        closing.note_write(end, Owner(0));
        assert!(!closing.has_written(end, Owner(1)), "the first one makes room");
        assert!(closing.has_written(end, Owner(2)) && closing.has_written(end, Owner(0)));
        closing.forget(end);
        closing.forget(end);
        assert!(closing.ends.lock().is_empty());
    }

    #[test]
    fn a_program_has_a_size() {
        assert_eq!(program_kilobytes("Name:\tcat\nVmStk:\t 132 kB\nVmExe:\t   20 kB\n"), 20);
        for none in ["", "Name:\tkworker\n", "VmExe:\t       0 kB\n", "VmExe:\n"] {
            assert_eq!(program_kilobytes(none), 0, "{none}");
        }
    }

    #[test]
    fn only_who_runs_a_program_may_wait() {
        assert!(may_wait(std::process::id()));
        assert!(!may_wait(0));
        // No pid is that large.
        assert!(!may_wait(1 << 30));
    }
}
