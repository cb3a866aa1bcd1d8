//! Scripts as people write them for FIFOs, unchanged: each runs among the FIFOs of an ordinary
//! directory, then on mounts, and has to say the same there.

use std::path::Path;

use crate::harness::{Mount, command, watchdog};
use crate::{listed, script, skip_without_fuse};

/// Options of the mounts. The second one is as near to FIFOs as pipefs comes.
const MOUNTS: [&[&str]; 2] = [&[], &["-o", "mode=shared,capacity=64K"]];

/// What a script says among FIFOs of the kernel's.
#[track_caller]
fn said_among_fifos(interpreter: &str, file: &str) -> String {
    let dir = watchdog::new_directory();
    said_in(&dir, interpreter, file)
}

/// What a script says on a mount with these options.
#[track_caller]
fn said_on_mount(options: &[&str], interpreter: &str, file: &str) -> String {
    said_in(Mount::with(options).dir(), interpreter, file)
}

#[track_caller]
fn said_in(dir: &Path, interpreter: &str, file: &str) -> String {
    script::needs(interpreter);
    let file = script::source(&format!("shell/fifo/{file}"));
    let output = script::passes_in(dir, &mut command(interpreter), Some(&file), &[]);
    String::from_utf8(output.stdout).expect("the scripts say text")
}

#[track_caller]
fn says_the_same(interpreter: &str, file: &str) {
    let expected = said_among_fifos(interpreter, file);
    assert!(!expected.is_empty(), "{file} shows nothing");
    for options in MOUNTS {
        let said = said_on_mount(options, interpreter, file);
        assert_eq!(said, expected, "{file} on a mount with {options:?}, and among FIFOs");
    }
}

/// `name: shell file;`
macro_rules! scripts {
    ($($name:ident: $shell:literal $file:literal;)*) => {
        $(
            #[test]
            fn $name() {
                skip_without_fuse!();
                says_the_same($shell, $file);
            }
        )*

        const LISTED: &[&str] = &[RENDEZVOUS, $($file),*];
    };
}

/// The script that cannot say the same.
const RENDEZVOUS: &str = "rendezvous.sh";

/// SEMANTICS: shared-writer-goes-first
#[test]
fn a_rendezvous_has_another_order() {
    skip_without_fuse!();
    let text = "sent through the gate\n";
    let said = said_among_fifos("sh", RENDEZVOUS);
    assert_eq!(said, [text, "the reader comes\n", "the writer goes on\n"].concat());
    for options in MOUNTS {
        let said = said_on_mount(options, "sh", RENDEZVOUS);
        assert_eq!(said, [text, "the writer goes on\n", "the reader comes\n"].concat());
    }
}

#[test]
fn every_script_is_a_test() {
    listed::every_file_is_listed("shell/fifo", &["sh", "bash"], LISTED);
}

scripts! {
    arguments: "sh" "arguments.sh";
    chat: "sh" "chat.sh";
    console: "sh" "console.sh";
    coprocess: "bash" "coprocess.bash";
    frames: "sh" "frames.sh";
    gate: "sh" "gate.sh";
    job_server: "bash" "job_server.bash";
    logger: "sh" "logger.sh";
    make: "sh" "make.sh";
    mutex: "sh" "mutex.sh";
    netcat: "sh" "netcat.sh";
    queue: "sh" "queue.sh";
    remote: "sh" "remote.sh";
    request: "sh" "request.sh";
    self_logging: "sh" "self_logging.sh";
    nothing: "sh" "nothing.sh";
    statuses: "sh" "statuses.sh";
    streams: "sh" "streams.sh";
    substitution: "sh" "substitution.sh";
    tee: "sh" "tee.sh";
    timeouts: "bash" "timeouts.bash";
    workers: "sh" "workers.sh";
}
