//! System calls that std does not have, each as a safe function: the benchmark's only `unsafe`.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use libc::{c_int, clockid_t, cpu_set_t, pid_t};

/// The result of a call that gives -1 and sets errno on failure.
fn checked(result: c_int) -> io::Result<c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn terminated(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// What `command` starts gets `signal` when the thread that started it ends.
pub(crate) fn bind_to_parent(command: &mut Command, signal: c_int) {
    let parent = std::process::id().cast_signed();
    // SAFETY: between fork and exec only prctl, getppid and raise are called, all of them
    // async-signal-safe, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            checked(libc::prctl(libc::PR_SET_PDEATHSIG, signal))?;
            if libc::getppid() != parent {
                libc::raise(libc::SIGKILL);
            }
            Ok(())
        });
    }
}

/// Orphans among the descendants of this process become its children.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    // SAFETY: prctl takes no pointers here.
    checked(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }).map(drop)
}

/// Takes note of one child that has ended: its id, 0 if none has yet, an error if there is none.
pub(crate) fn reap_any() -> io::Result<pid_t> {
    // SAFETY: a null status is allowed.
    checked(unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) })
}

/// Sends a signal to a process, or, if negative, to a process group.
pub(crate) fn send_signal(process: pid_t, signal: c_int) {
    // SAFETY: kill takes no pointers.
    unsafe { libc::kill(process, signal) };
}

/// Waits until `file` can be read or has ended; `false` when the time is over.
pub(crate) fn wait_readable(file: impl AsFd, milliseconds: c_int) -> io::Result<bool> {
    let fd = file.as_fd().as_raw_fd();
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid pollfd, which lives through the call.
    Ok(checked(unsafe { libc::poll(&raw mut poll, 1, milliseconds) })? > 0)
}

/// The CPUs that a thread (0: the calling one) may use.
pub(crate) fn affinity(thread: pid_t) -> io::Result<Vec<usize>> {
    let mut set = no_cpus();
    // SAFETY: `set` is writable and its size is passed.
    checked(unsafe { libc::sched_getaffinity(thread, size_of_val(&set), &raw mut set) })?;
    let all = 0..libc::CPU_SETSIZE.cast_unsigned() as usize;
    // SAFETY: the index is below CPU_SETSIZE.
    Ok(all.filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

/// Pins a thread (0: the calling one) to `cpus`.
pub(crate) fn set_affinity(thread: pid_t, cpus: &[usize]) -> io::Result<()> {
    let mut set = no_cpus();
    for &cpu in cpus {
        assert!(cpu < libc::CPU_SETSIZE.cast_unsigned() as usize, "no such CPU");
        // SAFETY: `cpu` is below CPU_SETSIZE.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: `set` lives through the call and its size is passed.
    checked(unsafe { libc::sched_setaffinity(thread, size_of_val(&set), &raw const set) }).map(drop)
}

fn no_cpus() -> cpu_set_t {
    // SAFETY: a cpu_set_t is plain numbers; all zero is the empty set.
    unsafe { std::mem::zeroed() }
}

/// What a clock shows.
pub(crate) fn nanoseconds(clock: clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is writable.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Makes a FIFO of the kernel's.
pub(crate) fn make_fifo(path: &Path) -> io::Result<()> {
    let path = terminated(path)?;
    // SAFETY: a terminated path.
    checked(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }).map(drop)
}

/// Sets a FIFO's capacity; returns what it is then.
pub(crate) fn set_pipe_size(file: impl AsFd, bytes: c_int) -> io::Result<c_int> {
    // SAFETY: F_SETPIPE_SZ takes an int.
    checked(unsafe { libc::fcntl(file.as_fd().as_raw_fd(), libc::F_SETPIPE_SZ, bytes) })
}

/// Unmounts `directory` even if it is in use.
pub(crate) fn unmount_lazily(directory: &Path) -> io::Result<()> {
    let directory = terminated(directory)?;
    // SAFETY: a terminated path.
    checked(unsafe { libc::umount2(directory.as_ptr(), libc::MNT_DETACH) }).map(drop)
}

/// CPU time of all children that have been waited for, and of theirs.
pub(crate) fn children_cpu_nanoseconds() -> io::Result<u64> {
    // SAFETY: an rusage is plain numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is writable.
    checked(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) })?;
    let microseconds = |time: libc::timeval| {
        time.tv_sec.cast_unsigned() * 1_000_000 + time.tv_usec.cast_unsigned()
    };
    Ok((microseconds(usage.ru_utime) + microseconds(usage.ru_stime)) * 1000)
}

/// Makes a plain file, without opening it: on pipefs, a pipe that nobody has opened.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    let path = terminated(path)?;
    // SAFETY: a terminated path.
    checked(unsafe { libc::mknod(path.as_ptr(), libc::S_IFREG | 0o600, 0) }).map(drop)
}
