//! A volume as the driver has it: requests that no thread of the file system has taken, requests
//! that wait for answers, and answers that nobody has looked at.

use std::collections::{HashMap, VecDeque};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_FUNCTION, ERROR_OPERATION_ABORTED,
};

use super::buffer::Buffer;
use super::request::FileContext;
use super::token::Token;
use super::{Answer, Request};

/// How long a thread that asks for work is kept waiting before it is told that there is none.
const TRANSACT_TIMEOUT: Duration = Duration::from_secs(1);

/// The name that a volume has in Windows.
const NAME: &str = r"\Device\Volume{00000000-0000-0000-0000-000000000000}";

/// Which request: its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket(u64);

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It has not come in time.
    StillWaiting,
    /// The volume was stopped before: the driver itself says so to the client.
    Stopped,
}

/// See above.
#[derive(Debug)]
pub(crate) struct Volume {
    /// Who asks.
    pub(crate) token: Token,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    /// Not taken by any thread.
    queue: VecDeque<Vec<u8>>,
    /// Without an answer.
    waiting: HashMap<Ticket, Waiting>,
    answers: HashMap<Ticket, Answer>,
    /// No answers come any more.
    is_stopped: bool,
    /// What a file system must not do and has done.
    faults: Vec<String>,
}

/// A request without an answer.
#[derive(Debug)]
struct Waiting {
    kind: u32,
    file: Option<FileContext>,
    buffer: Option<Buffer>,
}

impl State {
    /// Takes an answer from the file system.
    fn take(&mut self, bytes: &[u8]) {
        let mut answer = match Answer::parse(bytes) {
            Ok(answer) => answer,
            Err(what) => return self.faults.push(what),
        };
        let ticket = Ticket(answer.hint());
        match self.waiting.remove(&ticket) {
            Some(waiting) if waiting.kind == answer.kind() => {
                answer.content = waiting.buffer.map(Buffer::content).unwrap_or_default();
                self.answers.insert(ticket, answer);
            }
            Some(waiting) => {
                let (kind, other) = (waiting.kind, answer.kind());
                self.faults.push(format!("{ticket:?} of kind {kind} answered as one of {other}"));
                self.waiting.insert(ticket, waiting);
            }
            None => self.faults.push(format!("an answer to {ticket:?}, which waits for none")),
        }
    }
}

impl Volume {
    pub(super) fn new() -> Self {
        let token = Token::of_this_process();
        Self { token, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Hands the file system a request.
    pub(crate) fn post(&self, mut request: Request) -> Ticket {
        let mut state = self.state.lock();
        state.last += 1;
        let ticket = Ticket(state.last);
        let (kind, file, buffer) = (request.kind(), request.file, request.buffer.take());
        state.waiting.insert(ticket, Waiting { kind, file, buffer });
        state.queue.push_back(request.bytes(ticket.0));
        self.changed.notify_all();
        ticket
    }

    /// The answer, if there is one before the time is over. It is given once.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn answer_within(
        &self,
        ticket: Ticket,
        time: Duration,
    ) -> Result<Answer, Unanswered> {
        let end = Instant::now() + time;
        let mut state = self.state.lock();
        loop {
            if let Some(answer) = state.answers.remove(&ticket) {
                return Ok(answer);
            }
            if state.is_stopped {
                return Err(Unanswered::Stopped);
            }
            if self.changed.wait_until(&mut state, end).timed_out() {
                return state.answers.remove(&ticket).ok_or(Unanswered::StillWaiting);
            }
        }
    }

    /// Waits until every request about an open file has its answer: no sooner does Windows let go
    /// of it, whatever becomes of its handles. Whether they have come in time.
    pub(crate) fn is_idle_within(&self, file: FileContext, time: Duration) -> bool {
        let end = Instant::now() + time;
        let mut state = self.state.lock();
        while state.waiting.values().any(|waiting| waiting.file == Some(file)) {
            if state.is_stopped || self.changed.wait_until(&mut state, end).timed_out() {
                return false;
            }
        }
        !state.is_stopped
    }

    /// Whether it was stopped, after which there are no answers.
    pub(crate) fn is_stopped(&self) -> bool {
        self.state.lock().is_stopped
    }

    /// How many requests have no answer.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting.len()
    }

    /// Asserts that the file system has kept to the rules.
    ///
    /// # Panics
    /// It has not; but not while the test is panicking already.
    pub(crate) fn assert_no_faults(&self) {
        let faults = std::mem::take(&mut self.state.lock().faults);
        if !faults.is_empty() && !thread::panicking() {
            panic!("the file system has broken rules of the driver: {faults:#?}");
        }
    }

    /// What the DLL says to the driver. The low bits of its code are a letter.
    ///
    /// # Errors
    /// A number of Windows' errors.
    pub(super) fn control(&self, code: u32, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        match (code >> 2 & 0xff) as u8 {
            b'N' => put(
                output,
                &NAME.encode_utf16().chain([0]).flat_map(u16::to_ne_bytes).collect::<Vec<u8>>(),
            ),
            b'T' => self.transact(input, output),
            b's' | b'S' => {
                self.state.lock().is_stopped = true;
                self.changed.notify_all();
                Ok(0)
            }
            // A notification: nobody watches directories here.
            b'n' => Ok(0),
            letter => {
                let fault = format!("the driver was asked for {:?}", char::from(letter));
                self.state.lock().faults.push(fault);
                Err(ERROR_INVALID_FUNCTION)
            }
        }
    }

    /// A thread of the file system brings an answer, asks for a request, or both.
    fn transact(&self, input: &[u8], output: &mut [u8]) -> Result<usize, u32> {
        let end = Instant::now() + TRANSACT_TIMEOUT;
        let mut state = self.state.lock();
        if !input.is_empty() {
            if state.is_stopped {
                return Err(ERROR_OPERATION_ABORTED);
            }
            state.take(input);
            self.changed.notify_all();
        }
        // An answer alone, or neither: that says that the file system begins.
        if output.is_empty() {
            return Ok(0);
        }
        loop {
            if state.is_stopped {
                return Err(ERROR_OPERATION_ABORTED);
            }
            if let Some(request) = state.queue.pop_front() {
                return put(output, &request);
            }
            if self.changed.wait_until(&mut state, end).timed_out() {
                return Ok(0);
            }
        }
    }
}

fn put(output: &mut [u8], bytes: &[u8]) -> Result<usize, u32> {
    output.get_mut(..bytes.len()).ok_or(ERROR_INSUFFICIENT_BUFFER)?.copy_from_slice(bytes);
    Ok(bytes.len())
}
