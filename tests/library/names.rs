//! Creating, opening, waiting for and removing pipes.

use std::time::Duration;

use pipefs::settings::{Access, Mode, PipeType};
use pipefs::{Error, Namespace, Open, Patience, PipeOptions, ROOT, State, Wanted, Who};

use super::deadline::{PATIENCE, Task};
use super::until_waiting;

const A_MOMENT: Option<Duration> = Some(Duration::from_millis(30));

fn names(pipes: &Namespace) -> Vec<String> {
    let text = |name: &pipefs::Name| String::from_utf8_lossy(name.as_bytes()).into_owned();
    pipes.list().iter().map(text).collect()
}

#[test]
fn a_name_comes_with_its_first_instance_and_stays_until_it_is_removed() {
    let pipes = Namespace::new();
    assert_eq!(pipes.open("b", Wanted::READ).err(), Some(Error::NotFound));
    let server = pipes.create("b", PipeOptions::outbound()).unwrap();
    let other = pipes.create("a", PipeOptions::outbound()).unwrap();
    drop((server, other));
    assert_eq!(names(&pipes), ["a", "b"]);
    pipes.remove("b").unwrap();
    assert_eq!(pipes.remove("b"), Err(Error::NotFound));
    assert_eq!(pipes.state("b"), Err(Error::NotFound));
    assert_eq!(names(&pipes.clone()), ["a"]);
}

#[test]
fn names_are_checked() {
    let pipes = Namespace::new();
    for bad in ["", ".", "..", "a/b", "a\0b"] {
        let refused = pipes.create(bad, PipeOptions::duplex()).err();
        assert_eq!(refused, Some(Error::Invalid), "{bad:?}");
    }
    let long = "x".repeat(256);
    assert_eq!(pipes.create(&long, PipeOptions::duplex()).err(), Some(Error::NameTooLong));
    let odd = b"<>*?|\":\\ \xff";
    let server = pipes.create(odd, PipeOptions::duplex()).unwrap();
    assert!(pipes.open(odd, Wanted::BOTH).is_ok());
    drop(server);
}

#[test]
fn options_are_checked() {
    let pipes = Namespace::new();
    let bad = [
        PipeOptions::duplex().capacity_bytes(0),
        PipeOptions::duplex().capacity_bytes(u64::MAX),
        PipeOptions::duplex().max_instances(0),
        PipeOptions::duplex().max_instances(256),
        PipeOptions::duplex().set("access", "auto").unwrap(),
    ];
    for options in bad {
        assert_eq!(pipes.create("p", options).err(), Some(Error::Invalid), "{options:?}");
    }
    assert!(PipeOptions::duplex().set("colour", "red").is_err());
    assert!(pipes.list().is_empty());
}

#[test]
fn the_first_instance_decides_how_the_pipe_is() {
    let pipes = Namespace::new();
    let options = PipeOptions::duplex().messages().capacity_bytes(5).max_instances(2);
    let options = options.wait_timeout(PATIENCE).set("linger", "drop").unwrap();
    let _first = pipes.create("p", options).unwrap();
    let second = pipes.create("p", PipeOptions::duplex().max_instances(9)).unwrap();
    let settings = second.info().unwrap().settings;
    assert_eq!(settings, pipes.state("p").unwrap().settings);
    assert_eq!((settings.access, settings.pipe_type), (Access::Duplex, PipeType::Message));
    assert_eq!((settings.capacity_bytes, settings.max_instances), (5, Some(2)));
    assert_eq!((settings.wait_timeout, second.info().unwrap().instances), (Some(PATIENCE), 2));
    assert_eq!(pipes.create("p", options).err(), Some(Error::Busy));
    assert_eq!(pipes.create("p", PipeOptions::outbound()).err(), Some(Error::AccessDenied));
    let listens = (State::Listening, 0);
    assert_eq!(pipes.state("p").unwrap().instances, [listens, listens]);
    drop(second);
    assert!(pipes.create("p", options).is_ok(), "a place has become free");
}

#[test]
fn the_first_instance_can_demand_to_be_the_first() {
    let pipes = Namespace::new();
    let first = PipeOptions::duplex().first_instance();
    let server = pipes.create("p", first).unwrap();
    assert_eq!(pipes.create("p", first).err(), Some(Error::Exists));
    assert!(pipes.create("p", PipeOptions::duplex()).is_ok());
    drop(server);
}

