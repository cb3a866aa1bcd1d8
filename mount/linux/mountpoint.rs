//! The directory that is mounted on: what it is, and whether a pipefs can be mounted there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use log::warn;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::statvfs::statvfs;

use crate::exit::{Exit, Failure, say};
use crate::linux::mountinfo::{self, Entry};
use crate::linux::unmount::{self, UnmountError};

/// Dead mounts on one directory that are cleaned up before giving up.
const STACKED_MOUNTS: usize = 16;

/// How long a driver may take to answer before it counts as one that does not.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A directory, found without asking the filesystem that is mounted on it: that one may be dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountPoint {
    /// Absolute and without symbolic links.
    pub path: PathBuf,
    /// The mount that the directory belongs to, if /proc lists it.
    pub mount: Option<Entry>,
}

impl MountPoint {
    /// Finds the directory.
    ///
    /// # Errors
    /// What open(2) says of the path, or /proc is not there.
    pub fn find(dir: &Path) -> io::Result<Self> {
        let handle = open(dir)?;
        let path = fs::read_link(way(&handle))?;
        let mount = mount_of(&handle)?;
        Ok(Self { path, mount })
    }

    /// The mount whose root this directory is; `None` for a directory inside one.
    #[must_use]
    pub fn mounted(&self) -> Option<&Entry> {
        self.mount.as_ref().filter(|entry| entry.mount_point == self.path)
    }

    /// Whether the driver of what is mounted here is gone. Asked with statfs(2): the kernel may
    /// answer stat(2) without the driver. One that is there but does not answer is not gone.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        let path = self.path.clone();
        let (answer, answered) = channel();
        // Whoever asks a driver that is stopped may wait for ever. The command's end ends this.
        let asks = thread::Builder::new().spawn(move || {
            let _ = answer.send(statvfs(&path).is_err_and(|errno| is_dead(&errno.into())));
        });
        match (asks, answered.recv_timeout(ANSWER_WITHIN)) {
            // A thread that still runs would make a fork unsafe.
            (Ok(asks), Ok(dead)) => asks.join().is_ok() && dead,
            _ => false,
        }
    }
}

/// Opens a directory without asking its filesystem, to be held and looked at.
///
/// # Errors
/// What open(2) says.
pub(crate) fn open(dir: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_PATH | libc::O_DIRECTORY).open(dir)
}

/// A path to what is open here, whatever becomes of the names that led to it.
pub(crate) fn way(handle: &File) -> PathBuf {
    format!("/proc/self/fd/{}", handle.as_raw_fd()).into()
}

/// The mount that an open file belongs to, if /proc lists it.
///
/// # Errors
/// /proc is not there.
pub fn mount_of(handle: &File) -> io::Result<Option<Entry>> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd()))?;
    let number = text.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    let id = number.and_then(|number| number.trim().parse().ok());
    Ok(mountinfo::read()?.into_iter().find(|entry| Some(entry.id) == id))
}

/// Whether this error means that a FUSE mount has lost its driver.
#[must_use]
pub fn is_dead(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOTCONN | libc::ECONNABORTED))
}

/// Makes sure that a pipefs can be mounted on `dir`, and gives its absolute path. Dead pipefs
/// mounts there are detached, which is said on stderr.
///
/// # Errors
/// [`Exit::MountPoint`]: missing, no directory, not empty (unless `nonempty`), in use.
pub fn prepare(dir: &Path, nonempty: bool) -> Result<PathBuf, Failure> {
    for _ in 0..STACKED_MOUNTS {
        let found = find(dir).map_err(|failure| match dir.try_exists() {
            Ok(false) => unusable(format!("{failure}: make it with mkdir first")),
            _ => failure,
        })?;
        let shown = found.path.display();
        match found.mounted() {
            Some(mount) if found.is_dead() && mount.is_pipefs() => {
                unmount::detach(mount)?;
                say(format_args!("detached the dead pipefs mount on {shown} (its driver is gone)"));
            }
            Some(mount) if found.is_dead() => {
                return Err(unusable(format!(
                    "{shown} is a dead {} mount: unmount it first, with `umount -l` or \
                     `fusermount3 -uz`",
                    mount.filesystem
                )));
            }
            Some(mount) if mount.is_pipefs() => return Err(mounted_already(&found.path)),
            _ => {
                if !nonempty {
                    check_empty(&found.path)?;
                }
                return Ok(found.path);
            }
        }
    }
    Err(unusable(format!("{} still holds dead mounts: `umount -l` them", dir.display())))
}

/// The very directory that is to be mounted on, held, so that nobody can put another one, or a
/// symbolic link, in its place. Until this is dropped it also keeps other `pipefs mount` off it.
#[derive(Debug)]
pub struct Claim {
    directory: Flock<File>,
    path: PathBuf,
}

impl Claim {
    /// Waits until nobody else is about to mount on `dir`, a path from [`prepare`], and looks again
    /// at what it leads to.
    ///
    /// # Errors
    /// [`Exit::MountPoint`]: another one was faster, or the directory cannot be read, or is not
    /// what it was.
    pub fn make(dir: &Path, nonempty: bool) -> Result<Self, Failure> {
        let unreadable = |error| unreadable(dir, &error);
        let file = File::open(dir).map_err(unreadable)?;
        let directory = Flock::lock(file, FlockArg::LockExclusive)
            .map_err(|(_, errno)| unreadable(errno.into()))?;
        let claim = Self { directory, path: dir.to_owned() };
        if fs::read_link(claim.way()).map_err(unreadable)? != dir {
            return Err(unusable(format!("{} has just been replaced", dir.display())));
        }
        match find(dir)?.mounted() {
            Some(mount) if mount.is_pipefs() => Err(mounted_already(dir)),
            _ if nonempty => Ok(claim),
            _ => check_empty(&claim.way()).map(|()| claim),
        }
    }

