//! The order of requests, when several threads read them.
//!
//! close(2) does not wait for its RELEASE, but the kernel queues that before the process's next
//! request, and a close must be done before that one is looked at. The kernel numbers requests in
//! the order in which it queues them, so a thread that has read number 12 knows whether somebody
//! else has number 10 in hand: it waits until that one is *done*: a RELEASE when the end is
//! closed, what goes to the control plane when it is there, anything else as soon as it is read.
//! A thread has a request in hand for as long as the kernel copies its data, so whatever need not
//! wait for others does not, and nobody waits for one that closes nothing: what it is can be seen
//! before its data is there.
//!
//! A number may never come: its request was taken back before anybody read it. It is given up once
//! every other thread either holds nothing older or sleeps in read(2) and so holds nothing at all.
//!
//! A thread that has a queue of its own, a ring's owner, may have older requests there than the one
//! in its hand. So it counts as having some whenever it does not sleep, unless it waits itself.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
#[cfg(not(shuttle))]
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use atomic::{AtomicU64, Ordering};
use parking_lot::Mutex;
#[cfg(not(shuttle))]
use std::{hint, sync::atomic, thread};

#[cfg(not(shuttle))]
use super::head::Head;

// In tests/shuttle, where a model checker decides who runs and the test is the kernel.
#[cfg(shuttle)]
use {
    crate::head::Head,
    crate::requests::{sleeps, thread},
    shuttle::{hint, sync::atomic},
};

/// How far apart two numbers are (`FUSE_REQ_ID_STEP`).
const STEP: u64 = 2;

/// How often a thread looks before it asks what others are doing.
const SPINS: u32 = if cfg!(shuttle) { 0 } else { 200 };

/// For how long it goes on looking before it sleeps. It does not let others run by sched_yield(2):
/// where all CPUs are busy, it may be a hundred milliseconds until it has its turn again.
const LOOK_FOR: Duration = if cfg!(shuttle) { Duration::ZERO } else { Duration::from_micros(50) };

/// What a thread has in hand: it reads and may have anything,
const READING: u64 = u64::MAX;
/// or it has nothing that others wait for,
const NOTHING: u64 = 0;
/// or there may be any in its own queue; else the number.
const QUEUED: u64 = 1;

/// What all threads that read one mount's requests know of each other.
#[derive(Debug)]
pub(crate) struct Order {
    done: Mutex<Done>,
    /// Everything below this number is done, or is in hand and closes nothing.
    horizon: AtomicU64,
    hands: Vec<Hand>,
    /// Whether nobody has to wait for a request with this operation code, even while it is read.
    closes_nothing: fn(u32) -> bool,
}

#[derive(Debug, Default)]
struct Done {
    /// Numbers above the horizon that are done already: what others did while one thread had its
    /// request in hand.
    ahead: BinaryHeap<Reverse<u64>>,
}

/// One thread, on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Hand {
    holds: AtomicU64,
    /// What it has when it has nothing in hand.
    idle: u64,
    /// The kernel's id of the thread, once it runs.
    tid: AtomicU64,
    /// The beginning of what it reads.
    head: Head,
}

impl Order {
    /// Of so many threads that read from one queue, and after them those that have their own.
    /// Nobody has to wait for a request with an operation code that `closes_nothing`.
    pub(crate) fn new(sharing: usize, owners: usize, closes_nothing: fn(u32) -> bool) -> Self {
        let hand = |thread| Hand {
            holds: AtomicU64::new(NOTHING),
            idle: if thread < sharing { NOTHING } else { QUEUED },
            tid: AtomicU64::new(0),
            head: Head::new(),
        };
        Self {
            done: Mutex::default(),
            horizon: AtomicU64::new(0),
            hands: (0..sharing + owners).map(hand).collect(),
            closes_nothing,
        }
    }

    /// Thread number `me` begins to serve.
    pub(crate) fn join(&self, me: usize, tid: u64) {
        self.hands[me].tid.store(tid, Ordering::SeqCst);
    }

    /// Thread `me` is about to read a request.
    pub(crate) fn reads(&self, me: usize) {
        self.hands[me].holds.store(READING, Ordering::SeqCst);
    }

    /// Where the kernel is to put the beginning of what thread `me` reads.
    pub(crate) fn head(&self, me: usize) -> &Head {
        &self.hands[me].head
    }

    /// It has got this one, and will say when it is done.
    pub(crate) fn has(&self, me: usize, number: u64) {
        self.hands[me].holds.store(number, Ordering::SeqCst);
    }

