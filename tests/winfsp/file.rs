//! An open file: what its client may do with it, until it is closed.

use std::sync::Arc;

use winfsp_sys::FSP_FSCTL_FILE_INFO;

use crate::client::{Action, Client, Pending};
use crate::deadline::PATIENCE;
use crate::driver::answer::Status;
use crate::driver::request::FileContext;
use crate::driver::volume::Unanswered;
use crate::driver::{Answer, Request};
use crate::entries::{Entry, Stream, entries, streams};

/// An open file. It is closed when this is dropped, as it is when its process dies.
#[derive(Debug)]
pub(crate) struct File {
    client: Client,
    context: FileContext,
    pub(crate) name: String,
    /// What its open has done.
    pub(crate) action: Action,
    /// What was granted.
    pub(crate) granted: u32,
    /// How the name is written, if the file system has said so.
    pub(crate) normalized: Option<String>,
    /// What its open has said of it.
    pub(crate) information: FSP_FSCTL_FILE_INFO,
    is_to_be_deleted: bool,
    is_open: bool,
    /// Of a stream: the file that it is of.
    main: Option<Box<File>>,
}

impl File {
    /// The file that an answer has opened; of a stream, also the file that it is of.
    pub(crate) fn new(client: &Client, name: &str, opened: &Answer, main: Option<Self>) -> Self {
        let (context, granted) = opened.opened();
        Self {
            client: client.clone(),
            context,
            name: name.to_owned(),
            action: Action::of(opened.information()),
            granted,
            normalized: opened.opened_name(),
            information: opened.opened_file(),
            is_to_be_deleted: false,
            is_open: true,
            main: main.map(Box::new),
        }
    }

    /// What follows an open that is to leave nothing of what was there.
    #[track_caller]
    pub(crate) fn overwrite(&mut self, attributes: u32) -> Result<(), Status> {
        self.information = self.ask(Request::overwrite(self.context, attributes))?.file();
        Ok(())
    }

    #[track_caller]
    fn ask(&self, request: Request) -> Result<Answer, Status> {
        self.client.ask(request).success()
    }

    #[track_caller]
    pub(crate) fn read(&self, length: usize) -> Result<Vec<u8>, Status> {
        self.begin_read(length).data()
    }

    /// The same from a place on, which streams know and pipes do not.
    #[track_caller]
    pub(crate) fn read_at(&self, offset: u64, length: usize) -> Result<Vec<u8>, Status> {
        self.client.begin(Request::read(self.context, offset, length)).data()
    }

    pub(crate) fn begin_read(&self, length: usize) -> Pending {
        self.client.begin(Request::read(self.context, 0, length))
    }

    #[track_caller]
    pub(crate) fn write(&self, data: &[u8]) -> Result<u32, Status> {
        self.begin_write(data).count()
    }

    pub(crate) fn begin_write(&self, data: &[u8]) -> Pending {
        self.client.begin(Request::write(self.context, data))
    }

    pub(crate) fn begin_flush(&self) -> Pending {
        self.client.begin(Request::flush(self.context))
    }

    #[track_caller]
    pub(crate) fn query(&self) -> Result<FSP_FSCTL_FILE_INFO, Status> {
        self.ask(Request::query_information(self.context)).map(|answer| answer.file())
    }

    #[track_caller]
    pub(crate) fn set_attributes(&self, attributes: u32) -> Result<FSP_FSCTL_FILE_INFO, Status> {
        self.ask(Request::set_attributes(self.context, attributes)).map(|answer| answer.file())
    }

    #[track_caller]
    pub(crate) fn set_size(&self, size: u64) -> Result<FSP_FSCTL_FILE_INFO, Status> {
        self.ask(Request::set_size(self.context, size)).map(|answer| answer.file())
    }

    #[track_caller]
    pub(crate) fn set_allocation(&self, size: u64) -> Result<FSP_FSCTL_FILE_INFO, Status> {
        self.ask(Request::set_allocation(self.context, size)).map(|answer| answer.file())
    }

