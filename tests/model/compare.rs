//! Compares the engine with the model after every step.

use std::fmt::Debug;

use pipefs::settings::Mode;
use pipefs::{Answer, EndId, Error, Node, OwnReport, PipeHandle, Progress, Ready, Traffic, Whose};

use super::ending::gained;
use super::moving::Outcome;
use super::run::{Armed, Difference, File, Run};
use super::state::{Given, Model, Piece};
use super::steps::Limits;

/// How much is peeked of an end; in turn, by its place.
const PEEKED_BYTES: [usize; 3] = [0, 3, 5000];

fn same<T: PartialEq + Debug>(what: &str, engine: &T, model: &T) -> Result<(), Difference> {
    if engine == model {
        return Ok(());
    }
    Err(format!("{what}: the engine has {engine:?}, expected {model:?}"))
}

impl Run {
    /// The order in which the engine answered.
    pub(crate) fn order(&self) -> Vec<u64> {
        self.effects.answers.iter().map(|(ticket, _)| ticket.0).collect()
    }

    /// Compares what an operation came to at once.
    pub(crate) fn compare_outcome<T: Debug>(
        &mut self,
        engine: Result<Progress<T>, Error>,
        answer: impl FnOnce(T) -> Answer,
        model: &Outcome,
    ) -> Result<(), Difference> {
        let newest = self.model.waiting.last().filter(|_| *model == Outcome::Waits);
        let adds_deadline = newest.is_some_and(|waiting| waiting.deadline.is_some());
        same("deadline_added", &self.effects.deadline_added, &adds_deadline)?;
        let answer = match engine {
            Ok(Progress::Waiting) if *model == Outcome::Waits => return Ok(()),
            Ok(Progress::Waiting) => return Err(format!("it waits, expected {model:?}")),
            Ok(Progress::Done(value)) => answer(value),
            Err(error) => Answer::Failed(error),
        };
        match model {
            Outcome::Done(given) => self.compare_answer(&answer, given),
            Outcome::Waits => Err(format!("it gives {answer:?}, expected it to wait")),
        }
    }

    fn compare_answer(&mut self, engine: &Answer, model: &Given) -> Result<(), Difference> {
        let agree = match (engine, model) {
            (Answer::Opened(id), Given::Opened(end)) => self.is_end(*id, *end),
            (Answer::Read(engine), Given::Read(model))
            | (Answer::Transacted(engine), Given::Transacted(model)) => {
                let Piece { data, left, is_message } = model;
                let is_end = data.is_empty() && !is_message;
                engine.to_vec() == *data
                    && engine.left_bytes() == *left
                    && engine.is_end() == is_end
            }
            (Answer::Written(engine), Given::Written(model)) => engine == model,
            (Answer::Flushed, Given::Flushed) | (Answer::Sent, Given::Sent) => true,
            (Answer::Connected, Given::Connected) | (Answer::Listening, Given::Listening) => true,
            (Answer::Failed(engine), Given::Failed(model)) => engine == model,
            _ => false,
        };
        if agree { Ok(()) } else { Err(format!("it gives {engine:?}, expected {model:?}")) }
    }

    /// Whether the engine's id is the model's end: the one it had before, or a new one.
    fn is_end(&mut self, id: EndId, end: usize) -> bool {
        match self.ids[end] {
            Some(known) => known == id,
            None if self.ids.contains(&Some(id)) => false,
            None => {
                self.ids[end] = Some(id);
                true
            }
        }
    }

    /// Compares everything that can be seen, and delivers the answers.
    pub(crate) fn compare(&mut self) -> Result<(), Difference> {
        self.compare_answers()?;
        self.compare_wakes()?;
        let gone: Vec<_> = self.effects.names_gone.drain(..).collect();
        let gone: Vec<_> = gone.iter().map(|(ino, name)| (*ino, name.as_bytes())).collect();
        let expected: Vec<_> = self.names_gone.drain(..).collect();
        let expected: Vec<_> = expected.into_iter().map(|name| self.at(name)).collect();
        same("names gone", &gone, &expected)?;
        same("waiting", &self.engine.waiting_count(), &self.model.waiting.len())?;
        same("ends", &self.engine.end_count(), &self.model.open_ends())?;
        same("memory", &self.engine.memory().used_bytes, &self.model.used_bytes())?;
        if self.setup.limits == Limits::User {
            let users = self.engine.users();
            let held: u64 = users.iter().map(|(_, bytes)| bytes).sum();
            same("memory of the user", &held, &self.model.used_bytes())?;
        }
        same("deadline", &self.engine.next_deadline(), &self.model.next_deadline())?;
        (0..self.pipes.len()).try_for_each(|pipe| self.compare_pipe(pipe))?;
        (0..self.files.len()).try_for_each(|file| self.compare_end(file))
    }

    fn compare_answers(&mut self) -> Result<(), Difference> {
        let engine = std::mem::take(&mut self.effects.answers);
        let model = std::mem::take(&mut self.model.answers);
        let tickets: Vec<u64> = engine.iter().map(|(ticket, _)| ticket.0).collect();
        let expected: Vec<u64> = model.iter().map(|(ticket, _)| *ticket).collect();
        if tickets != expected {
            return Err(format!("answers: the engine gives {engine:?}, expected {model:?}"));
        }
        for ((ticket, answer), (_, given)) in engine.iter().zip(&model) {
            self.compare_answer(answer, given)
                .map_err(|difference| format!("answer to {ticket:?}: {difference}"))?;
            self.deliver(ticket.0, given);
        }
        Ok(())
    }

