//! The request that a thread of WinFsp's is serving: what the trait's methods are not told of it.

use pipefs::Who;
use windows_sys::Win32::Foundation::HANDLE;
use winfsp_sys::{FspFileSystemGetOperationContext, FspFsctlTransactCreateKind};

use super::security;

/// An open or a creation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Creating {
    /// The options of `CreateFile`; in the top byte what it does about a name that is there.
    pub(crate) options: u32,
    /// The rights that it asks for.
    pub(crate) desired_access: u32,
    /// How long the path is, with the zero at its end.
    pub(crate) path_bytes: usize,
    /// It opens the directory that the path is in, for a rename.
    pub(crate) opens_parent: bool,
    /// The process, and a token of its user's that is open as long as the request is served.
    process: u32,
    token: HANDLE,
}

impl Creating {
    /// That which this thread is serving; `None`: something else, or nothing.
    pub(crate) fn now() -> Option<Self> {
        // SAFETY: the DLL returns what it keeps for this thread: null, or a request that stays as
        // it is until the thread returns to the DLL.
        let request = unsafe { FspFileSystemGetOperationContext().as_ref()?.Request.as_ref()? };
        if request.Kind != FspFsctlTransactCreateKind as u32 {
            return None;
        }
        // SAFETY: the kind says which member of the union is there.
        let create = unsafe { request.Req.Create };
        Some(Self {
            options: create.CreateOptions,
            desired_access: create.DesiredAccess,
            path_bytes: usize::from(request.FileName.Size),
            opens_parent: create.OpenTargetDirectory() != 0,
            process: (create.AccessToken >> u32::BITS) as u32,
            token: (create.AccessToken & u64::from(u32::MAX)) as usize as HANDLE,
        })
    }

    /// One that asks for this, in tests.
    #[cfg(test)]
    pub(crate) fn asking_for(options: u32, desired_access: u32) -> Self {
        let token = std::ptr::null_mut();
        Self { options, desired_access, path_bytes: 0, opens_parent: false, process: 0, token }
    }

    /// What becomes of a name that is there.
    pub(crate) fn disposition(options: u32) -> Disposition {
        match options >> 24 {
            0 | 4 | 5 => Disposition::Overwrite,
            2 => Disposition::New,
            _ => Disposition::Open,
        }
    }

    /// Whether it makes the name if it is not there.
    pub(crate) fn may_make(self) -> bool {
        matches!(self.options >> 24, 0 | 2 | 3 | 5)
    }

    /// Who opens.
    pub(crate) fn who(self) -> Who {
        let (uid, gid) = security::ids_of(self.token);
        Who { pid: self.process, uid, gid }
    }
}

/// What an open does with a name that is there (`CREATE_NEW`, `CREATE_ALWAYS` …).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It opens it.
    Open,
    /// It opens it and wants it empty: `FILE_SUPERSEDE`, `FILE_OVERWRITE`, `FILE_OVERWRITE_IF`.
    Overwrite,
    /// It is refused: `FILE_CREATE`.
    New,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_serves_nothing_has_no_request() {
        winfsp::winfsp_init().unwrap();
        assert!(Creating::now().is_none());
    }

    #[test]
    fn the_top_byte_says_what_becomes_of_a_name() {
        use Disposition::{New, Open, Overwrite};
        let expected = [Overwrite, Open, New, Open, Overwrite, Overwrite];
        for (disposition, expected) in (0_u32..).zip(expected) {
            let options = disposition << 24 | 0x60;
            assert_eq!(Creating::disposition(options), expected, "{disposition}");
            let creating = Creating::asking_for(options, 0);
            assert_eq!(creating.may_make(), !matches!(disposition, 1 | 4), "{disposition}");
        }
    }
}
