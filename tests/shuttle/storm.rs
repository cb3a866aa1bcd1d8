//! Random operations on a few pipes, in random schedules, with the accounts of the arena.

use std::time::Duration;

use pipefs::settings::{Access, Lifetime};
use pipefs::{Bounds, Settings};
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::thread;

use crate::arena::Arena;
use crate::explore::explore;
use crate::random::Random;

const THREADS: usize = 3;

/// Operations of each thread: enough for two to meet, few enough for schedules that differ.
const STEPS: usize = 15;

fn storm(settings: Settings, bounds: Bounds) {
    let arena = Arc::new(Arena::new(settings, bounds));
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
    explore("storm", 2000, || storm(settings(), Bounds::memory(1 << 20)));
}

#[test]
fn random_operations_short_of_memory() {
    explore("storm, little memory", 2000, || storm(settings(), Bounds::memory(70)));
}

#[test]
fn random_operations_of_users_short_of_memory() {
    let bounds = Bounds { user_memory_bytes: Some(50), ..Bounds::memory(130) };
    explore("storm, little memory for each user", 2000, move || storm(settings(), bounds));
}

#[test]
fn random_operations_on_names_that_go() {
    let settings = || Settings {
        lifetime: Lifetime::LastClose,
        access: Access::Outbound,
        max_instances: Some(2),
        ..settings()
    };
    explore("storm, names that go", 2000, move || storm(settings(), Bounds::memory(100)));
}
