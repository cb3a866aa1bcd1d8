//! A pipe: all instances that share a name and its settings, and the clients that wait for one.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use crate::access::{Decision, Direction, Wanted, decide, in_force};
use crate::effects::{Answer, Effects, PollKey, Progress, Ticket};
use crate::end::{Connection, End, EndId, InstanceId, LaneId, Link, Pending, Side, Who};
use crate::instance::Instance;
use crate::lane::{Lane, Limits, Traffic};
use crate::namespace::Attributes;
use crate::queue::Data;
use crate::quota::Gate;
use crate::ready::Ready;
use crate::settings::{Mode, OpenPolicy, Settings};
use crate::state::State;
use crate::waiting::{Parked, ParkedRead, ParkedWrite, Waits};
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
    /// It has just created the name and must not wait; its first read or write does.
    Created,
}

/// How a read or write takes it that it cannot finish now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// It waits.
    Yes,
    /// `O_NONBLOCK`: it fails with [`Error::WouldBlock`].
    No,
    /// It is the continuation of a read that has got data already: it gets nothing more.
    Continuation,
}

impl From<Blocking> for Waits {
    fn from(blocking: Blocking) -> Self {
        match blocking {
            Blocking::Yes => Self::Yes,
            Blocking::No => Self::No,
            Blocking::Continuation => Self::HasSome,
        }
    }
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

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) settings: Settings,
    pub(crate) attributes: Attributes,
    /// Traffic of instances that are gone.
    past_traffic: Traffic,
    /// Successful opens.
    opens: u64,
    /// A name leads here.
    named: bool,
    /// With `access=auto`: what the first server decided.
    decided: Option<Direction>,
    /// Boxed: the tree's nodes have room for eleven.
    instances: BTreeMap<InstanceId, Box<Instance>>,
    next_instance: u64,
    /// Instances without a client, longest waiting first.
    listening: VecDeque<InstanceId>,
    ends: HashMap<EndId, End>,
    /// Clients without an instance, longest waiting first.
    waiting: VecDeque<EndId>,
    /// It stands in the engine's list of pipes that wait for memory.
    pub(crate) pressed: bool,
}

impl Pipe {
    pub(crate) fn new(settings: Settings, attributes: Attributes) -> Self {
        Self {
            settings,
            attributes,
            past_traffic: Traffic::default(),
            opens: 0,
            named: true,
            decided: None,
            instances: BTreeMap::new(),
            next_instance: 0,
            listening: VecDeque::new(),
            ends: HashMap::new(),
            waiting: VecDeque::new(),
            pressed: false,
        }
    }

