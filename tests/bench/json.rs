//! All samples as JSON, for other programs to look at.

use std::fmt::Write;

use crate::figures::Sample;
use crate::memory::Held;
use crate::outcome::Outcome;

/// The whole run. Keys are ours and plain, so only the texts need escapes.
pub(crate) fn document(about: &str, outcome: &Outcome) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{{\n \"about\": {},\n \"throughput\": [", quoted(about));
    let mut rows = Vec::new();
    for section in &outcome.sections {
        for row in &section.rows {
            for (arm, samples) in &row.samples {
                let samples: Vec<String> = samples.iter().map(sample).collect();
                rows.push(format!(
                    "  {{\"part\": \"{:?}\", \"block\": {}, \"pairs\": {}, \"arm\": \"{}\", \
                     \"samples\": [\n{}]}}",
                    section.part,
                    row.block,
                    row.pairs,
                    arm.key(),
                    samples.join(",\n")
                ));
            }
        }
    }
    text.push_str(&rows.join(",\n"));
    text.push_str("\n ],\n \"lines\": [\n");
    let mut rows = Vec::new();
    for line in &outcome.lines {
        for (arm, samples) in &line.samples {
            rows.push(format!(
                "  {{\"part\": \"{:?}\", \"what\": {}, \"unit\": {}, \"arm\": \"{}\", \
                 \"samples\": {samples:?}}}",
                line.part,
                quoted(&line.what),
                quoted(line.unit),
                arm.key()
            ));
        }
    }
    text.push_str(&rows.join(",\n"));
    text.push_str("\n ],\n \"memory\": [\n");
    let held: Vec<String> = outcome.held.iter().map(held).collect();
    text.push_str(&held.join(",\n"));
    text.push_str("\n ]\n}\n");
    text
}

fn sample(sample: &Sample) -> String {
    let Sample { seconds, bytes, blocks, write_calls, read_calls, cpu, others } = sample;
    format!(
        "   {{\"seconds\": {seconds:.6}, \"bytes\": {bytes}, \"blocks\": {blocks}, \
         \"write_calls\": {write_calls}, \"read_calls\": {read_calls}, \
         \"writer_cpu\": {:.6}, \"reader_cpu\": {:.6}, \"driver_cpu\": {:.6}, \
         \"others_cpu\": {:.3}, \"stolen_cpu\": {:.3}}}",
        cpu[0], cpu[1], cpu[2], others.local, others.stolen
    )
}

fn held(held: &Held) -> String {
    let Held { what, buffered, idle, full, peak, half, eighth, drained } = held;
    format!(
        "  {{\"what\": {}, \"buffered\": {buffered}, \"idle\": {idle}, \"full\": {full}, \
         \"peak\": {peak}, \"half\": {half}, \"eighth\": {eighth}, \"drained\": {drained}}}",
        quoted(what)
    )
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}
