//! The command line: every argument, its help, and the two forms in which mount(8) calls.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};

use crate::exit::{Exit, Failure, TABLE};

const EXAMPLES: &str = "\
Examples:
  pipefs mount /pipes                      mount; echo hello > /pipes/x; cat /pipes/x
  pipefs mount /pipes -o allow_other       for all users
  pipefs mount /pipes -o memory=256M,capacity=4M
  pipefs mount /pipes --foreground -vv     stay in front and log to stderr
  pipefs umount /pipes
  mount -t fuse.pipefs none /pipes         the same through mount(8); in /etc/fstab:
  none  /pipes  fuse.pipefs  allow_other,nofail  0  0";

const OPTIONS_HELP: &str = "\
Mount options, separated by commas (-o may be repeated)

Of the mount:
  allow_other          other users may use the mount, too
  auto_unmount         unmount even if the driver is killed (needs allow_other)
  default_permissions  always on: the kernel checks permissions
  fsname=NAME          the source shown by mount and df
  memory=SIZE          what all pipes may hold before writers wait [default: a quarter of RAM]
  nonempty             mount over a directory that holds files
Of every new pipe: access=, mode=, type=, framing=, capacity=, max_instances=, open=,
  wait_timeout=, linger=, overflow=
Those of mount(8) that mean nothing here (rw, nosuid, noatime, nofail, x-…) are passed over.";

/// Named pipes as plain files.
#[derive(Debug, Parser)]
#[command(
    name = "pipefs",
    version,
    about = "Named pipes as plain files: each file on a pipefs mount is a pipe",
    after_help = format!("{EXAMPLES}\n\n{TABLE}"),
    max_term_width = 100
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Mount a pipefs on a directory and serve it
    Mount(Mount),
    /// Unmount a pipefs
    Umount(Umount),
}

/// `pipefs mount`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = TABLE)]
pub struct Mount {
    /// The directory to mount on; it must be there and empty
    pub dir: PathBuf,
    /// Stay in front and log to stderr, instead of returning when the mount answers
    #[arg(short, long)]
    pub foreground: bool,
    /// Mount options, separated by commas (--help lists them)
    #[arg(short, long, value_name = "OPT,…", long_help = OPTIONS_HELP)]
    pub options: Vec<OsString>,
    /// Log more: -v info, -vv debug, -vvv trace [default: warnings, or what RUST_LOG says]
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Log to the end of FILE, instead of syslog or stderr
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// What the mount calls its source, if mount(8) gave it.
    #[arg(skip)]
    pub source: Option<OsString>,
    /// Pass over unknown mount options (mount(8)'s `-s`).
    #[arg(skip)]
    pub sloppy: bool,
    /// Check everything, but do not mount (mount(8)'s `-f`).
    #[arg(skip)]
    pub fake: bool,
}

/// `pipefs umount`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = TABLE)]
pub struct Umount {
    /// The directory that a pipefs is mounted on
    pub dir: PathBuf,
    /// Unmount although it is in use: gone from DIR at once, ended with the last open pipe
    #[arg(short, long)]
    pub lazy: bool,
}

/// The form in which mount(8) calls the helper of a filesystem, see its section "External helpers".
#[derive(Debug, Parser)]
#[command(name = "mount.pipefs", version, about = "Mount a pipefs, as mount(8) does it")]
struct MountHelper {
    /// What the mount calls its source; none for no name
    source: OsString,
    /// The directory to mount on
    dir: PathBuf,
    /// Pass over unknown mount options
    #[arg(short)]
    sloppy: bool,
    /// Check everything, but do not mount
    #[arg(short)]
    fake: bool,
    /// Do not write /etc/mtab (it never is)
    #[arg(short)]
    n: bool,
    /// Log more
    #[arg(short, action = ArgAction::Count)]
    verbose: u8,
    /// The filesystem's type, which is known
    #[arg(short = 't', value_name = "TYPE")]
    filesystem: Option<OsString>,
    /// Mount options, separated by commas
    #[arg(short, value_name = "OPT,…")]
    options: Vec<OsString>,
}

impl From<MountHelper> for Mount {
    fn from(helper: MountHelper) -> Self {
        let MountHelper { source, dir, sloppy, fake, verbose, options, .. } = helper;
        Self { dir, options, verbose, source: Some(source), sloppy, fake, ..Self::default() }
    }
}

/// Reads the command line, with the program's own name first.
///
/// # Errors
/// It is wrong, or asks for help or the version: see [`answer`].
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    let arguments = arguments.into_iter().collect::<Vec<_>>();
    if is_mount_helper(&arguments) {
        return MountHelper::try_parse_from(arguments).map(|helper| Command::Mount(helper.into()));
    }
    CommandLine::try_parse_from(arguments).map(|line| line.command)
}

/// Whether mount(8) is calling: by the name `mount.…`, or through mount.fuse3, which runs
/// `pipefs SOURCE DIR -o OPTIONS`. A SOURCE that is a subcommand's name is taken for that.
fn is_mount_helper(arguments: &[OsString]) -> bool {
    let name = arguments.first().and_then(|path| Path::new(path).file_name()).unwrap_or_default();
    if name.as_encoded_bytes().starts_with(b"mount.") {
        return true;
    }
    match arguments {
        [_, source, dir, option, _] => {
            let is_flag = |argument: &OsStr| argument.as_encoded_bytes().starts_with(b"-");
            option == "-o" && !is_flag(source) && !is_flag(dir) && !is_subcommand(source)
        }
        _ => false,
    }
}

