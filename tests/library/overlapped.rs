//! Many operations at once without a thread for each.

use std::sync::mpsc;

use bytes::Bytes;
use pipefs::{
    Answer, Blocking, Data, Effects, EndId, Error, Namespace, Now, PipeOptions, Progress, Result,
    Ticket, Wanted,
};

use super::deadline::PATIENCE;
use super::pair;

/// Starts a read; what the engine did to others is delivered.
fn read(pipes: &Namespace, end: EndId) -> (Ticket, Result<Progress<Data>>) {
    let (ticket, mut effects) = (pipes.ticket(), Effects::default());
    let read = pipes.engine().read(end, 99, Blocking::Yes, ticket, Now::read(), &mut effects);
    pipes.deliver(effects);
    (ticket, read)
}

#[test]
fn one_thread_waits_for_many_reads() {
    const ENDS: usize = 100;
    let pipes = Namespace::new();
    let (port, completions) = mpsc::channel();
    let mut pairs = Vec::new();
    for number in 0..ENDS {
        let server = pipes.create("p", PipeOptions::duplex().messages()).unwrap();
        let client = pipes.open("p", Wanted::BOTH).unwrap();
        let (ticket, progress) = read(&pipes, server.id());
        assert_eq!(progress, Ok(Progress::Waiting));
        let port = port.clone();
        pipes.on_answer(ticket, move |answer| port.send((number, answer)).unwrap());
        pairs.push((server, client));
    }
    for (number, (_, client)) in pairs.iter().enumerate().rev() {
        client.write_message(&[number as u8]).unwrap();
    }
    for number in (0..ENDS).rev() {
        let (from, answer) = completions.recv_timeout(PATIENCE).unwrap();
        let Answer::Read(data) = answer else { panic!("{answer:?}") };
        assert_eq!((from, data.to_vec()), (number, vec![number as u8]));
    }
}

#[test]
fn an_answer_that_came_first_is_kept_for_its_completion() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    let (ticket, progress) = read(&pipes, server.id());
    assert_eq!(progress, Ok(Progress::Waiting));
    client.write_message(b"early").unwrap();
    let (port, completions) = mpsc::channel();
    pipes.on_answer(ticket, move |answer| port.send(answer).unwrap());
    assert!(matches!(completions.try_recv(), Ok(Answer::Read(_))));
}

#[test]
fn a_cancelled_operation_is_answered_once() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    let (ticket, progress) = read(&pipes, server.id());
    assert_eq!(progress, Ok(Progress::Waiting));
    let (port, completions) = mpsc::channel();
    pipes.on_answer(ticket, move |answer| port.send(answer).unwrap());
    let mut effects = Effects::default();
    pipes.engine().cancel(ticket, &mut effects);
    pipes.deliver(effects);
    assert_eq!(completions.try_recv(), Ok(Answer::Failed(Error::Interrupted)));
    client.write_message(b"for the next read").unwrap();
    assert_eq!(server.read_message(99).unwrap().unwrap().data, b"for the next read");
    assert!(completions.try_recv().is_err(), "the completion is gone");
}

#[test]
fn what_is_under_way_ends_with_its_end_and_with_the_namespace() {
    let (pipes, server, client) = pair(PipeOptions::duplex());
    let (port, completions) = mpsc::channel();
    for end in [server.id(), client.id()] {
        let port = port.clone();
        let (ticket, progress) = read(&pipes, end);
        assert_eq!(progress, Ok(Progress::Waiting));
        pipes.on_answer(ticket, move |answer| port.send((end, answer)).unwrap());
    }
    let (server_id, client_id) = (server.id(), client.id());
    drop(server);
    let first = completions.try_recv().unwrap();
    assert_eq!(first, (server_id, Answer::Failed(Error::BadHandle)));
    let second = completions.try_recv().unwrap();
    assert_eq!(second, (client_id, Answer::Read(Data::default())), "the end of file");
    drop(client);

    // An end that nobody but the engine knows.
    let reader = {
        let mut effects = Effects::default();
        let (reader, _writer) =
            pipes.engine().anonymous(Default::default(), Now::read(), &mut effects);
        pipes.deliver(effects);
        reader
    };
    let (ticket, progress) = read(&pipes, reader);
    assert_eq!(progress, Ok(Progress::Waiting));
    pipes.on_answer(ticket, move |answer| port.send((reader, answer)).unwrap());
    drop(pipes);
    let last = completions.try_recv().unwrap();
    assert_eq!(last, (reader, Answer::Failed(Error::ShutDown)));
}

#[test]
fn a_completion_may_use_the_namespace() {
    let (pipes, server, client) = pair(PipeOptions::duplex().messages());
    let (ticket, progress) = read(&pipes, server.id());
    assert_eq!(progress, Ok(Progress::Waiting));
    let replying = server.clone();
    pipes.on_answer(ticket, move |answer| {
        let Answer::Read(data) = answer else { panic!("{answer:?}") };
        replying.write_message(&data.to_vec()).unwrap();
    });
    let mut effects = Effects::default();
    let (ticket, data) = (pipes.ticket(), Bytes::from("echo"));
    let write =
        pipes.engine().write(client.id(), data, Blocking::Yes, ticket, Now::read(), &mut effects);
    assert_eq!(write, Ok(Progress::Done(4)));
    pipes.deliver(effects);
    assert_eq!(client.read_message(99).unwrap().unwrap().data, b"echo");
}
