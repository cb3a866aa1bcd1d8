//! `pipefs create`: make pipes that have their settings from the moment they can be seen.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process;

use nix::sys::stat::{Mode as Umask, umask};
use rustix::fs::{AtFlags, FileType, Mode, RenameFlags, chmodat, mknodat, renameat_with, unlinkat};
use rustix::io::Errno;

use crate::assignment::Assignment;
use crate::cli::Create;
use crate::commands::each;
use crate::exit::{Exit, Failure};
use crate::pipe_file::{self, Directory, wrong_name};

/// Names that are tried for a pipe that is being made; one is taken only if a process of the same
/// number was killed while it made one.
const ATTEMPTS: u32 = 100;

pub(crate) fn run(arguments: &Create) -> Result<(), Failure> {
    let mut settings = Assignment::parse_lists(&arguments.options)?;
    for (key, value) in &arguments.settings.0 {
        settings.push(Assignment::new(key, value)?);
    }
    let mode = arguments.permissions.map_or_else(default_mode, Mode::from_raw_mode);
    // From here on modes are as they are given.
    umask(Umask::empty());
    each(&arguments.names, |name| create(name, &settings, mode))
}

/// The permissions of a pipe when none are given.
pub(super) fn default_mode() -> Mode {
    // It can be read only by setting it.
    let umask_now = umask(Umask::empty());
    umask(umask_now);
    Mode::from_raw_mode(0o666 & !umask_now.bits())
}

/// Makes a pipe.
pub(super) fn create(path: &Path, settings: &[Assignment], mode: Mode) -> Result<(), Failure> {
    let (parent, name) = split(path)?;
    let directory = Directory::find(parent)?;
    let made = if settings.is_empty() {
        mknodat(&directory.0, name, FileType::RegularFile, mode, 0).map_err(io::Error::from)
    } else {
        with_settings(&directory, name, settings, mode)
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
    mode: Mode,
) -> io::Result<()> {
    let draft = draft(directory)?;
    let finish = || {
        let pipe = directory.entry(&draft)?;
        for setting in settings {
            pipe.set(setting.key, setting.value.as_bytes())?;
        }
        chmodat(&directory.0, &*draft, mode, AtFlags::empty())?;
        let (from, to) = (&directory.0, &directory.0);
        Ok(renameat_with(from, &*draft, to, name, RenameFlags::NOREPLACE)?)
    };
    finish().inspect_err(|_| {
        // If even that fails, what went wrong first is what counts.
        let _ = unlinkat(&directory.0, &*draft, AtFlags::empty());
    })
}

/// Makes a pipe that only its owner can use, under a name that nobody asked for.
fn draft(directory: &Directory) -> io::Result<String> {
    let owner_only = Mode::RUSR | Mode::WUSR;
    for attempt in 0..ATTEMPTS {
        let name = format!(".pipefs-create-{}-{attempt}", process::id());
        match mknodat(&directory.0, &*name, FileType::RegularFile, owner_only, 0) {
            Err(Errno::EXIST) => {}
            made => return Ok(made.map(|()| name)?),
        }
    }
    Err(io::Error::other("there are too many names like .pipefs-create-*: remove them"))
}

/// The directory and the name in it. `std` would take `a/` and `a/.` for `a`.
fn split(path: &Path) -> Result<(&Path, &OsStr), Failure> {
    let bytes = path.as_os_str().as_bytes();
    let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (parent, name) = bytes.split_at(start);
    if matches!(name, b"" | b"." | b"..") {
        return Err(wrong_name(path, "is no name for a pipe: give a path that ends in a name"));
    }
    let parent = if parent.is_empty() { b"." } else { parent };
    Ok((Path::new(OsStr::from_bytes(parent)), OsStr::from_bytes(name)))
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
        assert_eq!(parts("a/b/..."), Ok(("a/b/", "...")));
        for wrong in ["", "/", "a/", "a/.", "..", "/a/.."] {
            assert_eq!(parts(wrong), Err(Exit::Name), "{wrong}");
        }
    }
}
