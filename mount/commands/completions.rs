//! `pipefs completions`: what a shell needs to complete the command line.

use clap_complete::generate;

use crate::cli::{self, Completions};
use crate::exit::Failure;
use crate::stdout::Stdout;

pub(super) fn run(arguments: &Completions) -> Result<(), Failure> {
    // Not straight to the standard output: the generator panics when that cannot be written.
    let mut script = Vec::new();
    generate(arguments.shell, &mut cli::definition(), "pipefs", &mut script);
    let mut stdout = Stdout::lock();
    stdout.print(script)?;
    stdout.flush()
}
