//! A real mount: each operation is a system call in a thread of its own. One that waits is seen
//! asleep in its call, and the driver's count says that it has them all.
//!
//! read(2) cannot say whether a message goes on, nor tell an empty one from the end of file. So
//! this arm does what a program does that must know: it asks PEEK before it reads.

use std::fs;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use libc::{
    O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_TRUNC, O_WRONLY,
    S_IFREG, SIGUSR1,
};

use super::errno;
use crate::arms::{self, failure};
use crate::harness::functions::{CLIENT, Peek, SERVER};
use crate::harness::process::Stat;
use crate::harness::{Errno, Fd, Mount, Task, calls, sys};
use crate::pipes::{
    Arm, Call, Code, Direction, End, Info, Op, Outcome, ReadMode, Spec, Wait, Wants, Whose,
};

/// How long an operation may be on its way to the driver and back.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct MountArm {
    ends: Vec<Held>,
    calls: Vec<Begun>,
    mount: Mount,
}

struct Held {
    /// `None`: it is closed.
    file: Option<Arc<Fd>>,
    messages: bool,
}

struct Begun {
    call: Call,
    waited: bool,
    state: Running,
}

enum Running {
    Ended(Outcome),
    /// In a thread with this id, and in this system call.
    Thread(i32, i64, Task<Result<Outcome, Errno>>),
}

/// What a thread does, and the number of the system call in which it may wait.
type Work = (i64, Box<dyn FnOnce() -> Result<Outcome, Errno> + Send>);

impl MountArm {
    pub(crate) fn new() -> Self {
        sys::handle_signal(SIGUSR1, false).expect("a handler can be installed");
        Self { ends: Vec::new(), calls: Vec::new(), mount: like_windows() }
    }

    fn held(&self, end: End) -> Arc<Fd> {
        Arc::clone(self.ends[end.0 as usize].file.as_ref().expect("the end is open"))
    }

