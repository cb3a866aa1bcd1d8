//! What pipefs is meant to reach, beside what this run measured.

use crate::arms::Arm;
use crate::figures::{Sample, Spread, short};
use crate::latency::Line;
use crate::options::{Part, show_size};
use crate::outcome::{Outcome, better_floor, quicker_floor, rates};
use crate::programs;
use crate::throughput::Row;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// One goal, with what is known of it.
#[derive(Debug)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) bound: Bound,
    pub(crate) measured: Option<Measured>,
}

/// Which figures are good, in some unit.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64, &'static str),
    AtMost(f64, &'static str),
}

/// A figure; what it is of, if that is not the goal itself.
#[derive(Debug)]
pub(crate) struct Measured {
    figure: f64,
    least: f64,
    greatest: f64,
    of: String,
}

impl Measured {
    fn exactly(figure: f64) -> Self {
        Self { figure, least: figure, greatest: figure, of: String::new() }
    }

    fn spread(spread: Spread, of: String) -> Self {
        Self { figure: spread.median, least: spread.least, greatest: spread.greatest, of }
    }
}

impl Goal {
    pub(crate) fn figure(&self) -> String {
        match self.bound {
            Bound::AtLeast(figure, unit) => format!("≥ {figure}{unit}"),
            Bound::AtMost(figure, unit) => format!("≤ {figure}{unit}"),
        }
    }

    pub(crate) fn measured(&self) -> String {
        let Some(Measured { figure, least, greatest, of }) = &self.measured else {
            return "not measured".to_owned();
        };
        let (Bound::AtLeast(_, unit) | Bound::AtMost(_, unit)) = self.bound;
        let spread = match greatest > least {
            true => format!(" ({}–{})", short(*least), short(*greatest)),
            false => String::new(),
        };
        let of = if of.is_empty() { String::new() } else { format!(", {of}") };
        format!("{}{unit}{spread}{of}", short(*figure))
    }

    /// `None` if it was not measured. The median decides.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        let figure = self.measured.as_ref()?.figure;
        Some(match self.bound {
            Bound::AtLeast(least, _) => figure >= least,
            Bound::AtMost(most, _) => figure <= most,
        })
    }
}

/// All goals.
pub(crate) fn goals(outcome: &Outcome) -> Vec<Goal> {
    let mut goals = throughput(outcome);
    goals.extend(floors(outcome));
    goals.extend(latency(outcome));
    goals.extend(crowds(outcome));
    goals.extend(memory(outcome));
    goals
}

/// Beside mkfifo.
fn throughput(outcome: &Outcome) -> Vec<Goal> {
    let rows = [
        (Part::Free, 64 * KIB, Arm::Fifo, 1.3),
        (Part::Free, 128 * KIB, Arm::Fifo, 2.0),
        (Part::Free, 256 * KIB, Arm::Fifo, 2.0),
        (Part::Free, MIB, Arm::Fifo, 3.0),
        (Part::Free, MIB, Arm::FifoLarge, 1.2),
        (Part::OneCpu, 256 * KIB, Arm::Fifo, 0.75),
    ];
    let mut goals: Vec<Goal> = rows
        .into_iter()
        .map(|(part, block, below, figure)| {
            let row = outcome.row(part, block);
            let spread = row.and_then(|row| ratio(row, Arm::Pipefs, below));
            Goal {
                what: format!(
                    "{}, {}: throughput beside {}",
                    placement(part),
                    show_size(block),
                    below.heading()
                ),
                bound: Bound::AtLeast(figure, " ×"),
                measured: spread.map(|spread| Measured::spread(spread, String::new())),
            }
        })
        .collect();
    let cpu = |row: &Row, arm| -> Vec<f64> {
        row.of(arm).iter().map(Sample::cpu_seconds_per_gibibyte).collect()
    };
    let spread = outcome
        .row(Part::Free, MIB)
        .and_then(|row| Spread::of_ratios(&cpu(row, Arm::Pipefs), &cpu(row, Arm::Fifo)));
    goals.push(Goal {
        what: "free, 1 MiB: CPU seconds per GiB beside mkfifo".to_owned(),
        bound: Bound::AtMost(1.5, " ×"),
        measured: spread.map(|spread| Measured::spread(spread, String::new())),
    });
    goals
}

/// What a floor's goals are beside: the plain one, and the better of the two.
const FLOORS: [(&str, Option<Arm>); 2] =
    [("the floor", Some(Arm::Floor)), ("the better floor", None)];

/// Beside a floor, at every block size: the worst of them counts.
fn floors(outcome: &Outcome) -> Vec<Goal> {
    let rows = [
        (Part::Free, Arm::Pipefs, "byte"),
        (Part::Free, Arm::Message, "message"),
        (Part::OneCpu, Arm::Pipefs, "byte"),
        (Part::OneCpu, Arm::Message, "message"),
        (Part::Modes, Arm::Shared, "shared, byte"),
        (Part::Modes, Arm::SharedMessage, "shared, message"),
        (Part::Modes, Arm::Broadcast, "broadcast, byte"),
        (Part::Modes, Arm::BroadcastMessage, "broadcast, message"),
    ];
    let of = |(part, arm, kind): (Part, Arm, &str), (name, floor): (&str, Option<Arm>)| {
        let rows = outcome.section(part).map_or(&[][..], |section| &section.rows);
        let measured = rows
            .iter()
            .filter_map(|row| {
                let spread = ratio(row, arm, floor.or(better_floor(row))?)?;
                Some(Measured::spread(spread, format!("with {}", row.label())))
            })
            .min_by(|one, other| one.figure.total_cmp(&other.figure));
        Goal {
            what: format!("{}, {kind}, every size: beside {name}", placement(part)),
            bound: Bound::AtLeast(0.9, " ×"),
            measured,
        }
    };
    rows.iter().flat_map(|row| FLOORS.map(|floor| of(*row, floor))).collect()
}

