//! What a mount needs from the machine: the FUSE device, its helper, leave to use them; and the
//! one kernel setting that would end a mount whose readers wait for long.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::unistd::geteuid;

use crate::exit::{Exit, Failure};
use crate::linux::unmount;
use crate::options::Options;

/// Where the kernel keeps the settings of FUSE.
pub const KERNEL_SETTINGS: &str = "/proc/sys/fs/fuse";

/// The device through which requests arrive.
const DEVICE: &str = "/dev/fuse";

/// The file in which root lets ordinary users give `allow_other`.
const FUSE_CONFIGURATION: &str = "/etc/fuse.conf";

/// Checks everything that a mount with these options needs, so that what is missing is named
/// before anything is started.
///
/// # Errors
/// [`Exit::Unavailable`].
pub fn check(options: &Options) -> Result<(), Failure> {
    device(Path::new(DEVICE))?;
    let root = geteuid().is_root();
    if (!root || options.auto_unmount) && unmount::helper().is_none() {
        let why = if root { "auto_unmount needs it" } else { "only root can mount without it" };
        return Err(unavailable(format!(
            "fusermount3 is missing, and {why}: install it with `apt-get install fuse3`"
        )));
    }
    if options.allow_other && !root {
        allow_other(Path::new(FUSE_CONFIGURATION))?;
    }
    Ok(())
}

/// The warning that long waits end the mount, if the kernel limits how long a request may take.
///
/// `settings` is [`KERNEL_SETTINGS`], or a directory like it; kernels before 6.15 have no limit.
#[must_use]
pub fn request_timeout_warning(settings: &Path) -> Option<String> {
    let seconds = |name: &str| {
        let text = fs::read_to_string(settings.join(name)).ok()?;
        text.trim().parse::<u64>().ok().filter(|&seconds| seconds > 0)
    };
    let limits = ["default_request_timeout", "max_request_timeout"]
        .into_iter()
        .filter_map(|name| Some((name, seconds(name)?)))
        .collect::<Vec<_>>();
    let shortest = limits.iter().map(|(_, seconds)| seconds).min()?;
    let names = limits.iter().map(|(name, _)| format!("fs.fuse.{name}=0"));
    Some(format!(
        "the kernel aborts the whole mount when a read or an open waits longer than {shortest} s: \
         switch that off with `sysctl {}`",
        names.collect::<Vec<_>>().join(" ")
    ))
}

fn device(path: &Path) -> Result<(), Failure> {
    let Err(error) = OpenOptions::new().read(true).write(true).open(path) else { return Ok(()) };
    let shown = path.display();
    Err(unavailable(match error.raw_os_error() {
        Some(libc::ENOENT) => format!(
            "there is no {shown}: load the kernel's module with `modprobe fuse`, or give the \
             container the device (`--device {shown} --cap-add SYS_ADMIN`)"
        ),
        Some(libc::ENODEV | libc::ENXIO) => {
            format!("the kernel has no FUSE behind {shown}: load its module with `modprobe fuse`")
        }
        Some(libc::EACCES) => format!(
            "{shown} is closed to ordinary users{}: as root, `chmod 0666 {shown}` (udev does it \
             at boot)",
            mode(path)
        ),
        Some(libc::EPERM) => format!(
            "{shown} is not permitted here: give the container the device (`--device {shown} \
             --cap-add SYS_ADMIN`)"
        ),
        _ => format!("{shown} cannot be opened: {error}"),
    }))
}

fn mode(path: &Path) -> String {
    match fs::metadata(path) {
        Ok(metadata) => format!(" (its mode is {:04o})", metadata.permissions().mode() & 0o7777),
        Err(_) => String::new(),
    }
}

fn allow_other(configuration: &Path) -> Result<(), Failure> {
    let allowed = match fs::read_to_string(configuration) {
        Ok(text) => text.lines().any(|line| line.trim() == "user_allow_other"),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        // It may be readable to fusermount3 alone, which will say so if it does not allow it.
        Err(_) => true,
    };
    if allowed {
        return Ok(());
    }
    Err(unavailable(format!(
        "only root may give allow_other here: as root, add the line user_allow_other to {}, or \
         leave the option out",
        configuration.display()
    )))
}

/// What it means that the mount failed although all was there.
#[must_use]
pub fn mount_failure(dir: &Path, error: &io::Error) -> Failure {
    let words = error.to_string();
    let says = |part: &str| words.contains(part);
    let exit = if says("no write access to mountpoint") || says("mountpoint is not") {
        Exit::MountPoint
    } else if error.kind() == ErrorKind::PermissionDenied || says("not permitted") {
        Exit::Unavailable
    } else {
        Exit::Failure
    };
    let hint = match exit {
        Exit::MountPoint => ": use a directory of your own",
        Exit::Unavailable => ": mount as root, or have fusermount3 installed set-uid root",
        _ => "",
    };
    let words = words.trim();
    Failure::new(exit, format!("cannot mount on {}: {words}{hint}", dir.display()))
}

fn unavailable(message: String) -> Failure {
    Failure::new(Exit::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_timeout_is_warned_of() {
        let dir = tempfile::tempdir().unwrap();
        let warning = |default: &str, max: &str| {
            fs::write(dir.path().join("default_request_timeout"), default).unwrap();
            fs::write(dir.path().join("max_request_timeout"), max).unwrap();
            request_timeout_warning(dir.path())
        };
        assert_eq!(request_timeout_warning(dir.path()), None);
        assert_eq!(warning("0\n", "0\n"), None);
        assert_eq!(warning("none\n", ""), None);
        let text = warning("30\n", "0\n").unwrap();
        assert!(text.contains("30 s"), "{text}");
        assert!(text.ends_with("`sysctl fs.fuse.default_request_timeout=0`"), "{text}");
        let text = warning("600\n", "60\n").unwrap();
        assert!(text.contains("60 s"), "{text}");
        let both = "default_request_timeout=0 fs.fuse.max_request_timeout=0";
        assert!(text.contains(both), "{text}");
    }

    #[test]
    fn a_missing_or_dead_device_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = device(&dir.path().join("fuse")).unwrap_err();
        assert_eq!(missing.exit, Exit::Unavailable);
        assert!(missing.message.contains("modprobe fuse"), "{missing}");
        assert!(device(dir.path()).unwrap_err().message.contains("cannot be opened"));
        assert_eq!(device(Path::new("/dev/null")), Ok(()));
    }

    #[test]
    fn allow_other_has_to_be_a_line_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let configuration = dir.path().join("fuse.conf");
        assert!(allow_other(&configuration).is_err());
        fs::write(&configuration, "#user_allow_other\nmount_max = 5\n").unwrap();
        let refused = allow_other(&configuration).unwrap_err();
        assert!(refused.message.contains("add the line user_allow_other"), "{refused}");
        fs::write(&configuration, "mount_max = 5\n user_allow_other \n").unwrap();
        assert_eq!(allow_other(&configuration), Ok(()));
    }

    #[test]
    fn a_refused_mount_gets_the_code_of_its_cause() {
        let code = |text: &str| mount_failure(Path::new("/x"), &io::Error::other(text)).exit;
        let refusals = [
            ("fusermount3: mount failed: Operation not permitted\n", Exit::Unavailable),
            ("fusermount3: user has no write access to mountpoint /x\n", Exit::MountPoint),
            ("Error calling mount() at \"/x\": EINVAL: Invalid argument", Exit::Failure),
        ];
        for (text, exit) in refusals {
            assert_eq!(code(text), exit, "{text}");
        }
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        assert_eq!(mount_failure(Path::new("/x"), &denied).exit, Exit::Unavailable);
    }
}
