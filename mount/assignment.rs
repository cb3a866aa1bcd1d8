//! Settings as a user types them, `KEY=VALUE`, checked before anything is touched.

use std::ffi::{OsStr, OsString};

use pipefs::Settings;

use crate::exit::{Exit, Failure};
use crate::options::shortened_setting;
use crate::view;

/// A setting and a value that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// One of [`Settings::KEYS`].
    pub key: &'static str,
    /// As it was typed.
    pub value: String,
}

impl Assignment {
    /// Checks a setting and its value.
    ///
    /// # Errors
    /// [`Exit::Usage`], with the settings or the values there are.
    pub fn new(key: &str, value: &OsStr) -> Result<Self, Failure> {
        Self::of_bytes(key, value.as_encoded_bytes())
    }

    fn of_bytes(key: &str, value: &[u8]) -> Result<Self, Failure> {
        // What is not UTF-8 is refused like any other text that means nothing.
        let value = String::from_utf8_lossy(value);
        let refused = |error| Failure::new(Exit::Usage, shortened_setting(error).to_string());
        Settings::default().set(key, &value).map_err(refused)?;
        let key = Settings::KEYS.into_iter().find(|known| *known == key);
        let key = key.expect("what can be set has a name in the list");
        Ok(Self { key, value: value.into_owned() })
    }

    /// Reads `KEY=VALUE`.
    ///
    /// # Errors
    /// As [`Self::new`]; or there is no `=`.
    pub fn parse(text: &OsStr) -> Result<Self, Failure> {
        Self::parse_bytes(text.as_encoded_bytes())
    }

    fn parse_bytes(bytes: &[u8]) -> Result<Self, Failure> {
        let Some(end) = bytes.iter().position(|byte| *byte == b'=') else {
            let shown: String = view::name(bytes).chars().take(60).collect();
            let message = format!("`{shown}` is no KEY=VALUE, as in capacity=4M");
            return Err(Failure::new(Exit::Usage, message));
        };
        let key = String::from_utf8_lossy(&bytes[..end]);
        Self::of_bytes(&key, &bytes[end + 1..])
    }

    /// Reads the arguments of `-o`: any number of those, separated by commas.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_lists(lists: &[OsString]) -> Result<Vec<Self>, Failure> {
        let lists = lists.iter().map(|list| list.as_encoded_bytes());
        let items = lists.flat_map(|list| list.split(|byte| *byte == b','));
        let items = items.filter(|item| !item.is_empty());
        items.map(Self::parse_bytes).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &[u8]) -> String {
        let failure = Assignment::parse_bytes(text).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.len() < 300, "{failure}");
        failure.message
    }

    #[test]
    fn settings_are_read() {
        let read = Assignment::parse_lists(&["mode=shared,,capacity=4M".into(), "".into()]);
        let of = |key, value: &str| Assignment { key, value: value.into() };
        assert_eq!(read, Ok(vec![of("mode", "shared"), of("capacity", "4M")]));
    }

    #[test]
    fn what_is_refused_is_said_with_what_is_not() {
        assert!(refusal(b"mode").contains("KEY=VALUE"));
        assert!(refusal(b"").contains("KEY=VALUE"));
        assert!(refusal(b"mode=both").contains("expected instance"));
        assert!(refusal(b"mode=").contains("expected instance"));
        assert!(refusal(b"=shared").contains("there are: access, mode"));
        assert!(refusal(b"allow_other=1").contains("there are: access, mode"));
        assert!(refusal(b"capacity=\xff\xfe").contains("expected 1 to 1T"));
        assert!(refusal(b"\xff=1").contains("there are: access, mode"));
        for key in Settings::KEYS {
            let huge = "9".repeat(100_000);
            assert!(refusal(format!("{key}={huge}").as_bytes()).contains("expected"), "{key}");
            assert!(refusal(format!("{key}{huge}").as_bytes()).contains("KEY=VALUE"), "{key}");
        }
        assert!(refusal(&[b'=', b'='].repeat(5_000)).contains("there are"));
    }
}
