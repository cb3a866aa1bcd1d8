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
use crate::opening::Open;
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
    /// A pipe that the same users may open.
    Pipe(PipeHandle),
    /// Nothing.
    Nobody,
    /// The name was removed, or it leads to what others may open.
    Unknown,
}

/// Tells the pipes that these names lead to now where they are.
pub(crate) fn tell_places<const N: usize>(names: &Tree<PipeHandle>, places: [(Ino, &[u8]); N]) {
    for (directory, name) in places {
        if let Some((name, Node::Pipe(pipe))) = names.entry(directory, name) {
            pipe.lock().place = Some(Place { directory, name: name.clone() });
        }
    }
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
        self.on_one_pipe(handle, Some(wall), effects, |pipe, gate, effects| {
            let Some(place) = pipe.place.clone() else { return };
            let (directory, name) = (place.directory, place.name.as_bytes());
            let found = names.lookup(directory, name);
            let is_its = matches!(found, Ok(Node::Pipe(other)) if other == handle);
            if is_its && pipe.has_expired() {
                names.unlink(directory, name, wall).expect("it was just found");
                effects.names_gone.push((directory, place.name.clone()));
                pipe.attributes.changed = wall;
                pipe.unname(gate, effects);
                pipe.place = Some(place);
            }
        });
    }

    /// A server opens a pipe whose name has gone by itself since it was looked up: the name comes
    /// back, as if the open had been first. Tells whether it has.
    pub(crate) fn take_name_back(&self, handle: &PipeHandle, open: Open, now: Now) -> bool {
        let mut names = self.names();
        let place = {
            let pipe = handle.lock();
            let is_wanted = !pipe.named && open.reopens.is_none() && pipe.would_serve(open.wanted);
            pipe.place.clone().filter(|_| is_wanted)
        };
        let Some(Place { directory, name }) = place else { return false };
        let node = Node::Pipe(handle.clone());
        if names.insert(directory, name.as_bytes(), node, now.wall).is_err() {
            return false;
        }
        handle.lock().named = true;
        tell_places(&names, [(directory, name.as_bytes())]);
        true
    }

    /// What the name leads to by now of a pipe whose name has gone by itself: an open that looked
    /// the name up before may want that.
    #[must_use]
    pub fn heir(&self, handle: &PipeHandle) -> Heir {
        let names = self.names();
        let (place, attributes) = {
            let pipe = handle.lock();
            (pipe.place.clone().filter(|_| !pipe.named), pipe.attributes)
        };
        let Some(Place { directory, name }) = place else { return Heir::Unknown };
        match names.lookup(directory, name.as_bytes()) {
            Err(Error::NotFound) => Heir::Nobody,
            Ok(Node::Pipe(heir)) if heir.lock().attributes.is_as_open(&attributes) => {
                Heir::Pipe(heir.clone())
            }
            _ => Heir::Unknown,
        }
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
        self.instances.values().rev().any(|instance| instance.state.is_counted())
    }

    /// An end is about to close. It was a server's, unless it came only to go, as touch(1) does.
    pub(crate) fn note_close(&mut self, connection: &Connection, is_tentative: bool) {
        let instance = self.instance_mut(connection.instance);
        let is_untouched = !instance.had_client && instance.traffic().written_bytes == 0;
        self.served |= connection.role != Role::Client && !(is_tentative && is_untouched);
    }
}
