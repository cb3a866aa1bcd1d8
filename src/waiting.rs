//! Parked operations: values that wait for their turn, and the register that finds them again.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::Error;
use crate::effects::{Answer, Effects, Ticket};
use crate::end::EndId;
use crate::outlets::Positions;
use crate::queue::{ADOPT_MIN_BYTES, Data};
use crate::users::Owner;

/// Most interrupts that are remembered for operations not seen yet. An early one is used or out
/// of date within microseconds; the oldest is dropped first.
const MAX_EARLY: usize = 1024;

/// Whether an operation waits when it cannot finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// It waits.
    Yes,
    /// It fails instead (`O_NONBLOCK`).
    No,
    /// It goes on with an operation that has moved bytes already: it neither waits nor fails.
    HasSome,
}

/// How a read or write takes it that it cannot finish now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocking {
    /// It waits.
    Yes,
    /// `O_NONBLOCK`: it fails with [`Error::WouldBlock`].
    No,
    /// It is the continuation of a read that has got data already: it gets nothing more.
    Continuation,
}

impl From<Blocking> for Waits {
    fn from(blocking: Blocking) -> Self {
        match blocking {
            Blocking::Yes => Self::Yes,
            Blocking::No => Self::No,
            Blocking::Continuation => Self::HasSome,
        }
    }
}

/// How long a pipe function waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: it fails with [`Error::WouldBlock`].
    No,
    /// Until it is done or cancelled.
    Forever,
    /// Until then it fails with [`Error::TimedOut`].
    Until(Instant),
}

impl Wait {
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Until(deadline) => Some(deadline),
            Self::No | Self::Forever => None,
        }
    }
}

/// What a read takes, and what its answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Bytes, across messages.
    Bytes,
    /// At most one message.
    Message,
    /// The same, as the reply to a transaction.
    Reply,
}

/// A read that waits for data.
#[derive(Debug)]
pub(crate) struct ParkedRead {
    pub(crate) ticket: Ticket,
    pub(crate) end: EndId,
    pub(crate) max_bytes: usize,
    pub(crate) takes: Takes,
}

impl ParkedRead {
    pub(crate) fn answer(self, data: Data, effects: &mut Effects) {
        let answer = match self.takes {
            Takes::Bytes | Takes::Message => Answer::Read(data),
            Takes::Reply => Answer::Transacted(data),
        };
        effects.answer(self.ticket, answer);
    }
}

/// A write that waits for room.
#[derive(Debug)]
pub(crate) struct ParkedWrite {
    pub(crate) ticket: Ticket,
    pub(crate) end: EndId,
    pub(crate) data: Bytes,
    /// Whom the data is counted for.
    pub(crate) owner: Owner,
    /// Without data: it is an empty message.
    pub(crate) sends_empty: bool,
}

impl ParkedWrite {
    /// Its answer once it is accepted.
    pub(crate) fn accepted(&self) -> Answer {
        match self.sends_empty {
            true => Answer::Sent,
            false => Answer::Written(u32::try_from(self.data.len()).unwrap_or(u32::MAX)),
        }
    }

    /// A write that has to wait must not pin a request buffer many times its size.
    pub(crate) fn at_rest(mut self) -> Self {
        if self.data.len() < ADOPT_MIN_BYTES {
            self.data = Bytes::copy_from_slice(&self.data);
        }
        self
    }
}

/// A flush that waits until each outlet has been read up to a position.
#[derive(Debug)]
pub(crate) struct ParkedFlush {
    pub(crate) ticket: Ticket,
    pub(crate) end: EndId,
    pub(crate) until: Positions,
}

/// A server that waits for a client, or somebody who waits for a server.
#[derive(Debug)]
pub(crate) struct ParkedWait {
    pub(crate) ticket: Ticket,
    pub(crate) end: EndId,
}

/// What all parked operations have in common.
pub(crate) trait Parked: Sized {
    fn ticket(&self) -> Ticket;
    fn end(&self) -> EndId;

    /// Takes the operation with this ticket out of a queue; whoever takes it out answers it.
    fn withdraw(queue: &mut VecDeque<Self>, ticket: Ticket) -> bool {
        match queue.iter().position(|parked| parked.ticket() == ticket) {
            Some(at) => queue.remove(at).is_some(),
            None => false,
        }
    }

    /// Fails everything that waits for an end which closes.
    fn fail_all_of(queue: &mut VecDeque<Self>, end: EndId, effects: &mut Effects) {
        queue.retain(|parked| {
            if parked.end() == end {
                effects.fail(parked.ticket(), Error::BadHandle);
            }
            parked.end() != end
        });
    }
}

macro_rules! parked {
    ($($name:ident),*) => {
        $(impl Parked for $name {
            fn ticket(&self) -> Ticket {
                self.ticket
            }
            fn end(&self) -> EndId {
                self.end
            }
        })*
    };
}

parked!(ParkedRead, ParkedWrite, ParkedFlush, ParkedWait);

