//! A real mount: each operation is a system call in a thread of its own. One that waits is seen
//! asleep in its call, and the driver's count says that it has them all.

use std::fs;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use libc::{
    O_APPEND, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY, S_IFREG, SIGUSR1,
};

use super::errno;
use crate::harness::process::Stat;
use crate::harness::{Errno, Fd, Mount, Task, calls, sys};
use crate::pipes::{Arm, Call, Direction, End, Op, Outcome, Spec, Wants};

/// How long an operation may be on its way to the driver and back.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct MountArm {
    /// `None`: it is closed.
    ends: Vec<Option<Arc<Fd>>>,
    calls: Vec<Begun>,
    mount: Mount,
}

struct Begun {
    call: Call,
    waited: bool,
    state: Running,
}

enum Running {
    Ended(Outcome),
    /// In a thread with this id.
    Thread(i32, Task<Result<Returned, Errno>>),
}

/// What a system call gave.
enum Returned {
    Bytes(Vec<u8>),
    Count(usize),
    Nothing,
}

impl MountArm {
    pub(crate) fn new() -> Self {
        sys::handle_signal(SIGUSR1, false).expect("a handler can be installed");
        Self { ends: Vec::new(), calls: Vec::new(), mount: like_windows() }
    }

    fn held(&self, end: End) -> Arc<Fd> {
        Arc::clone(self.ends[end.0 as usize].as_ref().expect("the end is open"))
    }

    fn hold(&mut self, file: Fd) -> Outcome {
        self.ends.push(Some(Arc::new(file)));
        Outcome::Opened(End(self.ends.len() as u32 - 1))
    }

    /// Calls that never wait.
    fn run_at_once(&mut self, call: &Call) -> Result<Outcome, Errno> {
        match call {
            Call::Create(name, spec) => {
                let file = self.create(name, *spec)?;
                Ok(self.hold(file))
            }
            Call::Open(name, wants) => {
                let flags = match wants {
                    Wants::Read => O_RDONLY,
                    Wants::Write => O_WRONLY,
                    Wants::Both => O_RDWR | O_APPEND,
                    Wants::Nothing => libc::O_ACCMODE,
                };
                let file = self.opened(name, flags)?;
                Ok(self.hold(file))
            }
            Call::List => {
                let names = fs::read_dir(self.mount.dir()).map_err(Errno::from)?;
                let name = |entry: std::io::Result<fs::DirEntry>| {
                    entry.expect("an entry").file_name().into_string().expect("text")
                };
                let mut names: Vec<_> = names.map(name).collect();
                names.sort_unstable();
                Ok(Outcome::Names(names))
            }
            Call::Close(end) => {
                let file = self.ends[end.0 as usize].take().expect("the end is open");
                // A thread whose call has returned lets go of it at any moment.
                let file = until_alone(file);
                file.close().map(|()| Outcome::Done)
            }
            Call::Duplicate(end) => {
                let copy = self.held(*end).duplicate()?;
                Ok(self.hold(copy))
            }
            Call::SetNoWait(end, on) => {
                self.held(*end).set_nonblocking(*on).map(|()| Outcome::Done)
            }
            other => unreachable!("{other:?} may wait"),
        }
    }

    /// In the harness' own thread, with its deadline: no open waits with `open=fail`.
    fn opened(&self, name: &str, flags: i32) -> Result<Fd, Errno> {
        self.mount.opening(name, flags).join(PATIENCE)
    }

    fn create(&mut self, name: &str, spec: Spec) -> Result<Fd, Errno> {
        let flags = match spec.direction {
            Direction::Outbound => O_WRONLY,
            Direction::Inbound => O_RDONLY,
            Direction::Duplex => O_RDWR | O_TRUNC,
        };
        let path = self.mount.path(name);
        match sys::mknod(&path, S_IFREG | 0o666) {
            Ok(()) => {
                for (key, value) in super::settings(spec) {
                    let name = format!("user.pipefs.{key}");
                    if let Err(error) = calls::set_attribute(&path, &name, value.as_bytes()) {
                        fs::remove_file(&path).expect("it was just made");
                        return Err(error);
                    }
                }
            }
            Err(Errno::EEXIST) if spec.first => {
                return self.opened(name, flags | O_CREAT | O_EXCL | O_NONBLOCK);
            }
            Err(Errno::EEXIST) => {}
            Err(error) => return Err(error),
        }
        self.opened(name, flags)
    }

    /// A call that may wait, as what a thread does.
    fn work(
        &self,
        call: &Call,
    ) -> Option<Box<dyn FnOnce() -> Result<Returned, Errno> + Send + 'static>> {
        match call.clone() {
            Call::Read(end, max) => {
                let file = self.held(end);
                Some(Box::new(move || file.read(max).map(Returned::Bytes)))
            }
            Call::Write(end, bytes) => {
                let file = self.held(end);
                Some(Box::new(move || file.write(&bytes).map(Returned::Count)))
            }
            Call::Flush(end) => {
                let file = self.held(end);
                Some(Box::new(move || file.fsync().map(|()| Returned::Nothing)))
            }
            _ => None,
        }
    }

    /// Takes note of every call that has returned; how many have not.
    fn collect(&mut self) -> usize {
        let mut running = 0;
        for begun in &mut self.calls {
            let Running::Thread(_, task) = &mut begun.state else { continue };
            if !task.ends_within(Duration::ZERO) {
                running += 1;
                continue;
            }
            let Running::Thread(_, task) =
                std::mem::replace(&mut begun.state, Running::Ended(Outcome::Done))
            else {
                unreachable!("it was one")
            };
            let outcome = match task.join(Duration::ZERO) {
                Ok(returned) => understood(&begun.call, returned),
                Err(error) => errno::outcome(&begun.call, begun.waited, error.0),
            };
            begun.state = Running::Ended(outcome);
        }
        running
    }

    /// Operations that the driver holds.
    fn waiting_operations(&self) -> usize {
        let state = calls::attribute(self.mount.dir(), "user.pipefs.state").expect("the state");
        let state = String::from_utf8(state).expect("JSON is text");
        let (_, rest) = state.split_once("\"waiting_operations\":").expect("the member is there");
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        digits.parse().expect("a number")
    }
}