    /// An open that waited has its file now, or none.
    fn deliver(&mut self, answered: u64, given: &Given) {
        for file in &mut self.files {
            if !matches!(file, File::Opening { ticket, .. } if *ticket == answered) {
                continue;
            }
            *file = match given {
                Given::Opened(end) => File::Open { end: *end, key: pipefs::PollKey(answered) },
                _ => File::Free(None),
            };
        }
    }

    /// Each key that was woken was waiting, or had been; none sleeps whose end became ready.
    fn compare_wakes(&mut self) -> Result<(), Difference> {
        self.effects.deadline_added = false;
        for key in self.effects.wakes.drain(..) {
            if !self.issuers.contains_key(&key.0) {
                return Err(format!("{key:?} was woken and is nobody's"));
            }
            self.armed.retain(|armed| armed.key != key);
        }
        for armed in &mut self.armed {
            let now = self.model.ready(armed.end);
            if gained(armed.ready, now) {
                let Armed { key, ready, .. } = armed;
                return Err(format!("{key:?} was not woken, {ready:?} became {now:?}"));
            }
            // Memory that others filled and gave back is no change for a poller that was told
            // "writable", unless it has found out by a write.
            let unaware = armed.ready.writable && self.model.is_below_capacity(armed.end);
            armed.ready = Ready { writable: now.writable || unaware, ..now };
        }
        Ok(())
    }

    fn compare_pipe(&self, pipe: usize) -> Result<(), Difference> {
        let handle: &PipeHandle = &self.pipes[pipe];
        let state = self.engine.pipe_state(handle);
        let model = &self.model.pipes[pipe];
        same("instances", &state.instances, &self.model.instances(pipe))?;
        same("opens", &state.opens, &model.opens)?;
        let traffic = state.traffic;
        let expected = Traffic {
            written_bytes: model.written_bytes,
            read_bytes: model.read_bytes,
            discarded_bytes: model.discarded_bytes,
            dropped_bytes: model.dropped_bytes,
            dropped_count: model.dropped_count,
        };
        same("traffic", &traffic, &expected)?;
        let mut holders: Vec<u32> = state.holders.iter().map(|who| who.pid).collect();
        holders.sort_unstable();
        same("holders", &holders, &self.model.holders(pipe))?;

        let status = self.engine.status(&Node::Pipe(handle.clone())).expect("pipes have a status");
        same("buffered bytes", &status.buffered_bytes, &self.model.weight(pipe))?;
        if model.settings.mode != Mode::Broadcast {
            let buffered: u64 = state.instances.iter().map(|(_, bytes)| bytes).sum();
            let gone = traffic.read_bytes + traffic.discarded_bytes + traffic.dropped_bytes;
            same("conservation", &traffic.written_bytes, &(gone + buffered))?;
        }
        let mut reports = self.engine.overview(handle, usize::MAX, usize::MAX).instances;
        let mut expected = self.model.reports(pipe);
        for report in reports.iter_mut().chain(&mut expected) {
            report.ends.sort_by_key(|end| (end.who.pid, end.role as u8, end.own.map(sortable)));
        }
        same("reports", &reports, &expected)?;
        same("links", &status.links, &u32::from(model.is_named))?;
        same("mode", &status.attributes.mode, &model.mode)?;
        if let Some(at) = model.accessed {
            same("time of last read", &status.attributes.accessed, &at)?;
        }
        match model.modified {
            Some(at) => same("time of last write", &status.attributes.modified, &at),
            None => Ok(()),
        }
    }

    /// What an end tells of itself.
    fn compare_end(&self, file: usize) -> Result<(), Difference> {
        let (File::Open { end, .. } | File::Free(Some(end))) = self.files[file] else {
            return Ok(());
        };
        let Some(id) = self.ids[end] else { return Ok(()) };
        let max_bytes = PEEKED_BYTES[file % PEEKED_BYTES.len()];
        let peeked = self.engine.peek_end(id, max_bytes);
        same("peek", &peeked, &self.model.peek(end, max_bytes))?;
        same("info", &self.engine.end_info(id), &self.model.info(end))?;
        for whose in [Whose::Peer, Whose::Server, Whose::Client] {
            same("peer", &self.engine.peer(id, whose), &self.model.peer(end, whose))?;
        }
        Ok(())
    }
}

/// What one reader has before it, in an order.
fn sortable(own: OwnReport) -> (u64, usize, u64, u64) {
    let OwnReport { buffered_bytes, buffered_messages, dropped_bytes, dropped_count } = own;
    (buffered_bytes, buffered_messages, dropped_bytes, dropped_count)
}

impl Model {
    fn is_below_capacity(&self, end: usize) -> bool {
        let capacity = self.settings(self.ends[end].pipe).capacity_bytes;
        let below = |lane| self.lane(lane).stores.iter().all(|store| store.weight() < capacity);
        self.writes_to(end).is_some_and(|lane| below(lane) && !self.is_broken(end, lane))
    }
}
