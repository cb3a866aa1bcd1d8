//! What cleans up when the test binary ends in any way, SIGKILL included.
//!
//! One shell per test binary holds the read end of a pipe whose only write end is in this
//! process. When this process is gone, the shell reads end of file; it then kills whatever was
//! started by the harness, unmounts lazily what is mounted below the test directory, and removes
//! the directory. It finds the processes by a variable in their environment, which also reaches
//! daemons that left their parent and the children of children.
//!
//! `PR_SET_PDEATHSIG` was not chosen: the signal comes when the *thread* that forked ends, and
//! libtest runs each test in a thread of its own; a daemon that forks loses it, too.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable in the environment of everything that the harness starts; its value is [`base`].
pub const MARK: &str = "PIPEFS_TEST_BASE";

/// `$1` is the test directory, `$2` the mark.
const SCRIPT: &str = r#"
cat >/dev/null
for round in 1 2; do
    for process in /proc/[0-9]*; do
        if grep -qsF "$2=$1" "$process/environ" || grep -qsF "$1/" "$process/cmdline"; then
            kill -KILL "${process#/proc/}" 2>/dev/null
        fi
    done
done
grep -F " $1/" /proc/self/mounts | while read -r source dir rest; do
    umount -l "$(printf %b "$dir")"
done
rm -rf --one-file-system "$1"
"#;

struct Watchdog {
    base: PathBuf,
    /// Never read: its standard input must live as long as this process.
    _shell: Child,
}

static WATCHDOG: LazyLock<Watchdog> = LazyLock::new(|| {
    let base = tempfile::Builder::new()
        .prefix("pipefs-test-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .expect("a directory for the tests can be made")
        .keep();
    // A group of its own: a Ctrl-C for the tests is not for the one that cleans up after them.
    let shell = Command::new("sh")
        .args(["-c", SCRIPT, "watchdog"])
        .arg(&base)
        .arg(MARK)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh can be started");
    Watchdog { base, _shell: shell }
});

/// The directory that holds everything that this test binary makes; other users may pass.
pub fn base() -> &'static Path {
    &WATCHDOG.base
}

/// A new directory below [`base`], which other users may pass.
pub fn new_directory() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let path = base().join(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
    fs::create_dir(&path).expect("a directory can be made");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    path
}

/// The processes that were started by this test binary and have `word` in their command line.
pub fn processes_mentioning(word: &str) -> Vec<i32> {
    let mark = format!("{MARK}={}", base().display());
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            let read = |file| fs::read(format!("/proc/{pid}/{file}"));
            // A driver's environment is closed even to its own user.
            let is_ours = |environ: std::io::Result<Vec<u8>>| match environ {
                Ok(environ) => contains(&environ, &mark),
                Err(error) => error.kind() == std::io::ErrorKind::PermissionDenied,
            };
            let mentions = read("cmdline").is_ok_and(|line| contains(&line, word));
            mentions && is_ours(read("environ"))
        })
        .collect()
}

fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|window| window == word.as_bytes())
}
