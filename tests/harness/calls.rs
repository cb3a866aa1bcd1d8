//! System calls that only a few tests make: positions, mappings, copies inside the kernel, and
//! those by path that std does not have.

use std::mem::MaybeUninit;
use std::path::Path;

use super::errno::Errno;
use super::sys::{Fd, c_path, check, check_size};

/// lseek(2) from the start.
pub fn seek(file: &Fd, offset: i64) -> Result<i64, Errno> {
    // SAFETY: no pointer is passed.
    let offset = unsafe { libc::lseek(file.raw(), offset, libc::SEEK_SET) };
    if offset < 0 { Err(Errno::last()) } else { Ok(offset) }
}

/// pread(2).
pub fn read_at(file: &Fd, size: usize, offset: i64) -> Result<usize, Errno> {
    let mut buffer = vec![0_u8; size];
    // SAFETY: the pointer and the length are those of one vector.
    check_size(unsafe { libc::pread(file.raw(), buffer.as_mut_ptr().cast(), size, offset) })
}

/// pwrite(2).
pub fn write_at(file: &Fd, bytes: &[u8], offset: i64) -> Result<usize, Errno> {
    // SAFETY: the pointer and the length are those of one slice.
    check_size(unsafe { libc::pwrite(file.raw(), bytes.as_ptr().cast(), bytes.len(), offset) })
}

/// ftruncate(2).
pub fn truncate_open(file: &Fd, length: i64) -> Result<(), Errno> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::ftruncate(file.raw(), length) }).map(drop)
}

/// mmap(2) of one page, shared; it is unmapped again.
pub fn map_shared(file: &Fd, protection: i32) -> Result<(), Errno> {
    // SAFETY: the kernel chooses the address; what it mapped is unmapped and never looked at.
    unsafe {
        let none = std::ptr::null_mut();
        let page = libc::mmap(none, 4096, protection, libc::MAP_SHARED, file.raw(), 0);
        if page == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        check(libc::munmap(page, 4096)).map(drop)
    }
}

/// mmap(2) of one page, private; its first byte.
pub fn touch_private_mapping(file: &Fd) -> Result<u8, Errno> {
    // SAFETY: the kernel chooses the address; the page is readable until it is unmapped. That
    // reading it may raise SIGBUS is what the caller wants to know.
    unsafe {
        let (none, protection) = (std::ptr::null_mut(), libc::PROT_READ);
        let page = libc::mmap(none, 4096, protection, libc::MAP_PRIVATE, file.raw(), 0);
        if page == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let byte = page.cast::<u8>().read_volatile();
        check(libc::munmap(page, 4096)).map(|_| byte)
    }
}

/// A pipe of the kernel's: its read end and its write end.
pub fn kernel_pipe() -> (Fd, Fd) {
    let mut fds = [0; 2];
    // SAFETY: the pointer is to two descriptors.
    let made = check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) });
    made.expect("a pipe can be made");
    (Fd::from_new(fds[0]), Fd::from_new(fds[1]))
}

/// splice(2), without offsets.
pub fn splice(from: &Fd, to: &Fd, size: usize) -> Result<usize, Errno> {
    let none = std::ptr::null_mut();
    // SAFETY: the offsets may be null.
    check_size(unsafe { libc::splice(from.raw(), none, to.raw(), none, size, 0) })
}

/// sendfile(2) from the file's own offset.
pub fn sendfile(from: &Fd, to: &Fd, size: usize) -> Result<usize, Errno> {
    // SAFETY: the offset may be null.
    check_size(unsafe { libc::sendfile(to.raw(), from.raw(), std::ptr::null_mut(), size) })
}

/// copy_file_range(2), without offsets.
pub fn copy_range(from: &Fd, to: &Fd, size: usize) -> Result<usize, Errno> {
    let none = std::ptr::null_mut();
    // SAFETY: the offsets may be null.
    check_size(unsafe { libc::copy_file_range(from.raw(), none, to.raw(), none, size, 0) })
}

/// renameat2(2).
pub fn rename_with(from: &Path, to: &Path, flags: u32) -> Result<(), Errno> {
    let (from, to) = (c_path(from), c_path(to));
    let here = libc::AT_FDCWD;
    // SAFETY: the paths are C strings that outlive the call.
    check(unsafe { libc::renameat2(here, from.as_ptr(), here, to.as_ptr(), flags) }).map(drop)
}

/// The size that the kernel keeps for a file, without asking whose file it is.
pub fn kept_size(file: &Fd) -> Result<u64, Errno> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    let mut found = MaybeUninit::<libc::statx>::uninit();
    // SAFETY: the path is a C string, and there is room for the result, which is complete if the
    // call succeeds.
    unsafe {
        let mask = libc::STATX_SIZE;
        check(libc::statx(file.raw(), c"".as_ptr(), flags, mask, found.as_mut_ptr()))?;
        Ok(found.assume_init().stx_size)
    }
}

