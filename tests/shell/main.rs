//! Ordinary tools on a real mount: no program knows that it has a pipe before it.
//!
//! Each test is a script of this folder or, for a tool that only reads, a command that must say
//! the same of a pipe as of a plain file (`reads.sh`).

#[path = "../harness/mod.rs"]
mod harness;
mod listed;
mod script;

use harness::command;

/// Runs a script of this folder.
#[track_caller]
fn script(interpreter: &str, file: &str, arguments: &[&str]) {
    script::needs(interpreter);
    let file = script::source(&format!("shell/{file}"));
    script::passes(&mut command(interpreter), Some(&file), arguments);
}

/// `name: shell file [arguments];`
macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident: $shell:literal $file:literal $($argument:literal)*;)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                skip_without_fuse!();
                script($shell, $file, &[$($argument),*]);
            }
        )*

        const LISTED: &[&str] = &[$($file),*];
    };
}

#[test]
fn every_script_is_a_test() {
    listed::every_file_is_listed("shell", &["sh", "bash"], LISTED);
}

scripts! {
    /// > The example that must always work, with nothing but a mount
    greeting: "sh" "greeting.sh";
    /// > Two `echo >` then two `cat`: each `cat` gets one `echo`, whole
    two_writers: "sh" "two_writers.sh";
    /// > auto, no instance: client: waits
    reader_first: "sh" "reader_first.sh";
    /// > `O_RDONLY` of a missing name: ENOENT.
    missing_name: "sh" "missing_name.sh";
    /// > `O_WRONLY` (`>`, `>>`): server: new instance
    append: "sh" "append.sh";
    /// > `O_WRONLY` (`>`, `>>`), `O_RDONLY` (`<`)
    redirections: "sh" "redirections.sh";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    while_read: "sh" "while_read.sh";
    /// > What the client left unread is discarded and counted
    read_of_bash: "bash" "read.sh";
    /// > What the client left unread is discarded and counted
    read_of_dash: "dash" "read.sh";
    /// > server closes, client connected: the client reads everything that is buffered, then EOF
    pipe_to_pipe: "sh" "pipe_to_pipe.sh";
    /// > At or above capacity: a blocking write waits
    tee: "sh" "tee.sh";
    /// > `O_NONBLOCK`: reads give EAGAIN until it is connected
    dd: "sh" "dd.sh";
    /// > `fsync` (FlushFileBuffers) waits until the peer has read everything; EPIPE if it left
    /// > first.
    fsync: "sh" "fsync.sh";
    /// > Regular file (programs that refuse FIFOs accept it)
    cp: "sh" "cp.sh";
    /// > Directories (mkdir, rmdir, nested) work
    cp_tree: "sh" "cp_tree.sh";
    /// > client closes: server writes: EPIPE
    head: "sh" "head.sh";
    /// > not seekable (ESPIPE)
    tail: "sh" "tail.sh";
    /// > `splice(2)` from a pipe must never show a false end of file
    pv: "sh" "pv.sh";
    /// > the client reads everything that is buffered, then EOF
    gzip: "sh" "gzip.sh";
    /// > `O_NONBLOCK` is honoured per request (fcntl may change it).
    gzip_waits: "sh" "gzip_waits.sh";
    /// > Regular file (programs that refuse FIFOs accept it)
    gzip_in_place: "sh" "gzip_in_place.sh";
    /// > rename within the mount (also onto an existing, idle pipe)
    sed_in_place: "sh" "sed_in_place.sh";
    /// > `st_size` 0 always
    compare: "sh" "compare.sh";
    /// > not seekable (ESPIPE)
    tar: "sh" "tar.sh";
    /// > Clients get the instance that has been listening longest.
    xargs: "sh" "xargs.sh";
    /// > rename within the mount (also onto an existing, idle pipe)
    mv: "sh" "mv.sh";
    /// > `st_blocks` = buffered bytes / 512 (so `du` and `ls -s` show what waits)
    ls_size: "sh" "ls_size.sh";
    /// > mode 0666 & ~umask, owner = creator, mtime = last write, atime = last read, st_ino stable
    stat: "sh" "stat.sh";
    /// > Directories (mkdir, rmdir, nested), unlink work
    find: "sh" "find.sh";
    /// > name removed: open ends go on; lingering instances with no end open are dropped; waiting
    /// > opens get ENOENT
    rm: "sh" "rm.sh";
    /// > the instance is gone (`touch` leaves no instance)
    touch: "sh" "touch.sh";
    /// > `mkfifo NAME` makes a pipe of ours in `shared` mode, so that scripts written for FIFOs run
    /// > unchanged.
    mkfifo: "sh" "mkfifo.sh";
    /// > writers' data is joined in write order, readers compete for it, EOF when the last writer
    /// > has closed and it is drained, revived by the next writer
    shared: "sh" "shared.sh";
    /// > `O_RDWR` holds both ends and never waits (`exec 3<>`).
    exec_both_of_bash: "bash" "exec_both.sh";
    /// > `O_RDWR` holds both ends and never waits (`exec 3<>`).
    exec_both_of_dash: "dash" "exec_both.sh";
    /// > `O_CREAT|O_EXCL` on an existing name: EEXIST.
    noclobber_of_bash: "bash" "noclobber.sh";
    /// > `O_CREAT|O_EXCL` on an existing name: EEXIST.
    noclobber_of_dash: "dash" "noclobber.sh";
    /// > Ctrl-C, `timeout`, SIGALRM, `kill -9` end it at once (EINTR, or the bytes already
    /// > moved) and
    /// > leave the pipe usable.
    timeout: "sh" "timeout.sh";
    /// > a process is killed: the same as closing
    kill: "sh" "kill.sh";
    /// > An open through /proc/self/fd/N, /dev/stdin or /dev/fd/N joins the end that it names,
    /// > as dup
    /// > would, and takes no other instance.
    dev_stdin: "sh" "dev_stdin.sh";
    /// > writes of up to 1 MiB are therefore never interleaved
    one_open_file: "sh" "one_open_file.sh";
    /// > `truncate` to 0 and `O_TRUNC` succeed and discard nothing; other sizes EINVAL.
    truncate: "sh" "truncate.sh";
    /// > hard links, symlinks: EPERM. Names up to 255 bytes.
    names: "sh" "names.sh";
    /// > scripts written for FIFOs run unchanged
    substitution: "bash" "substitution.bash";

    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    cat: "sh" "reads.sh" "cat numbers";
    /// > the client reads everything that is buffered, then EOF
    wc: "sh" "reads.sh" "wc numbers";
    /// > the client reads everything that is buffered, then EOF
    wc_c: "sh" "reads.sh" "wc -c < numbers";
    /// > the client reads everything that is buffered, then EOF
    grep: "sh" "reads.sh" "grep -n '9$' numbers";
    /// > the client reads everything that is buffered, then EOF
    sed: "sh" "reads.sh" "sed -n 's/7$/seven/p' numbers";
    /// > the client reads everything that is buffered, then EOF
    sort: "sh" "reads.sh" "sort -r numbers";
    /// > the client reads everything that is buffered, then EOF
    awk: "sh" "reads.sh" "awk '{ sum += $1 } END { print sum }' numbers";
    /// > the client reads everything that is buffered, then EOF
    sha256sum: "sh" "reads.sh" "sha256sum numbers";
    /// > not seekable (ESPIPE)
    tac: "sh" "reads.sh" "tac numbers";
    /// > not seekable (ESPIPE)
    od: "sh" "reads.sh" "od -c numbers";
    /// > the client reads everything that is buffered, then EOF
    tr: "sh" "reads.sh" "tr 0-9 a-j < numbers";
    /// > the client reads everything that is buffered, then EOF
    split: "sh" "reads.sh" "split -n r/1/3 numbers";
    /// > the client reads everything that is buffered, then EOF
    perl: "sh" "reads.sh" "perl -ne 'print scalar reverse' numbers";
    /// > a read returns what is there, up to its size, and never waits to fill the buffer
    bash_dollar_less: "sh" "reads.sh" "bash -c 'echo \"$(<numbers)\"'";
}
