//! The mount options: `-o NAME,NAME=VALUE,…`.
//!
//! There are ours, every setting of a pipe (the default of new pipes), and those that mount(8) and
//! fstab hand to every filesystem and that mean nothing here. Commas separate options and cannot
//! be escaped, so no value may hold one. When an option is given twice the last one counts.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

use pipefs::settings::SettingError;
use pipefs::units::{parse_duration, parse_size};
use pipefs::{Bounds, Settings};

use crate::cli::Mount;
use crate::exit::{Exit, Failure};

mod refused;

pub use refused::OptionError;
use refused::shortened;

/// Options of the mount itself; a pipe's settings are in [`Settings::KEYS`].
const OWN: [&str; 10] = [
    "allow_other",
    "default_permissions",
    "auto_unmount",
    "memory",
    "user_memory",
    "max_pipes",
    "total_instances",
    "nonempty",
    "fsname",
    "uring",
];

/// Those of Windows alone: what WinFsp needs that Linux does not.
const OF_WINDOWS: &[&str] = if cfg!(windows) { &["wait", "no_doors"] } else { &[] };

/// Options that are accepted and do nothing: the kernel's general ones, which a pipe has no use
/// for (nothing on a mount is a device, set-uid or executable, and times are the driver's), and
/// those that are notes to mount(8), systemd and the reader of fstab.
const IGNORED: &str = "
    rw dev nodev suid nosuid exec noexec sync async dirsync silent loud
    atime noatime diratime nodiratime relatime norelatime strictatime nostrictatime
    lazytime nolazytime defaults auto noauto user nouser users nousers owner group
    _netdev nofail";

/// What an ignored option with a value of its own starts with.
const IGNORED_PREFIXES: [&str; 4] = ["x-", "X-", "comment=", "user="];

/// Least value of `memory` and `user_memory`: the largest write that arrives in one piece, so that
/// one pipe works.
const MIN_MEMORY_BYTES: u64 = 1 << 20;

/// The word for no limit, as for a pipe's `max_instances`.
const UNLIMITED: &str = "unlimited";

/// Most names, and most instances of all pipes together, if nobody says.
const DEFAULT_MAX_PIPES: u64 = 100_000;
const DEFAULT_TOTAL_INSTANCES: u64 = 100_000;

/// Characters of a refused text that a message shows.
const SHOWN_CHARACTERS: usize = 60;

/// What the mount options ask for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// Other users may use the mount.
    pub allow_other: bool,
    /// fusermount3 unmounts when the driver dies.
    pub auto_unmount: bool,
    /// The mount point may hold files; the mount hides them.
    pub nonempty: bool,
    /// Bytes that all pipes together may hold; `None` leaves it to the driver.
    pub memory_bytes: Option<u64>,
    /// Bytes that one user's writers may hold of that; `None`: all of it.
    pub user_memory_bytes: Option<u64>,
    /// Names that there may be; `None` leaves it to the driver.
    pub max_pipes: Option<u64>,
    /// Instances that there may be of all pipes together; `None` leaves it to the driver.
    pub total_instances: Option<u64>,
    /// The source shown by `mount` and `df`, if one was given.
    pub fsname: Option<String>,
    /// Requests come over io_uring.
    pub uring: bool,
    /// Settings of new pipes.
    pub defaults: Settings,
    /// Longest wait of a read, write or flush; `None` leaves it to the driver. Windows alone.
    pub wait: Option<Duration>,
    /// Opens of one pipe share a node of WinFsp's driver. Windows alone.
    pub no_doors: bool,
}

/// What to do with an option that nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unknown {
    /// It is an error.
    #[default]
    Refused,
    /// It is passed over (mount(8)'s `-s`).
    Tolerated,
}

impl Options {
    /// The limits of the mount, for which nobody has to ask. `memory_bytes` if nothing is said.
    #[must_use]
    pub fn bounds(&self, memory_bytes: impl FnOnce() -> u64) -> Bounds {
        let names = self.max_pipes.unwrap_or(DEFAULT_MAX_PIPES);
        Bounds {
            memory_bytes: self.memory_bytes.unwrap_or_else(memory_bytes),
            user_memory_bytes: self.user_memory_bytes,
            max_names: usize::try_from(names).unwrap_or(usize::MAX),
            max_instances: self.total_instances.unwrap_or(DEFAULT_TOTAL_INSTANCES),
        }
    }

