//! The functions that the DLL calls instead of Windows' own. For handles that are no volume's, and
//! everything else that is not the driver's, they call those.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use windows_sys::Win32::Foundation::{
    ERROR_INVALID_FUNCTION, ERROR_NOACCESS, GetLastError, HANDLE, INVALID_HANDLE_VALUE,
    SetLastError,
};
use windows_sys::Win32::System::Threading::CreateEventW;

use super::Volume;

/// How the DLL opens the device that makes volumes.
const DEVICE: &str = r"\\?\GLOBALROOT\Device\WinFsp.";

/// A value of the registry that the DLL looks at before it starts the driver, which needs none.
const DRIVERS_CONTAINER: &str = "ContainerType";

/// A function of ours, and the one in whose place it is.
pub(crate) struct Hook {
    pub(crate) name: &'static str,
    pub(crate) ours: fn() -> *const c_void,
    pub(crate) original: &'static AtomicPtr<c_void>,
}

/// All of them.
pub(crate) static HOOKS: [Hook; 4] = [
    Hook {
        name: "CreateFileW",
        ours: || create_file as CreateFile as *const c_void,
        original: &CREATE_FILE,
    },
    Hook {
        name: "DeviceIoControl",
        ours: || device_io_control as DeviceIoControl as *const c_void,
        original: &DEVICE_IO_CONTROL,
    },
    Hook {
        name: "RegGetValueW",
        ours: || reg_get_value as RegGetValue as *const c_void,
        original: &REG_GET_VALUE,
    },
    Hook {
        name: "CloseHandle",
        ours: || close_handle as CloseHandle as *const c_void,
        original: &CLOSE_HANDLE,
    },
];

static CREATE_FILE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static DEVICE_IO_CONTROL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static REG_GET_VALUE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static CLOSE_HANDLE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

// SAFETY: as Windows declares `CreateFileW`.
type CreateFile =
    unsafe extern "system" fn(*const u16, u32, u32, *const c_void, u32, u32, HANDLE) -> HANDLE;
// SAFETY: as Windows declares `DeviceIoControl`.
type DeviceIoControl = unsafe extern "system" fn(
    HANDLE,
    u32,
    *const c_void,
    u32,
    *mut c_void,
    u32,
    *mut u32,
    *mut c_void,
) -> i32;
// SAFETY: as Windows declares `RegGetValueW`.
type RegGetValue = unsafe extern "system" fn(
    HANDLE,
    *const u16,
    *const u16,
    u32,
    *mut u32,
    *mut c_void,
    *mut u32,
) -> u32;
// SAFETY: as Windows declares `CloseHandle`.
type CloseHandle = unsafe extern "system" fn(HANDLE) -> i32;

/// Which handle is which volume's. A handle is an event that nobody sets: so no other can be equal.
static VOLUMES: LazyLock<Mutex<HashMap<usize, Arc<Volume>>>> = LazyLock::new(Mutex::default);

thread_local! {
    /// What the next volume that is asked for on this thread will be.
    static EXPECTED: RefCell<Option<Arc<Volume>>> = const { RefCell::new(None) };
}

/// As long as this is there, the first volume that is asked for on this thread is a certain one.
pub(crate) struct Expected;

impl Expected {
    pub(crate) fn here(volume: &Arc<Volume>) -> Self {
        EXPECTED.set(Some(Arc::clone(volume)));
        Self
    }

    pub(crate) fn was_taken(&self) -> bool {
        EXPECTED.with_borrow(Option::is_none)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        EXPECTED.set(None);
    }
}

/// Text that ends in 0; nothing if there is none.
///
/// # Safety
/// It is such a text, or null.
unsafe fn text(wide: *const u16) -> String {
    if wide.is_null() {
        return String::new();
    }
    // SAFETY: up to the 0 it can be read.
    let length = (0..).take_while(|&at| unsafe { wide.add(at).read() } != 0).count();
    // SAFETY: so many were just read.
    String::from_utf16_lossy(unsafe { slice::from_raw_parts(wide, length) })
}

