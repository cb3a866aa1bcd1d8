//! Names and directories: making, renaming and removing them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libc::{O_CREAT, O_RDONLY, O_RDWR, O_WRONLY, RENAME_NOREPLACE};

use crate::harness::calls::rename_with;
use crate::harness::{Errno, Mount};
use crate::skip_without_fuse;

fn listed(dir: &Path) -> BTreeSet<OsString> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

fn rename(from: &Path, to: &Path) -> Result<(), Errno> {
    fs::rename(from, to).map_err(Errno::from)
}

/// SEMANTICS: dir-tree
#[test]
fn directories_can_be_made_nested_and_removed() {
    skip_without_fuse!();
    let mount = Mount::new();
    let made = |path: &str| fs::create_dir(mount.path(path)).map_err(Errno::from);
    let removed = |path: &str| fs::remove_dir(mount.path(path)).map_err(Errno::from);
    assert_eq!(made("a"), Ok(()));
    assert_eq!(made("a"), Err(Errno::EEXIST));
    assert_eq!(made("a/b"), Ok(()));
    assert_eq!(made("no/b"), Err(Errno::ENOENT));
    let deep = "a/b/".to_owned() + &"x/".repeat(50);
    fs::create_dir_all(mount.path(&deep)).unwrap();
    let name = deep + "p";
    mount.open(&name, O_WRONLY | O_CREAT).write_all(b"deep").unwrap();
    assert_eq!(mount.open(&name, O_RDONLY).read_to_end().unwrap(), b"deep");
    mount.make("a/p");
    assert_eq!(made("a/p"), Err(Errno::EEXIST));
    assert_eq!(made("a/p/below"), Err(Errno::ENOTDIR));
    assert_eq!(listed(&mount.path("a")), [OsString::from("b"), "p".into()].into());
    assert_eq!(removed("a"), Err(Errno::ENOTEMPTY));
    assert_eq!(removed("a/p"), Err(Errno::ENOTDIR));
    assert_eq!(removed("a/no"), Err(Errno::ENOENT));
    let unlinked = fs::remove_file(mount.path("a/b")).map_err(Errno::from);
    assert_eq!(unlinked, Err(Errno::EISDIR));
    fs::remove_dir_all(mount.path("a")).unwrap();
    assert_eq!(listed(mount.dir()), BTreeSet::new());
    assert!(fs::metadata(mount.path("a")).is_err());
}

/// SEMANTICS: dir-tree
///
/// A directory of the same name in two places is two directories, and their links are counted.
#[test]
fn directories_look_as_they_do_elsewhere() {
    skip_without_fuse!();
    use std::os::unix::fs::MetadataExt;
    let mount = Mount::new();
    fs::create_dir(mount.path("a")).unwrap();
    fs::create_dir(mount.path("a/a")).unwrap();
    let (outer, inner) = (mount.path("a"), mount.path("a/a"));
    let (outer, inner) = (fs::metadata(outer).unwrap(), fs::metadata(inner).unwrap());
    assert!(outer.is_dir() && inner.is_dir());
    assert_ne!(outer.ino(), inner.ino());
    assert_eq!(fs::metadata(mount.path("a/a/..")).unwrap().ino(), outer.ino());
    let up = fs::metadata(mount.path("a/..")).unwrap();
    assert_eq!(up.ino(), fs::metadata(mount.dir()).unwrap().ino());
}

/// SEMANTICS: dir-rename
#[test]
fn a_pipe_is_renamed_with_its_data_and_its_ends() {
    skip_without_fuse!();
    let mount = Mount::new();
    fs::create_dir(mount.path("d")).unwrap();
    let (p, q, r) = (mount.path("p"), mount.path("d/q"), mount.path("r"));
    let server = mount.open("p", O_RDWR | O_CREAT);
    let client = mount.open("p", O_RDWR);
    rename(&p, &q).unwrap();
    assert_eq!(mount.refused("p", O_RDONLY), Errno::ENOENT);
    server.write_all(b"goes on").unwrap();
    assert_eq!(client.read(99).unwrap(), b"goes on");
    drop((server, client));
    mount.open("d/q", O_WRONLY).write_all(b"moved").unwrap();
    // Onto a pipe that is idle: that one is gone, its name leads to the other.
    mount.make("r");
    rename(&q, &r).unwrap();
    assert_eq!(listed(mount.dir()), [OsString::from("d"), "r".into()].into());
    assert_eq!(mount.open("r", O_RDONLY).read_to_end().unwrap(), b"moved");
    rename(&r, &r).unwrap();
    assert_eq!(rename(&p, &r), Err(Errno::ENOENT));
}

/// SEMANTICS: dir-rename
#[test]
fn a_pipe_in_use_is_not_replaced() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (idle, busy) = (mount.make("idle"), mount.make("busy"));
    let server = mount.open("busy", O_WRONLY);
    assert_eq!(rename(&idle, &busy), Err(Errno::EBUSY), "an end is open");
    server.write_all(b"data").unwrap();
    drop(server);
    assert_eq!(rename(&idle, &busy), Err(Errno::EBUSY), "data waits");
    assert_eq!(mount.open("busy", O_RDONLY).read_to_end().unwrap(), b"data");
    assert_eq!(rename(&idle, &busy), Ok(()), "idle again");
}

