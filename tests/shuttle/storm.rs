//! Random operations on a few pipes, in random schedules, with the accounts of the arena.

use std::time::Duration;

use pipefs::Settings;
use pipefs::settings::{Access, Lifetime};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::thread;

use crate::arena::Arena;
use crate::explore::explore;
use crate::random::Random;

const THREADS: usize = 3;

/// Operations of each thread: enough for two to meet, few enough for schedules that differ.
const STEPS: usize = 15;

fn storm(settings: Settings, memory_bytes: u64) {
    let arena = Arc::new(Arena::new(settings, memory_bytes));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (arena, seed) = (arena.clone(), thread_rng().r#gen());
            thread::spawn(move || {
                let mut random = Random::new(seed);
                (0..STEPS).for_each(|_| arena.step(&mut random));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
    arena.check_rest();
    arena.check_end(&mut Random::new(1));
}

fn settings() -> Settings {
    Settings { capacity_bytes: 60, wait_timeout: Some(Duration::ZERO), ..Settings::default() }
}

#[test]
fn random_operations() {
    explore("storm", 2000, || storm(settings(), 1 << 20));
}

#[test]
fn random_operations_short_of_memory() {
    explore("storm, little memory", 2000, || storm(settings(), 70));
}

#[test]
fn random_operations_on_names_that_go() {
    let settings = || Settings {
        lifetime: Lifetime::LastClose,
        access: Access::Outbound,
        max_instances: Some(2),
        ..settings()
    };
    explore("storm, names that go", 2000, move || storm(settings(), 100));
}
