//! Pipes on a real mount from other languages: written and read, in part, without blocking, with
//! a reader that goes away, and by whatever each runtime uses to wait for files.
//!
//! Each test is a program of this folder; C and Go are compiled into the harness's directory.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../shell/listed.rs"]
mod listed;
#[path = "../shell/script.rs"]
mod script;

use std::path::PathBuf;
use std::time::Duration;

use harness::{command, watchdog};
use script::{needs, passes, source, succeeds};

/// A first build of Go compiles its standard library, too.
const BUILD_DEADLINE: Duration = Duration::from_secs(300);

/// Runs a program in the language of its file's extension.
#[track_caller]
fn program(file: &str, arguments: &[&str]) {
    let path = source(&format!("languages/{file}"));
    let interpreter = match file.rsplit_once('.').expect("its language is in its name").1 {
        "c" => return compiled(built_by_cc(&path), arguments),
        "go" => return compiled(built_by_go(&path), arguments),
        "py" => "python3",
        "js" => "node",
        "pl" => "perl",
        "bash" => "bash",
        "sh" => "sh",
        other => panic!("no interpreter for .{other}"),
    };
    needs(interpreter);
    passes(&mut command(interpreter), Some(&path), arguments);
}

#[track_caller]
fn compiled(binary: PathBuf, arguments: &[&str]) {
    passes(&mut command(&binary), None, arguments);
    let directory = binary.parent().expect("it is in a directory");
    std::fs::remove_dir_all(directory).expect("the build can be removed");
}

#[track_caller]
fn built_by_cc(path: &PathBuf) -> PathBuf {
    needs("cc");
    let binary = watchdog::new_directory().join("program");
    let mut cc = command("cc");
    cc.args(["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Werror", "-pthread", "-o"]);
    succeeds(cc.arg(&binary).arg(path), BUILD_DEADLINE);
    binary
}

#[track_caller]
fn built_by_go(path: &PathBuf) -> PathBuf {
    needs("go");
    let binary = watchdog::new_directory().join("program");
    let mut go = command("go");
    // Outside a module, with what is installed, and with a cache that later runs find again.
    go.env("GO111MODULE", "off").env("GOPROXY", "off").env("GOTOOLCHAIN", "local");
    go.env("GOCACHE", concat!(env!("CARGO_TARGET_TMPDIR"), "/go"));
    go.arg("build").arg("-o").arg(&binary).arg(path).arg(source("languages/expect.go"));
    succeeds(&mut go, BUILD_DEADLINE);
    binary
}

/// `name: file [arguments];`
macro_rules! programs {
    ($($(#[$doc:meta])* $name:ident: $file:literal $($argument:literal)*;)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                skip_without_fuse!();
                program($file, &[$($argument),*]);
            }
        )*

        const LISTED: &[&str] = &[$($file),*];
    };
}

#[test]
fn every_program_is_a_test() {
    let extensions = ["py", "c", "go", "js", "pl", "sh", "bash"];
    listed::every_file_is_listed("languages", &extensions, LISTED);
}

programs! {
    /// SEMANTICS: example-greeting
    python_round_trip: "python_round_trip.py";
    /// SEMANTICS: file-splice
    python_shutil: "python_shutil.py";
    /// SEMANTICS: read-available
    python_partial_reads: "python_partial_reads.py";
    /// SEMANTICS: write-whole
    python_nonblocking: "python_nonblocking.py";
    /// SEMANTICS: close-client
    python_broken_pipe: "python_broken_pipe.py";
    /// SEMANTICS: poll-reader, poll-writer
    python_select: "python_select.py";
    /// SEMANTICS: poll-reader, poll-writer
    python_poll: "python_poll.py";
    /// SEMANTICS: poll-reader, poll-writer
    python_epoll_level: "python_epoll.py" "level";
    /// SEMANTICS: poll-edge
    python_epoll_edge: "python_epoll.py" "edge";
    /// SEMANTICS: poll-reader, poll-writer
    python_selectors: "python_selectors.py";
    /// SEMANTICS: file-regular
    python_asyncio: "python_asyncio.py";
    /// SEMANTICS: open-rdwr
    python_duplex: "python_duplex.py";

    /// SEMANTICS: file-mmap
    c_round_trip: "c_round_trip.c";
    /// SEMANTICS: read-available
    c_partial_reads: "c_partial_reads.c";
    /// SEMANTICS: shared-writer-nonblock, write-full
    c_nonblocking: "c_nonblocking.c";
    /// SEMANTICS: close-client
    c_broken_pipe: "c_broken_pipe.c";
    /// SEMANTICS: poll-reader, poll-writer
    c_select: "c_select.c";
    /// SEMANTICS: poll-reader, poll-writer
    c_poll: "c_poll.c";
    /// SEMANTICS: poll-reader, poll-writer
    c_epoll_level: "c_epoll.c" "level";
    /// SEMANTICS: poll-edge
    c_epoll_edge: "c_epoll.c" "edge";
    /// SEMANTICS: wait-interrupt
    c_interrupted: "c_interrupted.c";
    /// SEMANTICS: file-splice
    c_splice: "c_splice.c";
    /// SEMANTICS: open-rdwr
    c_duplex: "c_duplex.c";

    /// SEMANTICS: example-greeting
    go_round_trip: "go_round_trip.go";
    /// SEMANTICS: read-available
    go_partial_reads: "go_partial_reads.go";
    /// SEMANTICS: write-full
    go_nonblocking: "go_nonblocking.go";
    /// SEMANTICS: close-client
    go_broken_pipe: "go_broken_pipe.go";
    /// SEMANTICS: poll-reader, poll-writer
    go_filled_later: "go_filled_later.go";

    /// SEMANTICS: example-greeting
    node_round_trip: "node_round_trip.js";
    /// SEMANTICS: read-available
    node_partial_reads: "node_partial_reads.js";
    /// SEMANTICS: write-full
    node_nonblocking: "node_nonblocking.js";
    /// SEMANTICS: close-client
    node_broken_pipe: "node_broken_pipe.js";
    /// SEMANTICS: open-waits
    node_filled_later: "node_filled_later.js";

    /// SEMANTICS: example-greeting
    perl_round_trip: "perl_round_trip.pl";
    /// SEMANTICS: read-available
    perl_partial_reads: "perl_partial_reads.pl";
    /// SEMANTICS: write-full
    perl_nonblocking: "perl_nonblocking.pl";
    /// SEMANTICS: close-client
    perl_broken_pipe: "perl_broken_pipe.pl";

    /// SEMANTICS: read-available
    bash_partial_reads: "bash_partial_reads.bash";
    /// SEMANTICS: close-client
    bash_broken_pipe: "bash_broken_pipe.bash";
    /// SEMANTICS: example-greeting
    awk_round_trip: "awk_round_trip.sh";
    /// SEMANTICS: read-available
    awk_partial_reads: "awk_partial_reads.sh";
    /// SEMANTICS: close-client
    awk_broken_pipe: "awk_broken_pipe.sh";
}
