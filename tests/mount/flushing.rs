//! `linger=flush`: close(2) waits until what was written has been read. Whoever waits so is a
//! process of its own: in this one, a program that another test starts would wait with it.

use std::time::Duration;

use libc::{O_CREAT, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY, SIGALRM, SIGINT, SIGKILL, SIGTERM};

use crate::harness::actor::{Step, killed_by};
use crate::harness::calls::set_attribute;
use crate::harness::deadline::A_WHILE;
use crate::harness::process::timed;
use crate::harness::sampler::LONGEST_D;
use crate::harness::{Actor, Child, Errno, Mount, StateWatch, command, eventually, run, sh};
use crate::{SOON, skip_without_fuse};

fn mount() -> Mount {
    Mount::with(&["-o", "linger=flush"])
}

fn bash(script: &str, mount: &Mount, name: &str) -> std::process::Command {
    let mut command = command("bash");
    command.args(["-c", script, "bash"]).arg(mount.path(name));
    command
}

/// Opens a pipe and writes `hello` to it.
fn writer(mount: &Mount, name: &str, rest: &[Step]) -> Actor {
    let mut steps = vec![Step::Open(mount.path(name), O_WRONLY | O_CREAT), Step::Write(5, b'a')];
    steps.extend_from_slice(rest);
    Actor::start(&steps)
}

#[track_caller]
fn assert_holds(mount: &Mount, name: &str, data: &[u8]) {
    assert_eq!(mount.open(name, O_RDONLY).read_to_end().unwrap(), data);
}

/// SEMANTICS: flush-waits
#[test]
fn a_shells_echo_waits_for_its_reader() {
    skip_without_fuse!();
    let mount = mount();
    for shell in ["bash", "dash"] {
        let mut echo = command(shell);
        echo.args(["-c", r#"echo hello > "$1"; echo done"#, shell]).arg(mount.path(shell));
        let mut echo = Child::spawn(&mut echo);
        assert_eq!(echo.ends_within(A_WHILE), None, "{echo:?}");
        echo.until_waiting();
        assert_eq!(echo.stdout(), "");
        assert_holds(&mount, shell, b"hello\n");
        assert!(echo.wait(SOON).success());
        assert_eq!(echo.stdout(), "done\n");
    }
}

/// SEMANTICS: flush-waits
#[test]
fn a_close_ends_with_the_last_byte() {
    skip_without_fuse!();
    let mount = mount();
    let mut closing = writer(&mount, "p", &[Step::Close]);
    closing.until_waiting();
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read(4).unwrap(), b"aaaa");
    assert_eq!(closing.child.ends_within(A_WHILE), None);
    assert_eq!(client.read(4).unwrap(), b"a");
    assert_eq!(closing.last_outcome(SOON), Ok(0));
    assert_eq!(client.read(4).unwrap(), b"");
}

/// SEMANTICS: flush-waits
#[test]
fn a_close_fails_when_the_reader_leaves() {
    skip_without_fuse!();
    let mount = mount();
    let mut closing = writer(&mount, "p", &[Step::Close, Step::Stat(mount.path("p"))]);
    closing.until_waiting_in(2);
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read(4).unwrap(), b"aaaa");
    client.close().unwrap();
    assert_eq!(closing.finish(SOON)[2], Err(Errno::EPIPE));
}

/// SEMANTICS: fsync-unlinked, flush-waits
#[test]
fn a_close_fails_when_the_name_is_removed() {
    skip_without_fuse!();
    let mount = mount();
    let mut closing = writer(&mount, "p", &[Step::Close]);
    closing.until_waiting();
    let mut flushing = writer(&mount, "q", &[Step::Fsync]);
    flushing.until_waiting();
    for (name, actor) in [("p", &mut closing), ("q", &mut flushing)] {
        std::fs::remove_file(mount.path(name)).unwrap();
        assert_eq!(actor.last_outcome(SOON), Err(Errno::EPIPE), "{name}");
    }
}

/// SEMANTICS: flush-waits
#[test]
fn who_has_nothing_to_wait_for_does_not() {
    skip_without_fuse!();
    let mount = mount();
    let close = |flags| Actor::start(&[Step::Open(mount.path("p"), flags), Step::Close]);
    assert_eq!(close(O_WRONLY | O_CREAT).last_outcome(SOON), Ok(0), "nothing is written");
    assert_eq!(close(O_RDWR).last_outcome(SOON), Ok(0), "a server that wrote nothing");
    let mut closing = writer(&mount, "p", &[Step::Close]);
    closing.until_waiting();
    let mut reader =
        Actor::start(&[Step::Open(mount.path("p"), O_RDONLY), Step::Read(2), Step::Close]);
    assert_eq!(reader.finish(SOON), [Ok(0), Ok(2), Ok(0)], "it reads");
    assert_eq!(closing.last_outcome(SOON), Err(Errno::EPIPE));
    set_attribute(mount.make("in"), "user.pipefs.access", b"inbound").unwrap();
    let pending = [Step::Open(mount.path("in"), O_WRONLY | O_NONBLOCK), Step::Close];
    assert_eq!(Actor::start(&pending).finish(SOON), [Ok(0), Ok(0)], "a pending client");
}

