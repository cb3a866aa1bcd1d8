//! What people see: names and data without what would steer a terminal or hide, sizes, tables.
//!
//! Escapes are those of Rust and, all but `\u{…}`, of C. Since a backslash is escaped too, what
//! was escaped can be told from what looks like it.

use std::fmt::Write;

use serde_json::Value;

/// A name as one word for people, whatever bytes it has. Characters that steer a terminal, change
/// the direction of text or cannot be seen are escaped, bytes that are no UTF-8 are `\xHH`, and so
/// are spaces at the ends.
#[must_use]
pub fn name(bytes: &[u8]) -> String {
    let is_space = |byte: &u8| *byte == b' ';
    let start = bytes.iter().position(|byte| !is_space(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    let mut shown = String::with_capacity(bytes.len());
    hex(&bytes[..start], &mut shown);
    escape(&bytes[start..end], |_| false, &mut shown);
    hex(&bytes[end..], &mut shown);
    shown
}

/// The same for data, whose spaces, tabs and newlines stay as they are.
#[must_use]
pub fn data(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len());
    escape(bytes, |character| matches!(character, '\n' | '\t'), &mut shown);
    shown
}

/// Text of our own with something of others in it: on one line, and without what would steer a
/// terminal. Backslashes stay, because what is in it may be escaped already.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    escape(text.trim().as_bytes(), |character| character == '\\', &mut shown);
    shown
}

/// JSON that is harmless on a terminal, too: what is not seen is written as `\uXXXX`, which JSON
/// takes for the character itself.
#[must_use]
pub fn json(value: &Value) -> String {
    let mut shown = String::new();
    // Outside of strings there is nothing but ASCII.
    for character in value.to_string().chars() {
        if shows_itself(character) {
            shown.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(shown, "\\u{unit:04x}").expect("a string takes everything");
            }
        }
    }
    shown
}

/// Appends `bytes`, with escapes for what does not show as itself and `keep` does not name.
fn escape(bytes: &[u8], keep: impl Fn(char) -> bool, shown: &mut String) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                _ if keep(character) => shown.push(character),
                '\\' | '\n' | '\t' | '\r' => shown.extend(character.escape_default()),
                _ if character.is_ascii_control() => hex(&[character as u8], shown),
                _ if shows_itself(character) => shown.push(character),
                _ => shown.extend(character.escape_unicode()),
            }
        }
        hex(chunk.invalid(), shown);
    }
}

fn hex(bytes: &[u8], shown: &mut String) {
    for byte in bytes {
        write!(shown, "\\x{byte:02x}").expect("a string takes everything");
    }
}

/// Whether a character can be seen and changes nothing around it. The standard library knows which
/// those are; behind a letter it lets accents pass, which alone it would not.
fn shows_itself(character: char) -> bool {
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let text: String = ['a', character].into_iter().collect();
    text.escape_debug().count() == 2
}

/// A number of bytes in about three digits, in powers of 1024: `0`, `17`, `1.5K`, `1M`, `230M`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let mut power = UNITS.len() - 1;
    // Half a unit below 1024 is shown as one of the next unit.
    while power > 0 && bytes < (1 << (10 * power)) - (1 << (10 * power)) / 2048 {
        power -= 1;
    }
    let unit = 1_u64 << (10 * power);
    let tenths = (u128::from(bytes) * 10 + u128::from(unit / 2)) / u128::from(unit);
    match (tenths % 10, UNITS[power]) {
        (0, letter) => format!("{}{letter}", tenths / 10),
        (_, letter) if tenths < 100 => format!("{}.{}{letter}", tenths / 10, tenths % 10),
        (_, letter) => format!("{}{letter}", (tenths + 5) / 10),
    }
}

/// The same with its unit, and exactly: `17 bytes`, `1.5K (1536 bytes)`.
#[must_use]
pub fn exact_size(bytes: u64) -> String {
    match bytes {
        1 => "1 byte".into(),
        0..1024 => format!("{bytes} bytes"),
        _ => format!("{} ({bytes} bytes)", size(bytes)),
    }
}

