//! The instances of one pipe, in order of creation.

use std::ops::Index;

use crate::end::InstanceId;
use crate::instance::Instance;

/// Sorted by their ids, which grow. Most pipes have one instance: a tree's node would have room for
/// eleven.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "a vector has room for four, and most pipes have one")]
pub(crate) struct Instances(Vec<Box<Instance>>);

impl Instances {
    pub(crate) fn get(&self, id: InstanceId) -> Option<&Instance> {
        self.place(id).map(|at| &*self.0[at])
    }

    pub(crate) fn get_mut(&mut self, id: InstanceId) -> Option<&mut Instance> {
        self.place(id).map(|at| &mut *self.0[at])
    }

    /// Adds the newest one.
    pub(crate) fn push(&mut self, instance: Instance) {
        debug_assert!(self.0.last().is_none_or(|last| last.id < instance.id));
        self.0.push(Box::new(instance));
    }

    pub(crate) fn remove(&mut self, id: InstanceId) -> Option<Box<Instance>> {
        self.place(id).map(|at| self.0.remove(at))
    }

    pub(crate) fn count(&self) -> i64 {
        self.0.len().cast_signed() as i64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Instance> {
        self.0.iter().map(|instance| &**instance)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.0.iter_mut().map(|instance| &mut **instance)
    }

    fn place(&self, id: InstanceId) -> Option<usize> {
        self.0.binary_search_by_key(&id, |instance| instance.id).ok()
    }
}

impl Index<InstanceId> for Instances {
    type Output = Instance;

    fn index(&self, id: InstanceId) -> &Instance {
        self.get(id).expect("an end's and the listening list's instances exist")
    }
}
