//! How the tree of directories changes: in small steps that are noted, so that a change which ends
//! in the middle, by a panic or because it is refused, is taken back as a whole.

use std::time::SystemTime;

use crate::directory::Directory;
use crate::name::Name;
use crate::namespace::{Attributes, Ino, Node, Tree};
use crate::{Error, Result};

/// The steps since the last change was over.
#[derive(Debug)]
pub(crate) struct Changes<P> {
    steps: Vec<Before<P>>,
    /// A test wants a panic after so many more steps.
    #[cfg(debug_assertions)]
    panics_after: Option<u32>,
}

/// What a step has changed, as it was before.
#[derive(Debug)]
enum Before<P> {
    Entry {
        directory: Ino,
        name: Name,
        node: Option<Node<P>>,
        attributes: Attributes,
    },
    /// There was no such directory.
    NoDirectory(Ino),
    Directory(Ino, Directory<P>),
    Parent {
        directory: Ino,
        parent: Ino,
    },
}

impl<P> Default for Changes<P> {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            #[cfg(debug_assertions)]
            panics_after: None,
        }
    }
}

impl<P> Changes<P> {
    fn note(&mut self, before: Before<P>) {
        self.steps.push(before);
    }

    /// Between two steps: where a test may want a panic.
    pub(crate) fn step(&mut self) {
        #[cfg(debug_assertions)]
        match &mut self.panics_after {
            Some(0) => {
                self.panics_after = None;
                panic!("a test wants this panic in the tree of names");
            }
            Some(steps) => *steps -= 1,
            None => {}
        }
    }

    /// Wants a panic after so many steps. Returns whether one was still to come.
    #[cfg(debug_assertions)]
    pub(crate) fn panic_after(&mut self, steps: Option<u32>) -> bool {
        std::mem::replace(&mut self.panics_after, steps).is_some()
    }
}

impl<P: Clone> Tree<P> {
    /// Lets a name lead to this, or to nothing. Returns what it led to before.
    pub(crate) fn set_entry(
        &mut self,
        directory: Ino,
        name: Name,
        node: Option<Node<P>>,
        now: SystemTime,
    ) -> Result<Option<Node<P>>> {
        self.changes.step();
        let into = self.directories.get_mut(&directory).ok_or(Error::NotFound)?;
        let attributes = into.attributes;
        into.attributes.modified = now;
        into.attributes.changed = now;
        let before = self.swap(directory, name.clone(), node);
        self.changes.note(Before::Entry { directory, name, node: before.clone(), attributes });
        Ok(before)
    }

    /// Of a directory that is there.
    fn swap(&mut self, directory: Ino, name: Name, node: Option<Node<P>>) -> Option<Node<P>> {
        let is_pipe = |node: &Option<Node<P>>| usize::from(matches!(node, Some(Node::Pipe(_))));
        let directory = self.directories.get_mut(&directory)?;
        self.pipes += is_pipe(&node);
        let before = directory.set(name, node);
        self.pipes -= is_pipe(&before);
        before
    }

    pub(crate) fn add_directory(&mut self, ino: Ino, directory: Directory<P>) {
        self.changes.step();
        self.directories.insert(ino, directory);
        self.changes.note(Before::NoDirectory(ino));
    }

    /// Takes a directory away that nothing is in.
    pub(crate) fn take_directory(&mut self, ino: Ino) {
        self.changes.step();
        if let Some(directory) = self.directories.remove(&ino) {
            self.changes.note(Before::Directory(ino, directory));
        }
    }

    pub(crate) fn set_parent(&mut self, directory: Ino, parent: Ino) -> Result<()> {
        self.changes.step();
        let moved = self.directories.get_mut(&directory).ok_or(Error::NotFound)?;
        let before = std::mem::replace(&mut moved.parent, parent);
        self.changes.note(Before::Parent { directory, parent: before });
        Ok(())
    }

    /// The change is over, and stays.
    pub(crate) fn keep(&mut self) {
        self.changes.steps.clear();
    }

    /// The change ended in the middle: makes everything as it was before. Returns the names that
    /// lead elsewhere now than they did in the middle.
    pub(crate) fn take_back(&mut self) -> Vec<(Ino, Name)> {
        let mut names = Vec::new();
        while let Some(before) = self.changes.steps.pop() {
            match before {
                Before::Entry { directory, name, node, attributes } => {
                    self.swap(directory, name.clone(), node);
                    if let Some(directory) = self.directories.get_mut(&directory) {
                        directory.attributes = attributes;
                    }
                    names.push((directory, name));
                }
                Before::NoDirectory(ino) => drop(self.directories.remove(&ino)),
                Before::Directory(ino, directory) => {
                    self.directories.insert(ino, directory);
                }
                Before::Parent { directory, parent } => {
                    if let Some(directory) = self.directories.get_mut(&directory) {
                        directory.parent = parent;
                    }
                }
            }
        }
        names
    }
}
