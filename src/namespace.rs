//! Directories: which name leads to which pipe or directory.
//!
//! Kept free of locks and of what pipes are: the engine gives its own handle as `P`. What an
//! operation changes here stays when [`Tree::keep`] says so, and else can be taken back.

use std::collections::HashMap;
use std::time::SystemTime;

use crate::changes::Changes;
use crate::directory::{Case, Directory};
use crate::name::Name;
use crate::{Error, Result};

/// Owner, permissions and times of a pipe or directory, as stat(2) shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, with set-user-id, set-group-id and sticky (`0o7777`).
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Last read.
    pub accessed: SystemTime,
    /// Last write; of a directory, last change of its entries.
    pub modified: SystemTime,
    /// Last change of these attributes.
    pub changed: SystemTime,
}

impl Attributes {
    /// The attributes of something created now.
    #[must_use]
    pub fn new(mode: u32, uid: u32, gid: u32, now: SystemTime) -> Self {
        let mode = mode & 0o7777;
        Self { mode, uid, gid, accessed: now, modified: now, changed: now }
    }

    /// Whether the same users may do the same with both.
    pub(crate) fn is_as_open(&self, other: &Self) -> bool {
        (self.mode, self.uid, self.gid) == (other.mode, other.uid, other.gid)
    }
}

/// Of a directory: what is made in it gets its group.
pub(crate) const SET_GROUP_ID: u32 = 0o2000;

/// The number of a pipe or directory (`st_ino`). Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub u64);

/// The root directory's number.
pub const ROOT: Ino = Ino(1);

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<P> {
    /// A directory.
    Directory(Ino),
    /// A pipe.
    Pipe(P),
}

/// The tree of directories.
#[derive(Debug)]
pub(crate) struct Tree<P> {
    pub(crate) directories: HashMap<Ino, Directory<P>>,
    /// Names of pipes.
    pub(crate) pipes: usize,
    pub(crate) changes: Changes<P>,
    /// How many names there may be, those of directories included.
    max_names: usize,
    case: Case,
}

/// A directory's entries at one moment.
#[derive(Debug, Clone)]
pub struct Listing<P> {
    /// The directory above; the root's is itself.
    pub parent: Ino,
    /// What is in it, in the order of names.
    pub entries: Vec<(Name, Node<P>)>,
}

/// What renameat2(2) may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rename {
    /// An existing, idle target is replaced.
    Replace,
    /// `RENAME_NOREPLACE`: an existing target is an error.
    NoReplace,
    /// `RENAME_EXCHANGE`: both exist and change places.
    Exchange,
}

impl<P: Clone> Tree<P> {
    pub(crate) fn new(root: Attributes, max_names: usize) -> Self {
        let case = Case::Matters;
        let directories = HashMap::from([(ROOT, Directory::new(ROOT, root, case))]);
        Self { directories, pipes: 0, changes: Changes::default(), max_names, case }
    }

    /// From now on names that differ in case alone are one. Nothing must be in the tree yet.
    pub(crate) fn ignore_case(&mut self) {
        let root = self.directories[&ROOT].attributes;
        self.case = Case::Ignored;
        self.directories = HashMap::from([(ROOT, Directory::new(ROOT, root, self.case))]);
    }

    /// How many names there are, and how many there may be. The root directory has none.
    pub(crate) fn names(&self) -> (usize, usize) {
        (self.pipes + self.directories.len() - 1, self.max_names)
    }

    pub(crate) fn directory(&self, ino: Ino) -> Result<&Directory<P>> {
        self.directories.get(&ino).ok_or(Error::NotFound)
    }

    pub(crate) fn directory_mut(&mut self, ino: Ino) -> Result<&mut Directory<P>> {
        self.directories.get_mut(&ino).ok_or(Error::NotFound)
    }

