//! The report: what was measured, part by part, and which goals were reached.

use std::fmt::Write;

use crate::arms::Arm;
use crate::figures::{Sample, Spread, short};
use crate::goals::goals;
use crate::latency::Line;
use crate::memory::{Held, Idle};
use crate::options::{Options, Part};
use crate::outcome::{Outcome, better_floor, quicker_floor, rates};
use crate::parked::Crowd;
use crate::table::Table;
use crate::throughput::{Row, Section};

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

/// The whole report; `plots` are the names of pictures of parts.
pub(crate) fn report(about: &str, outcome: &Outcome, plots: &[(Part, String)]) -> String {
    let mut text = format!("{about}\n\n{}", reached(outcome));
    for section in &outcome.sections {
        let plot = plots.iter().find(|(part, _)| *part == section.part);
        let _ = write!(text, "\n{}", self::section(section, plot.map(|(_, file)| file.as_str())));
        if let Some(crowd) = outcome.crowd.as_ref().filter(|_| section.part == Part::Parked) {
            let _ = writeln!(text, "\n{}", parked(crowd));
        }
    }
    let parts = [
        (Part::RoundTrip, "Round trip: a request of 64 bytes, and an answer of as many"),
        (Part::Cycles, "Opens and closes, in one process"),
        (Part::Programs, "Ordinary programs, from their start to the end of both"),
    ];
    for (part, title) in parts {
        let lines: Vec<&Line> = outcome.lines.iter().filter(|line| line.part == part).collect();
        if !lines.is_empty() {
            let _ = write!(text, "\n### {title}\n\n{}", small(part, &lines));
        }
    }
    if !outcome.held.is_empty() {
        let _ = write!(text, "\n### Memory of the driver\n\n{}", memory(&outcome.held));
    }
    if let Some(idle) = &outcome.idle {
        let _ = writeln!(text, "\n{}", self::idle(idle));
    }
    for failure in &outcome.failures {
        let _ = writeln!(text, "\n**Failed**: {failure}");
    }
    text
}

fn reached(outcome: &Outcome) -> String {
    let headings = ["figure", "measured", "reached"].map(str::to_owned);
    let mut table = Table::new("goal", headings);
    for goal in goals(outcome) {
        let reached = match goal.is_reached() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "–",
        };
        table.add_text(&goal.what, [goal.figure(), goal.measured(), reached.to_owned()]);
    }
    format!("### Goals\n\n{}", table.text())
}

