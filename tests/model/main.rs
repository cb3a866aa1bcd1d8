//! Random steps on the engine and on a slow and obvious model of it must not differ.
//!
//! Start here: a case is a seed; [`shrink::run_seed`] runs it, step by step, and makes the steps
//! of one that fails as few as it can.
//!
//! - [`state`]: the model: what it knows; [`looks`]: what can be seen of it
//! - [`opening`], [`moving`], [`functions`], [`closing`]: what operations do to the model
//! - [`lane`], [`writing`]: what is in a lane; which messages a write makes and a full lane drops
//! - [`steps`], [`choice`]: what can be done, and the choice of a random step
//! - [`run`], [`calls`], [`ending`], [`compare`]: each step on both, and all that can be seen
//!   compared
//! - [`shrink`]: from a seed to few steps
//! - [`random`]: numbers from a seed
//! - [`failures`]: differences that there were once
//!
//! `PIPEFS_CASES=1000000` runs more cases, `PIPEFS_SEED=7` begins at a seed.

mod calls;
mod choice;
mod closing;
mod compare;
mod ending;
mod failures;
mod functions;
mod lane;
mod looks;
mod moving;
mod opening;
mod random;
mod run;
mod shrink;
mod state;
mod steps;
mod writing;

use std::thread;

/// Cases of one run: some ten seconds, a minute on a slow machine.
const CASES: u64 = 15_000;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// Fails with the seed and the steps of one case.
fn report(seed: u64, failure: &shrink::Failure) -> ! {
    let steps: Vec<String> =
        failure.steps.iter().map(|(ticket, step)| format!("    ({ticket}, {step:?}),")).collect();
    panic!(
        "seed {seed}: {}\n{:?}\n[\n{}\n]\nreplay: PIPEFS_SEED={seed} PIPEFS_CASES=1",
        failure.difference,
        failure.setup,
        steps.join("\n")
    );
}

#[test]
fn random_steps_agree_with_the_model() {
    let cases = number("PIPEFS_CASES").unwrap_or(CASES);
    let first = number("PIPEFS_SEED").unwrap_or(0);
    let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
    let failed = thread::scope(|scope| {
        let run = |offset| {
            (first + offset..first + cases)
                .step_by(threads as usize)
                .find_map(|seed| shrink::run_seed(seed).map(|failure| (seed, failure)))
        };
        let handles: Vec<_> = (0..threads).map(|offset| scope.spawn(move || run(offset))).collect();
        handles
            .into_iter()
            .filter_map(|handle| handle.join().expect("a test's thread"))
            .collect::<Vec<_>>()
    });
    if let Some((seed, failure)) = failed.iter().min_by_key(|(seed, _)| seed) {
        report(*seed, failure);
    }
}
