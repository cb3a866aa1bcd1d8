//! Arguments of the commands about a mount, and the form in which mount(8) calls.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, ValueHint};
use pipefs::Settings;

use crate::exit::TABLE;

const MOUNT_EXAMPLES: &str = "\
Examples:
  pipefs mount /pipes
  pipefs mount /pipes -o allow_other,memory=256M,mode=shared
  pipefs mount /pipes --foreground -vv

SIGUSR1 to the driver writes the state of the mount to its log.";

const UMOUNT_EXAMPLES: &str = "\
Example:
  pipefs umount /pipes";

const OPTIONS_HELP: &str = "\
Mount options, separated by commas (-o may be repeated)

Of the mount:
  allow_other          other users may use the mount, too
  auto_unmount         unmount even if the driver is killed (needs allow_other)
  default_permissions  always on: the kernel checks permissions
  fsname=NAME          the source shown by mount and df
  max_pipes=N          how many names there may be, or `unlimited` [100000]
  memory=SIZE          what all pipes may hold before writers wait [a quarter of RAM]
  nonempty             mount over a directory that holds files
  total_instances=N    how many instances there may be in all, or `unlimited` [100000]
  uring                requests come over io_uring, where root has enabled that
  user_memory=SIZE     what one user's writers may hold before they wait [all memory]";

const OPTIONS_HELP_FURTHER: &str = "
Those of mount(8) that mean nothing here (rw, nosuid, nofail, x-…) are passed over.
Settings of every new pipe, which `pipefs create --help` explains:";

/// Mount options of Windows alone.
const OPTIONS_OF_WINDOWS: &str = "
  wait=TIME            longest wait of a read, write or flush: 30s, or none [30s]
  no_doors             all opens of a pipe share a node of WinFsp's driver, and its lock";

/// `pipefs mount`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(after_help = format!("{MOUNT_EXAMPLES}\n\n{TABLE}"))]
pub struct Mount {
    /// The directory to mount on; it must be there and empty
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Stay in front and log to stderr, instead of returning when the mount answers
    #[arg(short, long)]
    pub foreground: bool,
    /// Mount options, separated by commas (--help lists them)
    #[arg(short, long, value_name = "OPT,…", long_help = options_help())]
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

fn options_help() -> String {
    let mut help = String::from(OPTIONS_HELP);
    if cfg!(windows) {
        help += OPTIONS_OF_WINDOWS;
    }
    help += OPTIONS_HELP_FURTHER;
    for some in Settings::KEYS.chunks(6) {
        help += "\n  ";
        help += &some.iter().map(|key| format!("{key}=")).collect::<Vec<_>>().join(" ");
    }
    help
}

/// `pipefs umount`.
#[derive(Debug, PartialEq, Eq, Args)]
#[command(after_help = format!("{UMOUNT_EXAMPLES}\n\n{TABLE}"))]
pub struct Umount {
    /// The directory that a pipefs is mounted on
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Unmount although it is in use: gone from DIR at once, ended with the last open pipe
    #[arg(short, long)]
    pub lazy: bool,
    /// Only the mount of this number in /proc/self/mountinfo: what a driver says of its own
    #[arg(long, hide = true)]
    pub id: Option<u64>,
}

/// The form in which mount(8) calls the helper of a filesystem, see its section "External helpers".
#[derive(Debug, Parser)]
#[command(name = "mount.pipefs", version, about = "Mount a pipefs, as mount(8) does it")]
pub(super) struct MountHelper {
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
