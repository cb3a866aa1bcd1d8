//! Tables that read well in a terminal and in docs/BENCHMARKS.md.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use crate::figures::{Spread, short};

/// What a report replaces in the file given with `--write`.
const BEGIN: &str = "<!-- figures: begin (scripts/bench.sh --write) -->\n";
const END: &str = "<!-- figures: end -->\n";

/// A table of text, written with its columns aligned.
pub(crate) struct Table {
    corner: String,
    headings: Vec<String>,
    rows: Vec<(String, Vec<String>)>,
}

impl Table {
    pub(crate) fn new(corner: &str, headings: impl IntoIterator<Item = String>) -> Self {
        let headings = headings.into_iter().collect();
        Self { corner: corner.to_owned(), headings, rows: Vec::new() }
    }

    pub(crate) fn add_text(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        self.rows.push((name.to_owned(), cells.into_iter().collect()));
    }

    /// A row of medians, with least and greatest in brackets.
    pub(crate) fn add(&mut self, name: &str, cells: impl Iterator<Item = Option<Spread>>) {
        let cells = cells.map(|cell| match cell {
            Some(Spread { median, least, greatest }) => {
                format!("{} ({}–{})", short(median), short(least), short(greatest))
            }
            None => "failed".to_owned(),
        });
        self.add_text(name, cells);
    }

    pub(crate) fn text(&self) -> String {
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
