//! Plots of throughput over block size, as SVG: both axes logarithmic, a line for each arm.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use crate::arms::Arm;
use crate::figures::Spread;
use crate::options::{Part, show_size};
use crate::outcome::{Outcome, rates};
use crate::throughput::Section;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;
/// The axes' frame: left, top, right, bottom.
const FRAME: [f64; 4] = [80.0, 60.0, 680.0, 450.0];

/// A line's colour, and the dashes that tell it from others where colours do not. The colours are
/// Okabe and Ito's, which nearly everybody can tell apart.
fn style(arm: Arm) -> (&'static str, &'static str) {
    match arm {
        Arm::Fifo => ("#000000", "none"),
        Arm::FifoLarge => ("#000000", "6 4"),
        Arm::Socket => ("#e69f00", "none"),
        Arm::Floor => ("#009e73", "none"),
        Arm::FloorThreads => ("#009e73", "6 4"),
        Arm::Pipefs => ("#0072b2", "none"),
        Arm::Uring => ("#0072b2", "2 3"),
        Arm::Message => ("#0072b2", "6 4"),
        Arm::Shared => ("#d55e00", "none"),
        Arm::SharedMessage => ("#d55e00", "6 4"),
        Arm::Broadcast => ("#cc79a7", "none"),
        Arm::BroadcastMessage => ("#cc79a7", "6 4"),
        Arm::Crowded => ("#56b4e9", "none"),
    }
}

/// Writes a plot for each placement and for the modes into `directory`; returns the parts with
/// their files.
pub(crate) fn write_all(
    directory: &Path,
    outcome: &Outcome,
    about: &str,
) -> io::Result<Vec<(Part, String)>> {
    let plots = [
        (Part::Free, "free.svg", "Throughput, every process free to use all CPUs"),
        (Part::Apart, "apart.svg", "Throughput, writer and reader on different CPUs"),
        (Part::OneCpu, "one-cpu.svg", "Throughput, all on one CPU"),
        (Part::Modes, "modes.svg", "Throughput of pipefs by type and mode"),
    ];
    let mut written = Vec::new();
    for (part, file, title) in plots {
        let Some(section) = outcome.section(part) else { continue };
        let Some(text) = plot(section, title, about) else { continue };
        fs::create_dir_all(directory)?;
        fs::write(directory.join(file), text)?;
        let name = directory.file_name().unwrap_or_default().to_string_lossy();
        written.push((part, format!("{name}/{file}")));
    }
    Ok(written)
}

/// Where things are on the paper: logarithms of block sizes and rates.
struct Axes {
    blocks: (f64, f64),
    rates: (f64, f64),
}

impl Axes {
    fn x(&self, block: f64) -> f64 {
        between(block.log2(), self.blocks, FRAME[0], FRAME[2])
    }

    fn y(&self, rate: f64) -> f64 {
        between(rate.log10(), self.rates, FRAME[3], FRAME[1])
    }
}

fn between(value: f64, (least, greatest): (f64, f64), first: f64, last: f64) -> f64 {
    first + (value - least) / (greatest - least) * (last - first)
}

/// A line's arm and its points: block size, median rate.
type Curve = (Arm, Vec<(f64, f64)>);

/// `None` if there is nothing to draw a line through.
fn plot(section: &Section, title: &str, about: &str) -> Option<String> {
    let mut curves: Vec<Curve> = Vec::new();
    for row in &section.rows {
        for (arm, _) in &row.samples {
            let Some(spread) = Spread::of(rates(row, *arm)) else { continue };
            let point = (row.block as f64, spread.median);
            match curves.iter_mut().find(|(of, _)| of == arm) {
                Some((_, points)) => points.push(point),
                None => curves.push((*arm, vec![point])),
            }
        }
    }
    let points = || curves.iter().flat_map(|(_, points)| points);
    let of_blocks = Spread::of(points().map(|point| point.0.log2()))?;
    let of_rates = Spread::of(points().map(|point| point.1.log10()))?;
    if of_blocks.greatest <= of_blocks.least {
        return None;
    }
    let axes = Axes {
        blocks: (of_blocks.least, of_blocks.greatest),
        rates: (of_rates.least.floor(), of_rates.greatest.floor() + 1.0),
    };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\"\n\
         font-family=\"sans-serif\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    label(&mut text, (FRAME[0], 26.0), "start", 17, title);
    let about = format!("{about} Medians; the method is in docs/BENCHMARKS.md.");
    for (number, line) in broken(&about, 85).iter().enumerate() {
        let y = HEIGHT - 22.0 + 13.0 * number as f64;
        label(&mut text, (FRAME[0], y), "start", 10, line);
    }
    grid(&mut text, &axes, section);
    for (number, curve) in curves.iter().enumerate() {
        draw(&mut text, &axes, number, curve);
    }
    text.push_str("</svg>\n");
    Some(text)
}

/// Lines and labels for each power of ten and each block size.
fn grid(text: &mut String, axes: &Axes, section: &Section) {
    let [left, top, right, bottom] = FRAME;
    for exponent in axes.rates.0 as i32..=axes.rates.1 as i32 {
        let rate = 10_f64.powi(exponent);
        line(text, (left, axes.y(rate)), (right, axes.y(rate)), "#bbb");
        label(text, (left - 8.0, axes.y(rate) + 4.0), "end", 13, &format!("{rate}"));
        for step in 2..10 {
            let y = axes.y(rate * f64::from(step));
            if y >= top {
                line(text, (left, y), (right, y), "#eee");
            }
        }
    }
    for row in &section.rows {
        let x = axes.x(row.block as f64);
        line(text, (x, top), (x, bottom), "#ddd");
        label(text, (x, bottom + 18.0), "middle", 13, &show_size(row.block));
    }
    label(text, (left, top - 10.0), "middle", 13, "MB/s");
    label(text, (f64::midpoint(left, right), bottom + 38.0), "middle", 13, "block size");
}

/// A curve and its place in the legend.
fn draw(text: &mut String, axes: &Axes, number: usize, (arm, points): &Curve) {
    let (colour, dashes) = style(*arm);
    let stroke = format!("stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"");
    let _ = writeln!(text, "<polyline fill=\"none\" {stroke}\npoints=\"");
    for &(block, rate) in points {
        let _ = writeln!(text, "{:.1},{:.1}", axes.x(block), axes.y(rate));
    }
    text.push_str("\"/>\n");
    for &(block, rate) in points {
        let (x, y) = (axes.x(block), axes.y(rate));
        let _ = writeln!(text, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let (x, y) = (FRAME[2] + 14.0, FRAME[1] + 10.0 + 22.0 * number as f64);
    let _ =
        writeln!(text, "<line x1=\"{x}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"\n{stroke}/>", x + 28.0);
    label(text, (x + 34.0, y + 4.0), "start", 13, arm.heading());
}

fn line(text: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
    let _ = writeln!(
        text,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\"/>"
    );
}

fn label(text: &mut String, (x, y): (f64, f64), anchor: &str, size: u32, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let style = format!("text-anchor=\"{anchor}\" font-size=\"{size}\"");
    let _ = writeln!(text, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>\n{words}</text>");
}

/// Words in lines of at most `columns`, where words allow it.
fn broken(words: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split_whitespace() {
        if let Some(last) = lines.last_mut() {
            if last.is_empty() {
                *last = word.to_owned();
            } else if last.chars().count() + 1 + word.chars().count() <= columns {
                let _ = write!(last, " {word}");
            } else {
                lines.push(word.to_owned());
            }
        }
    }
    lines
}
