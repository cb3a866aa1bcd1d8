//! The engine's functions under the names that the cases use.

use bytes::Bytes;
use pipefs::{
    Arrival, Blocking, EndId, EndRole, Error, Node, Now, Open, Patience, PipeHandle, Progress,
    ROOT, State, Ticket, Wanted, Who, access, settings::PipeType,
};

use super::engine::{CLIENT, EngineArm, Held, SERVER, attributes};
use crate::pipes::{Call, Code, Direction, End, Info, Outcome, ReadMode, Spec, Wait, Wants, Whose};

type Result<T = Progress<Outcome>> = std::result::Result<T, Error>;

impl EngineArm {
    /// Begins a call: its outcome, or that it waits.
    pub(super) fn run(&mut self, call: &Call, ticket: Ticket, found_message: bool) -> Result {
        match call {
            Call::Create(name, spec) => self.create(name, *spec, ticket),
            Call::Open(name, wants) => {
                let wanted = match wants {
                    Wants::Read => Wanted::READ,
                    Wants::Write => Wanted::WRITE,
                    Wants::Both => Wanted::CONNECT_BOTH,
                    Wants::Nothing => Wanted::default(),
                };
                let pipe = self.lookup(name)?;
                self.open(&pipe, wanted, CLIENT, None, ticket)
            }
            Call::Duplicate(end) => {
                let Held { id, pipe, .. } = self.held(*end);
                self.open(&pipe, Wanted::default(), CLIENT, Some(id), ticket)
            }
            Call::Await(name, wait) => {
                let (pipe, wait) = (self.lookup(name)?, self.wait(*wait));
                let waited = self.engine.wait(&pipe, wait, ticket, &mut self.effects)?;
                Ok(waited.map(|()| Outcome::Done))
            }
            Call::Read(end, max) => self.read(*end, *max, ticket, found_message),
            Call::Write(end, bytes) => self.write(*end, bytes, ticket),
            Call::Flush(end) => {
                let flushed = self.engine.flush(self.held(*end).id, ticket, &mut self.effects)?;
                Ok(flushed.map(|()| Outcome::Done))
            }
            Call::Connect(end, wait) => {
                let (id, wait) = (self.held(*end).id, self.wait(*wait));
                let arrived = self.engine.connect(id, wait, ticket, &mut self.effects)?;
                Ok(arrived.map(|arrival| match arrival {
                    Arrival::Before => Outcome::Failed(Code::AlreadyConnected),
                    Arrival::Now => Outcome::Done,
                }))
            }
            Call::Transact(end, request, max) => {
                let request = Bytes::copy_from_slice(request);
                let (id, wait, now) = (self.held(*end).id, pipefs::Wait::Forever, self.now());
                let effects = &mut self.effects;
                let reply = self.engine.transact(id, request, *max, wait, ticket, now, effects)?;
                Ok(reply.map(|data| self.data(*end, &data, false)))
            }
            _ => self.run_at_once(call).map(Progress::Done),
        }
    }

    /// Calls that never wait.
    fn run_at_once(&mut self, call: &Call) -> Result<Outcome> {
        match call {
            Call::Close(end) => {
                self.engine.close(self.held(*end).id, Now::read(), &mut self.effects)?
            }
            Call::Disconnect(end) => {
                self.engine.disconnect(self.held(*end).id, &mut self.effects)?;
            }
            Call::SetNoWait(end, no_wait) => self.ends[end.0 as usize].no_wait = *no_wait,
            Call::SetReadMode(end, mode) => self.set_read_mode(self.held(*end).id, *mode)?,
            Call::Peek(end, max) => {
                let found = self.engine.peek_end(self.held(*end).id, *max)?;
                let (total_bytes, left_bytes) = (found.total_bytes, found.left_bytes);
                return Ok(Outcome::Peeked { bytes: found.data, total_bytes, left_bytes });
            }
            Call::Info(end) => return self.info(self.held(*end).id).map(Outcome::Info),
            Call::Process(end, whose) => {
                let whose = match whose {
                    Whose::Server => pipefs::Whose::Server,
                    Whose::Client => pipefs::Whose::Client,
                };
                let who = self.engine.peer(self.held(*end).id, whose)?;
                return Ok(Outcome::Process(who.pid));
            }
            Call::List => {
                let names = self.engine.list(ROOT)?.entries.into_iter();
                let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
                return Ok(Outcome::Names(names.map(|(name, _)| text(name.as_bytes())).collect()));
            }
            other => unreachable!("{other:?} may wait"),
        }
        Ok(Outcome::Done)
    }

    fn wait(&self, wait: Wait) -> pipefs::Wait {
        match wait {
            Wait::No => pipefs::Wait::No,
            Wait::Forever => pipefs::Wait::Forever,
            Wait::For(time) => pipefs::Wait::Until(self.now().monotonic + time),
        }
    }

