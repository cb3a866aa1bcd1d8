//! Numbers as people write them: sizes and times.

use std::time::Duration;

/// Parses a number of bytes: digits, then nothing or one of `K M G T` (powers of 1024, either
/// case, an `iB` or `B` may follow). No sign, no fraction, no overflow.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    parse_digits(number)?.checked_mul(1 << shift)
}

/// Parses digits only: `str::parse` would accept a leading `+`.
pub(crate) fn parse_digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Parses a time: digits and one of `ms`, `s` (also without unit), `m`, `h`. Not zero.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let total = parse_digits(number)?.checked_mul(milliseconds)?;
    // A longer one could not be added to a clock without care; a thousand years are "for ever".
    (1..=1000 * 365 * 24 * 3_600_000).contains(&total).then(|| Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_units() {
        assert_eq!(parse_size("64K"), Some(65536));
        assert_eq!(parse_size("4MiB"), Some(4 << 20));
        assert_eq!(parse_size("1t"), Some(1 << 40));
        assert_eq!(parse_size(""), None);
        assert_eq!(parse_size("4X"), None);
    }
}