    fn hold(&mut self, file: Fd) -> Outcome {
        let messages = file.info().expect("an end has information").pipe_type == 1;
        self.ends.push(Held { file: Some(Arc::new(file)), messages });
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
                let file = self.ends[end.0 as usize].file.take().expect("the end is open");
                let file = arms::until_alone(file);
                file.close().map(|()| Outcome::Done)
            }
            Call::Duplicate(end) => {
                let copy = self.held(*end).duplicate()?;
                Ok(self.hold(copy))
            }
            Call::SetNoWait(end, on) => {
                self.held(*end).set_nonblocking(*on).map(|()| Outcome::Done)
            }
            Call::SetReadMode(end, mode) => {
                let mode = u32::from(*mode == ReadMode::Message);
                self.held(*end).set_read_mode(mode).map(|_| Outcome::Done)
            }
            Call::Disconnect(end) => self.held(*end).disconnect().map(|_| Outcome::Done),
            Call::Peek(end, max) => {
                let Peek { data, total_bytes, left_bytes, .. } = self.held(*end).peek(*max)?;
                Ok(Outcome::Peeked { bytes: data, total_bytes, left_bytes: left_bytes.into() })
            }
            Call::Info(end) => information(&self.held(*end)).map(Outcome::Info),
            Call::Process(end, whose) => {
                let whose = if *whose == Whose::Server { SERVER } else { CLIENT };
                self.held(*end).peer(whose).map(|peer| Outcome::Process(peer.pid))
            }
            other => unreachable!("{other:?} may wait"),
        }
    }

    /// In this thread: one that has ended is nobody's process. No open waits with `open=fail`.
    fn opened(&self, name: &str, flags: i32) -> Result<Fd, Errno> {
        Fd::open(self.mount.path(name), flags)
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
                for (key, value) in arms::settings(spec) {
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
        let file = self.opened(name, flags)?;
        if spec.reads == ReadMode::Message {
            file.set_read_mode(1)?;
        }
        Ok(file)
    }

    /// A call that may wait, as what a thread does.
    fn work(&self, call: &Call) -> Option<Work> {
        let messages = |end: End| self.ends[end.0 as usize].messages;
        Some(match call.clone() {
            Call::Read(end, max) => {
                let (file, messages) = (self.held(end), messages(end));
                (libc::SYS_read, Box::new(move || read(&file, max, messages)))
            }
            Call::Write(end, bytes) if bytes.is_empty() && messages(end) => {
                let file = self.held(end);
                (libc::SYS_ioctl, Box::new(move || file.send_empty().map(|_| Outcome::Written(0))))
            }
            Call::Write(end, bytes) => {
                let file = self.held(end);
                (libc::SYS_write, Box::new(move || file.write(&bytes).map(Outcome::Written)))
            }
            Call::Flush(end) => {
                let file = self.held(end);
                (libc::SYS_fsync, Box::new(move || file.fsync().map(|()| Outcome::Done)))
            }
            Call::Connect(end, wait) => {
                let file = self.held(end);
                let connect = move || {
                    Ok(match file.connect(limit(wait))? {
                        0 => Outcome::Done,
                        _ => Outcome::Failed(Code::AlreadyConnected),
                    })
                };
                (libc::SYS_ioctl, Box::new(connect))
            }
            Call::Await(name, wait) => {
                let root = Fd::open(self.mount.dir(), O_RDONLY | O_DIRECTORY).expect("the root");
                let work = move || root.wait_for(&name, limit(wait)).map(|_| Outcome::Done);
                (libc::SYS_ioctl, Box::new(work))
            }
            Call::Transact(end, request, max) => {
                let file = self.held(end);
                (libc::SYS_ioctl, Box::new(move || transact(&file, &request, max)))
            }
            _ => return None,
        })
    }

    /// Takes note of every call that has returned; how many have not.
    fn collect(&mut self) -> usize {
        let mut running = 0;
        for begun in &mut self.calls {
            let Running::Thread(.., task) = &mut begun.state else { continue };
            if !task.ends_within(Duration::ZERO) {
                running += 1;
                continue;
            }
            let Running::Thread(.., task) =
                std::mem::replace(&mut begun.state, Running::Ended(Outcome::Done))
            else {
                unreachable!("it was one")
            };
            let outcome = match task.join(Duration::ZERO) {
                Ok(outcome) => outcome,
                Err(error) => failure::outcome(&begun.call, begun.waited, errno::error(error.0)),
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
        arms::LIKE_WINDOWS.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if sys::effective_uid() == 0 {
        options.push("allow_other".into());
    }
    Mount::with(&["-o", &options.join(",")])
}

/// A read, and what it means.
fn read(file: &Fd, max: usize, messages: bool) -> Result<Outcome, Errno> {
    let found = file.peek(max).ok().filter(|found| messages && found.messages > 0);
    let bytes = file.read(max)?;
    let is_message = || messages && (found.is_some() || file.info().is_ok_and(|i| i.state == 3));
    if bytes.is_empty() && max > 0 && !is_message() {
        return Ok(Outcome::Failed(Code::BrokenPipe));
    }
    let reads_bytes = !messages || file.handle_state()?.0 == 0;
    let more = if reads_bytes { Some(false) } else { found.map(|found| found.left_bytes > 0) };
    Ok(Outcome::Data { bytes, more })
}

/// A transaction; without an answer and a peer, it is the end.
fn transact(file: &Fd, request: &[u8], max: usize) -> Result<Outcome, Errno> {
    let (bytes, left_bytes) = file.transact(request, max, None)?;
    if bytes.is_empty() && file.info()?.state != 3 {
        return Ok(Outcome::Failed(Code::BrokenPipe));
    }
    Ok(Outcome::Data { bytes, more: Some(left_bytes > 0) })
}

fn limit(wait: Wait) -> Option<Duration> {
    match wait {
        Wait::No => Some(Duration::ZERO),
        Wait::Forever => None,
        Wait::For(time) => Some(time),
    }
}

fn information(file: &Fd) -> Result<Info, Errno> {
    let info = file.info()?;
    let (read_mode, instances) = file.handle_state()?;
    assert_eq!(instances, info.instances, "both say it");
    Ok(Info {
        is_server: info.role == 1,
        messages: info.pipe_type == 1,
        reads: if read_mode == 1 { ReadMode::Message } else { ReadMode::Byte },
        direction: match info.direction {
            1 => Direction::Outbound,
            2 => Direction::Inbound,
            _ => Direction::Duplex,
        },
        most_instances: Some(info.max_instances).filter(|most| *most > 0),
        instances: info.instances,
        capacity_bytes: info.capacity_bytes,
        readable_bytes: info.readable_bytes,
        writable_bytes: info.writable_bytes,
        state: info.state,
    })
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
            Some((number, work)) => {
                let (tell, told) = mpsc::channel();
                let task = Task::spawn(move || {
                    tell.send(calls::thread_id()).expect("somebody listens");
                    work()
                });
                Running::Thread(told.recv().expect("the thread has begun"), number, task)
            }
            None => Running::Ended(match self.run_at_once(&call) {
                Ok(outcome) => outcome,
                Err(error) => failure::outcome(&call, false, errno::error(error.0)),
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
                Running::Thread(thread, number, _) => (*thread, *number),
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
        let Running::Thread(thread, ..) = self.calls[op.0 as usize].state else { return };
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
            if let Running::Thread(thread, _, mut task) = begun.state {
                let end = Instant::now() + PATIENCE;
                while !task.ends_within(Duration::from_millis(5)) && Instant::now() < end {
                    // It may have returned just now; then there is no thread to be signalled.
                    let _ = calls::signal_thread(thread, SIGUSR1);
                }
            }
        }
    }
}
