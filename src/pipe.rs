//! A pipe: all instances that share a name and its settings, and the clients that wait for one.

use std::collections::VecDeque;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::access::Direction;
use crate::effects::{Effects, Progress, Ticket};
use crate::end::{End, EndId, InstanceId, Link, Pending, ReadMode, Side};
use crate::instance::Instance;
use crate::instances::Instances;
use crate::lane::Limits;
use crate::lifetime::Place;
use crate::namespace::Attributes;
use crate::pressure::Marks;
use crate::queue::Data;
use crate::quota::Gate;
use crate::settings::{Mode, PipeType, Settings};
use crate::state::State;
use crate::traffic::Traffic;
use crate::users::Owner;
use crate::waiting::{Blocking, Parked, ParkedRead, ParkedWait, ParkedWrite, Takes, Waits};
use crate::{Error, Result};

#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) settings: Settings,
    pub(crate) attributes: Attributes,
    /// Traffic of instances that are gone.
    pub(crate) past_traffic: Traffic,
    /// What all instances hold; stat(2) asks for it at every open.
    pub(crate) buffered_bytes: u64,
    /// Successful opens.
    pub(crate) opens: u64,
    /// A name leads here.
    pub(crate) named: bool,
    /// Where that is, or was until it went by itself.
    pub(crate) place: Option<Place>,
    /// A server has been here: with `lifetime=last-close` the name goes with the last one.
    pub(crate) served: bool,
    /// With `access=auto`: what the first server decided.
    pub(crate) decided: Option<Direction>,
    pub(crate) instances: Instances,
    pub(crate) next_instance: u64,
    /// Instances without a client, longest waiting first.
    pub(crate) listening: VecDeque<InstanceId>,
    /// Boxed: a map has room for four at least, and most pipes have two.
    pub(crate) ends: FxHashMap<EndId, Box<End>>,
    /// Clients without an instance, longest waiting first.
    pub(crate) waiting: VecDeque<EndId>,
    /// Who waits for something to listen, and will not open it.
    pub(crate) watchers: VecDeque<ParkedWait>,
    /// In `shared` mode: a writer came, met no reader, wrote nothing and went. A FIFO's would have
    /// waited for a reader, which would have seen the end of file then: the next one does.
    pub(crate) unmet_writer: bool,
    /// On which of the engine's lists of pipes that wait for memory it stands.
    pub(crate) pressed: Marks,
}

impl Pipe {
    pub(crate) fn new(settings: Settings, attributes: Attributes) -> Self {
        Self {
            settings,
            attributes,
            past_traffic: Traffic::default(),
            buffered_bytes: 0,
            opens: 0,
            named: true,
            place: None,
            served: false,
            decided: None,
            instances: Instances::default(),
            next_instance: 0,
            listening: VecDeque::new(),
            ends: FxHashMap::default(),
            waiting: VecDeque::new(),
            watchers: VecDeque::new(),
            unmet_writer: false,
            pressed: Marks::default(),
        }
    }

    pub(crate) fn limits<'a>(&self, gate: &'a Gate<'a>) -> Limits<'a> {
        Limits { settings: self.settings, gate, pressed: self.pressed.any(), elders_first: false }
    }

    /// The instance and side that an end uses for reading or writing; `None`: it is pending.
    pub(crate) fn side(
        &mut self,
        id: EndId,
        writes: bool,
    ) -> Result<Option<(&mut Instance, Side)>> {
        let end = self.ends.get_mut(&id).ok_or(Error::BadHandle)?;
        if !(if writes { end.wanted.write } else { end.wanted.read }) {
            return Err(Error::BadHandle);
        }
        match &mut end.link {
            Link::Pending(pending) if pending.orphaned => Err(Error::NotFound),
            Link::Pending(_) => Ok(None),
            Link::Severed { .. } => Err(Error::BrokenPipe),
            Link::Connected(connection) => {
                let side = if writes { connection.writes } else { connection.reads };
                let side = side.ok_or(Error::BadHandle)?;
                let id = connection.instance;
                let instance = self.instance_mut(id);
                if instance.state == State::Disconnected {
                    return Err(Error::NotConnected);
                }
                Ok(Some((instance, side)))
            }
        }
    }

