//! A fake of WinFsp's kernel driver, in the process of the test. The DLL is the real one; four of
//! the functions that it imports from Windows are replaced by ours, and only for handles that are
//! ours. So everything that WinFsp does in user mode is under test, and nothing of the kernel.
//!
//! | module | what it is |
//! |---|---|
//! | [`volume`] | start here: a volume as the driver has it, with requests that wait for answers |
//! | [`request`] | what can be asked of a file system, as bytes |
//! | [`answer`] | what it says to that |
//! | [`buffer`] | memory that a file system reads or fills meanwhile |
//! | [`token`] | who asks |
//! | [`hooks`] | the four functions, and which handle is which volume's |
//! | [`imports`] | how the DLL gets them |
//!
//! A volume belongs to the test that has it. What all tests share is the table that finds a volume
//! by its handle, and that is locked for a look.

pub(crate) mod answer;
pub(crate) mod buffer;
pub(crate) mod hooks;
pub(crate) mod imports;
pub(crate) mod request;
pub(crate) mod token;
pub(crate) mod volume;

pub(crate) use answer::Answer;
pub(crate) use request::{Request, text_of};
pub(crate) use volume::{Ticket, Volume};

use std::sync::Arc;

/// Has `start` make a file system, and gives the volume that the DLL has asked for meanwhile.
///
/// # Panics
/// It has asked for none, or not on this thread.
pub(crate) fn volume_of<T>(start: impl FnOnce() -> T) -> (Arc<Volume>, T) {
    imports::patch();
    let volume = Arc::new(Volume::new());
    let expected = hooks::Expected::here(&volume);
    let started = start();
    assert!(expected.was_taken(), "no volume was asked for");
    (volume, started)
}
