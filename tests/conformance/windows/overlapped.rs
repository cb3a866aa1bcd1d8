//! Overlapped operations: begun, asked for, cancelled.

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_IO_PENDING, ERROR_MORE_DATA, HANDLE, STATUS_PENDING, WAIT_OBJECT_0,
};
use windows_sys::Win32::Storage::FileSystem::{ReadFile, WriteFile};
use windows_sys::Win32::System::IO::{CancelIoEx, GetOverlappedResult, OVERLAPPED};
use windows_sys::Win32::System::Pipes::{ConnectNamedPipe, TransactNamedPipe};
use windows_sys::Win32::System::Threading::{CreateEventW, WaitForSingleObject};

use super::api::{Answer, last_error};

/// How long a cancelled operation may take to end.
const CANCEL_PATIENCE: Duration = Duration::from_secs(5);

/// An operation on an overlapped handle.
pub(super) struct Overlapped {
    /// Not dropped before the operation has ended: the system writes there.
    shared: ManuallyDrop<Box<Shared>>,
    event: OwnedHandle,
    /// The handle may have been closed since.
    file: HANDLE,
    /// How it ended, and how many bytes it moved. `None`: it has not been seen to end.
    ended: Option<(Answer, usize)>,
}

/// What the system has as long as the operation goes on.
struct Shared {
    io: UnsafeCell<OVERLAPPED>,
    request: Vec<u8>,
    reply: UnsafeCell<Vec<u8>>,
}

impl Overlapped {
    pub(super) fn read(file: &OwnedHandle, max_bytes: usize) -> Self {
        Self::begin(file, Vec::new(), max_bytes, |file, _, reply, io| {
            // SAFETY: `begin` hands out a buffer of this size; it and the structure stay in their
            // places until the operation has ended.
            unsafe { ReadFile(file, reply, max_bytes as u32, null_mut(), io) }
        })
    }

    pub(super) fn write(file: &OwnedHandle, bytes: Vec<u8>) -> Self {
        Self::begin(file, bytes, 0, |file, request, _, io| {
            let length = request.len() as u32;
            // SAFETY: as above.
            unsafe { WriteFile(file, request.as_ptr(), length, null_mut(), io) }
        })
    }

    pub(super) fn connect(file: &OwnedHandle) -> Self {
        Self::begin(file, Vec::new(), 0, |file, _, _, io| {
            // SAFETY: as above.
            unsafe { ConnectNamedPipe(file, io) }
        })
    }

    pub(super) fn transact(file: &OwnedHandle, request: Vec<u8>, max_bytes: usize) -> Self {
        Self::begin(file, request, max_bytes, |file, request, reply, io| {
            let (length, room) = (request.len() as u32, max_bytes as u32);
            let (request, reply) = (request.as_ptr().cast(), reply.cast());
            // SAFETY: as above.
            unsafe { TransactNamedPipe(file, request, length, reply, room, null_mut(), io) }
        })
    }

    fn begin(
        file: &OwnedHandle,
        request: Vec<u8>,
        room: usize,
        call: impl FnOnce(HANDLE, &[u8], *mut u8, *mut OVERLAPPED) -> i32,
    ) -> Self {
        // SAFETY: all arguments are allowed to be null.
        let event = unsafe { CreateEventW(null(), 1, 0, null()) };
        assert!(!event.is_null(), "an event can be made");
        // SAFETY: it was just made, and is nobody else's.
        let event = unsafe { OwnedHandle::from_raw_handle(event) };
        let io = OVERLAPPED { hEvent: event.as_raw_handle(), ..OVERLAPPED::default() };
        let reply = UnsafeCell::new(vec![0; room]);
        let shared = ManuallyDrop::new(Box::new(Shared { io: io.into(), request, reply }));
        let mut begun = Self { shared, event, file: file.as_raw_handle(), ended: None };
        // SAFETY: the operation has not begun.
        let reply = unsafe { (*begun.shared.reply.get()).as_mut_ptr() };
        let returned = call(begun.file, &begun.shared.request, reply, begun.shared.io.get());
        if returned == 0 {
            match last_error() {
                ERROR_IO_PENDING | ERROR_MORE_DATA => {}
                error => begun.ended = Some((Err(error), 0)),
            }
        }
        begun
    }

    /// How it ended, and how many bytes it moved; waits that long for it.
    pub(super) fn ended_within(&mut self, time: Duration) -> Option<(Answer, usize)> {
        if self.ended.is_none() && self.is_signalled(time) {
            let mut moved = 0;
            // SAFETY: the structure is where it was when the operation began; nobody waits.
            let returned =
                unsafe { GetOverlappedResult(self.file, self.shared.io.get(), &mut moved, 0) };
            let answer = if returned == 0 { Err(last_error()) } else { Ok(()) };
            self.ended = Some((answer, moved as usize));
        }
        self.ended
    }

    /// What it has read.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let (_, moved) = self.ended.expect("the operation has ended");
        // SAFETY: it has ended, so the system has let go of the buffer.
        unsafe { (&(*self.shared.reply.get()))[..moved].to_vec() }
    }

    /// Whether its event is set, or becomes so in this time.
    pub(super) fn is_signalled(&self, time: Duration) -> bool {
        let milliseconds = time.as_millis() as u32;
        // SAFETY: the handle is open.
        unsafe { WaitForSingleObject(self.event.as_raw_handle(), milliseconds) == WAIT_OBJECT_0 }
    }

    /// Whether the structure is as the function makes it before the operation begins.
    pub(super) fn is_untouched(&self) -> bool {
        // SAFETY: callers ask when the operation was refused; the system does not have it then.
        let io = unsafe { &*self.shared.io.get() };
        (io.Internal, io.InternalHigh) == (STATUS_PENDING as usize, 0)
    }

    /// CancelIoEx: fails if it has ended.
    pub(super) fn cancel(&self) -> Answer {
        // SAFETY: a handle that was closed is refused; the structure only names the operation.
        let returned = unsafe { CancelIoEx(self.file, self.shared.io.get()) };
        if returned == 0 { Err(last_error()) } else { Ok(()) }
    }
}

impl Drop for Overlapped {
    fn drop(&mut self) {
        if self.ended.is_none() {
            // It may have ended just now, or its handle be closed.
            let _ = self.cancel();
        }
        if self.ended_within(CANCEL_PATIENCE).is_some() {
            // SAFETY: the operation has ended, and nobody uses this any more.
            unsafe { ManuallyDrop::drop(&mut self.shared) };
        }
    }
}
