//! The system's own named pipes: reads, writes, transactions and listening are overlapped; a flush
//! and a wait for an instance, which the system does not have so, are made by a thread.

use std::os::windows::io::{AsHandle, OwnedHandle};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::Storage::FileSystem as files;
use windows_sys::Win32::System::Pipes as pipes;

use super::api::{self, Answer};
use super::overlapped::Overlapped;
use super::words::{access, creation, failed, information, read_mode};
use crate::arms;
use crate::pipes::{Arm, Call, End, Op, Outcome, ReadMode, Wait};

/// What has not ended after this time waits. The system answers at once what it can answer; on a
/// busy machine a thread has to get a turn for it.
pub(super) const GRACE: Duration = Duration::from_millis(200);

/// How long a call of a thread may take to end once it has a reason to.
const PATIENCE: Duration = Duration::from_secs(5);

/// The arms so far: each has names of its own.
static ARMS: AtomicU32 = AtomicU32::new(0);

pub(super) struct SystemArm {
    prefix: String,
    ends: Vec<Held>,
    calls: Vec<Begun>,
}

struct Held {
    /// `None`: it is closed.
    file: Option<Arc<OwnedHandle>>,
    reads: ReadMode,
    no_wait: bool,
}

enum Begun {
    Ended(Outcome),
    Overlapped(Kind, Overlapped),
    /// What the thread still waits for; it is joined when it has ended.
    Thread(Option<JoinHandle<Answer>>),
}

/// What an overlapped operation is.
#[derive(Clone, Copy)]
enum Kind {
    Reads,
    Writes,
    Listens,
}

/// The name of a pipe that no other test uses.
pub(super) fn new_name() -> String {
    let number = ARMS.fetch_add(1, Ordering::Relaxed);
    format!(r"\\.\pipe\pipefs {} {number}-", std::process::id())
}

impl SystemArm {
    pub(super) fn new() -> Self {
        Self { prefix: new_name(), ends: Vec::new(), calls: Vec::new() }
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn held(&self, end: End) -> &Held {
        &self.ends[end.0 as usize]
    }

    fn file(&self, end: End) -> Arc<OwnedHandle> {
        Arc::clone(self.held(end).file.as_ref().expect("the end is open"))
    }

    fn hold(&mut self, file: OwnedHandle, reads: ReadMode) -> Outcome {
        self.ends.push(Held { file: Some(Arc::new(file)), reads, no_wait: false });
        Outcome::Opened(End(self.ends.len() as u32 - 1))
    }

    fn set_mode(&mut self, end: End, reads: ReadMode, no_wait: bool) -> Answer<Outcome> {
        let mode = if no_wait { pipes::PIPE_NOWAIT } else { pipes::PIPE_WAIT };
        api::set_mode(&self.file(end), mode | read_mode(reads))?;
        let held = &mut self.ends[end.0 as usize];
        (held.reads, held.no_wait) = (reads, no_wait);
        Ok(Outcome::Done)
    }

    /// Listens in a mode in which nothing waits.
    fn listen_without_waiting(&mut self, end: End) -> Answer<Begun> {
        let Held { reads, no_wait, .. } = *self.held(end);
        self.set_mode(end, reads, true)?;
        let mut connect = Overlapped::connect(&self.file(end));
        connect.ended_within(PATIENCE);
        self.set_mode(end, reads, no_wait)?;
        Ok(Begun::Overlapped(Kind::Listens, connect))
    }

    /// Calls that never wait.
    fn run_at_once(&mut self, call: &Call) -> Answer<Outcome> {
        match call {
            Call::Create(name, spec) => {
                let file = api::create(Some(&self.path(name)), creation(*spec))?;
                Ok(self.hold(file, spec.reads))
            }
            Call::Open(name, wants) => {
                let file =
                    api::open(&self.path(name), access(*wants), files::FILE_FLAG_OVERLAPPED)?;
                Ok(self.hold(file, ReadMode::Byte))
            }
            Call::List => Ok(Outcome::Names(self.names())),
            Call::Close(end) => {
                drop(arms::until_alone(
                    self.ends[end.0 as usize].file.take().expect("the end is open"),
                ));
                Ok(Outcome::Done)
            }
            Call::Duplicate(end) => {
                let copy = self.file(*end).try_clone().map_err(|_| api::last_error())?;
                Ok(self.hold(copy, self.held(*end).reads))
            }
            Call::SetNoWait(end, on) => self.set_mode(*end, self.held(*end).reads, *on),
            Call::SetReadMode(end, mode) => self.set_mode(*end, *mode, self.held(*end).no_wait),
            Call::Disconnect(end) => api::disconnect(&self.file(*end)).map(|()| Outcome::Done),
            Call::Peek(end, max) => {
                let api::Peek { bytes, numbers, answer } = api::peek(&self.file(*end), *max, 0);
                let (total_bytes, left_bytes) = (numbers[1].into(), numbers[2].into());
                answer.map(|()| Outcome::Peeked { bytes, total_bytes, left_bytes })
            }
            Call::Info(end) => information(&self.file(*end)).map(Outcome::Info),
            Call::Process(end, whose) => {
                api::process(&self.file(*end), *whose).map(Outcome::Process)
            }
            other => unreachable!("{other:?} may wait"),
        }
    }

    /// The names of this arm's pipes.
    fn names(&self) -> Vec<String> {
        let prefix = self.path("");
        let prefix = prefix.strip_prefix(r"\\.\pipe\").expect("it begins so");
        let found = std::fs::read_dir(r"\\.\pipe\").unwrap_or_else(|error| {
            panic!("the root cannot be listed: {:?}", error.raw_os_error())
        });
        let names = found.map(|entry| entry.expect("an entry").file_name().into_string());
        let names = names.map(|name| name.expect("text"));
        let mut names: Vec<_> =
            names.filter_map(|name| Some(name.strip_prefix(prefix)?.to_owned())).collect();
        names.sort_unstable();
        names
    }

    /// Begins a call that may wait.
    fn start(&mut self, call: &Call) -> Answer<Begun> {
        Ok(match call.clone() {
            Call::Read(end, max) => {
                Begun::Overlapped(Kind::Reads, Overlapped::read(&self.file(end), max))
            }
            Call::Write(end, bytes) => {
                Begun::Overlapped(Kind::Writes, Overlapped::write(&self.file(end), bytes))
            }
            Call::Transact(end, request, max) => {
                let asked = Overlapped::transact(&self.file(end), request, max);
                Begun::Overlapped(Kind::Reads, asked)
            }
            Call::Connect(end, Wait::No) => self.listen_without_waiting(end)?,
            Call::Connect(end, _) => {
                Begun::Overlapped(Kind::Listens, Overlapped::connect(&self.file(end)))
            }
            Call::Flush(end) => {
                let file = self.file(end);
                in_a_thread(move || api::flush(&file))
            }
            Call::Await(name, wait) => {
                let name = self.path(&name);
                let milliseconds = match wait {
                    Wait::No => pipes::NMPWAIT_NOWAIT,
                    Wait::Forever => pipes::NMPWAIT_WAIT_FOREVER,
                    Wait::For(time) => time.as_millis() as u32,
                };
                in_a_thread(move || api::await_instance(&name, milliseconds))
            }
            _ => Begun::Ended(self.run_at_once(call)?),
        })
    }

    /// What came of an operation, if it ends in this time.
    fn outcome_within(&mut self, op: Op, time: Duration) -> Option<Outcome> {
        match &mut self.calls[op.0 as usize] {
            Begun::Ended(outcome) => Some(outcome.clone()),
            Begun::Overlapped(kind, operation) => {
                let (answer, moved) = operation.ended_within(time)?;
                Some(result(*kind, operation, answer, moved))
            }
            Begun::Thread(thread) => {
                if !ends_within(thread.as_ref()?, time) {
                    return None;
                }
                let answer = thread.take()?.join().expect("the call does not panic");
                let outcome = answer.map_or_else(failed, |()| Outcome::Done);
                self.calls[op.0 as usize] = Begun::Ended(outcome.clone());
                Some(outcome)
            }
        }
    }
}

/// Has a thread make a call that may wait, and waits until it is about to.
fn in_a_thread(call: impl FnOnce() -> Answer + Send + 'static) -> Begun {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        tell.send(()).expect("somebody listens");
        call()
    });
    told.recv().expect("the thread has begun");
    Begun::Thread(Some(thread))
}