fn is_subcommand(word: &OsStr) -> bool {
    word == "help" || CommandLine::command().find_subcommand(word).is_some()
}

/// Prints the help or the version if that was asked for, else turns what is wrong with the command
/// line into one line.
///
/// # Errors
/// [`Exit::Usage`] if the command line is wrong.
pub fn answer(error: &clap::Error) -> Result<(), Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A reader that has left (`| head`) is no failure.
            let _ = error.print();
            Ok(())
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Err(Failure::new(
            Exit::Usage,
            "nothing to do: `pipefs mount DIR` mounts, `pipefs --help` shows the rest",
        )),
        _ => Err(Failure::new(Exit::Usage, summary(&error.render().to_string()))),
    }
}

/// What clap says in several paragraphs: what is wrong and the tips, without the usage.
fn summary(rendered: &str) -> String {
    let text = rendered.strip_prefix("error: ").unwrap_or(rendered);
    let paragraphs = text
        .split("\n\n")
        .take_while(|paragraph| !paragraph.starts_with("Usage:"))
        .filter(|paragraph| !paragraph.starts_with("For more information"))
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "));
    format!("{} (see `pipefs --help`)", paragraphs.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &[&str]) -> Result<Command, clap::Error> {
        parse(line.iter().map(OsString::from))
    }

    fn refusal(line: &[&str]) -> String {
        let failure = answer(&parsed(line).unwrap_err()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!failure.message.contains('\n'), "{failure}");
        failure.message
    }

    #[test]
    fn the_definition_is_sound() {
        CommandLine::command().debug_assert();
        MountHelper::command().debug_assert();
        for key in pipefs::Settings::KEYS {
            assert!(OPTIONS_HELP.contains(&format!("{key}=")), "{key}");
        }
    }

    #[test]
    fn mount_and_umount() {
        let mount = parsed(&["pipefs", "mount", "/a", "-fvv", "-o", "x,y=z", "-oq"]).unwrap();
        let expected = Mount {
            dir: "/a".into(),
            foreground: true,
            options: vec!["x,y=z".into(), "q".into()],
            verbose: 2,
            ..Mount::default()
        };
        assert_eq!(mount, Command::Mount(expected));
        let umount = parsed(&["pipefs", "umount", "-l", "--", "-a"]).unwrap();
        assert_eq!(umount, Command::Umount(Umount { dir: "-a".into(), lazy: true }));
    }

    #[test]
    fn mount_8_calls_by_name() {
        let expected = Mount {
            dir: "/a".into(),
            options: vec!["rw,nofail".into()],
            source: Some("src".into()),
            ..Mount::default()
        };
        for name in ["mount.pipefs", "/sbin/mount.pipefs", "/usr/sbin/mount.fuse.pipefs"] {
            let mount = parsed(&[name, "src", "/a", "-o", "rw,nofail"]).unwrap();
            assert_eq!(mount, Command::Mount(expected.clone()));
        }
        let all = ["mount.pipefs", "src", "/a", "-sfnv", "-o", "rw,nofail", "-t", "fuse.pipefs"];
        let expected = Mount { sloppy: true, fake: true, verbose: 1, ..expected };
        assert_eq!(parsed(&all).unwrap(), Command::Mount(expected));
        // The name of a subcommand is a source like any other here.
        assert!(parsed(&["mount.pipefs", "umount", "/a"]).is_ok());
        assert!(refusal(&["mount.pipefs", "/a"]).contains("<DIR>"));
    }

    #[test]
    fn mount_fuse3_calls_without_a_subcommand() {
        let mount = parsed(&["/bin/pipefs", "none", "/a", "-o", "rw,dev,suid"]).unwrap();
        let expected = Mount {
            dir: "/a".into(),
            options: vec!["rw,dev,suid".into()],
            source: Some("none".into()),
            ..Mount::default()
        };
        assert_eq!(mount, Command::Mount(expected));
        let mount = parsed(&["pipefs", "mount", "/a", "-o", "rw"]).unwrap();
        assert!(matches!(mount, Command::Mount(Mount { source: None, .. })));
        for no_helper in [&["pipefs", "none", "/a"][..], &["pipefs", "-v", "/a", "-o", "rw"]] {
            assert!(parsed(no_helper).is_err(), "{no_helper:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_one_line() {
        assert!(refusal(&["pipefs", "mount"]).contains("<DIR>"));
        assert!(refusal(&["pipefs"]).contains("pipefs mount DIR"));
        assert!(refusal(&["pipefs", "moutn", "/a"]).contains("'mount'"));
        assert!(refusal(&["pipefs", "mount", "/a", "--forground"]).contains("--foreground"));
        assert!(refusal(&["pipefs", "mount", "/a", "/b\n\nc"]).contains("/b"));
        assert!(refusal(&["pipefs", "umount", "/a", "--lazy=1"]).contains("--lazy"));
    }

    #[test]
    fn help_and_version_are_no_failures() {
        for flag in ["--version", "--help"] {
            let error = parsed(&["pipefs", flag]).unwrap_err();
            assert!(!error.use_stderr(), "{flag}");
        }
        let help = parsed(&["pipefs", "--help"]).unwrap_err().to_string();
        assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
        let help = parsed(&["pipefs", "mount", "--help"]).unwrap_err().to_string();
        assert!(help.contains("memory=SIZE") && help.contains("Exit codes:"), "{help}");
    }
}
