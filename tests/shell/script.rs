//! Programs of other languages as tests: each gets a mount's directory as its first argument, an
//! ordinary directory for its own files in `TMPDIR`, and a deadline. It says what is wrong and
//! ends with a status other than 0.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use std::{env, fs};

use crate::harness::{Mount, run, watchdog};

/// Longer than any of them needs on a loaded machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where the tests' own files are: the folder `tests` of the project.
pub(crate) fn source(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests").join(file)
}

/// Asserts that a program is installed.
#[track_caller]
pub(crate) fn needs(program: &str) {
    let path = env::var_os("PATH").expect("PATH is set");
    let found = env::split_paths(&path).any(|dir| dir.join(program).is_file());
    assert!(found, "{program} is missing: run scripts/setup.sh");
}

/// Runs a program, or an interpreter with its script, on a mount of its own.
#[track_caller]
pub(crate) fn passes(program: &mut Command, script: Option<&Path>, arguments: &[&str]) {
    passes_on(&Mount::new(), program, script, arguments);
}

/// Runs a program, or an interpreter with its script, on a mount that may have seen others.
#[track_caller]
pub(crate) fn passes_on(
    mount: &Mount,
    program: &mut Command,
    script: Option<&Path>,
    arguments: &[&str],
) {
    passes_in(mount.dir(), program, script, arguments);
}

/// Runs a program, or an interpreter with its script, in any directory, and gives its output.
#[track_caller]
pub(crate) fn passes_in(
    dir: &Path,
    program: &mut Command,
    script: Option<&Path>,
    arguments: &[&str],
) -> Output {
    let scratch = watchdog::new_directory();
    program.args(script).arg(dir).args(arguments).env("TMPDIR", &scratch);
    // Python would leave its compiled modules beside the source.
    program.env("PYTHONDONTWRITEBYTECODE", "1").env("LC_ALL", "C.UTF-8");
    let output = succeeds(program, DEADLINE);
    fs::remove_dir_all(scratch).expect("the program's own files can be removed");
    output
}

/// Runs a program that must end with status 0, and gives its output.
#[track_caller]
pub(crate) fn succeeds(program: &mut Command, deadline: Duration) -> Output {
    let output = run(program, deadline);
    assert!(
        output.status.success(),
        "{program:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
