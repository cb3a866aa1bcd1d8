//! `pipefs create`: make pipes that have their settings from the moment they can be seen.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, is_separator};
use std::process;

use super::each;
use crate::assignment::Assignment;
use crate::cli::Create;
use crate::exit::{Exit, Failure};
use crate::pipe_file::{self, Directory, wrong_name};
use crate::platform::creating::{self, Permissions};

/// Names that are tried for a pipe that is being made; one is taken only if a process of the same
/// number was killed while it made one.
const ATTEMPTS: u32 = 100;

pub(super) fn run(arguments: &Create) -> Result<(), Failure> {
    let mut settings = Assignment::parse_lists(&arguments.options)?;
    for (key, value) in &arguments.settings.0 {
        settings.push(Assignment::new(key, value)?);
    }
    let permissions = creating::permissions(arguments.permissions)?;
    each(&arguments.names, |name| create(name, &settings, &permissions))
}

/// Makes a pipe.
pub(super) fn create(
    path: &Path,
    settings: &[Assignment],
    permissions: &Permissions,
) -> Result<(), Failure> {
    let (parent, name) = split(path)?;
    let directory = Directory::find(parent)?;
    let made = if settings.is_empty() {
        creating::make(&directory, name, permissions)
    } else {
        with_settings(&directory, name, settings, permissions)
    };
    made.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            wrong_name(path, "exists already: `pipefs set` changes settings, `rm` removes it")
        }
        ErrorKind::PermissionDenied => pipe_file::failure(parent, &error),
        ErrorKind::InvalidInput => Failure::new(
            Exit::Usage,
            "the driver of this mount does not take one of the settings: is it an older version?",
        ),
        _ => pipe_file::failure(path, &error),
    })
}

/// Makes a pipe under another name and gives it its own when it is as it should be, because others
/// may open it as soon as that can be seen.
fn with_settings(
    directory: &Directory,
    name: &OsStr,
    settings: &[Assignment],
    permissions: &Permissions,
) -> io::Result<()> {
    let draft = draft(directory)?;
    let finish = || {
        let pipe = directory.entry(&draft)?;
        for setting in settings {
            pipe.set(setting.key, setting.value.as_bytes())?;
        }
        creating::publish(directory, &draft, name, permissions)
    };
    finish().inspect_err(|_| {
        // If even that fails, what went wrong first is what counts.
        let _ = creating::remove(directory, &draft);
    })
}

/// Makes a pipe that only its owner can use, under a name that nobody asked for.
fn draft(directory: &Directory) -> io::Result<String> {
    for attempt in 0..ATTEMPTS {
        let name = format!(".pipefs-create-{}-{attempt}", process::id());
        match creating::make_draft(directory, &name) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map(|()| name),
        }
    }
    Err(io::Error::other("there are too many names like .pipefs-create-*: remove them"))
}

/// The directory and the name in it. `std` would take `a/` and `a/.` for `a`.
fn split(path: &Path) -> Result<(&Path, &OsStr), Failure> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let last = bytes.rsplit(|byte| is_separator(char::from(*byte))).next();
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if last == Some(name.as_encoded_bytes()) => {
            let is_here = parent.as_os_str().is_empty();
            Ok((if is_here { Path::new(".") } else { parent }, name))
        }
        _ => Err(wrong_name(path, "is no name for a pipe: give a path that ends in a name")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_directory_and_a_name() {
        let parts = |path: &'static str| {
            let (parent, name) = split(Path::new(path)).map_err(|failure| failure.exit)?;
            Ok((parent.to_str().unwrap(), name.to_str().unwrap()))
        };
        assert_eq!(parts("p"), Ok((".", "p")));
        assert_eq!(parts("/p"), Ok(("/", "p")));
        assert_eq!(parts("a/b/..."), Ok(("a/b", "...")));
        for wrong in ["", "/", "a/", "a/.", "..", "/a/.."] {
            assert_eq!(parts(wrong), Err(Exit::Name), "{wrong}");
        }
    }
}
