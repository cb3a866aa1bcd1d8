//! What a server and a client hold of an instance.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::effects::{Effects, Progress, Ticket};
use crate::end::{EndId, ReadMode};
use crate::engine::{Engine, Now};
use crate::inspect::{EndInfo, Peeked, Whose};
use crate::listen::Arrival;
use crate::queue::Data;
use crate::settings::{PipeType, Settings};
use crate::sync::{Arc, Mutex};
use crate::waiting::{Blocking, Wait};
use crate::{Error, Result};

use super::calls::{Calls, Outcome};

/// The role of a [`ServerEnd`].
#[derive(Debug)]
pub enum Server {}

/// The role of a [`ClientEnd`].
#[derive(Debug)]
pub enum Client {}

/// What [`Namespace::create`](super::Namespace::create) gives: it can wait for clients, one after
/// the other.
///
/// ```
/// use std::thread;
/// use pipefs::{Namespace, PipeOptions, Wanted};
///
/// let pipes = Namespace::new();
/// let server = pipes.create("counter", PipeOptions::outbound().messages())?;
/// let counting = thread::spawn(move || {
///     for client in 1..=3_u8 {
///         server.connect()?;
///         server.write_message(&[client])?;
///         server.drain()?; // What is unread would be lost.
///         server.disconnect()?;
///     }
///     Ok::<(), pipefs::Error>(())
/// });
/// for expected in 1..=3_u8 {
///     let client = pipes.open("counter", Wanted::READ)?;
///     assert_eq!(client.read_message(1)?.expect("a message").data, [expected]);
/// }
/// # counting.join().unwrap()?;
/// # Ok::<(), pipefs::Error>(())
/// ```
pub type ServerEnd = PipeEnd<Server>;

/// What [`Namespace::open`](super::Namespace::open) gives.
pub type ClientEnd = PipeEnd<Client>;

/// One end of an instance. It closes when the last clone of it is dropped; what was written can
/// still be read then. With the setting `linger=flush` the drop waits until that is read, no
/// longer than the write timeout.
///
/// Its functions, and [`std::io::Read`] and [`std::io::Write`], take `&self`, so that one thread
/// may read while another one writes. On a message pipe a write is a message and a read gets at
/// most one; an empty one looks like the end of file to [`std::io::Read`], and not to
/// [`read_message`](Self::read_message).
///
/// ```
/// use std::thread;
/// use pipefs::{Namespace, PipeOptions, ReadMode, Wanted};
///
/// let pipes = Namespace::new();
/// let server = pipes.create("echo", PipeOptions::duplex().messages())?;
/// let echo = thread::spawn(move || {
///     while let Some(message) = server.read_message(100)? {
///         server.write_message(&message.data)?;
///     }
///     Ok::<(), pipefs::Error>(())
/// });
/// let client = pipes.open("echo", Wanted::BOTH)?;
///
/// let reply = client.transact(b"hello", 2)?.expect("a reply");
/// assert_eq!((&reply.data[..], reply.left_bytes), (&b"he"[..], 3));
/// assert_eq!(client.peek(100)?.data, b"llo");
/// client.set_read_mode(ReadMode::Byte)?;
/// assert_eq!(client.info()?.readable_bytes, 3);
/// assert_eq!(client.read_message(100)?.expect("the rest").data, b"llo");
///
/// client.set_nonblocking(true);
/// assert_eq!(client.read_message(100), Err(pipefs::Error::WouldBlock));
/// assert_eq!(client.server_process_id()?, std::process::id());
/// drop(client);
/// # echo.join().unwrap()?;
/// # Ok::<(), pipefs::Error>(())
/// ```
pub struct PipeEnd<Role> {
    held: Arc<Held>,
    role: PhantomData<fn() -> Role>,
}

/// What the clones of an end share.
struct Held {
    calls: Arc<Calls>,
    id: EndId,
    pipe_type: PipeType,
    manner: Mutex<Manner>,
}

