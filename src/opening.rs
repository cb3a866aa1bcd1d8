//! Opening: how an open finds its instance, and how clients wait for one.

use std::time::Instant;

use crate::access::{Decision, Wanted, decide, in_force};
use crate::effects::{Answer, Effects, Progress, Ticket};
use crate::end::{Connection, End, EndId, InstanceId, LaneId, Link, Who};
use crate::instance::Instance;
use crate::lane::{Lane, Sharing};
use crate::pipe::Pipe;
use crate::quota::Gate;
use crate::settings::{Mode, OpenPolicy};
use crate::waiting::Waits;
use crate::{Error, Result};

/// One open(2).
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// The directions, and `O_TRUNC`.
    pub wanted: Wanted,
    /// Who opens.
    pub who: Who,
    /// What it does when nothing is listening.
    pub patience: Patience,
    /// The end that the caller's path led through (/proc/self/fd/N): joined as dup(2) would.
    pub reopens: Option<EndId>,
}

/// How an open takes it that nothing is listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It waits, as the pipe's settings say.
    Wait,
    /// `O_NONBLOCK`: it returns a pending client.
    NonBlocking,
    /// It would wait, but its caller cannot: it returns a pending client, whose first read or
    /// write waits in its place.
    Later,
    /// It has just created the name and must not wait; its first read or write does.
    Created,
    /// The same with `O_NONBLOCK`, as touch(1) opens.
    Touched,
}

/// What an open came to, for the engine that registers it.
#[derive(Debug)]
pub(crate) enum Opened {
    /// A new end.
    New,
    /// An end that was there already.
    Joined(EndId),
    /// A new end that waits under the caller's ticket.
    Waiting(Option<Instant>),
}

