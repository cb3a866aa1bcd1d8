//! The names of one process, and what is done by name.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use crate::access::{Wanted, in_force};
use crate::bounds::Bounds;
use crate::effects::{Answer, Effects, Ticket};
use crate::end::EndId;
use crate::engine::Engine;
use crate::handle::PipeHandle;
use crate::name::Name;
use crate::namespace::{Attributes, Node, ROOT};
use crate::opening::{Open, Patience};
use crate::report::PipeState;
use crate::settings::{Access, MESSAGE_MAX_BYTES, Settings};
use crate::sync::Arc;
use crate::waiting::Wait;
use crate::{Error, Result};

use super::calls::Calls;
use super::end::{ClientEnd, PipeEnd, ServerEnd};
use super::options::PipeOptions;

/// Named pipes for the threads of one process. A clone is the same namespace.
///
/// A name is 1 to 255 bytes, without `/` and NUL. It comes with the first instance and stays
/// until it is [removed](Self::remove).
///
/// ```
/// use std::io::{Read, Write};
/// use std::thread;
/// use pipefs::{Namespace, PipeOptions, Wanted};
///
/// let pipes = Namespace::new();
/// let mut server = pipes.create("greeting", PipeOptions::outbound())?;
/// let client = thread::spawn({
///     let pipes = pipes.clone();
///     move || {
///         let mut text = String::new();
///         pipes.open("greeting", Wanted::READ)?.read_to_string(&mut text)?;
///         Ok::<_, std::io::Error>(text)
///     }
/// });
/// server.write_all(b"hello")?;
/// drop(server);
/// assert_eq!(client.join().unwrap()?, "hello");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Without a thread for each wait
///
/// [`Self::engine`] never blocks, and waits under tickets: overlapped I/O, as Windows calls it.
/// A completion that only sends its answer on makes a channel the completion port:
///
/// ```
/// use std::sync::mpsc;
/// use bytes::Bytes;
/// use pipefs::{Answer, Blocking, Effects, Namespace, Now, PipeOptions, Progress, Wanted};
///
/// let pipes = Namespace::new();
/// let server = pipes.create("calls", PipeOptions::duplex())?;
/// let client = pipes.open("calls", Wanted::BOTH)?;
///
/// let (port, completions) = mpsc::channel();
/// let (read, now, mut effects) = (pipes.ticket(), Now::read(), Effects::default());
/// let engine = pipes.engine();
/// match engine.read(server.id(), 100, Blocking::Yes, read, now, &mut effects)? {
///     Progress::Done(data) => panic!("nobody has written {data:?}"),
///     Progress::Waiting => {
///         pipes.on_answer(read, move |answer| port.send((read, answer)).unwrap());
///     }
/// }
/// // It could be taken back: `engine.cancel(read, &mut effects)`.
/// let (write, data) = (pipes.ticket(), Bytes::from("hello"));
/// engine.write(client.id(), data, Blocking::No, write, now, &mut effects)?;
/// pipes.deliver(effects);
///
/// let (ticket, answer) = completions.recv()?;
/// assert_eq!(ticket, read);
/// assert!(matches!(answer, Answer::Read(data) if data.to_vec() == b"hello"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Namespace(Arc<Calls>);

impl Namespace {
    /// An empty one. What is buffered is bounded by the capacity of each pipe alone.
    #[must_use]
    pub fn new() -> Self {
        Self::with_memory_limit(u64::MAX)
    }

    /// An empty one whose pipes hold no more than this together; then writers wait as if their
    /// pipe were full.
    #[must_use]
    pub fn with_memory_limit(bytes: u64) -> Self {
        let new = |now| Engine::new(Settings::default(), Bounds::memory(bytes), attributes(now));
        Self(Arc::new(Calls::new(new)))
    }

    /// CreateNamedPipe: the server's end of a new instance, to which a client can connect from now
    /// on. The first one of a name makes the pipe; the settings of later ones are not looked at,
    /// but for the direction.
    ///
    /// # Errors
    /// [`Error::Busy`]: there are `max_instances`. [`Error::AccessDenied`]: the pipe has another
    /// direction. [`Error::Exists`]: it was to be the first instance. [`Error::Invalid`],
    /// [`Error::NameTooLong`]: no name, or a setting beyond its limits. [`Error::IsADirectory`].
    pub fn create(&self, name: impl AsRef<[u8]>, options: PipeOptions) -> Result<ServerEnd> {
        let (name, settings) = (name.as_ref(), options.checked()?);
        let wanted = match settings.access {
            Access::Outbound => Wanted::WRITE,
            Access::Inbound => Wanted::READ,
            Access::Duplex | Access::Auto => Wanted::SERVE_BOTH,
        };
        // The only reader of a shared pipe would wait for a writer.
        let patience = if wanted.write { Patience::Wait } else { Patience::NonBlocking };
        loop {
            let pipe = match self.pipe(name) {
                Ok(_) if options.is_first => return Err(Error::Exists),
                Ok(pipe) => pipe,
                Err(Error::NotFound) => match self.new_pipe(name, settings) {
                    Err(Error::Exists) if !options.is_first => continue,
                    other => other?,
                },
                Err(error) => return Err(error),
            };
            if pipe.settings().access != settings.access {
                return Err(Error::AccessDenied);
            }
            match self.open_end(&pipe, wanted, patience, None) {
                // Somebody has removed the name in between.
                Err(Error::NotFound) => {}
                end => return Ok(PipeEnd::new(&self.0, end?, pipe.settings())),
            }
        }
    }