    /// Where the directory was when it was checked: absolute and without symbolic links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path to the directory itself, past its names, and past what is mounted on it.
    #[must_use]
    pub fn way(&self) -> PathBuf {
        way(&self.directory)
    }

    /// A path to what is mounted on it.
    fn way_in(&self) -> io::Result<PathBuf> {
        let path = fs::read_link(self.way())?;
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        Ok(self.way().join("..").join(name))
    }

    /// Unmounts what has just been mounted on it.
    pub fn take_back(&self) {
        let outcome = self
            .way_in()
            .map_err(UnmountError::Kernel)
            .and_then(|way| unmount::take_back(&way, &self.path));
        if let Err(error) = outcome {
            warn!("{} could not be unmounted: {error}", self.path.display());
        }
    }

    /// The pipefs that has just been mounted on it.
    ///
    /// # Errors
    /// There is none, or it cannot be looked at.
    pub fn mounted(&self) -> io::Result<Entry> {
        let handle = open(&self.way_in()?)?;
        let found = mount_of(&handle)?.filter(Entry::is_pipefs);
        found.ok_or_else(|| io::Error::other("the directory was replaced meanwhile"))
    }
}

/// Finds the directory, or says what is wrong with it.
///
/// # Errors
/// [`Exit::MountPoint`].
pub fn find(dir: &Path) -> Result<MountPoint, Failure> {
    MountPoint::find(dir).map_err(|error| {
        let shown = dir.display();
        unusable(match error.kind() {
            ErrorKind::NotFound => format!("`{shown}` does not exist"),
            ErrorKind::NotADirectory => format!("`{shown}` is not a directory: name an empty one"),
            _ if is_dead(&error) => {
                format!("`{shown}` lies on a dead mount: `pipefs umount` or `umount -l` that first")
            }
            _ => format!("`{shown}` cannot be used: {error}"),
        })
    })
}

fn check_empty(dir: &Path) -> Result<(), Failure> {
    let shown = dir.display();
    match fs::read_dir(dir).and_then(|mut names| names.next().transpose()) {
        Ok(None) => Ok(()),
        Ok(Some(_)) => Err(unusable(format!(
            "{shown} is not empty: use another directory, or hide its files with -o nonempty"
        ))),
        Err(error) => Err(unreadable(dir, &error)),
    }
}

fn mounted_already(dir: &Path) -> Failure {
    let shown = dir.display();
    unusable(format!("{shown} is a pipefs mount already: use it, or `pipefs umount` it first"))
}

fn unreadable(dir: &Path, error: &io::Error) -> Failure {
    unusable(format!("{} cannot be read: {error}", dir.display()))
}

fn unusable(message: String) -> Failure {
    Failure::new(Exit::MountPoint, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_directory_is_found_whatever_its_name() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        for name in ["plain", "a b", "new\nline", "Grüße 管", "back\\040slash", "(deleted)"] {
            let dir = base.join(name);
            fs::create_dir(&dir).unwrap();
            let link = base.join("link");
            symlink(&dir, &link).unwrap();
            for way in [dir.clone(), link.clone(), dir.join("../link/.")] {
                assert_eq!(prepare(&way, false), Ok(dir.clone()), "{way:?}");
            }
            fs::remove_file(link).unwrap();
        }
        let binary = base.join(OsStr::from_bytes(b"\xff\xfe"));
        fs::create_dir(&binary).unwrap();
        assert_eq!(prepare(&binary, false), Ok(binary));
    }

    #[test]
    fn what_cannot_be_mounted_on_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let path = |name: &str| base.path().join(name);
        fs::create_dir(path("full")).unwrap();
        fs::write(path("full/file"), "").unwrap();
        symlink("loop", path("loop")).unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        let long = "n".repeat(300);
        let cases = [
            ("missing", "does not exist: make it with mkdir"),
            ("dangling", "does not exist"),
            ("full/file", "is not a directory"),
            ("full/file/x", "is not a directory"),
            ("full", "is not empty"),
            ("loop", "cannot be used: "),
            (long.as_str(), "cannot be used: "),
        ];
        for (name, expected) in cases {
            let failure = prepare(&path(name), false).unwrap_err();
            assert_eq!(failure.exit, Exit::MountPoint, "{name}");
            assert!(failure.message.contains(expected), "{failure}");
        }
        assert!(prepare(&path("full"), true).is_ok());
        assert!(prepare(Path::new(""), false).is_err());
    }

    #[test]
    fn one_mount_at_a_time_is_under_way() {
        let dir = tempfile::tempdir().unwrap();
        let claim = Claim::make(&dir.path().canonicalize().unwrap(), false).unwrap();
        let other = File::open(dir.path()).unwrap();
        let (other, errno) = Flock::lock(other, FlockArg::LockExclusiveNonblock).unwrap_err();
        assert_eq!(errno, nix::errno::Errno::EWOULDBLOCK);
        drop(claim);
        assert!(Flock::lock(other, FlockArg::LockExclusiveNonblock).is_ok());
    }

    #[test]
    fn only_the_root_of_a_mount_is_mounted() {
        let proc = MountPoint::find(Path::new("/proc")).unwrap();
        assert_eq!(proc.mounted().map(|mount| mount.filesystem.as_str()), Some("proc"));
        assert!(!proc.is_dead());
        let inside = MountPoint::find(Path::new("/proc/self/fd")).unwrap();
        assert_eq!(inside.mounted(), None);
        assert_eq!(inside.mount, proc.mount);
    }
}
