//! Where a pipe that mkfifo(3) made on a mount is not what a FIFO is: the one table, which
//! `docs/CONFORMANCE.md` repeats word by word.

/// One row in which the two differ.
pub(crate) struct Difference {
    /// The row's id.
    pub(crate) row: &'static str,
    /// What a FIFO does.
    pub(crate) fifo: &'static str,
    /// What ours does.
    pub(crate) ours: &'static str,
    /// Why.
    pub(crate) why: &'static str,
}

impl Difference {
    /// The row as the page has it.
    pub(crate) fn markdown(&self) -> String {
        format!("| {} | {} | {} | {} |", self.row, self.fifo, self.ours, self.why)
    }
}

/// All of them.
pub(crate) const ALL: [Difference; 8] = [
    Difference {
        row: "P1",
        fifo: "a writer's open waits for a reader",
        ours: "returns at once",
        why: "a server may go first: `echo hello > pipe` has to end",
    },
    Difference {
        row: "P6",
        fifo: "`set -C` does not protect it from `>`",
        ours: "a shell refuses `>`; `>>` and `>\\|` work",
        why: "the shell looks at the file's type, and ours are regular files",
    },
    Difference {
        row: "Q4",
        fifo: "SIGPIPE, then `EPIPE`",
        ours: "`EPIPE` alone",
        why: "the kernel raises the signal for its own pipes only",
    },
    Difference {
        row: "Q6",
        fifo: "a non-blocking write of more than `PIPE_BUF` may be short",
        ours: "is whole, or fails with `EAGAIN`",
        why: "a lane takes a write as a whole while it holds less than its capacity",
    },
    Difference {
        row: "Q11",
        fifo: "fsync and truncation to 0 fail with `EINVAL`, as copy_file_range; no mapping at all",
        ours: "fsync waits for the reader, truncation to 0 does nothing; `EXDEV` between file \
               systems; a private mapping can be made, touching it raises SIGBUS",
        why: "fsync is FlushFileBuffers; `>` truncates; the rest is the kernel's for regular files",
    },
    Difference {
        row: "Q13",
        fifo: "`FIONREAD` counts, `F_GETPIPE_SZ` and `F_SETPIPE_SZ` work",
        ours: "`FIONREAD` says 2, or 2 GiB less a page to who may write, whatever is there, the \
               others fail with `EBADF`; `st_blocks` and the attributes `state` and `capacity` \
               say it",
        why: "the kernel answers these calls itself, from the inode",
    },
    Difference {
        row: "R1",
        fifo: "a reader at end of file has `POLLHUP`",
        ours: "`POLLHUP` and `POLLIN`",
        why: "POSIX has `POLLIN` where a read would not wait, and end of file is such a read",
    },
    Difference {
        row: "R3",
        fifo: "`POLLOUT` when `PIPE_BUF` bytes fit",
        ours: "when the lane holds less than its capacity, so one byte taken may be enough",
        why: "then a write of any size is taken as a whole",
    },
];
