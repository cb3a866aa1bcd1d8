//! Memory whose address is in a request. The real driver maps the client's own; here it is ours,
//! and it stays where it is until the request was answered, whatever becomes of the test.

use std::ptr;

/// Such memory.
#[derive(Debug)]
pub(crate) struct Buffer(*mut [u8]);

// SAFETY: it is owned memory, and its contents are looked at only by who has the value.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Memory with something in it.
    pub(crate) fn with(content: Vec<u8>) -> Self {
        Self(Box::into_raw(content.into_boxed_slice()))
    }

    /// Where a file system finds it.
    pub(crate) fn address(&self) -> u64 {
        self.0.cast::<u8>() as u64
    }

    /// How much there is of it.
    pub(crate) fn length(&self) -> u32 {
        u32::try_from(self.0.len()).expect("a request has 32 bits for it")
    }

    /// What is in it, when the file system has answered and looks at it no more.
    pub(crate) fn content(mut self) -> Vec<u8> {
        let memory =
            std::mem::replace(&mut self.0, ptr::slice_from_raw_parts_mut(ptr::null_mut(), 0));
        // SAFETY: it came from a box, and is taken out here once.
        unsafe { Box::from_raw(memory) }.into_vec()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: it came from a box, and was not taken out.
            drop(unsafe { Box::from_raw(self.0) });
        }
    }
}
