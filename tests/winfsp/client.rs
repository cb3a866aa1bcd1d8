//! What a client does with files, and what Windows and the driver make of it: which requests, in
//! which order.

use std::sync::Arc;
use std::time::Duration;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_CREATE, FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, FILE_OPEN, FILE_OPEN_IF,
    FILE_OVERWRITE, FILE_OVERWRITE_IF, FILE_SUPERSEDE,
};
use windows_sys::Win32::Foundation::STATUS_REPARSE;
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_APPEND_DATA, FILE_ATTRIBUTE_NORMAL, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES,
    FILE_READ_DATA, FILE_WRITE_DATA, READ_CONTROL, SYNCHRONIZE,
};
use winfsp_sys::FSP_FSCTL_VOLUME_INFO;

use crate::deadline::{A_WHILE, PATIENCE};
use crate::driver::answer::Status;
use crate::driver::request::Open;
use crate::driver::volume::Unanswered;
use crate::driver::{Answer, Request, Ticket, Volume};
use crate::file::File;

/// What opens ask for.
pub(crate) const READ: u32 = FILE_READ_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE;
pub(crate) const WRITE: u32 = FILE_WRITE_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE;
pub(crate) const APPEND: u32 = FILE_APPEND_DATA | FILE_READ_ATTRIBUTES | SYNCHRONIZE;
pub(crate) const BOTH: u32 = READ | WRITE;
pub(crate) const ATTRIBUTES: u32 = FILE_READ_ATTRIBUTES | SYNCHRONIZE;
pub(crate) const TO_DELETE: u32 = DELETE | ATTRIBUTES;
pub(crate) const SECURITY: u32 = READ_CONTROL | ATTRIBUTES;

/// The answer of a link, and how many of them lead to each other at most.
const REPARSE: Status = Status::of(STATUS_REPARSE);
const MAX_LINKS: usize = 4;

/// What is to become of a name that is there, and of one that is not: CreateFile's constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    CreateNew,
    CreateAlways,
    OpenExisting,
    OpenAlways,
    TruncateExisting,
    /// Not of CreateFile; NtCreateFile has it.
    Supersede,
}

impl Disposition {
    fn number(self) -> u32 {
        match self {
            Self::CreateNew => FILE_CREATE,
            Self::CreateAlways => FILE_OVERWRITE_IF,
            Self::OpenExisting => FILE_OPEN,
            Self::OpenAlways => FILE_OPEN_IF,
            Self::TruncateExisting => FILE_OVERWRITE,
            Self::Supersede => FILE_SUPERSEDE,
        }
    }
}

/// What an open has done, as its answer says (`FILE_OPENED` and so on).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Superseded = 0,
    Opened = 1,
    Created = 2,
    Overwritten = 3,
}

impl Action {
    pub(crate) fn of(number: u32) -> Self {
        let all = [Self::Superseded, Self::Opened, Self::Created, Self::Overwritten];
        all.into_iter().find(|action| *action as u32 == number).expect("an open's action")
    }
}

/// A volume, as those who open files on it see it.
#[derive(Debug, Clone)]
pub(crate) struct Client(pub(crate) Arc<Volume>);