/// How an end's operations take it that they have to wait.
#[derive(Debug, Clone, Copy, Default)]
struct Manner {
    never_waits: bool,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Manner {
    fn blocking(self) -> Blocking {
        if self.never_waits { Blocking::No } else { Blocking::Yes }
    }

    fn wait(self) -> Wait {
        if self.never_waits { Wait::No } else { Wait::Forever }
    }
}

/// What a message pipe gives a reader.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    /// The message, or as much of it as there was room for.
    pub data: Vec<u8>,
    /// How many bytes of it the next reads will get (`ERROR_MORE_DATA`).
    pub left_bytes: usize,
}

impl Message {
    /// `None`: the end of file.
    fn new(data: &Data) -> Option<Self> {
        (!data.is_end()).then(|| Self { data: data.to_vec(), left_bytes: data.left_bytes() })
    }
}

impl PipeEnd<Server> {
    /// ConnectNamedPipe: waits until a client is there, and says whether one was before. After
    /// [`Self::disconnect`] no client can come until this is called.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`]: the client has left again; read what it wrote, then disconnect.
    /// [`Error::WouldBlock`]: nobody is there, and the end is nonblocking. [`Error::NotFound`]:
    /// the name has gone. [`Error::NotConnected`]: somebody disconnected meanwhile.
    /// [`Error::Unsupported`]: a shared pipe has no instances.
    pub fn connect(&self) -> Result<Arrival> {
        self.connect_until(None)
    }

    /// The same, for no longer than this.
    ///
    /// # Errors
    /// [`Error::TimedOut`], and those of [`Self::connect`]. The instance listens on.
    pub fn connect_timeout(&self, timeout: Duration) -> Result<Arrival> {
        self.connect_until(Calls::deadline(Some(timeout)))
    }

    fn connect_until(&self, deadline: Option<Instant>) -> Result<Arrival> {
        let (id, wait) = (self.held.id, self.manner().wait());
        self.complete(deadline, |engine, ticket, _, effects| {
            engine.connect(id, wait, ticket, effects)
        })
    }

    /// DisconnectNamedPipe: throws the client out. What is unread, both ways, is lost.
    ///
    /// # Errors
    /// [`Error::NotConnected`]: it was disconnected already. [`Error::Unsupported`]: a shared pipe
    /// has no instances.
    pub fn disconnect(&self) -> Result<()> {
        self.held.calls.run(|engine, _, effects| engine.disconnect(self.held.id, effects))
    }
}

impl<Role> PipeEnd<Role> {
    pub(super) fn new(calls: &Arc<Calls>, id: EndId, settings: Settings) -> Self {
        let (calls, manner) = (Arc::clone(calls), Mutex::new(Manner::default()));
        let held = Held { calls, id, pipe_type: settings.pipe_type, manner };
        Self { held: Arc::new(held), role: PhantomData }
    }

    /// Reads a message, or up to `max_bytes` of it; what is left of it is for the next reads.
    /// `None`: the other end has closed, and everything is read. In [`ReadMode::Byte`] it reads
    /// what is there, across messages.
    ///
    /// # Errors
    /// [`Error::Invalid`]: a byte pipe has no messages. [`Error::Reset`]: the server has
    /// disconnected this client; later reads find the end of file. [`Error::NotConnected`]: this
    /// server has disconnected its client. [`Error::BadHandle`]: this end does not read.
    /// [`Error::WouldBlock`], [`Error::TimedOut`].
    pub fn read_message(&self, max_bytes: usize) -> Result<Option<Message>> {
        self.demand_messages()?;
        Ok(Message::new(&self.read_data(max_bytes)?))
    }

