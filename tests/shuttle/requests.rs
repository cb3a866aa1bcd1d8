//! The driver's threads and a kernel that hands out requests: what a process has closed is closed
//! when its next request is looked at, and nobody waits for a number that never comes.

use std::cell::RefCell;
use std::collections::{HashSet, VecDeque};

use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::{Arc, Condvar, Mutex};

use crate::explore::explore;
use crate::head::Head;
use crate::order::Order;

/// Threads that read requests, and processes that make them.
const SERVERS: usize = 3;
const PROCESSES: usize = 2;

/// What each process does.
const CALLS: usize = 4;

/// `FUSE_REQ_ID_STEP`.
const STEP: u64 = 2;

/// The threads of `order`. Who sleeps for a moment lets others run: else schedules are unfair.
pub(crate) mod thread {
    use std::time::Duration;

    pub(crate) use shuttle::thread::{spawn, yield_now};

    pub(crate) fn sleep(_: Duration) {
        yield_now();
    }
}

thread_local! {
    /// Which of the servers sleep in read(2). One thread runs them all.
    static ASLEEP: RefCell<[bool; SERVERS]> = const { RefCell::new([true; SERVERS]) };
}

/// As the kernel says of a thread; they are numbered from 1.
pub(crate) fn sleeps(tid: u64) -> bool {
    ASLEEP.with_borrow(|asleep| asleep[tid as usize - 1])
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    /// Nobody waits for the answer.
    Release,
    /// Whatever may not be looked at before earlier closes are done.
    Open,
    /// It may be answered without a look at earlier closes; if it is not, it comes after them.
    Read,
    /// Like an open, but others need not wait while its data comes.
    Write,
    /// It gets its number when it is read.
    Forget,
    /// It has the number of another request and no place in the order.
    Interrupt,
}

impl Request {
    fn opcode(self) -> u32 {
        self as u32 + 1
    }
}

/// As the driver tells `Order`.
fn closes_nothing(opcode: u32) -> bool {
    [Request::Read, Request::Write].map(Request::opcode).contains(&opcode)
}

#[derive(Default)]
struct Queues {
    last_number: u64,
    /// One for all, or one for each server; the first server has what is left over then.
    requests: Vec<VecDeque<(u64, Request)>>,
    forgets: usize,
    interrupts: usize,
    answered: HashSet<u64>,
    /// Closes that the kernel has queued and that are not done.
    unclosed: HashSet<u64>,
    is_over: bool,
}

impl Queues {
    fn next_number(&mut self) -> u64 {
        self.last_number += STEP;
        self.last_number
    }

    fn take(&mut self, me: usize) -> Vec<(u64, Request)> {
        if self.has_queue(me) {
            return self.requests[me].drain(..).collect();
        }
        if self.interrupts > 0 {
            self.interrupts -= 1;
            return vec![(1, Request::Interrupt)];
        }
        if self.forgets > 0 && (self.requests[0].is_empty() || thread_rng().gen_bool(0.5)) {
            self.forgets -= 1;
            return vec![(self.next_number(), Request::Forget)];
        }
        self.requests[0].pop_front().into_iter().collect()
    }

    fn has_queue(&self, me: usize) -> bool {
        self.requests.len() > 1 && me > 0
    }

    /// Puts a request into the queue, or into that of the CPU that the process is on: then its
    /// server is awake when the process goes on.
    fn push(&mut self, request: (u64, Request)) {
        let queue = match self.requests.len() {
            1 => 0,
            queues => thread_rng().gen_range(1..queues),
        };
        self.requests[queue].push_back(request);
        if self.has_queue(queue) {
            ASLEEP.with_borrow_mut(|asleep| asleep[queue] = false);
        }
    }
}

#[derive(Default)]
struct Kernel {
    queues: Mutex<Queues>,
    changed: Condvar,
}

impl Kernel {
    fn new(queues: usize) -> Self {
        let kernel = Self::default();
        let requests = vec![VecDeque::new(); queues];
        kernel.queues.lock().expect("no panic").requests = requests;
        kernel
    }

    /// read(2) of /dev/fuse, or all that is in a ring; nothing: the mount is gone.
    fn read(&self, me: usize, head: &Head) -> Vec<(u64, Request)> {
        let is_asleep = |is| ASLEEP.with_borrow_mut(|asleep| asleep[me] = is);
        is_asleep(false);
        let mut queues = self.queues.lock().expect("no panic");
        let taken = loop {
            let taken = queues.take(me);
            if !taken.is_empty() || queues.is_over {
                break taken;
            }
            is_asleep(true);
            queues = self.changed.wait(queues).expect("no panic");
            is_asleep(false);
        };
        let is_copied = !queues.has_queue(me);
        drop(queues);
        is_asleep(taken.is_empty());
        // It is a while until the thread has all and says so; longest if there is data.
        let yields = |count| (0..count).for_each(|_| thread::yield_now());
        if let [(_, request), ..] = taken[..]
            && is_copied
        {
            yields(thread_rng().gen_range(1..10));
            head.put(request.opcode());
            yields(if request == Request::Write { 20 } else { 0 });
        }
        yields(1);
        taken
    }

    fn has_queue(&self, me: usize) -> bool {
        self.queues.lock().expect("no panic").has_queue(me)
    }