/// Where each ticket is parked (`P`, the pipe), which deadlines there are, and which interrupts
/// came before their operation.
#[derive(Debug)]
pub(crate) struct Register<P> {
    parked: FxHashMap<Ticket, Place<P>>,
    deadlines: BTreeSet<(Instant, Ticket)>,
    early: VecDeque<Ticket>,
    /// How many operations were ever parked.
    parked_so_far: u64,
}

#[derive(Debug)]
struct Place<P> {
    pipe: P,
    end: EndId,
    deadline: Option<Instant>,
}

impl<P: Clone> Register<P> {
    pub(crate) fn new() -> Self {
        let (parked, deadlines) = (FxHashMap::default(), BTreeSet::new());
        Self { parked, deadlines, early: VecDeque::new(), parked_so_far: 0 }
    }

    /// Notes where an operation waits. `false`: its interrupt has come already; it must not wait.
    ///
    /// # Panics
    /// If the ticket waits already.
    pub(crate) fn park(
        &mut self,
        ticket: Ticket,
        pipe: &P,
        end: EndId,
        deadline: Option<Instant>,
    ) -> bool {
        if let Some(at) = self.early.iter().position(|early| *early == ticket) {
            self.early.remove(at);
            return false;
        }
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, ticket));
        }
        let place = Place { pipe: pipe.clone(), end, deadline };
        let before = self.parked.insert(ticket, place);
        assert!(before.is_none(), "{ticket:?} is parked twice");
        self.parked_so_far += 1;
        true
    }

    /// Forgets an operation that has been answered.
    pub(crate) fn forget(&mut self, ticket: Ticket) {
        if let Some(Place { deadline: Some(deadline), .. }) = self.parked.remove(&ticket) {
            self.deadlines.remove(&(deadline, ticket));
        }
    }

    /// Where an operation waits. If it does not, its interrupt is kept in case that it is still
    /// on its way here.
    pub(crate) fn find_or_note(&mut self, ticket: Ticket) -> Option<(Ticket, P, EndId)> {
        let found = self.find(ticket);
        if found.is_none() {
            if self.early.len() == MAX_EARLY {
                self.early.pop_front();
            }
            self.early.push_back(ticket);
        }
        found
    }

    /// Where an operation waits, and its ticket as it was parked.
    pub(crate) fn find(&self, ticket: Ticket) -> Option<(Ticket, P, EndId)> {
        let (ticket, place) = self.parked.get_key_value(&ticket)?;
        Some((*ticket, place.pipe.clone(), place.end))
    }

    /// Takes out everything that waits at a pipe.
    pub(crate) fn take_all_of(&mut self, pipe: &P) -> Vec<Ticket>
    where
        P: PartialEq,
    {
        let here = self.parked.iter().filter(|(_, place)| place.pipe == *pipe);
        let tickets: Vec<_> = here.map(|(ticket, _)| *ticket).collect();
        tickets.iter().for_each(|ticket| self.forget(*ticket));
        tickets
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The tickets whose deadline has passed.
    pub(crate) fn due(&self, now: Instant) -> Vec<Ticket> {
        self.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, ticket)| *ticket).collect()
    }

    /// Every ticket, in an order that does not change from run to run.
    pub(crate) fn all(&self) -> Vec<Ticket> {
        let mut all: Vec<_> = self.parked.keys().copied().collect();
        all.sort_unstable();
        all
    }

    pub(crate) fn len(&self) -> usize {
        self.parked.len()
    }

    pub(crate) fn parked_so_far(&self) -> u64 {
        self.parked_so_far
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: EndId = EndId::from_raw(1);

    #[test]
    fn an_interrupt_that_comes_first_keeps_its_operation_from_waiting_once() {
        let mut register = Register::new();
        assert_eq!(register.find_or_note(Ticket(7)), None);
        assert!(!register.park(Ticket(7), &"pipe", END, None));
        assert!(register.park(Ticket(7), &"pipe", END, None));
        assert_eq!(register.find_or_note(Ticket(7)), Some((Ticket(7), "pipe", END)));
    }

    #[test]
    fn early_interrupts_are_bounded() {
        let mut register = Register::<()>::new();
        for id in 0..=MAX_EARLY as u64 {
            assert_eq!(register.find_or_note(Ticket(id)), None);
        }
        assert_eq!(register.early.len(), MAX_EARLY);
        assert!(register.park(Ticket(0), &(), END, None), "the oldest was dropped");
    }

    #[test]
    fn deadlines_come_in_order_and_go_with_their_operation() {
        let mut register = Register::new();
        let start = Instant::now();
        let later = start + std::time::Duration::from_secs(1);
        assert!(register.park(Ticket(1), &(), END, Some(later)));
        assert!(register.park(Ticket(2), &(), END, Some(start)));
        assert_eq!(register.next_deadline(), Some(start));
        assert_eq!(register.due(start), [Ticket(2)]);
        assert_eq!(register.due(later), [Ticket(2), Ticket(1)]);
        register.forget(Ticket(2));
        assert_eq!(register.next_deadline(), Some(later));
        register.forget(Ticket(1));
        assert_eq!((register.next_deadline(), register.len()), (None, 0));
    }
}
