//! A pipe's settings: what each is called, what values it takes, and its default.
//!
//! The names and values here are the ones a user writes (`-o capacity=4M`); [`Settings::set`] is
//! the only parser, so that every way to change a setting refuses the same values.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::units::{parse_digits, parse_duration, parse_size};

/// Default of [`Settings::capacity_bytes`]: 1 MiB, the largest write that reaches a lane in one
/// piece (FUSE's largest request), so that one full request fits an empty lane.
pub const DEFAULT_CAPACITY_BYTES: u64 = 1 << 20;

/// Longest message: 1 MiB less one page, the largest write that the kernel surely sends as one
/// request (a buffer that does not begin at a page boundary loses up to a page).
pub const MESSAGE_MAX_BYTES: usize = (1 << 20) - 4096;

/// Least capacity: one byte. A lane accepts a write as a whole while it holds less than its
/// capacity, so even this one makes progress.
pub const MIN_CAPACITY_BYTES: u64 = 1;

/// Greatest capacity of one lane: 1 TiB, far above any machine's memory limit, which decides then.
pub const MAX_CAPACITY_BYTES: u64 = 1 << 40;

/// Greatest number for `max_instances` (Windows: 255 stands for "unlimited" there; here the word
/// does, and 255 is a number).
pub const MAX_INSTANCES: u32 = 255;

/// Who writes and who reads (Windows: `PIPE_ACCESS_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Access {
    /// Decided by the first server open while the pipe has no instance, and forgotten when the
    /// last instance is gone.
    #[default]
    Auto,
    /// The server writes, clients read.
    Outbound,
    /// The server reads, clients write.
    Inbound,
    /// Both write and read.
    Duplex,
}

/// Who shares what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// Every server open is a conduit of its own for one client at a time.
    #[default]
    Instance,
    /// One conduit for all: writers' data is joined, readers compete for it, as in a FIFO.
    Shared,
    /// One conduit for all, and every reader gets everything written while it is open.
    Broadcast,
}

/// What a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PipeType {
    /// A piece of a stream of bytes: the next one goes on.
    #[default]
    Byte,
    /// A message, or several with [`Framing::Line`]: a read returns at most one.
    Message,
}

/// Where messages end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Framing {
    /// With each write.
    #[default]
    Write,
    /// With each newline, which belongs to its message. What follows the last one waits for the
    /// writer's next write, or its close.
    Line,
}

/// What becomes of the data of a server that closes before a client came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Linger {
    /// It stays, and a client can come for it.
    #[default]
    Keep,
    /// It goes with the server (Windows).
    Drop,
    /// The close waits until it has been read; what an interrupted one leaves stays.
    Flush,
}

/// What becomes of the name when the last instance goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lifetime {
    /// It stays until it is removed.
    #[default]
    Keep,
    /// It goes too (Windows).
    LastClose,
}

/// What a full lane does with a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Overflow {
    /// The writer waits.
    #[default]
    Block,
    /// The oldest data makes room.
    DropOldest,
    /// The write itself is dropped, and reported as done.
    DropNewest,
    /// The write fails with [`crate::Error::Full`].
    Error,
}

/// What a client's open does when nothing is listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OpenPolicy {
    /// It waits, at most [`Settings::wait_timeout`].
    #[default]
    Wait,
    /// It fails with [`crate::Error::Busy`].
    Fail,
}

