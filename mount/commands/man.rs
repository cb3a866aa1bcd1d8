//! `pipefs man`: manual pages, made of what `--help` says.

use clap_mangen::Man as Page;

use crate::cli::{self, Man};
use crate::exit::{Exit, Failure};
use crate::stdout::Stdout;

pub(super) fn run(arguments: &Man) -> Result<(), Failure> {
    let mut whole = cli::definition().disable_help_subcommand(true);
    whole.build();
    let described = match &arguments.command {
        None => &whole,
        Some(name) => whole.find_subcommand(name).ok_or_else(|| {
            let known: Vec<_> = whole.get_subcommands().map(clap::Command::get_name).collect();
            let known = known.join(", ");
            Failure::new(Exit::Usage, format!("`{name}` is no subcommand; there are: {known}"))
        })?,
    };
    let title = described.get_display_name().unwrap_or("pipefs").to_uppercase();
    let version = concat!("pipefs ", env!("CARGO_PKG_VERSION"));
    let mut page = Vec::new();
    Page::new(described.clone())
        .title(title)
        .source(version)
        .render(&mut page)
        .expect("a vector takes everything");
    let mut stdout = Stdout::lock();
    stdout.print(page)?;
    stdout.flush()
}