#[test]
fn clients_get_the_directions_that_the_pipe_has() {
    use Error::{AccessDenied, Invalid};
    let none = Wanted::default();
    let rows = [
        (PipeOptions::outbound(), [Ok(()), Err(AccessDenied), Err(AccessDenied), Err(Invalid)]),
        (PipeOptions::inbound(), [Err(AccessDenied), Ok(()), Err(AccessDenied), Err(Invalid)]),
        (PipeOptions::duplex(), [Ok(()), Ok(()), Ok(()), Err(Invalid)]),
    ];
    for (options, row) in rows {
        for (wanted, expected) in [Wanted::READ, Wanted::WRITE, Wanted::BOTH, none].iter().zip(row)
        {
            let pipes = Namespace::new();
            let server = pipes.create("p", options).unwrap();
            let opened = pipes.open("p", *wanted);
            assert_eq!(opened.as_ref().map(|_| ()).map_err(|e| *e), expected, "{wanted:?}");
            let state = if opened.is_ok() { State::Connected } else { State::Listening };
            assert_eq!(server.info().unwrap().state, Some(state), "a refused client takes none");
        }
    }
}

#[test]
fn an_open_is_always_a_clients_and_waits_for_a_server() {
    for wanted in [Wanted::READ, Wanted::WRITE, Wanted::BOTH, Wanted::SERVE_BOTH] {
        let pipes = Namespace::new();
        drop(pipes.create("p", PipeOptions::duplex()).unwrap());
        let opening = pipes.clone();
        let open = Task::spawn(move || opening.open("p", wanted));
        until_waiting(&pipes, 1);
        let server = pipes.create("p", PipeOptions::duplex()).unwrap();
        let _client = open.join(PATIENCE).unwrap();
        assert_eq!(server.info().unwrap().state, Some(State::Connected));
    }
}

#[test]
fn an_open_waits_as_the_pipe_says() {
    let pipes = Namespace::new();
    let options = PipeOptions::duplex().wait_timeout(Duration::from_millis(30));
    drop(pipes.create("times out", options).unwrap());
    assert_eq!(pipes.open("times out", Wanted::BOTH).err(), Some(Error::TimedOut));
    assert_eq!(pipes.wait("times out", None), Err(Error::TimedOut));
    drop(pipes.create("fails", options.set("open", "fail").unwrap()).unwrap());
    assert_eq!(pipes.open("fails", Wanted::BOTH).err(), Some(Error::Busy));
    assert_eq!(pipes.engine().waiting_count(), 0);
}

#[test]
fn waiting_for_a_pipe_takes_nothing() {
    let pipes = Namespace::new();
    assert_eq!(pipes.wait("p", Some(PATIENCE)), Err(Error::NotFound));
    let first = pipes.create("p", PipeOptions::duplex()).unwrap();
    assert_eq!(pipes.wait("p", None), Ok(()));
    let _client = pipes.open("p", Wanted::BOTH).unwrap();
    assert_eq!(pipes.wait("p", A_MOMENT), Err(Error::TimedOut));
    assert_eq!(pipes.wait("p", Some(Duration::ZERO)), Err(Error::TimedOut));
    let wait = || {
        let pipes = pipes.clone();
        Task::spawn(move || pipes.wait("p", None))
    };
    let waits = [wait(), wait()];
    until_waiting(&pipes, 2);
    let second = pipes.create("p", PipeOptions::duplex()).unwrap();
    assert_eq!(waits.map(|wait| wait.join(PATIENCE)), [Ok(()), Ok(())]);
    assert_eq!(second.info().unwrap().state, Some(State::Listening));
    drop(first);
}

