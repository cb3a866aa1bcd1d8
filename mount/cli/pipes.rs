//! Arguments of the commands about pipes of a running mount.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, FromArgMatches, ValueHint, value_parser};
use pipefs::settings::SettingError;
use pipefs::{Settings, units};

const LS_EXAMPLES: &str = "\
Examples:
  pipefs ls                      the pipes of the only mount, or of the current directory
  pipefs ls -R /pipes            those in its directories, too
  pipefs ls --json /pipes | jq '.[] | select(.buffered_bytes > 0).name'";

const STAT_EXAMPLES: &str = "\
Examples:
  pipefs stat /pipes/jobs        settings, totals, who has it open
  pipefs stat /pipes             the whole mount: limits, counters, who holds memory
  pipefs stat --json /pipes/jobs | jq .totals.written_bytes";

const CREATE_EXAMPLES: &str = "\
Examples:
  pipefs create /pipes/jobs --mode shared --type message
  pipefs create /pipes/a /pipes/b -o capacity=4M,overflow=drop-oldest --permissions 0600";

const SET_EXAMPLES: &str = "\
Examples:
  pipefs set /pipes/jobs capacity=4M
  pipefs set /pipes/jobs type=message framing=line

The settings and their values are those of `pipefs create --help`.";

const PEEK_EXAMPLES: &str = "\
Examples:
  pipefs peek /pipes/jobs        what the next reader would get; it stays there
  pipefs peek --bytes 16 /pipes/jobs | xxd";

/// `pipefs ls`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = LS_EXAMPLES)]
pub struct Ls {
    /// A directory on a pipefs [default: the current one, else the only mount]
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// List what is in directories, too
    #[arg(short = 'R', long)]
    pub recursive: bool,
    /// Print a JSON array with an object for each pipe and directory
    #[arg(long)]
    pub json: bool,
}

/// `pipefs stat`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = STAT_EXAMPLES)]
pub struct Stat {
    /// Pipes, or directories that a pipefs is mounted on
    #[arg(value_name = "NAME", required = true, value_hint = ValueHint::AnyPath)]
    pub names: Vec<PathBuf>,
    /// Print a JSON object for each pipe, a line each
    #[arg(long)]
    pub json: bool,
}

/// `pipefs create`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = CREATE_EXAMPLES)]
pub struct Create {
    /// Paths of the new pipes
    #[arg(value_name = "NAME", required = true, value_hint = ValueHint::FilePath)]
    pub names: Vec<PathBuf>,
    /// Permissions, whatever the umask [default: 0666 less the umask]
    #[arg(long, value_name = "OCTAL", value_parser = permissions)]
    pub permissions: Option<u32>,
    /// Settings, separated by commas; the options below go before these
    #[arg(short, long, value_name = "KEY=VALUE,…")]
    pub options: Vec<OsString>,
    /// An option for each setting.
    #[command(flatten)]
    pub settings: SettingOptions,
}

/// `pipefs set`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = SET_EXAMPLES)]
pub struct Set {
    /// A pipe
    #[arg(value_hint = ValueHint::FilePath)]
    pub name: PathBuf,
    /// What to change: all of it, or nothing if one is refused
    #[arg(value_name = "KEY=VALUE", required = true)]
    pub settings: Vec<OsString>,
}

/// `pipefs peek`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = PEEK_EXAMPLES)]
pub struct Peek {
    /// A pipe
    #[arg(value_hint = ValueHint::FilePath)]
    pub name: PathBuf,
    /// Print at most this many bytes; there are never more than 64K
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub bytes: Option<u64>,
}

/// An option for each of [`Settings::KEYS`], named and explained by what the settings themselves
/// say. The values are as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingOptions(pub Vec<(&'static str, OsString)>);

impl Args for SettingOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        let heading = "Settings (what is not given is as the mount's -o says)";
        Settings::KEYS.into_iter().fold(command, |command, key| {
            let option = Arg::new(key)
                .long(key.replace('_', "-"))
                .alias(key)
                .value_name("VALUE")
                .value_parser(value_parser!(OsString))
                .allow_hyphen_values(true)
                .overrides_with(key)
                .help(accepted_values(key))
                .help_heading(heading);
            command.arg(option)
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |key| Some((key, matches.get_one::<OsString>(key)?.clone()));
        Ok(Self(Settings::KEYS.into_iter().filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The values of a setting in words: those that its refusal of an empty one names.
pub(super) fn accepted_values(key: &str) -> String {
    match Settings::default().set(key, "") {
        Err(SettingError::BadValue { expected, .. }) => expected.into(),
        _ => String::new(),
    }
}

fn permissions(text: &str) -> Result<u32, &'static str> {
    let octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let number = u32::from_str_radix(text, 8).ok().filter(|&number| octal && number <= 0o777);
    number.ok_or("expected octal digits up to 0777, as in 0600")
}

fn size(text: &str) -> Result<u64, &'static str> {
    units::parse_size(text).ok_or("expected a number of bytes, as in 512 or 4K")
}