/// A mount with settings that are like Windows as far as there are such; other users may use it.
pub(crate) fn like_windows() -> Mount {
    let mut options: Vec<_> =
        super::LIKE_WINDOWS.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if sys::effective_uid() == 0 {
        options.push("allow_other".into());
    }
    Mount::with(&["-o", &options.join(",")])
}

fn until_alone(mut file: Arc<Fd>) -> Fd {
    let end = Instant::now() + PATIENCE;
    loop {
        file = match Arc::try_unwrap(file) {
            Ok(file) => return file,
            Err(shared) => shared,
        };
        assert!(Instant::now() < end, "a call waits on an end that is to be closed");
        std::thread::yield_now();
    }
}

/// What a returned call means.
fn understood(call: &Call, returned: Returned) -> Outcome {
    match (call, returned) {
        (Call::Read(_, max), Returned::Bytes(bytes)) if bytes.is_empty() && *max > 0 => {
            Outcome::Failed(crate::pipes::Code::BrokenPipe)
        }
        (_, Returned::Bytes(bytes)) => Outcome::Data { bytes, more: None },
        (_, Returned::Count(count)) => Outcome::Written(count),
        (_, Returned::Nothing) => Outcome::Done,
    }
}

/// The number of the system call that an operation waits in.
fn number_of(call: &Call) -> i64 {
    match call {
        Call::Read(..) => libc::SYS_read,
        Call::Write(..) => libc::SYS_write,
        Call::Flush(..) => libc::SYS_fsync,
        other => unreachable!("{other:?} is in no thread"),
    }
}

/// Whether a thread of this process sleeps in this system call, interruptibly.
fn sleeps_in(thread: i32, number: i64) -> bool {
    let own = i32::try_from(std::process::id()).expect("a pid fits");
    let file = format!("/proc/{own}/task/{thread}/syscall");
    let inside = fs::read_to_string(file).unwrap_or_default();
    let asleep = Stat::read(own, thread).is_some_and(|stat| stat.state == 'S');
    asleep && inside.split(' ').next() == Some(&number.to_string())
}

impl Arm for MountArm {
    fn begin(&mut self, call: Call) -> Op {
        let state = match self.work(&call) {
            Some(work) => {
                let (tell, told) = mpsc::channel();
                let task = Task::spawn(move || {
                    tell.send(calls::thread_id()).expect("somebody listens");
                    work()
                });
                Running::Thread(told.recv().expect("the thread has begun"), task)
            }
            None => Running::Ended(match self.run_at_once(&call) {
                Ok(outcome) => outcome,
                Err(error) => errno::outcome(&call, false, error.0),
            }),
        };
        self.calls.push(Begun { call, waited: false, state });
        Op(self.calls.len() as u32 - 1)
    }

    fn outcome(&mut self, op: Op) -> Option<Outcome> {
        let end = Instant::now() + PATIENCE;
        loop {
            let running = self.collect();
            let begun = &self.calls[op.0 as usize];
            let (thread, number) = match &begun.state {
                Running::Ended(outcome) => return Some(outcome.clone()),
                Running::Thread(thread, _) => (*thread, number_of(&begun.call)),
            };
            // If the driver holds as many as have not returned, it holds each of them.
            if self.waiting_operations() == running && sleeps_in(thread, number) {
                self.calls[op.0 as usize].waited = true;
                return None;
            }
            let held = self.waiting_operations();
            let call = &self.calls[op.0 as usize].call;
            assert!(
                Instant::now() < end,
                "{call:?} neither returns nor waits in the driver, which holds {held} of {running}"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn cancel(&mut self, op: Op) {
        assert_eq!(self.outcome(op), None, "what is cancelled waits");
        let Running::Thread(thread, _) = self.calls[op.0 as usize].state else { return };
        calls::signal_thread(thread, SIGUSR1).expect("the thread is there");
    }

    fn pass(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn processes(&self) -> (u32, u32) {
        (std::process::id(), std::process::id())
    }
}

impl Drop for MountArm {
    /// What waits at the end of a case is interrupted, so that its thread ends with it.
    fn drop(&mut self) {
        for begun in self.calls.drain(..) {
            if let Running::Thread(thread, mut task) = begun.state {
                let end = Instant::now() + PATIENCE;
                while !task.ends_within(Duration::from_millis(5)) && Instant::now() < end {
                    // It may have returned just now; then there is no thread to be signalled.
                    let _ = calls::signal_thread(thread, SIGUSR1);
                }
            }
        }
    }
}
