//! Runs one test in many schedules.

use std::io::Write;
use std::time::{Duration, Instant};

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, MaxSteps, Runner};

/// A schedule with more steps hangs.
const MAX_STEPS: usize = 100_000;

/// Seeds the schedules, unless `PIPEFS_SEED` does.
const SEED: u64 = 20_261_121;

/// How many times the order of priorities changes in a schedule, at most: most races need one or
/// two such changes.
const DEPTHS: [usize; 2] = [2, 4];

/// How long it may take: the schedules of one test are few enough for a slow machine.
const TIME_MAX: Duration = Duration::from_secs(120);

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

/// Runs `test` in `schedules` random schedules, and in as many that follow priorities (PCT).
///
/// # Panics
/// If it panics or deadlocks in one of them; shuttle prints which.
pub(crate) fn explore(
    name: &str,
    schedules: usize,
    test: impl Fn() + Send + Sync + Copy + 'static,
) {
    let cases = number("PIPEFS_CASES").map(|cases| cases as usize);
    let (schedules, time_max) = match cases {
        Some(cases) => (cases, None),
        None => (schedules, Some(TIME_MAX)),
    };
    let seed = number("PIPEFS_SEED").unwrap_or(SEED);
    let start = Instant::now();
    let mut explored = run(RandomScheduler::new_from_seed(seed, schedules), time_max, test);
    for depth in DEPTHS {
        let share = schedules.div_ceil(DEPTHS.len());
        explored += run(PctScheduler::new_from_seed(seed, depth, share), time_max, test);
    }
    let seconds = start.elapsed().as_secs_f32();
    // Not by a macro: those are kept back where a test passes.
    let line = format!("{name}: {explored} schedules in {seconds:.1} s\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

fn run(
    scheduler: impl Scheduler + 'static,
    time_max: Option<Duration>,
    test: impl Fn() + Send + Sync + 'static,
) -> usize {
    let mut config = Config::new();
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    config.max_time = time_max;
    config.stack_size = 256 << 10;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(test)
}
