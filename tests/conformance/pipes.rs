//! What an arm has to do: the operations of Windows' pipe API in a few words, and what comes of
//! them. A further arm is one file that implements [`Arm`].

use std::time::Duration;

/// An open handle; the arm gives the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct End(pub(crate) u32);

/// An operation that was begun; the arm gives the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Op(pub(crate) u32);

/// The directions of a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// `PIPE_ACCESS_OUTBOUND`: the server writes.
    Outbound,
    /// `PIPE_ACCESS_INBOUND`: the server reads.
    Inbound,
    /// `PIPE_ACCESS_DUPLEX`.
    Duplex,
}

/// What a client's open asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wants {
    /// `GENERIC_READ`.
    Read,
    /// `GENERIC_WRITE`.
    Write,
    /// Both.
    Both,
    /// Neither.
    Nothing,
}

/// How long an operation may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all.
    No,
    /// For ever.
    Forever,
    /// No longer than this.
    For(Duration),
}

/// How a handle reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadMode {
    /// `PIPE_READMODE_BYTE`.
    Byte,
    /// `PIPE_READMODE_MESSAGE`.
    Message,
}

/// Whose process is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The server's.
    Server,
    /// The client's.
    Client,
}

/// What CreateNamedPipe is told. Its first caller's words hold for the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) direction: Direction,
    /// `PIPE_TYPE_MESSAGE`.
    pub(crate) messages: bool,
    /// The server's own read mode.
    pub(crate) reads: ReadMode,
    /// `None`: unlimited.
    pub(crate) most_instances: Option<u32>,
    /// `FILE_FLAG_FIRST_PIPE_INSTANCE`.
    pub(crate) first: bool,
    /// Both quotas, in bytes.
    pub(crate) capacity_bytes: u64,
}

/// A duplex byte pipe with any number of instances.
pub(crate) const DUPLEX: Spec = Spec {
    direction: Direction::Duplex,
    messages: false,
    reads: ReadMode::Byte,
    most_instances: None,
    first: false,
    capacity_bytes: 64 << 10,
};

/// A duplex message pipe, whose server reads messages.
pub(crate) const MESSAGES: Spec = Spec { messages: true, reads: ReadMode::Message, ..DUPLEX };

/// The server writes.
pub(crate) const OUTBOUND: Spec = Spec { direction: Direction::Outbound, ..DUPLEX };

/// The server reads.
pub(crate) const INBOUND: Spec = Spec { direction: Direction::Inbound, ..DUPLEX };

/// One operation.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    /// CreateNamedPipe: [`Outcome::Opened`].
    Create(String, Spec),
    /// CreateFile: [`Outcome::Opened`].
    Open(String, Wants),
    /// WaitNamedPipe.
    Await(String, Wait),
    /// FindFirstFile on the root: [`Outcome::Names`].
    List,
    /// CloseHandle.
    Close(End),
    /// DuplicateHandle: [`Outcome::Opened`].
    Duplicate(End),
    /// ReadFile: [`Outcome::Data`].
    Read(End, usize),
    /// WriteFile: [`Outcome::Written`]. Without data it is an empty message of a message pipe.
    Write(End, Vec<u8>),
    /// FlushFileBuffers.
    Flush(End),
    /// ConnectNamedPipe.
    Connect(End, Wait),
    /// DisconnectNamedPipe.
    Disconnect(End),
    /// PeekNamedPipe: [`Outcome::Peeked`].
    Peek(End, usize),
    /// TransactNamedPipe: [`Outcome::Data`].
    Transact(End, Vec<u8>, usize),
    /// GetNamedPipeInfo and its relatives: [`Outcome::Info`].
    Info(End),
    /// GetNamedPipeServerProcessId and its relatives: [`Outcome::Process`].
    Process(End, Whose),
    /// SetNamedPipeHandleState: how the handle reads.
    SetReadMode(End, ReadMode),
    /// SetNamedPipeHandleState: `PIPE_NOWAIT`.
    SetNoWait(End, bool),
}

/// What came of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Opened(End),
    /// `more`: `ERROR_MORE_DATA`; `None`: the arm cannot tell.
    Data {
        bytes: Vec<u8>,
        more: Option<bool>,
    },
    Written(usize),
    Peeked {
        bytes: Vec<u8>,
        total_bytes: u64,
        left_bytes: u64,
    },
    Info(Info),
    Process(u32),
    Names(Vec<String>),
    Failed(Code),
}

/// What is said of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Info {
    pub(crate) is_server: bool,
    pub(crate) messages: bool,
    pub(crate) reads: ReadMode,
    pub(crate) direction: Direction,
    pub(crate) most_instances: Option<u32>,
    pub(crate) instances: u32,
    pub(crate) capacity_bytes: u64,
    pub(crate) readable_bytes: u64,
    pub(crate) writable_bytes: u64,
    /// 1 disconnected, 2 listening, 3 connected, 4 closing.
    pub(crate) state: u32,
}

/// Windows' error codes, as far as pipes have them, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Code {
    InvalidFunction = 1,
    FileNotFound = 2,
    AccessDenied = 5,
    InvalidParameter = 87,
    BrokenPipe = 109,
    TimedOut = 121,
    InvalidName = 123,
    AlreadyExists = 183,
    NameTooLong = 206,
    BadPipe = 230,
    PipeBusy = 231,
    NoData = 232,
    NotConnected = 233,
    AlreadyConnected = 535,
    Listening = 536,
    Aborted = 995,
    NotFound = 1168,
}

/// One implementation of named pipes. Operations are begun and asked for; nothing here blocks for
/// longer than an operation takes that ends by itself.
pub(crate) trait Arm {
    /// Begins an operation.
    fn begin(&mut self, call: Call) -> Op;

    /// What came of an operation; `None`: it waits, and the arm has made sure of it, or has given
    /// it time to end.
    fn outcome(&mut self, op: Op) -> Option<Outcome>;

    /// The same of an operation that is not to wait, for an arm that can only be patient.
    fn outcome_at_last(&mut self, op: Op) -> Option<Outcome> {
        self.outcome(op)
    }

    /// CancelIoEx, CancelSynchronousIo: a waiting operation ends.
    fn cancel(&mut self, op: Op);

    /// Time passes.
    fn pass(&mut self, time: Duration);

    /// The processes of the servers' and the clients' ends.
    fn processes(&self) -> (u32, u32);

    /// Whether what an operation causes may take a moment to be seen.
    fn takes_time(&self) -> bool {
        true
    }
}
