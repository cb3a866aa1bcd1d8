//! System calls as they are: flags in, result or errno out. All the harness's `unsafe` is here.

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use parking_lot::RwLock;

use super::errno::Errno;

/// Held for writing from fork to exec, for reading during close: else a child that another test
/// is just starting holds a copy of the file for a moment, and close would not be the last one.
static FORKING: RwLock<()> = RwLock::new(());

/// Higher than any descriptor of a test, and below the limit of 1024 that is common.
const HIGHEST: i32 = 1000;

/// Starts a program; no file of this process is closed until the child has no copy of it.
///
/// That is later than when std's spawn returns: exec lets the parent go on before it closes the
/// descriptors of the child, from the lowest to the highest. So the highest tells when all are.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let _forking = FORKING.write();
    let (all_closed, write_end) = io::pipe()?;
    // SAFETY: no pointer is passed; the descriptor that comes back is nobody else's.
    let highest = unsafe {
        let fd = check(libc::fcntl(write_end.as_raw_fd(), libc::F_DUPFD_CLOEXEC, HIGHEST));
        OwnedFd::from_raw_fd(fd.expect("there is room for a high descriptor"))
    };
    drop(write_end);
    let child = command.spawn();
    drop(highest);
    let mut entry = libc::pollfd { fd: all_closed.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: the pointer is to one entry, which outlives the call.
    let closed = check(unsafe { libc::poll(&raw mut entry, 1, 10_000) });
    assert_eq!(closed, Ok(1), "a child has not closed its copies of files within 10 s");
    child
}

/// The size of a page, or a multiple of it.
const PAGE: usize = 4096;

/// An open file, closed when it is dropped. It is shared by reference between threads.
#[derive(Debug)]
pub struct Fd(RawFd);

impl Fd {
    /// open(2); what it creates has mode 0666 less the umask.
    pub fn open(path: impl AsRef<Path>, flags: i32) -> Result<Self, Errno> {
        Self::open_with_mode(path, flags, 0o666)
    }

