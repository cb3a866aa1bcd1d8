//! Opening and making what a path names: who becomes what, and what a refused open leaves behind.
//!
//! Neither may wait: WinFsp takes the answer only when the method returns. A client that nothing
//! listens for gets its end at once, and its first read or write waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use pipefs::{
    Attributes, Effects, EndId, Engine, Error, Ino, Node, Now, Open, Patience, PipeHandle,
    Progress, Ticket, Wanted, Who,
};
use windows_sys::Win32::Foundation::{
    STATUS_ACCESS_DENIED, STATUS_FILE_IS_A_DIRECTORY, STATUS_NOT_A_DIRECTORY,
    STATUS_OBJECT_NAME_COLLISION, STATUS_OBJECT_NAME_INVALID,
};
use winfsp::FspError;
use winfsp::filesystem::DirBuffer;

use super::driver::Driver;
use super::names::Named;
use super::request::{Creating, Disposition};
use super::security::Permissions;
use super::status::fsp_error;
use super::streams::Stream;

const FILE_DIRECTORY_FILE: u32 = 0x1;
const FILE_NON_DIRECTORY_FILE: u32 = 0x40;
const FILE_READ_DATA: u32 = 0x1;
const FILE_WRITE_DATA: u32 = 0x2;
const FILE_APPEND_DATA: u32 = 0x4;

/// An open file.
#[derive(Debug)]
pub struct Opened {
    pub(crate) node: Node<PipeHandle>,
    pub(crate) as_what: As,
}

/// What was opened of a node.
#[derive(Debug)]
pub(crate) enum As {
    /// Its attributes: nothing of a pipe is touched.
    Attributes,
    /// A directory's entries, as they were when the listing began.
    Directory(DirBuffer),
    /// An end of a pipe.
    End(OpenEnd),
    /// One of its streams.
    Stream(Stream),
}

/// An end, until the last handle is closed.
#[derive(Debug)]
pub(crate) struct OpenEnd {
    pub(crate) id: EndId,
    is_closed: AtomicBool,
}

impl Opened {
    /// The end, of those that are one.
    pub(crate) fn end(&self) -> Option<EndId> {
        match &self.as_what {
            As::End(end) => Some(end.id),
            As::Attributes | As::Directory(_) | As::Stream(_) => None,
        }
    }
}

/// Which directions a program may use that was granted these rights, and how it opens.
pub(crate) fn wanted(granted: u32, options: u32) -> Wanted {
    let write = granted & (FILE_WRITE_DATA | FILE_APPEND_DATA) != 0;
    Wanted {
        read: granted & FILE_READ_DATA != 0,
        write,
        truncate: Creating::disposition(options) == Disposition::Overwrite,
        append: write && granted & FILE_WRITE_DATA == 0,
    }
}

impl Driver {
    /// Opens what is there.
    ///
    /// # Errors
    /// It is not there; the engine refuses it; or what is wanted and what is there are a pipe and a
    /// directory.
    pub(crate) fn open(
        &self,
        named: &Named,
        options: u32,
        granted: u32,
    ) -> Result<Opened, FspError> {
        let node = named.find(&self.engine)?;
        if let Some(key) = &named.stream {
            let stream = self.stream(&node, key)?;
            return self.open_stream(node, stream, granted);
        }
        let as_what = match &node {
            Node::Directory(_) if options & FILE_NON_DIRECTORY_FILE != 0 => {
                return Err(FspError::NTSTATUS(STATUS_FILE_IS_A_DIRECTORY));
            }
            Node::Directory(_) => As::Directory(DirBuffer::new()),
            Node::Pipe(_) if options & FILE_DIRECTORY_FILE != 0 => {
                return Err(FspError::NTSTATUS(STATUS_NOT_A_DIRECTORY));
            }
            Node::Pipe(pipe) => {
                let wanted = wanted(granted, options);
                self.perform(|engine, now, effects| {
                    open_pipe(engine, pipe, wanted, Patience::Later, now, effects)
                })?
            }
        };
        Ok(Opened { node, as_what })
    }

    fn open_stream(
        &self,
        node: Node<PipeHandle>,
        stream: Stream,
        granted: u32,
    ) -> Result<Opened, FspError> {
        let writes = granted & (FILE_WRITE_DATA | FILE_APPEND_DATA) != 0;
        if writes && !stream.is_writable() {
            return Err(FspError::NTSTATUS(STATUS_ACCESS_DENIED));
        }
        Ok(Opened { node, as_what: As::Stream(stream) })
    }

