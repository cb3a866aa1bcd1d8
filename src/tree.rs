//! Names and attributes: the operations of [`Engine`] that are about the tree of directories.

use std::time::SystemTime;

use crate::access::Wanted;
use crate::effects::{Effects, Progress, Ticket};
use crate::end::{EndId, Who};
use crate::engine::{Engine, Now};
use crate::giving_up::attempt;
use crate::handle::PipeHandle;
use crate::lifetime::{take_back, tell_places};
use crate::namespace::{Attributes, Ino, Listing, Node, Rename, SET_GROUP_ID, Tree};
use crate::opening::{Open, Patience};
use crate::pipe::Pipe;
use crate::settings::{Access, Mode, PipeType, Settings};
use crate::{Error, Result};

/// What stat(2) shows of a pipe or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub ino: Ino,
    /// Owner, permissions, times.
    pub attributes: Attributes,
    /// Names that lead to it: 0 or 1 for a pipe.
    pub links: u32,
    /// Bytes that wait in it.
    pub buffered_bytes: u64,
}

/// Which attributes setattr changes; `None` leaves one alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AttributeChange {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Time of last read.
    pub accessed: Option<SystemTime>,
    /// Time of last write.
    pub modified: Option<SystemTime>,
    /// `truncate`: only 0 is allowed, and it discards nothing.
    pub size: Option<u64>,
}

impl Engine {
    /// Lets names that differ in the case of letters alone be one; a listing shows each as it was
    /// written first. To be called before anything has a name.
    #[must_use]
    pub fn ignoring_case(self) -> Self {
        self.names().ignore_case();
        self
    }

    /// Changes the tree of names as a whole, or, if that is refused or panics, not at all.
    pub(crate) fn change_names<T>(
        &self,
        change: impl FnOnce(&mut Tree<PipeHandle>) -> Result<T>,
    ) -> Result<T> {
        let mut names = self.names();
        let outcome = attempt(|| {
            let changed = change(&mut names);
            names.changes.step();
            changed
        });
        match outcome {
            Some(Ok(value)) => {
                names.keep();
                Ok(value)
            }
            other => {
                take_back(&mut names);
                Err(other.and_then(Result::err).unwrap_or(Error::GivenUp))
            }
        }
    }

    /// Panics in the next change of the tree that has so many steps, so that tests can see what
    /// becomes of it; `None`: in no change any more. Returns whether one was still to come.
    #[cfg(debug_assertions)]
    #[doc(hidden)]
    pub fn panic_in_names(&self, after_steps: Option<u32>) -> bool {
        self.names().changes.panic_after(after_steps)
    }

    /// What a name in a directory leads to.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NameTooLong`].
    pub fn lookup(&self, directory: Ino, name: &[u8]) -> Result<Node<PipeHandle>> {
        self.names().lookup(directory, name).cloned()
    }

    /// Makes a pipe under a free name (`touch`, `O_CREAT`, mknod). `shared` overrides the default
    /// mode (`mkfifo`).
    ///
    /// # Errors
    /// [`Error::Exists`], or what is wrong with the name or directory.
    pub fn create(
        &self,
        directory: Ino,
        name: &[u8],
        attributes: Attributes,
        mode: Option<Mode>,
    ) -> Result<PipeHandle> {
        let mut settings = self.defaults;
        settings.mode = mode.unwrap_or(settings.mode);
        self.create_with(directory, name, attributes, settings)
    }

    /// Makes a pipe with settings of its own under a free name.
    ///
    /// # Errors
    /// As [`Engine::create`].
    pub fn create_with(
        &self,
        directory: Ino,
        name: &[u8],
        attributes: Attributes,
        settings: Settings,
    ) -> Result<PipeHandle> {
        self.change_names(|names| {
            let attributes = names.inherited(directory, attributes)?;
            let pipe = PipeHandle::new(self.new_ino(), Pipe::new(settings, attributes));
            names.insert(directory, name, Node::Pipe(pipe.clone()), attributes.changed)?;
            tell_places(names, [(directory, name)]);
            Ok(pipe)
        })
    }