/// The tables of one part.
fn section(section: &Section, plot: Option<&str>) -> String {
    let title = match section.part {
        Part::Apart => "Apart: writer on one CPU, reader on another, driver free",
        Part::OneCpu => "One CPU: writer, reader and driver pinned to the same",
        Part::Modes => "Types and modes, free",
        Part::Pairs => "Many pairs at once, free: what they move together",
        Part::Parked => "Beside readers that wait, free",
        _ => "Free: writer, reader and driver may use every CPU",
    };
    let mut text = format!("### {title}\n\n");
    if let Some(plot) = plot {
        let _ = writeln!(text, "![{title}]({plot})\n");
    }
    let arms = arms(section);
    let headings = || arms.iter().map(|arm| arm.heading().to_owned());
    let mut rates = Table::new("MB/s", headings());
    let mut cpu = Table::new("CPU µs per block", headings());
    for row in &section.rows {
        let (name, of) = (row.label(), |arm, of: fn(&Sample) -> f64| spread(row, arm, of));
        rates.add(&name, arms.iter().map(|&arm| of(arm, Sample::rate)));
        cpu.add(&name, arms.iter().map(|&arm| of(arm, Sample::cpu_microseconds_per_block)));
    }
    let _ = writeln!(text, "{}", rates.text());
    if let Some(ratios) = ratios(section, &arms) {
        let _ = writeln!(text, "{}", ratios.text());
    }
    if !matches!(section.part, Part::Pairs | Part::Parked) {
        let _ = writeln!(text, "{}", cpu.text());
    }
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

/// Rates beside those of another arm; `None` is the better floor of each row.
fn ratios(section: &Section, arms: &[Arm]) -> Option<Table> {
    let columns: &[(Arm, Option<Arm>)] = match section.part {
        Part::Modes => &[
            (Arm::Pipefs, None),
            (Arm::Message, None),
            (Arm::Shared, None),
            (Arm::SharedMessage, None),
            (Arm::Broadcast, None),
            (Arm::BroadcastMessage, None),
        ],
        Part::Parked => &[(Arm::Crowded, Some(Arm::Pipefs))],
        _ => &[
            (Arm::Pipefs, Some(Arm::Fifo)),
            (Arm::Pipefs, Some(Arm::FifoLarge)),
            (Arm::Pipefs, Some(Arm::Socket)),
            (Arm::Pipefs, None),
            (Arm::Uring, Some(Arm::Pipefs)),
            (Arm::Message, None),
        ],
    };
    let is_floored = arms.iter().any(|arm| arm.is_floor());
    let is_there = |(above, below): &&(Arm, Option<Arm>)| {
        arms.contains(above) && below.map_or(is_floored, |below| arms.contains(&below))
    };
    let columns: Vec<&(Arm, Option<Arm>)> = columns.iter().filter(is_there).collect();
    let headings = columns.iter().map(|(above, below)| {
        format!("{} / {}", above.heading(), below.map_or("better floor", Arm::heading))
    });
    let mut table = Table::new("ratio", headings);
    for row in &section.rows {
        let cells = columns.iter().map(|(above, below)| {
            Spread::of_ratios(&rates(row, *above), &rates(row, below.or(better_floor(row))?))
        });
        table.add(&row.label(), cells);
    }
    (!columns.is_empty()).then_some(table)
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

fn spread(row: &Row, arm: Arm, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
    Spread::of(row.of(arm).iter().map(of))
}

/// The table of what was done some way many times, with pipefs beside what it is compared with.
fn small(part: Part, lines: &[&Line]) -> String {
    let mut arms: Vec<Arm> = Vec::new();
    for (arm, _) in lines.iter().flat_map(|line| &line.samples) {
        if !arms.contains(arm) {
            arms.push(*arm);
        }
    }
    let floored = part != Part::Programs;
    let below = if floored { "better floor" } else { "mkfifo" };
    let headings = arms.iter().map(|arm| arm.heading().to_owned());
    let headings = headings.chain([format!("pipefs / {below}")]);
    let mut table = Table::new("", headings);
    for line in lines {
        let cells = arms.iter().map(|&arm| Spread::of(line.of(arm).iter().copied()));
        let below = if floored { quicker_floor(line) } else { Some(Arm::Fifo) };
        let ratio = below.and_then(|below| Spread::of_ratios(line.of(Arm::Pipefs), line.of(below)));
        table.add(&format!("{}, {}", line.what, line.unit), cells.chain([ratio]));
    }
    let mut text = table.text();
    for (arm, reason) in lines.iter().flat_map(|line| &line.failures) {
        let _ = writeln!(text, "\n**{} failed**: {reason}", arm.heading());
    }
    text
}

fn parked(crowd: &Crowd) -> String {
    let mebibytes = |bytes: u64| short(bytes as f64 / f64::from(1 << 20));
    format!(
        "{} readers wait, each at a pipe of its own that has a writer. The driver had {} MiB\n\
         without them and has {} MiB with them: {} bytes for each.",
        crowd.readers,
        mebibytes(crowd.before),
        mebibytes(crowd.after),
        short(crowd.bytes_per_reader())
    )
}

fn idle(idle: &Idle) -> String {
    format!(
        "A mount that nobody uses: {} MiB, and {} s of CPU time in {} s.",
        short(idle.resident as f64 / f64::from(1 << 20)),
        short(idle.cpu_seconds),
        short(idle.over_seconds)
    )
}

/// The table of the driver's memory.
fn memory(all: &[Held]) -> String {
    let headings =
        ["buffered", "idle", "full", "peak", "allowed", "half", "eighth", "drained", "within"];
    let mut table = Table::new("MiB", headings.map(str::to_owned));
    for held in all {
        let mebibytes = |bytes: u64| short(bytes as f64 / f64::from(1 << 20));
        let limit = Held::limit(held.buffered);
        let Held { buffered, idle, full, peak, half, eighth, drained, .. } = *held;
        let cells = [buffered, idle, full, peak, limit, half, eighth, drained].map(mebibytes);
        let within = if held.worst() <= 1.0 { "yes" } else { "**no**" }.to_owned();
        table.add_text(&held.what, cells.into_iter().chain([within]));
    }
    table.text()
}
