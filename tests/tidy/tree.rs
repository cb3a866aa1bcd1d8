//! The files that the rules apply to.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// Directories that hold no source where there is no git to ask.
const NOT_SOURCE: [&str; 5] = [".git", "target", "__pycache__", "node_modules", ".cache"];

/// Inputs of the tests, byte for byte as they were found.
const NOT_TEXT: &str = "tests/fuzz/corpus/";

/// One file of the project.
pub(crate) struct File {
    /// Where it is, from the root of the workspace, with `/`.
    pub(crate) path: String,
    /// What is in it; a file that is not UTF-8 is not in the tree.
    pub(crate) text: String,
}

impl File {
    /// The lines, counted from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// What follows the name's last dot, or nothing.
    pub(crate) fn extension(&self) -> &str {
        self.name().rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// A Rust file.
    pub(crate) fn is_rust(&self) -> bool {
        self.extension() == "rs"
    }

    /// A Markdown file.
    pub(crate) fn is_markdown(&self) -> bool {
        self.extension() == "md"
    }

    /// Whether the file lies under one of these folders, or is one of these files.
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| match place.strip_suffix('/') {
            Some(_) => self.path.starts_with(place),
            None => self.path == *place,
        })
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every text file, in the order of their paths: what git tracks or would add, and where git does
/// not answer (a source archive) everything that is not a build's.
pub(crate) fn files() -> Vec<File> {
    let mut paths = listed_by_git().unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(&root(), "", &mut found).expect("the workspace can be read");
        found
    });
    paths.retain(|path| !path.starts_with(NOT_TEXT));
    paths.sort();
    paths.dedup();
    let files: Vec<File> = paths
        .into_iter()
        .filter_map(|path| {
            let bytes = fs::read(root().join(&path)).ok()?;
            Some(File { text: String::from_utf8(bytes).ok()?, path })
        })
        .collect();
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "found no Cargo.toml: wrong root?");
    files
}

/// One file by its path.
///
/// # Panics
/// If it is not there.
pub(crate) fn file(path: &str) -> File {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    File { path: path.to_owned(), text }
}

fn listed_by_git() -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .ok()?;
    let list = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = list.split_terminator('\0').map(str::to_owned).collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

fn walk(directory: &Path, prefix: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type()?;
        if kind.is_dir() && !NOT_SOURCE.contains(&name.as_str()) {
            walk(&entry.path(), &format!("{prefix}{name}/"), found)?;
        } else if kind.is_file() {
            found.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}
