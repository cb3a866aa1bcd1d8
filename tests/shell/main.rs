//! Ordinary tools on a real mount: no program knows that it has a pipe before it.
//!
//! Each test is a script of this folder or, for a tool that only reads, a command that must say
//! the same of a pipe as of a plain file (`reads.sh`). The scripts name the passages they prove.
//! Those of the folder `fifo` were written for FIFOs, see [`fifo`].

mod fifo;
#[path = "../harness/mod.rs"]
mod harness;
mod listed;
mod script;

use harness::{Mount, command};

/// Runs a script of this folder.
#[track_caller]
fn script(interpreter: &str, file: &str, arguments: &[&str]) {
    script::needs(interpreter);
    let file = script::source(&format!("shell/{file}"));
    script::passes(&mut command(interpreter), Some(&file), arguments);
}

/// `name: shell file [arguments];`
macro_rules! scripts {
    ($($name:ident: $shell:literal $file:literal $($argument:literal)*;)*) => {
        $(
            #[test]
            fn $name() {
                skip_without_fuse!();
                script($shell, $file, &[$($argument),*]);
            }
        )*

        const LISTED: &[&str] = &[$($file),*];
    };
}

/// Scripts that must also pass where pipes are smaller, or shared.
const IN_EVERY_MODE: [(&str, &str); 8] = [
    ("reads.sh", "cat numbers"),
    ("reads.sh", "sed -n 's/7$/seven/p' numbers"),
    ("pipe_to_pipe.sh", ""),
    ("tee.sh", ""),
    ("tar.sh", ""),
    ("gzip.sh", ""),
    ("pv.sh", ""),
    ("while_read.sh", ""),
];

#[track_caller]
fn pass_with(options: &str) {
    for (file, argument) in IN_EVERY_MODE {
        let mount = Mount::with(&["-o", options]);
        let path = script::source(&format!("shell/{file}"));
        script::passes_on(&mount, &mut command("sh"), Some(&path), &[argument]);
    }
}

/// SEMANTICS: write-full
#[test]
fn tools_on_pipes_of_one_page() {
    skip_without_fuse!();
    pass_with("capacity=4K");
}

/// SEMANTICS: write-memory
#[test]
fn tools_on_a_mount_with_little_memory() {
    skip_without_fuse!();
    pass_with("memory=1M");
}

/// SEMANTICS: shared-order, shared-eof
#[test]
fn tools_on_shared_pipes() {
    skip_without_fuse!();
    pass_with("mode=shared");
}

#[test]
fn every_script_is_a_test() {
    listed::every_file_is_listed("shell", &["sh", "bash"], LISTED);
}

scripts! {
    greeting: "sh" "greeting.sh";
    two_writers: "sh" "two_writers.sh";
    reader_first: "sh" "reader_first.sh";
    missing_name: "sh" "missing_name.sh";
    append: "sh" "append.sh";
    redirections: "sh" "redirections.sh";
    while_read: "sh" "while_read.sh";
    read_of_bash: "bash" "read.sh";
    read_of_dash: "dash" "read.sh";
    pipe_to_pipe: "sh" "pipe_to_pipe.sh";
    tee: "sh" "tee.sh";
    dd: "sh" "dd.sh";
    fsync: "sh" "fsync.sh";
    cp: "sh" "cp.sh";
    cp_tree: "sh" "cp_tree.sh";
    head: "sh" "head.sh";
    tail: "sh" "tail.sh";
    size_zero: "sh" "size_zero.sh";
    pv: "sh" "pv.sh";
    gzip: "sh" "gzip.sh";
    gzip_waits: "sh" "gzip_waits.sh";
    gzip_in_place: "sh" "gzip_in_place.sh";
    sed_in_place: "sh" "sed_in_place.sh";
    compare: "sh" "compare.sh";
    tar: "sh" "tar.sh";
    xargs: "sh" "xargs.sh";
    mv: "sh" "mv.sh";
    ls_size: "sh" "ls_size.sh";
    stat: "sh" "stat.sh";
    find: "sh" "find.sh";
    rm: "sh" "rm.sh";
    touch: "sh" "touch.sh";
    mkfifo: "sh" "mkfifo.sh";
    shared: "sh" "shared.sh";
    broadcast: "sh" "broadcast.sh";
    exec_both_of_bash: "bash" "exec_both.sh";
    exec_both_of_dash: "dash" "exec_both.sh";
    noclobber_of_bash: "bash" "noclobber.sh";
    noclobber_of_dash: "dash" "noclobber.sh";
    timeout: "sh" "timeout.sh";
    kill: "sh" "kill.sh";
    dev_stdin: "sh" "dev_stdin.sh";
    one_open_file: "sh" "one_open_file.sh";
    truncate: "sh" "truncate.sh";
    names: "sh" "names.sh";
    substitution: "bash" "substitution.bash";
    regular_file: "bash" "regular_file.bash";

    cat: "sh" "reads.sh" "cat numbers";
    wc: "sh" "reads.sh" "wc numbers | xargs";
    wc_c: "sh" "reads.sh" "wc -c < numbers";
    grep: "sh" "reads.sh" "grep -n '9$' numbers";
    sed: "sh" "reads.sh" "sed -n 's/7$/seven/p' numbers";
    sort: "sh" "sort.sh";
    awk: "sh" "reads.sh" "awk '{ sum += $1 } END { print sum }' numbers";
    sha256sum: "sh" "reads.sh" "sha256sum numbers";
    tac: "sh" "reads.sh" "tac numbers";
    od: "sh" "reads.sh" "od -c numbers";
    tr: "sh" "reads.sh" "tr 0-9 a-j < numbers";
    split: "sh" "reads.sh" "split -n r/1/3 numbers";
    perl: "sh" "reads.sh" "perl -ne 'print scalar reverse' numbers";
    bash_dollar_less: "sh" "reads.sh" "bash -c 'echo \"$(<numbers)\"'";
}