/// SEMANTICS: flush-waits
#[test]
fn ends_of_a_shared_pipe_wait_for_their_own_data() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "linger=flush,mode=shared"]);
    let mut first = writer(&mount, "p", &[Step::Close]);
    first.until_waiting();
    let mut second = writer(&mount, "p", &[Step::Close]);
    second.until_waiting();
    // Reads what the first one wrote, and writes nothing.
    let both = [Step::Open(mount.path("p"), O_RDWR), Step::Read(5), Step::Close];
    let mut both = Actor::start(&both);
    assert_eq!(both.finish(SOON), [Ok(0), Ok(5), Ok(0)]);
    assert_eq!(first.last_outcome(SOON), Ok(0));
    // The only reader has left before it had read the second one's.
    assert_eq!(second.last_outcome(SOON), Err(Errno::EPIPE));
    assert_holds(&mount, "p", b"aaaaa");
}

/// SEMANTICS: flush-interrupt, wait-kill
///
/// Before a client came, and after it has read a part: at once, and what is unread stays.
#[test]
fn a_close_can_be_ended_at_each_stage() {
    skip_without_fuse!();
    let mount = mount();
    for (number, signal) in [SIGINT, SIGTERM, SIGALRM, SIGKILL].into_iter().enumerate() {
        for is_connected in [false, true] {
            let name = format!("p{number}-{is_connected}");
            let watch = StateWatch::start();
            let mut closing = writer(&mount, &name, &[Step::Close]);
            watch.add(closing.child.pid());
            closing.until_waiting();
            let client = is_connected.then(|| mount.open(&name, O_RDONLY));
            let taken = client.as_ref().map_or(0, |client| client.read(2).unwrap().len());
            let (status, time) = closing.end_by(signal);
            assert!(killed_by(status, signal), "{status}");
            assert!(time < Duration::from_secs(1), "{name}: it took {time:?}");
            watch.finish();
            let client = client.unwrap_or_else(|| mount.open(&name, O_RDONLY));
            assert_eq!(client.read_to_end().unwrap(), vec![b'a'; 5 - taken], "{name}");
        }
    }
}

/// SEMANTICS: flush-interrupt
#[test]
fn an_interrupted_close_has_closed() {
    skip_without_fuse!();
    let mount = mount();
    let mut closing = Actor::start(&[
        Step::Handle(SIGALRM, true),
        Step::Open(mount.path("p"), O_WRONLY | O_CREAT),
        Step::Write(5, b'a'),
        Step::Alarm(150),
        Step::Close,
        Step::Fsync,
    ]);
    let outcomes = closing.finish(SOON);
    assert_eq!(outcomes[4..], [Err(Errno::EINTR), Err(Errno::EBADF)]);
    assert_holds(&mount, "p", b"aaaaa");
}

