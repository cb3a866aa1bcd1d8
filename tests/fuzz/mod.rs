//! What comes from outside, as arbitrary bytes: requests of a kernel, structures on the wire, and
//! text that people type. A target takes an input and panics if it finds anything wrong.
//!
//! - [`requests`]: start here: requests for a whole driver, whose kernel is the test, by [`kernel`]
//! - [`wire`]: the decoders alone
//! - [`text`]: options, settings, names, and what is shown of them
//! - `logging`: what is refused is logged
//! - `runs`: kept inputs, and random changes of them, on any toolchain; docs/TESTING.md has the
//!   other way, with coverage, and how to go on for hours

mod kernel;
#[cfg(test)]
mod logging;
mod requests;
#[cfg(test)]
mod runs;
mod text;
mod wire;

/// A target: it panics if it finds anything wrong with an input.
pub type Target = fn(&[u8]);

/// All of them, by the names of their directories in tests/fuzz/corpus.
pub const TARGETS: [(&str, Target); 3] =
    [("requests", requests::target), ("wire", wire::target), ("text", text::target)];

/// Runs the target of this name.
///
/// # Panics
/// If it finds anything wrong.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target's name");
    target(input);
}
