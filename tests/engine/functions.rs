//! The pipe functions beside reading, writing and flushing: connect, disconnect, wait, peek,
//! transact, empty messages, read modes, and who is at the other end.

use std::time::Duration;

use bytes::Bytes;
use pipefs::settings::{Access, MESSAGE_MAX_BYTES, Mode, Overflow, PipeType};
use pipefs::{
    Answer, Arrival, Blocking, Data, EndId, EndRole, Error, Open, Patience, PipeHandle, Progress,
    ReadMode, Ready, Result, State, Ticket, Wait, Wanted, Who, Whose,
};

use super::world::World;

/// Functions that the other tests do not need.
impl World {
    fn connect(&mut self, end: EndId, wait: Wait) -> (Ticket, Result<Progress<Arrival>>) {
        let ticket = self.ticket();
        let result = self.engine.connect(end, wait, ticket, &mut self.effects);
        self.deliver();
        (ticket, result)
    }

    fn disconnects(&mut self, end: EndId) -> Result<()> {
        let result = self.engine.disconnect(end, &mut self.effects);
        self.deliver();
        result
    }

    fn waits_for_server(
        &mut self,
        pipe: &PipeHandle,
        wait: Wait,
    ) -> (Ticket, Result<Progress<()>>) {
        let ticket = self.ticket();
        let result = self.engine.wait(pipe, wait, ticket, &mut self.effects);
        self.deliver();
        (ticket, result)
    }

    pub(crate) fn transact(
        &mut self,
        end: EndId,
        text: &str,
        max: usize,
    ) -> (Ticket, Result<Progress<Data>>) {
        let (ticket, now) = (self.ticket(), self.now());
        let request = Bytes::copy_from_slice(text.as_bytes());
        let effects = &mut self.effects;
        let result = self.engine.transact(end, request, max, Wait::Forever, ticket, now, effects);
        self.deliver();
        (ticket, result)
    }
}

pub(crate) fn duplex(pipe_type: PipeType) -> (World, PipeHandle, EndId) {
    let mut world = World::with(|settings| {
        settings.access = Access::Duplex;
        settings.pipe_type = pipe_type;
    });
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::SERVE_BOTH);
    (world, pipe, server)
}

/// SEMANTICS: ioctl-connect, ioctl-of-client
#[test]
fn connect_waits_for_a_client_and_says_when_one_was_there() {
    let (mut world, pipe, server) = duplex(PipeType::Byte);
    assert_eq!(world.connect(server, Wait::No).1, Err(Error::WouldBlock));
    let (ticket, result) = world.connect(server, Wait::Forever);
    assert_eq!(result, Ok(Progress::Waiting));
    let client = world.opens(&pipe, Wanted::BOTH);
    assert_eq!(world.answer(ticket), Some(Answer::Connected));
    assert_eq!(world.connect(server, Wait::Forever).1, Ok(Progress::Done(Arrival::Before)));
    assert_eq!(world.connect(client, Wait::Forever).1, Err(Error::Unsupported));
    world.close(client);
    assert_eq!(world.connect(server, Wait::Forever).1, Err(Error::BrokenPipe));
}

/// SEMANTICS: ioctl-connect, ioctl-timeout, ioctl-waits
#[test]
fn a_connect_ends_with_its_deadline_its_signal_its_server_and_its_name() {
    let (mut world, pipe, server) = duplex(PipeType::Byte);
    let deadline = Wait::Until(world.now().monotonic + Duration::from_secs(1));
    let late = world.connect(server, deadline).0;
    let cancelled = world.connect(server, Wait::Forever).0;
    world.cancel(cancelled);
    assert_eq!(world.failure(cancelled), Error::Interrupted);
    assert_eq!(world.answer(late), None);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.failure(late), Error::TimedOut);
    let closed = world.connect(server, Wait::Forever).0;
    world.close(server);
    assert_eq!(world.failure(closed), Error::BadHandle);
    let server = world.opens(&pipe, Wanted::SERVE_BOTH);
    let unnamed = world.connect(server, Wait::Forever).0;
    world.unlink("p");
    assert_eq!(world.failure(unnamed), Error::NotFound);
    assert_eq!(world.connect(server, Wait::Forever).1, Err(Error::NotFound));
    assert_eq!(world.engine.waiting_count(), 0);
}