    /// Of a reading client that its server has disconnected: whether it was told.
    fn severed_mut(&mut self, id: EndId) -> Option<&mut bool> {
        match self.ends.get_mut(&id).map(Box::as_mut) {
            Some(End { link: Link::Severed { told }, wanted, .. }) if wanted.read => Some(told),
            _ => None,
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
        let read_mode = self.ends.get(&end).map(|end| end.read_mode);
        let takes = match (self.settings.pipe_type, read_mode.unwrap_or_default()) {
            (PipeType::Message, ReadMode::Message) => Takes::Message,
            _ => Takes::Bytes,
        };
        let read = ParkedRead { ticket, end, max_bytes, takes };
        self.read_now(end, read, blocking.into(), limits, effects)
    }

    pub(crate) fn read_now(
        &mut self,
        end: EndId,
        read: ParkedRead,
        waits: Waits,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<Data>> {
        if let Some(told) = self.severed_mut(end) {
            // The first read says so, the next ones find the end of file. An error that follows
            // data in one read(2) is lost on its caller.
            if waits == Waits::HasSome || std::mem::replace(told, true) {
                return Ok(Progress::Done(Data::default()));
            }
            return Err(Error::Reset);
        }
        match (self.side(end, false)?, waits) {
            (Some((instance, side)), _) => {
                instance.lane_mut(side.lane).read(read, waits, limits, effects)
            }
            (None, Waits::No) => Err(Error::WouldBlock),
            (None, Waits::HasSome) => Ok(Progress::Done(Data::default())),
            (None, Waits::Yes) => {
                self.pending_mut(end).ok_or(Error::BadHandle)?.reads.push_back(read);
                Ok(Progress::Waiting)
            }
        }
    }

    /// Whom what this end writes is counted for.
    pub(crate) fn owner(&self, end: EndId) -> Owner {
        self.ends.get(&end).and_then(|end| end.owner.clone())
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
        let owner = self.owner(end);
        let write = ParkedWrite { ticket, end, data, owner, sends_empty: false };
        self.write_now(end, write, blocking.into(), limits, effects)
    }

    pub(crate) fn write_now(
        &mut self,
        end: EndId,
        write: ParkedWrite,
        waits: Waits,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> Result<Progress<u32>> {
        match (self.side(end, true)?, waits) {
            (Some((instance, side)), _) => {
                let lane = instance.lane_mut(side.lane);
                lane.write(write, side.peers_from, waits, limits, effects)
            }
            (None, Waits::No | Waits::HasSome) => Err(Error::WouldBlock),
            (None, Waits::Yes) => {
                self.pending_mut(end).ok_or(Error::BadHandle)?.writes.push_back(write.at_rest());
                Ok(Progress::Waiting)
            }
        }
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
        let (is_tentative, created) = (end.is_tentative, end.created);
        match self.ends.remove(&id).map(|end| end.link) {
            Some(Link::Connected(connection)) => {
                self.note_close(&connection, is_tentative);
                let (named, is_shared) = (self.named, self.settings.mode == Mode::Shared);
                let instance = self.instance_mut(connection.instance);
                let is_unmet = connection.writes.is_some_and(|side| {
                    let lane = instance.lane(side.lane);
                    let is_empty = lane.is_empty() && lane.begun_lines.is_empty();
                    is_empty && lane.has_met_nobody(side.peers_from)
                });
                if !instance.detach(id, &connection, named, limits, effects) {
                    self.remove_instance(connection.instance);
                    self.unmet_writer |= is_shared && !created && is_unmet;
                }
            }
            Some(Link::Pending(mut pending)) => {
                self.waiting.retain(|waiting| *waiting != id);
                Parked::fail_all_of(&mut pending.reads, id, effects);
                Parked::fail_all_of(&mut pending.writes, id, effects);
            }
            Some(Link::Severed { .. }) | None => {}
        }
        if self.is_idle() {
            self.give_memory_back();
        }
        Ok(true)
    }

    /// An idle pipe is little more than its settings: there may be very many of them.
    fn give_memory_back(&mut self) {
        self.instances = Instances::default();
        self.listening = VecDeque::new();
        self.ends = FxHashMap::default();
        self.waiting = VecDeque::new();
    }

    fn remove_instance(&mut self, id: InstanceId) {
        if let Some(instance) = self.instances.remove(id) {
            self.past_traffic = self.past_traffic + instance.traffic();
            // There may be very many that listen: they are searched only for one of them.
            if instance.state.is_listening() {
                self.listening.retain(|listening| *listening != id);
            }
        }
        if self.instances.is_empty() {
            self.decided = None;
        }
    }

    /// Takes a waiting operation out, unanswered; the caller answers it.
    pub(crate) fn withdraw(&mut self, ticket: Ticket, id: EndId) -> bool {
        let Some(end) = self.ends.get_mut(&id) else {
            return Parked::withdraw(&mut self.watchers, ticket);
        };
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
                let id = connection.instance;
                let instance = self.instance_mut(id);
                Parked::withdraw(&mut instance.connects, ticket)
                    || instance.lanes_mut().any(|lane| lane.withdraw(ticket))
            }
            Link::Severed { .. } => false,
        }
    }

    /// The name no longer leads here: open ends go on, what lingers is dropped, and nobody needs
    /// to wait for a server any longer.
    pub(crate) fn unname(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        self.named = false;
        self.place = None;
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
        for watcher in self.watchers.drain(..) {
            effects.fail(watcher.ticket, Error::NotFound);
        }
        self.break_hopeless_flushes(effects);
        let mut gone = Vec::new();
        for instance in self.instances.iter_mut() {
            if !instance.unname(gate, effects) {
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
        for lane in self.instances.iter_mut().flat_map(|instance| instance.lanes_mut()) {
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
}
