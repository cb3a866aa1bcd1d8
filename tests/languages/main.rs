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
    /// > The example that must always work, with nothing but a mount
    python_round_trip: "python_round_trip.py";
    /// > `splice(2)` from a pipe must never show a false end of file: it works or fails with
    /// > EINVAL,
    /// > so that callers fall back to read.
    python_shutil: "python_shutil.py";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    python_partial_reads: "python_partial_reads.py";
    /// > A lane accepts a write as a whole while it holds less than its `capacity` (default 1 MiB)
    python_nonblocking: "python_nonblocking.py";
    /// > client closes: server writes: EPIPE
    python_broken_pipe: "python_broken_pipe.py";
    /// > poll/select/epoll (level and edge) work on every end
    python_select: "python_select.py";
    /// > poll/select/epoll (level and edge) work on every end
    python_poll: "python_poll.py";
    /// > poll/select/epoll (level and edge) work on every end
    python_epoll_level: "python_epoll.py" "level";
    /// > poll/select/epoll (level and edge) work on every end
    python_epoll_edge: "python_epoll.py" "edge";
    /// > poll/select/epoll (level and edge) work on every end
    python_selectors: "python_selectors.py";
    /// > Regular file (programs that refuse FIFOs accept it)
    python_asyncio: "python_asyncio.py";
    /// > client if an instance listens, else server: the same, pipe becomes duplex
    python_duplex: "python_duplex.py";

    /// > `mmap` refused
    c_round_trip: "c_round_trip.c";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    c_partial_reads: "c_partial_reads.c";
    /// > In `shared` mode `O_WRONLY|O_NONBLOCK` with no reader: ENXIO.
    c_nonblocking: "c_nonblocking.c";
    /// > client closes: server writes: EPIPE; server reads: what is buffered, then EOF.
    c_broken_pipe: "c_broken_pipe.c";
    /// > poll/select/epoll (level and edge) work on every end
    c_select: "c_select.c";
    /// > poll/select/epoll (level and edge) work on every end
    c_poll: "c_poll.c";
    /// > poll/select/epoll (level and edge) work on every end
    c_epoll_level: "c_epoll.c" "level";
    /// > poll/select/epoll (level and edge) work on every end
    c_epoll_edge: "c_epoll.c" "edge";
    /// > Ctrl-C, `timeout`, SIGALRM, `kill -9` end it at once (EINTR, or the bytes already
    /// > moved) and
    /// > leave the pipe usable.
    c_interrupted: "c_interrupted.c";
    /// > `splice(2)` from a pipe must never show a false end of file: it works or fails with EINVAL
    c_splice: "c_splice.c";
    /// > client if an instance listens, else server: the same, pipe becomes duplex
    c_duplex: "c_duplex.c";

    /// > The example that must always work, with nothing but a mount
    go_round_trip: "go_round_trip.go";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    go_partial_reads: "go_partial_reads.go";
    /// > At or above capacity: a blocking write waits, `O_NONBLOCK` gives EAGAIN.
    go_nonblocking: "go_nonblocking.go";
    /// > client closes: server writes: EPIPE
    go_broken_pipe: "go_broken_pipe.go";
    /// > poll/select/epoll (level and edge) work on every end
    go_filled_later: "go_filled_later.go";

    /// > The example that must always work, with nothing but a mount
    node_round_trip: "node_round_trip.js";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    node_partial_reads: "node_partial_reads.js";
    /// > At or above capacity: a blocking write waits, `O_NONBLOCK` gives EAGAIN.
    node_nonblocking: "node_nonblocking.js";
    /// > client closes: server writes: EPIPE
    node_broken_pipe: "node_broken_pipe.js";
    /// > auto, no instance: client: waits
    node_filled_later: "node_filled_later.js";

    /// > The example that must always work, with nothing but a mount
    perl_round_trip: "perl_round_trip.pl";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    perl_partial_reads: "perl_partial_reads.pl";
    /// > At or above capacity: a blocking write waits, `O_NONBLOCK` gives EAGAIN.
    perl_nonblocking: "perl_nonblocking.pl";
    /// > client closes: server writes: EPIPE
    perl_broken_pipe: "perl_broken_pipe.pl";

    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    bash_partial_reads: "bash_partial_reads.bash";
    /// > client closes: server writes: EPIPE
    bash_broken_pipe: "bash_broken_pipe.bash";
    /// > The example that must always work, with nothing but a mount
    awk_round_trip: "awk_round_trip.sh";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    awk_partial_reads: "awk_partial_reads.sh";
    /// > client closes: server writes: EPIPE
    awk_broken_pipe: "awk_broken_pipe.sh";
}
