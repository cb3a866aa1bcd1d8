//! The known limits, which are the kernel's: each is as it is said to be, and no worse.

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, SIGBUS};

use crate::harness::actor::{Step, killed_by};
use crate::harness::deadline::comes_true;
use crate::harness::{Actor, Child, Errno, Mount, Task, calls, run, sh, sys};
use crate::{SOON, skip_unless_root, skip_without_fuse};

/// SEMANTICS: limit-append
///
/// They wait for nothing else: the first one's end is the second one's turn.
#[test]
fn writers_that_share_an_appending_file_take_turns() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]);
    let script = r#"
        exec 3>> "$1"
        head -c 4096 /dev/zero >&3
        sh -c 'echo $$; exec echo first >&3' & first=$!
        sh -c 'echo $$; exec echo second >&3' & second=$!
        exec 3>&-
        wait $first; echo "ended $?"
        wait $second; echo "ended $?"
    "#;
    let mut shell = Child::spawn(&mut sh(script, &[mount.path("p")]));
    let both = comes_true(SOON, || shell.stdout().lines().count() == 2);
    assert!(both, "{shell:?}");
    shell.until_waiting();
    let pids: Vec<i32> = shell.stdout().lines().map(|line| line.parse().unwrap()).collect();
    pids.iter().for_each(|pid| sys::kill(*pid, libc::SIGKILL).unwrap());
    shell.wait(SOON);
    assert_eq!(shell.stdout().matches("ended 137").count(), 2, "{shell:?}");
    let data = mount.open("p", O_RDONLY).read_to_end().unwrap();
    assert_eq!(data, [0; 4096]);
}

/// SEMANTICS: limit-fsync
#[test]
fn an_fsync_that_waits_holds_up_its_own_file_only() {
    skip_without_fuse!();
    let mount = Mount::new();
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    writer.write_all(b"first").unwrap();
    let flushing = writer.duplicate().unwrap();
    let mut flushing = Task::spawn(move || flushing.fsync());
    flushing.assert_waits();
    // Others are not held up: another server's write, and attributes of the pipe.
    mount.open("p", O_WRONLY).write_all(b"another").unwrap();
    sys::chmod(mount.path("p"), 0o600).unwrap();
    let mut writing = Task::spawn(move || writer.write(b"second"));
    assert!(!flushing.ends_within(crate::harness::deadline::A_WHILE));
    assert_eq!(reader.read(5).unwrap(), b"first");
    assert_eq!(flushing.join(SOON), Ok(()));
    assert_eq!(writing.ends_within(SOON).then(|| writing.join(SOON)), Some(Ok(6)));
    assert_eq!(reader.read(99).unwrap(), b"second");
}

/// SEMANTICS: limit-fsync
#[test]
fn what_changes_an_open_file_waits_for_the_writes_there() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=1"]);
    let writer = mount.open("p", O_WRONLY | O_CREAT);
    let reader = mount.open("p", O_RDONLY);
    writer.write_all(b"x").unwrap();
    let (writing, truncating) = (writer.duplicate().unwrap(), writer.duplicate().unwrap());
    let mut writing = Task::spawn(move || writing.write(b"waits"));
    writing.assert_waits();
    let mut truncating = Task::spawn(move || calls::truncate_open(&truncating, 0));
    assert!(!truncating.ends_within(crate::harness::deadline::A_WHILE));
    assert_eq!(reader.read(1).unwrap(), b"x");
    assert_eq!(writing.join(SOON), Ok(5));
    assert_eq!(truncating.join(SOON), Ok(()));
}

/// SEMANTICS: limit-deleted
#[test]
fn proc_shows_the_path_perhaps_as_deleted() {
    skip_without_fuse!();
    let mount = Mount::new();
    let ends = [mount.open("p", O_WRONLY | O_CREAT), mount.open("p", O_WRONLY)];
    for end in &ends {
        let shown = std::fs::read_link(format!("/proc/self/fd/{}", end.raw())).unwrap();
        let shown = shown.to_str().unwrap();
        let path = shown.strip_suffix(" (deleted)").unwrap_or(shown);
        assert_eq!(path, mount.path("p").to_str().unwrap());
    }
}