#[test]
fn removing_a_name_ends_the_waits_for_it_and_no_conduit() {
    let pipes = Namespace::new();
    let server = pipes.create("p", PipeOptions::duplex().messages()).unwrap();
    let client = pipes.open("p", Wanted::BOTH).unwrap();
    let (opening, waiting) = (pipes.clone(), pipes.clone());
    let open = Task::spawn(move || opening.open("p", Wanted::BOTH).err());
    let wait = Task::spawn(move || waiting.wait("p", None).err());
    until_waiting(&pipes, 2);
    pipes.remove("p").unwrap();
    assert_eq!(open.join(PATIENCE), Some(Error::NotFound));
    assert_eq!(wait.join(PATIENCE), Some(Error::NotFound));
    client.write_message(b"on").unwrap();
    assert_eq!(server.read_message(9).unwrap().unwrap().data, b"on");
    assert!(pipes.create("p", PipeOptions::outbound()).is_ok(), "another pipe of that name");
}

#[test]
fn directories_are_the_engines_matter() {
    let pipes = Namespace::new();
    let attributes = pipefs::Attributes::new(0o755, 0, 0, std::time::SystemTime::now());
    pipes.engine().make_directory(ROOT, b"d", attributes).unwrap();
    assert_eq!(pipes.create("d", PipeOptions::duplex()).err(), Some(Error::IsADirectory));
    assert_eq!(pipes.open("d", Wanted::READ).err(), Some(Error::IsADirectory));
    assert_eq!(pipes.remove("d"), Err(Error::IsADirectory));
    assert!(pipes.list().is_empty());
}

/// A pipe that the engine made may not have decided its direction.
#[test]
fn an_open_never_makes_a_server() {
    let pipes = Namespace::new();
    let attributes = pipefs::Attributes::new(0o644, 0, 0, std::time::SystemTime::now());
    let pipe = pipes.engine().create(ROOT, b"p", attributes, None).unwrap();
    assert_eq!(pipes.open("p", Wanted::WRITE).err(), Some(Error::AccessDenied));
    assert_eq!(pipes.create("p", PipeOptions::duplex()).err(), Some(Error::AccessDenied));
    let opening = pipes.clone();
    let open = Task::spawn(move || opening.open("p", Wanted::READ).err());
    until_waiting(&pipes, 1);
    let (ticket, now) = (pipes.ticket(), pipefs::Now::read());
    let open_server = Open {
        wanted: Wanted::WRITE,
        who: Who::default(),
        patience: Patience::Wait,
        reopens: None,
    };
    let mut effects = pipefs::Effects::default();
    pipes.engine().open(&pipe, open_server, ticket, now, &mut effects).unwrap();
    pipes.deliver(effects);
    assert_eq!(open.join(PATIENCE), None);
}

#[test]
fn a_shared_pipe_is_one_for_all() {
    let pipes = Namespace::new();
    let options = PipeOptions::outbound().messages().mode(Mode::Shared);
    let first = pipes.create("jobs", options).unwrap();
    let second = pipes.create("jobs", options).unwrap();
    let workers = [(); 2].map(|()| pipes.open("jobs", Wanted::READ).unwrap());
    first.write_message(b"one").unwrap();
    second.write_message(b"two").unwrap();
    let read = |end: &pipefs::ClientEnd| end.read_message(9).unwrap().map(|m| m.data);
    assert_eq!(workers.each_ref().map(read), [Some(b"one".to_vec()), Some(b"two".to_vec())]);
    assert_eq!(first.connect(), Err(Error::Unsupported));
    assert_eq!(first.disconnect(), Err(Error::Unsupported));
    assert_eq!(first.client_process_id(), Err(Error::Unsupported));
    drop((first, second));
    assert_eq!(read(&workers[0]), None);

    let collector = pipes.create("logs", PipeOptions::inbound().mode(Mode::Shared)).unwrap();
    assert!(pipes.open("logs", Wanted::WRITE).is_ok());
    assert_eq!(pipes.open("logs", Wanted::READ).err(), Some(Error::AccessDenied));
    drop(collector);
}

#[test]
fn a_broadcast_reaches_every_client() {
    let pipes = Namespace::new();
    let options = PipeOptions::outbound().messages().mode(Mode::Broadcast);
    let server = pipes.create("news", options).unwrap();
    let clients = [(); 3].map(|()| pipes.open("news", Wanted::READ).unwrap());
    server.write_message(b"").unwrap();
    server.write_message(b"late").unwrap();
    drop(server);
    for client in clients {
        let read = || client.read_message(9).unwrap().map(|message| message.data);
        assert_eq!([read(), read(), read()], [Some(vec![]), Some(b"late".to_vec()), None]);
    }
}
