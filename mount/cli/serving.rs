//! Arguments of the commands that wait for servers, call them, and are some.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint, value_parser};
use pipefs::units;

const WAIT_EXAMPLES: &str = "\
Examples:
  pipefs wait /pipes/upper                 until a server listens
  pipefs wait --timeout 5s /pipes/upper && pipefs call /pipes/upper hello";

const CALL_EXAMPLES: &str = "\
Examples:
  pipefs call /pipes/upper hello           prints what the server replies
  pipefs call /pipes/upper < request > reply
  pipefs call --one --timeout 500ms /pipes/status ping";

const SERVE_EXAMPLES: &str = "\
Examples:
  pipefs serve /pipes/upper -- tr a-z A-Z &
  pipefs call /pipes/upper hello           prints HELLO
  pipefs serve /pipes/who -- sh -c 'echo you are user $PIPEFS_CLIENT_UID'";

/// `pipefs wait`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = WAIT_EXAMPLES)]
pub struct Wait {
    /// A pipe
    #[arg(value_hint = ValueHint::FilePath)]
    pub name: PathBuf,
    /// Wait no longer: 5s, 500ms, 2m; 0 only looks [default: as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
}

/// `pipefs call`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = CALL_EXAMPLES)]
pub struct Call {
    /// A message pipe
    #[arg(value_hint = ValueHint::FilePath)]
    pub name: PathBuf,
    /// What to send; `-`, or none and no terminal: what standard input has
    pub text: Option<OsString>,
    /// Take no longer for all of it: 5s, 500ms, 2m [default: as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
    /// Send one message and take one, as CallNamedPipe does, and no end of input
    #[arg(short = '1', long)]
    pub one: bool,
}

/// `pipefs serve`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct Serve {
    /// A pipe; if it is missing it is made, and removed at the end
    #[arg(value_hint = ValueHint::FilePath)]
    pub name: PathBuf,
    /// Serve at most so many clients at once, the others wait
    #[arg(long, value_name = "N", default_value_t = 32)]
    #[arg(value_parser = value_parser!(u16).range(1..))]
    pub limit: u16,
    /// Type of the pipe [default: what it is; of a new one message]
    #[arg(long = "type", value_name = "message|byte", hide_possible_values = true)]
    #[arg(value_parser = ["message", "byte"])]
    pub pipe_type: Option<String>,
    /// The program that serves a client, and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    #[arg(value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,
}

fn time(text: &str) -> Result<Duration, &'static str> {
    let time = if text == "0" { Some(Duration::ZERO) } else { units::parse_duration(text) };
    time.ok_or("expected a time, as in 5s or 500ms")
}
