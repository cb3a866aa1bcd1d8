//! Who is meant: of files nothing is known, and of ends the process.

use serde_json::{Map, Value};

use super::pipe_file::Metadata;

/// Names that were looked up.
#[derive(Debug, Default)]
pub struct Owners {}

impl Owners {
    /// The owner of a file.
    #[must_use]
    pub fn of(&mut self, metadata: &Metadata) -> String {
        match *metadata {}
    }

    /// The user that a file belongs to.
    #[must_use]
    pub fn user_of(&mut self, metadata: &Metadata) -> &str {
        match *metadata {}
    }

    /// Who holds an end, of which this is the state.
    #[must_use]
    pub fn holder(&mut self, end: &Value) -> String {
        format!("pid {}", end["pid"].as_u64().unwrap_or(0))
    }

    /// The user of an account of the mount's memory.
    #[must_use]
    pub fn account(&mut self, account: &Value) -> String {
        account["uid"].to_string()
    }
}

/// The permissions of a file in words.
#[must_use]
pub fn permissions(metadata: &Metadata) -> String {
    match *metadata {}
}

/// Adds the owner and the permissions of a file to what JSON says of it.
pub fn add_to(_: &mut Map<String, Value>, metadata: &Metadata) {
    match *metadata {}
}
