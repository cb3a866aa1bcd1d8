//! Memory pressure: an operation on one pipe, and what follows from it for pipes whose writers wait
//! for memory, that of the mount or their user's own.

use std::collections::VecDeque;
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use crate::effects::{Answer, Effects};
use crate::engine::Engine;
use crate::giving_up::{GivenUp, attempt};
use crate::handle::{PipeHandle, WeakHandle};
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::sync::Arc;
use crate::users::User;

/// So many pipes stand in a row before those that are gone are looked for.
const SWEEP_FROM: usize = 64;

/// Pipes where somebody was refused for lack of memory.
#[derive(Debug, Default)]
pub(crate) struct Pressed {
    /// Of the mount's.
    pipes: Row,
    /// Of a user's own; each list has at least one pipe.
    users: FxHashMap<u32, Starved>,
    /// Users among them who have memory again, or had it a moment ago.
    due: Vec<u32>,
}

/// A user whose writers wait for one another.
#[derive(Debug)]
struct Starved {
    user: Arc<User>,
    pipes: Row,
}

/// Pipes, longest waiting first. It keeps none: one whose name and ends have gone is gone, however
/// long there is no memory.
#[derive(Debug, Default)]
struct Row {
    pipes: VecDeque<WeakHandle>,
    /// With so many the next one is the occasion to forget those that are gone.
    sweep_at: usize,
}

impl Row {
    fn is_empty(&self) -> bool {
        self.pipes.is_empty()
    }

    fn push(&mut self, handle: &PipeHandle) {
        if self.pipes.len() >= self.sweep_at.max(SWEEP_FROM) {
            self.pipes.retain(|pipe| !pipe.is_gone());
            self.sweep_at = 2 * self.pipes.len();
            self.pipes.shrink_to(self.sweep_at);
        }
        self.pipes.push_back(handle.downgrade());
    }

    fn pop(&mut self) -> Option<PipeHandle> {
        std::iter::from_fn(|| self.pipes.pop_front()).find_map(|pipe| pipe.upgrade())
    }
}

/// Which list a pipe was on.
#[derive(Debug, Clone, Copy)]
enum Lack {
    Memory,
    User(u32),
}

/// On which lists a pipe stands: mostly on none, so a pipe has no room for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Marks(Option<Box<Lists>>);

#[derive(Debug, Clone, Default)]
struct Lists {
    memory: bool,
    users: Vec<u32>,
}

impl Marks {
    /// Whether somebody was refused here and may not have been told of memory since.
    pub(crate) fn any(&self) -> bool {
        self.0.is_some()
    }

    /// Notes that it stands on a list; tells whether it did not before.
    fn set(&mut self, lack: Lack) -> bool {
        let lists = self.0.get_or_insert_default();
        match lack {
            Lack::Memory => !std::mem::replace(&mut lists.memory, true),
            Lack::User(uid) => {
                let is_new = !lists.users.contains(&uid);
                lists.users.extend(is_new.then_some(uid));
                is_new
            }
        }
    }

    fn clear(&mut self, lack: Lack) {
        let Some(lists) = &mut self.0 else { return };
        match lack {
            Lack::Memory => lists.memory = false,
            Lack::User(uid) => lists.users.retain(|other| *other != uid),
        }
        if !lists.memory && lists.users.is_empty() {
            self.0 = None;
        }
    }
}

impl Pressed {
    /// Whether a pipe may have to be looked at. While the mount has memory nothing waits for it.
    fn has_work(&self) -> bool {
        !self.pipes.is_empty() || !self.due.is_empty()
    }

    fn add_starved(&mut self, user: &Arc<User>, handle: &PipeHandle) {
        let new = || Starved { user: Arc::clone(user), pipes: Row::default() };
        self.users.entry(user.uid).or_insert_with(new).pipes.push(handle);
    }

    /// A user may have memory: its pipes get their turn, if there are any.
    fn is_due(&mut self, user: &User) {
        if self.users.contains_key(&user.uid) && user.has_room() && !self.due.contains(&user.uid) {
            self.due.push(user.uid);
        }
    }

    /// Takes out the pipe whose turn it is.
    fn next(&mut self, has_memory: bool) -> Option<(PipeHandle, Lack)> {
        let first = has_memory.then(|| self.pipes.pop());
        if let Some(handle) = first.flatten() {
            return Some((handle, Lack::Memory));
        }
        while let Some(uid) = self.due.last().copied() {
            if let Some(starved) = self.users.get_mut(&uid) {
                let first = starved.user.has_room().then(|| starved.pipes.pop());
                if starved.pipes.is_empty() {
                    self.users.remove(&uid);
                }
                if let Some(handle) = first.flatten() {
                    return Some((handle, Lack::User(uid)));
                }
            }
            self.due.pop();
        }
        None
    }
}

