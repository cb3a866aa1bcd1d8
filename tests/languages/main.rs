//! Pipes on a real mount from other languages: written and read, in part, without blocking, with
//! a reader that goes away, and by whatever each runtime uses to wait for files.
//!
//! Each test is a program of this folder, and names there the passages that it proves. C and Go
//! are compiled into the harness's directory.

#[path = "../harness/mod.rs"]
mod harness;
mod header;
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
    ($($name:ident: $file:literal $($argument:literal)*;)*) => {
        $(
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
    python_round_trip: "python_round_trip.py";
    python_shutil: "python_shutil.py";
    python_partial_reads: "python_partial_reads.py";
    python_nonblocking: "python_nonblocking.py";
    python_broken_pipe: "python_broken_pipe.py";
    python_select: "python_select.py";
    python_poll: "python_poll.py";
    python_epoll_level: "python_epoll.py" "level";
    python_epoll_edge: "python_epoll.py" "edge";
    python_selectors: "python_selectors.py";
    python_asyncio: "python_asyncio.py";
    python_duplex: "python_duplex.py";
    python_functions: "python_functions.py";

    c_round_trip: "c_round_trip.c";
    c_partial_reads: "c_partial_reads.c";
    c_nonblocking: "c_nonblocking.c";
    c_broken_pipe: "c_broken_pipe.c";
    c_select: "c_select.c";
    c_poll: "c_poll.c";
    c_epoll_level: "c_epoll.c" "level";
    c_epoll_edge: "c_epoll.c" "edge";
    c_interrupted: "c_interrupted.c";
    c_splice: "c_splice.c";
    c_duplex: "c_duplex.c";
    c_functions: "c_functions.c";

    go_round_trip: "go_round_trip.go";
    go_partial_reads: "go_partial_reads.go";
    go_nonblocking: "go_nonblocking.go";
    go_broken_pipe: "go_broken_pipe.go";
    go_filled_later: "go_filled_later.go";

    node_round_trip: "node_round_trip.js";
    node_partial_reads: "node_partial_reads.js";
    node_nonblocking: "node_nonblocking.js";
    node_broken_pipe: "node_broken_pipe.js";
    node_filled_later: "node_filled_later.js";

    perl_round_trip: "perl_round_trip.pl";
    perl_partial_reads: "perl_partial_reads.pl";
    perl_nonblocking: "perl_nonblocking.pl";
    perl_broken_pipe: "perl_broken_pipe.pl";

    bash_partial_reads: "bash_partial_reads.bash";
    bash_broken_pipe: "bash_broken_pipe.bash";
    awk_round_trip: "awk_round_trip.sh";
    awk_partial_reads: "awk_partial_reads.sh";
    awk_broken_pipe: "awk_broken_pipe.sh";
}