    /// open(2).
    pub fn open_with_mode(path: impl AsRef<Path>, flags: i32, mode: u32) -> Result<Self, Errno> {
        let path = c_path(path.as_ref());
        // SAFETY: the path is a C string that outlives the call.
        let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, mode) };
        check(fd).map(Self)
    }

    /// Takes over a descriptor that a system call has just returned.
    pub fn from_new(fd: RawFd) -> Self {
        Self(fd)
    }

    /// close(2), with its answer.
    pub fn close(self) -> Result<(), Errno> {
        close(ManuallyDrop::new(self).0)
    }

    /// dup(2).
    pub fn duplicate(&self) -> Result<Self, Errno> {
        // SAFETY: fcntl takes any number for a descriptor.
        check(unsafe { libc::fcntl(self.0, libc::F_DUPFD_CLOEXEC, 3) }).map(Self)
    }

    /// One read(2) of at most `size` bytes.
    pub fn read(&self, size: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; size];
        let count = self.read_into(&mut bytes)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// One read(2).
    pub fn read_into(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        // SAFETY: the pointer and the length are those of one mutable slice.
        check_size(unsafe { libc::read(self.0, buffer.as_mut_ptr().cast(), buffer.len()) })
    }

    /// Reads up to end of file.
    pub fn read_to_end(&self) -> Result<Vec<u8>, Errno> {
        let mut all = Vec::new();
        loop {
            let piece = self.read(1 << 16)?;
            if piece.is_empty() {
                return Ok(all);
            }
            all.extend(piece);
        }
    }

    /// Reads exactly `size` bytes, or fewer if end of file comes first.
    pub fn read_exactly(&self, size: usize) -> Result<Vec<u8>, Errno> {
        let mut all = Vec::new();
        while all.len() < size {
            let piece = self.read((size - all.len()).min(1 << 20))?;
            if piece.is_empty() {
                break;
            }
            all.extend(piece);
        }
        Ok(all)
    }

    /// One write(2).
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        // SAFETY: the pointer and the length are those of one slice.
        check_size(unsafe { libc::write(self.0, bytes.as_ptr().cast(), bytes.len()) })
    }

    /// One read(2) of at most `size` bytes to memory that begins with a page: then the kernel asks
    /// for as much in one request as it can, which is a round number.
    pub fn read_to_page(&self, size: usize) -> Result<Vec<u8>, Errno> {
        let mut memory = vec![0; size + PAGE];
        let start = memory.as_ptr().align_offset(PAGE);
        let count = self.read_into(&mut memory[start..start + size])?;
        Ok(memory[start..start + count].to_vec())
    }

    /// One write(2) from memory that begins with a page.
    pub fn write_from_page(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let mut memory = vec![0; bytes.len() + PAGE];
        let start = memory.as_ptr().align_offset(PAGE);
        memory[start..start + bytes.len()].copy_from_slice(bytes);
        self.write(&memory[start..start + bytes.len()])
    }

    /// Writes everything, in as many write(2) as it takes.
    pub fn write_all(&self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            bytes = &bytes[self.write(bytes)?..];
        }
        Ok(())
    }

    /// fsync(2).
    pub fn fsync(&self) -> Result<(), Errno> {
        // SAFETY: no pointer is passed.
        check(unsafe { libc::fsync(self.0) }).map(drop)
    }

    /// Sets or clears `O_NONBLOCK` with fcntl(2).
    pub fn set_nonblocking(&self, on: bool) -> Result<(), Errno> {
        // SAFETY: no pointer is passed.
        let flags = check(unsafe { libc::fcntl(self.0, libc::F_GETFL) })?;
        let flags = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
        // SAFETY: no pointer is passed.
        check(unsafe { libc::fcntl(self.0, libc::F_SETFL, flags) }).map(drop)
    }

    /// poll(2): the events that came, 0 when the time passed.
    pub fn poll(&self, events: i16, timeout: Duration) -> Result<i16, Errno> {
        let mut entry = libc::pollfd { fd: self.0, events, revents: 0 };
        let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the pointer is to one entry, which outlives the call.
        check(unsafe { libc::poll(&raw mut entry, 1, milliseconds) })?;
        Ok(entry.revents)
    }

    /// What is true now of all that poll(2) can report here.
    pub fn ready(&self) -> i16 {
        self.poll(libc::POLLIN | libc::POLLOUT, Duration::ZERO).expect("poll works")
    }

    /// fstat(2).
    pub fn stat(&self) -> Result<libc::stat, Errno> {
        let mut stat = MaybeUninit::uninit();
        // SAFETY: fstat fills the structure when it succeeds.
        check(unsafe { libc::fstat(self.0, stat.as_mut_ptr()) })?;
        // SAFETY: it succeeded.
        Ok(unsafe { stat.assume_init() })
    }

    /// The descriptor's number, to be used while this lives.
    pub fn raw(&self) -> RawFd {
        self.0
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // An error of close means nothing to a test that did not ask for it.
        let _ = close(self.0);
    }
}

impl AsRawFd for Fd {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

fn close(fd: RawFd) -> Result<(), Errno> {
    let _no_fork = FORKING.read();
    // SAFETY: the caller owns the descriptor and gives it up.
    check(unsafe { libc::close(fd) }).map(drop)
}

/// A path as the system calls want it.
pub fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path holds no NUL")
}

/// The result of a call that returns −1 for an error.
pub fn check(result: i32) -> Result<i32, Errno> {
    if result < 0 { Err(Errno::last()) } else { Ok(result) }
}

/// The same for calls that return a size.
pub fn check_size(result: isize) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::last())
}

/// kill(2).
pub fn kill(pid: i32, signal: i32) -> Result<(), Errno> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// mkfifo(3).
pub fn mkfifo(path: impl AsRef<Path>, mode: u32) -> Result<(), Errno> {
    let path = c_path(path.as_ref());
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::mkfifo(path.as_ptr(), mode) }).map(drop)
}

/// mknod(2).
pub fn mknod(path: impl AsRef<Path>, mode: u32) -> Result<(), Errno> {
    let path = c_path(path.as_ref());
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::mknod(path.as_ptr(), mode, 0) }).map(drop)
}

/// truncate(2).
pub fn truncate(path: impl AsRef<Path>, length: i64) -> Result<(), Errno> {
    let path = c_path(path.as_ref());
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::truncate(path.as_ptr(), length) }).map(drop)
}

/// chmod(2).
pub fn chmod(path: impl AsRef<Path>, mode: u32) -> Result<(), Errno> {
    let path = c_path(path.as_ref());
    // SAFETY: the path is a C string that outlives the call.
    check(unsafe { libc::chmod(path.as_ptr(), mode) }).map(drop)
}

