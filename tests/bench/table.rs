//! The report: tables that read well in a terminal and in docs/BENCHMARKS.md.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use crate::arms::Arm;
use crate::figures::{Sample, Spread, short};
use crate::memory::Held;
use crate::options::{Options, Part, show_size};
use crate::throughput::{Row, Section};

/// What a report replaces in the file given with `--write`.
const BEGIN: &str = "<!-- figures: begin (scripts/bench.sh --write) -->\n";
const END: &str = "<!-- figures: end -->\n";

/// How the runs were made, in one paragraph.
pub(crate) fn about(options: &Options, machine: &str) -> String {
    let label = options.label.as_ref().map(|label| format!("{label}. ")).unwrap_or_default();
    let mut text = format!(
        "{label}{machine}. {} repetitions of {} s.",
        options.repetitions(),
        options.run_time().as_secs_f64()
    );
    if let Some(mount_options) = &options.mount_options {
        let _ = write!(text, " Mount options of pipefs: `{mount_options}`.");
    }
    if options.misaligned {
        text.push_str(" Buffers start 16 bytes into a page.");
    }
    text
}

/// The tables of one placement.
pub(crate) fn section(section: &Section) -> String {
    let title = match section.part {
        Part::Apart => "Apart: writer on one CPU, reader on another, driver free",
        Part::OneCpu => "One CPU: writer, reader and driver pinned to the same",
        _ => "Free: writer, reader and driver may use every CPU",
    };
    let mut text = format!("### {title}\n\n");
    let arms = arms(section);
    let mut rates = Table::new("MB/s", arms.iter().map(|arm| arm.heading().to_owned()));
    let mut times = Table::new("µs per block", rates.headings.clone());
    let mut cpu = Table::new("CPU µs per block", rates.headings.clone());
    for row in &section.rows {
        rates.add(row, arms.iter().map(|&arm| spread(row, arm, Sample::rate)));
        times.add(row, arms.iter().map(|&arm| spread(row, arm, Sample::microseconds_per_block)));
        let both = |&arm| spread(row, arm, Sample::cpu_microseconds_per_block);
        cpu.add(row, arms.iter().map(both));
    }
    let _ = writeln!(text, "{}", rates.text());
    if let Some(ratios) = ratios(section, &arms) {
        let _ = writeln!(text, "{}", ratios.text());
    }
    let _ = writeln!(text, "{}\n{}", times.text(), cpu.text());
    let all: Vec<&Sample> =
        section.rows.iter().flat_map(|row| &row.samples).flat_map(|(_, all)| all).collect();
    let _ = writeln!(
        text,
        "Of {} runs {} were disturbed: others used more than a twentieth of the CPUs meanwhile.",
        all.len(),
        all.iter().filter(|sample| sample.others.disturbed()).count()
    );
    for (arm, reason) in &section.failures {
        let _ = writeln!(text, "\n**{} failed**: {reason}", arm.heading());
    }
    text
}

fn ratios(section: &Section, arms: &[Arm]) -> Option<Table> {
    let mut pairs = Vec::new();
    for above in [Arm::Pipefs, Arm::Floor] {
        for below in [Arm::Fifo, Arm::FifoLarge, Arm::Floor, Arm::FloorThreads] {
            let wanted = above == Arm::Pipefs || below == Arm::Fifo;
            if wanted && arms.contains(&above) && arms.contains(&below) {
                pairs.push((above, below));
            }
        }
    }
    let headings =
        pairs.iter().map(|(above, below)| format!("{} / {}", above.heading(), below.heading()));
    let mut table = Table::new("ratio", headings);
    for row in &section.rows {
        let cells = pairs
            .iter()
            .map(|&(above, below)| Spread::of_ratios(samples(row, above), samples(row, below)));
        table.add(row, cells);
    }
    (!pairs.is_empty()).then_some(table)
}

fn arms(section: &Section) -> Vec<Arm> {
    let mut arms = Vec::new();
    for (arm, _) in section.rows.iter().flat_map(|row| &row.samples) {
        if !arms.contains(arm) {
            arms.push(*arm);
        }
    }
    arms
}

fn samples(row: &Row, wanted: Arm) -> &[Sample] {
    row.samples.iter().find(|(arm, _)| *arm == wanted).map_or(&[], |(_, samples)| samples)
}

fn spread(row: &Row, arm: Arm, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
    Spread::of(samples(row, arm).iter().map(of))
}

/// The table of the driver's memory.
pub(crate) fn memory(all: &[Held], failures: &[String]) -> String {
    let mut text = String::from("### Memory of the driver\n\n");
    let mut table = Table {
        corner: "MiB".to_owned(),
        headings: [
            "buffered", "idle", "full", "peak", "allowed", "half", "eighth", "drained", "within",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: Vec::new(),
    };
    for held in all {
        let mebibytes = |bytes: u64| short(bytes as f64 / f64::from(1 << 20));
        let mut cells: Vec<String> = [
            held.buffered,
            held.idle,
            held.full,
            held.peak,
            Held::limit(held.buffered),
            held.half,
            held.eighth,
            held.drained,
        ]
        .map(mebibytes)
        .to_vec();
        cells.push(if held.within() { "yes" } else { "**no**" }.to_owned());
        table.rows.push((held.what.clone(), cells));
    }
    text.push_str(&table.text());
    for failure in failures {
        let _ = writeln!(text, "\n**Failed**: {failure}");
    }
    text
}

/// A table of text, written with its columns aligned.
struct Table {
    corner: String,
    headings: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    fn new(corner: &str, headings: impl IntoIterator<Item = String>) -> Self {
        let headings = headings.into_iter().collect();
        Self { corner: corner.to_owned(), headings, rows: Vec::new() }
    }

    /// A row for a block size: medians, with least and greatest in brackets.
    fn add(&mut self, row: &Row, cells: impl Iterator<Item = Option<Spread>>) {
        let cells = cells.map(|cell| match cell {
            Some(Spread { median, least, greatest }) => {
                format!("{} ({}–{})", short(median), short(least), short(greatest))
            }
            None => "failed".to_owned(),
        });
        self.rows.push((show_size(row.block), cells.collect()));
    }

    fn text(&self) -> String {
        let head = (self.corner.clone(), self.headings.clone());
        let lines: Vec<_> = std::iter::once(&head).chain(&self.rows).collect();
        let first = lines.iter().map(|line| line.0.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.headings.len())
            .map(|column| lines.iter().map(|line| line.1[column].chars().count()).max())
            .map(|width| width.unwrap_or(0))
            .collect();
        let mut text = String::new();
        for (number, (name, cells)) in lines.iter().enumerate() {
            let _ = write!(text, "| {name:first$} |");
            for (cell, width) in cells.iter().zip(&widths) {
                let _ = write!(text, " {cell:>width$} |");
            }
            text.push('\n');
            if number == 0 {
                let _ = write!(text, "|{}|", "-".repeat(first + 2));
                for width in &widths {
                    let _ = write!(text, "{}:|", "-".repeat(width + 1));
                }
                text.push('\n');
            }
        }
        text
    }
}

/// Puts `report` between the marks of `file`.
pub(crate) fn write_between_marks(file: &Path, report: &str) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let marks = text
        .split_once(BEGIN)
        .and_then(|(before, rest)| rest.split_once(END).map(|(_, after)| (before, after)));
    let Some((before, after)) = marks else {
        return Err(io::Error::other(format!("{} has no marks for figures", file.display())));
    };
    fs::write(file, format!("{before}{BEGIN}\n{}\n{END}{after}", report.trim_end()))
}
