//! Samples, and what is said of several: the median with the least and the greatest.

use crate::machine::Others;

/// One measured run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// From the first write's or read's start to the last one's end.
    pub(crate) seconds: f64,
    pub(crate) bytes: u64,
    /// Blocks of the writer; it moved `bytes / blocks` with each.
    pub(crate) blocks: u64,
    pub(crate) write_calls: u64,
    pub(crate) read_calls: u64,
    /// CPU seconds of writer, reader and driver.
    pub(crate) cpu: [f64; 3],
    pub(crate) others: Others,
}

impl Sample {
    /// Megabytes (10^6) per second.
    pub(crate) fn rate(&self) -> f64 {
        self.bytes as f64 / self.seconds / 1e6
    }

    /// CPU seconds of writer, reader and driver for 2^30 bytes.
    pub(crate) fn cpu_seconds_per_gibibyte(&self) -> f64 {
        self.cpu.iter().sum::<f64>() / self.bytes as f64 * f64::from(1 << 30)
    }

    pub(crate) fn cpu_microseconds_per_block(&self) -> f64 {
        self.cpu.iter().sum::<f64>() * 1e6 / self.blocks as f64
    }
}

/// The middle and the ends of some values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    /// `None` without values.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&least, &greatest) = (values.first()?, values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { median, least, greatest })
    }

    /// Of the ratios of runs that were made one after the other in the same repetition.
    pub(crate) fn of_ratios(above: &[f64], below: &[f64]) -> Option<Self> {
        Self::of(above.iter().zip(below).map(|(above, below)| above / below))
    }
}

/// A number with about three significant digits.
pub(crate) fn short(value: f64) -> String {
    match value {
        _ if value >= 99.95 => format!("{value:.0}"),
        _ if value >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
