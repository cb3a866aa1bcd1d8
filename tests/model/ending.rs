//! The steps that end something, and those about names and time.

use std::time::Duration;

use pipefs::{AttributeChange, Error, Node, Now, Ready, Rename, Ticket};

use super::run::{Armed, Difference, File, Run};
use super::steps::{FILES_PER_PROCESS, NOWHERE};

impl Run {
    /// What poll says; `wake`: the caller wants to be woken when that changes.
    pub(crate) fn poll(&mut self, file: usize, wake: bool) -> Result<(), Difference> {
        let (end, key) = match self.files[file] {
            File::Open { end, key } => (end, Some(key).filter(|_| wake)),
            File::Free(Some(end)) => (end, None),
            File::Free(None) | File::Opening { .. } => return Ok(()),
        };
        let Some(id) = self.ids[end] else { return Ok(()) };
        let polled = self.engine.poll(id, key, &mut self.effects);
        let expected =
            if self.model.is_open(end) { Ok(self.model.ready(end)) } else { Err(Error::BadHandle) };
        if polled != expected {
            return Err(format!("poll says {polled:?}, expected {expected:?}"));
        }
        if let (Some(key), Ok(ready)) = (key, polled) {
            self.armed.retain(|armed| armed.key != key);
            self.armed.push(Armed { key, end, ready });
        }
        Ok(())
    }

    /// Compares the readiness of all ends.
    pub(crate) fn poll_all(&mut self) -> Result<(), Difference> {
        (0..self.files.len()).try_for_each(|file| self.poll(file, false))?;
        self.compare()
    }

    pub(crate) fn close(&mut self, file: usize) -> Result<(), Difference> {
        let (end, was_open) = match self.files[file] {
            File::Open { end, key } => {
                self.armed.retain(|armed| armed.key != key);
                (end, true)
            }
            // Once more than it was opened, unless another file has joined the end.
            File::Free(Some(end)) if !self.model.is_open(end) => (end, false),
            File::Free(_) | File::Opening { .. } => return Ok(()),
        };
        let Some(id) = self.ids[end] else { return Ok(()) };
        let closed = self.engine.close(id, self.now(), &mut self.effects);
        let order = self.order();
        let expected = self.model.close(end, &order);
        self.expire_names();
        if closed != expected {
            return Err(format!("close gives {closed:?}, expected {expected:?}"));
        }
        if was_open {
            self.files[file] = File::Free(Some(end));
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, ticket: u64) -> Result<(), Difference> {
        self.engine.cancel(Ticket(ticket), &mut self.effects);
        let order = self.order();
        self.model.cancel(ticket, &order);
        Ok(())
    }

    /// SIGKILL: what the process waits for is interrupted, then its files are closed.
    pub(crate) fn kill(&mut self, process: usize) -> Result<(), Difference> {
        let of_process = |ticket: u64| self.issuers.get(&ticket) == Some(&process);
        let waiting = self.model.waiting.iter().map(|waiting| waiting.ticket);
        let tickets: Vec<u64> = waiting.filter(|ticket| of_process(*ticket)).collect();
        for ticket in tickets {
            self.cancel(ticket)?;
            self.compare()?;
        }
        for file in process * FILES_PER_PROCESS..(process + 1) * FILES_PER_PROCESS {
            if let File::Open { .. } = self.files[file] {
                self.close(file)?;
                self.compare()?;
            }
        }
        Ok(())
    }

    pub(crate) fn pass(&mut self, milliseconds: u64) -> Result<(), Difference> {
        self.elapsed += Duration::from_millis(milliseconds);
        let Now { monotonic, wall } = self.now();
        self.model.set_time(wall, false);
        self.engine.expire(monotonic, &mut self.effects);
        let order = self.order();
        self.model.expire(monotonic, &order);
        Ok(())
    }

    pub(crate) fn shut_down(&mut self) -> Result<(), Difference> {
        self.engine.shut_down(&mut self.effects);
        let order = self.order();
        self.model.shut_down(&order);
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: usize, to: usize, how: Rename) -> Result<(), Difference> {
        let (from_at, to_at, now) = (self.at(from), self.at(to), self.now());
        let renamed = self.engine.rename(from_at, to_at, how, now, &mut self.effects);
        let order = self.order();
        let target = self.names.get(to).copied().flatten();
        let expected = match (self.names.get(from).copied().flatten(), target) {
            (None, _) => Err(Error::NotFound),
            (Some(_), _) if to == NOWHERE => Err(Error::NotFound),
            (Some(_), None) if how == Rename::Exchange => Err(Error::NotFound),
            (Some(_), Some(_)) if how == Rename::NoReplace => Err(Error::Exists),
            (Some(_), Some(_)) if how == Rename::Exchange => {
                self.names.swap(from, to);
                Ok(())
            }
            (Some(_), _) if from == to => Ok(()),
            (Some(_), Some(old)) if !self.model.is_idle(old) => Err(Error::Busy),
            (Some(_), old) => {
                self.names[to] = self.names[from].take();
                if let Some(old) = old {
                    self.model.unname(old, &order);
                }
                Ok(())
            }
        };
        if renamed != expected {
            return Err(format!("rename gives {renamed:?}, expected {expected:?}"));
        }
        self.remember_names();
        Ok(())
    }

    pub(crate) fn unlink(&mut self, name: usize) -> Result<(), Difference> {
        let ((directory, text), now) = (self.at(name), self.now());
        let removed = self.engine.unlink(directory, text, now, &mut self.effects);
        let order = self.order();
        let expected = match self.names.get_mut(name).and_then(Option::take) {
            Some(pipe) => {
                self.model.unname(pipe, &order);
                Ok(())
            }
            None => Err(Error::NotFound),
        };
        if removed != expected {
            return Err(format!("unlink gives {removed:?}, expected {expected:?}"));
        }
        Ok(())
    }

    pub(crate) fn set_attributes(
        &mut self,
        name: usize,
        mode: u32,
        size: Option<u64>,
    ) -> Result<(), Difference> {
        let Some(pipe) = self.names.get(name).copied().flatten() else { return Ok(()) };
        let change = AttributeChange { mode: Some(mode), size, ..AttributeChange::default() };
        let node = Node::Pipe(self.pipes[pipe].clone());
        let changed = self.engine.set_attributes(&node, change, self.now());
        let expected = match size {
            None | Some(0) => {
                self.model.pipes[pipe].mode = mode;
                Ok(())
            }
            Some(_) => Err(Error::Invalid),
        };
        if changed != expected {
            return Err(format!("set_attributes gives {changed:?}, expected {expected:?}"));
        }
        Ok(())
    }
}

/// Whether a readiness says something that another did not.
pub(crate) fn gained(before: Ready, after: Ready) -> bool {
    let bits = |r: Ready| [r.readable, r.writable, r.hangup, r.error];
    bits(before).into_iter().zip(bits(after)).any(|(before, after)| after && !before)
}