    pub(crate) fn lookup(&self, directory: Ino, name: &[u8]) -> Result<&Node<P>> {
        if name.len() > Name::MAX_BYTES {
            return Err(Error::NameTooLong);
        }
        let found = self.directory(directory)?.get(name);
        found.map(|(_, node)| node).ok_or(Error::NotFound)
    }

    /// The name as the directory has it, and what it leads to.
    pub(crate) fn entry(&self, directory: Ino, name: &[u8]) -> Option<(&Name, &Node<P>)> {
        self.directories.get(&directory)?.get(name)
    }

    /// The attributes that something new in a directory gets.
    pub(crate) fn inherited(&self, directory: Ino, attributes: Attributes) -> Result<Attributes> {
        let Attributes { mode, gid, .. } = self.directory(directory)?.attributes;
        let gid = if mode & SET_GROUP_ID == 0 { attributes.gid } else { gid };
        Ok(Attributes { gid, ..attributes })
    }

    /// How many links a directory has: itself, its name, and the `..` of each directory in it.
    pub(crate) fn link_count(&self, directory: Ino) -> Result<u32> {
        Ok(2 + self.directory(directory)?.inner)
    }

    /// How many pipes and directories there are.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.pipes, self.directories.len())
    }

    /// Entries in the order of their names, with the parent's number.
    pub(crate) fn list(&self, directory: Ino) -> Result<Listing<P>> {
        let directory = self.directory(directory)?;
        let entries = directory.entries().map(|(name, node)| (name.clone(), node.clone()));
        Ok(Listing { parent: directory.parent, entries: entries.collect() })
    }

    /// Adds an entry under a name that must be free. It may be one too many.
    pub(crate) fn insert(
        &mut self,
        directory: Ino,
        name: &[u8],
        node: Node<P>,
        now: SystemTime,
    ) -> Result<()> {
        let name = Name::new(name)?;
        if self.directory(directory)?.get(name.as_bytes()).is_some() {
            return Err(Error::Exists);
        }
        if self.names().0 >= self.max_names {
            return Err(Error::TooManyNames);
        }
        self.set_entry(directory, name, Some(node), now).map(drop)
    }

    /// Makes a directory with a number of the caller's choice.
    pub(crate) fn make_directory(
        &mut self,
        parent: Ino,
        name: &[u8],
        ino: Ino,
        attributes: Attributes,
    ) -> Result<()> {
        self.insert(parent, name, Node::Directory(ino), attributes.changed)?;
        self.add_directory(ino, Directory::new(parent, attributes, self.case));
        Ok(())
    }

    pub(crate) fn remove_directory(
        &mut self,
        parent: Ino,
        name: &[u8],
        now: SystemTime,
    ) -> Result<()> {
        let &Node::Directory(ino) = self.lookup(parent, name)? else {
            return Err(Error::NotADirectory);
        };
        if !self.directory(ino)?.is_empty() {
            return Err(Error::NotEmpty);
        }
        self.take_directory(ino);
        self.take(parent, name, now).map(drop)
    }

    /// Takes a pipe's name away.
    pub(crate) fn unlink(&mut self, parent: Ino, name: &[u8], now: SystemTime) -> Result<P> {
        match self.lookup(parent, name)? {
            Node::Directory(_) => Err(Error::IsADirectory),
            Node::Pipe(_) => match self.take(parent, name, now)? {
                Node::Pipe(pipe) => Ok(pipe),
                Node::Directory(_) => unreachable!("it was a pipe"),
            },
        }
    }

    /// Removes an entry and returns what it led to.
    fn take(&mut self, parent: Ino, name: &[u8], now: SystemTime) -> Result<Node<P>> {
        let (name, _) = self.directory(parent)?.get(name).ok_or(Error::NotFound)?;
        self.set_entry(parent, name.clone(), None, now)?.ok_or(Error::NotFound)
    }

    /// Moves an entry. `replaceable` tells whether an existing pipe may give way. Returns the
    /// pipe that did.
    pub(crate) fn rename(
        &mut self,
        from: (Ino, &[u8]),
        to: (Ino, &[u8]),
        how: Rename,
        now: SystemTime,
        replaceable: impl FnOnce(&P) -> bool,
    ) -> Result<Option<P>> {
        let moved = self.lookup(from.0, from.1)?.clone();
        // Refused before anything is taken; below, only the name may be missing.
        self.directory(to.0)?;
        let target = match self.lookup(to.0, to.1) {
            Ok(node) => Some(node.clone()),
            Err(Error::NotFound) => None,
            Err(error) => return Err(error),
        };
        if let Node::Directory(ino) = moved {
            self.refuse_inside(ino, to.0)?;
        }
        let mut replaced = None;
        match (&moved, &target, how) {
            (_, None, Rename::Exchange) => return Err(Error::NotFound),
            (_, Some(target), Rename::Exchange) => {
                if let Node::Directory(ino) = *target {
                    self.refuse_inside(ino, from.0)?;
                }
                self.put(from, target.clone(), now)?;
            }
            (_, Some(_), _) if from != to && self.is_same_entry(from, to) => {}
            (_, Some(_), Rename::NoReplace) => return Err(Error::Exists),
            (_, Some(target), _) if is_same(&moved, target) && from == to => return Ok(None),
            (Node::Directory(_), Some(Node::Pipe(_)), _) => return Err(Error::NotADirectory),
            (Node::Pipe(_), Some(Node::Directory(_)), _) => return Err(Error::IsADirectory),
            (Node::Directory(_), Some(Node::Directory(_)), _) => {
                self.remove_directory(to.0, to.1, now)?;
            }
            (Node::Pipe(_), Some(Node::Pipe(old)), _) => {
                if !replaceable(old) {
                    return Err(Error::Busy);
                }
                replaced = Some(old.clone());
            }
            (_, None, _) => {}
        }
        if how != Rename::Exchange {
            Name::new(to.1)?;
            self.take(from.0, from.1, now)?;
        }
        self.put(to, moved, now)?;
        Ok(replaced)
    }

    /// Whether two spellings are one name.
    fn is_same_entry(&self, one: (Ino, &[u8]), other: (Ino, &[u8])) -> bool {
        one.0 == other.0 && self.case.key(one.1) == self.case.key(other.1)
    }

    /// Lets a name lead to a node, whatever it led to before, and is spelled so from now on.
    fn put(&mut self, at: (Ino, &[u8]), node: Node<P>, now: SystemTime) -> Result<()> {
        if let Node::Directory(ino) = node {
            self.set_parent(ino, at.0)?;
        }
        let name = Name::new(at.1)?;
        if self.entry(at.0, at.1).is_some_and(|(spelled, _)| *spelled != name) {
            self.take(at.0, at.1, now)?;
        }
        self.set_entry(at.0, name, Some(node), now).map(drop)
    }

    /// A directory cannot move into itself.
    fn refuse_inside(&self, directory: Ino, target: Ino) -> Result<()> {
        let mut at = target;
        loop {
            if at == directory {
                return Err(Error::Invalid);
            }
            if at == ROOT {
                return Ok(());
            }
            at = self.directory(at)?.parent;
        }
    }
}