/// # Safety
/// As for `CreateFileW`.
unsafe extern "system" fn create_file(
    name: *const u16,
    access: u32,
    share: u32,
    security: *const c_void,
    disposition: u32,
    flags: u32,
    template: HANDLE,
) -> HANDLE {
    // SAFETY: CreateFileW takes a text that ends in 0.
    let is_device = unsafe { text(name) }.starts_with(DEVICE);
    if let Some(volume) = is_device.then(|| EXPECTED.take()).flatten() {
        // SAFETY: all of it may be left out.
        let handle = unsafe { CreateEventW(ptr::null(), 1, 0, ptr::null()) };
        if !handle.is_null() {
            VOLUMES.lock().insert(handle as usize, volume);
            return handle;
        }
        return INVALID_HANDLE_VALUE;
    }
    // SAFETY: it was stored when ours was put there, and is called as we were.
    unsafe {
        let original: CreateFile = std::mem::transmute(CREATE_FILE.load(Ordering::Acquire));
        original(name, access, share, security, disposition, flags, template)
    }
}

/// # Safety
/// As for `CloseHandle`.
unsafe extern "system" fn close_handle(handle: HANDLE) -> i32 {
    // Not under the lock: to drop a volume may take a while.
    let volume = VOLUMES.lock().remove(&(handle as usize));
    drop(volume);
    // SAFETY: it was stored when ours was put there, and a volume's handle is an event's.
    unsafe {
        let original: CloseHandle = std::mem::transmute(CLOSE_HANDLE.load(Ordering::Acquire));
        original(handle)
    }
}

/// # Safety
/// As for `RegGetValueW`.
unsafe extern "system" fn reg_get_value(
    key: HANDLE,
    subkey: *const u16,
    value: *const u16,
    flags: u32,
    kind: *mut u32,
    data: *mut c_void,
    size: *mut u32,
) -> u32 {
    // SAFETY: RegGetValueW takes a text that ends in 0, or none.
    if unsafe { text(value) } == DRIVERS_CONTAINER {
        return 0;
    }
    // SAFETY: it was stored when ours was put there, and is called as we were.
    unsafe {
        let original: RegGetValue = std::mem::transmute(REG_GET_VALUE.load(Ordering::Acquire));
        original(key, subkey, value, flags, kind, data, size)
    }
}

/// # Safety
/// As for `DeviceIoControl`.
unsafe extern "system" fn device_io_control(
    handle: HANDLE,
    code: u32,
    input: *const c_void,
    input_size: u32,
    output: *mut c_void,
    output_size: u32,
    returned: *mut u32,
    overlapped: *mut c_void,
) -> i32 {
    let volume = VOLUMES.lock().get(&(handle as usize)).cloned();
    let Some(volume) = volume else {
        // SAFETY: it was stored when ours was put there, and is called as we were.
        return unsafe {
            let original: DeviceIoControl =
                std::mem::transmute(DEVICE_IO_CONTROL.load(Ordering::Acquire));
            original(handle, code, input, input_size, output, output_size, returned, overlapped)
        };
    };
    // SAFETY: DeviceIoControl takes memory of these sizes, or none.
    let (input, output) = unsafe { (bytes(input, input_size), bytes_mut(output, output_size)) };
    // A panic must not go through the DLL.
    let outcome = catch_unwind(AssertUnwindSafe(|| volume.control(code, input, output)));
    drop(volume);
    // The last error is set when nothing of ours can change it any more: the DLL takes a failure
    // with the error 0 for a success.
    match outcome.unwrap_or(Err(ERROR_NOACCESS)) {
        Ok(count) => {
            // SAFETY: without an overlapped structure there is a place for it.
            unsafe { returned.write(u32::try_from(count).expect("it fits the output")) };
            1
        }
        Err(error) => {
            // SAFETY: it takes any number.
            unsafe { SetLastError(if error == 0 { ERROR_INVALID_FUNCTION } else { error }) };
            0
        }
    }
}

/// # Safety
/// There is so much memory, or a null pointer; nobody writes there.
unsafe fn bytes<'a>(start: *const c_void, size: u32) -> &'a [u8] {
    match start.is_null() {
        true => &[],
        // SAFETY: as the caller says.
        false => unsafe { slice::from_raw_parts(start.cast(), size as usize) },
    }
}

/// # Safety
/// There is so much memory, or a null pointer; it is nobody else's.
unsafe fn bytes_mut<'a>(start: *mut c_void, size: u32) -> &'a mut [u8] {
    match start.is_null() {
        true => &mut [],
        // SAFETY: as the caller says.
        false => unsafe { slice::from_raw_parts_mut(start.cast(), size as usize) },
    }
}

/// What Windows has said last on this thread.
pub(crate) fn last_error() -> u32 {
    // SAFETY: it only reads.
    unsafe { GetLastError() }
}