    fn limits<'a>(&self, gate: &'a Gate<'a>) -> Limits<'a> {
        Limits { capacity_bytes: self.settings.capacity_bytes, gate }
    }

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
        let joined = open.reopens.filter(|_| self.settings.mode == Mode::Instance);
        let joined = joined.and_then(|id| Some((id, self.ends.get_mut(&id)?)));
        if let Some((joined, end)) = joined.filter(|(_, end)| !end.is_opening()) {
            let wanted = open.wanted;
            if (wanted.read && !end.wanted.read) || (wanted.write && !end.wanted.write) {
                return Err(Error::AccessDenied);
            }
            end.handles += 1;
            return Ok(Opened::Joined(joined));
        }
        if !self.named {
            return Err(Error::NotFound);
        }
        let link = match self.settings.mode {
            Mode::Instance => self.link_instance(open)?,
            Mode::Shared => self.link_shared(open, effects)?,
        };
        let mut end = End::new(open.wanted, open.who, link);
        let mut opened = Opened::New;
        if let Link::Pending(pending) = &mut end.link {
            if open.patience == Patience::Wait {
                pending.open = Some(ticket);
                let timeout = self.settings.wait_timeout;
                opened = Opened::Waiting(timeout.and_then(|time| now.checked_add(time)));
            }
            self.waiting.push_back(id);
        }
        self.ends.insert(id, end);
        if !matches!(opened, Opened::Waiting(_)) {
            self.opens += 1;
        }
        self.connect_waiting(gate, effects);
        Ok(opened)
    }

    fn link_instance(&mut self, open: Open) -> Result<Link> {
        let direction = in_force(self.settings.access, self.decided);
        match decide(direction, open.wanted, !self.listening.is_empty())? {
            Decision::Serve(direction) => {
                let counted = self.instances.values().filter(|i| i.state.is_counted()).count();
                if self.settings.max_instances.is_some_and(|max| counted >= max as usize) {
                    return Err(Error::Busy);
                }
                self.decided = Some(direction);
                let id = self.next_instance_id();
                let mut instance = Instance::listening(id, direction);
                let connection = instance.attach_server();
                self.instances.insert(id, Box::new(instance));
                self.listening.push_back(id);
                Ok(Link::Connected(connection))
            }
            Decision::Connect => match self.listening.pop_front() {
                Some(id) => Ok(Link::Connected(self.instance_mut(id).attach_client())),
                None => self.link_pending(open),
            },
        }
    }

    fn link_pending(&self, open: Open) -> Result<Link> {
        match (self.settings.open, open.patience) {
            (OpenPolicy::Fail, Patience::Wait | Patience::NonBlocking) => Err(Error::Busy),
            (OpenPolicy::Fail, Patience::Created) | (OpenPolicy::Wait, _) => {
                Ok(Link::Pending(Pending::default()))
            }
        }
    }

    fn link_shared(&mut self, open: Open, effects: &mut Effects) -> Result<Link> {
        let Wanted { read, write, .. } = open.wanted;
        if !read && !write {
            return Err(Error::Invalid);
        }
        let conduit = self.instances.values().next().map(|i| (i.id, i.lane(LaneId::ToClient)));
        let nonblocking = open.patience == Patience::NonBlocking;
        if !read && nonblocking {
            let has_readers = conduit.is_some_and(|(_, lane)| lane.has_readers());
            if !has_readers && self.waiting.is_empty() {
                return Err(Error::NoReader);
            }
        }
        if !write && !nonblocking {
            let ready = |lane: &Lane| lane.has_writers() || lane.buffered_bytes() > 0;
            if !conduit.is_some_and(|(_, lane)| ready(lane)) {
                return self.link_pending(open);
            }
        }
        let id = match conduit {
            Some((id, _)) => id,
            None => {
                let id = self.next_instance_id();
                self.instances.insert(id, Box::new(Instance::joined(id)));
                id
            }
        };
        Ok(Link::Connected(self.instance_mut(id).attach_member(open.wanted, effects)))
    }

    fn next_instance_id(&mut self) -> InstanceId {
        self.next_instance += 1;
        InstanceId(self.next_instance)
    }

    fn instance_mut(&mut self, id: InstanceId) -> &mut Instance {
        self.instances.get_mut(&id).expect("an end's and the listening list's instances exist")
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
                    (at, self.instance_mut(instance).attach_client())
                }
                Mode::Shared => {
                    let wanted = self.ends[&self.waiting[0]].wanted;
                    let Some(conduit) = self.instances.values_mut().next() else { return };
                    if !conduit.lane(LaneId::ToClient).has_writers() {
                        return;
                    }
                    (0, conduit.attach_member(wanted, effects))
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
        for read in pending.reads {
            let ticket = read.ticket;
            match self.read_now(id, read, Waits::Yes, limits, effects) {
                Ok(Progress::Done(data)) => effects.answer(ticket, Answer::Read(data)),
                Ok(Progress::Waiting) => {}
                Err(error) => effects.fail(ticket, error),
            }
        }
        for write in pending.writes {
            let ticket = write.ticket;
            match self.write_now(id, write, Waits::Yes, limits, effects) {
                Ok(Progress::Done(written)) => effects.answer(ticket, Answer::Written(written)),
                Ok(Progress::Waiting) => {}
                Err(error) => effects.fail(ticket, error),
            }
        }
    }

    /// The instance and side that an end uses for reading or writing; `None`: it is pending.
    fn side(&self, id: EndId, writes: bool) -> Result<Option<(InstanceId, Side)>> {
        let end = self.ends.get(&id).ok_or(Error::BadHandle)?;
        if !(if writes { end.wanted.write } else { end.wanted.read }) {
            return Err(Error::BadHandle);
        }
        match &end.link {
            Link::Pending(Pending { orphaned: true, .. }) => Err(Error::NotFound),
            Link::Pending(_) => Ok(None),
            Link::Connected(connection) => {
                let side = if writes { connection.writes } else { connection.reads };
                side.map(|side| Some((connection.instance, side))).ok_or(Error::BadHandle)
            }
        }
    }

    fn pending_mut(&mut self, id: EndId) -> Option<&mut Pending> {
        match self.ends.get_mut(&id).map(|end| &mut end.link) {
            Some(Link::Pending(pending)) => Some(pending),
            _ => None,
        }
    }

    pub(crate) fn read(
        &mut self,
        end: EndId,
        max_bytes: usize,
        blocking: Blocking,
        ticket: Ticket,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<Data>> {
        let limits = self.limits(gate);
        let read = ParkedRead { ticket, end, max_bytes };
        self.read_now(end, read, blocking.into(), limits, effects)
    }

    fn read_now(
        &mut self,
        end: EndId,
        read: ParkedRead,
        waits: Waits,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<Data>> {
        match (self.side(end, false)?, waits) {
            (Some((instance, side)), _) => {
                let lane = self.instance_mut(instance).lane_mut(side.lane);
                lane.read(read, waits, limits, effects)
            }
            (None, Waits::No) => Err(Error::WouldBlock),
            (None, Waits::HasSome) => Ok(Progress::Done(Data::default())),
            (None, Waits::Yes) => {
                self.pending_mut(end).ok_or(Error::BadHandle)?.reads.push_back(read);
                Ok(Progress::Waiting)
            }
        }
    }

    pub(crate) fn write(
        &mut self,
        end: EndId,
        data: Bytes,
        blocking: Blocking,
        ticket: Ticket,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<u32>> {
        let limits = self.limits(gate);
        let write = ParkedWrite { ticket, end, data };
        self.write_now(end, write, blocking.into(), limits, effects)
    }

    fn write_now(
        &mut self,
        end: EndId,
        write: ParkedWrite,
        waits: Waits,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<u32>> {
        match (self.side(end, true)?, waits) {
            (Some((instance, side)), _) => {
                let lane = self.instance_mut(instance).lane_mut(side.lane);
                lane.write(write, side.peers_from, waits, limits, effects)
            }
            (None, Waits::No | Waits::HasSome) => Err(Error::WouldBlock),
            (None, Waits::Yes) => {
                self.pending_mut(end).ok_or(Error::BadHandle)?.writes.push_back(write.at_rest());
                Ok(Progress::Waiting)
            }
        }
    }

    /// fsync(2): waits until the peer has read what was written. An end that cannot write has
    /// nothing to wait for.
    pub(crate) fn flush(&mut self, end: EndId, ticket: Ticket) -> Result<Progress<()>> {
        match self.side(end, true) {
            Ok(Some((instance, side))) => {
                let lane = self.instance_mut(instance).lane_mut(side.lane);
                lane.flush(ticket, end, side.peers_from)
            }
            Ok(None) => Ok(Progress::Done(())),
            Err(error) if !self.ends.contains_key(&end) => Err(error),
            Err(_) => Ok(Progress::Done(())),
        }
    }

    /// What poll says of an end; with a key, the caller is woken once when that may change.
    pub(crate) fn poll(
        &mut self,
        id: EndId,
        key: Option<PollKey>,
        gate: &Gate<'_>,
    ) -> Result<Ready> {
        let limits = self.limits(gate);
        let end = self.ends.get_mut(&id).ok_or(Error::BadHandle)?;
        let wanted = end.wanted;
        let (instance, reads, writes) = match &mut end.link {
            Link::Pending(pending) => {
                key.into_iter().for_each(|key| pending.pollers.add(key, id));
                let gone = pending.orphaned;
                return Ok(Ready { hangup: gone, error: gone, ..Ready::default() });
            }
            Link::Connected(Connection { instance, reads, writes, .. }) => {
                (*instance, reads.filter(|_| wanted.read), writes.filter(|_| wanted.write))
            }
        };
        let instance = self.instance_mut(instance);
        let mut ready = Ready::default();
        if let Some(Side { lane, peers_from }) = reads {
            let lane = instance.lane_mut(lane);
            key.into_iter().for_each(|key| lane.reader_pollers().add(key, id));
            ready = ready | lane.reader_ready(peers_from);
        }
        if let Some(Side { lane, peers_from }) = writes {
            let lane = instance.lane_mut(lane);
            key.into_iter().for_each(|key| lane.writer_pollers().add(key, id));
            ready = ready | lane.writer_ready(peers_from, limits);
        }
        Ok(ready)
    }

    /// One open file that held the end has gone. Tells whether the end has gone with it.
    pub(crate) fn close(
        &mut self,
        id: EndId,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Result<bool> {
        let limits = self.limits(gate);
        let end = self.ends.get_mut(&id).ok_or(Error::BadHandle)?;
        end.handles -= 1;
        if end.handles > 0 {
            return Ok(false);
        }
        match self.ends.remove(&id).map(|end| end.link) {
            Some(Link::Connected(connection)) => {
                let named = self.named;
                let instance = self.instance_mut(connection.instance);
                if !instance.detach(id, &connection, named, limits, effects) {
                    self.remove_instance(connection.instance);
                }
            }
            Some(Link::Pending(mut pending)) => {
                self.waiting.retain(|waiting| *waiting != id);
                Parked::fail_all_of(&mut pending.reads, id, effects);
                Parked::fail_all_of(&mut pending.writes, id, effects);
            }
            None => {}
        }
        if self.is_idle() {
            self.give_memory_back();
        }
        Ok(true)
    }

    /// An idle pipe is little more than its settings: there may be very many of them.
    fn give_memory_back(&mut self) {
        self.instances = BTreeMap::new();
        self.listening = VecDeque::new();
        self.ends = HashMap::new();
        self.waiting = VecDeque::new();
    }

    fn remove_instance(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.remove(&id) {
            self.past_traffic = self.past_traffic + instance.traffic();
        }
        self.listening.retain(|listening| *listening != id);
        if self.instances.is_empty() {
            self.decided = None;
        }
    }

    /// Takes a waiting operation out, unanswered; the caller answers it.
    pub(crate) fn withdraw(&mut self, ticket: Ticket, id: EndId) -> bool {
        let Some(end) = self.ends.get_mut(&id) else { return false };
        match &mut end.link {
            Link::Pending(pending) if pending.open == Some(ticket) => {
                self.ends.remove(&id);
                self.waiting.retain(|waiting| *waiting != id);
                true
            }
            Link::Pending(pending) => {
                Parked::withdraw(&mut pending.reads, ticket)
                    || Parked::withdraw(&mut pending.writes, ticket)
            }
            Link::Connected(connection) => {
                let instance = connection.instance;
                let mut lanes = self.instance_mut(instance).lanes_mut().into_iter();
                lanes.any(|lane| lane.withdraw(ticket))
            }
        }
    }

    /// The name no longer leads here: open ends go on, what lingers is dropped, and nobody needs
    /// to wait for a server any longer.
    pub(crate) fn unname(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        self.named = false;
        for id in std::mem::take(&mut self.waiting) {
            let Some(pending) = self.pending_mut(id) else { continue };
            pending.orphaned = true;
            let reads = pending.reads.drain(..).map(|read| read.ticket);
            let writes = pending.writes.drain(..).map(|write| write.ticket);
            for ticket in reads.chain(writes).chain(pending.open) {
                effects.fail(ticket, Error::NotFound);
            }
            pending.pollers.wake(&mut effects.wakes);
            if pending.open.is_some() {
                self.ends.remove(&id);
            }
        }
        let mut gone = Vec::new();
        for instance in self.instances.values_mut() {
            if !instance.unname(gate) {
                gone.push(instance.id);
            }
        }
        for id in gone {
            self.remove_instance(id);
        }
    }

    /// Memory has become free: writers go on.
    pub(crate) fn relieve(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        let limits = self.limits(gate);
        for lane in self.instances.values_mut().flat_map(|instance| instance.lanes_mut()) {
            lane.relieve(limits, effects);
        }
    }

    /// Nobody holds, waits for or left anything here.
    pub(crate) fn is_idle(&self) -> bool {
        self.ends.is_empty() && self.instances.is_empty()
    }

    pub(crate) fn is_named(&self) -> bool {
        self.named
    }

    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.instances.values().map(|instance| instance.buffered_bytes()).sum()
    }

    /// What went through all instances, those that are gone too.
    pub(crate) fn traffic(&self) -> Traffic {
        self.instances.values().fold(self.past_traffic, |sum, i| sum + i.traffic())
    }

    /// Successful opens so far.
    pub(crate) fn opens(&self) -> u64 {
        self.opens
    }

    /// The states of all instances, oldest first, and each one's buffered bytes.
    pub(crate) fn instance_states(&self) -> Vec<(State, u64)> {
        self.instances.values().map(|i| (i.state, i.buffered_bytes())).collect()
    }

    /// The processes that hold ends, in no order.
    pub(crate) fn holders(&self) -> Vec<Who> {
        self.ends.values().map(|end| end.who).collect()
    }
}
