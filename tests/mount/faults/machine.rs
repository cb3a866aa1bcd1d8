//! The machine lacks something.

use libc::{O_CREAT, O_RDONLY, O_WRONLY};

use crate::harness::mount::is_mounted;
use crate::harness::{Fd, run, sh};
use crate::session::{MountPoint, assert_succeeded};
use crate::{SOON, skip_without_fuse};

/// With too few descriptors nothing is mounted, and the message says so; with enough of them the
/// mount needs no more, whatever its clients do.
#[test]
fn a_driver_with_few_descriptors_mounts_and_works_or_says_why_not() {
    skip_without_fuse!();
    let mut worked = 0;
    for limit in 3..24 {
        let place = MountPoint::new();
        let script = r#"ulimit -n "$1"; exec "$2" mount "$3""#;
        let pipefs = env!("CARGO_BIN_EXE_pipefs");
        let arguments = [&limit.to_string(), pipefs, place.path().to_str().unwrap()];
        let output = run(&mut sh(script, &arguments), SOON);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(worked, 0, "{limit} are fewer than were enough: {said}");
            assert!(!said.contains("panicked") && !said.is_empty(), "{limit}: {said}");
            assert!(!is_mounted(place.path()), "{limit}: {said}");
            continue;
        }
        worked += 1;
        // A close that waits is looked up in /proc, for which a descriptor is needed.
        let linger = r#"setfattr -n user.pipefs.linger -v flush "$1"/flushed"#;
        let ends: Vec<_> = (0..300)
            .map(|number| Fd::open(place.path().join(number.to_string()), O_WRONLY | O_CREAT))
            .collect::<Result<_, _>>()
            .unwrap();
        Fd::open(place.path().join("flushed"), O_WRONLY | O_CREAT).unwrap().close().unwrap();
        assert_succeeded(&run(&mut sh(linger, &[place.path()]), SOON));
        let script = r#"(echo flushed > "$1") & cat "$1"; wait"#;
        let output = run(&mut sh(script, &[place.path().join("flushed")]), SOON);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "flushed\n", "{limit}");
        ends.iter().for_each(|end| end.write_all(b"x").unwrap());
        drop(ends);
        let client = Fd::open(place.path().join("299"), O_RDONLY).unwrap();
        assert_eq!(client.read_to_end().unwrap(), b"x");
        drop(client);
        assert_succeeded(&place.umount());
        place.assert_nothing_is_left();
    }
    assert!(worked > 3, "{worked} limits were enough");
}

/// A log that cannot be written is no reason to stop.
#[test]
fn a_full_disk_under_the_log_does_not_stop_the_mount() {
    skip_without_fuse!();
    for verbosity in ["-v", "-vvv"] {
        let place = MountPoint::new();
        assert_succeeded(&place.mount(&[verbosity, "--log-file", "/dev/full"]));
        for _ in 0..20 {
            place.assert_it_works();
        }
        assert_succeeded(&place.umount());
        place.assert_nothing_is_left();
    }
}