fn is_same<P>(one: &Node<P>, other: &Node<P>) -> bool {
    match (one, other) {
        (Node::Directory(a), Node::Directory(b)) => a == b,
        (Node::Pipe(_), Node::Pipe(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn tree() -> Tree<u32> {
        let attributes = Attributes::new(0o755, 0, 0, NOW);
        let mut tree = Tree::new(attributes, usize::MAX);
        tree.make_directory(ROOT, b"a", Ino(2), attributes).unwrap();
        tree.make_directory(Ino(2), b"b", Ino(3), attributes).unwrap();
        tree.insert(ROOT, b"p", Node::Pipe(7), NOW).unwrap();
        tree
    }

    fn rename(tree: &mut Tree<u32>, from: (Ino, &[u8]), to: (Ino, &[u8])) -> Result<()> {
        tree.rename(from, to, Rename::Replace, NOW, |_| true).map(drop)
    }

    #[test]
    fn a_directory_goes_only_when_empty() {
        let mut tree = tree();
        assert_eq!(tree.remove_directory(ROOT, b"a", NOW), Err(Error::NotEmpty));
        assert_eq!(tree.remove_directory(ROOT, b"p", NOW), Err(Error::NotADirectory));
        assert_eq!(tree.unlink(ROOT, b"a", NOW), Err(Error::IsADirectory));
        tree.remove_directory(Ino(2), b"b", NOW).unwrap();
        tree.remove_directory(ROOT, b"a", NOW).unwrap();
        assert_eq!(tree.lookup(ROOT, b"a"), Err(Error::NotFound));
        assert_eq!(tree.unlink(ROOT, b"p", NOW), Ok(7));
    }

    #[test]
    fn a_directory_does_not_move_into_itself() {
        let mut tree = tree();
        assert_eq!(rename(&mut tree, (ROOT, b"a"), (Ino(3), b"x")), Err(Error::Invalid));
        assert_eq!(rename(&mut tree, (ROOT, b"a"), (Ino(2), b"x")), Err(Error::Invalid));
        rename(&mut tree, (Ino(2), b"b"), (ROOT, b"b")).unwrap();
        rename(&mut tree, (ROOT, b"a"), (Ino(3), b"a")).unwrap();
        assert_eq!(tree.list(Ino(2)).unwrap().parent, Ino(3));
    }

    #[test]
    fn links_are_counted() {
        let mut tree = tree();
        let links = |tree: &Tree<u32>| [1, 2, 3].map(|ino| tree.link_count(Ino(ino)).ok());
        assert_eq!(links(&tree), [Some(3), Some(3), Some(2)]);
        rename(&mut tree, (Ino(2), b"b"), (ROOT, b"b")).unwrap();
        assert_eq!(links(&tree), [Some(4), Some(2), Some(2)]);
        rename(&mut tree, (ROOT, b"a"), (ROOT, b"b")).unwrap();
        assert_eq!(links(&tree), [Some(3), Some(2), None]);
        let (a, p) = ((ROOT, &b"b"[..]), (ROOT, &b"p"[..]));
        assert_eq!(tree.rename(a, p, Rename::Exchange, NOW, |_| true), Ok(None));
        assert_eq!(links(&tree), [Some(3), Some(2), None]);
        tree.unlink(ROOT, b"b", NOW).unwrap();
        tree.remove_directory(ROOT, b"p", NOW).unwrap();
        assert_eq!(links(&tree), [Some(2), None, None]);
    }

    #[test]
    fn a_rename_replaces_only_its_like() {
        let mut tree = tree();
        assert_eq!(rename(&mut tree, (ROOT, b"a"), (ROOT, b"p")), Err(Error::NotADirectory));
        assert_eq!(rename(&mut tree, (ROOT, b"p"), (ROOT, b"a")), Err(Error::IsADirectory));
        tree.insert(ROOT, b"q", Node::Pipe(8), NOW).unwrap();
        let (p, q) = ((ROOT, &b"p"[..]), (ROOT, &b"q"[..]));
        assert_eq!(tree.rename(p, q, Rename::NoReplace, NOW, |_| true), Err(Error::Exists));
        assert_eq!(tree.rename(p, q, Rename::Replace, NOW, |_| false), Err(Error::Busy));
        assert_eq!(tree.rename(p, q, Rename::Exchange, NOW, |_| false), Ok(None));
        assert_eq!(tree.lookup(ROOT, b"p"), Ok(&Node::Pipe(8)));
        assert_eq!(tree.rename(p, q, Rename::Replace, NOW, |_| true), Ok(Some(7)));
        assert_eq!(tree.lookup(ROOT, b"q"), Ok(&Node::Pipe(8)));
        assert_eq!(tree.lookup(ROOT, b"p"), Err(Error::NotFound));
    }
}
