//! What can be asked of a file system, as the driver hands it to the DLL.

use std::slice;

use winfsp_sys::*;

use super::buffer::Buffer;

// The structures have no names in the header file, and get these.
use FSP_FSCTL_TRANSACT_REQ__bindgen_ty_1__bindgen_ty_1 as CreateBody;
use FSP_FSCTL_TRANSACT_REQ__bindgen_ty_1__bindgen_ty_3 as CleanupBody;
use FSP_FSCTL_TRANSACT_REQ__bindgen_ty_1__bindgen_ty_8__bindgen_ty_1__bindgen_ty_3 as Disposition;

/// Classes of information that can be set (`FILE_INFORMATION_CLASS`).
const BASIC: u32 = 4;
const RENAME: u32 = 10;
const DISPOSITION: u32 = 13;
const ALLOCATION: u32 = 19;
const END_OF_FILE: u32 = 20;

/// What stands in the rest of a request begins at a multiple of this.
const ALIGNMENT: usize = 8;

/// By what a file system knows an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileContext {
    pub(crate) first: u64,
    pub(crate) second: u64,
}

/// How a file is opened, in the driver's numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open<'a> {
    pub(crate) name: &'a str,
    /// Of what to do with a name that is there or not (`FILE_OPEN_IF` and so on).
    pub(crate) disposition: u32,
    /// `FILE_DIRECTORY_FILE` and so on.
    pub(crate) options: u32,
    pub(crate) access: u32,
    pub(crate) attributes: u32,
    pub(crate) security: &'a [u8],
    pub(crate) token: u64,
}

/// A request that was not posted yet.
pub(crate) struct Request {
    head: FSP_FSCTL_TRANSACT_REQ,
    rest: Vec<u8>,
    /// The open file that it is about.
    pub(super) file: Option<FileContext>,
    /// What its address is that of.
    pub(super) buffer: Option<Buffer>,
}

impl Request {
    fn new(kind: i32) -> Self {
        let head = FSP_FSCTL_TRANSACT_REQ { Kind: kind.cast_unsigned(), ..Default::default() };
        Self { head, rest: Vec::new(), file: None, buffer: None }
    }

    /// About an open file.
    fn about(kind: i32, file: FileContext) -> Self {
        let mut request = Self::new(kind);
        // They are the first of all such requests.
        request.head.Req.Close.UserContext = file.first;
        request.head.Req.Close.UserContext2 = file.second;
        request.file = Some(file);
        request
    }

    /// Its kind.
    pub(super) fn kind(&self) -> u32 {
        self.head.Kind
    }

    fn append(&mut self, part: &[u8]) -> FSP_FSCTL_TRANSACT_BUF {
        self.rest.resize(self.rest.len().next_multiple_of(ALIGNMENT), 0);
        let offset = self.rest.len();
        self.rest.extend(part);
        let fits = |number: usize| u16::try_from(number).expect("requests are small");
        FSP_FSCTL_TRANSACT_BUF { Offset: fits(offset), Size: fits(part.len()) }
    }

    /// The name, which is the first of what follows.
    fn named(mut self, name: &str) -> Self {
        assert!(self.rest.is_empty(), "the name comes first");
        self.head.FileName = self.append(&wide(name));
        self
    }

    /// The request as the DLL reads it.
    pub(super) fn bytes(mut self, hint: u64) -> Vec<u8> {
        let size = size_of_val(&self.head);
        self.head.Hint = hint;
        self.head.Size = u16::try_from(size + self.rest.len()).expect("requests are small");
        // SAFETY: a structure that began as zeroes, and whose parts were written: its bytes are
        // copied, and read again as the same structure.
        let head = unsafe { slice::from_raw_parts((&raw const self.head).cast::<u8>(), size) };
        let mut bytes = [head, &self.rest].concat();
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }

    pub(crate) fn open(open: Open) -> Self {
        let mut request = Self::new(FspFsctlTransactCreateKind).named(open.name);
        let mut body = CreateBody {
            CreateOptions: open.disposition << 24 | open.options,
            FileAttributes: open.attributes,
            AccessToken: open.token,
            DesiredAccess: open.access,
            // The driver knows nothing of share modes that it would not do itself.
            ShareAccess: 7,
            ..Default::default()
        };
        body.set_UserMode(1);
        body.set_HasTraversePrivilege(1);
        body.set_AcceptsSecurityDescriptor(1);
        if let Some(colon) = open.name.encode_utf16().position(|unit| unit == u16::from(b':')) {
            body.NamedStream = u16::try_from(colon * size_of::<u16>()).expect("names are short");
        }
        if !open.security.is_empty() {
            body.SecurityDescriptor = request.append(open.security);
        }
        request.head.Req.Create = body;
        request
    }

    /// What follows an open that is to leave nothing of what was there.
    pub(crate) fn overwrite(file: FileContext, attributes: u32) -> Self {
        let mut request = Self::about(FspFsctlTransactOverwriteKind, file);
        request.head.Req.Overwrite.FileAttributes = attributes;
        request
    }

    /// The last handle is closed; `deleted` is the name if that is to go.
    pub(crate) fn cleanup(file: FileContext, deleted: Option<&str>) -> Self {
        let request = Self::about(FspFsctlTransactCleanupKind, file);
        let Some(name) = deleted else { return request };
        let mut request = request.named(name);
        let mut body = CleanupBody {
            UserContext: file.first,
            UserContext2: file.second,
            ..Default::default()
        };
        body.set_Delete(1);
        request.head.Req.Cleanup = body;
        request
    }