    /// Writes one message, which may be empty and has at most
    /// [`MESSAGE_MAX_BYTES`](crate::settings::MESSAGE_MAX_BYTES).
    ///
    /// # Errors
    /// Nothing is written then. [`Error::Invalid`]: a byte pipe has no messages.
    /// [`Error::MessageTooLong`]. [`Error::BrokenPipe`]: the other end has closed, or the server
    /// has disconnected this client. [`Error::NotConnected`]: this server has disconnected its
    /// client. [`Error::BadHandle`]: this end does not write. [`Error::WouldBlock`],
    /// [`Error::TimedOut`], [`Error::Full`].
    pub fn write_message(&self, message: &[u8]) -> Result<()> {
        self.demand_messages()?;
        self.write_data(message).map(drop)
    }

    /// TransactNamedPipe: writes a message, and reads the next one, or up to `max_bytes` of it.
    /// The write does not wait for room, the read waits no longer than the read timeout. `None`:
    /// the other end has closed without a reply.
    ///
    /// # Errors
    /// Nothing is sent then: [`Error::BadState`]: not a connected duplex end of a message pipe
    /// that reads messages. [`Error::Busy`]: something unread is there already.
    /// [`Error::MessageTooLong`]. [`Error::NotConnected`]: it was disconnected.
    /// [`Error::WouldBlock`]: the end is nonblocking. The request is sent, and a reply may come
    /// later: [`Error::TimedOut`], [`Error::Reset`].
    pub fn transact(&self, request: &[u8], max_bytes: usize) -> Result<Option<Message>> {
        let deadline = Calls::deadline(self.manner().read_timeout);
        self.transact_until(request, max_bytes, deadline)
    }

    pub(super) fn transact_until(
        &self,
        request: &[u8],
        max_bytes: usize,
        deadline: Option<Instant>,
    ) -> Result<Option<Message>> {
        let (id, wait) = (self.held.id, self.manner().wait());
        let request = Bytes::copy_from_slice(request);
        let reply: Data = self.complete(deadline, |engine, ticket, now, effects| {
            engine.transact(id, request, max_bytes, wait, ticket, now, effects)
        })?;
        Ok(Message::new(&reply))
    }

    /// FlushFileBuffers: waits until the other end has read everything that was written, no
    /// longer than the write timeout.
    ///
    /// # Errors
    /// [`Error::BrokenPipe`]: it closed first. [`Error::NotConnected`]: the server disconnected.
    /// [`Error::TimedOut`].
    pub fn drain(&self) -> Result<()> {
        let (id, deadline) = (self.held.id, Calls::deadline(self.manner().write_timeout));
        self.complete(deadline, |engine, ticket, _, effects| engine.flush(id, ticket, effects))
    }

    /// PeekNamedPipe: what the next read would get, up to `max_bytes` of it, and how much there
    /// is. Takes nothing and never waits.
    ///
    /// # Errors
    /// [`Error::BadState`]: a server without a client. [`Error::BrokenPipe`]: the other end has
    /// closed, and everything is read. [`Error::NotConnected`]: the server has disconnected this
    /// client. [`Error::BadHandle`]: this end does not read.
    pub fn peek(&self, max_bytes: usize) -> Result<Peeked> {
        self.held.calls.engine.peek_end(self.held.id, max_bytes)
    }

    /// GetNamedPipeInfo and GetNamedPipeHandleState: what the end is and has.
    ///
    /// # Errors
    /// None, as long as nobody closes the end through the engine: [`Error::BadHandle`].
    pub fn info(&self) -> Result<EndInfo> {
        self.held.calls.engine.end_info(self.held.id)
    }

    /// SetNamedPipeHandleState: how this end of a message pipe reads from now on.
    ///
    /// # Errors
    /// [`Error::Invalid`]: a byte pipe has no messages.
    pub fn set_read_mode(&self, mode: ReadMode) -> Result<()> {
        self.held.calls.engine.set_read_mode(self.held.id, mode)
    }

    /// SetNamedPipeHandleState: whether what would wait fails with [`Error::WouldBlock`] instead
    /// (`PIPE_NOWAIT`). Only [`Self::drain`] waits all the same.
    pub fn set_nonblocking(&self, never_waits: bool) {
        self.held.manner.lock().never_waits = never_waits;
    }