    fn lookup(&self, name: &str) -> Result<PipeHandle> {
        match self.engine.lookup(ROOT, name.as_bytes())? {
            Node::Pipe(pipe) => Ok(pipe),
            Node::Directory(_) => Err(Error::IsADirectory),
        }
    }

    fn create(&mut self, name: &str, spec: Spec, ticket: Ticket) -> Result {
        let pipe = match self.lookup(name) {
            Ok(_) if spec.first => return Err(Error::Exists),
            Ok(pipe) => pipe,
            Err(Error::NotFound) => self.make(name, spec)?,
            Err(error) => return Err(error),
        };
        let wanted = match spec.direction {
            Direction::Outbound => Wanted::WRITE,
            Direction::Inbound => Wanted::READ,
            Direction::Duplex => Wanted::SERVE_BOTH,
        };
        let opened = self.open(&pipe, wanted, SERVER, None, ticket)?;
        if spec.reads == ReadMode::Message {
            let id = self.ends.last().expect("it was just opened").id;
            if let Err(error) = self.set_read_mode(id, spec.reads) {
                self.engine.close(id, Now::read(), &mut self.effects)?;
                return Err(error);
            }
        }
        Ok(opened)
    }

    fn make(&mut self, name: &str, spec: Spec) -> Result<PipeHandle> {
        let pipe = self.engine.create(ROOT, name.as_bytes(), attributes(), None)?;
        for (key, value) in super::settings(spec) {
            let set = self.engine.configure(&pipe, key, &value, &mut self.effects);
            if set.is_err() {
                self.engine.unlink(ROOT, name.as_bytes(), self.now(), &mut self.effects)?;
                return Err(Error::Invalid);
            }
        }
        Ok(pipe)
    }

    fn open(
        &mut self,
        pipe: &PipeHandle,
        wanted: Wanted,
        who: Who,
        reopens: Option<EndId>,
        ticket: Ticket,
    ) -> Result {
        let open = Open { wanted, who, patience: Patience::Wait, reopens };
        let now = self.now();
        let opened = self.engine.open(pipe, open, ticket, now, &mut self.effects)?;
        let messages = self.engine.pipe_state(pipe).settings.pipe_type == PipeType::Message;
        Ok(opened.map(|id| {
            self.ends.push(Held { id, pipe: pipe.clone(), no_wait: false, messages });
            Outcome::Opened(End(self.ends.len() as u32 - 1))
        }))
    }

    fn read(&mut self, end: End, max: usize, ticket: Ticket, found_message: bool) -> Result {
        let Held { id, no_wait, .. } = self.held(end);
        let blocking = if no_wait { Blocking::No } else { Blocking::Yes };
        let now = self.now();
        let read = self.engine.read(id, max, blocking, ticket, now, &mut self.effects)?;
        Ok(read.map(|data| self.data(end, &data, found_message || max == 0)))
    }

    fn write(&mut self, end: End, bytes: &[u8], ticket: Ticket) -> Result {
        let Held { id, no_wait, messages, .. } = self.held(end);
        let blocking = if no_wait { Blocking::No } else { Blocking::Yes };
        let (now, data) = (self.now(), Bytes::copy_from_slice(bytes));
        let effects = &mut self.effects;
        let written = if messages && data.is_empty() {
            self.engine.send_empty(id, blocking, ticket, now, effects)?
        } else {
            self.engine.write(id, data, blocking, ticket, now, effects)?
        };
        Ok(written.map(|bytes| Outcome::Written(bytes as usize)))
    }

    fn set_read_mode(&self, id: EndId, mode: ReadMode) -> Result<()> {
        let mode = match mode {
            ReadMode::Byte => pipefs::ReadMode::Byte,
            ReadMode::Message => pipefs::ReadMode::Message,
        };
        self.engine.set_read_mode(id, mode)
    }

    fn info(&self, id: EndId) -> Result<Info> {
        let info = self.engine.end_info(id)?;
        Ok(Info {
            is_server: info.role == Some(EndRole::Server),
            messages: info.settings.pipe_type == PipeType::Message,
            reads: match info.read_mode {
                pipefs::ReadMode::Byte => ReadMode::Byte,
                pipefs::ReadMode::Message => ReadMode::Message,
            },
            direction: match info.direction.expect("the cases decide it") {
                access::Direction::Outbound => Direction::Outbound,
                access::Direction::Inbound => Direction::Inbound,
                access::Direction::Duplex => Direction::Duplex,
            },
            most_instances: info.settings.max_instances,
            instances: info.instances as u32,
            capacity_bytes: info.settings.capacity_bytes,
            readable_bytes: info.readable_bytes,
            writable_bytes: info.writable_bytes,
            state: match info.state {
                Some(State::Listening | State::Lingering) => 2,
                Some(State::Connected | State::Joined) => 3,
                Some(State::Draining | State::Abandoned) => 4,
                Some(State::Disconnected) | None => 1,
            },
        })
    }
}
