//! What is an option and what is not.

use super::*;
use pipefs::settings::{Access, Mode};

/// Text followed by what is none on this system.
fn not_text(text: &str) -> OsString {
    let mut binary = OsString::from(text);
    #[cfg(unix)]
    binary.push(<OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff\xfe"));
    #[cfg(windows)]
    binary.push(<OsString as std::os::windows::ffi::OsStringExt>::from_wide(&[0xd800]));
    binary
}

fn parse(text: &str) -> Result<Options, OptionError> {
    Options::parse(&[text.into()], Unknown::Refused)
}

#[test]
fn options_are_understood() {
    let none = Options::default();
    let cases = [
        ("", none.clone()),
        (",,", none.clone()),
        ("rw,nodev,nosuid,noexec,noatime,relatime,defaults", none.clone()),
        ("auto,noauto,user,users,owner,_netdev,nofail,user=jo", none.clone()),
        ("x-systemd.automount,X-mount.mkdir=0755,comment=for a, test,", none.clone()),
        ("default_permissions", none.clone()),
        ("allow_other", Options { allow_other: true, ..none.clone() }),
        (
            "auto_unmount,,allow_other,",
            Options { allow_other: true, auto_unmount: true, ..none.clone() },
        ),
        ("uring", Options { uring: true, ..none.clone() }),
        ("nonempty", Options { nonempty: true, ..none.clone() }),
        ("memory=64M", Options { memory_bytes: Some(64 << 20), ..none.clone() }),
        ("user_memory=1M", Options { user_memory_bytes: Some(1 << 20), ..none.clone() }),
        ("max_pipes=7", Options { max_pipes: Some(7), ..none.clone() }),
        ("total_instances=unlimited", Options { total_instances: Some(u64::MAX), ..none.clone() }),
        ("memory=1G,memory=2MiB", Options { memory_bytes: Some(2 << 20), ..none.clone() }),
        ("fsname=a b=ü", Options { fsname: Some("a b=ü".into()), ..none.clone() }),
    ];
    for (text, expected) in cases {
        let text = text.replace("for a, test", "for a test");
        assert_eq!(parse(&text).as_ref(), Ok(&expected), "{text}");
    }
}

#[test]
fn every_setting_of_a_pipe_is_an_option() {
    let texts = ["access=duplex,mode=shared".into(), "capacity=4M,max_instances=7".into()];
    let defaults = Options::parse(&texts, Unknown::Refused).unwrap().defaults;
    assert_eq!(defaults.access, Access::Duplex);
    assert_eq!(defaults.mode, Mode::Shared);
    assert_eq!(defaults.capacity_bytes, 4 << 20);
    assert_eq!(defaults.max_instances, Some(7));
    for key in Settings::KEYS {
        let value = Settings::default().get(key).unwrap();
        assert_eq!(parse(&format!("{key}={value}")), Ok(Options::default()), "{key}");
    }
}

#[test]
fn a_bad_option_is_refused_by_name() {
    let huge = "9".repeat(1 << 20);
    let cases = [
        ("colour=red", "unknown mount option `colour`; there are: allow_other"),
        ("alow_other", "did you mean `allow_other`?"),
        ("MEMORY=64M", "did you mean `memory`?"),
        ("capacty=1M", "did you mean `capacity`?"),
        ("rw=1", "unknown mount option `rw`"),
        ("=", "unknown mount option ``"),
        (" memory=64M", "did you mean `memory`?"),
        (huge.as_str(), "unknown mount option `999"),
        ("memory", "`` is no value for the mount option memory: expected at least 1M"),
        ("memory=", "`` is no value for the mount option memory"),
        ("memory=0", "`0` is no value"),
        ("user_memory=1000K", "`1000K` is no value for the mount option user_memory"),
        ("max_pipes", "`` is no value for the mount option max_pipes: expected a number from 1"),
        ("max_pipes=0", "`0` is no value"),
        ("max_pipes=1K", "`1K` is no value"),
        ("max_pipe=1", "did you mean `max_pipes`?"),
        ("total_instances=+1", "`+1` is no value for the mount option total_instances"),
        ("memory=1023K", "`1023K` is no value"),
        ("memory=-1", "`-1` is no value"),
        ("memory=1.5G", "`1.5G` is no value"),
        ("memory=99999999999999999999", "is no value"),
        ("memory=16777216T", "is no value"),
        ("memory=\0\u{1b}", "is no value"),
        ("capacity", "`` is no value for capacity: expected 1 to 1T"),
        ("capacity=-5", "`-5` is no value for capacity"),
        ("capacity=0", "`0` is no value for capacity"),
        ("max_instances=256", "`256` is no value for max_instances"),
        ("mode=both", "`both` is no value for mode"),
        ("allow_other=yes", "allow_other takes no value"),
        ("nonempty=", "nonempty takes no value"),
        ("fsname=", "`` is no value for the mount option fsname"),
        ("fsname=a\\b", "is no value for the mount option fsname"),
        ("fsname=a\nb", "is no value for the mount option fsname"),
        ("rw,ro", "a pipe must be writable"),
        ("remount,rw", "unmount it and mount it anew"),
        ("auto_unmount", "auto_unmount needs allow_other"),
    ];
    for (text, expected) in cases {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.len() < 400, "{} characters", message.len());
    }
    for key in ["memory", "capacity", "fsname=\\", "access"] {
        let message = parse(&format!("{key}={huge}")).unwrap_err().to_string();
        assert!(message.len() < 400, "{key}: {} characters", message.len());
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let binary = not_text("fsname=");
    let error = Options::parse(std::slice::from_ref(&binary), Unknown::Tolerated).unwrap_err();
    assert!(error.to_string().contains("not UTF-8"), "{error}");
    assert!(Options::default().set_source(&binary).is_err());
}

#[test]
fn sloppy_passes_over_the_unknown_only() {
    let sloppy = |text: &str| Options::parse(&[text.into()], Unknown::Tolerated);
    assert_eq!(sloppy("colour=red,nonempty").map(|options| options.nonempty), Ok(true));
    assert!(sloppy("memory=lots").is_err());
    assert!(sloppy("ro").is_err());
}

#[test]
fn the_source_names_the_mount_unless_an_option_does() {
    let named = |text: &str, source: &str| {
        let mut options = parse(text).unwrap();
        options.set_source(source.as_ref()).map(|()| options.fsname)
    };
    assert_eq!(named("", "build pipes"), Ok(Some("build pipes".into())));
    assert_eq!(named("", "none"), Ok(None));
    assert_eq!(named("", "pipefs"), Ok(None));
    assert_eq!(named("fsname=a", "b"), Ok(Some("a".into())));
    assert!(named("", "a,allow_other").is_err());
    assert!(named("", "").is_err());
}

#[test]
fn what_only_windows_needs_is_an_option_there_alone() {
    if cfg!(windows) {
        let wait = |text| parse(text).map(|options| options.wait);
        assert_eq!(wait("wait=30s"), Ok(Some(Duration::from_secs(30))));
        assert_eq!(wait("wait=none"), Ok(Some(Duration::MAX)));
        assert_eq!(parse("no_doors").map(|options| options.no_doors), Ok(true));
        for bad in ["wait", "wait=", "wait=0s", "wait=-1s", "wait=soon"] {
            let message = parse(bad).unwrap_err().to_string();
            assert!(message.contains("no value for the mount option wait"), "{message}");
        }
    } else {
        for unknown in ["wait=30s", "no_doors"] {
            let message = parse(unknown).unwrap_err().to_string();
            assert!(message.contains("unknown mount option"), "{message}");
        }
    }
}