/// Rows below each other, columns aligned: those that `right` names to the right, the last as it
/// is.
#[must_use]
pub fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]], right: &[usize]) -> String {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let written = match column {
                _ if column == COLUMNS - 1 => writeln!(text, "{cell}"),
                _ if right.contains(&column) => write!(text, "{cell:>width$}  "),
                _ => write!(text, "{cell:<width$}  "),
            };
            written.expect("a string takes everything");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was escaped, for the test that nothing is lost.
    fn unescaped(shown: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = shown;
        while let Some(character) = rest.chars().next() {
            rest = &rest[character.len_utf8()..];
            if character != '\\' {
                bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            let kind = rest.chars().next().unwrap();
            rest = &rest[1..];
            match kind {
                'n' => bytes.push(b'\n'),
                't' => bytes.push(b'\t'),
                'r' => bytes.push(b'\r'),
                '\\' => bytes.push(b'\\'),
                'x' => {
                    bytes.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                    rest = &rest[2..];
                }
                'u' => {
                    let (code, after) = rest[1..].split_once('}').unwrap();
                    let code = u32::from_str_radix(code, 16).unwrap();
                    let character = char::from_u32(code).unwrap();
                    bytes.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = after;
                }
                other => panic!("\\{other}"),
            }
        }
        bytes
    }

    #[test]
    fn names_are_harmless_and_readable() {
        let cases: [(&[u8], &str); 14] = [
            (b"plain-name.txt", "plain-name.txt"),
            (b"it's \"this\"", "it's \"this\""),
            ("Grüße 管 ñ e\u{301} 😀".as_bytes(), "Grüße 管 ñ e\u{301} 😀"),
            (b"a\nb\tc\rd", "a\\nb\\tc\\rd"),
            (b"\x1b[31mred\x07", "\\x1b[31mred\\x07"),
            (b"\x7f", "\\x7f"),
            (b"back\\slash\\x1b", "back\\\\slash\\\\x1b"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"cut \xe2\x80", "cut \\xe2\\x80"),
            ("\u{202e}gpj.exe".as_bytes(), "\\u{202e}gpj.exe"),
            ("\u{2066}\u{200f}\u{61c}".as_bytes(), "\\u{2066}\\u{200f}\\u{61c}"),
            ("zero\u{200b}width\u{feff}".as_bytes(), "zero\\u{200b}width\\u{feff}"),
            ("csi\u{9b}31m\u{85}\u{2028}".as_bytes(), "csi\\u{9b}31m\\u{85}\\u{2028}"),
            (b" a b ", "\\x20a b\\x20"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(name(bytes), expected);
            assert_eq!(unescaped(&name(bytes)), bytes, "{expected}");
        }
        assert_eq!(name(b"  "), "\\x20\\x20");
        assert_eq!(data(b" a\n\tb\\\x1b[0m\xff\n"), " a\n\tb\\\\\\x1b[0m\\xff\n");
    }

    #[test]
    fn every_name_can_be_told_from_every_other() {
        for code in 1..=0x10_ffff {
            let Some(character) = char::from_u32(code) else { continue };
            let bytes = format!("a{character}\\b").into_bytes();
            let shown = name(&bytes);
            assert!(!shown.contains(char::is_control), "{code:x}");
            assert_eq!(unescaped(&shown), bytes, "{code:x}");
        }
        for first in 0..=255 {
            for second in 0..=255 {
                let bytes = [first, second];
                assert_eq!(unescaped(&name(&bytes)), bytes);
                assert_eq!(unescaped(&data(&bytes)), bytes);
            }
        }
    }

    #[test]
    fn json_is_harmless_and_the_same() {
        let text = "a\"\\\n\u{1b}\u{7f}\u{9b}\u{202e}é管😀\u{e0001}";
        let value = serde_json::json!({ "name": text, "number": 7 });
        let shown = json(&value);
        let escaped = r#"{"name":"a\"\\\n\u001b\u007f\u009b\u202eé管😀\udb40\udc01","number":7}"#;
        assert_eq!(shown, escaped);
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), value);
    }

    #[test]
    fn a_message_stays_on_its_line_and_harmless() {
        assert_eq!(one_line("no such `a\nb`\n"), "no such `a\\nb`");
        assert_eq!(one_line("\u{1b}[31mred\0"), "\\x1b[31mred\\x00");
        assert_eq!(one_line("Grüße 管 \u{2028}"), "Grüße 管");
        assert_eq!(one_line("a\u{2028}b\u{202e}c"), "a\\u{2028}b\\u{202e}c");
        assert_eq!(one_line(&name(b"\n\\")), name(b"\n\\"), "nothing is escaped twice");
    }

    #[test]
    fn sizes_have_about_three_digits() {
        let cases = [
            (0, "0"),
            (1, "1"),
            (1023, "1023"),
            (1024, "1K"),
            (1536, "1.5K"),
            (10 << 10, "10K"),
            (10_700, "10K"),
            (1 << 20, "1M"),
            ((1 << 20) - 1, "1M"),
            (1000 << 10, "1000K"),
            (3 << 39, "1.5T"),
            (u64::MAX, "16E"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
        assert_eq!(exact_size(1), "1 byte");
        assert_eq!(exact_size(0), "0 bytes");
        assert_eq!(exact_size(1536), "1.5K (1536 bytes)");
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["N", "STATE", "NAME"], ["10", "-", "a"], ["1", "up", "管 longer"]];
        let text = table(&rows.map(|row| row.map(str::to_owned)), &[0]);
        assert_eq!(text, " N  STATE  NAME\n10  -      a\n 1  up     管 longer\n");
    }
}
