//! `pipefs ls`: the pipes of a directory.

use std::fs::{self, DirEntry};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use pipefs::Settings;
use serde_json::Value;

use super::note;
use super::stat::{add_name, elements, text};
use crate::cli::Ls;
use crate::exit::{Exit, Failure};
use crate::pipe_file::{Directory, Metadata, State, failure, mounts, mounts_in_words, shown};
use crate::platform::owners::{self, Owners};
use crate::stdout::Stdout;
use crate::view;

/// The head of the table. The last column is as wide as its names are.
const TITLES: [&str; 7] = ["BUFFERED", "MESSAGES", "WAITING", "OWNER", "KIND", "STATE", "NAME"];

type Row = [String; TITLES.len()];

/// Columns of numbers.
const RIGHT: [usize; 3] = [0, 1, 2];

/// What has nothing to show.
const NONE: &str = "-";

/// What may not be looked at.
const UNKNOWN: &str = "?";

/// Settings that say what a pipe is. Their words are all different and need no name.
const KIND: [&str; 3] = ["mode", "type", "access"];

pub(super) fn run(arguments: &Ls) -> Result<(), Failure> {
    let root = match &arguments.dir {
        Some(dir) => dir.clone(),
        None => where_nobody_said()?,
    };
    let mut listing = Listing::new(arguments.json);
    let outcome = listing.list(&root, arguments.recursive);
    listing.finish()?;
    outcome
}

/// The current directory, if that is on a pipefs, else the only mount there is.
fn where_nobody_said() -> Result<PathBuf, Failure> {
    let here = Path::new(".");
    if Directory::find(here).is_ok() {
        return Ok(here.into());
    }
    let mut found = mounts()?;
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    let message = format!("which directory? name one on a pipefs ({})", mounts_in_words());
    Err(Failure::new(Exit::Name, message))
}

/// A pipe or a directory, and what may be known of it.
struct Entry {
    /// Its path from the directory that is listed.
    name: PathBuf,
    is_directory: bool,
    metadata: io::Result<Metadata>,
    /// Of a pipe.
    state: io::Result<State>,
}

impl Entry {
    /// Looks at an entry; `None` if it is gone.
    fn look(directory: &Directory, name: PathBuf, entry: &DirEntry) -> io::Result<Option<Self>> {
        let handle = match directory.entry(entry.file_name()) {
            // The directory's names may be read and nothing else.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let is_directory = entry.file_type()?.is_dir();
                let (metadata, state) = (Err(error.kind().into()), Err(error));
                return Ok(Some(Self { name, is_directory, metadata, state }));
            }
            Err(error) if is_gone(&error) => return Ok(None),
            handle => handle?,
        };
        let metadata = handle.metadata()?;
        let is_directory = metadata.is_dir();
        let state = if is_directory { Ok(State::new()) } else { handle.state() };
        match state {
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) if error.kind() != ErrorKind::PermissionDenied => Err(error),
            state => Ok(Some(Self { name, is_directory, metadata: Ok(metadata), state })),
        }
    }

    fn as_json(&self) -> Value {
        let mut object = self.state.as_ref().cloned().unwrap_or_default();
        add_name(&mut object, &self.name);
        object.insert("kind".into(), if self.is_directory { "directory" } else { "pipe" }.into());
        if let Ok(metadata) = &self.metadata {
            owners::add_to(&mut object, metadata);
        }
        if let Err(error) = &self.state {
            object.insert("error".into(), error.to_string().into());
        }
        object.into()
    }

    fn as_row(&self, owners: &mut Owners) -> Row {
        let unknown = || UNKNOWN.to_owned();
        let owner = self.metadata.as_ref().map(|metadata| owners.user_of(metadata).to_owned());
        let owner = owner.unwrap_or_else(|_| unknown());
        let name = shown(&self.name);
        match &self.state {
            _ if self.is_directory => {
                let none = || NONE.to_owned();
                [none(), none(), none(), owner, "directory".into(), none(), format!("{name}/")]
            }
            Err(_) => [unknown(), unknown(), unknown(), owner, unknown(), unknown(), name],
            Ok(state) => {
                let number = |key| state.get(key).and_then(Value::as_u64);
                let buffered = number("buffered_bytes").map_or_else(unknown, view::size);
                let waiting =
                    number("waiting_clients").map_or_else(unknown, |count| count.to_string());
                [buffered, messages(state), waiting, owner, kind(state), life(state), name]
            }
        }
    }
}

fn is_root(relative: &Path) -> bool {
    relative.as_os_str().is_empty()
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::StaleNetworkFileHandle)
}

/// How many messages a message pipe holds.
fn messages(state: &State) -> String {
    if state.get("settings").is_none_or(|settings| settings["type"] != "message") {
        return NONE.into();
    }
    let instances = elements(state.get("instances"));
    let known = instances.iter().filter_map(|instance| instance["buffered_messages"].as_u64());
    let count: u64 = known.sum();
    if not_listed(state) > 0 { format!("{count}+") } else { count.to_string() }
}

