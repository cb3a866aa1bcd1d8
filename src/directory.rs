//! One directory: its entries, and when two names are one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use crate::name::Name;
use crate::namespace::{Attributes, Ino, Node};

/// Whether the case of letters tells names apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    /// It does: names are bytes.
    Matters,
    /// It does not, in names that are UTF-8. A name is shown as it was written first.
    Ignored,
}

impl Case {
    /// What two spellings of one name have in common.
    pub(crate) fn key(self, name: &[u8]) -> Cow<'_, [u8]> {
        match (self, std::str::from_utf8(name)) {
            (Self::Ignored, Ok(text)) => {
                let upper = text.chars().map(|letter| upper(letter).unwrap_or(letter));
                Cow::Owned(upper.collect::<String>().into_bytes())
            }
            (Self::Matters, _) | (Self::Ignored, Err(_)) => Cow::Borrowed(name),
        }
    }
}

/// The one letter that is the upper case of another; a few have several, and stay as they are.
fn upper(letter: char) -> Option<char> {
    let mut upper = letter.to_uppercase();
    upper.next().filter(|_| upper.next().is_none())
}

#[derive(Debug)]
pub(crate) struct Directory<P> {
    entries: BTreeMap<Name, Node<P>>,
    /// The name that each key is spelled as, where case is ignored.
    spelled: Option<HashMap<Vec<u8>, Name>>,
    /// How many of the entries are directories: stat(2) wants to know, with each open below.
    pub(crate) inner: u32,
    pub(crate) parent: Ino,
    pub(crate) attributes: Attributes,
}

impl<P> Directory<P> {
    pub(crate) fn new(parent: Ino, attributes: Attributes, case: Case) -> Self {
        let spelled = (case == Case::Ignored).then(HashMap::new);
        Self { entries: BTreeMap::new(), spelled, inner: 0, parent, attributes }
    }

    /// The name as it was written, and what it leads to.
    pub(crate) fn get(&self, name: &[u8]) -> Option<(&Name, &Node<P>)> {
        match &self.spelled {
            None => self.entries.get_key_value(name),
            Some(spelled) => {
                let name = spelled.get(&*Case::Ignored.key(name))?;
                self.entries.get_key_value(name)
            }
        }
    }

    /// In the order of names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&Name, &Node<P>)> {
        self.entries.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lets a name, spelled exactly so, lead to this, or to nothing. Returns what it led to before.
    /// It must not be there in another spelling.
    pub(crate) fn set(&mut self, name: Name, node: Option<Node<P>>) -> Option<Node<P>> {
        if let Some(spelled) = &mut self.spelled {
            let key = Case::Ignored.key(name.as_bytes()).into_owned();
            match node {
                Some(_) => drop(spelled.insert(key, name.clone())),
                None => drop(spelled.remove(&key)),
            }
        }
        self.inner += u32::from(is_directory(node.as_ref()));
        let before = match node {
            Some(node) => self.entries.insert(name, node),
            None => self.entries.remove(&name),
        };
        self.inner -= u32::from(is_directory(before.as_ref()));
        before
    }
}

fn is_directory<P>(node: Option<&Node<P>>) -> bool {
    matches!(node, Some(Node::Directory(_)))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn name(text: &str) -> Name {
        Name::new(text.as_bytes()).unwrap()
    }

    fn directory(case: Case) -> Directory<u32> {
        let mut directory = Directory::new(Ino(1), Attributes::new(0o755, 0, 0, NOW), case);
        directory.set(name("Größe"), Some(Node::Pipe(7)));
        directory
    }

    #[test]
    fn case_is_kept_and_need_not_match() {
        let mut ignoring = directory(Case::Ignored);
        for spelling in ["Größe", "größe", "GRÖßE"] {
            let found = ignoring.get(spelling.as_bytes());
            assert_eq!(found, Some((&name("Größe"), &Node::Pipe(7))), "{spelling}");
        }
        assert_eq!(ignoring.get(b"grosse"), None);
        assert_eq!(ignoring.set(name("Größe"), None), Some(Node::Pipe(7)));
        assert!(ignoring.is_empty() && ignoring.get("größe".as_bytes()).is_none());
    }

    #[test]
    fn elsewhere_case_tells_names_apart() {
        let mut minding = directory(Case::Matters);
        assert_eq!(minding.get("größe".as_bytes()), None);
        minding.set(name("größe"), Some(Node::Directory(Ino(2))));
        assert_eq!((minding.entries().count(), minding.inner), (2, 1));
    }

    #[test]
    fn what_is_no_text_is_compared_byte_by_byte() {
        let mut ignoring = directory(Case::Ignored);
        ignoring.set(Name::new(b"\xffa").unwrap(), Some(Node::Pipe(1)));
        assert!(ignoring.get(b"\xffa").is_some() && ignoring.get(b"\xffA").is_none());
    }
}
