//! Where a server serves.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::assignment::Assignment;
use crate::cli::Serve;
use crate::commands::{create, duplex};
use crate::exit::Failure;
use crate::pipe_file::{self, PipeFile};
use crate::platform::creating;
use crate::platform::programs::identity;
use crate::view;

/// The pipe's name. If it was made for this server, it is removed when this is dropped.
pub(super) struct Place {
    /// The name and which pipe that is, so that a pipe that somebody else has put there is left
    /// alone.
    made: Option<(PathBuf, u64)>,
}

impl Place {
    /// Finds the pipe, or makes it. What is there must go both ways, and be of the type that is
    /// asked for.
    pub(super) fn find_or_make(arguments: &Serve) -> Result<Self, Failure> {
        let path = &arguments.name;
        let pipe_type = arguments.pipe_type.as_deref();
        if fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            let settings = [
                ("mode", "instance"),
                ("access", "duplex"),
                ("type", pipe_type.unwrap_or("message")),
                // Between two clients there may be no instance.
                ("lifetime", "keep"),
            ];
            let settings = settings.map(|(key, value)| Assignment { key, value: value.into() });
            create::create(path, &settings, &creating::usual_permissions())?;
            let made = fs::metadata(path).map_err(|error| pipe_file::failure(path, &error))?;
            return Ok(Self { made: Some((path.clone(), identity(&made))) });
        }
        let pipe = PipeFile::find(path)?;
        duplex::check(path, &pipe)?;
        let has = pipe.setting("type").map_err(|error| pipe_file::failure(path, &error))?;
        if pipe_type.is_some_and(|wanted| wanted.as_bytes() != has) {
            let what = format!("is there already, with `type={}`", view::name(&has));
            return Err(duplex::unsuited(path, &what));
        }
        Ok(Self { made: None })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((path, made)) = &self.made else { return };
        if fs::metadata(path).is_ok_and(|found| identity(&found) == *made) {
            // If that fails the pipe stays, and the next server finds it.
            let _ = fs::remove_file(path);
        }
    }
}