/// The settings that say what a pipe is, unless they are the usual ones.
fn kind(state: &State) -> String {
    let settings = state.get("settings").unwrap_or(&Value::Null);
    let usual = Settings::default();
    let words = KIND.into_iter().filter_map(|key| {
        let word = text(&settings[key]);
        (usual.get(key).as_ref() != Some(&word)).then_some(word)
    });
    let words: Vec<String> = words.collect();
    if words.is_empty() { NONE.into() } else { words.join(",") }
}

/// States of an instance that all have together.
const JOINED: [&str; 2] = ["shared", "broadcast"];

/// How many instances are in which state; of one that all have together, how many have it open.
fn life(state: &State) -> String {
    let mut counts: Vec<(String, u64)> = Vec::new();
    for instance in elements(state.get("instances")) {
        let word = text(&instance["state"]);
        let ends = || {
            let more = instance["ends_not_listed"].as_u64().unwrap_or(0);
            elements(instance.get("ends")).len() as u64 + more
        };
        let count = if JOINED.contains(&&*word) { ends() } else { 1 };
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, sum)) => *sum += count,
            None => counts.push((word, count)),
        }
    }
    let mut parts: Vec<String> =
        counts.into_iter().map(|(word, count)| format!("{word} {count}")).collect();
    match not_listed(state) {
        0 => {}
        more => parts.push(format!("{more} more")),
    }
    if parts.is_empty() { NONE.into() } else { parts.join(", ") }
}

fn not_listed(state: &State) -> u64 {
    state.get("instances_not_listed").and_then(Value::as_u64).unwrap_or(0)
}

/// What is printed, and how.
struct Listing {
    stdout: Stdout,
    json: bool,
    /// Of the table, which is printed when all widths are known.
    rows: Vec<Row>,
    /// Elements of the array.
    printed: usize,
    owners: Owners,
}

impl Listing {
    fn new(json: bool) -> Self {
        let stdout = Stdout::lock();
        let rows = if stdout.is_terminal() { vec![TITLES.map(str::to_owned)] } else { Vec::new() };
        Self { stdout, json, rows, printed: 0, owners: Owners::default() }
    }

    /// Lists a directory and, if asked, the directories in it after that. One of those that cannot
    /// be read does not keep the others from being listed.
    fn list(&mut self, root: &Path, recursive: bool) -> Result<(), Failure> {
        let mut outcome = Ok(());
        let mut pending = vec![PathBuf::new()];
        while let Some(directory) = pending.pop() {
            match self.list_one(root, &directory) {
                Ok(inner) if recursive => pending.extend(inner.into_iter().rev()),
                Ok(_) => {}
                Err(failure) if is_root(&directory) => return Err(failure),
                // It was there a moment ago.
                Err(failure) if failure.exit == Exit::Name => {}
                Err(failure) => note(&mut outcome, failure),
            }
        }
        outcome
    }

    /// Lists what is in one directory, and gives the directories in it.
    fn list_one(&mut self, root: &Path, relative: &Path) -> Result<Vec<PathBuf>, Failure> {
        // Joined with nothing, a path would get a slash at its end.
        let path = if is_root(relative) { root.into() } else { root.join(relative) };
        let failed = |error: io::Error| failure(&path, &error);
        let directory = Directory::find(&path)?;
        let mut inner = Vec::new();
        for entry in fs::read_dir(directory.path()).map_err(failed)? {
            if !self.stdout.is_wanted() {
                break;
            }
            let entry = entry.map_err(failed)?;
            let name = relative.join(entry.file_name());
            let Some(entry) = Entry::look(&directory, name, &entry).map_err(failed)? else {
                continue;
            };
            self.add(&entry)?;
            // What is mounted on a directory here is another matter.
            let is_ours = |metadata: Metadata| directory.is_mount_of(&metadata);
            if entry.is_directory && entry.metadata.is_ok_and(is_ours) {
                inner.push(entry.name);
            }
        }
        Ok(inner)
    }

    fn add(&mut self, entry: &Entry) -> Result<(), Failure> {
        if !self.json {
            self.rows.push(entry.as_row(&mut self.owners));
            return Ok(());
        }
        let before = if self.printed == 0 { "[\n" } else { ",\n" };
        self.printed += 1;
        self.stdout.print(format!("{before}{}", view::json(&entry.as_json())))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        match (self.json, self.printed) {
            (false, _) => self.stdout.print(view::table(&self.rows, &RIGHT))?,
            (true, 0) => self.stdout.print("[]\n")?,
            (true, _) => self.stdout.print("\n]\n")?,
        }
        self.stdout.flush()
    }
}
