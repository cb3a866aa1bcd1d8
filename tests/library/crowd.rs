//! Many threads, and each message exactly once.

use std::collections::HashMap;
use std::time::Duration;

use pipefs::settings::Mode;
use pipefs::{Namespace, PipeOptions, Wanted};

use super::deadline::Task;

const THREADS: u32 = 8;

/// Messages of each thread: enough that each meets all others.
const MESSAGES: u32 = 200;

/// Sixteen threads need a while on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(120);

fn named(sender: u32, number: u32) -> Vec<u8> {
    [sender.to_le_bytes(), number.to_le_bytes()].concat()
}

fn sender_and_number(message: &[u8]) -> (u32, u32) {
    let word = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().expect("four bytes"));
    (word(0), word(4))
}

/// Eight servers in eight threads, eight clients in eight threads, each with all eight servers one
/// after the other: each message goes to one server, and its reply to who sent it.
#[test]
fn eight_servers_and_eight_clients() {
    let pipes = Namespace::new();
    let options = PipeOptions::duplex().messages().capacity_bytes(64);
    let servers: Vec<_> = (0..THREADS)
        .map(|_| {
            let server = pipes.create("p", options).unwrap();
            Task::spawn(move || {
                let mut seen = Vec::new();
                for _ in 0..THREADS {
                    server.connect().unwrap();
                    while let Some(message) = server.read_message(8).unwrap() {
                        server.write_message(&message.data).unwrap();
                        seen.push(message.data);
                    }
                    server.disconnect().unwrap();
                }
                seen
            })
        })
        .collect();
    let clients: Vec<_> = (0..THREADS)
        .map(|sender| {
            let pipes = pipes.clone();
            Task::spawn(move || {
                for round in 0..THREADS {
                    let client = pipes.open("p", Wanted::BOTH).unwrap();
                    for number in (0..MESSAGES).filter(|number| number % THREADS == round) {
                        let message = named(sender, number);
                        let reply = client.transact(&message, 8).unwrap().expect("a reply");
                        assert_eq!(reply.data, message, "a reply to somebody else");
                    }
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join(PATIENCE));
    let mut seen: HashMap<Vec<u8>, u32> = HashMap::new();
    for server in servers {
        server.join(PATIENCE).into_iter().for_each(|m| *seen.entry(m).or_default() += 1);
    }
    assert_eq!(seen.len() as u32, THREADS * MESSAGES);
    assert!(seen.values().all(|count| *count == 1), "a message came twice");
    assert_eq!((pipes.engine().end_count(), pipes.engine().waiting_count()), (0, 0));
}

/// Eight writers and eight readers of one conduit that holds little: each message goes to one
/// reader, and each reader sees a writer's messages in their order.
#[test]
fn eight_writers_and_eight_readers_of_a_shared_pipe() {
    let pipes = Namespace::new();
    let options = PipeOptions::outbound().messages().mode(Mode::Shared).capacity_bytes(64);
    let writers: Vec<_> = (0..THREADS).map(|_| pipes.create("p", options).unwrap()).collect();
    let readers: Vec<_> = (0..THREADS)
        .map(|_| {
            let reader = pipes.open("p", Wanted::READ).unwrap();
            Task::spawn(move || {
                let mut seen = Vec::new();
                while let Some(message) = reader.read_message(8).unwrap() {
                    seen.push(sender_and_number(&message.data));
                }
                seen
            })
        })
        .collect();
    let writers: Vec<_> = (0..THREADS)
        .zip(writers)
        .map(|(sender, writer)| {
            Task::spawn(move || {
                for number in 0..MESSAGES {
                    writer.write_message(&named(sender, number)).unwrap();
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join(PATIENCE));
    let mut all = Vec::new();
    for reader in readers {
        let seen = reader.join(PATIENCE);
        for sender in 0..THREADS {
            let numbers = seen.iter().filter(|(from, _)| *from == sender).map(|(_, n)| n);
            assert!(numbers.is_sorted(), "a later message of {sender} overtook an earlier one");
        }
        all.extend(seen);
    }
    all.sort_unstable();
    let expected = (0..THREADS).flat_map(|sender| (0..MESSAGES).map(move |n| (sender, n)));
    assert!(all.into_iter().eq(expected), "not each message once");
}