    /// The options of a `pipefs mount`, its source among them.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub fn of(arguments: &Mount) -> Result<Self, Failure> {
        let unknown = if arguments.sloppy { Unknown::Tolerated } else { Unknown::Refused };
        let options = Self::parse(&arguments.options, unknown).and_then(|mut options| {
            if let Some(source) = &arguments.source {
                options.set_source(source)?;
            }
            Ok(options)
        });
        options.map_err(|error| Failure::new(Exit::Usage, error.to_string()))
    }

    /// Reads the arguments of all `-o`, in their order.
    ///
    /// # Errors
    /// The first option that cannot be used.
    pub fn parse(arguments: &[OsString], unknown: Unknown) -> Result<Self, OptionError> {
        let mut options = Self::default();
        for argument in arguments {
            let text = argument
                .to_str()
                .ok_or_else(|| OptionError::NotText(shortened(&argument.to_string_lossy())))?;
            for item in text.split(',').filter(|item| !item.is_empty()) {
                match options.set(item) {
                    Err(OptionError::Unknown { .. }) if unknown == Unknown::Tolerated => {}
                    outcome => outcome?,
                }
            }
        }
        if options.auto_unmount && !options.allow_other {
            return Err(OptionError::AutoUnmountAlone);
        }
        Ok(options)
    }

    /// Takes the source that mount(8) gives before the directory; an `fsname=` wins over it.
    ///
    /// # Errors
    /// A source that `fsname=` would not take either.
    pub fn set_source(&mut self, source: &OsStr) -> Result<(), OptionError> {
        let source = source
            .to_str()
            .ok_or_else(|| OptionError::NotText(shortened(&source.to_string_lossy())))?;
        if self.fsname.is_none() && !matches!(source, "none" | "pipefs") {
            self.fsname = Some(fsname(source)?);
        }
        Ok(())
    }

    fn set(&mut self, item: &str) -> Result<(), OptionError> {
        let (name, value) = match item.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (item, None),
        };
        match name {
            "allow_other" => self.allow_other = word("allow_other", value)?,
            "auto_unmount" => self.auto_unmount = word("auto_unmount", value)?,
            "uring" => self.uring = word("uring", value)?,
            "nonempty" => self.nonempty = word("nonempty", value)?,
            // The kernel always checks permissions on a pipefs mount.
            "default_permissions" => drop(word("default_permissions", value)?),
            "memory" => self.memory_bytes = Some(memory("memory", value)?),
            "user_memory" => self.user_memory_bytes = Some(memory("user_memory", value)?),
            "max_pipes" => self.max_pipes = Some(count("max_pipes", value)?),
            "total_instances" => self.total_instances = Some(count("total_instances", value)?),
            "fsname" => self.fsname = Some(fsname(value.unwrap_or_default())?),
            "wait" if OF_WINDOWS.contains(&name) => {
                self.wait = Some(wait(value.unwrap_or_default())?);
            }
            "no_doors" if OF_WINDOWS.contains(&name) => self.no_doors = word("no_doors", value)?,
            "ro" => return Err(OptionError::ReadOnly),
            "remount" => return Err(OptionError::Remount),
            _ if Settings::KEYS.contains(&name) => {
                self.defaults.set(name, value.unwrap_or_default()).map_err(shortened_setting)?;
            }
            _ if IGNORED.split_whitespace().any(|word| word == item) => {}
            _ if IGNORED_PREFIXES.iter().any(|prefix| item.starts_with(prefix)) => {}
            _ => return Err(OptionError::Unknown { name: shortened(name) }),
        }
        Ok(())
    }
}

fn word(name: &'static str, value: Option<&str>) -> Result<bool, OptionError> {
    if value.is_some() { Err(OptionError::TakesNoValue(name)) } else { Ok(true) }
}

fn memory(name: &'static str, value: Option<&str>) -> Result<u64, OptionError> {
    let value = value.unwrap_or_default();
    parse_size(value).filter(|&bytes| bytes >= MIN_MEMORY_BYTES).ok_or_else(|| {
        OptionError::BadValue {
            name,
            value: shortened(value),
            expected: "at least 1M bytes, as in 64M or 2G",
        }
    })
}

/// How many of something there may be.
fn count(name: &'static str, value: Option<&str>) -> Result<u64, OptionError> {
    let value = value.unwrap_or_default();
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    let number = match value {
        UNLIMITED => Some(u64::MAX),
        _ => value.parse().ok().filter(|count| is_number && *count > 0),
    };
    number.ok_or_else(|| OptionError::BadValue {
        name,
        value: shortened(value),
        expected: "a number from 1 on, or `unlimited`",
    })
}

/// The greatest time stands for ever: no clock gets there.
fn wait(value: &str) -> Result<Duration, OptionError> {
    let time = if value == "none" { Some(Duration::MAX) } else { parse_duration(value) };
    time.filter(|time| !time.is_zero()).ok_or_else(|| OptionError::BadValue {
        name: "wait",
        value: shortened(value),
        expected: "none, or a time as in 500ms, 30s or 2m",
    })
}

/// A source name. A comma or a backslash would be read by fusermount3 as the end of the option.
fn fsname(value: &str) -> Result<String, OptionError> {
    let unfit = |c: char| c.is_control() || matches!(c, ',' | '\\');
    if value.is_empty() || value.contains(unfit) {
        return Err(OptionError::BadValue {
            name: "fsname",
            value: shortened(value),
            expected: "a name without commas, backslashes and control characters",
        });
    }
    Ok(value.into())
}

/// The same error with no more of the refused text than a message shows.
pub(crate) fn shortened_setting(error: SettingError) -> SettingError {
    match error {
        SettingError::BadValue { key, value, expected } => {
            SettingError::BadValue { key, value: shortened(&value), expected }
        }
        SettingError::UnknownKey(key) => SettingError::UnknownKey(shortened(&key)),
    }
}

#[cfg(test)]
mod tests;
