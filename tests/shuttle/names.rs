//! Names that go by themselves (`lifetime=last-close`), come back, are moved and are replaced, at
//! the same moment: a pipe says that it is named exactly if one name leads to it.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use pipefs::settings::{Access, Lifetime};
use pipefs::{
    Bounds, Effects, EndId, Engine, Error, Node, Now, Open, Patience, PipeHandle, Progress, ROOT,
    Rename, Settings, Ticket, Wanted, Who,
};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use crate::explore::explore;
use crate::world::attributes;

/// How many things can happen.
const CHOICES: usize = 11;

struct Stage {
    engine: Engine,
    now: Now,
    pipe: PipeHandle,
    /// Every pipe that there ever was.
    pipes: Mutex<Vec<PipeHandle>>,
    /// Servers of the first one.
    servers: Mutex<Vec<EndId>>,
}

impl Stage {
    fn new() -> Self {
        let settings = Settings {
            access: Access::Outbound,
            lifetime: Lifetime::LastClose,
            ..Settings::default()
        };
        let engine = Engine::new(settings, Bounds::memory(1 << 20), attributes());
        let now = Now { monotonic: std::time::Instant::now(), wall: SystemTime::UNIX_EPOCH };
        let create =
            |name: &[u8]| engine.create(ROOT, name, attributes(), None).expect("a new name");
        let (pipe, other) = (create(b"p"), create(b"q"));
        let pipes = Mutex::new(vec![pipe.clone(), other]);
        let stage = Self { engine, now, pipe, pipes, servers: Mutex::default() };
        stage.serve(Ticket(1));
        stage
    }

    fn create(&self, name: &[u8]) {
        if let Ok(pipe) = self.engine.create(ROOT, name, attributes(), None) {
            self.pipes.lock().expect("no panic").push(pipe);
        }
    }

    fn serve(&self, ticket: Ticket) {
        let (wanted, patience) = (Wanted::WRITE, Patience::Wait);
        let open = Open { wanted, who: Who::default(), patience, reopens: None };
        let mut effects = Effects::default();
        match self.engine.open(&self.pipe, open, ticket, self.now, &mut effects) {
            Ok(Progress::Done(end)) => self.servers.lock().expect("no panic").push(end),
            Err(Error::NotFound) => {}
            other => panic!("a server's open gives {other:?}"),
        }
    }

    fn close(&self) {
        let Some(server) = self.servers.lock().expect("no panic").pop() else { return };
        let mut effects = Effects::default();
        self.engine.close(server, self.now, &mut effects).expect("it is open");
        assert!(effects.names_gone.len() <= 1);
    }

    fn rename(&self, from: &[u8], to: &[u8], how: Rename) {
        let mut effects = Effects::default();
        let _ = self.engine.rename((ROOT, from), (ROOT, to), how, self.now, &mut effects);
    }

    /// One of [`CHOICES`] things that happen; `number` is the thread's.
    fn happen(&self, choice: usize, number: u64) {
        match choice {
            0..3 => self.close(),
            3..6 => self.serve(Ticket(number + 2)),
            6 => {
                let mut effects = Effects::default();
                let _ = self.engine.unlink(ROOT, b"p", self.now, &mut effects);
            }
            7 => self.create(b"p"),
            8 => self.rename(b"p", b"q", Rename::Exchange),
            9 => self.rename(b"p", b"away", Rename::Replace),
            _ => self.rename(b"q", b"p", Rename::Replace),
        }
    }

    /// Checks who is named; tells whether the first pipe is.
    fn check(&self) -> bool {
        let entries = self.engine.list(ROOT).expect("the root is there").entries;
        let leads = |pipe: &PipeHandle| {
            let is_it =
                |node: &Node<PipeHandle>| matches!(node, Node::Pipe(other) if other == pipe);
            entries.iter().filter(|(_, node)| is_it(node)).count()
        };
        for pipe in self.pipes.lock().expect("no panic").iter() {
            let links = self.engine.status(&Node::Pipe(pipe.clone())).expect("it has one").links;
            assert_eq!(leads(pipe), links as usize, "names that lead to {:?}", pipe.ino());
        }
        leads(&self.pipe) == 1
    }
}

fn race() {
    let stage = Arc::new(Stage::new());
    let choices: Vec<usize> = (0..4).map(|_| thread_rng().gen_range(0..CHOICES)).collect();
    let threads: Vec<_> = (0..)
        .zip(&choices)
        .map(|(number, choice)| {
            let (stage, choice) = (stage.clone(), *choice);
            thread::spawn(move || stage.happen(choice, number))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    let is_named = stage.check();
    let is_served = !stage.servers.lock().expect("no panic").is_empty();
    assert!(is_served || !is_named, "the last server has gone and the name has not");
    let is_removed = choices.iter().any(|choice| matches!(choice, 6 | 10));
    assert!(is_named || !is_served || is_removed, "the name has gone without the last server");
    while !stage.servers.lock().expect("no panic").is_empty() {
        stage.close();
    }
    assert!(!stage.check(), "the name outlives the last server");
}

#[test]
fn a_pipe_knows_whether_it_is_named() {
    explore("names that go", 8000, race);
}
