//! One conduit: a server's end, a client's end, and a lane for each direction.

use std::collections::VecDeque;

use crate::Error;
use crate::access::{Direction, Wanted};
use crate::effects::{Answer, Effects};
use crate::end::{Connection, EndId, InstanceId, LaneId, Role, Side, Who};
use crate::lane::{Lane, Limits, Sharing};
use crate::quota::Gate;
use crate::report::InstanceReport;
use crate::settings::Linger;
use crate::state::{Event, State};
use crate::traffic::Traffic;
use crate::waiting::{Parked, ParkedWait};

#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) state: State,
    pub(crate) direction: Direction,
    /// Only the lanes that its direction has.
    to_client: Option<Box<Lane>>,
    to_server: Option<Box<Lane>>,
    /// Traffic before the last disconnect.
    past_traffic: Traffic,
    /// The processes of the two ends, also when they have gone.
    pub(crate) server: Who,
    pub(crate) client: Option<Who>,
    /// A client has come, and may have been disconnected since.
    pub(crate) had_client: bool,
    /// The client's end while it is connected.
    pub(crate) client_end: Option<EndId>,
    /// Server ends' calls that wait for a client.
    pub(crate) connects: VecDeque<ParkedWait>,
}

impl Instance {
    /// A new instance that its server's open created.
    pub(crate) fn listening(id: InstanceId, direction: Direction, server: Who) -> Self {
        Self::new(id, State::Listening, direction, server, Sharing::Private)
    }

    /// The one conduit of a shared or broadcast pipe.
    pub(crate) fn joined(id: InstanceId, sharing: Sharing) -> Self {
        Self::new(id, State::Joined, Direction::Outbound, Who::default(), sharing)
    }

    fn new(
        id: InstanceId,
        state: State,
        direction: Direction,
        server: Who,
        sharing: Sharing,
    ) -> Self {
        let lane = || Box::new(Lane::new(sharing));
        Self {
            id,
            state,
            direction,
            to_client: direction.has_to_client().then(lane),
            to_server: direction.has_to_server().then(lane),
            past_traffic: Traffic::default(),
            server,
            client: None,
            had_client: false,
            client_end: None,
            connects: VecDeque::new(),
        }
    }

    /// The lane of an end's side.
    pub(crate) fn lane(&self, id: LaneId) -> &Lane {
        let lane = match id {
            LaneId::ToClient => &self.to_client,
            LaneId::ToServer => &self.to_server,
        };
        lane.as_ref().expect("no end has a side that its direction has not")
    }

    pub(crate) fn lane_mut(&mut self, id: LaneId) -> &mut Lane {
        let lane = match id {
            LaneId::ToClient => &mut self.to_client,
            LaneId::ToServer => &mut self.to_server,
        };
        lane.as_mut().expect("no end has a side that its direction has not")
    }

    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Lane> {
        [&self.to_client, &self.to_server].into_iter().flatten().map(|lane| &**lane)
    }

    pub(crate) fn lanes_mut(&mut self) -> impl Iterator<Item = &mut Lane> {
        [&mut self.to_client, &mut self.to_server].into_iter().flatten().map(|lane| &mut **lane)
    }

    /// The server that creates the instance takes its end.
    pub(crate) fn attach_server(&mut self, end: EndId) -> Connection {
        let reads = self.direction.has_to_server().then(|| self.read_side(LaneId::ToServer, end));
        let writes = self.direction.has_to_client().then(|| self.write_side(LaneId::ToClient));
        Connection { instance: self.id, role: Role::Server, reads, writes }
    }

    /// A client takes the other end. It counts as reader and writer of both lanes, whatever its
    /// open asked for: its close is the end of both.
    pub(crate) fn attach_client(
        &mut self,
        end: EndId,
        who: Who,
        effects: &mut Effects,
    ) -> Connection {
        self.state = self.state.after(Event::ClientOpens).unwrap_or(self.state);
        self.client = Some(who);
        self.had_client = true;
        self.client_end = Some(end);
        for connect in self.connects.drain(..) {
            effects.answer(connect.ticket, Answer::Connected);
        }
        let reads = self.direction.has_to_client().then(|| self.read_side(LaneId::ToClient, end));
        let writes = self.direction.has_to_server().then(|| self.write_side(LaneId::ToServer));
        Connection { instance: self.id, role: Role::Client, reads, writes }
    }

