//! `pipefs stat`: all about a pipe, or about a whole mount.

use std::fmt::Write;
use std::io;
use std::path::Path;

use pipefs::Settings;
use serde_json::{Map, Value};

use super::each;
use crate::cli::Stat;
use crate::exit::Failure;
use crate::pipe_file::{self, PipeFile, State, shown};
use crate::platform::owners::{Owners, permissions};
use crate::stdout::Stdout;
use crate::view;

pub(super) fn run(arguments: &Stat) -> Result<(), Failure> {
    let mut stdout = Stdout::lock();
    let mut owners = Owners::default();
    each(&arguments.names, |name| {
        let root = PipeFile::root(name);
        let is_root = root.is_some();
        let pipe = root.map_or_else(|| PipeFile::find(name), Ok)?;
        let text = match (arguments.json, is_root) {
            (true, _) => as_json(name, &pipe),
            (false, false) => page(name, &pipe, &mut owners),
            (false, true) => mount_page(name, &pipe, &mut owners),
        };
        stdout.print(text.map_err(|error| pipe_file::failure(name, &error))?)?;
        stdout.flush()
    })
}

fn as_json(name: &Path, pipe: &PipeFile) -> io::Result<String> {
    let mut object = pipe.state()?;
    add_name(&mut object, name);
    Ok(view::json(&object.into()) + "\n")
}

/// Adds the member `name`, and for one that is no text also `name_bytes`.
pub(super) fn add_name(object: &mut Map<String, Value>, name: &Path) {
    let bytes = name.as_os_str().as_encoded_bytes();
    object.insert("name".into(), String::from_utf8_lossy(bytes).into());
    if str::from_utf8(bytes).is_err() {
        object.insert("name_bytes".into(), bytes.into());
    }
}

fn page(name: &Path, pipe: &PipeFile, owners: &mut Owners) -> io::Result<String> {
    let metadata = pipe.metadata()?;
    let state = pipe.state()?;
    let mut page = Page(format!("{}\n", shown(name)));
    page.line("owner", owners.of(&metadata));
    page.line("permissions", permissions(&metadata));
    page.quantity("buffered_bytes", state.get("buffered_bytes"));
    page.quantity("waiting_clients", state.get("waiting_clients"));
    page.settings(&state);
    page.heading("totals");
    for (key, total) in members(&state, "totals") {
        page.quantity(key, Some(total));
    }
    for (index, instance) in elements(state.get("instances")).iter().enumerate() {
        page.instance(index + 1, instance, owners);
    }
    match state.get("instances_not_listed").and_then(Value::as_u64) {
        None | Some(0) => {}
        Some(more) => page.heading(&format!("{more} more instances, not listed")),
    }
    Ok(page.0)
}

/// What is printed about a whole mount.
fn mount_page(name: &Path, root: &PipeFile, owners: &mut Owners) -> io::Result<String> {
    let state = root.state()?;
    let mut page = Page(format!("{}\n", shown(name)));
    for (key, value) in state.iter().filter(|(_, value)| !value.is_array() && !value.is_object()) {
        match value {
            Value::Null => page.line(&words(key), "unlimited"),
            _ => page.quantity(key, Some(value)),
        }
    }
    let users = elements(state.get("users"));
    if !users.is_empty() {
        page.heading("users");
    }
    for user in users {
        let used = view::exact_size(user["used_bytes"].as_u64().unwrap_or(0));
        page.line(&owners.account(user), used);
    }
    let totals: Vec<_> = members(&state, "totals").collect();
    page.heading("totals");
    for (key, total) in totals.iter().filter(|(_, total)| !total.is_object()) {
        page.quantity(key, Some(total));
    }
    for (heading, numbers) in totals {
        let Some(numbers) = numbers.as_object().filter(|numbers| !numbers.is_empty()) else {
            continue;
        };
        page.heading(heading);
        for (key, number) in numbers {
            page.line(key, number.to_string());
        }
    }
    Ok(page.0)
}

/// The name of a quantity: a unit at its end goes to the number.
fn words(key: &str) -> String {
    key.trim_end_matches("_bytes").replace('_', " ")
}

/// What is printed about one pipe.
struct Page(String);

impl Page {
    fn heading(&mut self, text: &str) {
        writeln!(self.0, "  {text}").expect("a string takes everything");
    }

    fn line(&mut self, what: &str, value: impl AsRef<str>) {
        let value = value.as_ref();
        writeln!(self.0, "    {what:<18} {value}").expect("a string takes everything");
    }

    /// A number with its name, of which a unit at the end goes to the number.
    fn quantity(&mut self, name: &str, value: Option<&Value>) {
        let number = value.and_then(Value::as_u64);
        let value = match (name.strip_suffix("_bytes"), number) {
            (_, None) => "?".into(),
            (Some(_), Some(bytes)) => view::exact_size(bytes),
            (None, Some(number)) => number.to_string(),
        };
        self.line(&words(name), value);
    }

    fn settings(&mut self, state: &State) {
        self.heading("settings");
        let settings = state.get("settings").unwrap_or(&Value::Null);
        for key in Settings::KEYS {
            let value = text(&settings[key]);
            match value.parse() {
                Ok(bytes) if key == "capacity" => self.line(key, view::exact_size(bytes)),
                _ => self.line(key, value),
            }
        }
    }

    fn instance(&mut self, number: usize, instance: &Value, owners: &mut Owners) {
        let state = text(&instance["state"]);
        self.heading(&format!("instance {number}: {state}, {}", holds(instance)));
        for end in elements(instance.get("ends")) {
            let mut line = owners.holder(end);
            // Of a broadcast pipe's reader.
            if end["buffered_bytes"].is_u64() {
                write!(line, ", {}", holds(end)).expect("a string takes everything");
            }
            if let Some(missed) = end["dropped_bytes"].as_u64().filter(|bytes| *bytes > 0) {
                let missed = view::exact_size(missed);
                write!(line, ", missed {missed}").expect("a string takes everything");
            }
            self.line(&text(&end["role"]), line);
        }
        if let Some(more) = instance["ends_not_listed"].as_u64().filter(|more| *more > 0) {
            self.line(&format!("{more} more"), "not listed");
        }
    }
}

/// What is buffered in an instance, or for one reader.
fn holds(place: &Value) -> String {
    let number = |key: &str| place[key].as_u64().unwrap_or(0);
    let bytes = view::exact_size(number("buffered_bytes"));
    match number("buffered_messages") {
        0 => format!("holds {bytes}"),
        1 => format!("holds {bytes}, 1 message"),
        messages => format!("holds {bytes}, {messages} messages"),
    }
}

/// A word of the state; `?` if there is none.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| "?".into(), |text| view::name(text.as_bytes()))
}

/// The members of an object in the state; none if there is no such object.
fn members<'a>(state: &'a State, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    state.get(key).and_then(Value::as_object).into_iter().flatten()
}

/// The elements of a list in the state; none if there is no such list.
pub(super) fn elements(list: Option<&Value>) -> &[Value] {
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