/// SEMANTICS: dir-rename
#[test]
fn pipes_and_directories_do_not_replace_each_other() {
    skip_without_fuse!();
    let mount = Mount::new();
    let pipe = mount.make("p");
    let other = mount.make("other");
    let (dir, full) = (mount.path("d"), mount.path("full"));
    fs::create_dir(&dir).unwrap();
    fs::create_dir(&full).unwrap();
    mount.make("full/p");
    assert_eq!(rename(&pipe, &dir), Err(Errno::EISDIR));
    assert_eq!(rename(&dir, &pipe), Err(Errno::ENOTDIR));
    assert_eq!(rename(&dir, &full), Err(Errno::ENOTEMPTY));
    assert_eq!(rename(&full, &full.join("below")), Err(Errno::EINVAL));
    assert_eq!(rename_with(&pipe, &other, RENAME_NOREPLACE), Err(Errno::EEXIST));
    assert_eq!(rename_with(&pipe, &mount.path("new"), RENAME_NOREPLACE), Ok(()));
    assert_eq!(rename(&full, &dir), Ok(()), "onto an empty directory");
    assert_eq!(listed(&dir), [OsString::from("p")].into());
}

/// SEMANTICS: dir-links
#[test]
fn links_are_refused() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (pipe, new) = (mount.make("p"), mount.path("new"));
    assert_eq!(fs::hard_link(&pipe, &new).map_err(Errno::from), Err(Errno::EPERM));
    let symbolic = std::os::unix::fs::symlink(&pipe, &new).map_err(Errno::from);
    assert_eq!(symbolic, Err(Errno::EPERM));
    assert_eq!(listed(mount.dir()), [OsString::from("p")].into());
}

/// SEMANTICS: dir-names
#[test]
fn names_have_up_to_255_bytes() {
    skip_without_fuse!();
    let mount = Mount::new();
    let (longest, longer) = ("x".repeat(255), "x".repeat(256));
    mount.open(&longest, O_WRONLY | O_CREAT).write_all(b"long").unwrap();
    assert_eq!(mount.open(&longest, O_RDONLY).read_to_end().unwrap(), b"long");
    assert_eq!(listed(mount.dir()), [OsString::from(&longest)].into());
    assert_eq!(mount.refused(&longer, O_WRONLY | O_CREAT), Errno::ENAMETOOLONG);
    assert_eq!(mount.refused(&longer, O_RDONLY), Errno::ENAMETOOLONG);
    let renamed = rename(&mount.path(&longest), &mount.path(&longer));
    assert_eq!(renamed, Err(Errno::ENAMETOOLONG));
    let made = fs::create_dir(mount.path(&longer)).map_err(Errno::from);
    assert_eq!(made, Err(Errno::ENAMETOOLONG));
}

/// SEMANTICS: dir-names
///
/// Names are bytes.
#[test]
fn odd_names_are_names() {
    skip_without_fuse!();
    let mount = Mount::new();
    let names: [&[u8]; 16] = [
        b" ",
        b"with space",
        b"new\nline",
        b"\ttab",
        b"-n",
        b"--",
        b"*",
        b"...",
        b".hidden",
        b"back\\slash",
        b"quote'\"`$(x)",
        b"\x01\x7f",
        "Grüße 🙂".as_bytes(),
        b"invalid \xff\xfe utf-8",
        b"case",
        b"Case",
    ];
    for name in names {
        let path = mount.dir().join(OsStr::from_bytes(name));
        let writer = crate::harness::Fd::open(&path, O_WRONLY | O_CREAT).unwrap();
        writer.write_all(name).unwrap();
    }
    let wanted: BTreeSet<_> = names.iter().map(|name| OsStr::from_bytes(name).into()).collect();
    assert_eq!(listed(mount.dir()), wanted);
    for name in names {
        let path = mount.dir().join(OsStr::from_bytes(name));
        let reader = crate::harness::Fd::open(&path, O_RDONLY).unwrap();
        assert_eq!(reader.read_to_end().unwrap(), name);
        fs::remove_file(&path).unwrap();
    }
    assert_eq!(listed(mount.dir()), BTreeSet::new());
}

/// SEMANTICS: dir-tree
///
/// A directory with more entries than fit in one answer is listed whole, each entry once.
#[test]
fn a_large_directory_is_listed_whole() {
    skip_without_fuse!();
    let mount = Mount::new();
    let wanted: BTreeSet<OsString> =
        (0..3_000).map(|number| format!("{number:0>100}").into()).collect();
    for name in &wanted {
        mount.make(name.to_str().unwrap());
    }
    let entries: Vec<_> = fs::read_dir(mount.dir()).unwrap().collect();
    assert_eq!(entries.len(), wanted.len());
    assert_eq!(listed(mount.dir()), wanted);
    // Removed while it is being listed, as `rm -r` does.
    for entry in fs::read_dir(mount.dir()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert_eq!(listed(mount.dir()), BTreeSet::new());
}

/// SEMANTICS: name-stays
#[test]
fn a_name_stays_until_it_is_removed() {
    skip_without_fuse!();
    let mount = Mount::new();
    drop(mount.open("p", O_WRONLY | O_CREAT));
    mount.open("p", O_WRONLY).write_all(b"x").unwrap();
    mount.open("p", O_RDONLY).read_to_end().unwrap();
    assert_eq!(listed(mount.dir()), [OsString::from("p")].into());
    fs::remove_file(mount.path("p")).unwrap();
    assert_eq!(mount.refused("p", O_WRONLY), Errno::ENOENT);
    let again = fs::remove_file(mount.path("p")).map_err(Errno::from);
    assert_eq!(again, Err(Errno::ENOENT));
}
