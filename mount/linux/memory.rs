//! How much memory a mount may use when nobody says: a quarter of what this process may have.

use std::fs;
use std::path::{Component, Path};

use pipefs::units::parse_size;

/// What a quarter is taken of when the machine does not tell its memory.
const UNKNOWN_RAM_BYTES: u64 = 1 << 30;

/// A quarter of RAM, or of the cgroup's limit (version 2) if that is lower, in bytes.
///
/// `root` is `/`, or a directory with a `proc` and a `sys` of its own.
#[must_use]
pub fn default_limit_bytes(root: &Path) -> u64 {
    let ram = ram_bytes(root).unwrap_or(UNKNOWN_RAM_BYTES);
    cgroup_limit_bytes(root).map_or(ram, |limit| limit.min(ram)) / 4
}

fn ram_bytes(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    parse_size(&line.replace(' ', "")).filter(|&bytes| bytes > 0)
}

/// The lowest limit on the way from this process's cgroup up to the root of cgroups.
fn cgroup_limit_bytes(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let group = Path::new(text.lines().find_map(|line| line.strip_prefix("0::/"))?);
    let groups = root.join("sys/fs/cgroup");
    let inside = group.components().all(|part| matches!(part, Component::Normal(_)));
    // A process outside the root of its cgroup namespace sees `/../…`: only the root is ours then.
    let group = if inside { group } else { Path::new("") };
    group
        .ancestors()
        .filter_map(|group| fs::read_to_string(groups.join(group).join("memory.max")).ok())
        .filter_map(|limit| limit.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const GIB: u64 = 1 << 30;

    fn machine(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn limit(files: &[(&str, &str)]) -> u64 {
        default_limit_bytes(machine(files).path())
    }

    const EIGHT: (&str, &str) =
        ("proc/meminfo", "MemTotal:        8388608 kB\nMemFree:  1 kB\nSwapTotal: 0 kB\n");

    #[test]
    fn a_quarter_of_ram() {
        assert_eq!(limit(&[EIGHT]), 2 * GIB);
        assert_eq!(limit(&[]), UNKNOWN_RAM_BYTES / 4);
        assert_eq!(limit(&[("proc/meminfo", "MemTotal: lots\n")]), UNKNOWN_RAM_BYTES / 4);
        assert!(default_limit_bytes(Path::new("/")) > 1 << 20);
    }

    #[test]
    fn the_lowest_limit_of_the_cgroups_counts() {
        let group = ("proc/self/cgroup", "1:name=systemd:/x\n0::/a/b\n");
        assert_eq!(limit(&[EIGHT, group]), 2 * GIB);
        let limits = |inner, outer| {
            limit(&[
                EIGHT,
                group,
                ("sys/fs/cgroup/a/b/memory.max", inner),
                ("sys/fs/cgroup/a/memory.max", outer),
            ])
        };
        assert_eq!(limits("max\n", "max\n"), 2 * GIB);
        assert_eq!(limits("max\n", "4294967296\n"), GIB);
        assert_eq!(limits("1073741824\n", "4294967296\n"), GIB / 4);
        assert_eq!(limits("1099511627776\n", "max\n"), 2 * GIB);
    }

    #[test]
    fn a_container_has_its_limit_at_the_root() {
        let limit_of = |group| {
            limit(&[EIGHT, ("proc/self/cgroup", group), ("sys/fs/cgroup/memory.max", "1073741824")])
        };
        assert_eq!(limit_of("0::/\n"), GIB / 4);
        assert_eq!(limit_of("0::/../../etc\n"), GIB / 4);
        assert_eq!(limit_of("4:memory:/x\n"), 2 * GIB);
    }
}
