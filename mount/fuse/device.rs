//! System calls on /dev/fuse and on the socket between the planes: the driver's only unsafe code
//! besides the daemon's.

use std::fs::OpenOptions;
use std::io::{self, IoSlice};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use bytes::BytesMut;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, gettid};

use super::data::head::Head;
use super::data::wire::WRITE_HEADER_BYTES;

/// Room for messages on their way to or from the control plane: the largest is a SETXATTR with
/// its value, a little over 64 KiB.
const SOCKET_BUFFER_BYTES: libc::c_int = 208 << 10;

/// `FUSE_DEV_IOC_CLONE`: makes a new descriptor of /dev/fuse one of a mount's.
const CLONE: libc::Ioctl = 0x8004_e500_u32 as libc::Ioctl;

/// The calling thread, for the scheduler.
const THIS_THREAD: Pid = Pid::from_raw(0);

/// A descriptor of /dev/fuse, of one mount. A request is answered on the one that it was read
/// from.
#[derive(Debug)]
pub(crate) struct Device(OwnedFd);

impl Device {
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// One more descriptor of the same mount, with a list of requests under way of its own.
    ///
    /// # Errors
    /// What open(2) of /dev/fuse says: an ordinary user may not be allowed to.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let new = OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
        let ours = self.0.as_raw_fd();
        // SAFETY: the argument is an int that outlives the call.
        let cloned = unsafe { libc::ioctl(new.as_raw_fd(), CLONE, &raw const ours) };
        if cloned < 0 { Err(io::Error::last_os_error()) } else { Ok(Self(new.into())) }
    }

    /// Its number, which is good as long as this is.
    pub(crate) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Waits for a request. Its first [`WRITE_HEADER_BYTES`] go to `head` and `header`, the rest
    /// behind what `payload` holds, so that a write's data stands alone. Returns the whole length.
    ///
    /// # Errors
    /// `ENODEV` when the mount is gone; what may be tried again (`EINTR`, `EAGAIN`, and `ENOENT`:
    /// the request was taken back) is tried again.
    pub(crate) fn receive(
        &self,
        head: &Head,
        header: &mut [u8; WRITE_HEADER_BYTES],
        payload: &mut BytesMut,
    ) -> io::Result<usize> {
        let before = payload.len();
        let spare = payload.spare_capacity_mut();
        let parts = [
            head.iovec(),
            libc::iovec { iov_base: spare.as_mut_ptr().cast(), iov_len: spare.len() },
        ];
        let len = loop {
            head.clear();
            // SAFETY: both parts are as long as stated and borrowed. The second one is ours alone;
            // others may look at the first one meanwhile, so it is made of atomic words.
            let len = unsafe { libc::readv(self.0.as_raw_fd(), parts.as_ptr(), 2) };
            match usize::try_from(len) {
                Ok(len) => break len,
                Err(_) => {
                    let error = io::Error::last_os_error();
                    let errno = error.raw_os_error().unwrap_or(0);
                    if !matches!(errno, libc::EINTR | libc::EAGAIN | libc::ENOENT) {
                        return Err(error);
                    }
                }
            }
        };
        *header = head.bytes();
        // SAFETY: the kernel has just filled this many bytes of the spare capacity.
        unsafe { payload.set_len(before + len.saturating_sub(header.len())) };
        Ok(len)
    }

    /// Sends one reply or notification in one piece.
    ///
    /// # Errors
    /// `ENOENT`: the request or the object of the notification is gone, nobody needs it.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        // SAFETY: an IoSlice has the layout of an iovec and each borrows what it points to. There
        // are fewer parts than IOV_MAX, see `pipefs::queue::MAX_SLICES`.
        let sent = unsafe {
            libc::writev(self.0.as_raw_fd(), parts.as_ptr().cast(), parts.len() as libc::c_int)
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// One end of the socket between the planes. Messages keep their boundaries.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

impl Channel {
    /// A connected pair: our end, and the descriptor that the control plane takes for /dev/fuse.
    ///
    /// # Errors
    /// Out of descriptors.
    pub(crate) fn pair() -> io::Result<(Self, OwnedFd)> {
        let mut fds: [RawFd; 2] = [-1; 2];
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        // SAFETY: `fds` has room for two descriptors.
        if unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: socketpair has just opened both, nobody else owns them.
        let [ours, theirs] = fds.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        for fd in [&ours, &theirs] {
            set_send_buffer(fd, SOCKET_BUFFER_BYTES);
        }
        Ok((Self(ours), theirs))
    }

    /// Sends one message.
    ///
    /// # Errors
    /// `EMSGSIZE`: it is larger than the socket takes. `EPIPE`: the control plane has ended.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let message = libc::msghdr {
            msg_name: std::ptr::null_mut(),
            msg_namelen: 0,
            msg_iov: parts.as_ptr().cast_mut().cast(),
            msg_iovlen: parts.len() as _,
            msg_control: std::ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        };
        loop {
            // SAFETY: the message points to slices that live until the call returns.
            let sent = unsafe {
                libc::sendmsg(self.0.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)
            };
            if sent >= 0 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    /// Waits for a message; 0 bytes: the other end is closed.
    ///
    /// # Errors
    /// None that a caller could do something about.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            // SAFETY: the buffer is exclusively borrowed and as long as stated.
            let len = unsafe {
                libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0)
            };
            if let Ok(len) = usize::try_from(len) {
                return Ok(len);
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }

    /// Ends the connection: whoever receives on it wakes with 0 bytes.
    pub(crate) fn close(&self) {
        // SAFETY: a system call on a descriptor that we own.
        unsafe { libc::shutdown(self.0.as_raw_fd(), libc::SHUT_RDWR) };
    }
}

