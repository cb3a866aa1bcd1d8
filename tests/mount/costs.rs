//! What the driver does for a request, counted, so that it does not depend on the machine.

use std::fs;
use std::process::Command;
use std::time::Duration;

use libc::{O_CREAT, O_RDONLY, O_WRONLY, SIGINT};

use crate::harness::process::{Child, tasks};
use crate::harness::{Fd, Mount, eventually, sys};
use crate::observing::totals;
use crate::{SOON, skip_without_fuse};

const ROUNDS: usize = 300;
/// Goes through in one request wherever it begins in a page.
const LARGE: usize = 1_000_000;
/// For what happens now and then: the housekeeper, and a thread that strace finds in a call.
const SPARE_CALLS: usize = 40;

/// System calls of all threads of the driver while `work` runs, and strace's table of them.
fn system_calls(mount: &Mount, work: impl FnOnce()) -> (usize, String) {
    let table = tempfile::NamedTempFile::new().expect("a file for the table");
    let mut command = Command::new("strace");
    command.args(["-f", "-c", "-S", "calls", "-p"]).arg(mount.pid().to_string());
    command.arg("-o").arg(table.path());
    let mut strace = Child::spawn(&mut command);
    eventually(SOON, || tasks(mount.pid()).into_iter().all(|task| is_traced(mount.pid(), task)));
    work();
    strace.signal(SIGINT);
    strace.wait(Duration::from_secs(10));
    let table = fs::read_to_string(table.path()).expect("strace has written it");
    let total = table.lines().last().expect("it ends with the total");
    let words: Vec<&str> = total.split_whitespace().collect();
    assert_eq!(words.last(), Some(&"total"), "{table}");
    (words[3].parse().expect("a number of calls"), table)
}

fn is_traced(process: i32, task: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/task/{task}/status"));
    status.is_ok_and(|status| {
        let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|tracer| tracer.trim() != "0")
    })
}

/// A write and the read of what it wrote, again and again.
fn rounds(writer: &Fd, reader: &Fd, data: &[u8]) {
    for _ in 0..ROUNDS {
        assert_eq!(writer.write(data), Ok(data.len()));
        let mut left = data.len();
        while left > 0 {
            left -= reader.read(left).expect("there is data").len();
        }
    }
}

/// A request is one system call that receives it, and one that answers.
#[test]
fn a_request_takes_two_system_calls() {
    skip_without_fuse!();
    for (options, size) in
        [("type=byte", 64), ("type=byte", LARGE), ("type=message", 64), ("mode=shared", 65536)]
    {
        let mount = Mount::with(&["-o", options]);
        let writer = mount.open("p", O_WRONLY | O_CREAT);
        let reader = mount.open("p", O_RDONLY);
        let data = vec![7; size];
        rounds(&writer, &reader, &data);
        let (calls, table) = system_calls(&mount, || rounds(&writer, &reader, &data));
        let requests = 2 * ROUNDS;
        assert!(
            calls <= 2 * requests + SPARE_CALLS,
            "{options}, {size} bytes: {calls} calls for {requests} requests\n{table}"
        );
        assert!(
            calls + SPARE_CALLS >= requests,
            "strace has seen {calls} calls for {requests} requests"
        );
    }
}

/// How many requests of a kind `work` makes.
fn requests(mount: &Mount, work: impl FnOnce()) -> impl Fn(&str) -> u64 {
    let [before, after] = {
        let before = totals(mount);
        work();
        [before, totals(mount)].map(|totals| totals["requests"].clone())
    };
    move |kind| after[kind].as_u64().unwrap_or(0) - before[kind].as_u64().unwrap_or(0)
}

/// An open of a pipe that nobody has open is a LOOKUP and an OPEN, a close a RELEASE, and stat(2)
/// a LOOKUP. Only if a tick of the kernel's clock comes in between, it asks for the attributes as
/// well.
#[test]
fn an_open_takes_two_requests_and_a_look_takes_one() {
    const TIMES: u64 = 500;
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("p");
    let opens = requests(&mount, || {
        for _ in 0..TIMES {
            assert_eq!(mount.open("p", O_WRONLY).write(b"hello"), Ok(5));
            assert_eq!(mount.open("p", O_RDONLY).read(9).unwrap(), b"hello");
        }
    });
    let looks = requests(&mount, || {
        for _ in 0..TIMES {
            assert_eq!(sys::stat(mount.path("p")).unwrap().st_size, 0);
        }
    });
    let expected =
        [("lookup", 2), ("open", 2), ("write", 1), ("read", 1), ("release", 2), ("flush", 0)];
    for (kind, each) in expected {
        assert_eq!(opens(kind), each * TIMES, "{kind}");
    }
    assert_eq!((looks("lookup"), looks("open")), (TIMES, 0));
    for getattr in [opens("getattr"), looks("getattr")] {
        assert!(getattr <= TIMES / 5, "{getattr} times");
    }
}
