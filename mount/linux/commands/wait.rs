//! `pipefs wait`: until a server listens.

use std::fs::{self, File};
use std::io::ErrorKind;

use super::deadline::Deadline;
use super::duplex;
use crate::cli::Wait;
use crate::exit::{Exit, Failure};
use crate::linux::pipe_functions::PipeFunctions;
use crate::pipe_file::{self, shown, wrong_name};

pub(crate) fn run(arguments: &Wait) -> Result<(), Failure> {
    let path = &arguments.name;
    let deadline = Deadline::after(arguments.timeout);
    duplex::find(path, deadline)?;
    // Without symbolic links: they may lead here from other filesystems.
    let real = fs::canonicalize(path).map_err(|error| pipe_file::failure(path, &error))?;
    let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else {
        unreachable!("a pipe is in a directory")
    };
    let directory = File::open(parent).map_err(|error| pipe_file::failure(parent, &error))?;
    loop {
        let Err(error) = directory.wait_for(name, deadline.left()) else { return Ok(()) };
        return Err(match error.kind() {
            // It was stopped (Ctrl-Z), and goes on.
            ErrorKind::Interrupted => continue,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                Failure::new(Exit::TimedOut, format!("`{}`: no server listens", shown(path)))
            }
            ErrorKind::NotFound => wrong_name(path, "was removed"),
            _ => duplex::failure(path, &error),
        });
    }
}