    fn queue(&self, request: Request) -> u64 {
        let mut queues = self.queues.lock().expect("no panic");
        let number = queues.next_number();
        queues.push((number, request));
        if request == Request::Release {
            queues.unclosed.insert(number);
        }
        drop(queues);
        self.changed.notify_all();
        number
    }

    fn await_answer(&self, number: u64) {
        let mut queues = self.queues.lock().expect("no panic");
        while !queues.answered.remove(&number) {
            queues = self.changed.wait(queues).expect("no panic");
        }
    }

    /// A process was killed before anybody had read its request.
    fn take_back(&self, number: u64) -> bool {
        let mut queues = self.queues.lock().expect("no panic");
        let count = |queues: &Queues| queues.requests.iter().map(VecDeque::len).sum::<usize>();
        let before = count(&queues);
        queues.requests.iter_mut().for_each(|queue| queue.retain(|(other, _)| *other != number));
        count(&queues) < before
    }

    fn answer(&self, number: u64) {
        self.queues.lock().expect("no panic").answered.insert(number);
        self.changed.notify_all();
    }
}

/// One process: closes, opens, and is interrupted.
fn process(kernel: &Kernel) {
    for _ in 0..CALLS {
        let choice = thread_rng().gen_range(0..10);
        match choice {
            0..4 => drop(kernel.queue(Request::Release)),
            4..8 => {
                let kinds = [Request::Open, Request::Read, Request::Write];
                let request = kinds[thread_rng().gen_range(0..kinds.len())];
                let number = kernel.queue(request);
                if choice % 2 == 0 {
                    kernel.queues.lock().expect("no panic").interrupts += 1;
                    kernel.changed.notify_all();
                    if kernel.take_back(number) {
                        continue;
                    }
                }
                kernel.await_answer(number);
            }
            _ => {
                kernel.queues.lock().expect("no panic").forgets += 1;
                kernel.changed.notify_all();
            }
        }
    }
}

/// One of the driver's threads, as in mount/fuse/data/serve.rs.
fn serve(kernel: &Kernel, order: &Order, me: usize) {
    order.join(me, me as u64 + 1);
    loop {
        order.reads(me);
        order.head(me).clear();
        let requests = kernel.read(me, order.head(me));
        if requests.is_empty() {
            return;
        }
        // Who has a queue alone has not looked yet at what came there.
        if kernel.has_queue(me) {
            order.has_nothing(me);
        }
        for (number, request) in requests {
            serve_one(kernel, order, me, number, request);
        }
    }
}

fn serve_one(kernel: &Kernel, order: &Order, me: usize, number: u64, request: Request) {
    if request == Request::Interrupt {
        return order.has_nothing(me);
    }
    order.has(me, number);
    if !matches!(request, Request::Forget | Request::Read) {
        order.wait_for_turn(me, number);
    }
    let look_at = || {
        let unclosed = kernel.queues.lock().expect("no panic").unclosed.clone();
        let early = unclosed.into_iter().find(|close| *close < number);
        assert_eq!(early, None, "number {number} was looked at before this close was done");
    };
    match request {
        Request::Release => {
            // It may have to wait for a lock, and not for a short time.
            ASLEEP.with_borrow_mut(|asleep| asleep[me] = true);
            (0..4).for_each(|_| thread::yield_now());
            ASLEEP.with_borrow_mut(|asleep| asleep[me] = false);
            kernel.queues.lock().expect("no panic").unclosed.remove(&number);
            order.is_done(me, number);
        }
        Request::Open | Request::Write => {
            look_at();
            order.is_done(me, number);
            kernel.answer(number);
        }
        Request::Read => {
            order.is_done(me, number);
            if thread_rng().gen_bool(0.5) {
                order.wait_for_all(me, number);
                look_at();
            }
            kernel.answer(number);
        }
        Request::Forget => order.is_done(me, number),
        Request::Interrupt => unreachable!("it has no place in the order"),
    }
}

fn mount(sharing: usize) {
    ASLEEP.with_borrow_mut(|asleep| *asleep = [true; SERVERS]);
    let owners = SERVERS - sharing;
    let kernel = Arc::new(Kernel::new(1 + owners));
    let order = Arc::new(Order::new(sharing, owners, closes_nothing));
    let servers: Vec<_> = (0..SERVERS)
        .map(|me| {
            let (kernel, order) = (kernel.clone(), order.clone());
            thread::spawn(move || serve(&kernel, &order, me))
        })
        .collect();
    // A name is looked up before anything can be forgotten.
    let first = kernel.queue(Request::Open);
    kernel.await_answer(first);
    let processes: Vec<_> = (0..PROCESSES)
        .map(|_| {
            let kernel = kernel.clone();
            thread::spawn(move || process(&kernel))
        })
        .collect();
    processes.into_iter().for_each(|process| process.join().expect("it does not panic"));
    kernel.queues.lock().expect("no panic").is_over = true;
    kernel.changed.notify_all();
    servers.into_iter().for_each(|server| server.join().expect("it does not panic"));
    let left = kernel.queues.lock().expect("no panic").unclosed.clone();
    assert!(left.is_empty(), "never closed: {left:?}");
}

#[test]
fn a_close_is_done_before_the_next_request() {
    explore("order of requests", 5000, || mount(SERVERS));
}

/// Processes move from one CPU's queue to another's.
#[test]
fn a_close_is_done_before_the_next_request_in_another_queue() {
    explore("order of requests in several queues", 5000, || mount(1));
}
