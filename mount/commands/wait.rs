//! `pipefs wait`: until a server listens.

use std::io::ErrorKind;

use super::deadline::Deadline;
use super::duplex;
use crate::cli::Wait;
use crate::exit::{Exit, Failure};
use crate::pipe_file::{shown, wrong_name};
use crate::platform::ends;

pub(super) fn run(arguments: &Wait) -> Result<(), Failure> {
    let path = &arguments.name;
    let deadline = Deadline::after(arguments.timeout);
    duplex::find(path, deadline)?;
    loop {
        let Err(error) = ends::until_listening(path, deadline.left()) else { return Ok(()) };
        return Err(match ends::kind(&error) {
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