    /// Somebody joins a shared conduit. The first reader revives the writers that are there.
    pub(crate) fn attach_member(
        &mut self,
        end: EndId,
        wanted: Wanted,
        effects: &mut Effects,
    ) -> Connection {
        let conduit = self.lane_mut(LaneId::ToClient);
        if wanted.read && !conduit.has_readers() {
            conduit.writer_pollers().wake(&mut effects.wakes);
        }
        let reads = wanted.read.then(|| self.read_side(LaneId::ToClient, end));
        let writes = wanted.write.then(|| self.write_side(LaneId::ToClient));
        Connection { instance: self.id, role: Role::Member, reads, writes }
    }

    fn read_side(&mut self, lane: LaneId, end: EndId) -> Side {
        Side { lane, peers_from: self.lane_mut(lane).open_reader(end) }
    }

    fn write_side(&mut self, lane: LaneId) -> Side {
        Side { lane, peers_from: self.lane_mut(lane).open_writer() }
    }

    /// An end closes. `named`: the name still leads to the pipe. Tells whether the instance goes
    /// on.
    pub(crate) fn detach(
        &mut self,
        end: EndId,
        connection: &Connection,
        named: bool,
        limits: Limits<'_>,
        effects: &mut Effects,
    ) -> bool {
        for lane in self.lanes_mut() {
            lane.abandon(end, effects);
        }
        if connection.role == Role::Client {
            self.client_end = None;
        }
        Parked::fail_all_of(&mut self.connects, end, effects);
        if let Some(side) = connection.reads {
            self.lane_mut(side.lane).close_reader(end, limits, effects);
        }
        if let Some(side) = connection.writes {
            self.lane_mut(side.lane).close_writer(end, limits, effects);
        }
        let is_empty = self.outward().is_none_or(Lane::is_empty);
        let buffered = !is_empty && limits.settings.linger != Linger::Drop;
        let event = match connection.role {
            Role::Server => Event::ServerCloses { keeps: named && buffered },
            Role::Client => Event::ClientCloses,
            Role::Member => Event::MemberCloses { keeps: self.is_in_use() || (named && buffered) },
        };
        self.advance(event, limits.gate)
    }

    /// The name no longer leads here. Tells whether the instance goes on.
    pub(crate) fn unname(&mut self, gate: &Gate<'_>, effects: &mut Effects) -> bool {
        for connect in self.connects.drain(..) {
            effects.fail(connect.ticket, Error::NotFound);
        }
        self.advance(Event::NameRemoved { in_use: self.is_in_use() }, gate)
    }

    /// The server's end throws its client out, with all that is buffered. Returns the client's
    /// end.
    pub(crate) fn disconnect(
        &mut self,
        server: EndId,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) -> Option<EndId> {
        let why = |end, client| if end == server { Error::NotConnected } else { client };
        for lane in self.lanes_mut() {
            lane.sever(gate, effects, why);
        }
        self.past_traffic = self.traffic();
        for lane in self.lanes_mut() {
            *lane = Lane::new(Sharing::Private);
        }
        self.attach_server(server);
        for connect in self.connects.drain(..) {
            effects.fail(connect.ticket, Error::NotConnected);
        }
        self.client = None;
        self.advance(Event::ServerDisconnects, gate);
        self.client_end.take()
    }

    /// The server listens again after it has disconnected its client.
    pub(crate) fn listen_again(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        self.advance(Event::ServerListens, gate);
        if let Some(lane) = &mut self.to_client {
            lane.writer_pollers.wake(&mut effects.wakes);
        }
    }

    fn is_in_use(&self) -> bool {
        self.outward().is_some_and(|lane| lane.has_readers() || lane.has_writers())
    }

    fn advance(&mut self, event: Event, gate: &Gate<'_>) -> bool {
        match self.state.after(event) {
            Some(state) => {
                self.state = state;
                true
            }
            None => {
                self.lanes_mut().for_each(|lane| lane.discard(gate));
                false
            }
        }
    }

    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.lanes().map(Lane::buffered_bytes).sum()
    }

    /// The lane from server to client, if there is one; the one lane of a shared conduit.
    pub(crate) fn outward(&self) -> Option<&Lane> {
        self.to_client.as_deref()
    }

    /// What can be seen of it; who holds it is for the pipe to say.
    pub(crate) fn report(&self) -> InstanceReport {
        InstanceReport {
            state: self.state,
            buffered_bytes: self.buffered_bytes(),
            buffered_messages: self.lanes().map(Lane::message_count).sum(),
            ends: Vec::new(),
            ends_not_listed: 0,
        }
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.lanes().map(Lane::traffic).fold(self.past_traffic, |sum, traffic| sum + traffic)
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            debug_assert!(self.connects.is_empty(), "servers forgotten that wait for a client");
        }
    }
}
