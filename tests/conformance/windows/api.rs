//! Windows' functions for pipes, with errors as numbers. None of these waits for anybody, except
//! those that say so. Opening, duplicating, closing and flushing are std's.

use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::mem::{offset_of, size_of};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::{AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle};
use std::ptr::{null, null_mut};

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_PIPE_LOCAL_INFORMATION, FilePipeLocalInformation, NtQueryInformationFile,
};
use windows_sys::Win32::Foundation::{INVALID_HANDLE_VALUE, RtlNtStatusToDosError};
use windows_sys::Win32::Security::{self as security, RevertToSelf};
use windows_sys::Win32::Storage::FileSystem as files;
use windows_sys::Win32::System::IO::{CancelSynchronousIo, IO_STATUS_BLOCK};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Pipes as pipes;
use windows_sys::Win32::System::SystemServices::SECURITY_DESCRIPTOR_REVISION;

use crate::pipes::Whose;

/// What a function says: its result, or the number of its error.
pub(super) type Answer<T = ()> = Result<T, u32>;

/// What CreateNamedPipe is told beside the name.
#[derive(Clone, Copy)]
pub(super) struct Creation {
    pub(super) open_mode: u32,
    pub(super) pipe_mode: u32,
    pub(super) most_instances: u32,
    pub(super) quota_bytes: u32,
    pub(super) default_milliseconds: u32,
}

/// A duplex byte pipe whose handles take overlapped operations.
pub(super) const OVERLAPPED_DUPLEX: Creation = Creation {
    open_mode: files::PIPE_ACCESS_DUPLEX | files::FILE_FLAG_OVERLAPPED,
    pipe_mode: pipes::PIPE_TYPE_BYTE,
    most_instances: pipes::PIPE_UNLIMITED_INSTANCES,
    quota_bytes: 4096,
    default_milliseconds: 0,
};

/// A text as Windows takes it.
pub(super) fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// The number of the last error of this thread.
pub(super) fn last_error() -> u32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or_default() as u32
}

/// What a function means that returned this.
fn done(returned: i32) -> Answer {
    if returned == 0 { Err(last_error()) } else { Ok(()) }
}

