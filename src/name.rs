//! One component of a pipe's name: the bytes between two slashes.

use std::borrow::Borrow;
use std::fmt;

use crate::sync::Arc;
use crate::{Error, Result};

/// A valid directory entry's name: 1 to 255 bytes, without `/` and NUL, neither `.` nor `..`.
/// Bytes, not text: Linux has no opinion on encodings. Copies share them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<[u8]>);

impl Name {
    /// Longest name in bytes (Linux: `NAME_MAX`).
    pub const MAX_BYTES: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// [`Error::NameTooLong`] over [`Self::MAX_BYTES`]; [`Error::Invalid`] for the rest.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        match bytes {
            long if long.len() > Self::MAX_BYTES => Err(Error::NameTooLong),
            b"" | b"." | b".." => Err(Error::Invalid),
            other if other.iter().any(|byte| matches!(byte, b'/' | 0)) => Err(Error::Invalid),
            valid => Ok(Self(valid.into())),
        }
    }

    /// The name as the world writes it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_directory_cannot_hold_are_refused() {
        for bad in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b"] {
            assert_eq!(Name::new(bad), Err(Error::Invalid), "{bad:?}");
        }
        assert_eq!(Name::new(&[b'x'; 256]), Err(Error::NameTooLong));
    }

    #[test]
    fn any_other_bytes_are_a_name() {
        for good in [&b"a"[..], b"...", b" ", b"\n", b"\xff\xfe", b"<>*?|\":\\", &[b'x'; 255]] {
            assert_eq!(Name::new(good).unwrap().as_bytes(), good);
        }
    }
}