/// SEMANTICS: ioctl-disconnect, ioctl-disconnect-discards
#[test]
fn disconnect_discards_both_ways_and_tells_the_client_once() {
    let (mut world, pipe, server) = duplex(PipeType::Byte);
    let client = world.opens(&pipe, Wanted::BOTH);
    world.writes(server, "unread");
    world.writes(client, "unread, too");
    assert_eq!(world.disconnects(server), Ok(()));
    assert_eq!(world.buffered_bytes(&pipe), 0);
    assert_eq!(world.read(client, 9, Blocking::Yes).1, Err(Error::Reset));
    assert_eq!(world.reads(client), "");
    assert_eq!(world.fails_to_write(client, "x"), Error::BrokenPipe);
    assert_eq!(world.flush(client).1, Err(Error::NotConnected));
    let hangup = Ready { readable: true, hangup: true, error: true, ..Ready::default() };
    assert_eq!(world.ready(client), hangup);
    assert_eq!(world.fails_to_read(server), Error::NotConnected);
    assert_eq!(world.fails_to_write(server, "x"), Error::NotConnected);
    assert_eq!(world.disconnects(server), Err(Error::NotConnected));
    assert_eq!(world.engine.pipe_state(&pipe).instances, [(State::Disconnected, 0)]);
    assert_eq!(world.engine.pipe_state(&pipe).traffic.discarded_bytes, 17);
    // Nobody can come before the server listens again; then whoever waited does.
    let next = world.waits_to_open(&pipe, Wanted::READ);
    assert_eq!(world.connect(server, Wait::Forever).1, Ok(Progress::Done(Arrival::Now)));
    let next = world.opened(next);
    world.writes(server, "new");
    assert_eq!(world.reads(next), "new");
    assert_eq!(world.reads(client), "");
    world.close(client);
    world.close(next);
    world.close(server);
    assert_eq!(world.engine.end_count(), 0);
}

/// SEMANTICS: ioctl-disconnect, ioctl-disconnect-discards
#[test]
fn disconnect_ends_what_waits_on_both_sides() {
    let (mut world, pipe, server) = duplex(PipeType::Byte);
    let connect = world.connect(server, Wait::Forever).0;
    assert_eq!(world.disconnects(server), Ok(()));
    assert_eq!(world.failure(connect), Error::NotConnected);
    assert_eq!(world.connect(server, Wait::No).1, Err(Error::WouldBlock));
    let client = world.opens(&pipe, Wanted::BOTH);
    let (theirs, ours) = (world.waits_to_read(client), world.waits_to_read(server));
    assert_eq!(world.disconnects(client), Err(Error::Unsupported));
    assert_eq!(world.disconnects(server), Ok(()));
    assert_eq!(world.failure(theirs), Error::Reset);
    assert_eq!(world.reads(client), "", "it has been told");
    assert_eq!(world.failure(ours), Error::NotConnected);
    world.close(server);
    assert_eq!(world.engine.pipe_state(&pipe).instances, []);
}

/// SEMANTICS: ioctl-wait, ioctl-timeout
#[test]
fn a_wait_is_woken_by_each_way_to_listen_and_reserves_nothing() {
    let (mut world, pipe, server) = duplex(PipeType::Byte);
    assert_eq!(world.waits_for_server(&pipe, Wait::No).1, Ok(Progress::Done(())));
    let client = world.opens(&pipe, Wanted::BOTH);
    assert_eq!(world.waits_for_server(&pipe, Wait::No).1, Err(Error::WouldBlock));
    let two = [0; 2].map(|_| world.waits_for_server(&pipe, Wait::Forever).0);
    world.disconnects(server).expect("it has a client");
    assert_eq!(world.connect(server, Wait::No).1, Err(Error::WouldBlock));
    assert_eq!(two.map(|ticket| world.answer(ticket)), [const { Some(Answer::Listening) }; 2]);
    let again = world.opens(&pipe, Wanted::BOTH);
    let deadline = Wait::Until(world.now().monotonic + Duration::from_secs(1));
    let late = world.waits_for_server(&pipe, deadline).0;
    world.pass(Duration::from_secs(2));
    assert_eq!(world.failure(late), Error::TimedOut);
    let cancelled = world.waits_for_server(&pipe, Wait::Forever).0;
    world.cancel(cancelled);
    assert_eq!(world.failure(cancelled), Error::Interrupted);
    let unnamed = world.waits_for_server(&pipe, Wait::Forever).0;
    world.unlink("p");
    assert_eq!(world.failure(unnamed), Error::NotFound);
    [client, again, server].into_iter().for_each(|end| world.close(end));
}

