//! What a file system says to a request.

use winfsp_sys::{FSP_FSCTL_FILE_INFO, FSP_FSCTL_TRANSACT_RSP, FSP_FSCTL_VOLUME_INFO};

use super::request::FileContext;

/// Why something failed, or that it did not: an NTSTATUS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u32);

impl std::fmt::Debug for Status {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Status({:#010x})", self.0)
    }
}

impl Status {
    pub(crate) const SUCCESS: Self = Self(0);

    /// Of one of Windows' constants.
    pub(crate) const fn of(status: i32) -> Self {
        Self(status.cast_unsigned())
    }
}

/// An answer as it came. All of it is in `words`, so that it is aligned.
#[derive(Debug)]
pub(crate) struct Answer {
    words: Vec<u64>,
    size: usize,
    /// What the buffer of the request holds now.
    pub(crate) content: Vec<u8>,
}

/// Where the part of an answer begins that has no fixed size.
const REST_AT: usize = size_of::<FSP_FSCTL_TRANSACT_RSP>();

/// Where in the data of a link its path begins.
const LINK_PATH_AT: usize = 20;

impl Answer {
    /// Of the bytes that the DLL has sent: one answer, and nothing else.
    ///
    /// # Errors
    /// They are not.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() < REST_AT {
            return Err(format!("an answer of {} bytes", bytes.len()));
        }
        let chunks = bytes.chunks(size_of::<u64>()).map(|chunk| {
            let mut word = [0; size_of::<u64>()];
            word[..chunk.len()].copy_from_slice(chunk);
            u64::from_ne_bytes(word)
        });
        let answer = Self { words: chunks.collect(), size: bytes.len(), content: Vec::new() };
        let said = usize::from(answer.head().Size);
        // The DLL sends it with what it needs to be aligned.
        match said <= bytes.len() && bytes.len() - said < size_of::<u64>() {
            true => Ok(Self { size: said, ..answer }),
            false => Err(format!("an answer of {} bytes that says {said}", bytes.len())),
        }
    }

    fn head(&self) -> &FSP_FSCTL_TRANSACT_RSP {
        // SAFETY: there are at least so many bytes, aligned, and any bytes are such a structure.
        unsafe { &*self.words.as_ptr().cast() }
    }

    /// To which request.
    pub(crate) fn hint(&self) -> u64 {
        self.head().Hint
    }

    /// Of which kind that was.
    pub(crate) fn kind(&self) -> u32 {
        self.head().Kind
    }

    pub(crate) fn status(&self) -> Status {
        Status(self.head().IoStatus.Status)
    }

    /// The answer, if it is a good one.
    ///
    /// # Errors
    /// The status, if it is not.
    pub(crate) fn success(self) -> Result<Self, Status> {
        match self.status() {
            Status::SUCCESS => Ok(self),
            status => Err(status),
        }
    }

    /// How many bytes were moved, or which action an open has taken.
    pub(crate) fn information(&self) -> u32 {
        self.head().IoStatus.Information
    }

    /// What the buffer got, as far as the answer says.
    pub(crate) fn received(mut self) -> Vec<u8> {
        let count = self.information() as usize;
        assert!(count <= self.content.len(), "{count} bytes in {}", self.content.len());
        self.content.truncate(count);
        self.content
    }

    /// By what a file is known that was opened, with what the client was granted.
    pub(crate) fn opened(&self) -> (FileContext, u32) {
        // SAFETY: any bytes are such a structure.
        let opened = unsafe { self.head().Rsp.Create.Opened };
        let context = FileContext { first: opened.UserContext, second: opened.UserContext2 };
        (context, opened.GrantedAccess)
    }

    /// How the name is written that was opened, if the file system says so.
    pub(crate) fn opened_name(&self) -> Option<String> {
        // SAFETY: any bytes are such a structure.
        let name = unsafe { self.head().Rsp.Create.Opened.FileName };
        (name.Size > 0).then(|| super::text_of(self.part(name.Offset, name.Size)))
    }

    /// What an open says of the file.
    pub(crate) fn opened_file(&self) -> FSP_FSCTL_FILE_INFO {
        // SAFETY: any bytes are such a structure.
        unsafe { self.head().Rsp.Create.Opened.FileInfo }
    }

    /// What the other answers say of a file that do.
    pub(crate) fn file(&self) -> FSP_FSCTL_FILE_INFO {
        // SAFETY: any bytes are such a structure; it has the same place in all of these answers.
        unsafe { self.head().Rsp.QueryInformation.FileInfo }
    }

    pub(crate) fn volume(&self) -> FSP_FSCTL_VOLUME_INFO {
        // SAFETY: any bytes are such a structure.
        unsafe { self.head().Rsp.QueryVolumeInformation.VolumeInfo }
    }

    /// What answers that carry data have in their rest: it has the same place in all of them.
    pub(crate) fn rest(&self) -> &[u8] {
        // SAFETY: any bytes are such a structure.
        let rest = unsafe { self.head().Rsp.DeviceControl.Buffer };
        self.part(rest.Offset, rest.Size)
    }

    /// Where a link leads that was to be opened. The path is the last in its data.
    pub(crate) fn link(&self) -> String {
        super::text_of(&self.rest()[LINK_PATH_AT..])
    }

    fn part(&self, offset: u16, size: u16) -> &[u8] {
        let start = REST_AT + usize::from(offset);
        // SAFETY: any bytes can be read as bytes, and there are so many.
        let all =
            unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast::<u8>(), self.size) };
        &all[start..start + usize::from(size)]
    }
}