impl Engine {
    /// Runs one operation on a locked pipe, then does what follows for others: forgets tickets
    /// that were answered, and lets writers elsewhere use memory that became free. `wall` is for
    /// the times of what the operation lets others read and write.
    pub(crate) fn on_pipe<T: GivenUp>(
        &self,
        handle: &PipeHandle,
        wall: Option<SystemTime>,
        effects: &mut Effects,
        operation: impl FnOnce(&mut Pipe, &Gate<'_>, &mut Effects) -> T,
    ) -> T {
        let mut has_expired = false;
        let value = self.on_one_pipe(handle, wall, effects, |pipe, gate, effects| {
            let value = operation(pipe, gate, effects);
            has_expired = pipe.has_expired();
            value
        });
        if let Some(wall) = wall.filter(|_| has_expired) {
            self.let_go_of_name(handle, wall, effects);
        }
        if self.pressed.lock().has_work() {
            self.relieve(wall, effects);
        }
        value
    }

    pub(crate) fn on_one_pipe<T: GivenUp>(
        &self,
        handle: &PipeHandle,
        wall: Option<SystemTime>,
        effects: &mut Effects,
        operation: impl FnOnce(&mut Pipe, &Gate<'_>, &mut Effects) -> T,
    ) -> T {
        let answered = effects.answers.len();
        let gate = Gate::new(&self.quota);
        let mut pipe = handle.lock();
        let instances = pipe.instances.count();
        let value = match attempt(|| operation(&mut pipe, &gate, effects)) {
            Some(value) => {
                let buffered = pipe.buffered_bytes.checked_add_signed(gate.change_bytes());
                pipe.buffered_bytes = buffered.expect("a pipe releases what it has reserved");
                self.note_answers(handle, &mut pipe, wall, answered, effects);
                value
            }
            None => {
                self.give_up(handle, &mut pipe, &gate, answered, effects);
                T::given_up()
            }
        };
        self.quota.count_instances(pipe.instances.count() - instances - gate.new_instances());
        self.note_pressure(handle, &mut pipe, gate);
        value
    }

    /// Forgets the operations that were answered, and notes what their answers let others see.
    fn note_answers(
        &self,
        handle: &PipeHandle,
        pipe: &mut Pipe,
        wall: Option<SystemTime>,
        answered: usize,
        effects: &Effects,
    ) {
        let new = &effects.answers[answered..];
        for (_, answer) in new {
            if let Answer::Opened(end) = answer {
                self.ends.write().insert(*end, handle.clone());
            }
        }
        if new.is_empty() {
            return;
        }
        let mut register = self.register.lock();
        for (ticket, answer) in new {
            register.forget(*ticket);
            match (answer, wall) {
                (Answer::Read(data) | Answer::Transacted(data), Some(wall)) if !data.is_empty() => {
                    pipe.attributes.accessed = wall;
                }
                (Answer::Written(_) | Answer::Sent, Some(wall)) => pipe.attributes.modified = wall,
                _ => {}
            }
        }
    }

    /// Remembers that memory stood in somebody's way here, and who has got some.
    fn note_pressure(&self, handle: &PipeHandle, pipe: &mut Pipe, gate: Gate<'_>) {
        if gate.has_refused() && pipe.pressed.set(Lack::Memory) {
            self.pressed.lock().pipes.push(handle);
        }
        let (starved, relieved) = gate.into_users();
        if starved.is_empty() && relieved.is_empty() {
            return;
        }
        let mut pressed = self.pressed.lock();
        for user in &starved {
            if pipe.pressed.set(Lack::User(user.uid)) {
                pressed.add_starved(user, handle);
            }
        }
        // Also those refused here: who made room for them meanwhile did not know of this pipe.
        starved.iter().chain(&relieved).for_each(|user| pressed.is_due(user));
    }

    /// Lets waiting writers go on, pipe after pipe, while there is memory for them.
    fn relieve(&self, wall: Option<SystemTime>, effects: &mut Effects) {
        loop {
            let next = self.pressed.lock().next(self.quota.has_room());
            let Some((handle, lack)) = next else { return };
            self.on_one_pipe(&handle, wall, effects, |pipe, gate, effects| {
                pipe.pressed.clear(lack);
                pipe.relieve(gate, effects);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{
        Attributes, Blocking, Bounds, Error, Now, Open, Patience, Progress, ROOT, Settings, Ticket,
        Wanted, Who,
    };

    /// A user who has no memory makes pipes, is refused in each, and removes it: all in vain.
    fn refused_in_many(bounds: Bounds) -> Engine {
        let now = Now::read();
        let attributes = Attributes::new(0o644, 0, 0, now.wall);
        let engine = Engine::new(Settings::default(), bounds, attributes);
        let mut effects = Effects::default();
        let mut write = |name: &[u8]| {
            let pipe = engine.create(ROOT, name, attributes, None).unwrap();
            let (who, patience) = (Who::default(), Patience::Wait);
            let open = Open { wanted: Wanted::WRITE, who, patience, reopens: None };
            let opened = engine.open(&pipe, open, Ticket(1), now, &mut effects).unwrap();
            let Progress::Done(end) = opened else { panic!("a server waits") };
            let (data, no) = (Bytes::from_static(b"full"), Blocking::No);
            let written = engine.write(end, data, no, Ticket(2), now, &mut effects);
            engine.close(end, now, &mut effects).unwrap();
            written
        };
        assert_eq!(write(b"hoard"), Ok(Progress::Done(4)));
        for _ in 0..10 * SWEEP_FROM {
            assert_eq!(write(b"p"), Err(Error::WouldBlock));
            engine.unlink(ROOT, b"p", now, &mut Effects::default()).unwrap();
        }
        engine
    }

    #[test]
    fn pipes_that_are_gone_are_forgotten_though_there_is_no_memory() {
        let engine = refused_in_many(Bounds::memory(4));
        assert!(engine.pressed.lock().pipes.pipes.len() <= SWEEP_FROM);
        let user_memory_bytes = Some(4);
        let engine = refused_in_many(Bounds { user_memory_bytes, ..Bounds::memory(100) });
        let pressed = engine.pressed.lock();
        assert!(pressed.users[&0].pipes.pipes.len() <= SWEEP_FROM);
    }
}
