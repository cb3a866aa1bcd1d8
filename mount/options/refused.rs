//! Why mount options are refused: what was wrong, what there is, and what was meant perhaps.

use pipefs::Settings;
use pipefs::settings::SettingError;

use super::{OF_WINDOWS, OWN, SHOWN_CHARACTERS};

/// Why the mount options were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No option has this name.
    #[error("unknown mount option `{name}`{}; there are: {}", hint(name), known().join(", "))]
    Unknown {
        /// What was given.
        name: String,
    },
    /// The option does not take this value, or needs one.
    #[error("`{value}` is no value for the mount option {name}: expected {expected}")]
    BadValue {
        /// The option.
        name: &'static str,
        /// What was given.
        value: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// A setting of pipes refused its value.
    #[error("mount option: {0}")]
    Setting(#[from] SettingError),
    /// The option is a word of its own.
    #[error("the mount option {0} takes no value")]
    TakesNoValue(&'static str),
    /// The text is not UTF-8.
    #[error("the mount option `{0}` is not UTF-8 text")]
    NotText(String),
    /// `ro`.
    #[error("a pipe must be writable: leave out the mount option ro")]
    ReadOnly,
    /// `remount`.
    #[error("a mount cannot be changed: unmount it and mount it anew, without the option remount")]
    Remount,
    /// `auto_unmount` without `allow_other`.
    #[error(
        "the mount option auto_unmount needs allow_other too, as in -o auto_unmount,allow_other"
    )]
    AutoUnmountAlone,
}

/// The start of a text that may be of any length.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into(),
    }
}

/// The names worth knowing, in the order of their documentation.
fn known() -> Vec<&'static str> {
    OWN.into_iter().chain(OF_WINDOWS.iter().copied()).chain(Settings::KEYS).collect()
}

fn hint(name: &str) -> String {
    nearest(name, &known()).map(|word| format!(", did you mean `{word}`?")).unwrap_or_default()
}

/// The word that is meant by a misspelt one: at most two slips away, and not wholly another word.
fn nearest<'a>(name: &str, words: &[&'a str]) -> Option<&'a str> {
    let slips = |word: &str| strsim::damerau_levenshtein(&name.to_lowercase(), word);
    words
        .iter()
        .map(|word| (slips(word), *word))
        .filter(|&(slips, word)| slips <= 2 && slips * 2 < word.len())
        .min_by_key(|&(slips, _)| slips)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_suggested() {
        let words = ["memory", "mode", "open"];
        assert_eq!(nearest("memroy", &words), Some("memory"));
        assert_eq!(nearest("mod", &words), Some("mode"));
        assert_eq!(nearest("opne", &words), Some("open"));
        assert_eq!(nearest("xx", &words), None);
        assert_eq!(nearest("", &words), None);
        assert_eq!(nearest("o", &words), None);
    }
}