/// stat(2).
pub fn stat(path: impl AsRef<Path>) -> Result<libc::stat, Errno> {
    let path = c_path(path.as_ref());
    let mut stat = MaybeUninit::uninit();
    // SAFETY: the path is a C string, and stat fills the structure when it succeeds.
    check(unsafe { libc::stat(path.as_ptr(), stat.as_mut_ptr()) })?;
    // SAFETY: it succeeded.
    Ok(unsafe { stat.assume_init() })
}

/// statfs(2).
pub fn statfs(path: impl AsRef<Path>) -> Result<libc::statfs, Errno> {
    let path = c_path(path.as_ref());
    let mut statfs = MaybeUninit::uninit();
    // SAFETY: the path is a C string, and statfs fills the structure when it succeeds.
    check(unsafe { libc::statfs(path.as_ptr(), statfs.as_mut_ptr()) })?;
    // SAFETY: it succeeded.
    Ok(unsafe { statfs.assume_init() })
}

/// A file without a name, in memory. Writes append: several processes may write at once, and the
/// kernel does not serialise their offset in a file of this kind.
pub fn memory_file(name: &str) -> File {
    let name = CString::new(name).expect("a name holds no NUL");
    // SAFETY: the name is a C string; the descriptor that comes back is nobody else's.
    unsafe {
        let fd = check(libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC));
        let file = File::from_raw_fd(fd.expect("a file in memory can be made"));
        let appending = check(libc::fcntl(file.as_raw_fd(), libc::F_SETFL, libc::O_APPEND));
        appending.expect("a file in memory can append");
        file
    }
}

/// Waits for a child's end without reaping it; false when the time passed first.
pub fn wait_for_exit(pid: i32, time: Duration) -> bool {
    // SAFETY: no pointer is passed; the descriptor that comes back is nobody else's.
    let end = unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        let fd = i32::try_from(fd).map_err(|_| Errno::last()).and_then(check);
        OwnedFd::from_raw_fd(fd.expect("a child has a pidfd"))
    };
    let deadline = Instant::now() + time;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut entry = libc::pollfd { fd: end.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // Rounded up: else the last part of a millisecond would be spent in a busy loop.
        let milliseconds = i32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        // SAFETY: the pointer is to one entry, which outlives the call.
        let count = unsafe { libc::poll(&raw mut entry, 1, milliseconds) };
        if count > 0 || left.is_zero() {
            return count > 0;
        }
    }
}

/// Installs a handler that does nothing. Without `restart`, calls that it interrupts end in EINTR.
pub fn handle_signal(signal: i32, restart: bool) -> Result<(), Errno> {
    extern "C" fn nothing(_: i32) {}
    // SAFETY: a zeroed sigaction is a valid one, and the handler does nothing.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as extern "C" fn(i32) as libc::sighandler_t;
        action.sa_flags = if restart { libc::SA_RESTART } else { 0 };
        check(libc::sigaction(signal, &raw const action, std::ptr::null_mut())).map(drop)
    }
}

/// Asks for a SIGALRM after `time`, and again after each such time if it is to be repeated.
pub fn alarm_after(time: Duration, repeated: bool) -> Result<(), Errno> {
    let none = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let value = libc::timeval {
        tv_sec: time.as_secs().cast_signed(),
        tv_usec: i64::from(time.subsec_micros()),
    };
    let interval = if repeated { value } else { none };
    let timer = libc::itimerval { it_interval: interval, it_value: value };
    // SAFETY: the pointer is to a timer that outlives the call.
    check(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) })
        .map(drop)
}

/// Makes a program start as another user, without other groups.
pub fn run_as_user(command: &mut Command, uid: u32, gid: u32) {
    let become_user = move || {
        // SAFETY: the list of groups is empty; the other calls take no pointer.
        let done = unsafe {
            libc::setgroups(0, std::ptr::null()) == 0
                && libc::setgid(gid) == 0
                && libc::setuid(uid) == 0
        };
        if done { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec nothing but system calls is made.
    unsafe { command.pre_exec(become_user) };
}

/// The user that this process acts for.
pub fn effective_uid() -> u32 {
    // SAFETY: it cannot fail and takes nothing.
    unsafe { libc::geteuid() }
}

/// Writes to a descriptor that this process was started with, which takes everything.
pub fn write_raw(fd: RawFd, bytes: &[u8]) {
    // SAFETY: the pointer and the length are those of one slice.
    let count = check_size(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) });
    assert_eq!(count, Ok(bytes.len()));
}

/// Ends this process at once, without anything that std or libc do at an end.
pub fn exit_at_once() -> ! {
    // SAFETY: it takes no pointer and does not return.
    unsafe { libc::_exit(0) }
}
