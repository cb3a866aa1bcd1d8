//! The house rules of docs/STYLE.md, as tests. Each finding names its file and line and says what
//! to do; nothing here needs a build of the driver, a mount, or the network.
//!
//! Start here: a rule is one `#[test]` that collects [`Findings`] and demands that there are none.
//!
//! - `tree` — which files there are (what git knows or would add, never `target/`)
//! - `rust` — Rust's text without its comments and strings; functions and modules in it
//! - `text` — rules about any file: columns, length, headings, names, forbidden words
//! - `layers` — rules about Rust code: who imports whom, where locks and `unsafe` may be
//! - `documents` — rules about Markdown: dead links, the changelog, settings that nobody described
//! - `semantics` — every passage of the pages about behaviour has a test, and the other way round
//! - `windows` — the page about Windows' functions names tests and errors that exist

#[path = "tidy/documents.rs"]
mod documents;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/rust.rs"]
mod rust;
#[path = "tidy/semantics.rs"]
mod semantics;
#[path = "tidy/text.rs"]
mod text;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/windows.rs"]
mod windows;

/// What a rule found.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    /// Notes one finding; `line` counts from 1.
    fn add(&mut self, path: &str, line: usize, what: impl AsRef<str>) {
        self.0.push(format!("{path}:{line}: {}", what.as_ref()));
    }

    /// Ends a rule.
    ///
    /// # Panics
    /// If anything was found; the message lists all of it.
    fn none(self) {
        assert!(self.0.is_empty(), "{} to tidy:\n{}\n", self.0.len(), self.0.join("\n"));
    }
}