/// utimensat(2): sets both times, in whole seconds.
pub fn set_times(path: &Path, atime: i64, mtime: i64) -> Result<(), Errno> {
    let path = c_path(path);
    let time = |seconds| libc::timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = [time(atime), time(mtime)];
    // SAFETY: the path is a C string, and there are two times; both outlive the call.
    check(unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.as_ptr(), 0) }).map(drop)
}

/// getxattr(2).
pub fn attribute(path: impl AsRef<Path>, name: &str) -> Result<Vec<u8>, Errno> {
    let (path, name) = (c_path(path.as_ref()), c_path(Path::new(name)));
    let mut value = vec![0_u8; 64 << 10];
    // SAFETY: both names are C strings; the pointer and the length are those of one vector.
    let length = check_size(unsafe {
        libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len())
    })?;
    value.truncate(length);
    Ok(value)
}

/// setxattr(2).
pub fn set_attribute(path: impl AsRef<Path>, name: &str, value: &[u8]) -> Result<(), Errno> {
    let (path, name) = (c_path(path.as_ref()), c_path(Path::new(name)));
    // SAFETY: both names are C strings; the pointer and the length are those of one slice.
    let result = unsafe {
        libc::setxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
    };
    check(result).map(drop)
}

/// listxattr(2).
pub fn attributes(path: impl AsRef<Path>) -> Result<Vec<String>, Errno> {
    let path = c_path(path.as_ref());
    let mut names = vec![0_u8; 64 << 10];
    // SAFETY: the name is a C string; the pointer and the length are those of one vector.
    let length = check_size(unsafe {
        libc::listxattr(path.as_ptr(), names.as_mut_ptr().cast(), names.len())
    })?;
    let names = names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

/// ioctl(2) with a structure of the size that the number says.
pub fn ioctl(file: &Fd, number: u32, structure: &mut [u8]) -> Result<i32, Errno> {
    assert_eq!(structure.len(), (number as usize >> 16) & 0x3FFF, "the number says how large");
    ioctl_at(file, number, structure.as_mut_ptr())
}

/// ioctl(2) with any address, valid or not.
pub fn ioctl_at(file: &Fd, number: u32, address: *mut u8) -> Result<i32, Errno> {
    // SAFETY: the kernel copies as many bytes as the number says and checks that they are this
    // process's; the caller gives the address of as many, or one that is nobody's.
    check(unsafe { libc::ioctl(file.raw(), number.into(), address) })
}

/// fallocate(2) from the start.
pub fn allocate(file: &Fd, length: i64) -> Result<(), Errno> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::fallocate(file.raw(), 0, 0, length) }).map(drop)
}

/// `FIONREAD`.
pub fn readable_bytes(file: &Fd) -> Result<i32, Errno> {
    let mut bytes = [0; size_of::<i32>()];
    ioctl_at(file, libc::FIONREAD as u32, bytes.as_mut_ptr())?;
    Ok(i32::from_ne_bytes(bytes))
}

/// `F_GETPIPE_SZ`, in bytes.
pub fn pipe_capacity(file: &Fd) -> Result<i32, Errno> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::fcntl(file.raw(), libc::F_GETPIPE_SZ) })
}

/// `F_SETPIPE_SZ`, in bytes.
pub fn set_pipe_capacity(file: &Fd, bytes: i32) -> Result<i32, Errno> {
    // SAFETY: no pointer is passed.
    check(unsafe { libc::fcntl(file.raw(), libc::F_SETPIPE_SZ, bytes) })
}

/// The id of the calling thread.
pub fn thread_id() -> i32 {
    // SAFETY: it cannot fail and takes nothing.
    unsafe { libc::gettid() }
}

/// tgkill(2): a signal for one thread of this process.
pub fn signal_thread(thread: i32, signal: i32) -> Result<(), Errno> {
    let process = i32::try_from(std::process::id()).expect("a pid fits");
    // SAFETY: no pointer is passed.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
    if result < 0 { Err(Errno::last()) } else { Ok(()) }
}

/// Takes all capabilities but these (a bit for each) from this thread, for good.
pub fn keep_capabilities(kept: u32) -> Result<(), Errno> {
    // `_LINUX_CAPABILITY_VERSION_3`, this thread.
    let header = [0x2008_0522_u32, 0];
    // Effective, permitted and inheritable, 32 bits of each, then 32 more.
    let sets = [kept, kept, 0, 0, 0, 0];
    // SAFETY: both structures are as long as this version of the call has them.
    let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) };
    check(result as i32).map(drop)
}

/// getsid(2): the session of a process.
pub fn session_of(pid: i32) -> u32 {
    // SAFETY: no pointer is passed.
    let session = check(unsafe { libc::getsid(pid) }).expect("the process is there");
    u32::try_from(session).expect("a session's number is not negative")
}