fn latency(outcome: &Outcome) -> Vec<Goal> {
    let mut goals = Vec::new();
    let goal = |what: String, bound, spread: Option<Spread>| Goal {
        what,
        bound,
        measured: spread.map(|spread| Measured::spread(spread, String::new())),
    };
    let rows = [
        (Part::RoundTrip, "free", "free: round trip of 64 B", 1.15),
        (Part::RoundTrip, "one CPU", "one CPU: round trip of 64 B", 1.15),
        (Part::Cycles, "open, write 100 B, close", "open, write 100 B, close", 1.2),
        (Part::Cycles, "open, read them, close", "open, read them, close", 1.2),
    ];
    for (part, line, what, most) in rows {
        for (name, floor) in FLOORS {
            let line = outcome.line(part, line, "µs");
            let spread = line.and_then(|line| beside(line, floor.or(quicker_floor(line))?));
            goals.push(goal(format!("{what}: beside {name}"), Bound::AtMost(most, " ×"), spread));
        }
    }
    let beside_fifo = |what, unit| beside(outcome.line(Part::Programs, what, unit)?, Arm::Fifo);
    goals.push(goal(
        format!("{}: throughput beside mkfifo", programs::CAT),
        Bound::AtLeast(1.5, " ×"),
        beside_fifo(programs::CAT, "MB/s"),
    ));
    goals.push(goal(
        format!("{}: time beside mkfifo", programs::ECHO),
        Bound::AtMost(1.3, " ×"),
        beside_fifo(programs::ECHO, "µs"),
    ));
    goals
}

/// Many pairs beside one; one pair beside many that wait.
fn crowds(outcome: &Outcome) -> Vec<Goal> {
    let mut goals = Vec::new();
    let rows = outcome.section(Part::Pairs).map_or(&[][..], |section| &section.rows);
    let with = |pairs| rows.iter().find(|row| row.pairs == pairs);
    for pairs in [8, 64] {
        let spread = with(pairs).zip(with(1)).and_then(|(many, one)| {
            Spread::of_ratios(&rates(many, Arm::Pipefs), &rates(one, Arm::Pipefs))
        });
        goals.push(Goal {
            what: format!("{pairs} pairs, 64 KiB: throughput in all beside one pair"),
            bound: Bound::AtLeast(0.9, " ×"),
            measured: spread.map(|spread| Measured::spread(spread, String::new())),
        });
    }
    let readers = outcome.crowd.as_ref().map(|crowd| crowd.readers);
    let who = format!("{} parked readers", readers.unwrap_or(10_000));
    let row = outcome.row(Part::Parked, 64 * KIB);
    let spread = row.and_then(|row| ratio(row, Arm::Crowded, Arm::Pipefs));
    goals.push(Goal {
        what: format!("{who}: throughput of a pair beside them, to that of one alone"),
        bound: Bound::AtLeast(0.95, " ×"),
        measured: spread.map(|spread| Measured::spread(spread, String::new())),
    });
    let each = outcome.crowd.as_ref().map(|crowd| crowd.bytes_per_reader() / KIB as f64);
    goals.push(Goal {
        what: format!("{who}: the driver's memory for each"),
        bound: Bound::AtMost(2.0, " KiB"),
        measured: each.map(Measured::exactly),
    });
    goals
}

fn memory(outcome: &Outcome) -> Vec<Goal> {
    let worst = outcome
        .held
        .iter()
        .map(|held| (held.worst(), held.what.clone()))
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(figure, of)| Measured { of, ..Measured::exactly(figure) });
    let idle = outcome.idle.as_ref();
    let resident = idle.map(|idle| idle.resident as f64 / MIB as f64);
    let cpu = idle.map(|idle| 100.0 * idle.cpu_seconds / idle.over_seconds);
    vec![
        Goal {
            what: "the driver's memory, of 2 × buffered + 32 MiB".to_owned(),
            bound: Bound::AtMost(1.0, " ×"),
            measured: worst,
        },
        Goal {
            what: "idle: memory".to_owned(),
            bound: Bound::AtMost(12.0, " MiB"),
            measured: resident.map(Measured::exactly),
        },
        Goal {
            what: "idle: CPU time".to_owned(),
            bound: Bound::AtMost(0.0, " %"),
            measured: cpu.map(Measured::exactly),
        },
    ]
}

fn ratio(row: &Row, above: Arm, below: Arm) -> Option<Spread> {
    Spread::of_ratios(&rates(row, above), &rates(row, below))
}

/// pipefs beside another arm.
fn beside(line: &Line, below: Arm) -> Option<Spread> {
    Spread::of_ratios(line.of(Arm::Pipefs), line.of(below))
}

fn placement(part: Part) -> &'static str {
    match part {
        Part::Apart => "apart",
        Part::OneCpu => "one CPU",
        _ => "free",
    }
}
