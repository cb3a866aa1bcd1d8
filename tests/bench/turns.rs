//! Repetitions: all arms one after the other, and the next one begins with another arm.

use std::io;

use crate::arms::{Arm, Site};
use crate::machine::{Others, Patience};
use crate::options::Options;

/// What was measured of an arm, and what could not be.
#[derive(Debug)]
pub(crate) struct Turns<T> {
    pub(crate) samples: Vec<(Arm, Vec<T>)>,
    pub(crate) failures: Vec<(Arm, String)>,
}

impl<T> Turns<T> {
    /// Makes `options.repetitions()` runs at each site that has not failed yet. First `prepare`
    /// finds what its runs take, in unrecorded ones, which warm all arms up alike.
    ///
    /// A run beside which others used the CPUs is made again, for every arm alike and whatever its
    /// result, in a quiet moment if one comes, while second tries are left: in all as many as there
    /// are runs (`--quick`: a quarter of that).
    pub(crate) fn take<P>(
        sites: &[Site],
        options: &Options,
        patience: &mut Patience,
        mut prepare: impl FnMut(&Site) -> io::Result<P>,
        mut run: impl FnMut(&Site, &P) -> io::Result<(T, Others)>,
    ) -> Self {
        let mut failures = Vec::new();
        let mut fail = |site: &Site, error: &io::Error| {
            site.set_failed();
            eprintln!("{} failed: {error}", site.arm.key());
            failures.push((site.arm, error.to_string()));
        };
        let mut lines = Vec::new();
        for site in sites.iter().filter(|site| !site.has_failed()) {
            match prepare(site) {
                Ok(prepared) => lines.push((site, prepared, Vec::new())),
                Err(error) => fail(site, &error),
            }
        }
        let runs = lines.len() * options.repetitions();
        let mut second_tries = if options.quick { runs / 4 } else { runs };
        for repetition in 0..options.repetitions() {
            for turn in 0..lines.len() {
                let place = (turn + repetition) % lines.len();
                let (site, prepared, samples) = &mut lines[place];
                while !site.has_failed() {
                    match run(site, prepared) {
                        Ok((_, others)) if others.disturbed() && second_tries > 0 => {
                            second_tries -= 1;
                            if let Err(error) = patience.wait() {
                                fail(site, &error);
                            }
                        }
                        Ok((sample, _)) => {
                            samples.push(sample);
                            break;
                        }
                        Err(error) => fail(site, &error),
                    }
                }
            }
        }
        let samples = lines.into_iter().map(|(site, _, samples)| (site.arm, samples)).collect();
        Self { samples, failures }
    }
}
