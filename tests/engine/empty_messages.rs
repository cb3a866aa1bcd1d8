//! Empty messages and read modes.

use pipefs::settings::PipeType;
use pipefs::{Answer, Blocking, EndId, Error, Progress, ReadMode, Result, Ticket, Wanted};

use super::functions::duplex;
use super::world::World;

impl World {
    fn sends_empty(&mut self, end: EndId) -> (Ticket, Result<Progress<u32>>) {
        let (ticket, now) = (self.ticket(), self.now());
        let result = self.engine.send_empty(end, Blocking::Yes, ticket, now, &mut self.effects);
        self.deliver();
        (ticket, result)
    }
}

/// SEMANTICS: ioctl-empty-message
#[test]
fn an_empty_message_is_one_message() {
    let (mut world, pipe, server) = duplex(PipeType::Message);
    let client = world.opens(&pipe, Wanted::BOTH);
    assert_eq!(world.sends_empty(server).1, Ok(Progress::Done(0)));
    world.writes(server, "after");
    assert_eq!(world.engine.peek_end(client, 9).map(|p| (p.messages, p.total_bytes)), Ok((2, 5)));
    assert_eq!(world.reads(client), "");
    assert_eq!(world.reads(client), "after");
    let (empty, full) = (world.waits_to_read(client), world.waits_to_read(client));
    assert_eq!(world.sends_empty(server).1, Ok(Progress::Done(0)));
    assert_eq!(world.was_read(empty), "");
    world.writes(server, "full");
    assert_eq!(world.was_read(full), "full");
    assert_eq!(world.buffered_bytes(&pipe), 0);
}

/// SEMANTICS: ioctl-read-bytes
#[test]
fn a_reader_of_bytes_passes_over_empty_messages() {
    let (mut world, pipe, server) = duplex(PipeType::Message);
    let client = world.opens(&pipe, Wanted::BOTH);
    world.engine.set_read_mode(client, ReadMode::Byte).expect("a message pipe");
    assert_eq!(world.sends_empty(server).1, Ok(Progress::Done(0)));
    assert_eq!(world.fails_to_read(client), Error::WouldBlock);
    let read = world.waits_to_read(client);
    assert_eq!(world.sends_empty(server).1, Ok(Progress::Done(0)));
    assert_eq!(world.answer(read), None);
    world.writes(server, "ab");
    assert_eq!(world.was_read(read), "ab");
    world.writes(server, "cd");
    assert_eq!(world.sends_empty(server).1, Ok(Progress::Done(0)));
    world.writes(server, "ef");
    assert_eq!(world.reads(client), "cdef");
    assert_eq!(world.buffered_bytes(&pipe), 0);
}

/// SEMANTICS: ioctl-empty-message
#[test]
fn empty_messages_are_bounded_by_the_capacity() {
    let mut world = World::with(|settings| {
        settings.pipe_type = PipeType::Message;
        settings.capacity_bytes = 3;
    });
    let pipe = world.create("p");
    let server = world.opens(&pipe, Wanted::WRITE);
    for _ in 0..3 {
        assert_eq!(world.sends_empty(server).1, Ok(Progress::Done(0)));
    }
    let (ticket, result) = world.sends_empty(server);
    assert_eq!(result, Ok(Progress::Waiting));
    let client = world.opens(&pipe, Wanted::READ);
    assert_eq!(world.reads(client), "");
    assert_eq!(world.answer(ticket), Some(Answer::Sent));
}

/// SEMANTICS: ioctl-of-byte-pipe, ioctl-state, ioctl-peek
#[test]
fn a_byte_pipe_has_no_messages() {
    let (mut world, pipe, server) = duplex(PipeType::Byte);
    let client = world.opens(&pipe, Wanted::BOTH);
    assert_eq!(world.sends_empty(server).1, Err(Error::Invalid));
    assert_eq!(world.engine.set_read_mode(client, ReadMode::Message), Err(Error::Invalid));
    assert_eq!(world.engine.set_read_mode(client, ReadMode::Byte), Ok(()));
    assert_eq!(world.transact(client, "x", 9).1, Err(Error::BadState));
    world.writes(server, "one");
    world.writes(server, "two");
    let peeked = world.engine.peek_end(client, 4).expect("it reads");
    assert_eq!((&peeked.data[..], peeked.total_bytes), (&b"onet"[..], 6));
    assert_eq!((peeked.left_bytes, peeked.messages), (0, 0));
}