/// SEMANTICS: flush-interrupt
#[test]
fn timeout_ends_a_shell_that_waits_in_close() {
    skip_without_fuse!();
    let mount = mount();
    for (signal, code) in [("INT", 124), ("TERM", 124), ("KILL", 137)] {
        for call in [r#"bash -c 'echo x > "$0"' "$1""#, r#"dd status=none if=/etc/passwd of="$1""#]
        {
            let script = format!("timeout -s {signal} 0.2 {call}");
            let (output, time) = timed(|| run(&mut sh(&script, &[mount.path("p")]), SOON));
            assert_eq!(output.status.code(), Some(code), "{script}: {output:?}");
            assert!(time < Duration::from_secs(2), "{script} took {time:?}");
            assert!(!mount.open("p", O_RDONLY).read_to_end().unwrap().is_empty(), "{script}");
        }
    }
}

/// Somebody ends without having closed; nothing could interrupt it if it waited.
fn assert_ends_at_once(mut child: Child, what: &str) {
    let watch = StateWatch::start();
    watch.add(child.pid());
    let (status, time) = timed(|| child.wait(SOON));
    assert!(time < Duration::from_secs(2), "{what} took {time:?}");
    assert!(status.success(), "{what}: {status}");
    assert!(watch.finish() <= Duration::from_secs(1), "{what} was in state D");
}

/// SEMANTICS: flush-not, wait-no-d-state
#[test]
fn who_ends_without_closing_does_not_wait() {
    skip_without_fuse!();
    let mount = mount();
    let actor = writer(&mount, "actor", &[]);
    assert_ends_at_once(actor.child, "an actor");
    assert_holds(&mount, "actor", b"aaaaa");
    let script = "import os, sys\n\
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n\
        copies = [os.dup(file) for _ in range(50)]\n\
        os.write(file, b'hello')\n\
        os._exit(0)\n";
    let mut python = command("python3");
    python.args(["-c", script]).arg(mount.path("python"));
    assert_ends_at_once(Child::spawn(&mut python), "python");
    assert_holds(&mount, "python", b"hello");
    // What is printed last is written while Python ends, and its output it leaves open.
    let script = r#"exec python3 -c 'print("hello")' > "$1""#;
    assert_ends_at_once(Child::spawn(&mut bash(script, &mount, "print")), "print");
    assert_holds(&mount, "print", b"hello\n");
}

/// SEMANTICS: flush-not, wait-kill, wait-no-d-state
#[test]
fn who_is_killed_elsewhere_does_not_wait() {
    skip_without_fuse!();
    let mount = mount();
    let mut sleeping = writer(&mount, "sleep", &[Step::Sleep(60_000)]);
    sleeping.until_waiting();
    let script = r#"(echo hello; sleep 60) | exec cat > "$1""#;
    let cat = Child::spawn(&mut bash(&format!("exec 2>&1; {script}"), &mount, "cat"));
    let client = mount.open("cat", O_RDONLY | O_CREAT);
    assert_eq!(client.read(2).unwrap(), b"he");
    let watch = StateWatch::start();
    watch.add(sleeping.child.pid());
    let (status, time) = sleeping.end_by(SIGKILL);
    assert!(killed_by(status, SIGKILL), "{status}");
    assert!(time < Duration::from_secs(1), "it took {time:?}");
    assert!(watch.finish() <= LONGEST_D.max(Duration::from_secs(1)));
    // All of its group are killed, the cat too, with its output open.
    drop(cat);
    assert_eq!(client.read_to_end().unwrap(), b"llo\n");
    assert_holds(&mount, "sleep", b"aaaaa");
}

/// SEMANTICS: flush-each
#[test]
fn each_copy_of_a_descriptor_waits() {
    skip_without_fuse!();
    let mount = mount();
    let mut closing = writer(&mount, "p", &[Step::Duplicate, Step::Close, Step::Close]);
    closing.until_waiting_in(3);
    let client = mount.open("p", O_RDONLY);
    assert_eq!(client.read(9).unwrap(), b"aaaaa");
    assert_eq!(closing.finish(SOON), [Ok(0), Ok(5), Ok(0), Ok(0), Ok(0)]);
    assert_eq!(client.read(9).unwrap(), b"");
}

/// SEMANTICS: flush-not, flush-copy, wait-no-d-state
///
/// Once a driver that looked at such a process waited for it, and it for the driver.
#[test]
fn who_executes_a_program_does_not_wait() {
    skip_without_fuse!();
    let mount = mount();
    let executing = writer(&mount, "p", &[Step::Exec]);
    assert_ends_at_once(executing.child, "execve");
    assert_holds(&mount, "p", b"aaaaa");
    // Its child executes a program while the writer itself holds on; then it closes, and waits.
    let script = "import os, subprocess, sys\n\
        file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n\
        os.write(file, b'hello')\n\
        subprocess.run(['true'], check=True)\n\
        print('ran', flush=True)\n\
        os.close(file)\n";
    let mut python = command("python3");
    python.args(["-c", script]).arg(mount.path("python"));
    let mut python = Child::spawn(&mut python);
    eventually(SOON, || python.stdout() == "ran\n");
    python.until_waiting();
    assert_holds(&mount, "python", b"hello");
    assert!(python.wait(SOON).success());
}

/// SEMANTICS: flush-line
#[test]
fn a_close_waits_for_a_line_that_is_begun() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "linger=flush,type=message,framing=line"]);
    let mut printing = Child::spawn(&mut bash(r#"printf 'one\ntwo' > "$1""#, &mount, "p"));
    let client = mount.open("p", O_RDONLY | O_CREAT);
    assert_eq!(client.read(99).unwrap(), b"one\n");
    assert_eq!(printing.ends_within(A_WHILE), None, "{printing:?}");
    assert_eq!(client.read(99).unwrap(), b"two");
    assert!(printing.wait(SOON).success());
    assert_eq!(client.read(99).unwrap(), b"");
}

/// SEMANTICS: flush-later
#[test]
fn the_setting_counts_when_the_end_is_opened() {
    skip_without_fuse!();
    let mount = mount();
    let set = |name, value: &[u8]| {
        set_attribute(mount.path(name), "user.pipefs.linger", value).unwrap();
    };
    mount.make("later");
    set("later", b"keep");
    // Between its open and its close each waits for a cue, which is the last file it opened.
    let [mut flushes, mut keeps] = ["sooner", "later"].map(|name| {
        let cue = Step::Open(mount.make(&format!("cue-{name}")), O_RDONLY);
        writer(&mount, name, &[cue, Step::Close, Step::Close])
    });
    flushes.until_waiting_in(2);
    keeps.until_waiting_in(2);
    set("sooner", b"keep");
    set("later", b"flush");
    let _cues = ["cue-sooner", "cue-later"].map(|cue| mount.open(cue, O_WRONLY));
    assert_eq!(keeps.last_outcome(SOON), Ok(0));
    assert_holds(&mount, "later", b"aaaaa");
    flushes.until_waiting();
    assert_holds(&mount, "sooner", b"aaaaa");
    assert_eq!(flushes.last_outcome(SOON), Ok(0));
}