impl Client {
    /// Opens a file.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn open(
        &self,
        name: &str,
        access: u32,
        disposition: Disposition,
    ) -> Result<File, Status> {
        self.open_with(name, access, disposition, FILE_NON_DIRECTORY_FILE, &[])
    }

    /// The same, while the volume may be stopped; `None`: it was.
    pub(crate) fn try_open(
        &self,
        name: &str,
        access: u32,
        disposition: Disposition,
    ) -> Option<Result<File, Status>> {
        let options = FILE_NON_DIRECTORY_FILE;
        let request = self.request(name, access, disposition, options, &[]);
        match self.begin(request).answer_within(PATIENCE) {
            Ok(answer) => Some(answer.success().map(|answer| File::new(self, name, &answer, None))),
            Err(Unanswered::Stopped) => None,
            Err(Unanswered::StillWaiting) => panic!("no answer within {PATIENCE:?}"),
        }
    }

    fn request(
        &self,
        name: &str,
        access: u32,
        disposition: Disposition,
        options: u32,
        security: &[u8],
    ) -> Request {
        Request::open(Open {
            name,
            disposition: disposition.number(),
            options,
            access,
            attributes: FILE_ATTRIBUTE_NORMAL,
            security,
            token: self.0.token.in_requests(),
        })
    }

    /// Opens a file that is there.
    #[track_caller]
    pub(crate) fn opened(&self, name: &str, access: u32) -> File {
        self.open(name, access, Disposition::OpenExisting).expect("it can be opened")
    }

    /// Makes a file.
    #[track_caller]
    pub(crate) fn created(&self, name: &str, access: u32) -> File {
        self.open(name, access, Disposition::CreateNew).expect("it can be made")
    }

    /// Opens a directory.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn directory(&self, name: &str, disposition: Disposition) -> Result<File, Status> {
        let access = FILE_LIST_DIRECTORY | DELETE | ATTRIBUTES;
        self.open_with(name, access, disposition, FILE_DIRECTORY_FILE, &[])
    }

    /// Opens anything in any way.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn open_with(
        &self,
        name: &str,
        access: u32,
        disposition: Disposition,
        options: u32,
        security: &[u8],
    ) -> Result<File, Status> {
        // The driver opens the file that a stream is of as well, and keeps that open.
        let main = match name.split_once(':') {
            Some((main, _)) => {
                let disposition = match disposition {
                    Disposition::OpenExisting | Disposition::TruncateExisting => {
                        Disposition::OpenExisting
                    }
                    _ => Disposition::OpenAlways,
                };
                Some(self.open_with(main, FILE_READ_ATTRIBUTES, disposition, 0, &[])?)
            }
            None => None,
        };
        let ask = |name: &str| self.ask(self.request(name, access, disposition, options, security));
        let (mut name, mut answer) = (name.to_owned(), ask(name));
        // It is a link, and Windows asks again, for what it leads to.
        for _ in 0..MAX_LINKS {
            if answer.status() != REPARSE {
                break;
            }
            name = answer.link();
            answer = ask(&name);
        }
        let answer = answer.success()?;
        let mut file = File::new(self, &name, &answer, main);
        if matches!(file.action, Action::Overwritten | Action::Superseded) {
            file.overwrite(FILE_ATTRIBUTE_NORMAL)?;
        }
        Ok(file)
    }

    /// What is said of the volume.
    #[track_caller]
    pub(crate) fn volume(&self) -> FSP_FSCTL_VOLUME_INFO {
        self.begin_volume().answer().success().expect("every volume has that").volume()
    }

    /// Asks for that.
    pub(crate) fn begin_volume(&self) -> Pending {
        self.begin(Request::query_volume())
    }

    /// Asks, and waits for the answer.
    #[track_caller]
    pub(crate) fn ask(&self, request: Request) -> Answer {
        self.begin(request).answer()
    }

    pub(crate) fn begin(&self, request: Request) -> Pending {
        Pending { ticket: self.0.post(request), volume: Arc::clone(&self.0) }
    }
}

/// A request that may have no answer yet.
#[derive(Debug)]
pub(crate) struct Pending {
    ticket: Ticket,
    volume: Arc<Volume>,
}

impl Pending {
    /// The answer, which has to come.
    #[track_caller]
    pub(crate) fn answer(self) -> Answer {
        match self.volume.answer_within(self.ticket, PATIENCE) {
            Ok(answer) => answer,
            Err(why) => panic!("no answer within {PATIENCE:?}: {why:?}"),
        }
    }

    /// What a read has got.
    ///
    /// # Errors
    /// The file system's.
    #[track_caller]
    pub(crate) fn data(self) -> Result<Vec<u8>, Status> {
        self.answer().success().map(Answer::received)
    }

    /// How much a write has written.
    ///
    /// # Errors
    /// The file system's.
    #[track_caller]
    pub(crate) fn count(self) -> Result<u32, Status> {
        self.answer().success().map(|answer| answer.information())
    }

    /// The answer within a time, or why there is none.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn answer_within(&self, time: Duration) -> Result<Answer, Unanswered> {
        self.volume.answer_within(self.ticket, time)
    }

    /// Asserts that there is no answer for a while.
    #[track_caller]
    pub(crate) fn assert_waits(&self) {
        let answer = self.answer_within(A_WHILE).map(|answer| answer.status());
        assert_eq!(answer, Err(Unanswered::StillWaiting), "it was expected to wait");
    }
}
