//! The same tests over io_uring: those of the test crate `uring`, and all others with
//! `PIPEFS_TEST_URING=1` in the environment.
//!
//! The kernel offers it only if root has said so, in a parameter that all mounts of the machine
//! share. A shell sets it for as long as this process lives, however that ends, and puts back what
//! was there when the last such process has gone: each holds a lock of the parameter.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

/// `$1` is the parameter, `$2` remembers that tests have changed it.
const SCRIPT: &str = r#"
exec 9< "$1" || exit
until flock -s 9 && grep -q Y "$1"; do
    flock -x 9 || exit
    if grep -q N "$1"; then
        { : > "$2" && echo Y > "$1"; } || exit
    fi
done
echo enabled
cat > /dev/null
if flock -xn 9 && [ -e "$2" ]; then
    echo N > "$1"
    rm "$2"
fi
"#;

const PARAMETER: &str = "/sys/module/fuse/parameters/enable_uring";
const CHANGED: &str = "/run/pipefs-test-enabled-uring";

/// Never read: its standard input must live as long as this process.
static SWITCH: LazyLock<Option<Child>> = LazyLock::new(|| {
    // A group of its own: a Ctrl-C for the tests is not for the one that cleans up after them.
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT, "switch", PARAMETER, CHANGED])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh can be started");
    let mut line = String::new();
    let output = shell.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).expect("a pipe can be read");
    (line == "enabled\n").then_some(shell)
});

/// Whether mounts of this process get their requests over io_uring.
pub fn is_wanted() -> bool {
    env!("CARGO_CRATE_NAME") == "uring" || std::env::var_os("PIPEFS_TEST_URING").is_some()
}

/// Whether they can, if they are to. From then on the kernel offers it.
pub fn is_there_if_wanted() -> bool {
    !is_wanted() || is_there()
}

/// Whether the kernel has it. From then on it offers it, as long as this process lives.
pub fn is_there() -> bool {
    SWITCH.is_some()
}

/// How many rings a driver has.
pub fn rings_of(driver: i32) -> usize {
    let threads = fs::read_dir(format!("/proc/{driver}/task")).expect("the driver is running");
    let name = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm"));
    threads
        .flatten()
        .filter(|thread| thread.path().is_dir())
        .filter_map(|thread| name(thread).ok())
        .filter(|name| name.starts_with("pipefs-ring-"))
        .count()
}
