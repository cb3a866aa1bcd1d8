//! Values that no setting takes: by `set`, `create`, setxattr(2) and `-o` of `mount`. Nothing
//! changes, nothing is made, and the line says what would have been taken.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use pipefs::Settings;

use crate::harness::calls::{attribute, set_attribute};
use crate::harness::mount::is_mounted;
use crate::harness::watchdog::new_directory;
use crate::harness::{Errno, Mount, pipefs, run};
use crate::{Ran, SOON, skip_without_fuse};

/// Bad for every setting: empty, negative, of another kind, binary, steering, and huge.
fn bad_values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        &b""[..],
        b"-1",
        b"0",
        b"+1",
        b"1.5M",
        b"99999999999999999999",
        b"16777216T",
        b"none at all",
        b" ",
        b"keep ",
        b"\xff\xfe",
        b"\x1b[31m",
        b"4M\n",
        b"=",
        "\u{202e}".as_bytes(),
    ]
    .map(<[u8]>::to_vec)
    .into();
    values.push(vec![b'9'; 50_000]);
    values.push(vec![0xff; 50_000]);
    values
}

fn joined(parts: [&[u8]; 2]) -> OsString {
    OsString::from_vec(parts.concat())
}

fn everything(mount: &Mount) -> Vec<Vec<u8>> {
    let read = |key| attribute(mount.path("p"), &format!("user.pipefs.{key}")).unwrap();
    Settings::KEYS.map(read).into()
}

/// The line that a refused value gets: short, harmless, and with what is expected.
#[track_caller]
fn assert_explained(key: &str, said: &str) {
    assert!(said.contains(key) && said.contains("expected "), "{said}");
    assert!(said.len() < 400, "{} bytes", said.len());
    assert!(said.trim_end().chars().all(|c| !c.is_control() && c != '\u{202e}'), "{said:?}");
}

/// SEMANTICS: command-set, command-errors
#[test]
fn set_changes_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let before = everything(&mount);
    for key in Settings::KEYS {
        for value in bad_values() {
            let change = joined([format!("{key}=").as_bytes(), &value]);
            let output = run(pipefs().arg("set").arg(&path).arg("capacity=7").arg(change), SOON);
            assert_explained(key, &Ran::from(output).refusal(2));
        }
    }
    assert_eq!(everything(&mount), before);
}

/// SEMANTICS: command-create, command-errors
#[test]
fn create_makes_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    let create = |options: &[&OsStr]| -> Ran {
        run(pipefs().arg("create").arg(&path).arg("--linger=drop").args(options), SOON).into()
    };
    for key in Settings::KEYS {
        let option = format!("--{}", key.replace('_', "-"));
        for value in bad_values() {
            let said = create(&[option.as_ref(), OsStr::from_bytes(&value)]).refusal(2);
            assert_explained(key, &said);
            let item = joined([format!("{key}=").as_bytes(), &value]);
            assert_explained(key, &create(&["-o".as_ref(), &item]).refusal(2));
        }
    }
    for options in [["-o", "colour=red"], ["-o", "allow_other"], ["--colour", "red"]] {
        create(&options.map(OsStr::new)).refusal(2);
    }
    assert_eq!(std::fs::read_dir(mount.dir()).unwrap().count(), 0);
}

/// SEMANTICS: attribute-refused
#[test]
fn attributes_change_nothing() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.make("p");
    let before = everything(&mount);
    for key in Settings::KEYS {
        for value in bad_values() {
            let name = format!("user.pipefs.{key}");
            let length = value.len();
            assert_eq!(set_attribute(&path, &name, &value), Err(Errno::EINVAL), "{key} {length}");
        }
    }
    assert_eq!(everything(&mount), before);
}

/// SEMANTICS: set-refused
#[test]
fn mount_mounts_nothing() {
    skip_without_fuse!();
    let dir = new_directory();
    for key in Settings::KEYS {
        for value in bad_values() {
            let option = joined([format!("{key}=").as_bytes(), &value]);
            let output = run(pipefs().args(["mount", "-o"]).arg(&option).arg(&dir), SOON);
            let said = Ran::from(output).refusal(2);
            // What is no text is refused as a whole.
            if str::from_utf8(&value).is_ok() {
                assert_explained(key, &said);
            } else {
                assert!(said.contains("not UTF-8") && said.len() < 400, "{said}");
            }
        }
    }
    assert!(!is_mounted(&dir));
    std::fs::remove_dir(dir).unwrap();
}
