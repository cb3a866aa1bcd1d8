//! What `wait`, `call` and `serve` have in common: finding a pipe that may be about to be made, or
//! one whose instances go both ways, and what can go wrong with one that is open.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::deadline::Deadline;
use crate::exit::{Exit, Failure};
use crate::pipe_file::{self, PipeFile, shown};
use crate::platform::ends;

/// How long a pipe may be missing, and how often is looked: a `pipefs serve` that was started in
/// the background just before makes it in that time, unless the machine is very busy.
const GRACE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Finds a pipe, also one that is just being made.
pub(super) fn find(path: &Path, deadline: Deadline) -> Result<PipeFile, Failure> {
    let end = deadline.or(Deadline::after(Some(GRACE)));
    let is_missing = || fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    while is_missing() && end.left() != Some(Duration::ZERO) {
        thread::sleep(LOOK_EVERY);
    }
    PipeFile::find(path)
}

/// Makes sure that instances of a pipe go both ways. It asks for settings, because to open the pipe
/// could take somebody's instance.
pub(super) fn check(path: &Path, pipe: &PipeFile) -> Result<(), Failure> {
    let is = |key, values: &[&str]| {
        let value = pipe.setting(key).map_err(|error| pipe_file::failure(path, &error))?;
        Ok::<_, Failure>(values.iter().any(|known| known.as_bytes() == value))
    };
    if !is("mode", &["instance"])? {
        let what = "has no conduit for each client: for that its mode has to be `instance`";
        return Err(unsuited(path, what));
    }
    if !is("access", &["auto", "duplex"])? {
        return Err(one_way(path));
    }
    Ok(())
}

/// Opens a server's end of one that was checked, whoever else is there.
pub(super) fn server(path: &Path) -> Result<File, Failure> {
    // To truncate it makes a server.
    opened(path, OpenOptions::new().read(true).write(true).truncate(true).open(path))
}

/// One that was checked and opened.
pub(super) fn opened(path: &Path, end: io::Result<File>) -> Result<File, Failure> {
    end.map_err(|error| match ends::kind(&error) {
        // The file would have allowed it, so this comes from the pipe.
        ErrorKind::PermissionDenied if ends::is_permitted(path) => one_way(path),
        ErrorKind::ResourceBusy => Failure::new(
            Exit::Busy,
            format!("`{}`: nothing listens, or it has all its instances", shown(path)),
        ),
        _ => failure(path, &error),
    })
}

/// Why something could not be done with an open pipe.
pub(super) fn failure(path: &Path, error: &io::Error) -> Failure {
    if ends::is_ending(error) {
        let message = format!("`{}`: its mount is being taken down", shown(path));
        return Failure::new(Exit::MountPoint, message);
    }
    if ends::is_disconnected(path, error) {
        let message = format!("`{}`: the server has disconnected this client", shown(path));
        return Failure::new(Exit::Disconnected, message);
    }
    pipe_file::failure(path, error)
}

/// A pipe that is of no use here.
pub(super) fn unsuited(path: &Path, what: &str) -> Failure {
    let how = "`pipefs set` changes one that is not in use, `pipefs create` makes others";
    Failure::new(Exit::Failure, format!("`{}` {what} ({how})", shown(path)))
}

fn one_way(path: &Path) -> Failure {
    unsuited(path, "goes one way only: replies need `access=duplex`")
}
