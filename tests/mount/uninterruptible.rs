//! No process is ever in uninterruptible sleep because of another one.

use std::time::Duration;

use libc::{O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY, SIGINT, SIGKILL, SIGTERM};

use crate::harness::actor::{Outcome, Step, killed_by};
use crate::harness::random::Random;
use crate::harness::sampler::LONGEST_D;
use crate::harness::{Actor, Mount, StateWatch, sys};
use crate::{SOON, skip_without_fuse};

/// How many rounds are played; more of them by the environment variable `PIPEFS_ROUNDS`.
const ROUNDS: u64 = 200;

/// What a first write leaves in the pipe: its whole capacity.
const FULL: usize = 4096;

fn rounds() -> u64 {
    std::env::var("PIPEFS_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// A writer as `>>` makes it. In a full shared pipe already its first write waits.
fn appender(mount: &Mount, name: &str, byte: u8) -> Actor {
    Actor::start(&[
        Step::Open(mount.path(name), O_WRONLY | O_APPEND | O_CREAT),
        Step::Write(FULL, byte),
        Step::Write(1, byte),
    ])
}

/// How many bytes of a writer were accepted, as far as the writer knows.
fn accepted(outcomes: &[Outcome]) -> usize {
    outcomes.iter().flatten().map(|count| *count as usize).sum()
}

/// Reads what is there from one instance after the other, until nothing more comes.
fn drain(mount: &Mount, name: &str, instances: usize) -> Vec<Vec<u8>> {
    (0..instances).map(|_| mount.open(name, O_RDONLY).read_to_end().unwrap()).collect()
}

/// One round: two writers wait, three others use the name, one of the five is ended. The longest
/// that any of them was in uninterruptible sleep.
fn round(mount: &Mount, random: &mut Random, number: u64) -> Duration {
    let name = format!("p{number}");
    let shared = number % 2 == 1;
    if shared {
        sys::mkfifo(mount.path(&name), 0o666).unwrap();
    }
    let watch = StateWatch::start();
    let mut actors = vec![appender(mount, &name, b'a')];
    watch.add(actors[0].child.pid());
    actors[0].until_waiting();
    actors.push(appender(mount, &name, b'b'));
    watch.add(actors[1].child.pid());
    let waits_in = if shared { 1 } else { 2 };
    actors[1].until_waiting_in(waits_in);
    let path = mount.path(&name);
    for step in [
        Step::Chmod(path.clone(), 0o640),
        Step::Truncate(path.clone(), 0),
        Step::Stat(path.clone()),
    ] {
        actors.push(Actor::start(&[step]));
        watch.add(actors.last().unwrap().child.pid());
    }
    let victim = random.below(5) as usize;
    let signal = *random.pick(&[SIGINT, SIGTERM, SIGKILL]);
    std::thread::sleep(Duration::from_micros(random.below(3000)));
    let what = format!("round {number}, victim {victim}, signal {signal}");
    let (status, time) = actors[victim].end_by(signal);
    // The three others may have ended before the signal came.
    assert!(killed_by(status, signal) || victim > 1 && status.success(), "{what}: {status}");
    assert!(time < Duration::from_secs(1), "{what}: it took {time:?}");
    for (other, actor) in actors.iter_mut().enumerate().skip(2) {
        if other != victim {
            let outcome = actor.last_outcome(SOON);
            assert!(outcome.is_ok(), "{what}: {other} got {outcome:?}");
        }
    }
    let data = drain(mount, &name, if shared { 1 } else { 2 });
    for (writer, actor) in actors.iter_mut().enumerate().take(2) {
        if writer != victim {
            actor.finish(SOON);
        }
        let byte = b"ab"[writer];
        let got = data.iter().flatten().filter(|other| **other == byte).count();
        let known = accepted(&actor.outcomes());
        // A writer that was killed cannot say whether its last write was accepted.
        let last = usize::from(writer == victim);
        assert!((known..=known + last).contains(&got), "{what}: {got} of {known} bytes");
    }
    std::fs::remove_file(path).unwrap();
    watch.finish()
}

/// SEMANTICS: wait-no-d-state
#[test]
fn nobody_is_in_uninterruptible_sleep_whoever_is_killed() {
    skip_without_fuse!();
    let mount = Mount::with(&["-o", "capacity=4K"]).lasting(Duration::from_secs(600));
    let mut random = Random::new(42);
    let stays: Vec<_> = (0..rounds()).map(|number| round(&mount, &mut random, number)).collect();
    // Where the machine is busy with other things, the driver itself may have to wait for its
    // turn; a process that depends on another one would be there for seconds, and each time.
    let long = stays.iter().filter(|stay| **stay > LONGEST_D).count();
    assert!(long * 50 <= stays.len(), "{long} of {} rounds: {stays:?}", stays.len());
}

/// SEMANTICS: wait-no-d-state
///
/// Others open, create, list and remove while clients wait in open and in their first read.
#[test]
fn clients_that_wait_do_not_hold_the_directory() {
    skip_without_fuse!();
    let mount = Mount::new();
    mount.make("waits");
    let mut waiting = [
        Actor::start(&[Step::Open(mount.path("waits"), O_RDONLY)]),
        Actor::start(&[Step::Open(mount.path("new"), O_RDONLY | O_CREAT), Step::Read(1)]),
    ];
    waiting.iter_mut().for_each(Actor::until_waiting);
    let watch = StateWatch::start();
    for number in 0..50 {
        let name = format!("p{number}");
        let mut other = Actor::start(&[
            Step::Open(mount.path(&name), O_WRONLY | O_CREAT | O_NONBLOCK),
            Step::Stat(mount.dir().to_owned()),
            Step::Stat(mount.path("waits")),
            Step::Chmod(mount.path("new"), 0o600),
        ]);
        watch.add(other.child.pid());
        let outcomes = other.finish(SOON);
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert!(std::fs::read_dir(mount.dir()).unwrap().count() >= 3);
        std::fs::remove_file(mount.path(&name)).unwrap();
    }
    watch.finish();
    for mut actor in waiting {
        let (status, _) = actor.end_by(SIGKILL);
        assert!(killed_by(status, SIGKILL));
    }
}
