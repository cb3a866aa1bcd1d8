//! `pipefs serve`: a program for each client, its standard input and output on an instance.
//!
//! - `place` — the pipe, made if it is missing; the program, looked up before anybody needs it
//! - `crew` — the programs that run

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use self::crew::Crew;
use self::place::Place;
use super::deadline::Deadline;
use super::duplex;
use crate::cli::Serve;
use crate::exit::{Exit, Failure};
use crate::functions::PipeFunctions;
use crate::pipe_file::wrong_name;
use crate::platform::ends;
use crate::platform::programs::{self, Happened, Signal};

mod crew;
mod place;

/// How long programs may take to end when they have been told to.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(arguments: &Serve) -> Result<(), Failure> {
    programs::check(&arguments.command[0])?;
    let (events, arriving) = mpsc::channel();
    // Before the pipe is made, because then somebody has to take it away.
    let happened = events.clone();
    let watched = programs::watch(move |what| happened.send(Event::Happened(what)).is_ok());
    watched.map_err(|error| {
        Failure::new(Exit::Failure, format!("signals cannot be watched: {error}"))
    })?;
    let place = Place::find_or_make(arguments)?;
    let crew = Crew::new(arguments);
    Server { path: &arguments.name, place, crew, events, listening: None }.serve(&arriving)
}

/// What the server waits for.
enum Event {
    /// The instance that listened has a client, or cannot have one.
    Client(io::Result<()>),
    /// A program has ended, or this server is told to.
    Happened(Happened),
}

struct Server<'a> {
    path: &'a Path,
    place: Place,
    crew: Crew<'a>,
    events: Sender<Event>,
    listening: Option<Arc<File>>,
}

impl Server<'_> {
    fn serve(mut self, arriving: &Receiver<Event>) -> Result<(), Failure> {
        let ended = self.until_told(arriving);

        // From here on no client gets an instance, nor waits for one in vain.
        if let Some(instance) = self.listening.take() {
            // It fails if the name is gone or the driver is: then nobody comes anyway.
            let _ = instance.disconnect();
        }
        drop(self.place);

        let mut patience = None;
        let told = ended.map(|signal| {
            self.crew.signal(signal);
            patience = Some(PATIENCE);
        });
        let mut deadline = Deadline::after(patience);
        while !self.crew.is_idle() {
            let left = deadline.left().unwrap_or(Duration::MAX);
            match arriving.recv_timeout(left) {
                Ok(Event::Happened(Happened::Ended)) => self.crew.reap(),
                Ok(Event::Happened(Happened::Told(signal))) => {
                    // The first one was heard already; whoever sends a second one is in a hurry.
                    let signal = if patience.is_some() { Signal::KILL } else { signal };
                    self.crew.signal(signal);
                    patience = Some(PATIENCE);
                    deadline = Deadline::after(patience);
                }
                Ok(Event::Client(_)) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.crew.signal(Signal::KILL);
                    deadline = Deadline::after(None);
                }
            }
        }
        told
    }

    /// Serves clients until a signal comes that ends this, and gives its number.
    fn until_told(&mut self, arriving: &Receiver<Event>) -> Result<Signal, Failure> {
        self.listen()?;
        loop {
            match arriving.recv().expect("this server can send, too") {
                Event::Happened(Happened::Ended) => self.crew.reap(),
                Event::Happened(Happened::Told(signal)) => return Ok(signal),
                Event::Client(result) => {
                    let instance = self.listening.take().expect("it has listened");
                    result.map_err(|error| match ends::kind(&error) {
                        ErrorKind::NotFound => wrong_name(self.path, "was removed"),
                        _ => duplex::failure(self.path, &error),
                    })?;
                    self.crew.start(instance);
                }
            }
            self.listen()?;
        }
    }

    /// Has an instance listen, unless one does or there are enough of them.
    fn listen(&mut self) -> Result<(), Failure> {
        if self.listening.is_some() || self.crew.is_complete() {
            return Ok(());
        }
        let instance = match duplex::server(self.path) {
            // The pipe has fewer instances than this may have programs.
            Err(Failure { exit: Exit::Busy, .. }) if !self.crew.is_idle() => return Ok(()),
            instance => Arc::new(instance?),
        };
        self.listening = Some(Arc::clone(&instance));
        // For a server's end poll does not tell when a client comes, so a thread waits for that.
        let events = self.events.clone();
        let wait = move || {
            let client = until_connected(&instance);
            drop(instance);
            // When nobody wants to know any more, the process is about to end.
            let _ = events.send(Event::Client(client));
        };
        let started = thread::Builder::new().name("listen".into()).spawn(wait);
        started.map(drop).map_err(|error| duplex::failure(self.path, &error))
    }
}

/// Waits for a client. One that has left already may have left data.
fn until_connected(instance: &File) -> io::Result<()> {
    loop {
        let connected = instance.connect(None).map_err(|error| (ends::kind(&error), error));
        match connected {
            Ok(_) | Err((ErrorKind::BrokenPipe, _)) => return Ok(()),
            Err((ErrorKind::Interrupted, _)) => {}
            Err((_, error)) => return Err(error),
        }
    }
}