/// SEMANTICS: ioctl-transact
#[test]
fn a_transaction_sends_one_message_and_gets_the_next() {
    let (mut world, pipe, server) = duplex(PipeType::Message);
    assert_eq!(world.transact(server, "early", 9).1, Err(Error::BadState));
    let client = world.opens(&pipe, Wanted::BOTH);
    let (ticket, result) = world.transact(client, "request", 3);
    assert_eq!(result, Ok(Progress::Waiting));
    assert_eq!(world.reads(server), "request");
    world.writes(server, "reply");
    match world.answer(ticket) {
        Some(Answer::Transacted(data)) => {
            assert_eq!((data.to_vec(), data.left_bytes()), (b"rep".to_vec(), 2));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.transact(client, "another", 9).1, Err(Error::Busy));
    assert_eq!(world.reads(client), "ly");
    let too_long = "x".repeat(MESSAGE_MAX_BYTES + 1);
    assert_eq!(world.transact(client, &too_long, 9).1, Err(Error::MessageTooLong));
    let cancelled = world.transact(client, "stays", 9).0;
    world.cancel(cancelled);
    assert_eq!(world.failure(cancelled), Error::Interrupted);
    assert_eq!(world.reads(server), "stays");
    world.engine.set_read_mode(client, ReadMode::Byte).expect("a message pipe");
    assert_eq!(world.transact(client, "x", 9).1, Err(Error::BadState));
    assert_eq!(world.fails_to_read(server), Error::WouldBlock);
}

/// > It never waits for room; where memory is used up it fails with `ENOSPC`, unless the other end
/// > waits for it.
///
/// SEMANTICS: ioctl-transact
#[test]
fn transactions_that_nobody_answers_do_not_fill_memory() {
    let mut world = World::with_memory(10, |settings| {
        settings.access = Access::Duplex;
        settings.pipe_type = PipeType::Message;
        settings.capacity_bytes = 1;
    });
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::SERVE_BOTH);
    let client = world.opens(&pipe, Wanted::BOTH);
    for _ in 0..2 {
        let (ticket, result) = world.transact(client, "request", 9);
        assert_eq!(result, Ok(Progress::Waiting));
        world.cancel(ticket);
        assert_eq!(world.failure(ticket), Error::Interrupted);
    }
    assert_eq!(world.transact(client, "request", 9).1, Err(Error::Full));
    assert_eq!(world.reads(server), "request");
    assert_eq!(world.transact(client, "request", 9).1, Ok(Progress::Waiting));
}

/// SEMANTICS: ioctl-transact
#[test]
fn a_transaction_does_not_wait_for_room_and_keeps_the_order() {
    let mut world = World::with(|settings| {
        settings.access = Access::Duplex;
        settings.pipe_type = PipeType::Message;
        settings.capacity_bytes = 1;
    });
    let pipe = world.create("p");
    let (server, client) = (world.opens(&pipe, Wanted::BOTH), world.opens(&pipe, Wanted::BOTH));
    world.writes(client, "first");
    let second = world.waits_to_write(client, "second");
    assert_eq!(world.transact(client, "third", 9).1, Ok(Progress::Waiting));
    assert_eq!(world.was_written(second), 6);
    assert_eq!([(); 3].map(|()| world.reads(server)), ["first", "second", "third"]);
}

/// SEMANTICS: ioctl-peek, ioctl-of-listening, ioctl-of-left-client
#[test]
fn peek_takes_nothing_and_says_what_it_cannot_see() {
    let (mut world, pipe, server) = duplex(PipeType::Message);
    assert_eq!(world.engine.peek_end(server, 9), Err(Error::BadState));
    let client = world.opens(&pipe, Wanted::BOTH);
    let half = world.opens(&pipe, Wanted::SERVE_BOTH);
    world.writes(server, "first");
    world.writes(server, "second");
    for _ in 0..2 {
        let peeked = world.engine.peek_end(client, 2).expect("it reads");
        assert_eq!((&peeked.data[..], peeked.left_bytes), (&b"fi"[..], 3));
        assert_eq!((peeked.total_bytes, peeked.messages), (11, 2));
    }
    world.close(server);
    assert!(world.engine.peek_end(client, 0).is_ok());
    assert_eq!((world.reads(client), world.reads(client)), ("first".into(), "second".into()));
    assert_eq!(world.engine.peek_end(client, 9), Err(Error::BrokenPipe));
    world.disconnects(half).expect("it listens");
    assert_eq!(world.engine.peek_end(half, 9), Err(Error::BadState));
}

