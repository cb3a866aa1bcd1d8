//! Pipes and directories of a running mount, as other processes see them: by path. How they are
//! found and asked differs between systems, and is in `platform::pipe_file`.

use std::io::{self, ErrorKind};
use std::path::Path;

use serde_json::{Map, Value};

use crate::exit::{Exit, Failure};
use crate::platform::pipe_file::is_dead;
use crate::view;

pub use crate::platform::pipe_file::{Directory, Metadata, PipeFile, mounts};

/// Most mounts that an error names.
const MAX_MOUNTS_NAMED: usize = 5;

/// A pipe's state: the JSON object that docs/SEMANTICS.md describes.
pub type State = Map<String, Value>;

/// Names the mounts there are, for those who named something else.
#[must_use]
pub fn mounts_in_words() -> String {
    let found = mounts().unwrap_or_default();
    let shown: Vec<String> = found.iter().take(MAX_MOUNTS_NAMED).map(|path| shown(path)).collect();
    match (&*shown, found.len() - shown.len()) {
        ([], _) => "none is mounted, `pipefs mount DIR` mounts one".into(),
        ([only], 0) => format!("one is mounted on {only}"),
        (some, 0) => format!("they are mounted on {}", some.join(", ")),
        (some, more) => format!("they are mounted on {} and {more} more", some.join(", ")),
    }
}

/// Why something could not be done with this file, in one line.
#[must_use]
pub fn failure(path: &Path, error: &io::Error) -> Failure {
    let shown = shown(path);
    match error.kind() {
        _ if is_dead(error) => Failure::new(
            Exit::MountPoint,
            format!("`{shown}`: the driver of this mount is gone; `pipefs umount` its directory"),
        ),
        ErrorKind::NotFound => wrong_name(path, "does not exist"),
        ErrorKind::NotADirectory => {
            wrong_name(path, "leads through something that is no directory")
        }
        ErrorKind::PermissionDenied => Failure::new(
            Exit::NotPermitted,
            format!("`{shown}`: not permitted; `ls -l` shows who may, its owner can chmod it"),
        ),
        ErrorKind::InvalidFilename => Failure::new(
            Exit::Failure,
            format!("`{shown}` is too long: each name in a path has at most 255 bytes"),
        ),
        ErrorKind::StorageFull => Failure::new(
            Exit::Failure,
            format!(
                "`{shown}`: the mount has no more names (see `df -i`): `rm` some, or mount with a \
                 larger max_pipes"
            ),
        ),
        _ => Failure::new(Exit::Failure, format!("`{shown}`: {error}")),
    }
}

/// A path as people read it.
#[must_use]
pub fn shown(path: &Path) -> String {
    view::name(path.as_os_str().as_encoded_bytes())
}

/// [`Exit::Name`], with what is wrong with it.
#[must_use]
pub fn wrong_name(path: &Path, what: &str) -> Failure {
    Failure::new(Exit::Name, format!("`{}` {what}", shown(path)))
}
