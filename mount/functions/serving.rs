//! What the driver does when a pipe function is called, on any system.

use pipefs::{
    Arrival, Blocking, Effects, EndId, Engine, Error, Ino, Node, Now, Progress, Ticket, Wait, Who,
};

use super::wire::{self, Function};

/// What a function that succeeds returns, and what it writes to the caller's structure.
pub(crate) type Outcome = (i32, Vec<u8>);

/// The ticket of calls that do not wait.
const NO_TICKET: Ticket = Ticket(0);

/// How a call waits that asks for `wait`: under its ticket, or not at all if it has none.
fn limited(ticket: Option<Ticket>, wait: Wait) -> (Ticket, Wait) {
    ticket.map_or((NO_TICKET, Wait::No), |ticket| (ticket, wait))
}

/// Who opened an end, and what its system says of the process.
#[derive(Debug)]
pub(crate) struct Described {
    pub(crate) who: Who,
    pub(crate) session: u32,
    /// This machine's name: all ends of a pipe are on one machine.
    pub(crate) host: Vec<u8>,
}

/// Calls a function of a directory. Without a ticket it does not wait.
///
/// # Errors
/// It has no such function, or the engine's.
pub(crate) fn on_directory(
    engine: &Engine,
    directory: Ino,
    function: Function<'_>,
    ticket: Option<Ticket>,
    effects: &mut Effects,
) -> Result<Progress<Outcome>, Error> {
    let Function::Wait { name, wait } = function else { return Err(Error::IsADirectory) };
    let (ticket, wait) = limited(ticket, wait);
    match engine.lookup(directory, name)? {
        Node::Directory(_) => Err(Error::IsADirectory),
        Node::Pipe(pipe) => {
            let progress = engine.wait(&pipe, wait, ticket, effects)?;
            Ok(progress.map(|()| nothing()))
        }
    }
}

/// Calls a function of an end. Without a ticket it does not wait.
///
/// # Errors
/// It has no such function, or the engine's.
pub(crate) fn on_end(
    engine: &Engine,
    end: EndId,
    function: Function<'_>,
    ticket: Option<Ticket>,
    describe: impl FnOnce(Who) -> Described,
    effects: &mut Effects,
) -> Result<Progress<Outcome>, Error> {
    let now = Now::read();
    let outcome = match function {
        Function::Connect(wait) => {
            let (ticket, wait) = limited(ticket, wait);
            let progress = engine.connect(end, wait, ticket, effects)?;
            return Ok(progress.map(|arrival| match arrival {
                Arrival::Before => (1, Vec::new()),
                Arrival::Now => nothing(),
            }));
        }
        Function::Transact { wait: Wait::No, .. } => return Err(Error::Invalid),
        Function::Transact { request, max_bytes, wait } => {
            let ticket = ticket.ok_or(Error::Unsupported)?;
            let progress = engine.transact(end, request, max_bytes, wait, ticket, now, effects)?;
            return Ok(progress.map(|data| (0, wire::transacted(&data))));
        }
        Function::SendEmpty => {
            let blocking = if ticket.is_some() { Blocking::Yes } else { Blocking::No };
            let ticket = ticket.unwrap_or(NO_TICKET);
            let progress = engine.send_empty(end, blocking, ticket, now, effects)?;
            return Ok(progress.map(|_| nothing()));
        }
        Function::Disconnect => {
            engine.disconnect(end, effects)?;
            nothing()
        }
        Function::SetState(mode) => {
            engine.set_read_mode(end, mode)?;
            nothing()
        }
        Function::Peek { max_bytes } => (0, wire::peeked(&engine.peek_end(end, max_bytes)?)),
        Function::Info => (0, wire::info(&engine.end_info(end)?)),
        Function::GetState => (0, wire::handle_state(&engine.end_info(end)?)),
        Function::Peer(whose) => {
            let Described { who, session, host } = describe(engine.peer(end, whose)?);
            (0, wire::peer(whose, who, session, &host))
        }
        Function::Wait { .. } => return Err(Error::NotADirectory),
    };
    Ok(Progress::Done(outcome))
}

fn nothing() -> Outcome {
    (0, Vec::new())
}
