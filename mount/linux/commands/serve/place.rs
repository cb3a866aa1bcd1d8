//! Where a server serves: its pipe, and the program that it starts.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::assignment::Assignment;
use crate::cli::Serve;
use crate::exit::{Exit, Failure};
use crate::linux::commands::{create, duplex};
use crate::pipe_file::{self, PipeFile, shown};
use crate::view;

/// Where execvp(3) looks when there is no `PATH`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The pipe's name. If it was made for this server, it is removed when this is dropped.
pub(super) struct Place {
    /// The name and its inode, so that a pipe that somebody else has put there is left alone.
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
            create::create(path, &settings, create::default_mode())?;
            let made = fs::metadata(path).map_err(|error| pipe_file::failure(path, &error))?;
            return Ok(Self { made: Some((path.clone(), made.ino())) });
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
        let Some((path, inode)) = &self.made else { return };
        if fs::metadata(path).is_ok_and(|found| found.ino() == *inode) {
            // If that fails the pipe stays, and the next server finds it.
            let _ = fs::remove_file(path);
        }
    }
}

/// Makes sure that a program can be found as execvp(3) finds it, so that a mistake shows before the
/// first client does.
pub(super) fn check_program(program: &OsStr) -> Result<(), Failure> {
    let can_run = |path: &Path| path.is_file() && access(path, Access::EXEC_OK).is_ok();
    let failure = |what| {
        let message = format!("`{}` {what}", shown(Path::new(program)));
        Err(Failure::new(Exit::Usage, message))
    };
    if program.as_bytes().contains(&b'/') {
        return match can_run(Path::new(program)) {
            true => Ok(()),
            false => failure("is no program that can be run"),
        };
    }
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    match env::split_paths(&path).any(|directory| can_run(&directory.join(program))) {
        true => Ok(()),
        false => failure("is no program in any directory of `PATH`"),
    }
}
