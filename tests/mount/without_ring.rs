//! `-o uring` where there is no FUSE over io_uring: the mount works all the same.

use std::fs;

use crate::harness::mount::say_skipped;
use crate::harness::{run, sh, uring};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// Mounts by this script: `$1` is the command, `$2` the log and `$3` the directory.
fn assert_works_without(script: &str, why: &str) -> bool {
    let place = MountPoint::new();
    let log = place.path().with_file_name("log");
    let arguments = [env!("CARGO_BIN_EXE_pipefs").as_ref(), log.as_path(), place.path()];
    let output = run(&mut sh(script, &arguments), 6 * SOON);
    if output.status.code() == Some(BUSY) {
        return false;
    }
    assert_succeeded(&output);
    assert_eq!(uring::rings_of(place.drivers()[0]), 0);
    place.assert_it_works();
    assert_succeeded(&place.umount());
    place.assert_nothing_is_left();
    let said = fs::read_to_string(&log).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("not over io_uring") && said.contains(why), "{said}");
    fs::remove_file(&log).unwrap();
    true
}

/// The script could not be run, because others need what it would take away.
const BUSY: i32 = 75;

/// SEMANTICS: mount-uring-missing
#[test]
fn a_kernel_that_does_not_offer_it_is_served_through_dev_fuse() {
    skip_without_fuse!();
    skip_unless_root!();
    // As long as the lock is held, no test that needs the parameter begins.
    let script = r#"
        parameter=/sys/module/fuse/parameters/enable_uring
        [ -e "$parameter" ] || exec "$1" mount -o uring --log-file "$2" "$3"
        exec 9< "$parameter"
        flock -x -w 30 9 || exit 75
        before=$(cat "$parameter")
        trap 'echo "$before" > "$parameter"' EXIT
        echo N > "$parameter"
        "$1" mount -o uring --log-file "$2" "$3""#;
    if !assert_works_without(script, "the kernel does not offer it") {
        fn here() {}
        say_skipped(std::any::type_name_of_val(&here), "others need the kernel's parameter");
    }
}

/// SEMANTICS: mount-uring-missing
///
/// Here there is too little room for the entries of the rings.
#[test]
fn a_driver_that_can_have_no_ring_uses_dev_fuse() {
    skip_without_fuse!();
    let script = r#"ulimit -v 250000; exec "$1" mount -o uring --log-file "$2" "$3""#;
    assert!(assert_works_without(script, "io_uring cannot be used"));
}

/// SEMANTICS: mount-uring-missing
#[test]
fn auto_unmount_has_its_way_without_a_ring() {
    skip_without_fuse!();
    skip_unless_root!();
    let script = r#"exec "$1" mount -o uring,allow_other,auto_unmount --log-file "$2" "$3""#;
    assert!(assert_works_without(script, "auto_unmount"));
}