/// Asks for a send buffer; the kernel's limit for ordinary users is large enough as well.
fn set_send_buffer(fd: &OwnedFd, bytes: libc::c_int) {
    // SAFETY: the option's value is an int that outlives the call.
    unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_SNDBUF,
            (&raw const bytes).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        );
    }
}

/// Has the allocator give large buffers back to the system as soon as they are freed: what the
/// driver holds must follow what is buffered.
pub(crate) fn return_freed_memory() {
    #[cfg(target_env = "gnu")]
    {
        // A request buffer is larger, a queue's chunk smaller: mapped anew for each write, chunks
        // of 256 KiB and more cost a fifth of the throughput.
        const LARGE_BYTES: libc::c_int = 1 << 20;
        const TRIM_BYTES: libc::c_int = 4 << 20;
        const ARENAS: libc::c_int = 2;
        // SAFETY: mallopt only sets parameters; each of these turns an automatism off.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BYTES);
            libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM_BYTES);
            libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        }
    }
}

/// Gives freed memory back that lies between pieces in use, which the allocator keeps otherwise.
pub(crate) fn trim_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: no precondition.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Keeps the calling thread on one CPU of those that the process may use, the `index`-th.
pub(crate) fn stay_on_nth_cpu(index: usize) {
    let mut allowed = allowed_cpus().into_iter().flatten();
    if let Some(cpu) = allowed.nth(index) {
        stay_on_cpu(cpu);
    }
}

/// Keeps the calling thread on this CPU, if the process may use it and it is there.
pub(crate) fn stay_on_cpu(cpu: usize) {
    let mut one = CpuSet::new();
    if one.set(cpu).is_ok() {
        // It is only slower elsewhere.
        let _ = sched_setaffinity(THIS_THREAD, &one);
    }
}

/// The CPUs that the calling thread may use.
fn allowed_cpus() -> Option<impl Iterator<Item = usize>> {
    let allowed = sched_getaffinity(THIS_THREAD).ok()?;
    Some((0..CpuSet::count()).filter(move |cpu| allowed.is_set(*cpu) == Ok(true)))
}

/// The calling thread's id.
pub(crate) fn thread_id() -> u64 {
    gettid().as_raw() as u64
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// Else others could take what was read last for what is being read.
    #[test]
    fn the_head_is_empty_while_nothing_has_come() {
        let (reader, mut writer) = io::pipe().unwrap();
        let (device, head) = (Device::new(reader.into()), Arc::new(Head::new()));
        let message = |opcode: u32| {
            let mut message = [7; WRITE_HEADER_BYTES];
            message[4..8].copy_from_slice(&opcode.to_ne_bytes());
            message
        };
        let receive = move |head: &Head| {
            let (mut header, mut payload) = ([0; WRITE_HEADER_BYTES], BytesMut::with_capacity(9));
            (device.receive(head, &mut header, &mut payload), header)
        };
        writer.write_all(&message(16)).unwrap();
        let (len, header) = receive(&head);
        assert_eq!((len.unwrap(), header), (WRITE_HEADER_BYTES, message(16)));
        assert_eq!(head.opcode(), 16);
        let theirs = Arc::clone(&head);
        let waiting = thread::spawn(move || receive(&theirs).1);
        let deadline = Instant::now() + Duration::from_secs(10);
        while head.opcode() != 0 {
            assert!(Instant::now() < deadline, "it still shows what has been read");
            thread::sleep(Duration::from_millis(1));
        }
        writer.write_all(&message(15)).unwrap();
        assert_eq!(waiting.join().unwrap(), message(15));
        assert_eq!(head.opcode(), 15);
    }
}
