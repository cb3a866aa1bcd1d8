//! The outlets of a lane: one for all its readers, or, of a broadcast pipe, one for each.

use std::collections::BTreeMap;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::effects::{Effects, Ticket};
use crate::end::EndId;
use crate::lane::Limits;
use crate::outlet::Outlet;
use crate::queue::Boundary;
use crate::quota::Gate;
use crate::users::Owner;
use crate::waiting::Parked;

/// The outlet's name in a lane that has one for all its readers.
const ALL: EndId = EndId::from_raw(0);

/// Positions in what goes through each outlet, in the measure of
/// [`crate::queue::Queue::charge`].
pub(crate) type Positions = SmallVec<[(EndId, u64); 1]>;

/// A lane's outlets.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every lane has One, used by each read")]
pub(crate) enum Outlets {
    /// One for all readers, there from the beginning.
    One(Outlet),
    /// One for each reader's end, while that is open.
    Each(BTreeMap<EndId, Box<Outlet>>),
}

impl Outlets {
    /// The outlet of a reader's end.
    pub(crate) fn of(&self, end: EndId) -> &Outlet {
        match self {
            Self::One(outlet) => outlet,
            Self::Each(outlets) => &outlets[&end],
        }
    }

    /// The same, to be changed.
    pub(crate) fn of_mut(&mut self, end: EndId) -> &mut Outlet {
        match self {
            Self::One(outlet) => outlet,
            Self::Each(outlets) => outlets.get_mut(&end).expect("a reader's end has an outlet"),
        }
    }

    /// The one that this reader's end has for itself.
    pub(crate) fn own(&self, end: EndId) -> Option<&Outlet> {
        match self {
            Self::One(_) => None,
            Self::Each(outlets) => outlets.get(&end).map(|outlet| &**outlet),
        }
    }

    /// The one that all readers share, if they do.
    pub(crate) fn one(&self) -> Option<&Outlet> {
        match self {
            Self::One(outlet) => Some(outlet),
            Self::Each(_) => None,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Outlet> {
        self.named().map(|(_, outlet)| outlet)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Outlet> {
        let (one, each) = match self {
            Self::One(outlet) => (Some(outlet), None),
            Self::Each(outlets) => (None, Some(outlets)),
        };
        one.into_iter().chain(each.into_iter().flat_map(|all| all.values_mut().map(Box::as_mut)))
    }

    /// Those that this reader's end does not take from.
    pub(crate) fn others(&self, end: EndId) -> impl Iterator<Item = &Outlet> {
        self.named().filter(move |(name, _)| *name != ALL && *name != end).map(|(_, other)| other)
    }

    fn named(&self) -> impl Iterator<Item = (EndId, &Outlet)> {
        let (one, each) = match self {
            Self::One(outlet) => (Some((ALL, outlet)), None),
            Self::Each(outlets) => (None, Some(outlets)),
        };
        one.into_iter().chain(each.into_iter().flatten().map(|(end, outlet)| (*end, &**outlet)))
    }

    /// Decides for which readers a write of this size is that does not suit all, until
    /// [`Outlets::admit_all`].
    pub(crate) fn admit(&mut self, size: u64, owner: &Owner, limits: Limits<'_>) {
        self.iter_mut().for_each(|outlet| outlet.admit(size, owner, limits));
    }

    pub(crate) fn admit_all(&mut self) {
        self.iter_mut().for_each(|outlet| outlet.refuses = false);
    }

    /// Data for every reader; what comes of it to those who wait, [`Outlets::serve`] gives them.
    pub(crate) fn push(
        &mut self,
        data: Bytes,
        boundary: Boundary,
        owner: &Owner,
        gate: &Gate<'_>,
        effects: &mut Effects,
    ) {
        match self {
            Self::One(outlet) => outlet.push(data, boundary, owner, gate, effects),
            Self::Each(outlets) => {
                for outlet in outlets.values_mut() {
                    outlet.push(data.clone(), boundary, owner, gate, effects);
                }
            }
        }
    }

    /// Hands what is queued to readers that wait.
    pub(crate) fn serve(&mut self, gate: &Gate<'_>, effects: &mut Effects) {
        self.iter_mut().for_each(|outlet| outlet.serve(gate, effects));
    }

    /// How far each outlet has been filled.
    pub(crate) fn end_positions(&self) -> Positions {
        self.named().map(|(end, outlet)| (end, outlet.end_position())).collect()
    }

    /// Brings up to date how far a writer has filled each outlet: the write under way has come to
    /// those that do not refuse it.
    pub(crate) fn note_write(&self, positions: &mut Positions) {
        positions.retain(|(end, _)| match self {
            Self::One(outlet) => outlet.refuses,
            Self::Each(_) => self.own(*end).is_some_and(|outlet| outlet.refuses),
        });
        let kept = self.named().filter(|(_, outlet)| !outlet.refuses);
        positions.extend(kept.map(|(end, outlet)| (end, outlet.end_position())));
    }

    /// Whether everything before these positions has been read, or its reader has left.
    pub(crate) fn have_passed(&self, positions: &Positions) -> bool {
        positions.iter().all(|(end, position)| {
            let outlet = match self {
                Self::One(outlet) => Some(outlet),
                Self::Each(_) => self.own(*end),
            };
            outlet.is_none_or(|outlet| outlet.queue.charge_taken() >= *position)
        })
    }

    /// Takes a waiting read out, unanswered.
    pub(crate) fn withdraw(&mut self, ticket: Ticket) -> bool {
        self.iter_mut().any(|outlet| Parked::withdraw(&mut outlet.readers, ticket))
    }
}
