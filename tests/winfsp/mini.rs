//! The smallest file system that has an answer to everything that the fake driver can ask. Faults
//! of the fake show with it, and not with pipefs.

use std::collections::BTreeSet;
use std::ffi::c_void;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use parking_lot::Mutex;
use windows_sys::Win32::Foundation::{
    STATUS_CANCELLED, STATUS_INVALID_DEVICE_REQUEST, STATUS_OBJECT_NAME_COLLISION,
    STATUS_OBJECT_NAME_NOT_FOUND,
};
use windows_sys::Win32::Storage::FileSystem::{FILE_ATTRIBUTE_DIRECTORY, FILE_ATTRIBUTE_NORMAL};
use winfsp::filesystem::{
    AsyncFileSystemContext, DirBuffer, DirInfo, DirMarker, FileInfo, FileSecurity,
    FileSystemContext, ModificationDescriptor, OpenFileInfo, StreamInfo, VolumeInfo, WideNameInfo,
};
use winfsp::{FspError, Result, U16CStr};

/// What a read gets.
pub(crate) const CONTENT: &[u8] = b"content";

/// What each file is in, and how many are in it that have long names.
const CROWD: usize = 40;

/// What tests see and change of it.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// Files by their names, as they are written.
    pub(crate) names: Mutex<BTreeSet<String>>,
    /// Who reads a file whose name begins with `\slow`.
    pub(crate) readers: Mutex<Vec<Reader>>,
    pub(crate) open: AtomicUsize,
    /// What was written, in order.
    pub(crate) written: Mutex<Vec<Vec<u8>>>,
}

/// A read that waits, until it is told to end or this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Reader(Arc<Mutex<Ending>>);

/// How a read ends, and who is to be told.
#[derive(Debug, Default)]
struct Ending {
    how: Option<std::result::Result<(), ()>>,
    waker: Option<Waker>,
}

impl Reader {
    pub(crate) fn finish(self) {
        self.end(Ok(()));
    }