    /// CreatePipe: a pipe without a name, which carries bytes one way. Returns its ends: the
    /// reader's, which is the server's, and the writer's.
    pub fn anonymous(&self, who: Who, now: Now, effects: &mut Effects) -> (EndId, EndId) {
        let settings = Settings {
            access: Access::Inbound,
            mode: Mode::Instance,
            pipe_type: PipeType::Byte,
            ..self.defaults
        };
        let attributes = Attributes::new(0o600, who.uid, who.gid, now.wall);
        let pipe = PipeHandle::new(self.new_ino(), Pipe::new(settings, attributes));
        let mut open = |wanted| {
            let open = Open { wanted, who, patience: Patience::Wait, reopens: None };
            match self.open(&pipe, open, Ticket(0), now, effects) {
                Ok(Progress::Done(end)) => end,
                other => unreachable!("a new pipe's first two ends: {other:?}"),
            }
        };
        let ends = (open(Wanted::READ), open(Wanted::WRITE));
        self.unname(&pipe, now, effects);
        ends
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// [`Error::Exists`], or what is wrong with the name or parent.
    pub fn make_directory(&self, parent: Ino, name: &[u8], attributes: Attributes) -> Result<Ino> {
        let ino = self.new_ino();
        self.change_names(|names| {
            let mut attributes = names.inherited(parent, attributes)?;
            attributes.mode |= names.directory(parent)?.attributes.mode & SET_GROUP_ID;
            names.make_directory(parent, name, ino, attributes)?;
            Ok(ino)
        })
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::NotADirectory`], [`Error::NotFound`].
    pub fn remove_directory(&self, parent: Ino, name: &[u8], now: Now) -> Result<()> {
        self.change_names(|names| names.remove_directory(parent, name, now.wall))
    }

    /// Removes a pipe's name. Open ends go on; what lingers is dropped; clients that wait for a
    /// server get [`Error::NotFound`].
    ///
    /// # Errors
    /// [`Error::IsADirectory`], [`Error::NotFound`].
    pub fn unlink(&self, parent: Ino, name: &[u8], now: Now, effects: &mut Effects) -> Result<()> {
        let pipe = self.change_names(|names| names.unlink(parent, name, now.wall))?;
        self.unname(&pipe, now, effects);
        Ok(())
    }

    fn unname(&self, handle: &PipeHandle, now: Now, effects: &mut Effects) {
        let outcome = self.on_pipe(handle, Some(now.wall), effects, |pipe, gate, effects| {
            pipe.attributes.changed = now.wall;
            pipe.unname(gate, effects);
            Ok::<_, Error>(())
        });
        if outcome.is_err() {
            // It was given up, which leaves a pipe its name.
            let mut pipe = handle.lock();
            (pipe.named, pipe.place) = (false, None);
        }
    }

    /// Moves a pipe or directory, also over an existing idle pipe or empty directory.
    ///
    /// # Errors
    /// [`Error::Busy`]: the pipe in the way is in use or holds data. [`Error::Exists`],
    /// [`Error::NotFound`], [`Error::NotEmpty`], [`Error::NotADirectory`],
    /// [`Error::IsADirectory`]; [`Error::Invalid`]: a directory into itself.
    pub fn rename(
        &self,
        from: (Ino, &[u8]),
        to: (Ino, &[u8]),
        how: Rename,
        now: Now,
        effects: &mut Effects,
    ) -> Result<()> {
        let idle = |pipe: &PipeHandle| pipe.lock().is_idle();
        let replaced = self.change_names(|names| {
            let replaced = names.rename(from, to, how, now.wall, idle)?;
            tell_places(names, [from, to]);
            Ok(replaced)
        })?;
        if let Some(pipe) = replaced {
            self.unname(&pipe, now, effects);
        }
        Ok(())
    }

    /// A directory's parent, and its entries in the order of their names.
    ///
    /// # Errors
    /// [`Error::NotFound`]: the directory has been removed.
    pub fn list(&self, directory: Ino) -> Result<Listing<PipeHandle>> {
        self.names().list(directory)
    }

    /// What stat(2) shows.
    ///
    /// # Errors
    /// [`Error::NotFound`]: the directory has been removed.
    pub fn status(&self, node: &Node<PipeHandle>) -> Result<Status> {
        match node {
            Node::Directory(ino) => {
                let names = self.names();
                let attributes = names.directory(*ino)?.attributes;
                let links = names.link_count(*ino)?;
                Ok(Status { ino: *ino, attributes, links, buffered_bytes: 0 })
            }
            Node::Pipe(handle) => {
                let pipe = handle.lock();
                Ok(Status {
                    ino: handle.ino(),
                    attributes: pipe.attributes,
                    links: u32::from(pipe.is_named()),
                    buffered_bytes: pipe.buffered_bytes,
                })
            }
        }
    }

    /// chmod, chown, utimes, truncate.
    ///
    /// # Errors
    /// [`Error::Invalid`]: a size other than 0; nothing is changed then.
    pub fn set_attributes(
        &self,
        node: &Node<PipeHandle>,
        change: AttributeChange,
        now: Now,
    ) -> Result<()> {
        if change.size.is_some_and(|size| size != 0) {
            return Err(Error::Invalid);
        }
        let apply = |attributes: &mut Attributes| {
            attributes.mode = change.mode.unwrap_or(attributes.mode) & 0o7777;
            attributes.uid = change.uid.unwrap_or(attributes.uid);
            attributes.gid = change.gid.unwrap_or(attributes.gid);
            attributes.accessed = change.accessed.unwrap_or(attributes.accessed);
            attributes.modified = change.modified.unwrap_or(attributes.modified);
            attributes.changed = now.wall;
        };
        match node {
            Node::Directory(_) if change.size.is_some() => return Err(Error::IsADirectory),
            Node::Directory(ino) => {
                apply(&mut self.names().directory_mut(*ino)?.attributes);
            }
            Node::Pipe(handle) => apply(&mut handle.lock().attributes),
        }
        Ok(())
    }
}
