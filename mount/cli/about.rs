//! Arguments of the commands about the command itself.

use clap::Args;
use clap_complete::Shell;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  pipefs completions bash > /etc/bash_completion.d/pipefs
  pipefs completions zsh > /usr/local/share/zsh/site-functions/_pipefs
  pipefs completions fish > ~/.config/fish/completions/pipefs.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  pipefs man | man -l -
  pipefs man > /usr/local/share/man/man1/pipefs.1
  pipefs man create > /usr/local/share/man/man1/pipefs-create.1";

/// `pipefs completions`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// `pipefs man`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct Man {
    /// A subcommand [default: the page of the command as a whole]
    pub command: Option<String>,
}