    /// Makes a pipe and opens it, or a directory. A refused open leaves no name behind.
    ///
    /// # Errors
    /// The name is taken or cannot be used, or the engine refuses the open.
    pub(crate) fn create(
        &self,
        named: &Named,
        options: u32,
        granted: u32,
        permissions: Permissions,
    ) -> Result<Opened, FspError> {
        if named.stream.is_some() {
            // There are no other streams than those that there are.
            return Err(FspError::NTSTATUS(STATUS_OBJECT_NAME_INVALID));
        }
        let Some((parent, name)) = named.place(&self.engine)? else {
            return Err(FspError::NTSTATUS(STATUS_OBJECT_NAME_COLLISION));
        };
        let Permissions { uid, gid, mode } = permissions;
        let attributes = Attributes::new(mode, uid, gid, SystemTime::now());
        if options & FILE_DIRECTORY_FILE != 0 {
            let made = self.engine.make_directory(parent, name.as_bytes(), attributes);
            let node = Node::Directory(made.map_err(unfit_name)?);
            return Ok(Opened { node, as_what: As::Directory(DirBuffer::new()) });
        }
        let made = self.engine.create(parent, name.as_bytes(), attributes, None);
        let pipe = made.map_err(unfit_name)?;
        let wanted = wanted(granted, options);
        let as_what = self.perform(|engine, now, effects| {
            let opened = open_pipe(engine, &pipe, wanted, Patience::Created, now, effects);
            if opened.is_err() {
                let _ = engine.unlink(parent, name.as_bytes(), now, effects);
            }
            opened
        })?;
        Ok(Opened { node: Node::Pipe(pipe), as_what })
    }

    /// The last handle of an open file was closed.
    pub(crate) fn close(&self, opened: &Opened) {
        let As::End(end) = &opened.as_what else { return };
        if !end.is_closed.swap(true, Ordering::SeqCst) {
            let closed = self.perform(|engine, now, effects| engine.close(end.id, now, effects));
            debug_assert!(closed.is_ok(), "{end:?}: {closed:?}");
        }
    }

    /// Removes what an open file is of, if the path still leads there.
    ///
    /// # Errors
    /// It does not, or the engine refuses it.
    pub(crate) fn remove(&self, opened: &Opened, named: &Named) -> Result<(), FspError> {
        let Some((parent, name)) = named.place(&self.engine)? else {
            return Err(FspError::NTSTATUS(STATUS_ACCESS_DENIED));
        };
        self.perform(|engine, now, effects| {
            match (engine.lookup(parent, name.as_bytes())?, &opened.node) {
                (Node::Directory(found), Node::Directory(ino)) if found == *ino => {
                    engine.remove_directory(parent, name.as_bytes(), now)
                }
                (Node::Pipe(found), Node::Pipe(pipe)) if found == *pipe => {
                    engine.unlink(parent, name.as_bytes(), now, effects)
                }
                _ => Err(Error::NotFound),
            }
        })
    }

    /// Whether what an open file is of may be removed.
    ///
    /// # Errors
    /// It may not: the root, a directory with entries, a stream.
    pub(crate) fn may_remove(&self, opened: &Opened) -> Result<(), FspError> {
        match (&opened.as_what, &opened.node) {
            (As::Stream(_), _) | (_, Node::Directory(pipefs::ROOT)) => {
                Err(FspError::NTSTATUS(STATUS_ACCESS_DENIED))
            }
            (_, Node::Directory(ino)) => self.refuse_if_full(*ino),
            (_, Node::Pipe(_)) => Ok(()),
        }
    }

    fn refuse_if_full(&self, directory: Ino) -> Result<(), FspError> {
        let listing = self.engine.list(directory).map_err(fsp_error)?;
        if listing.entries.is_empty() { Ok(()) } else { Err(fsp_error(Error::NotEmpty)) }
    }
}

fn open_pipe(
    engine: &Engine,
    pipe: &PipeHandle,
    wanted: Wanted,
    patience: Patience,
    now: Now,
    effects: &mut Effects,
) -> Result<As, Error> {
    if !wanted.read && !wanted.write {
        return Ok(As::Attributes);
    }
    let who = Creating::now().map_or_else(Who::default, Creating::who);
    let open = Open { wanted, who, patience, reopens: None };
    // The ticket is of no use: such an open does not wait.
    match engine.open(pipe, open, Ticket(0), now, effects)? {
        Progress::Done(id) => Ok(As::End(OpenEnd { id, is_closed: AtomicBool::new(false) })),
        Progress::Waiting => unreachable!("an open with {patience:?} does not wait"),
    }
}

/// A name that cannot be is no bad parameter.
fn unfit_name(error: Error) -> FspError {
    match error {
        Error::Invalid => FspError::NTSTATUS(STATUS_OBJECT_NAME_INVALID),
        error => fsp_error(error),
    }
}
