//! Children of the benchmark: none outlives it, none is waited for without a deadline.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::syscalls;

/// How often a process that should end is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(2);
/// How long a killed process may take: longer means uninterruptible sleep.
const KILL_DEADLINE: Duration = Duration::from_secs(3);

/// A command of this very program in another role.
pub(crate) fn own_command() -> io::Result<Command> {
    Ok(Command::new(std::env::current_exe()?))
}

/// Starts `command` so that it gets `signal` when the thread that calls this ends.
pub(crate) fn spawn_bound(command: &mut Command, signal: libc::c_int) -> io::Result<Child> {
    syscalls::bind_to_parent(command, signal);
    command.spawn()
}

/// Waits for `child` to end until `deadline`.
pub(crate) fn wait_until(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// A child that speaks in lines: it says one when it is ready, waits for [`Actor::go`], and says
/// what came of it.
#[derive(Debug)]
pub(crate) struct Actor {
    name: &'static str,
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    pending: Vec<u8>,
}

impl Actor {
    pub(crate) fn spawn<S: AsRef<OsStr>>(name: &'static str, arguments: &[S]) -> io::Result<Self> {
        let mut command = own_command()?;
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn_bound(&mut command, libc::SIGKILL)?;
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no output"))?;
        Ok(Self { name, child, input, output, pending: Vec::new() })
    }

    /// Lets the child go on.
    pub(crate) fn go(&mut self) -> io::Result<()> {
        match &mut self.input {
            Some(input) => input.write_all(b"\n"),
            None => Err(io::Error::other("no input")),
        }
    }

    /// The child's next line, split at blanks; its first word must be `expected`.
    ///
    /// # Errors
    /// The deadline passed, the child ended, or it said something else.
    pub(crate) fn expect(&mut self, expected: &str, deadline: Instant) -> io::Result<Vec<String>> {
        let line = self.line(deadline)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        if words.next().as_deref() == Some(expected) {
            Ok(words.collect())
        } else {
            Err(io::Error::other(format!("{}: {line}", self.name)))
        }
    }

    fn line(&mut self, deadline: Instant) -> io::Result<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if !readable(&self.output, deadline)? {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("the {} did not answer in time", self.name),
                ));
            }
            let mut buffer = [0; 512];
            let got = self.output.read(&mut buffer)?;
            if got == 0 {
                return Err(io::Error::other(format!("the {} ended early", self.name)));
            }
            self.pending.extend_from_slice(&buffer[..got]);
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        match wait_until(&mut self.child, Instant::now() + KILL_DEADLINE) {
            Ok(Some(_)) => {}
            _ => eprintln!("the {} cannot be killed: it hangs in a request", self.name),
        }
    }
}

/// Waits until `output` can be read or has ended; `false` when the deadline passed.
fn readable(output: &ChildStdout, deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let milliseconds = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
        match syscalls::wait_readable(output, milliseconds) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Pins all threads of a process, also those that are started meanwhile.
pub(crate) fn pin_process(process: u32, cpu: usize) -> io::Result<()> {
    while !is_pinned(process, cpu)? {
        for thread in threads(process)? {
            match syscalls::set_affinity(thread, &[cpu]) {
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whether every thread of a process may run on `cpu` only.
pub(crate) fn is_pinned(process: u32, cpu: usize) -> io::Result<bool> {
    for thread in threads(process)? {
        match syscalls::affinity(thread) {
            Ok(cpus) if cpus == [cpu] => {}
            Ok(_) => return Ok(false),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn threads(process: u32) -> io::Result<Vec<libc::pid_t>> {
    let entries = fs::read_dir(format!("/proc/{process}/task"))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}

/// CPU time that all threads of a process have used.
pub(crate) fn cpu_time(process: u32) -> io::Result<Duration> {
    let mut nanoseconds = 0;
    for thread in threads(process)? {
        let text = fs::read_to_string(format!("/proc/{process}/task/{thread}/schedstat"))?;
        nanoseconds += text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0);
    }
    Ok(Duration::from_nanos(nanoseconds))
}