impl Pipe {
    /// Opens the pipe: `id` becomes a server's, a client's or a waiting client's end.
    pub(crate) fn open(
        &mut self,
        id: EndId,
        open: Open,
        ticket: Ticket,
        now: Instant,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Opened> {
        let joined = open.reopens.filter(|_| self.settings.mode != Mode::Shared);
        let joined = joined.and_then(|id| Some((id, self.ends.get_mut(&id)?)));
        if let Some((joined, end)) = joined.filter(|(_, end)| !end.is_opening()) {
            let wanted = open.wanted;
            if (wanted.read && !end.wanted.read) || (wanted.write && !end.wanted.write) {
                return Err(Error::AccessDenied);
            }
            end.handles += 1;
            return Ok(Opened::Joined(joined));
        }
        if !self.named && !open.reopens.is_some_and(|end| self.ends.contains_key(&end)) {
            return Err(Error::NotFound);
        }
        let link = match self.settings.mode {
            Mode::Instance => self.link_instance(id, open, gate, effects)?,
            Mode::Shared | Mode::Broadcast => self.link_shared(id, open, gate, effects)?,
        };
        let mut end = End::new(open, link);
        let mut opened = Opened::New;
        if let Link::Pending(pending) = &mut end.link {
            if open.patience == Patience::Wait {
                pending.open = Some(ticket);
                let timeout = self.settings.wait_timeout;
                opened = Opened::Waiting(timeout.and_then(|time| now.checked_add(time)));
            }
            self.waiting.push_back(id);
        }
        self.ends.insert(id, Box::new(end));
        if !matches!(opened, Opened::Waiting(_)) {
            self.opens += 1;
        }
        self.serve_waiting(gate, effects);
        Ok(opened)
    }

    fn link_instance(
        &mut self,
        end: EndId,
        open: Open,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Link> {
        let direction = in_force(self.settings.access, self.decided);
        match decide(direction, open.wanted, !self.listening.is_empty())? {
            Decision::Serve(direction) => {
                let count = || self.instances.iter().filter(|i| i.state.is_counted()).count();
                if self.settings.max_instances.is_some_and(|max| count() >= max as usize) {
                    return Err(Error::Busy);
                }
                gate.take_instance()?;
                self.decided = Some(direction);
                let id = self.next_instance_id();
                let mut instance = Instance::listening(id, direction, open.who);
                let connection = instance.attach_server(end);
                self.instances.push(instance);
                self.listen(id);
                Ok(Link::Connected(connection))
            }
            Decision::Connect => match self.listening.pop_front() {
                Some(id) => {
                    let instance = self.instance_mut(id);
                    Ok(Link::Connected(instance.attach_client(end, open.who, effects)))
                }
                None => self.link_pending(open),
            },
        }
    }

    fn link_pending(&self, open: Open) -> Result<Link> {
        if !self.named {
            return Err(Error::NotFound);
        }
        match (self.settings.open, open.patience) {
            (OpenPolicy::Wait, _) | (_, Patience::Created | Patience::Touched) => {
                Ok(Link::Pending(Box::default()))
            }
            (OpenPolicy::Fail, Patience::Wait | Patience::NonBlocking | Patience::Later) => {
                Err(Error::Busy)
            }
        }
    }

    fn link_shared(
        &mut self,
        end: EndId,
        open: Open,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Link> {
        let Wanted { read, write, .. } = open.wanted;
        if !read && !write {
            return Err(Error::Invalid);
        }
        let conduit = self.instances.iter().next().map(|i| (i.id, i.lane(LaneId::ToClient)));
        let nonblocking = open.patience == Patience::NonBlocking;
        if !read && nonblocking && self.settings.mode == Mode::Shared {
            let has_readers = conduit.is_some_and(|(_, lane)| lane.has_readers());
            if !has_readers && self.waiting.is_empty() {
                return Err(Error::NoReader);
            }
        }
        if !write && !nonblocking {
            let ready = |lane: &Lane| lane.has_writers() || !lane.is_empty();
            if !conduit.is_some_and(|(_, lane)| ready(lane)) && !self.unmet_writer {
                return self.link_pending(open);
            }
        }
        let id = match conduit {
            Some((id, _)) => id,
            None => {
                gate.take_instance()?;
                let id = self.next_instance_id();
                let sharing = match self.settings.mode {
                    Mode::Broadcast => Sharing::Broadcast,
                    Mode::Instance | Mode::Shared => Sharing::Shared,
                };
                self.instances.push(Instance::joined(id, sharing));
                id
            }
        };
        let had_writer = read && std::mem::take(&mut self.unmet_writer);
        let instance = self.instance_mut(id);
        let connection = instance.attach_member(end, open.wanted, effects);
        if had_writer {
            instance.lane_mut(LaneId::ToClient).count_past_writer();
        }
        Ok(Link::Connected(connection))
    }

    fn next_instance_id(&mut self) -> InstanceId {
        self.next_instance += 1;
        InstanceId(self.next_instance)
    }

    pub(crate) fn instance_mut(&mut self, id: InstanceId) -> &mut Instance {
        self.instances.get_mut(id).expect("an end's and the listening list's instances exist")
    }

    /// Something may have begun to listen: waiting clients get what there is now, and who waits
    /// for that alone is told if some of it is left.
    pub(crate) fn serve_waiting(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        self.connect_waiting(gate, effects);
        if self.is_available() {
            for watcher in self.watchers.drain(..) {
                effects.answer(watcher.ticket, Answer::Listening);
            }
        }
    }

    /// Gives waiting clients what there is now, longest waiting first. One that began to wait when
    /// an `auto` pipe had other directions waits on if it could not do here what it wants.
    fn connect_waiting(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        while !self.waiting.is_empty() {
            let (at, connection) = match self.settings.mode {
                Mode::Instance => {
                    let direction = in_force(self.settings.access, self.decided);
                    let suits =
                        |id| direction.is_some_and(|d| d.suits_client(self.ends[id].wanted));
                    let Some(at) = self.waiting.iter().position(suits) else { return };
                    let Some(instance) = self.listening.pop_front() else { return };
                    let (id, who) = (self.waiting[at], self.ends[&self.waiting[at]].who);
                    (at, self.instance_mut(instance).attach_client(id, who, effects))
                }
                Mode::Shared | Mode::Broadcast => {
                    let (id, wanted) = (self.waiting[0], self.ends[&self.waiting[0]].wanted);
                    let Some(conduit) = self.instances.iter_mut().next() else { return };
                    if !conduit.lane(LaneId::ToClient).has_writers() {
                        return;
                    }
                    (0, conduit.attach_member(id, wanted, effects))
                }
            };
            let id = self.waiting.remove(at).expect("it was found there");
            self.connect(id, connection, gate, effects);
        }
    }

    /// Turns a pending end into a connected one and lets go on what waited for that.
    fn connect(
        &mut self,
        id: EndId,
        connection: Connection,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) {
        let limits = self.limits(gate);
        let end = self.ends.get_mut(&id).expect("a waiting client has an end");
        let before = std::mem::replace(&mut end.link, Link::Connected(connection));
        let Link::Pending(mut pending) = before else { unreachable!("{id:?} was connected") };
        if let Some(ticket) = pending.open {
            self.opens += 1;
            effects.answer(ticket, Answer::Opened(id));
        }
        pending.pollers.wake(&mut effects.wakes);
        for read in std::mem::take(&mut pending.reads) {
            let ticket = read.ticket;
            match self.read_now(id, read, Waits::Yes, limits, effects) {
                Ok(Progress::Done(data)) => effects.answer(ticket, Answer::Read(data)),
                Ok(Progress::Waiting) => {}
                Err(error) => effects.fail(ticket, error),
            }
        }
        for write in std::mem::take(&mut pending.writes) {
            let (ticket, accepted) = (write.ticket, write.accepted());
            match self.write_now(id, write, Waits::Yes, limits, effects) {
                Ok(Progress::Done(_)) => effects.answer(ticket, accepted),
                Ok(Progress::Waiting) => {}
                Err(error) => effects.fail(ticket, error),
            }
        }
    }
}
