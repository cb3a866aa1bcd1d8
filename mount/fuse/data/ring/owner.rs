//! The owner's part of a ring: gives entries to the kernel, never too few, and takes those that
//! come back with requests. Everything here is called by the owner's thread alone.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use io_uring::squeue::Entry128;
use io_uring::types::{SubmitArgs, Timespec};
use log::{debug, error, warn};
use smallvec::SmallVec;

use super::command::{self, PUSH_BYTES, Target, WAKE};
use super::entry::Entry;
use super::{Answered, Held, Ring, Uring};
use crate::fuse::data::serve::Request;
use crate::fuse::data::wire;

/// How many entries are added at once. Not used yet each is 0.6 KB in the kernel, and here nothing
/// but addresses.
const STEP: usize = 256;

/// With fewer than so many in the kernel's hands, more are added: there should be enough for what
/// arrives until the owner has its turn.
const LEAST: usize = 192;

/// Pipes that are tried for a push; what waits may also wait at a directory.
const MAX_TRIES: usize = 16;

/// Numbers from here on are those of pushes; no request ever gets one.
const PUSHES: u64 = 1 << 62;

/// How much memory entries may hold because they were used once, in bytes, all rings together.
/// The driver may take 32 MiB beside what is buffered, and keeps 6 MiB of buffers for itself.
const MAX_WARM_BYTES: usize = 8 << 20;

/// One ring, as its owner has it.
pub(crate) struct Owner {
    queue: usize,
    pub(super) ring: Arc<Ring>,
    uring: Uring,
    device: RawFd,
    /// All entries there are, by number.
    entries: Vec<State>,
    /// New ones that the kernel has not got yet.
    fresh: Vec<Entry>,
    /// Those with requests that were not looked at yet, in the order of their arrival.
    arrived: VecDeque<(usize, Entry)>,
    /// Those that hold memory, the one used last at the end. Some may be in use.
    warm: VecDeque<usize>,
    /// How many the kernel has.
    with_kernel: usize,
    /// The kernel has given one back for good: there will be no more requests.
    is_over: bool,
    /// The system gives no more memory.
    is_full: bool,
    /// How many pushes were made.
    pushes: u64,
    /// Requests may be stuck in the kernel's queue.
    needs_push: bool,
    /// Used again and again for what was answered.
    answered: Vec<Answered>,
}

#[derive(Debug, Default)]
struct State {
    /// The memory, while the kernel has the entry.
    entry: Option<Entry>,
    /// How much of the payload may be in memory, in bytes.
    warm_bytes: usize,
    is_listed: bool,
}

impl Owner {
    /// # Errors
    /// There is no memory for entries.
    pub(super) fn new(queue: usize, uring: Uring, ring: Arc<Ring>) -> io::Result<Self> {
        Ok(Self {
            queue,
            ring,
            uring,
            device: -1,
            entries: Vec::new(),
            fresh: Entry::make(STEP)?,
            arrived: VecDeque::new(),
            warm: VecDeque::new(),
            with_kernel: 0,
            is_over: false,
            is_full: false,
            pushes: 0,
            needs_push: false,
            answered: Vec::new(),
        })
    }

    /// The CPU whose requests come here.
    pub(super) fn queue(&self) -> usize {
        self.queue
    }

    /// What other threads need of it.
    pub(crate) fn shared(&self) -> Arc<Ring> {
        Arc::clone(&self.ring)
    }

    /// Makes the calling thread the owner, for the mount of this descriptor of /dev/fuse.
    ///
    /// # Errors
    /// None that a caller could do something about.
    pub(super) fn begin(&mut self, device: RawFd) -> io::Result<()> {
        self.device = device;
        self.uring.submitter().register_enable_rings()?;
        self.give_fresh()
    }

    /// Whether the kernel has entries, or will have any again. Until it has returned the last one
    /// they have to be taken: else whoever unmounts waits for ever.
    pub(super) fn goes_on(&self) -> bool {
        self.with_kernel > 0 || !(self.is_over || self.ring.held.lock().is_empty())
    }