/// The settings of one pipe. Two pipes never share one: a mount's defaults are copied into each
/// new pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    /// `access`: who is server.
    pub access: Access,
    /// `mode`: who shares what.
    pub mode: Mode,
    /// `type`: what a write is.
    pub pipe_type: PipeType,
    /// `framing`: where messages end.
    pub framing: Framing,
    /// `capacity`: bytes that each lane holds before `overflow` applies.
    pub capacity_bytes: u64,
    /// `max_instances`: `None` is unlimited.
    pub max_instances: Option<u32>,
    /// `open`: what a client does when nothing listens.
    pub open: OpenPolicy,
    /// `wait_timeout`: longest wait of a client's open; `None` waits for ever.
    pub wait_timeout: Option<Duration>,
    /// `linger`: what becomes of data that no client came for.
    pub linger: Linger,
    /// `lifetime`: what becomes of the name when the last instance goes.
    pub lifetime: Lifetime,
    /// `overflow`: what a full lane does with a write.
    pub overflow: Overflow,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access: Access::default(),
            mode: Mode::default(),
            pipe_type: PipeType::default(),
            framing: Framing::default(),
            capacity_bytes: DEFAULT_CAPACITY_BYTES,
            max_instances: None,
            open: OpenPolicy::default(),
            wait_timeout: None,
            linger: Linger::default(),
            lifetime: Lifetime::default(),
            overflow: Overflow::default(),
        }
    }
}

/// Why a setting was refused. The text names the values that are accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is no setting of this name.
    #[error("unknown setting `{0}` (there are: {known})", known = Settings::KEYS.join(", "))]
    UnknownKey(String),
    /// The setting does not take this value.
    #[error("`{value}` is no value for {key}: expected {expected}")]
    BadValue {
        /// The setting.
        key: &'static str,
        /// What was given.
        value: String,
        /// What would have been accepted.
        expected: &'static str,
    },
}

impl Settings {
    /// Whether newlines end messages.
    pub(crate) fn keeps_lines(&self) -> bool {
        (self.pipe_type, self.framing) == (PipeType::Message, Framing::Line)
    }

    /// The names of all settings, in the order in which they are documented.
    pub const KEYS: [&'static str; 11] = [
        "access",
        "mode",
        "type",
        "framing",
        "capacity",
        "max_instances",
        "open",
        "wait_timeout",
        "linger",
        "lifetime",
        "overflow",
    ];

    /// Sets one setting from its text.
    ///
    /// # Errors
    /// An unknown name or a value that the setting does not take; nothing is changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let refused = |key, expected| SettingError::BadValue { key, value: value.into(), expected };
        match key {
            "access" => self.access = word("access", value, "auto, outbound, inbound or duplex")?,
            "mode" => self.mode = word("mode", value, "instance, shared or broadcast")?,
            "type" => self.pipe_type = word("type", value, "byte or message")?,
            "framing" => self.framing = word("framing", value, "write or line")?,
            "open" => self.open = word("open", value, "wait or fail")?,
            "linger" => self.linger = word("linger", value, "keep, drop or flush")?,
            "lifetime" => self.lifetime = word("lifetime", value, "keep or last-close")?,
            "overflow" => {
                let expected = "block, drop-oldest, drop-newest or error";
                self.overflow = word("overflow", value, expected)?;
            }
            "capacity" => {
                self.capacity_bytes = parse_size(value)
                    .filter(|bytes| (MIN_CAPACITY_BYTES..=MAX_CAPACITY_BYTES).contains(bytes))
                    .ok_or_else(|| refused("capacity", "1 to 1T bytes, as in 65536, 64K or 4M"))?;
            }
            "max_instances" => {
                self.max_instances = match value {
                    "unlimited" => None,
                    number => Some(
                        parse_digits(number)
                            .and_then(|n| u32::try_from(n).ok())
                            .filter(|n| (1..=MAX_INSTANCES).contains(n))
                            .ok_or_else(|| refused("max_instances", "1 to 255, or unlimited"))?,
                    ),
                };
            }
            "wait_timeout" => {
                self.wait_timeout = match value {
                    "none" => None,
                    text => Some(parse_duration(text).ok_or_else(|| {
                        refused("wait_timeout", "none, or a time as in 500ms, 5s or 2m")
                    })?),
                };
            }
            other => return Err(SettingError::UnknownKey(other.into())),
        }
        Ok(())
    }

    /// The text of one setting, as [`Settings::set`] reads it; `None` for an unknown name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        Some(match key {
            "access" => self.access.to_string(),
            "mode" => self.mode.to_string(),
            "type" => self.pipe_type.to_string(),
            "framing" => self.framing.to_string(),
            "linger" => self.linger.to_string(),
            "lifetime" => self.lifetime.to_string(),
            "overflow" => self.overflow.to_string(),
            "capacity" => self.capacity_bytes.to_string(),
            "max_instances" => self.max_instances.map_or("unlimited".into(), |n| n.to_string()),
            "open" => self.open.to_string(),
            "wait_timeout" => {
                self.wait_timeout.map_or("none".into(), |time| format!("{}ms", time.as_millis()))
            }
            _ => return None,
        })
    }
}