    /// Nobody refers to the file any more.
    pub(crate) fn close(file: FileContext) -> Self {
        Self::about(FspFsctlTransactCloseKind, file)
    }

    pub(crate) fn read(file: FileContext, offset: u64, length: usize) -> Self {
        let mut request = Self::about(FspFsctlTransactReadKind, file);
        let buffer = Buffer::with(vec![0; length]);
        request.head.Req.Read.Address = buffer.address();
        request.head.Req.Read.Length = buffer.length();
        request.head.Req.Read.Offset = offset;
        request.buffer = Some(buffer);
        request
    }

    pub(crate) fn write(file: FileContext, data: &[u8]) -> Self {
        let mut request = Self::about(FspFsctlTransactWriteKind, file);
        let buffer = Buffer::with(data.to_vec());
        request.head.Req.Write.Address = buffer.address();
        request.head.Req.Write.Length = buffer.length();
        request.buffer = Some(buffer);
        request
    }

    pub(crate) fn flush(file: FileContext) -> Self {
        Self::about(FspFsctlTransactFlushBuffersKind, file)
    }

    pub(crate) fn query_information(file: FileContext) -> Self {
        Self::about(FspFsctlTransactQueryInformationKind, file)
    }

    fn set(class: u32, file: FileContext) -> Self {
        let mut request = Self::about(FspFsctlTransactSetInformationKind, file);
        request.head.Req.SetInformation.FileInformationClass = class;
        request
    }

    pub(crate) fn set_attributes(file: FileContext, attributes: u32) -> Self {
        let mut request = Self::set(BASIC, file);
        request.head.Req.SetInformation.Info.Basic.FileAttributes = attributes;
        request
    }

    pub(crate) fn set_size(file: FileContext, size: u64) -> Self {
        let mut request = Self::set(END_OF_FILE, file);
        request.head.Req.SetInformation.Info.EndOfFile.FileSize = size;
        request
    }

    pub(crate) fn set_allocation(file: FileContext, size: u64) -> Self {
        let mut request = Self::set(ALLOCATION, file);
        request.head.Req.SetInformation.Info.Allocation.AllocationSize = size;
        request
    }

    /// Whether the name may go when the file is closed.
    pub(crate) fn set_delete(file: FileContext, name: &str, delete: bool) -> Self {
        let mut request = Self::set(DISPOSITION, file).named(name);
        let mut body = Disposition::default();
        body.set_Delete(delete.into());
        request.head.Req.SetInformation.Info.Disposition = body;
        request
    }

    /// A new name. Only with a token may it replace another file's: it is checked for that.
    pub(crate) fn rename(file: FileContext, from: &str, to: &str, token: Option<u64>) -> Self {
        let mut request = Self::set(RENAME, file).named(from);
        request.head.Req.SetInformation.Info.Rename.NewFileName = request.append(&wide(to));
        request.head.Req.SetInformation.Info.Rename.AccessToken = token.unwrap_or(0);
        request
    }

    /// The names in a directory, from after `marker` on.
    pub(crate) fn list(file: FileContext, pattern: Option<&str>, marker: Option<&str>) -> Self {
        let mut request = Self::about(FspFsctlTransactQueryDirectoryKind, file);
        let buffer = Buffer::with(vec![0; LISTING_BYTES]);
        request.head.Req.QueryDirectory.Address = buffer.address();
        request.head.Req.QueryDirectory.Length = buffer.length();
        request.buffer = Some(buffer);
        if let Some(pattern) = pattern {
            request.head.Req.QueryDirectory.Pattern = request.append(&wide(pattern));
        }
        if let Some(marker) = marker {
            request.head.Req.QueryDirectory.Marker = request.append(&wide(marker));
        }
        request
    }

    pub(crate) fn query_security(file: FileContext) -> Self {
        Self::about(FspFsctlTransactQuerySecurityKind, file)
    }

    pub(crate) fn set_security(file: FileContext, which: u32, descriptor: &[u8]) -> Self {
        let mut request = Self::about(FspFsctlTransactSetSecurityKind, file);
        request.head.Req.SetSecurity.SecurityInformation = which;
        request.head.Req.SetSecurity.SecurityDescriptor = request.append(descriptor);
        request
    }

    pub(crate) fn query_volume() -> Self {
        Self::new(FspFsctlTransactQueryVolumeInformationKind)
    }

    pub(crate) fn query_streams(file: FileContext) -> Self {
        Self::about(FspFsctlTransactQueryStreamInformationKind, file)
    }

    pub(crate) fn control(file: FileContext, code: u32, input: &[u8], output: u32) -> Self {
        let mut request = Self::about(FspFsctlTransactDeviceControlKind, file);
        request.head.Req.DeviceControl.IoControlCode = code;
        request.head.Req.DeviceControl.Buffer = request.append(input);
        request.head.Req.DeviceControl.OutputLength = output;
        request
    }
}

/// Room for a part of a directory: little, so that longer ones take several requests.
const LISTING_BYTES: usize = 1024;

/// Text as Windows has it, with a 0 at its end.
fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_ne_bytes).collect()
}

/// Text as people have it, without a 0.
pub(crate) fn text_of(wide: &[u8]) -> String {
    let units = wide.chunks_exact(2).map(|unit| u16::from_ne_bytes([unit[0], unit[1]]));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).expect("names that tests use are text")
}
