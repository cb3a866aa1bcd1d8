//! Waiting for several files: epoll(7) and select(2).

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use super::errno::Errno;
use super::sys::{Fd, check};

/// An epoll instance.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// epoll_create1(2).
    pub fn new() -> Self {
        // SAFETY: no pointer is passed; the descriptor that comes back is nobody else's.
        unsafe {
            let fd = check(libc::epoll_create1(libc::EPOLL_CLOEXEC));
            Self(OwnedFd::from_raw_fd(fd.expect("an epoll instance can be made")))
        }
    }

    /// Watches a file for these events, with `EPOLLET` for edges; `token` comes back with each.
    pub fn add(&self, file: &Fd, events: i32, token: u64) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_ADD, file, events, token)
    }

    /// Arms a file anew.
    pub fn modify(&self, file: &Fd, events: i32, token: u64) -> Result<(), Errno> {
        self.control(libc::EPOLL_CTL_MOD, file, events, token)
    }

    fn control(&self, what: i32, file: &Fd, events: i32, token: u64) -> Result<(), Errno> {
        let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: token };
        let (epoll, file) = (self.0.as_raw_fd(), file.raw());
        // SAFETY: the pointer is to an event that outlives the call.
        check(unsafe { libc::epoll_ctl(epoll, what, file, &raw mut event) }).map(drop)
    }

    /// epoll_wait(2): tokens and events, in the order of the tokens.
    pub fn wait(&self, timeout: Duration) -> Vec<(u64, i32)> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the pointer and the length are those of one array.
        let count =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), 64, milliseconds) };
        let count = usize::try_from(count).unwrap_or_else(|_| panic!("{:?}", Errno::last()));
        let found = events[..count].iter();
        let mut found: Vec<_> = found.map(|event| (event.u64, event.events as i32)).collect();
        found.sort_unstable();
        found
    }
}

/// select(2) on one file: whether it can be read, whether it can be written.
pub fn select(file: &Fd, read: bool, write: bool, timeout: Duration) -> (bool, bool) {
    let mut time = libc::timeval {
        tv_sec: timeout.as_secs().cast_signed(),
        tv_usec: i64::from(timeout.subsec_micros()),
    };
    let fd = file.raw();
    assert!(fd < 1024, "select(2) knows no descriptor above 1023");
    // SAFETY: a zeroed set is an empty one; the sets and the time outlive the call, and the
    // descriptor is within their range.
    unsafe {
        let mut sets: [libc::fd_set; 2] = std::mem::zeroed();
        for (set, wanted) in sets.iter_mut().zip([read, write]) {
            if wanted {
                libc::FD_SET(fd, set);
            }
        }
        let [readable, writable] = &mut sets;
        let none = std::ptr::null_mut();
        check(libc::select(fd + 1, readable, writable, none, &raw mut time)).expect("select works");
        (libc::FD_ISSET(fd, readable), libc::FD_ISSET(fd, writable))
    }
}