    /// The longest that reads and transactions wait; `None`: for ever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) {
        self.held.manner.lock().read_timeout = timeout;
    }

    /// The longest that writes and [`Self::drain`] wait; `None`: for ever.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) {
        self.held.manner.lock().write_timeout = timeout;
    }

    /// GetNamedPipeClientProcessId: also when the client has closed.
    ///
    /// # Errors
    /// [`Error::NobodyThere`]: no client has come, or it was disconnected.
    /// [`Error::NotConnected`]: the server has disconnected this client. [`Error::Unsupported`]: a
    /// shared pipe has no instances.
    pub fn client_process_id(&self) -> Result<u32> {
        self.held.calls.engine.peer(self.held.id, Whose::Client).map(|who| who.pid)
    }

    /// GetNamedPipeServerProcessId: also when the server has closed.
    ///
    /// # Errors
    /// As [`Self::client_process_id`].
    pub fn server_process_id(&self) -> Result<u32> {
        self.held.calls.engine.peer(self.held.id, Whose::Server).map(|who| who.pid)
    }

    /// The end's name for the [engine](super::Namespace::engine). It closes with this value:
    /// [`Engine::close`] is not for it.
    #[must_use]
    pub fn id(&self) -> EndId {
        self.held.id
    }

    pub(super) fn carries_bytes(&self) -> bool {
        self.held.pipe_type == PipeType::Byte
    }

    pub(super) fn read_data(&self, max_bytes: usize) -> Result<Data> {
        let (id, manner) = (self.held.id, self.manner());
        let deadline = Calls::deadline(manner.read_timeout);
        self.complete(deadline, |engine, ticket, now, effects| {
            engine.read(id, max_bytes, manner.blocking(), ticket, now, effects)
        })
    }

    /// Writes all of it or nothing; an empty message if it is empty.
    pub(super) fn write_data(&self, data: &[u8]) -> Result<u32> {
        let (id, manner) = (self.held.id, self.manner());
        let (blocking, deadline) = (manner.blocking(), Calls::deadline(manner.write_timeout));
        self.complete(deadline, |engine, ticket, now, effects| match data {
            [] => engine.send_empty(id, blocking, ticket, now, effects),
            _ => {
                let data = Bytes::copy_from_slice(data);
                engine.write(id, data, blocking, ticket, now, effects)
            }
        })
    }

    fn demand_messages(&self) -> Result<()> {
        if self.carries_bytes() { Err(Error::Invalid) } else { Ok(()) }
    }

    fn manner(&self) -> Manner {
        *self.held.manner.lock()
    }

    fn complete<T: Outcome>(
        &self,
        deadline: Option<Instant>,
        operation: impl FnOnce(&Engine, Ticket, Now, &mut Effects) -> Result<Progress<T>>,
    ) -> Result<T> {
        self.held.calls.complete(deadline, operation)
    }
}

impl<Role> Clone for PipeEnd<Role> {
    fn clone(&self) -> Self {
        Self { held: Arc::clone(&self.held), role: PhantomData }
    }
}

impl<Role> fmt::Debug for PipeEnd<Role> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PipeEnd").field(&self.held.id).finish()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let manner = *self.manner.lock();
        // Who panics is like a process that was killed: it does not wait.
        if self.calls.engine.flushes_at_close(self.id) && !std::thread::panicking() {
            let deadline = Calls::deadline(manner.write_timeout);
            // Whatever became of it, the end closes.
            let _ = self.calls.complete(deadline, |engine, ticket, now, effects| {
                engine.flush_at_close(self.id, manner.blocking(), ticket, now, effects)
            });
        }
        // It fails only if the end was closed through the engine: then there is nothing to do.
        let _ = self.calls.run(|engine, now, effects| engine.close(self.id, now, effects));
    }
}