/// SEMANTICS: ioctl-peer
#[test]
fn either_end_knows_both_processes_also_when_they_have_gone() {
    let (mut world, pipe, server) = duplex(PipeType::Byte);
    assert_eq!(world.engine.peer(server, Whose::Peer), Err(Error::NobodyThere));
    let (ticket, now) = (world.ticket(), world.now());
    let who = Who { pid: 7, uid: 8, gid: 9 };
    let wanted = Wanted::BOTH;
    let open = Open { wanted, who, patience: Patience::Wait, reopens: None };
    let client = match world.engine.open(&pipe, open, ticket, now, &mut world.effects) {
        Ok(Progress::Done(end)) => end,
        other => panic!("{other:?}"),
    };
    assert_eq!(world.engine.peer(server, Whose::Peer), Ok(who));
    assert_eq!(world.engine.peer(client, Whose::Client), Ok(who));
    assert_eq!(world.engine.peer(client, Whose::Peer), Ok(Who::default()));
    world.close(client);
    assert_eq!(world.engine.peer(server, Whose::Client), Ok(who));
    world.disconnects(server).expect("it had a client");
    assert_eq!(world.engine.peer(server, Whose::Client), Err(Error::NobodyThere));
    assert_eq!(world.engine.peer(server, Whose::Server), Ok(Who::default()));
}

/// SEMANTICS: ioctl-info
#[test]
fn info_tells_what_an_end_is() {
    let (mut world, pipe, server) = duplex(PipeType::Message);
    let client = world.opens(&pipe, Wanted::BOTH);
    world.writes(server, "12345");
    let info = world.engine.end_info(client).expect("it is open");
    assert_eq!((info.role, info.state), (Some(EndRole::Client), Some(State::Connected)));
    assert_eq!((info.readable_bytes, info.instances), (5, 1));
    let info = world.engine.end_info(server).expect("it is open");
    assert_eq!(info.role, Some(EndRole::Server));
    assert_eq!(info.writable_bytes, info.settings.capacity_bytes - 5);
    let pending = world.opens_with(&pipe, Wanted::READ, Patience::NonBlocking);
    assert_eq!(world.engine.end_info(pending).map(|info| info.role), Ok(None));
    world.disconnects(server).expect("it has a client");
    let info = world.engine.end_info(client).expect("it is open");
    assert_eq!((info.role, info.is_severed), (Some(EndRole::Client), true));
}

/// SEMANTICS: ioctl-info
#[test]
fn info_counts_what_was_dropped_on_the_way_to_an_end() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let mut world = World::with(|settings| {
            settings.overflow = overflow;
            settings.capacity_bytes = 5;
        });
        let pipe = world.create("p");
        let server = world.opens(&pipe, Wanted::WRITE);
        let client = world.opens(&pipe, Wanted::READ);
        world.writes(server, "first");
        world.writes(server, "new");
        let traffic = world.engine.end_info(client).expect("it is open").traffic;
        assert_eq!((traffic.dropped_bytes, traffic.dropped_count), (3, 1), "{overflow:?}");
    }
}

/// SEMANTICS: ioctl-of-member, ioctl-wait
#[test]
fn shared_pipes_have_no_instances_to_connect() {
    let mut world = World::with(|settings| settings.mode = Mode::Shared);
    let pipe = world.create("p");
    let both = world.opens(&pipe, Wanted::BOTH);
    assert_eq!(world.connect(both, Wait::Forever).1, Err(Error::Unsupported));
    assert_eq!(world.disconnects(both), Err(Error::Unsupported));
    assert_eq!(world.engine.peer(both, Whose::Peer), Err(Error::Unsupported));
    assert_eq!(world.waits_for_server(&pipe, Wait::No).1, Ok(Progress::Done(())));
    world.close(both);
    assert_eq!(world.waits_for_server(&pipe, Wait::No).1, Err(Error::WouldBlock));
}

/// SEMANTICS: open-rdwr-append
#[test]
fn appending_in_both_directions_makes_a_client_only() {
    let mut world = World::with(|settings| settings.access = Access::Duplex);
    let pipe = world.create("p");
    let waiting = world.waits_to_open(&pipe, Wanted::CONNECT_BOTH);
    let server = world.opens(&pipe, Wanted::SERVE_BOTH);
    let client = world.opened(waiting);
    world.writes(client, "to the server");
    assert_eq!(world.reads(server), "to the server");
}
