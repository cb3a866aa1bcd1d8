//! What the kernel has asked of the mount and what it was answered, counted. Each data thread
//! counts for itself, in memory that no other one writes to; the numbers are added up when somebody
//! looks.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use serde_json::{Map, Value};

use super::data::wire::OUT_HEADER_BYTES;

/// Operation codes below this have a place of their own (`enum fuse_opcode`); 0 is for all others.
const OPCODES: usize = 64;

/// Error numbers below this have a place of their own; 0 is for others, of which Linux has none.
const ERRORS: usize = 134;

/// What the kernel asks for, by operation code.
const KINDS: [(usize, &str); 49] = [
    (0, "other"),
    (1, "lookup"),
    (2, "forget"),
    (3, "getattr"),
    (4, "setattr"),
    (5, "readlink"),
    (6, "symlink"),
    (8, "mknod"),
    (9, "mkdir"),
    (10, "unlink"),
    (11, "rmdir"),
    (12, "rename"),
    (13, "link"),
    (14, "open"),
    (15, "read"),
    (16, "write"),
    (17, "statfs"),
    (18, "release"),
    (20, "fsync"),
    (21, "setxattr"),
    (22, "getxattr"),
    (23, "listxattr"),
    (24, "removexattr"),
    (25, "flush"),
    (26, "init"),
    (27, "opendir"),
    (28, "readdir"),
    (29, "releasedir"),
    (30, "fsyncdir"),
    (31, "getlk"),
    (32, "setlk"),
    (33, "setlkw"),
    (34, "access"),
    (35, "create"),
    (36, "interrupt"),
    (37, "bmap"),
    (38, "destroy"),
    (39, "ioctl"),
    (40, "poll"),
    (41, "notify_reply"),
    (42, "batch_forget"),
    (43, "fallocate"),
    (44, "readdirplus"),
    (45, "rename2"),
    (46, "lseek"),
    (47, "copy_file_range"),
    (50, "syncfs"),
    (51, "tmpfile"),
    (52, "statx"),
];

thread_local! {
    /// Which of the shards this thread counts in; 0 is for all that are no data threads.
    static SHARD: Cell<usize> = const { Cell::new(0) };
}

/// The numbers of one thread. Processors fetch lines of 64 bytes, and mostly two at a time.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    requests: [AtomicU64; OPCODES],
    errors: [AtomicU64; ERRORS],
    written_bytes: AtomicU64,
    read_bytes: AtomicU64,
    malformed: AtomicU64,
}

impl Shard {
    fn new() -> Self {
        Self {
            requests: [const { AtomicU64::new(0) }; OPCODES],
            errors: [const { AtomicU64::new(0) }; ERRORS],
            written_bytes: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
        }
    }
}

/// Everything that is counted of one mount.
#[derive(Debug)]
pub(crate) struct Counters(Box<[Shard]>);

impl Counters {
    pub(crate) fn new(data_threads: usize) -> Self {
        Self((0..=data_threads).map(|_| Shard::new()).collect())
    }

    /// From now on this thread counts as data thread number `me`.
    pub(crate) fn join(me: usize) {
        SHARD.set(me + 1);
    }

    fn mine(&self) -> &Shard {
        &self.0[SHARD.get().min(self.0.len() - 1)]
    }

    pub(crate) fn request(&self, opcode: u32) {
        add(place(&self.mine().requests, opcode as usize), 1);
    }

    pub(crate) fn error(&self, errno: i32) {
        if errno != 0 {
            add(place(&self.mine().errors, usize::try_from(errno).unwrap_or(0)), 1);
        }
    }

    /// A reply of the control plane, as it goes to the kernel.
    pub(crate) fn reply(&self, reply: &[u8]) {
        let error = reply.get(4..OUT_HEADER_BYTES).and_then(|rest| rest.first_chunk());
        self.error(error.map_or(0, |bytes| -i32::from_ne_bytes(*bytes)));
    }

    pub(crate) fn written(&self, bytes: u32) {
        add(&self.mine().written_bytes, bytes.into());
    }

