//! Which directory `pipefs ls` takes when none is named. How many mounts there are is known only in
//! a mount namespace of its own.

use crate::harness::watchdog::new_directory;
use crate::harness::{Mount, command, pipefs, run};
use crate::{Ran, SOON, skip_unless_root, skip_without_fuse};

/// SEMANTICS: command-ls
#[test]
fn the_current_directory_is_listed() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("here");
    std::fs::create_dir(mount.path("sub")).unwrap();
    mount.make("sub/inner");
    let text = Ran::from(run(pipefs().arg("ls").current_dir(mount.dir()), SOON)).text();
    assert!(text.contains(" here\n") && text.contains(" sub/\n"), "{text}");
    let text = Ran::from(run(pipefs().arg("ls").current_dir(mount.path("sub")), SOON)).text();
    assert!(text.ends_with(" inner\n") && text.lines().count() == 1, "{text}");
}

/// Run by root in a new mount namespace, in a directory with `one` and `two`. Other tests' mounts
/// are taken out of it. Some end meanwhile: hence the loop, and umount's complaints are no matter.
const NAMESPACE: &str = r#"
    set -u
    while grep -q ' fuse.pipefs ' /proc/self/mounts; do
        grep ' fuse.pipefs ' /proc/self/mounts | while read -r source dir rest; do
            umount -l "$dir" 2> /dev/null
        done
    done
    "$0" ls; echo "none: $?"
    "$0" mount one && touch one/in_one
    "$0" ls; echo "one: $?"
    "$0" mount two && touch two/in_two
    "$0" ls; echo "two: $?"
    "$0" umount one; "$0" umount two
"#;

/// SEMANTICS: command-ls, command-errors
#[test]
fn the_only_mount_is_listed_and_of_several_none() {
    skip_without_fuse!();
    skip_unless_root!();
    let place = new_directory();
    std::fs::create_dir(place.join("one")).unwrap();
    std::fs::create_dir(place.join("two")).unwrap();
    let mut unshare = command("unshare");
    unshare.args(["--mount", "--propagation", "private", "sh", "-c", NAMESPACE]);
    let output = run(unshare.arg(env!("CARGO_BIN_EXE_pipefs")).current_dir(&place), SOON);
    let printed = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 4, "{output:?}");
    assert_eq!((lines[0], lines[2], lines[3]), ("none: 5", "one: 0", "two: 5"), "{output:?}");
    assert!(lines[1].ends_with(" in_one"), "{printed}");
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("`pipefs mount DIR`"), "{said:?}");
    assert!(said[1].contains("/one, ") && said[1].contains("/two"), "{said:?}");
}
