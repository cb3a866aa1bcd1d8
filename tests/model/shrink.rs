//! From a seed to the few steps that show a difference.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::random::Random;
use super::run::{Difference, Run};
use super::steps::{Setup, Step};

/// Most steps of a case.
const MAX_STEPS: usize = 60;

/// A case that shows a difference, as short as it could be made.
pub(crate) struct Failure {
    pub(crate) setup: Setup,
    pub(crate) steps: Vec<(u64, Step)>,
    pub(crate) difference: Difference,
}

/// Runs the case of a seed.
pub(crate) fn run_seed(seed: u64) -> Option<Failure> {
    let mut random = Random::new(seed);
    let setup = Setup::random(&mut random);
    let mut steps = Vec::new();
    let run = || {
        let mut run = Run::new(setup);
        let count = 5 + random.below(MAX_STEPS - 5);
        for ticket in 1..=count as u64 {
            let step = Step::random(&mut random, &run);
            steps.push((ticket, step));
            run.step(ticket, step)?;
        }
        run.finish()
    };
    catch(run).err()?;
    Some(shorten(setup, steps))
}

/// Runs these steps.
///
/// # Errors
/// How the engine differs from the model, or with what it panicked.
pub(crate) fn replay(setup: Setup, steps: &[(u64, Step)]) -> Result<(), Difference> {
    catch(|| {
        let mut run = Run::new(setup);
        for &(ticket, step) in steps {
            run.step(ticket, step).map_err(|difference| format!("{ticket}: {difference}"))?;
        }
        run.finish().map_err(|difference| format!("at the end: {difference}"))
    })
}

fn catch(run: impl FnOnce() -> Result<(), Difference>) -> Result<(), Difference> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("panic: {}", text.or(panic.downcast_ref().copied()).unwrap_or("?")))
    })
}

/// Leaves out steps, fewer and fewer at a time, as long as there is a difference without them;
/// then tries the least sizes.
fn shorten(setup: Setup, mut steps: Vec<(u64, Step)>) -> Failure {
    let mut chunk = steps.len();
    while chunk > 0 {
        let mut at = 0;
        while at < steps.len() {
            let mut fewer = steps.clone();
            fewer.drain(at..(at + chunk).min(steps.len()));
            if replay(setup, &fewer).is_err() {
                steps = fewer;
            } else {
                at += chunk;
            }
        }
        chunk /= 2;
    }
    for at in 0..steps.len() {
        let before = steps[at].1;
        steps[at].1 = before.smallest();
        if replay(setup, &steps).is_ok() {
            steps[at].1 = before;
        }
    }
    let difference = replay(setup, &steps).err().unwrap_or("differs only at times".into());
    Failure { setup, steps, difference }
}