    /// It has got something that has no place in the order (an INTERRUPT), or has not looked yet.
    pub(crate) fn has_nothing(&self, me: usize) {
        let hand = &self.hands[me];
        hand.holds.store(hand.idle, Ordering::SeqCst);
    }

    /// What thread `me` has read is done, as far as others have to wait for it.
    pub(crate) fn is_done(&self, me: usize, number: u64) {
        let mut done = self.done.lock();
        let horizon = self.horizon.load(Ordering::SeqCst);
        if number == horizon || horizon == 0 {
            self.advance(&mut done, number + STEP);
        } else if number > horizon {
            done.ahead.push(Reverse(number));
        }
        drop(done);
        self.has_nothing(me);
    }

    /// Waits until everything that was queued before `number` is done, but for what closes nothing.
    pub(crate) fn wait_for_turn(&self, me: usize, number: u64) {
        self.wait(me, number, |looks| {
            self.nobody_else(me, number, |hand| {
                (self.closes_nothing)(hand.head.opcode()) || looks >= SPINS && is_asleep(hand)
            })
        });
    }

    /// Waits until everything that was queued before `number` is done, unless somebody has gone
    /// past it meanwhile.
    pub(crate) fn wait_for_all(&self, me: usize, number: u64) {
        self.wait(me, number, |looks| looks >= SPINS && self.nobody_else(me, number, is_asleep));
    }

    fn wait(&self, me: usize, number: u64, is_enough: impl Fn(u32) -> bool) {
        let hand = &self.hands[me];
        if hand.idle != QUEUED {
            return self.look(number, is_enough);
        }
        // What is behind it in its own queue is newer: others need not wait for who waits.
        let before = hand.holds.swap(number, Ordering::SeqCst);
        self.look(number, is_enough);
        hand.holds.store(before, Ordering::SeqCst);
    }

    /// Looks until all before `number` are done, or enough of them: `is_enough` is told how often.
    fn look(&self, number: u64, is_enough: impl Fn(u32) -> bool) {
        let (mut looks, mut began) = (0, None);
        while self.horizon.load(Ordering::SeqCst) < number {
            looks += 1;
            if is_enough(looks) {
                let mut done = self.done.lock();
                if self.horizon.load(Ordering::SeqCst) < number {
                    self.advance(&mut done, number);
                }
                return;
            } else if looks < SPINS
                || Instant::now() < *began.get_or_insert_with(Instant::now) + LOOK_FOR
            {
                hint::spin_loop();
            } else {
                thread::sleep(Duration::from_micros(20));
            }
        }
    }

    /// Moves the horizon to this number and over all that are done behind it.
    fn advance(&self, done: &mut Done, to: u64) {
        let mut horizon = to;
        while let Some(Reverse(ahead)) = done.ahead.peek().filter(|ahead| ahead.0 <= horizon) {
            horizon = horizon.max(ahead + STEP);
            done.ahead.pop();
        }
        self.horizon.store(horizon, Ordering::SeqCst);
    }

    /// Whether no other thread has something older in hand; of one that reads, `may_read` says.
    /// Whatever it reads after that was still in the queue when `number` was taken from there, and
    /// is newer.
    fn nobody_else(&self, me: usize, number: u64, may_read: impl Fn(&Hand) -> bool) -> bool {
        let others = self.hands.iter().enumerate().filter(|(other, _)| *other != me);
        others.map(|(_, hand)| hand).all(|hand| match hand.holds.load(Ordering::SeqCst) {
            NOTHING => true,
            READING => may_read(hand),
            held => held > number,
        })
    }
}

/// Whether a thread that reads sleeps and so has nothing.
fn is_asleep(hand: &Hand) -> bool {
    // Else it may have woken, read an older one, and be asleep elsewhere by now.
    sleeps(hand.tid.load(Ordering::SeqCst)) && hand.holds.load(Ordering::SeqCst) == READING
}

