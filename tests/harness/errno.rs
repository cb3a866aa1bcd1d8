//! Error numbers that print their name, so that a failed assertion reads `Err(EPIPE)`.

use std::fmt;
use std::io;

/// The error number of a system call.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// The error number of this thread's last failed call.
    pub fn last() -> Self {
        Self(io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }
}

/// Defines a constant for each name, and the text of each.
macro_rules! names {
    ($($name:ident)*) => {
        impl Errno {
            $(pub const $name: Self = Self(libc::$name);)*

            /// The symbolic name, if it is one that a test mentions.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

names! {
    EACCES EAGAIN EBADF EBADFD EBUSY ECONNABORTED ECONNRESET EEXIST EFAULT EINTR EINVAL EIO EISDIR
    ELOOP EMSGSIZE ENAMETOOLONG ENODATA ENODEV ENOENT ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY
    ENOTTY ENXIO EOPNOTSUPP EPERM EPIPE EROFS ESHUTDOWN ESPIPE ESRCH ETIMEDOUT EXDEV
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", io::Error::from_raw_os_error(self.0)),
        }
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(0))
    }
}
