//! `lifetime=last-close`: a name that goes with the last instance, as on Windows.

use std::time::SystemTime;

use crate::Error;
use crate::access::{Decision, Wanted, decide, in_force};
use crate::effects::Effects;
use crate::end::{Connection, Role};
use crate::engine::{Engine, Now};
use crate::handle::PipeHandle;
use crate::name::Name;
use crate::namespace::{Ino, Node, Tree};
use crate::pipe::Pipe;
use crate::settings::{Lifetime, Mode};

/// Where a pipe's name is. It changes only while the tree of names is locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    directory: Ino,
    name: Name,
}

/// What has the name of a pipe now whose name has gone by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heir {
    /// A pipe that the same users may open; it may be the same one again.
    Pipe(PipeHandle),
    /// Nothing.
    Nobody,
    /// The name was removed, or it leads to what others may open.
    Unknown,
}

/// Tells the pipes that these names lead to now that they have a name, and where it is.
pub(crate) fn tell_places<'a>(
    names: &Tree<PipeHandle>,
    places: impl IntoIterator<Item = (Ino, &'a [u8])>,
) {
    for (directory, name) in places {
        if let Some((name, Node::Pipe(pipe))) = names.entry(directory, name) {
            let place = Place { directory, name: name.clone() };
            let mut pipe = pipe.lock();
            (pipe.named, pipe.place) = (true, Some(place));
        }
    }
}

/// Makes the tree as it was before a change that ended in the middle.
pub(crate) fn take_back(names: &mut Tree<PipeHandle>) {
    let places = names.take_back();
    tell_places(names, places.iter().map(|(directory, name)| (*directory, name.as_bytes())));
}

impl Engine {
    /// Removes the name of a pipe that has expired, unless somebody has come, or the name has gone
    /// or leads elsewhere since that was seen.
    pub(crate) fn let_go_of_name(
        &self,
        handle: &PipeHandle,
        wall: SystemTime,
        effects: &mut Effects,
    ) {
        let mut names = self.names();
        let outcome = self.on_one_pipe(handle, Some(wall), effects, |pipe, gate, effects| {
            let Some(place) = pipe.place.clone() else { return Ok(()) };
            let (directory, name) = (place.directory, place.name.as_bytes());
            let found = names.lookup(directory, name);
            let is_its = matches!(found, Ok(Node::Pipe(other)) if other == handle);
            if is_its && pipe.has_expired() {
                names.unlink(directory, name, wall)?;
                pipe.attributes.changed = wall;
                pipe.unname(gate, effects);
                effects.names_gone.push((directory, place.name.clone()));
                pipe.place = Some(place);
            }
            Ok::<_, Error>(())
        });
        match outcome {
            Ok(()) => names.keep(),
            // The pipe was given up: it is another one now, and has the name.
            Err(_) => take_back(&mut names),
        }
    }

    /// What the name leads to by now of a pipe whose name has gone by itself, for an open that
    /// looked it up before. If it is free, a server's open gets it back for the pipe, as if it had
    /// been first.
    pub fn heir(&self, handle: &PipeHandle, wanted: Wanted, now: Now) -> Heir {
        let heir = self.change_names(|names| Ok(heir(names, handle, wanted, now)));
        heir.unwrap_or_else(|_| {
            // It was about to get its name back.
            handle.lock().named = false;
            Heir::Unknown
        })
    }
}

fn heir(names: &mut Tree<PipeHandle>, handle: &PipeHandle, wanted: Wanted, now: Now) -> Heir {
    let (place, attributes, would_serve) = {
        let pipe = handle.lock();
        let place = pipe.place.clone().filter(|_| !pipe.named);
        (place, pipe.attributes, pipe.would_serve(wanted))
    };
    let Some(Place { directory, name }) = place else { return Heir::Unknown };
    let name = name.as_bytes();
    match names.lookup(directory, name) {
        Ok(Node::Pipe(heir)) if heir.lock().attributes.is_as_open(&attributes) => {
            Heir::Pipe(heir.clone())
        }
        Err(Error::NotFound) if would_serve => {
            let node = Node::Pipe(handle.clone());
            match names.insert(directory, name, node, now.wall) {
                Ok(()) => {
                    tell_places(names, [(directory, name)]);
                    Heir::Pipe(handle.clone())
                }
                // The directory has gone.
                Err(_) => Heir::Nobody,
            }
        }
        Err(Error::NotFound) => Heir::Nobody,
        _ => Heir::Unknown,
    }
}

impl Pipe {
    /// Whether the name is to go: there was a server, and there is none any more.
    pub(crate) fn has_expired(&self) -> bool {
        let is_over = self.served && self.settings.lifetime == Lifetime::LastClose;
        is_over && self.named && !self.has_server()
    }

    /// Whether an open that asks for this would be a server's while there is none.
    fn would_serve(&self, wanted: Wanted) -> bool {
        match self.settings.mode {
            Mode::Instance => {
                let direction = in_force(self.settings.access, self.decided);
                matches!(decide(direction, wanted, false), Ok(Decision::Serve(_)))
            }
            Mode::Shared | Mode::Broadcast => wanted.write,
        }
    }

    /// Whether there is an instance that has its server, or waits with what that left.
    pub(crate) fn has_server(&self) -> bool {
        // From the newest on: what only a client keeps is mostly older.
        self.instances.iter().rev().any(|instance| instance.state.is_counted())
    }

    /// An end is about to close. It was a server's, unless it came only to go, as touch(1) does.
    pub(crate) fn note_close(&mut self, connection: &Connection, is_tentative: bool) {
        let instance = self.instance_mut(connection.instance);
        let is_untouched = !instance.had_client && instance.traffic().written_bytes == 0;
        self.served |= connection.role != Role::Client && !(is_tentative && is_untouched);
    }
}