    fn end(&self, how: std::result::Result<(), ()>) {
        let waker = {
            let mut inside = self.0.lock();
            inside.how.get_or_insert(how);
            inside.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits for one of the two.
    async fn wait(inside: Arc<Mutex<Ending>>) -> Result<()> {
        let ended = poll_fn(move |context| {
            let mut inside = inside.lock();
            match inside.how {
                Some(how) => Poll::Ready(how),
                None => {
                    inside.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        });
        ended.await.map_err(|()| FspError::NTSTATUS(STATUS_CANCELLED))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.end(Err(()));
    }
}

/// The file system.
#[derive(Debug)]
pub(crate) struct Mini(pub(crate) Arc<Inside>);

/// An open file.
#[derive(Debug)]
pub(crate) struct Handle {
    name: String,
    entries: DirBuffer,
}

impl Mini {
    pub(crate) fn new() -> Self {
        let inside = Inside::default();
        let crowd = (0..CROWD).map(|number| format!(r"\slow {number} of a crowd"));
        inside.names.lock().extend(crowd.chain([r"\fast".into()]));
        Self(Arc::new(inside))
    }

    fn attributes(&self, name: &str) -> Result<u32> {
        match name {
            r"\" => Ok(FILE_ATTRIBUTE_DIRECTORY),
            // A panic is the file system's fault, and not the end of the process.
            r"\panic" => panic!("as it was told"),
            name if self.0.names.lock().contains(name.split(':').next().unwrap_or(name)) => {
                Ok(FILE_ATTRIBUTE_NORMAL)
            }
            _ => Err(FspError::NTSTATUS(STATUS_OBJECT_NAME_NOT_FOUND)),
        }
    }

    fn handle(&self, name: String, file: &mut FileInfo) -> Result<Handle> {
        file.file_attributes = self.attributes(&name)?;
        file.file_size = CONTENT.len() as u64;
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Ok(Handle { name, entries: DirBuffer::new() })
    }
}

impl FileSystemContext for Mini {
    type FileContext = Handle;

    fn get_security_by_name(
        &self,
        name: &U16CStr,
        _: Option<&mut [c_void]>,
        _: impl FnOnce(&U16CStr) -> Option<FileSecurity>,
    ) -> Result<FileSecurity> {
        let attributes = self.attributes(&name.to_string_lossy())?;
        Ok(FileSecurity { reparse: false, sz_security_descriptor: 0, attributes })
    }

    fn open(&self, name: &U16CStr, _: u32, _: u32, file: &mut OpenFileInfo) -> Result<Handle> {
        self.handle(name.to_string_lossy(), file.as_mut())
    }

    fn create(
        &self,
        name: &U16CStr,
        _: u32,
        _: u32,
        _: u32,
        _: Option<&[c_void]>,
        _: u64,
        _: Option<&[u8]>,
        _: bool,
        file: &mut OpenFileInfo,
    ) -> Result<Handle> {
        if !self.0.names.lock().insert(name.to_string_lossy()) {
            return Err(FspError::NTSTATUS(STATUS_OBJECT_NAME_COLLISION));
        }
        self.handle(name.to_string_lossy(), file.as_mut())
    }

    fn overwrite(
        &self,
        _: &Handle,
        _: u32,
        _: bool,
        _: u64,
        _: Option<&[u8]>,
        file: &mut FileInfo,
    ) -> Result<()> {
        file.file_size = 0;
        Ok(())
    }

    fn close(&self, handle: Handle) {
        drop(handle);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }

    fn cleanup(&self, _: &Handle, deleted: Option<&U16CStr>, _: u32) {
        if let Some(name) = deleted {
            self.0.names.lock().remove(&name.to_string_lossy());
        }
    }

    fn flush(&self, _: Option<&Handle>, _: &mut FileInfo) -> Result<()> {
        Ok(())
    }

    fn get_file_info(&self, _: &Handle, file: &mut FileInfo) -> Result<()> {
        file.index_number = 77;
        Ok(())
    }

    fn get_security(&self, _: &Handle, descriptor: Option<&mut [c_void]>) -> Result<u64> {
        Ok(descriptor.map_or(0, |room| room.len() as u64))
    }

    fn set_security(&self, _: &Handle, _: u32, _: ModificationDescriptor) -> Result<()> {
        Ok(())
    }

    fn rename(&self, handle: &Handle, _: &U16CStr, new: &U16CStr, replace: bool) -> Result<()> {
        let mut names = self.0.names.lock();
        if !names.insert(new.to_string_lossy()) && !replace {
            return Err(FspError::NTSTATUS(STATUS_OBJECT_NAME_COLLISION));
        }
        names.remove(&handle.name);
        Ok(())
    }

    fn set_basic_info(
        &self,
        _: &Handle,
        attributes: u32,
        _: u64,
        _: u64,
        _: u64,
        _: u64,
        file: &mut FileInfo,
    ) -> Result<()> {
        file.file_attributes = attributes;
        Ok(())
    }

    fn set_delete(&self, _: &Handle, _: &U16CStr, _: bool) -> Result<()> {
        Ok(())
    }

    fn set_file_size(
        &self,
        _: &Handle,
        size: u64,
        is_room: bool,
        file: &mut FileInfo,
    ) -> Result<()> {
        if is_room {
            file.allocation_size = size
        } else {
            file.file_size = size
        }
        Ok(())
    }

    fn read_directory(
        &self,
        handle: &Handle,
        _: Option<&U16CStr>,
        marker: DirMarker<'_>,
        buffer: &mut [u8],
    ) -> Result<u32> {
        if let Ok(entries) = handle.entries.acquire(marker.is_none(), None) {
            for name in self.0.names.lock().iter() {
                let mut entry: DirInfo = DirInfo::new();
                entry.set_name(&name[1..])?;
                entries.write(&mut entry)?;
            }
        }
        Ok(handle.entries.read(marker, buffer))
    }

    fn get_volume_info(&self, volume: &mut VolumeInfo) -> Result<()> {
        volume.total_size = 1000;
        volume.free_size = 600;
        volume.set_volume_label("mini");
        Ok(())
    }

    fn get_stream_info(&self, _: &Handle, buffer: &mut [u8]) -> Result<u32> {
        let mut cursor = 0;
        let mut stream: StreamInfo = StreamInfo::new();
        stream.set_name("state")?;
        stream.stream_size = 5;
        stream.append_to_buffer(buffer, &mut cursor);
        StreamInfo::<255>::finalize_buffer(buffer, &mut cursor);
        Ok(cursor)
    }

    fn control(&self, _: &Handle, code: u32, input: &[u8], output: &mut [u8]) -> Result<u32> {
        match code {
            0 => Err(FspError::NTSTATUS(STATUS_INVALID_DEVICE_REQUEST)),
            _ => {
                output[..input.len()].copy_from_slice(input);
                output[..input.len()].reverse();
                Ok(u32::try_from(input.len()).expect("it is short"))
            }
        }
    }
}

impl AsyncFileSystemContext for Mini {
    async fn read_async(&self, handle: &Handle, buffer: &mut [u8], _: u64) -> Result<u32> {
        if handle.name.starts_with(r"\slow") {
            let reader = Reader::default();
            let inside = Arc::clone(&reader.0);
            self.0.readers.lock().push(reader);
            Reader::wait(inside).await?;
        }
        let count = CONTENT.len().min(buffer.len());
        buffer[..count].copy_from_slice(&CONTENT[..count]);
        Ok(u32::try_from(count).expect("it is short"))
    }

    async fn write_async(
        &self,
        _: &Handle,
        data: &[u8],
        _: u64,
        _: bool,
        _: bool,
        file: &mut FileInfo,
    ) -> Result<u32> {
        self.0.written.lock().push(data.to_vec());
        file.file_size = data.len() as u64;
        Ok(u32::try_from(data.len()).expect("it is short"))
    }

    /// In a thread of its own, which sleeps while there is nothing to do.
    fn spawn_task(&self, future: impl Future<Output = ()> + Send + 'static) {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        thread::spawn(|| {
            let waker = Arc::new(Unpark(thread::current())).into();
            let mut future = pin!(future);
            while future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                thread::park();
            }
        });
    }
}