    /// CreateFile: a client's end of the instance that has listened longest. If none listens it
    /// waits as the pipe says, by default until one does. Of `wanted` only the directions count.
    ///
    /// # Errors
    /// [`Error::NotFound`]: no such pipe, or it was removed. [`Error::AccessDenied`]: the pipe has
    /// not this direction. [`Error::Busy`]: nothing listens, and the pipe is set to `open=fail`.
    /// [`Error::TimedOut`]: its `wait_timeout` has passed. [`Error::Invalid`]: no direction.
    pub fn open(&self, name: impl AsRef<[u8]>, wanted: Wanted) -> Result<ClientEnd> {
        let pipe = self.pipe(name.as_ref())?;
        let deadline = Calls::deadline(pipe.settings().wait_timeout);
        self.connect(&pipe, wanted, deadline)
    }

    /// WaitNamedPipe: waits until an instance listens, which another client may take all the same.
    /// `None` stands for the pipe's own `wait_timeout`.
    ///
    /// # Errors
    /// [`Error::NotFound`]: no such pipe, or it was removed. [`Error::TimedOut`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use pipefs::{Error, Namespace, PipeOptions, Wanted};
    ///
    /// let pipes = Namespace::new();
    /// assert_eq!(pipes.wait("jobs", None), Err(Error::NotFound));
    /// let server = pipes.create("jobs", PipeOptions::duplex())?;
    /// assert_eq!(pipes.wait("jobs", None), Ok(()));
    /// let client = pipes.open("jobs", Wanted::BOTH)?;
    /// assert_eq!(pipes.wait("jobs", Some(Duration::from_millis(1))), Err(Error::TimedOut));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait(&self, name: impl AsRef<[u8]>, timeout: Option<Duration>) -> Result<()> {
        let pipe = self.pipe(name.as_ref())?;
        self.wait_for(&pipe, Calls::deadline(timeout.or(pipe.settings().wait_timeout)))
    }

    /// CallNamedPipe: connects to a message pipe, waiting for an instance if it must, sends a
    /// request, and returns the whole reply. `timeout` is for all of it; with `None` it waits for
    /// an instance as [`Self::wait`] does, and for the reply for ever.
    ///
    /// # Errors
    /// Those of [`Self::open`] and [`PipeEnd::transact`]; [`Error::BrokenPipe`]: the server closed
    /// without a reply.
    ///
    /// ```
    /// use std::thread;
    /// use pipefs::{Namespace, PipeOptions};
    ///
    /// let pipes = Namespace::new();
    /// let server = pipes.create("shout", PipeOptions::duplex().messages())?;
    /// let shouting = thread::spawn(move || {
    ///     let request = server.read_message(100)?.expect("a client that is there");
    ///     server.write_message(&request.data.to_ascii_uppercase())
    /// });
    /// assert_eq!(pipes.call("shout", b"hello", None)?, b"HELLO");
    /// # shouting.join().unwrap()?;
    /// # Ok::<(), pipefs::Error>(())
    /// ```
    pub fn call(
        &self,
        name: impl AsRef<[u8]>,
        request: &[u8],
        timeout: Option<Duration>,
    ) -> Result<Vec<u8>> {
        let pipe = self.pipe(name.as_ref())?;
        let deadline = Calls::deadline(timeout);
        let open_until = deadline.or_else(|| Calls::deadline(pipe.settings().wait_timeout));
        let client = loop {
            match self.connect(&pipe, Wanted::BOTH, open_until) {
                Err(Error::Busy) => self.wait_for(&pipe, open_until)?,
                client => break client?,
            }
        };
        let reply = client.transact_until(request, MESSAGE_MAX_BYTES, deadline)?;
        Ok(reply.ok_or(Error::BrokenPipe)?.data)
    }

    /// CreatePipe: the reader's and the writer's end of a pipe of bytes without a name.
    ///
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// let (mut reader, mut writer) = pipefs::Namespace::new().anonymous();
    /// writer.write_all(b"hello")?;
    /// drop(writer);
    /// let mut text = String::new();
    /// reader.read_to_string(&mut text)?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn anonymous(&self) -> (ServerEnd, ClientEnd) {
        let open =
            |engine: &Engine, now, effects: &mut _| engine.anonymous(Calls::who(), now, effects);
        let (reader, writer) = self.0.run(open);
        let settings = Settings::default();
        (PipeEnd::new(&self.0, reader, settings), PipeEnd::new(&self.0, writer, settings))
    }

    /// Removes a name. Ends that are open go on; clients that wait get [`Error::NotFound`].
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::IsADirectory`].
    pub fn remove(&self, name: impl AsRef<[u8]>) -> Result<()> {
        self.0.run(|engine, now, effects| engine.unlink(ROOT, name.as_ref(), now, effects))
    }

    /// The names of all pipes, in their order.
    #[must_use]
    pub fn list(&self) -> Vec<Name> {
        let entries = self.0.engine.list(ROOT).map_or_else(|_| Vec::new(), |root| root.entries);
        let is_pipe = |(_, node): &(Name, Node<PipeHandle>)| matches!(node, Node::Pipe(_));
        entries.into_iter().filter(is_pipe).map(|(name, _)| name).collect()
    }

    /// A pipe's settings, instances, and what went through it. Processes are known by their pid
    /// alone.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::IsADirectory`].
    ///
    /// ```
    /// use pipefs::{Namespace, PipeOptions, State};
    ///
    /// let pipes = Namespace::new();
    /// let server = pipes.create("jobs", PipeOptions::duplex())?;
    /// assert_eq!(pipes.list()[0].as_bytes(), b"jobs");
    /// assert_eq!(pipes.state("jobs")?.instances, [(State::Listening, 0)]);
    /// pipes.remove("jobs")?;
    /// assert!(pipes.list().is_empty());
    /// # Ok::<(), pipefs::Error>(())
    /// ```
    pub fn state(&self, name: impl AsRef<[u8]>) -> Result<PipeState> {
        Ok(self.0.engine.pipe_state(&self.pipe(name.as_ref())?))
    }

    /// The engine below, for what has no function here: directories, settings of a pipe that is
    /// there, and [operations that do not block](#without-a-thread-for-each-wait). Use tickets
    /// from [`Self::ticket`], and give what its calls put into their `effects` to
    /// [`Self::deliver`], or threads that wait will wait for ever. Nobody here watches over
    /// deadlines that the engine is given, or takes [`Effects::wakes`].
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// A ticket that nobody else has.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        self.0.ticket()
    }

    /// Wakes the threads, and calls the completions, that the engine has answered.
    pub fn deliver(&self, effects: Effects) {
        self.0.deliver(effects);
    }

    /// Has `completion` called with the answer to an operation that waits, at once if it is there
    /// already. The thread that brings the answer about calls it, without holding a lock: it
    /// should hand the answer on and return. Once for each operation that waits; an answer that
    /// nobody asks for is kept.
    ///
    /// # Panics
    /// If there is a completion for this ticket already.
    pub fn on_answer(&self, ticket: Ticket, completion: impl FnOnce(Answer) + Send + 'static) {
        self.0.on_answer(ticket, Box::new(completion));
    }

    fn pipe(&self, name: &[u8]) -> Result<PipeHandle> {
        match self.0.engine.lookup(ROOT, name)? {
            Node::Pipe(pipe) => Ok(pipe),
            Node::Directory(_) => Err(Error::IsADirectory),
        }
    }

    fn new_pipe(&self, name: &[u8], settings: Settings) -> Result<PipeHandle> {
        self.0.run(|engine, now, _| engine.create_with(ROOT, name, attributes(now.wall), settings))
    }

    /// A client's open, whatever the flags would make of it on a mount.
    fn connect(
        &self,
        pipe: &PipeHandle,
        wanted: Wanted,
        deadline: Option<Instant>,
    ) -> Result<ClientEnd> {
        let wanted = Wanted { append: true, truncate: false, ..wanted };
        let settings = pipe.settings();
        let suits = match in_force(settings.access, None) {
            Some(direction) => direction.suits_client(wanted),
            // Only the engine makes such pipes; there who only writes would be the server.
            None => wanted.read,
        };
        if !suits {
            return Err(Error::AccessDenied);
        }
        let end = self.open_end(pipe, wanted, Patience::Wait, deadline)?;
        Ok(PipeEnd::new(&self.0, end, settings))
    }

    fn open_end(
        &self,
        pipe: &PipeHandle,
        wanted: Wanted,
        patience: Patience,
        deadline: Option<Instant>,
    ) -> Result<EndId> {
        let open = Open { wanted, who: Calls::who(), patience, reopens: None };
        self.0.complete(deadline, |engine, ticket, now, effects| {
            engine.open(pipe, open, ticket, now, effects)
        })
    }

    fn wait_for(&self, pipe: &PipeHandle, deadline: Option<Instant>) -> Result<()> {
        self.0.complete(deadline, |engine, ticket, _, effects| {
            engine.wait(pipe, Wait::Forever, ticket, effects)
        })
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Namespace").field(&self.0.engine.summary()).finish()
    }
}

/// Nobody asks for these here.
fn attributes(now: SystemTime) -> Attributes {
    Attributes::new(0o666, 0, 0, now)
}
