//! The steps on ends: moving data, and the pipe functions beside it.

use bytes::Bytes;
use pipefs::{Answer, Arrival, Blocking, Error, Progress, ReadMode, State, Ticket, Wait};

use super::functions::Limit;
use super::moving::Outcome;
use super::run::{Difference, Run};
use super::state::Given;
use super::steps::{FILES_PER_PROCESS, Span};
use super::writing::Sends;

impl Run {
    /// The end of a file, where a step of this ticket is its process's.
    fn begin(&mut self, ticket: u64, file: usize) -> Option<(usize, pipefs::EndId)> {
        let found = self.end_of(file)?;
        self.issuers.insert(ticket, file / FILES_PER_PROCESS);
        Some(found)
    }

    pub(crate) fn read(
        &mut self,
        ticket: u64,
        file: usize,
        max_bytes: usize,
        blocking: Blocking,
    ) -> Result<(), Difference> {
        let Some((end, id)) = self.begin(ticket, file) else { return Ok(()) };
        let (unique, now) = (Ticket(ticket), self.now());
        let result = self.engine.read(id, max_bytes, blocking, unique, now, &mut self.effects);
        let order = self.order();
        let outcome = self.model.read(ticket, end, max_bytes, blocking, &order);
        self.compare_outcome(result, Answer::Read, &outcome)
    }

    pub(crate) fn write(
        &mut self,
        ticket: u64,
        file: usize,
        bytes: usize,
        blocking: Blocking,
    ) -> Result<(), Difference> {
        let Some((end, id)) = self.begin(ticket, file) else { return Ok(()) };
        let (unique, now, data) = (Ticket(ticket), self.now(), pattern(ticket, bytes));
        let sent = Bytes::from(data.clone());
        let result = self.engine.write(id, sent, blocking, unique, now, &mut self.effects);
        let order = self.order();
        let outcome = self.model.write(ticket, end, Sends::Write(data), blocking, &order);
        self.notice_refusal(end, &outcome);
        self.compare_outcome(result, Answer::Written, &outcome)
    }

    pub(crate) fn flush(&mut self, ticket: u64, file: usize) -> Result<(), Difference> {
        let Some((end, id)) = self.begin(ticket, file) else { return Ok(()) };
        let result = self.engine.flush(id, Ticket(ticket), &mut self.effects);
        let order = self.order();
        let outcome = self.model.flush(ticket, end, &order);
        self.compare_outcome(result, |()| Answer::Flushed, &outcome)
    }

    pub(crate) fn flush_at_close(
        &mut self,
        ticket: u64,
        file: usize,
        blocking: Blocking,
    ) -> Result<(), Difference> {
        let Some((end, id)) = self.begin(ticket, file) else { return Ok(()) };
        let (unique, now) = (Ticket(ticket), self.now());
        let result = self.engine.flush_at_close(id, blocking, unique, now, &mut self.effects);
        let order = self.order();
        let outcome = self.model.flush_at_close(ticket, end, blocking, &order);
        self.compare_outcome(result, |()| Answer::Flushed, &outcome)
    }

    /// How long the engine and the model are told to wait.
    fn limits(&self, span: Span) -> (Wait, Limit) {
        match span {
            Span::Nothing => (Wait::No, Limit::AtOnce),
            Span::Forever => (Wait::Forever, Limit::Forever),
            Span::Milliseconds(count) => {
                let at = self.now().monotonic + std::time::Duration::from_millis(count);
                (Wait::Until(at), Limit::Until(at))
            }
        }
    }

    pub(crate) fn connect(
        &mut self,
        ticket: u64,
        file: usize,
        span: Span,
    ) -> Result<(), Difference> {
        let Some((end, id)) = self.begin(ticket, file) else { return Ok(()) };
        let (wait, limit) = self.limits(span);
        let number = self.model.served_by(end).ok();
        let state = number.map(|number| self.model.state(self.model.conduit(number)));
        let result = self.engine.connect(id, wait, Ticket(ticket), &mut self.effects);
        let order = self.order();
        let outcome = self.model.connect(ticket, end, limit, &order);
        if let Ok(Progress::Done(arrival)) = result {
            let was_there = state == Some(State::Connected);
            if was_there != (arrival == Arrival::Before) {
                return Err(format!("a client came {arrival:?}; it was {state:?}"));
            }
        }
        self.compare_outcome(result, |_| Answer::Connected, &outcome)
    }