    /// Whether its name is to go when it is closed.
    #[track_caller]
    pub(crate) fn set_delete(&mut self, delete: bool) -> Result<(), Status> {
        self.ask(Request::set_delete(self.context, &self.name, delete))?;
        self.is_to_be_deleted = delete;
        Ok(())
    }

    #[track_caller]
    pub(crate) fn rename(&mut self, to: &str, replace: bool) -> Result<(), Status> {
        let token = replace.then(|| self.client.0.token.in_requests());
        self.ask(Request::rename(self.context, &self.name, to, token))?;
        to.clone_into(&mut self.name);
        Ok(())
    }

    /// All entries of a directory, request by request.
    #[track_caller]
    pub(crate) fn list(&self) -> Vec<Entry> {
        let mut found: Vec<Entry> = Vec::new();
        loop {
            let marker = found.last().map(|entry| entry.name.as_str());
            let request = Request::list(self.context, None, marker);
            let answer = self.ask(request).expect("a directory can be listed");
            let (more, is_all) = entries(&answer.received());
            assert!(is_all || !more.is_empty(), "an end, or entries");
            found.extend(more);
            if is_all {
                return found;
            }
        }
    }

    /// The names in it, but for `.` and `..`, in order.
    #[track_caller]
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.list().into_iter().map(|entry| entry.name).collect();
        names.retain(|name| name != "." && name != "..");
        names.sort();
        names
    }

    #[track_caller]
    pub(crate) fn streams(&self) -> Result<Vec<Stream>, Status> {
        let answer = self.ask(Request::query_streams(self.context))?;
        Ok(streams(answer.rest()))
    }

    #[track_caller]
    pub(crate) fn security(&self) -> Result<Vec<u8>, Status> {
        let answer = self.ask(Request::query_security(self.context))?;
        Ok(answer.rest().to_vec())
    }

    #[track_caller]
    pub(crate) fn set_security(&self, which: u32, descriptor: &[u8]) -> Result<(), Status> {
        self.ask(Request::set_security(self.context, which, descriptor)).map(drop)
    }

    #[track_caller]
    pub(crate) fn control(&self, code: u32, input: &[u8], output: u32) -> Result<Vec<u8>, Status> {
        let answer = self.ask(Request::control(self.context, code, input, output))?;
        Ok(answer.rest().to_vec())
    }

    /// Its last handle is closed, while somebody else refers to it still: a request, for example.
    pub(crate) fn begin_cleanup(&self) -> Pending {
        let deleted = self.is_to_be_deleted.then_some(self.name.as_str());
        self.client.begin(Request::cleanup(self.context, deleted))
    }

    /// Closes it.
    #[track_caller]
    pub(crate) fn close(mut self) {
        self.begin_cleanup().answer();
        self.is_open = false;
        self.client.begin(Request::close(self.context)).answer();
    }

    /// What Windows does for a process that has died: it closes the last handle, and lets go of the
    /// file when nothing is asked of it any more. Whether the volume was there until then.
    #[track_caller]
    pub(crate) fn abandon(mut self) -> bool {
        let volume = Arc::clone(&self.client.0);
        let cleanup = self.begin_cleanup().answer_within(PATIENCE);
        self.is_open = false;
        assert_ne!(cleanup.err(), Some(Unanswered::StillWaiting));
        if !volume.is_idle_within(self.context, PATIENCE) {
            assert!(volume.is_stopped(), "its requests end with it");
            return false;
        }
        let close = self.client.begin(Request::close(self.context)).answer_within(PATIENCE);
        assert_ne!(close.as_ref().err(), Some(&Unanswered::StillWaiting));
        close.is_ok()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let volume = &self.client.0;
        if self.is_open && !volume.is_stopped() {
            let cleanup = self.begin_cleanup();
            // What a file system says to that, nobody hears.
            let _ = cleanup.answer_within(PATIENCE);
            if volume.is_idle_within(self.context, PATIENCE) {
                let _ = self.client.begin(Request::close(self.context)).answer_within(PATIENCE);
            }
        }
        drop(self.main.take());
    }
}