/// Reads one of the words that a setting takes.
fn word<T: FromStr<Err = ()>>(
    key: &'static str,
    value: &str,
    expected: &'static str,
) -> Result<T, SettingError> {
    value.parse().map_err(|()| SettingError::BadValue { key, value: value.into(), expected })
}

/// Gives an enum the words that a user reads and writes.
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(()),
                }
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$variant => $word,)*
                })
            }
        }
    };
}

words!(Access { Auto = "auto", Outbound = "outbound", Inbound = "inbound", Duplex = "duplex" });
words!(Mode { Instance = "instance", Shared = "shared", Broadcast = "broadcast" });
words!(PipeType { Byte = "byte", Message = "message" });
words!(Framing { Write = "write", Line = "line" });
words!(Linger { Keep = "keep", Drop = "drop", Flush = "flush" });
words!(Lifetime { Keep = "keep", LastClose = "last-close" });
words!(Overflow {
    Block = "block",
    DropOldest = "drop-oldest",
    DropNewest = "drop-newest",
    Error = "error",
});
words!(OpenPolicy { Wait = "wait", Fail = "fail" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_reads_back_what_it_writes() {
        let examples = [
            ("access", "duplex"),
            ("mode", "shared"),
            ("type", "message"),
            ("framing", "line"),
            ("linger", "drop"),
            ("linger", "flush"),
            ("lifetime", "last-close"),
            ("overflow", "drop-oldest"),
            ("capacity", "65536"),
            ("max_instances", "3"),
            ("max_instances", "unlimited"),
            ("open", "fail"),
            ("wait_timeout", "1500ms"),
            ("wait_timeout", "none"),
        ];
        let mut settings = Settings::default();
        for (key, value) in examples {
            settings.set(key, value).unwrap();
            assert_eq!(settings.get(key).as_deref(), Some(value), "{key}");
        }
        for key in Settings::KEYS {
            assert!(settings.get(key).is_some(), "{key}");
        }
        assert_eq!(settings.get("colour"), None);
    }

    #[test]
    fn a_bad_value_changes_nothing_and_says_what_is_accepted() {
        let bad = [
            ("access", ""),
            ("access", "Duplex"),
            ("mode", "broadcasting"),
            ("type", "text"),
            ("framing", "lines"),
            ("linger", ""),
            ("lifetime", "last_close"),
            ("overflow", "drop"),
            ("capacity", "0"),
            ("capacity", "-1"),
            ("capacity", "+1"),
            ("capacity", "1.5M"),
            ("capacity", "99999999999999999999"),
            ("capacity", "16777216T"),
            ("capacity", "K"),
            ("max_instances", "0"),
            ("max_instances", "256"),
            ("max_instances", "4294967297"),
            ("open", "later"),
            ("wait_timeout", "0s"),
            ("wait_timeout", "5 s"),
            ("wait_timeout", "18446744073709551615h"),
            ("wait_timeout", "\0"),
        ];
        for (key, value) in bad {
            let mut settings = Settings::default();
            let error = settings.set(key, value).unwrap_err();
            assert!(error.to_string().contains("expected"), "{error}");
            assert_eq!(settings, Settings::default(), "{key}={value}");
        }
        let error = Settings::default().set("colour", "red").unwrap_err();
        assert!(error.to_string().contains("capacity"), "{error}");
    }
}
