//! No script or program is forgotten: files that no test names would never run.

use std::fs;

use crate::script::source;

/// Asserts that every file of a folder which ends in one of `extensions` is in `listed`.
#[track_caller]
pub(crate) fn every_file_is_listed(folder: &str, extensions: &[&str], listed: &[&str]) {
    let entries = fs::read_dir(source(folder)).expect("the tests' source is there");
    for entry in entries {
        let name = entry.expect("it can be listed").file_name();
        let name = name.to_str().expect("its names are text");
        let Some((stem, extension)) = name.rsplit_once('.') else { continue };
        if extensions.contains(&extension) && stem != "expect" {
            assert!(listed.contains(&name), "{folder}/{name} is in no test");
        }
    }
}