/// SEMANTICS: limit-mmap
#[test]
fn touching_a_private_mapping_raises_sigbus() {
    skip_without_fuse!();
    let mount = Mount::new();
    let path = mount.path("p");
    mount.open("p", O_WRONLY | O_CREAT).write_all(b"hello").unwrap();
    let steps = [Step::Open(path, O_RDONLY), Step::TouchMapping];
    let mut actor = Actor::start(&steps);
    let status = actor.child.wait(SOON);
    assert!(killed_by(status, SIGBUS), "{status}: {actor:?}");
    // The mapping took nothing; the client that made it did, by leaving.
    mount.open("p", O_WRONLY).write_all(b"next").unwrap();
    assert_eq!(mount.open("p", O_RDONLY).read_to_end().unwrap(), b"next");
}

/// SEMANTICS: limit-noclobber
#[test]
fn noclobber_refuses_an_existing_pipe() {
    skip_without_fuse!();
    let mount = Mount::new();
    let script = r#"
        set -C
        echo new > "$1" && echo created
        (echo over > "$1") 2> /dev/null || echo refused
        echo forced >| "$1"
        echo appended >> "$1"
        cat "$1" "$1" "$1"
    "#;
    let output = run(&mut sh(script, &[mount.path("p")]), SOON);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(printed, "created\nrefused\nnew\nforced\nappended\n", "{output:?}");
}

/// SEMANTICS: limit-sticky
///
/// The machine's own `fs.protected_regular` decides what is expected.
#[test]
fn creating_opens_of_others_pipes_in_a_sticky_directory() {
    skip_without_fuse!();
    skip_unless_root!();
    let protected = std::fs::read_to_string("/proc/sys/fs/protected_regular").unwrap();
    let mount = Mount::with(&["-o", "allow_other"]);
    let path = mount.make("p");
    sys::chmod(&path, 0o666).unwrap();
    let open = |flags: i32| {
        let step = Step::Open(path.clone(), flags | O_NONBLOCK);
        Actor::start_as(65_534, 65_534, &[step]).last_outcome(SOON)
    };
    let creating = if protected.trim() == "0" { Ok(0) } else { Err(Errno::EACCES) };
    assert_eq!(open(O_WRONLY | O_CREAT), creating);
    assert_eq!(open(O_WRONLY), Ok(0));
    assert_eq!(open(O_RDWR | O_APPEND), Ok(0));
}

/// SEMANTICS: wait-order
///
/// Reads that wait, each in a thread of its own.
#[test]
fn reads_are_served_in_the_order_in_which_they_came() {
    skip_without_fuse!();
    let mount = Mount::new();
    sys::mkfifo(mount.path("p"), 0o666).unwrap();
    let writer = mount.open("p", O_WRONLY);
    let readers: Vec<_> = (0..6)
        .map(|_| {
            let reader = mount.open("p", O_RDONLY);
            let mut reading = Task::spawn(move || reader.read(9));
            reading.assert_waits();
            reading
        })
        .collect();
    // All may be served by one large write, or one by one.
    for (number, reading) in readers.into_iter().enumerate() {
        let record = number.to_string().into_bytes();
        writer.write_all(&record).unwrap();
        assert_eq!(reading.join(SOON).unwrap(), record);
    }
}

/// SEMANTICS: wait-order
///
/// Writes that wait, each in a thread of its own.
#[test]
fn writes_are_accepted_in_the_order_in_which_they_came() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "mode=shared,capacity=1"]);
    let reader = mount.open("p", O_RDWR | O_CREAT);
    reader.write_all(b"x").unwrap();
    let writers: Vec<_> = (0..6_u8)
        .map(|number| {
            let writer = mount.open("p", O_WRONLY);
            let mut writing = Task::spawn(move || writer.write(&[b'0' + number]));
            writing.assert_waits();
            writing
        })
        .collect();
    assert_eq!(reader.read_exactly(7).unwrap(), b"x012345");
    for writing in writers {
        assert_eq!(writing.join(SOON), Ok(1));
    }
}
