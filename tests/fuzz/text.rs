//! Text that people type, and names and data that are shown to them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use pipefs::{Name, Settings};
use serde_json::{Value, json};

use crate::assignment::Assignment;
use crate::linux::mountinfo;
use crate::options::{Options, Unknown};
use crate::view;

/// No message is longer than a few lines, whatever it is about.
const MESSAGE_MAX_BYTES: usize = 2000;

pub(super) fn target(input: &[u8]) {
    options(input);
    settings(input);
    names(input);
    shown(input);
    let _ = mountinfo::parse(input);
}

fn options(input: &[u8]) {
    let arguments = [OsString::from_vec(input.to_vec())];
    let parsed = Options::parse(&arguments, Unknown::Refused);
    if let Err(refusal) = &parsed {
        assert!(refusal.to_string().len() < MESSAGE_MAX_BYTES, "{refusal}");
    }
    let tolerant = Options::parse(&arguments, Unknown::Tolerated);
    assert!(parsed.is_err() || tolerant == parsed, "what is known is read in the same way");
}

/// What a setting takes it gives back, in words that it takes again.
fn settings(input: &[u8]) {
    match Assignment::parse_lists(&[OsString::from_vec(input.to_vec())]) {
        Err(refusal) => assert!(refusal.to_string().len() < MESSAGE_MAX_BYTES, "{refusal}"),
        Ok(assignments) => {
            for Assignment { key, value } in assignments {
                let mut settings = Settings::default();
                settings.set(key, &value).expect("it was checked");
                let text = settings.get(key).expect("it is a setting");
                let mut again = Settings::default();
                again.set(key, &text).expect("it is what it takes");
                assert_eq!(again, settings, "{key}={value} is {text}");
            }
        }
    }
}

fn names(input: &[u8]) {
    let is_one = !input.is_empty()
        && input.len() <= Name::MAX_BYTES
        && !matches!(input, b"." | b"..")
        && !input.iter().any(|byte| matches!(byte, 0 | b'/'));
    match Name::new(input) {
        Ok(name) => assert!(is_one && name.as_bytes() == input),
        Err(_) => assert!(!is_one),
    }
}

/// Nothing that is shown steers a terminal; escapes can be undone, and JSON says the same.
fn shown(input: &[u8]) {
    let is_harmless = |text: &str| !text.chars().any(char::is_control);
    let name = view::name(input);
    assert!(is_harmless(&name), "{name:?}");
    assert_eq!(unescaped(&name), input, "{name}");
    let data = view::data(input);
    assert!(is_harmless(&data.replace(['\n', '\t'], "")), "{data:?}");
    assert_eq!(unescaped(&data), input, "{data}");
    let text = OsStr::from_bytes(input).to_string_lossy();
    assert!(is_harmless(&view::one_line(&text)));
    let value = json!({ text.as_ref(): [text.as_ref(), 7], "name": text.as_ref() });
    let json = view::json(&value);
    assert!(is_harmless(&json), "{json:?}");
    assert_eq!(serde_json::from_str::<Value>(&json).expect("it is JSON"), value);
}

/// Undoes escapes as a reader would.
fn unescaped(shown: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = shown;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        let kind = rest.chars().next().expect("an escape goes on");
        rest = &rest[1..];
        match kind {
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'r' => bytes.push(b'\r'),
            '\\' => bytes.push(b'\\'),
            'x' => {
                bytes.push(u8::from_str_radix(&rest[..2], 16).expect("two digits"));
                rest = &rest[2..];
            }
            'u' => {
                let end = rest.find('}').expect("a brace closes it");
                let number = u32::from_str_radix(&rest[1..end], 16).expect("digits");
                let character = char::from_u32(number).expect("a character");
                bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[end + 1..];
            }
            other => panic!("an escape of {other:?} in {shown}"),
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
