//! What one run of the benchmark measured, and how to find a figure in it.

use crate::arms::Arm;
use crate::figures::{Sample, Spread};
use crate::latency::Line;
use crate::memory::{Held, Idle};
use crate::options::Part;
use crate::parked::Crowd;
use crate::throughput::{Row, Section};

/// Everything that was measured; what was left out or failed is not there.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) sections: Vec<Section>,
    pub(crate) lines: Vec<Line>,
    pub(crate) held: Vec<Held>,
    pub(crate) crowd: Option<Crowd>,
    pub(crate) idle: Option<Idle>,
    /// What failed beside what sections and lines say of themselves.
    pub(crate) failures: Vec<String>,
}

impl Outcome {
    pub(crate) fn has_failed(&self) -> bool {
        !self.failures.is_empty()
            || self.sections.iter().any(|section| !section.failures.is_empty())
            || self.lines.iter().any(|line| !line.failures.is_empty())
    }

    pub(crate) fn section(&self, part: Part) -> Option<&Section> {
        self.sections.iter().find(|section| section.part == part)
    }

    /// The row of a block size, with one pair.
    pub(crate) fn row(&self, part: Part, block: usize) -> Option<&Row> {
        self.section(part)?.rows.iter().find(|row| row.block == block && row.pairs == 1)
    }

    pub(crate) fn line(&self, part: Part, what: &str, unit: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.part == part && line.what == what && line.unit == unit)
    }
}

/// The rates of an arm in the order in which they were measured.
pub(crate) fn rates(row: &Row, arm: Arm) -> Vec<f64> {
    row.of(arm).iter().map(Sample::rate).collect()
}

/// The better of the two floors of a throughput row: the one with the greater median.
pub(crate) fn better_floor(row: &Row) -> Option<Arm> {
    better(|arm| rates(row, arm), |one, other| one > other)
}

/// The better of the two floors of a row of times: the one with the lesser median.
pub(crate) fn quicker_floor(line: &Line) -> Option<Arm> {
    better(|arm| line.of(arm).to_vec(), |one, other| one < other)
}

fn better(of: impl Fn(Arm) -> Vec<f64>, beats: impl Fn(f64, f64) -> bool) -> Option<Arm> {
    let median = |arm| Spread::of(of(arm)).map(|spread| spread.median);
    match (median(Arm::Floor), median(Arm::FloorThreads)) {
        (Some(one), Some(threads)) if beats(threads, one) => Some(Arm::FloorThreads),
        (Some(_), _) => Some(Arm::Floor),
        (None, Some(_)) => Some(Arm::FloorThreads),
        (None, None) => None,
    }
}
