//! `pipefs mount`: mount and serve until stopped, in front or as a process of its own.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read};
use std::os::windows::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use log::info;
use windows_sys::Win32::Foundation::ERROR_NO_SUCH_DEVICE;
use windows_sys::Win32::System::Threading::{CREATE_NEW_PROCESS_GROUP, DETACHED_PROCESS};

use crate::cli::Mount;
use crate::exit::{Exit, Failure};
use crate::options::Options;
use crate::values::STATE;
use crate::windows::{log as logging, memory};
use crate::winfsp::{self, Config, Version};

/// Longest wait of an operation when nobody says. A program that has been killed stays for so long
/// if it was reading; a script that waits longer has to ask again.
const DEFAULT_WAIT: Duration = Duration::from_secs(30);

/// How long a driver in the background may take until it answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How often it is asked meanwhile.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// Mounts, and returns in the foreground when the mount is gone, else as soon as it answers.
pub(crate) fn run(arguments: &Mount) -> Result<(), Failure> {
    let options = Options::of(arguments)?;
    let on = mount_point(&arguments.dir)?;
    Version::installed().map_err(|error| {
        let message = format!("{error}; WinFsp can be had at https://winfsp.dev/rel/");
        Failure::new(Exit::Unavailable, message)
    })?;
    if arguments.fake {
        return Ok(());
    }
    if !arguments.foreground {
        return in_background(&on);
    }
    logging::start(arguments.log_file.as_deref(), arguments.verbose)
        .map_err(|error| Failure::new(Exit::Failure, format!("cannot log: {error}")))?;
    let shown = on.display();
    winfsp::run(&config(options), on.as_os_str(), || info!("mounted on {shown}"))
        .map_err(|error| mount_failure(&on, &error))
}

fn mount_failure(on: &Path, error: &io::Error) -> Failure {
    if error.raw_os_error() == Some(ERROR_NO_SUCH_DEVICE.cast_signed()) {
        let advice = "`sc start WinFsp`, or install it anew";
        return Failure::new(Exit::Unavailable, format!("WinFsp's driver does not run: {advice}"));
    }
    Failure::new(Exit::MountPoint, format!("cannot mount on {}: {error}", on.display()))
}

fn config(options: Options) -> Config {
    Config {
        allow_other: options.allow_other,
        bounds: options.bounds(memory::default_limit_bytes),
        defaults: options.defaults,
        label: options.fsname.unwrap_or_else(|| "pipefs".into()),
        wait: Some(options.wait.unwrap_or(DEFAULT_WAIT)),
        doors: !options.no_doors,
    }
}

/// A drive as it is, and a directory by its whole path. WinFsp makes the directory itself.
fn mount_point(dir: &Path) -> Result<PathBuf, Failure> {
    let refused = |message| Err(Failure::new(Exit::MountPoint, message));
    let shown = dir.display();
    if let Some(drive) = drive(dir) {
        let root = PathBuf::from(format!("{drive}\\"));
        return match fs::metadata(root) {
            Ok(_) => refused(format!("{drive} is a drive already")),
            Err(_) => Ok(drive.into()),
        };
    }
    if dir.symlink_metadata().is_ok() {
        let advice = "name one that is not there yet, in a directory that is";
        return refused(format!("{shown} is there already: WinFsp makes the directory; {advice}"));
    }
    std::path::absolute(dir).or_else(|error| refused(format!("{shown}: {error}")))
}

/// The drive that a path names, without the backslash: `P:`.
fn drive(path: &Path) -> Option<String> {
    let text = path.to_str()?.trim_end_matches('\\');
    match text.as_bytes() {
        [letter, b':'] if letter.is_ascii_alphabetic() => Some(text.to_ascii_uppercase()),
        _ => None,
    }
}

/// Has a process of its own serve the mount, and returns when that answers.
fn in_background(on: &Path) -> Result<(), Failure> {
    let failed = |error| Failure::new(Exit::Failure, format!("cannot start the driver: {error}"));
    let program = env::current_exe().map_err(failed)?;
    let foreground = OsString::from("--foreground");
    let mut child = Command::new(program)
        .args(env::args_os().skip(1).chain([foreground]))
        .creation_flags(DETACHED_PROCESS | CREATE_NEW_PROCESS_GROUP)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let deadline = Instant::now() + ANSWER_WITHIN;
    while !answers(on) {
        if let Some(status) = child.try_wait().map_err(failed)? {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Err(Failure::new(Exit::from_code(code.unwrap_or(1)), last_words(&mut child)));
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let message = format!("the mount on {} does not answer", on.display());
            return Err(Failure::new(Exit::Failure, message));
        }
        thread::sleep(ASK_EVERY);
    }
    Ok(())
}

/// Whether a pipefs is mounted there.
pub(super) fn answers(on: &Path) -> bool {
    stream(on, STATE).is_some_and(|state| fs::metadata(state).is_ok())
}

/// A stream of a mount's root directory.
pub(super) fn stream(on: &Path, name: &str) -> Option<PathBuf> {
    let mut root = match drive(on) {
        Some(drive) => OsString::from(format!("{drive}\\")),
        None => std::path::absolute(on).ok()?.into_os_string(),
    };
    root.push(OsStr::new(":"));
    root.push(name);
    Some(root.into())
}

/// What a driver that has failed said last: the line that says why.
fn last_words(child: &mut Child) -> String {
    let mut said = String::new();
    if let Some(stderr) = &mut child.stderr {
        let _ = stderr.read_to_string(&mut said);
    }
    let line = said.lines().rev().find_map(|line| line.strip_prefix("pipefs: "));
    line.unwrap_or("the driver ended without a word").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_is_a_letter() {
        for (path, expected) in [("p:", "P:"), ("P:\\", "P:")] {
            assert_eq!(drive(Path::new(path)).as_deref(), Some(expected));
        }
        for other in ["P", "P:\\dir", "PQ:", "\\\\server\\share", "1:"] {
            assert_eq!(drive(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn streams_are_those_of_the_root_directory() {
        let of = |on| stream(Path::new(on), STATE);
        assert_eq!(of("p:"), Some("P:\\:state".into()));
        assert_eq!(of("C:\\dir\\pipes"), Some("C:\\dir\\pipes:state".into()));
    }

    #[test]
    fn what_is_there_is_not_mounted_on() {
        let dir = tempfile::tempdir().unwrap();
        let refused = mount_point(dir.path()).unwrap_err();
        assert_eq!(refused.exit, Exit::MountPoint);
        assert!(refused.message.contains("is there already"), "{refused}");
        assert_eq!(mount_point(Path::new("C:")).unwrap_err().exit, Exit::MountPoint);
        assert_eq!(mount_point(&dir.path().join("new")).unwrap(), dir.path().join("new"));
    }
}
