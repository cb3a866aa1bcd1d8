//! Runs a program that writes to a pipe beside one that reads from it.

use std::io;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use clap::Args;

use super::{Moment, say, wait_for_line};
use crate::{process, syscalls};

/// Two programs, and how often they run.
#[derive(Debug, Args)]
pub(crate) struct Programs {
    /// `$0` of both
    path: PathBuf,
    /// `$1` of both
    source: PathBuf,
    count: u64,
    /// What sh runs to write
    writer: String,
    /// What sh runs to read
    reader: String,
}

/// Says the CPU time of the programs, from getrusage(2), in place of its own.
pub(super) fn run(programs: &Programs) -> io::Result<()> {
    say("ready")?;
    wait_for_line()?;
    let (start, before) = (Moment::now(), syscalls::children_cpu_nanoseconds()?);
    for _ in 0..programs.count {
        let mut writer = shell(&programs.writer, programs)?;
        let mut reader = shell(&programs.reader, programs)?;
        for (who, child) in [("writer", &mut writer), ("reader", &mut reader)] {
            let status = child.wait()?;
            if !status.success() {
                return Err(io::Error::other(format!("the {who}: {status}")));
            }
        }
    }
    let (end, after) = (Moment::now(), syscalls::children_cpu_nanoseconds()?);
    say(&format!("done {} {} {} {}", start.clock, end.clock, programs.count, after - before))
}

fn shell(script: &str, programs: &Programs) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script).arg(&programs.path).arg(&programs.source);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    process::spawn_bound(&mut command, libc::SIGKILL)
}