    pub(crate) fn disconnect(&mut self, file: usize) -> Result<(), Difference> {
        let Some((end, id)) = self.end_of(file) else { return Ok(()) };
        let result = self.engine.disconnect(id, &mut self.effects);
        let order = self.order();
        let expected = self.model.disconnect(end, &order);
        if result != expected {
            return Err(format!("disconnect gives {result:?}, expected {expected:?}"));
        }
        Ok(())
    }

    pub(crate) fn wait(
        &mut self,
        ticket: u64,
        process: usize,
        name: usize,
        span: Span,
    ) -> Result<(), Difference> {
        let Some(pipe) = self.looked_up(name) else { return Ok(()) };
        self.issuers.insert(ticket, process);
        let (wait, limit) = self.limits(span);
        let (handle, unique) = (&self.pipes[pipe], Ticket(ticket));
        let result = self.engine.wait(handle, wait, unique, &mut self.effects);
        let order = self.order();
        let outcome = self.model.watch(ticket, pipe, limit, &order);
        self.compare_outcome(result, |()| Answer::Listening, &outcome)
    }

    pub(crate) fn transact(
        &mut self,
        ticket: u64,
        file: usize,
        (bytes, max_bytes): (usize, usize),
        span: Span,
    ) -> Result<(), Difference> {
        let Some((end, id)) = self.begin(ticket, file) else { return Ok(()) };
        let (wait, limit) = self.limits(span);
        let (unique, now, request) = (Ticket(ticket), self.now(), pattern(ticket, bytes));
        let sent = Bytes::from(request.clone());
        let effects = &mut self.effects;
        let result = self.engine.transact(id, sent, max_bytes, wait, unique, now, effects);
        let order = self.order();
        let outcome = self.model.transact(ticket, end, request, max_bytes, limit, &order);
        self.compare_outcome(result, Answer::Transacted, &outcome)
    }

    pub(crate) fn send_empty(
        &mut self,
        ticket: u64,
        file: usize,
        blocking: Blocking,
    ) -> Result<(), Difference> {
        let Some((end, id)) = self.begin(ticket, file) else { return Ok(()) };
        let (unique, now) = (Ticket(ticket), self.now());
        let result = self.engine.send_empty(id, blocking, unique, now, &mut self.effects);
        let order = self.order();
        let outcome = self.model.send_empty(ticket, end, blocking, &order);
        self.notice_refusal(end, &outcome);
        self.compare_outcome(result, |_| Answer::Sent, &outcome)
    }

    pub(crate) fn set_read_mode(&mut self, file: usize, mode: ReadMode) -> Result<(), Difference> {
        let Some((end, id)) = self.end_of(file) else { return Ok(()) };
        let result = self.engine.set_read_mode(id, mode);
        let expected = self.model.set_read_mode(end, mode);
        if result != expected {
            return Err(format!("set_read_mode gives {result:?}, expected {expected:?}"));
        }
        Ok(())
    }

    /// A write that is refused or waits: whoever polls for its lane is aware of that.
    fn notice_refusal(&mut self, end: usize, outcome: &Outcome) {
        if !matches!(outcome, Outcome::Waits | Outcome::Done(Given::Failed(Error::WouldBlock))) {
            return;
        }
        let lane = self.model.writes_to(end);
        for armed in &mut self.armed {
            armed.ready.writable &= self.model.writes_to(armed.end) != lane;
        }
    }
}

/// Data that tells which write it came from, and which part of it; most have lines.
fn pattern(ticket: u64, bytes: usize) -> Vec<u8> {
    let byte = |at: u64| match ticket % 3 {
        0 => (ticket.wrapping_mul(59) + at.wrapping_mul(7)) as u8,
        _ if (at + ticket).is_multiple_of(4) => b'\n',
        _ => (ticket.wrapping_mul(59) + at.wrapping_mul(7)) as u8,
    };
    (0..bytes as u64).map(byte).collect()
}
