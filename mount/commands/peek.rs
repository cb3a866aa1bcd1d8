//! `pipefs peek`: what the next reader would get.

use std::cmp::min;

use crate::cli::Peek;
use crate::exit::{Failure, say};
use crate::pipe_file::{self, PipeFile};
use crate::stdout::Stdout;
use crate::view;

pub(super) fn run(arguments: &Peek) -> Result<(), Failure> {
    let failed = |error| pipe_file::failure(&arguments.name, &error);
    let pipe = PipeFile::find(&arguments.name)?;
    let data = pipe.peek().map_err(failed)?;
    let most = usize::try_from(arguments.bytes.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let shown = &data[..min(most, data.len())];

    let mut stdout = Stdout::lock();
    if !stdout.is_terminal() {
        stdout.print(shown)?;
        return stdout.flush();
    }
    stdout.print(view::data(shown))?;
    if shown.last().is_some_and(|byte| *byte != b'\n') {
        stdout.print("\n")?;
    }
    stdout.flush()?;
    let state = pipe.state().map_err(failed)?;
    let buffered = state.get("buffered_bytes").and_then(|bytes| bytes.as_u64()).unwrap_or(0);
    let more = buffered.saturating_sub(shown.len() as u64);
    if more > 0 {
        say(format_args!("{} more: `pipefs stat` shows where", view::exact_size(more)));
    }
    Ok(())
}