    pub(crate) fn read(&self, bytes: usize) {
        add(&self.mine().read_bytes, bytes as u64);
    }

    pub(crate) fn malformed(&self) {
        add(&self.mine().malformed, 1);
    }

    fn sum(&self, of: impl Fn(&Shard) -> &AtomicU64) -> u64 {
        self.0.iter().map(|shard| of(shard).load(Ordering::Relaxed)).sum()
    }

    /// The numbers as members of `totals` in the mount's state. What has not occurred is left out
    /// of the two lists.
    pub(crate) fn report(&self) -> Map<String, Value> {
        let errors = |number: usize| self.sum(|shard| &shard.errors[number]);
        let requests = (0..OPCODES).map(|code| {
            let kind = KINDS.binary_search_by_key(&code, |(code, _)| *code);
            (kind.map_or("other", |at| KINDS[at].1), self.sum(|shard| &shard.requests[code]))
        });
        let by_errno = (0..ERRORS).map(|number| (name_of(number), errors(number)));
        let mut report = Map::new();
        for (name, value) in [
            ("requests", list(requests).into()),
            ("malformed", self.sum(|shard| &shard.malformed).into()),
            ("written_bytes", self.sum(|shard| &shard.written_bytes).into()),
            ("read_bytes", self.sum(|shard| &shard.read_bytes).into()),
            ("interrupted", errors(libc::EINTR as usize).into()),
            ("timed_out", errors(libc::ETIMEDOUT as usize).into()),
            ("errors", list(by_errno).into()),
        ] {
            report.insert(name.into(), value);
        }
        report
    }
}

/// Nobody waits for a number, and none depends on another.
fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}

fn place(counters: &[AtomicU64], at: usize) -> &AtomicU64 {
    counters.get(at).unwrap_or(&counters[0])
}

/// Those numbers that are not 0; equal names are one.
fn list<N: Into<String>>(numbers: impl Iterator<Item = (N, u64)>) -> Map<String, Value> {
    let mut list = Map::new();
    for (name, number) in numbers.filter(|(_, number)| *number > 0) {
        let sum = list.entry(name.into()).or_insert(0.into());
        *sum = (sum.as_u64().unwrap_or(0) + number).into();
    }
    list
}

/// `ENOENT`, as programs know it.
fn name_of(errno: usize) -> String {
    match Errno::from_raw(errno as i32) {
        Errno::UnknownErrno => "other".into(),
        known => format!("{known:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_thread_counts_for_itself_and_all_are_added_up() {
        let counters = Counters::new(2);
        std::thread::scope(|scope| {
            for me in 0..3 {
                let counters = &counters;
                scope.spawn(move || {
                    Counters::join(me);
                    (0..1000).for_each(|_| counters.request(15));
                    counters.read(10);
                    counters.error(libc::EINTR);
                });
            }
        });
        counters.request(1_000_000);
        counters.request(63);
        counters.malformed();
        counters.written(7);
        counters.error(0);
        counters.error(i32::MIN);
        counters.error(libc::EAGAIN);
        counters.reply(&crate::fuse::data::wire::out_header(9, -libc::ENOENT, 0));
        counters.reply(&crate::fuse::data::wire::out_header(9, 0, 0));
        let expected = json!({
            "requests": { "read": 3000, "other": 2 },
            "malformed": 1,
            "written_bytes": 7,
            "read_bytes": 30,
            "interrupted": 3,
            "timed_out": 0,
            "errors": { "EINTR": 3, "EAGAIN": 1, "ENOENT": 1, "other": 1 },
        });
        assert_eq!(Value::Object(counters.report()), expected);
    }

    #[test]
    fn no_thread_writes_where_another_one_does() {
        assert_eq!(size_of::<Shard>() % 128, 0);
    }

    #[test]
    fn kinds_are_in_order_and_every_errno_has_a_place() {
        assert!(KINDS.is_sorted_by(|one, next| one.0 < next.0));
        assert!((1..ERRORS).all(|errno| errno == 41 || errno == 58 || name_of(errno) != "other"));
        assert_eq!(name_of(ERRORS), "other");
    }
}
