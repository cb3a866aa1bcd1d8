//! The pipes of a storm.

use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::calls::{attribute, set_attribute};
use crate::harness::{Errno, Mount};

/// Pipes that stay for a round, so that what goes through them can be counted.
pub(super) const KEPT: usize = 14;

/// All; those behind the kept ones are removed, made anew, and mistaken for each other.
pub(super) const PIPES: usize = 20;

/// What the storm does with a pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Each server's open is a stream, for one reader.
    Streams { messages: bool },
    /// Records, each for one of the readers.
    Shared { messages: bool },
    /// Records, for every reader.
    Broadcast { messages: bool },
    /// Records, and anything may happen to them.
    Wild,
}

pub(super) fn kind(pipe: usize) -> Kind {
    let messages = pipe % 2 == 1;
    match pipe % 6 {
        _ if pipe >= KEPT => Kind::Wild,
        0 | 1 => Kind::Streams { messages },
        2 | 3 => Kind::Shared { messages },
        _ => Kind::Broadcast { messages },
    }
}

/// A pipe's directory. Each has one of its own: who makes a file waits, uninterruptibly, for all
/// who are changing the same directory, and their number says nothing about pipes.
pub(super) fn directory(dir: &Path, pipe: usize) -> PathBuf {
    dir.join(pipe.to_string())
}

/// The names that a pipe may have. It is renamed from one to the other and back.
pub(super) fn names(dir: &Path, pipe: usize) -> [PathBuf; 2] {
    ["here", "there"].map(|name| directory(dir, pipe).join(name))
}

/// Makes the pipes that are kept, and the places for the others.
pub(super) fn make_all(mount: &Mount) {
    for pipe in 0..PIPES {
        fs::create_dir(directory(mount.dir(), pipe)).expect("a directory can be made");
    }
    for pipe in 0..KEPT {
        let path = mount.make(&format!("{pipe}/here"));
        let (mode, messages) = match kind(pipe) {
            Kind::Streams { messages } => ("instance", messages),
            Kind::Shared { messages } => ("shared", messages),
            Kind::Broadcast { messages } => ("broadcast", messages),
            Kind::Wild => unreachable!("these are made by whoever wants them"),
        };
        let pipe_type = if messages { "message" } else { "byte" };
        for (key, value) in [("mode", mode), ("type", pipe_type)] {
            set(&path, key, value).expect("a new pipe can be changed");
        }
    }
}

pub(super) fn set(path: &Path, key: &str, value: &str) -> Result<(), Errno> {
    set_attribute(path, &format!("user.pipefs.{key}"), value.as_bytes())
}

/// The state of a pipe or of the mount.
pub(super) fn state(path: &Path) -> Result<serde_json::Value, Errno> {
    let text = attribute(path, "user.pipefs.state")?;
    Ok(serde_json::from_slice(&text).expect("the state is JSON"))
}