/// What an operation that has ended says.
fn result(kind: Kind, operation: &Overlapped, answer: Answer, moved: usize) -> Outcome {
    match (kind, answer) {
        (Kind::Reads, Ok(())) => Outcome::Data { bytes: operation.bytes(), more: Some(false) },
        (Kind::Reads, Err(ERROR_MORE_DATA)) => {
            Outcome::Data { bytes: operation.bytes(), more: Some(true) }
        }
        (Kind::Writes, Ok(())) => Outcome::Written(moved),
        (Kind::Listens, Ok(())) => Outcome::Done,
        (_, Err(error)) => failed(error),
    }
}

impl Arm for SystemArm {
    fn begin(&mut self, call: Call) -> Op {
        let begun = self.start(&call).unwrap_or_else(|error| Begun::Ended(failed(error)));
        self.calls.push(begun);
        Op(self.calls.len() as u32 - 1)
    }

    fn outcome(&mut self, op: Op) -> Option<Outcome> {
        self.outcome_within(op, GRACE)
    }

    fn outcome_at_last(&mut self, op: Op) -> Option<Outcome> {
        self.outcome_within(op, PATIENCE)
    }

    fn cancel(&mut self, op: Op) {
        let cancelled = match &self.calls[op.0 as usize] {
            Begun::Overlapped(_, operation) => operation.cancel(),
            Begun::Thread(Some(thread)) => api::cancel_calls_of(thread.as_handle()),
            Begun::Thread(None) | Begun::Ended(_) => panic!("what is cancelled waits"),
        };
        assert_eq!(cancelled, Ok(()), "what waits can be cancelled");
    }

    fn pass(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn processes(&self) -> (u32, u32) {
        (std::process::id(), std::process::id())
    }
}

/// Whether a thread ends in this time.
pub(super) fn ends_within<T>(thread: &JoinHandle<T>, time: Duration) -> bool {
    let end = Instant::now() + time;
    while !thread.is_finished() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    thread.is_finished()
}

impl Drop for SystemArm {
    /// What waits at the end of a case is cancelled, before its handle is closed; a wait for an
    /// instance ends with the last one.
    fn drop(&mut self) {
        for begun in &self.calls {
            if let Begun::Thread(Some(thread)) = begun {
                // It may not be one that can be cancelled, or have ended just now.
                let _ = api::cancel_calls_of(thread.as_handle());
            }
        }
        let threads: Vec<_> = (self.calls.drain(..))
            .filter_map(|begun| match begun {
                Begun::Thread(thread) => thread,
                Begun::Ended(_) | Begun::Overlapped(..) => None,
            })
            .collect();
        self.ends.clear();
        for thread in threads {
            ends_within(&thread, PATIENCE);
        }
    }
}
