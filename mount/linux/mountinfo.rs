//! The kernel's list of mounts, /proc/self/mountinfo.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The type under which a pipefs mount is listed.
pub const PIPEFS_TYPE: &str = "fuse.pipefs";

/// One mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The mount's number; a later mount may get it again once this one is gone.
    pub id: u64,
    /// Where it is mounted, as seen from this process's root.
    pub mount_point: PathBuf,
    /// The filesystem's type, with a FUSE filesystem's subtype after a dot.
    pub filesystem: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mount_point.display().fmt(f)
    }
}

impl Entry {
    /// This mount as it is listed now: its path changes when a directory above it is renamed.
    ///
    /// # Errors
    /// /proc is not there.
    pub fn now(&self) -> io::Result<Option<Self>> {
        let is_this = |other: &Self| (other.id, &other.filesystem) == (self.id, &self.filesystem);
        Ok(read()?.into_iter().find(is_this))
    }

    /// Whether a pipefs is mounted here, alive or dead.
    #[must_use]
    pub fn is_pipefs(&self) -> bool {
        self.filesystem == PIPEFS_TYPE
    }
}

/// All mounts that this process can see.
///
/// # Errors
/// /proc is not there.
pub fn read() -> io::Result<Vec<Entry>> {
    Ok(parse(&fs::read("/proc/self/mountinfo")?))
}

/// Reads the text of a mountinfo file; lines of another form are passed over.
#[must_use]
pub fn parse(text: &[u8]) -> Vec<Entry> {
    text.split(|&byte| byte == b'\n').filter_map(entry).collect()
}

/// Reads `ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [FIELD…] - TYPE SOURCE SUPER-OPTIONS`.
fn entry(line: &[u8]) -> Option<Entry> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let mount_point = unescaped(fields.nth(3)?);
    // How many optional fields there are differs from mount to mount; a dash ends them.
    fields.by_ref().skip(1).find(|field| field == b"-")?;
    let filesystem = String::from_utf8_lossy(&unescaped(fields.next()?)).into_owned();
    Some(Entry { id, mount_point: OsString::from_vec(mount_point).into(), filesystem })
}

/// Undoes the kernel's escapes: a backslash and three octal digits stand for one byte.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        match (first, octal(after)) {
            (b'\\', Some(byte)) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

/// The byte that three octal digits at the start of `text` mean.
fn octal(text: &[u8]) -> Option<u8> {
    let digits = text.get(..3)?;
    let value = digits.iter().try_fold(0u16, |value, digit| {
        matches!(digit, b'0'..=b'7').then(|| value * 8 + u16::from(digit - b'0'))
    })?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn mount_point(line: &[u8]) -> Vec<u8> {
        let entries = parse(line);
        assert_eq!(entries.len(), 1, "{}", String::from_utf8_lossy(line));
        entries[0].mount_point.as_os_str().as_bytes().to_vec()
    }

    #[test]
    fn a_line_is_taken_apart() {
        let text = b"\
            22 1 254:0 / / rw,relatime - ext4 /dev/root rw\n\
            36 22 0:31 / /mnt/a rw,nosuid shared:7 master:2 - fuse.pipefs pipefs rw,user_id=0\n\
            40 22 0:33 / /mnt/- rw - tmpfs - rw\n";
        let entry = |id, mount_point: &str, filesystem: &str| Entry {
            id,
            mount_point: mount_point.into(),
            filesystem: filesystem.into(),
        };
        let expected = [
            entry(22, "/", "ext4"),
            entry(36, "/mnt/a", PIPEFS_TYPE),
            entry(40, "/mnt/-", "tmpfs"),
        ];
        assert_eq!(parse(text), expected);
        assert_eq!(expected.each_ref().map(Entry::is_pipefs), [false, true, false]);
    }

    #[test]
    fn escapes_are_undone() {
        let escaped: [(&[u8], &[u8]); 8] = [
            (b"/a\\040b", b"/a b"),
            (b"/a\\011b\\012c", b"/a\tb\nc"),
            (b"/back\\134slash\\134040", b"/back\\slash\\040"),
            (b"/hash\\043", b"/hash#"),
            ("/Grüße".as_bytes(), "/Grüße".as_bytes()),
            (b"/no\xff\\777text\\", b"/no\xff\\777text\\"),
            (b"/short\\04", b"/short\\04"),
            (b"/no\\089digits", b"/no\\089digits"),
        ];
        for (escaped, plain) in escaped {
            let line = [b"36 22 0:31 / ", escaped, b" rw - fuse.pipefs a\\040b rw"].concat();
            assert_eq!(mount_point(&line), plain, "{}", String::from_utf8_lossy(escaped));
        }
    }

    #[test]
    fn lines_of_another_form_are_passed_over() {
        let text = b"\n36\nx 22 0:31 / /a rw - tmpfs t rw\n1 2 3 4 /a rw tmpfs\n1 2 3 4 /a rw -\n";
        assert_eq!(parse(text), []);
        assert!(!read().unwrap().is_empty());
    }
}
