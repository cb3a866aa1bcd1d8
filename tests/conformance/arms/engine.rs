//! The engine, driven directly: nothing takes time, and what waits is known to wait.

use std::time::{Duration, Instant, SystemTime};

use pipefs::{
    Answer, Attributes, Bounds, Data, Effects, EndId, Engine, Now, PipeHandle, Progress, Settings,
    State, Ticket, Who,
};

use super::failure;
use crate::pipes::{Arm, Call, Code, End, Op, Outcome};

/// The processes that hold servers' and clients' ends, as the engine is told.
pub(super) const SERVER: Who = Who { pid: 100, uid: 1, gid: 2 };
pub(super) const CLIENT: Who = Who { pid: 200, uid: 3, gid: 4 };

pub(crate) struct EngineArm {
    pub(super) engine: Engine,
    pub(super) effects: Effects,
    start: Instant,
    elapsed: Duration,
    pub(super) ends: Vec<Held>,
    /// An operation's number is its place here, and its ticket.
    calls: Vec<Begun>,
}

/// An end, as a handle.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) id: EndId,
    pub(super) pipe: PipeHandle,
    pub(super) no_wait: bool,
    pub(super) messages: bool,
}

struct Begun {
    call: Call,
    outcome: Option<Outcome>,
}

impl EngineArm {
    /// With settings that are like Windows as far as there are such.
    pub(crate) fn new() -> Self {
        let mut settings = Settings::default();
        for (key, value) in super::LIKE_WINDOWS {
            settings.set(key, value).expect("a setting");
        }
        Self {
            engine: Engine::new(settings, Bounds::memory(u64::MAX), attributes()),
            effects: Effects::default(),
            start: Instant::now(),
            elapsed: Duration::ZERO,
            ends: Vec::new(),
            calls: Vec::new(),
        }
    }

    pub(super) fn now(&self) -> Now {
        Now { monotonic: self.start + self.elapsed, wall: SystemTime::UNIX_EPOCH + self.elapsed }
    }

    pub(super) fn held(&self, end: End) -> Held {
        self.ends[end.0 as usize].clone()
    }

    /// What a read got. Nothing means an empty message, or the end, unless it is `known` that the
    /// read found something, or asked for nothing.
    pub(super) fn data(&self, end: End, data: &Data, known: bool) -> Outcome {
        let Held { id, messages, .. } = self.held(end);
        let connected =
            || self.engine.end_info(id).is_ok_and(|info| info.state == Some(State::Connected));
        if data.is_empty() && !known && !(messages && connected()) {
            return Outcome::Failed(Code::BrokenPipe);
        }
        Outcome::Data { bytes: data.to_vec(), more: Some(data.left_bytes() > 0) }
    }

    /// Keeps what the last call to the engine has brought about.
    fn deliver(&mut self) {
        for (Ticket(number), answer) in std::mem::take(&mut self.effects.answers) {
            let call = self.calls[number as usize].call.clone();
            let outcome = match answer {
                Answer::Opened(_) => unreachable!("no open waits here"),
                Answer::Read(data) | Answer::Transacted(data) => match call {
                    Call::Read(end, max) => self.data(end, &data, max == 0),
                    Call::Transact(end, ..) => self.data(end, &data, false),
                    _ => unreachable!("{call:?} reads nothing"),
                },
                Answer::Written(bytes) => Outcome::Written(bytes as usize),
                Answer::Sent => Outcome::Written(0),
                Answer::Flushed | Answer::Connected | Answer::Listening => Outcome::Done,
                Answer::Failed(error) => failure::outcome(&call, true, error),
            };
            let before = self.calls[number as usize].outcome.replace(outcome);
            assert_eq!(before, None, "{call:?} is answered twice");
        }
        self.effects.wakes.clear();
    }
}

impl Arm for EngineArm {
    fn begin(&mut self, call: Call) -> Op {
        let number = self.calls.len();
        let found_message = match &call {
            Call::Read(end, _) => {
                let found = self.engine.peek_end(self.held(*end).id, 0);
                found.is_ok_and(|found| found.messages > 0)
            }
            _ => false,
        };
        self.calls.push(Begun { call: call.clone(), outcome: None });
        let outcome = match self.run(&call, Ticket(number as u64), found_message) {
            Ok(Progress::Done(outcome)) => Some(outcome),
            Ok(Progress::Waiting) => None,
            Err(error) => Some(failure::outcome(&call, false, error)),
        };
        self.calls[number].outcome = outcome;
        self.deliver();
        Op(number as u32)
    }

    fn outcome(&mut self, op: Op) -> Option<Outcome> {
        self.calls[op.0 as usize].outcome.clone()
    }

    fn cancel(&mut self, op: Op) {
        self.engine.cancel(Ticket(op.0.into()), &mut self.effects);
        self.deliver();
    }

    fn pass(&mut self, time: Duration) {
        self.elapsed += time;
        self.engine.expire(self.now().monotonic, &mut self.effects);
        self.deliver();
    }

    fn processes(&self) -> (u32, u32) {
        (SERVER.pid, CLIENT.pid)
    }

    fn takes_time(&self) -> bool {
        false
    }
}

impl Drop for EngineArm {
    /// Operations may still wait at the end of a case.
    fn drop(&mut self) {
        self.engine.shut_down(&mut self.effects);
    }
}

pub(super) fn attributes() -> Attributes {
    Attributes::new(0o644, 0, 0, SystemTime::UNIX_EPOCH)
}
