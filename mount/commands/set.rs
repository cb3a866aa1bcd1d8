//! `pipefs set`: change settings of a pipe, all of them or none.

use std::io::{self, ErrorKind};

use crate::assignment::Assignment;
use crate::cli::Set;
use crate::exit::{Exit, Failure};
use crate::pipe_file::{self, PipeFile, shown};
use crate::view;

pub(super) fn run(arguments: &Set) -> Result<(), Failure> {
    let settings = arguments.settings.iter().map(|text| Assignment::parse(text));
    let settings = settings.collect::<Result<Vec<_>, _>>()?;
    let pipe = PipeFile::find(&arguments.name)?;
    let before = settings.iter().map(|setting| pipe.setting(setting.key));
    let before = before
        .collect::<io::Result<Vec<_>>>()
        .map_err(|error| pipe_file::failure(&arguments.name, &error))?;

    for (index, setting) in settings.iter().enumerate() {
        if let Err(error) = pipe.set(setting.key, setting.value.as_bytes()) {
            let mut failure = refusal(arguments, setting, &error);
            for (changed, old) in settings[..index].iter().zip(&before).rev() {
                if let Err(error) = pipe.set(changed.key, old) {
                    let (key, old) = (changed.key, view::name(old));
                    failure.message += &format!("; {key} could not be put back to {old}: {error}");
                }
            }
            return Err(failure);
        }
    }
    Ok(())
}

fn refusal(arguments: &Set, setting: &Assignment, error: &io::Error) -> Failure {
    let name = shown(&arguments.name);
    let key = setting.key;
    match error.kind() {
        ErrorKind::ResourceBusy => Failure::new(
            Exit::Busy,
            format!(
                "`{name}` is in use, so {key} cannot be changed: close it everywhere and read it \
                 empty first (`pipefs stat` shows who has it open)"
            ),
        ),
        ErrorKind::InvalidInput => Failure::new(
            Exit::Usage,
            format!("`{name}`: the driver of this mount does not take {key}={}", setting.value),
        ),
        _ => pipe_file::failure(&arguments.name, error),
    }
}