pub(super) fn create(name: Option<&str>, how: Creation) -> Answer<OwnedHandle> {
    let name = name.map(wide);
    let name = name.as_ref().map_or(null(), |name| name.as_ptr());
    let Creation { open_mode, pipe_mode, most_instances, quota_bytes: quota, .. } = how;
    let milliseconds = how.default_milliseconds;
    // SAFETY: the name is null or ends with 0, and lives until the call returns.
    let handle = unsafe {
        pipes::CreateNamedPipeW(
            name,
            open_mode,
            pipe_mode,
            most_instances,
            quota,
            quota,
            milliseconds,
            null(),
        )
    };
    if handle == INVALID_HANDLE_VALUE {
        return Err(last_error());
    }
    // SAFETY: it was just made, and is nobody else's.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// CreateFile of a pipe that is there.
pub(super) fn open(name: &str, access: u32, flags: u32) -> Answer<OwnedHandle> {
    let opened = OpenOptions::new().access_mode(access).custom_flags(flags).open(name);
    opened.map(OwnedHandle::from).map_err(|error| error.raw_os_error().unwrap_or_default() as u32)
}

/// WaitNamedPipe: waits that long for an instance that listens.
pub(super) fn await_instance(name: &str, milliseconds: u32) -> Answer {
    let name = wide(name);
    // SAFETY: the name ends with 0 and lives until the call returns.
    done(unsafe { pipes::WaitNamedPipeW(name.as_ptr(), milliseconds) })
}

/// FlushFileBuffers: waits until the other side has read everything.
pub(super) fn flush(file: &OwnedHandle) -> Answer {
    let file = File::from(file.try_clone().map_err(|_| last_error())?);
    file.sync_all().map_err(|error| error.raw_os_error().unwrap_or_default() as u32)
}

pub(super) fn disconnect(file: &OwnedHandle) -> Answer {
    // SAFETY: the handle is open.
    done(unsafe { pipes::DisconnectNamedPipe(file.as_raw_handle()) })
}

/// SetNamedPipeHandleState, of the mode alone.
pub(super) fn set_mode(file: &OwnedHandle, mode: u32) -> Answer {
    // SAFETY: the handle is open, and the mode lives until the call returns.
    done(unsafe { pipes::SetNamedPipeHandleState(file.as_raw_handle(), &mode, null(), null()) })
}

/// GetNamedPipeHandleState: the mode, and the instances that there are.
pub(super) fn mode(file: &OwnedHandle) -> Answer<(u32, u32)> {
    let (mut mode, mut instances) = (0, 0);
    // SAFETY: the handle is open, and the places live until the call returns.
    done(unsafe {
        pipes::GetNamedPipeHandleStateW(
            file.as_raw_handle(),
            &mut mode,
            &mut instances,
            null_mut(),
            null_mut(),
            null_mut(),
            0,
        )
    })?;
    Ok((mode, instances))
}

/// GetNamedPipeInfo: flags, the quotas out and in, and the most instances.
pub(super) fn info(file: &OwnedHandle) -> Answer<[u32; 4]> {
    let [mut flags, mut quota_out, mut quota_in, mut most] = [0; 4];
    // SAFETY: the handle is open, and the places live until the call returns.
    done(unsafe {
        pipes::GetNamedPipeInfo(
            file.as_raw_handle(),
            &mut flags,
            &mut quota_out,
            &mut quota_in,
            &mut most,
        )
    })?;
    Ok([flags, quota_out, quota_in, most])
}

/// All that the system says of the instance, as seen from this end.
pub(super) fn local_info(file: &OwnedHandle) -> Answer<FILE_PIPE_LOCAL_INFORMATION> {
    let mut status = IO_STATUS_BLOCK::default();
    let mut local = FILE_PIPE_LOCAL_INFORMATION::default();
    // SAFETY: the handle is open, and the places are as large as is said, and live long enough.
    let found = unsafe {
        NtQueryInformationFile(
            file.as_raw_handle(),
            &mut status,
            (&raw mut local).cast::<c_void>(),
            size_of::<FILE_PIPE_LOCAL_INFORMATION>() as u32,
            FilePipeLocalInformation,
        )
    };
    // SAFETY: it looks a number up.
    if found < 0 { Err(unsafe { RtlNtStatusToDosError(found) }) } else { Ok(local) }
}

pub(super) fn process(file: &OwnedHandle, whose: Whose) -> Answer<u32> {
    let ask = match whose {
        Whose::Server => pipes::GetNamedPipeServerProcessId,
        Whose::Client => pipes::GetNamedPipeClientProcessId,
    };
    let mut process = 0;
    // SAFETY: the handle is open, and the place lives until the call returns.
    done(unsafe { ask(file.as_raw_handle(), &mut process) })?;
    Ok(process)
}

/// What a look finds, and the numbers as PeekNamedPipe left them: copied, in all, left.
pub(super) struct Peek {
    pub(super) bytes: Vec<u8>,
    pub(super) numbers: [u32; 3],
    pub(super) answer: Answer,
}

/// PeekNamedPipe, with this in the numbers before.
pub(super) fn peek(file: &OwnedHandle, max_bytes: usize, before: u32) -> Peek {
    let mut bytes = vec![0; max_bytes];
    let [mut copied, mut total, mut left] = [before; 3];
    let buffer = if max_bytes == 0 { null_mut() } else { bytes.as_mut_ptr().cast::<c_void>() };
    // SAFETY: the handle is open, the buffer as large as is said, and the places live long enough.
    let answer = done(unsafe {
        pipes::PeekNamedPipe(
            file.as_raw_handle(),
            buffer,
            max_bytes as u32,
            &mut copied,
            &mut total,
            &mut left,
        )
    });
    bytes.truncate(if answer.is_ok() { copied as usize } else { 0 });
    Peek { bytes, numbers: [copied, total, left], answer }
}

/// CallNamedPipe: waits for an instance that long, and for the reply as long as it takes. With the
/// error, what the buffer got.
pub(super) fn call(name: &str, request: &[u8], max_bytes: usize, wait: u32) -> (Vec<u8>, Answer) {
    let (name, mut reply, mut got) = (wide(name), vec![0; max_bytes], 0);
    // SAFETY: the name ends with 0, the buffers are as large as is said, all live long enough.
    let answer = done(unsafe {
        pipes::CallNamedPipeW(
            name.as_ptr(),
            request.as_ptr().cast(),
            request.len() as u32,
            reply.as_mut_ptr().cast(),
            max_bytes as u32,
            &mut got,
            wait,
        )
    });
    reply.truncate(got as usize);
    (reply, answer)
}

/// CreatePipe: the reader and the writer.
pub(super) fn anonymous(quota_bytes: u32) -> Answer<(OwnedHandle, OwnedHandle)> {
    let (mut reader, mut writer) = (null_mut(), null_mut());
    // SAFETY: the places live until the call returns.
    done(unsafe { pipes::CreatePipe(&mut reader, &mut writer, null(), quota_bytes) })?;
    // SAFETY: they were just made, and are nobody else's.
    Ok(unsafe { (OwnedHandle::from_raw_handle(reader), OwnedHandle::from_raw_handle(writer)) })
}

/// ImpersonateNamedPipeClient, and RevertToSelf if that succeeded.
pub(super) fn impersonate(file: &OwnedHandle) -> Answer {
    // SAFETY: the handle is open.
    done(unsafe { pipes::ImpersonateNamedPipeClient(file.as_raw_handle()) })?;
    // SAFETY: it changes this thread's token back.
    done(unsafe { RevertToSelf() })
}

/// Who may do what with a handle's pipe, as the system keeps it.
pub(super) fn permissions(file: &OwnedHandle) -> Answer<Vec<u8>> {
    let (mut found, mut length) = (vec![0_u64; 128], 0);
    let room = size_of_val(&found[..]) as u32;
    let what = security::DACL_SECURITY_INFORMATION;
    // SAFETY: the handle is open, and the buffer as large as is said and aligned for descriptors.
    done(unsafe {
        security::GetKernelObjectSecurity(
            file.as_raw_handle(),
            what,
            found.as_mut_ptr().cast(),
            room,
            &mut length,
        )
    })?;
    let bytes = found.iter().flat_map(|word| word.to_ne_bytes());
    Ok(bytes.take(length as usize).collect())
}

/// Allows everybody everything with a handle's pipe.
pub(super) fn allow_everything(file: &OwnedHandle) -> Answer {
    let mut all = security::SECURITY_DESCRIPTOR::default();
    let place = (&raw mut all).cast::<c_void>();
    // SAFETY: the place is a descriptor.
    done(unsafe { security::InitializeSecurityDescriptor(place, SECURITY_DESCRIPTOR_REVISION) })?;
    // SAFETY: it is one, and an empty list is allowed to be null.
    done(unsafe { security::SetSecurityDescriptorDacl(place, 1, null(), 0) })?;
    let what = security::DACL_SECURITY_INFORMATION;
    // SAFETY: the handle is open, and the descriptor lives until the call returns.
    done(unsafe { security::SetKernelObjectSecurity(file.as_raw_handle(), what, place) })
}

/// The name that the system gives a handle.
pub(super) fn name_of(file: &OwnedHandle) -> Answer<String> {
    let mut found = vec![0u32; 512];
    let room = size_of_val(&found[..]);
    // SAFETY: the handle is open, and the buffer as large as is said and aligned for the structure.
    done(unsafe {
        files::GetFileInformationByHandleEx(
            file.as_raw_handle(),
            files::FileNameInfo,
            found.as_mut_ptr().cast(),
            room as u32,
        )
    })?;
    let bytes: Vec<u8> = found.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let start = offset_of!(files::FILE_NAME_INFO, FileName);
    let text = &bytes[start..start + found[0] as usize];
    let units = text.chunks_exact(2).map(|unit| u16::from_ne_bytes([unit[0], unit[1]]));
    Ok(String::from_utf16_lossy(&units.collect::<Vec<_>>()))
}

/// What the system says of a handle as a file.
pub(super) fn standard_info(file: &OwnedHandle) -> Answer<files::FILE_STANDARD_INFO> {
    let mut found = files::FILE_STANDARD_INFO::default();
    let room = size_of_val(&found) as u32;
    let place = (&raw mut found).cast::<c_void>();
    // SAFETY: the handle is open, and the place as large as is said.
    done(unsafe {
        files::GetFileInformationByHandleEx(
            file.as_raw_handle(),
            files::FileStandardInfo,
            place,
            room,
        )
    })?;
    Ok(found)
}

/// Whether this is Wine and not Windows.
pub(super) fn is_wine() -> bool {
    let (library, function) = (wide("ntdll.dll"), c"wine_get_version");
    // SAFETY: both names end with 0; what is found is not called.
    unsafe {
        let library = GetModuleHandleW(library.as_ptr());
        GetProcAddress(library, function.as_ptr().cast()).is_some()
    }
}

/// CancelSynchronousIo: what the thread waits in ends, if it can be cancelled.
pub(super) fn cancel_calls_of(thread: BorrowedHandle) -> Answer {
    // SAFETY: the handle is open.
    done(unsafe { CancelSynchronousIo(thread.as_raw_handle()) })
}