/// Whether a thread of this process sleeps; one that does not run yet does, one that cannot be
/// looked at (no descriptor is left) does not.
#[cfg(not(shuttle))]
fn sleeps(tid: u64) -> bool {
    let path = format!("/proc/self/task/{tid}/stat");
    let stat = match std::fs::read_to_string(path) {
        Ok(stat) => stat,
        Err(error) => return error.kind() == ErrorKind::NotFound,
    };
    // The name before it is in parentheses and may hold any.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::thread;

    use super::*;
    use crate::fuse::device::thread_id;

    const WRITE: u32 = 16;

    /// Of two threads.
    fn order() -> Order {
        Order::new(2, 0, |opcode| opcode == WRITE)
    }

    #[test]
    fn requests_that_are_done_in_turn_wait_for_nobody() {
        let order = order();
        for number in [8, 10, 12] {
            order.has(0, number);
            order.wait_for_turn(0, number);
            order.is_done(0, number);
        }
        assert_eq!(order.horizon.load(Ordering::SeqCst), 14);
        order.has(0, 16);
        order.is_done(0, 16);
        order.is_done(1, 14);
        assert_eq!(order.horizon.load(Ordering::SeqCst), 18, "over what was done ahead");
        assert!(order.done.lock().ahead.is_empty());
    }

    #[test]
    fn a_later_request_waits_until_the_earlier_one_is_done() {
        let order = Arc::new(order());
        order.is_done(0, 2);
        order.has(0, 4);
        let went_on = Arc::new(AtomicBool::new(false));
        let (theirs, flag) = (Arc::clone(&order), Arc::clone(&went_on));
        let later = thread::spawn(move || {
            theirs.has(1, 6);
            theirs.wait_for_turn(1, 6);
            assert!(flag.load(Ordering::SeqCst), "the earlier one was not done");
            theirs.is_done(1, 6);
        });
        thread::sleep(Duration::from_millis(20));
        went_on.store(true, Ordering::SeqCst);
        order.is_done(0, 4);
        later.join().expect("it waited");
        assert_eq!(order.horizon.load(Ordering::SeqCst), 8);
    }

    #[test]
    fn nobody_waits_for_the_data_of_what_closes_nothing() {
        let order = order();
        order.is_done(0, 2);
        order.reads(0);
        order.head(0).put(WRITE);
        let start = Instant::now();
        order.wait_for_turn(1, 6);
        order.has(0, 4);
        order.is_done(0, 4);
        order.is_done(1, 6);
        assert_eq!(order.horizon.load(Ordering::SeqCst), 8);
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    /// The other thread reads something else, or it cannot be seen yet what.
    #[test]
    fn whatever_else_others_read_is_waited_for() {
        for opcode in [0, WRITE + 2] {
            let order = Arc::new(order());
            order.is_done(0, 2);
            order.join(0, thread_id());
            order.reads(0);
            order.head(0).put(opcode);
            let theirs = Arc::clone(&order);
            let later = thread::spawn(move || theirs.wait_for_turn(1, 6));
            // While this thread runs it may have anything in hand.
            let until = Instant::now() + Duration::from_millis(20);
            while Instant::now() < until {
                assert!(!later.is_finished(), "it did not wait for {opcode}");
            }
            order.has(0, 4);
            order.is_done(0, 4);
            later.join().expect("it waited");
        }
    }

    #[test]
    fn a_number_that_never_comes_is_given_up() {
        let order = order();
        order.is_done(0, 2);
        // 4 was taken back; the other thread holds nothing, then something newer.
        order.wait_for_turn(0, 6);
        assert_eq!(order.horizon.load(Ordering::SeqCst), 6);
        order.has(1, 12);
        order.wait_for_turn(0, 10);
        order.is_done(0, 10);
        order.is_done(1, 12);
        assert_eq!(order.horizon.load(Ordering::SeqCst), 14);
        assert!(order.done.lock().ahead.is_empty());
    }

    /// On a busy machine whoever lets others run gets its turn again after milliseconds. Numbers
    /// that never come are many there, because who is killed has more requests in the queue.
    #[test]
    fn a_number_that_never_comes_is_given_up_at_once_on_a_busy_machine() {
        let stop = Arc::new(AtomicBool::new(false));
        let cpus = thread::available_parallelism().map_or(2, usize::from);
        let busy: Vec<_> = (0..2 * cpus)
            .map(|_| Arc::clone(&stop))
            .map(|stop| thread::spawn(move || while !stop.load(Ordering::Relaxed) {}))
            .collect();
        let order = order();
        order.is_done(0, 2);
        let mut times: Vec<_> = (1..20)
            .map(|round| {
                let start = std::time::Instant::now();
                order.wait_for_turn(0, 2 + 4 * round);
                order.is_done(0, 2 + 4 * round);
                start.elapsed()
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        busy.into_iter().for_each(|thread| thread.join().expect("it only counts"));
        times.sort();
        assert!(times[times.len() / 2] < Duration::from_millis(10), "{times:?}");
    }
}