    /// Sees to it that the kernel has enough entries, before requests that may wait are looked at.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub(super) fn keep_enough(&mut self) -> io::Result<()> {
        if self.with_kernel >= LEAST || self.is_over || self.is_full {
            return Ok(());
        }
        debug!(
            "queue {}: {} of {} entries are free",
            self.queue,
            self.with_kernel,
            self.entries.len()
        );
        match Entry::make(STEP) {
            Ok(entries) => self.fresh = entries,
            Err(problem) => {
                self.is_full = true;
                error!("no more requests can wait on CPU {}: {problem}", self.queue);
            }
        }
        self.give_fresh()?;
        self.needs_push = true;
        self.submit()
    }

    /// What to tell the kernel for a push, if one is needed: the first of these that it takes.
    ///
    /// A request that finds no entry stays in the kernel's queue until another one *of its CPU* is
    /// answered, which may be never; entries that are added do not take it. So we have the kernel
    /// make a request, which finds one of them, and answer that. It has to be about a pipe that the
    /// kernel knows, such as one that somebody waits at.
    pub(super) fn pushes(&mut self) -> SmallVec<[[u8; PUSH_BYTES]; MAX_TRIES]> {
        if !mem::take(&mut self.needs_push) {
            return SmallVec::new();
        }
        let mut held = self.ring.held.lock();
        let pushes = held.values_mut().take(MAX_TRIES).map(|held| {
            self.pushes += 2;
            command::push(PUSHES + self.pushes, held.entry.node())
        });
        pushes.collect()
    }

    /// Answers a push. If the entry comes back with a request at once, that was stuck, and there
    /// may be more.
    fn answer_push(&mut self, unique: u64, number: usize, mut entry: Entry) -> io::Result<()> {
        entry.put_answer(&[io::IoSlice::new(&wire::out_header(unique, 0, 0))]);
        self.entries[number].entry = Some(entry);
        self.with_kernel += 1;
        self.push(command::commit(self.target(), number, unique))?;
        self.submit()?;
        self.collect();
        let was_stuck = self.arrived.iter().any(|(other, _)| *other == number);
        if was_stuck {
            debug!("queue {}: a request was stuck", self.queue);
            self.needs_push = true;
        }
        Ok(())
    }

    fn give_fresh(&mut self) -> io::Result<()> {
        for mut entry in mem::take(&mut self.fresh) {
            let number = self.entries.len();
            let command = command::register(self.target(), number, entry.places());
            self.entries.push(State { entry: Some(entry), ..State::default() });
            self.with_kernel += 1;
            self.push(command)?;
        }
        Ok(())
    }

    /// Hands back all entries that have got their answers; the kernel gets them with the next
    /// [`Self::submit`] or [`Self::wait`].
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub(super) fn hand_back(&mut self) -> io::Result<()> {
        let mut answered = mem::take(&mut self.answered);
        mem::swap(&mut answered, &mut self.ring.answered.lock());
        for Answered { unique, number, entry, len } in answered.drain(..) {
            self.is_warm(number, len);
            self.entries[number].entry = Some(entry);
            self.with_kernel += 1;
            self.push(command::commit(self.target(), number, unique))?;
        }
        self.answered = answered;
        Ok(())
    }

    fn target(&self) -> Target {
        Target { device: self.device, queue: self.queue as u16 }
    }

    fn push(&mut self, command: Entry128) -> io::Result<()> {
        // SAFETY: it names memory of an entry, which is never unmapped.
        while unsafe { self.uring.submission().push(&command) }.is_err() {
            self.submit()?;
        }
        Ok(())
    }

    /// Gives the kernel all commands.
    ///
    /// # Errors
    /// The ring does not work any more.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        allow_retries(self.uring.submit())
    }

    /// The same, and waits until something comes, or for this long.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub(super) fn wait(&mut self, at_most: Option<Duration>) -> io::Result<()> {
        self.ring.owner_waits.store(true, Ordering::SeqCst);
        let done = if !self.ring.answered.lock().is_empty() {
            self.uring.submit()
        } else if let Some(time) = at_most {
            let time = Timespec::from(time);
            self.uring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&time))
        } else {
            self.uring.submit_and_wait(1)
        };
        self.ring.owner_waits.store(false, Ordering::SeqCst);
        allow_retries(done)
    }

    /// Takes what the kernel has given back. Then it touches no entry until the next command is
    /// submitted, so those that hold memory for no good can be made to give it up.
    pub(super) fn collect(&mut self) {
        let completions: Vec<_> = self.uring.completion().collect();
        for completion in completions {
            if completion.user_data() == WAKE {
                continue;
            }
            let number = completion.user_data() as usize;
            let Some(entry) = self.entries[number].entry.take() else { continue };
            self.with_kernel -= 1;
            match -completion.result() {
                ..=0 => self.arrived.push_back((number, entry)),
                libc::ENOTCONN | libc::ECONNABORTED | libc::ECANCELED => self.is_over = true,
                errno => {
                    let problem = io::Error::from_raw_os_error(errno);
                    warn!("the kernel has refused an entry: {problem}");
                }
            }
        }
        self.cool();
    }

    fn cool(&mut self) {
        while self.ring.warm_bytes.load(Ordering::Relaxed) > MAX_WARM_BYTES {
            let Some(number) = self.warm.pop_front() else { return };
            let state = &mut self.entries[number];
            state.is_listed = false;
            if let Some(entry) = &mut state.entry {
                entry.cool(state.warm_bytes);
                let bytes = mem::take(&mut state.warm_bytes);
                self.ring.warm_bytes.fetch_sub(bytes, Ordering::Relaxed);
            }
        }
    }

    /// So many bytes of an entry's payload are in memory.
    fn is_warm(&mut self, number: usize, bytes: usize) {
        let state = &mut self.entries[number];
        let more = bytes.saturating_sub(state.warm_bytes);
        state.warm_bytes += more;
        self.ring.warm_bytes.fetch_add(more, Ordering::Relaxed);
        if state.warm_bytes > 0 && !state.is_listed {
            state.is_listed = true;
            self.warm.push_back(number);
        }
    }

    /// The entry that holds a request holds no memory from now on, if the request still waits,
    /// which is the answer.
    pub(super) fn cool_if_waiting(&mut self, unique: u64, number: usize) -> bool {
        let mut held = self.ring.held.lock();
        let Some(Held { entry, .. }) = held.get_mut(&unique) else { return false };
        let bytes = mem::take(&mut self.entries[number].warm_bytes);
        if bytes > 0 {
            entry.cool(bytes);
            self.ring.warm_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        true
    }

    /// The next request that has arrived: its length in bytes, and the entry that holds it from now
    /// on.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub(super) fn take(&mut self, request: &mut Request) -> io::Result<Option<(usize, usize)>> {
        while let Some((number, mut entry)) = self.arrived.pop_front() {
            let unique = entry.unique();
            if unique >= PUSHES {
                self.answer_push(unique, number, entry)?;
                continue;
            }
            self.is_warm(number, entry.payload_len());
            let len = entry.take_request(request);
            self.ring.held.lock().insert(unique, Held { number, entry });
            if let Some(len) = len {
                return Ok(Some((len, number)));
            }
            warn!("request {unique} is not as long as it says");
            let refusal = wire::out_header(unique, -libc::EINVAL, 0);
            let refused = self.ring.answer(unique, &[io::IoSlice::new(&refusal)]);
            debug!("it is refused: {refused:?}");
        }
        Ok(None)
    }

    /// Whether more requests have arrived.
    pub(super) fn has_more(&self) -> bool {
        !self.arrived.is_empty()
    }
}

/// A call that was interrupted, took too long, or has to be made once more, has not failed: the
/// owner comes back anyway.
fn allow_retries(outcome: io::Result<usize>) -> io::Result<()> {
    match outcome.map_err(|error| (error.raw_os_error(), error)) {
        Err((Some(libc::EINTR | libc::ETIME | libc::EBUSY | libc::EAGAIN), _)) => Ok(()),
        Err((_, error)) => Err(error),
        Ok(_) => Ok(()),
    }
}
