//! Just enough of Rust's grammar: text without comments and strings, functions, modules.

/// A function in a file.
pub(crate) struct Function {
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// Its lines, from `fn` to the closing brace.
    pub(crate) length: usize,
    /// What it is called.
    pub(crate) name: String,
}

/// The text with every comment, string and character replaced by spaces; lines keep their places.
pub(crate) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let length = opaque(&chars, at);
        if length == 0 {
            code.push(chars[at]);
            at += 1;
        } else {
            let end = (at + length).min(chars.len());
            code.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// How many characters from `at` on are a comment, a string or a character; 0 if it is code.
fn opaque(chars: &[char], at: usize) -> usize {
    let next = |ahead: usize| chars.get(at + ahead).copied().unwrap_or('\0');
    match (chars[at], next(1)) {
        ('/', '/') => chars[at..].iter().take_while(|&&c| c != '\n').count(),
        ('/', '*') => block_comment(&chars[at..]),
        ('"', _) => quoted(&chars[at..], '"'),
        ('\'', '\\') => quoted(&chars[at..], '\''),
        // A lifetime has no closing quote after one character.
        ('\'', _) if next(2) == '\'' => 3,
        ('r', '"' | '#') if at == 0 || !is_word(chars[at - 1]) || chars[at - 1] == 'b' => {
            raw_string(&chars[at..])
        }
        _ => 0,
    }
}

fn block_comment(chars: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted(chars: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn raw_string(chars: &[char]) -> usize {
    let hashes = chars[1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(1 + hashes) != Some(&'"') {
        return 0; // A raw identifier.
    }
    let mut at = 2 + hashes;
    while at < chars.len() {
        if chars[at] == '"' && chars[at + 1..].iter().take(hashes).all(|&c| c == '#') {
            return at + 1 + hashes;
        }
        at += 1;
    }
    at
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The code up to the file's own tests, which rustfmt's users keep at its end.
pub(crate) fn without_tests(code: &str) -> &str {
    let marks = ["#[cfg(test)]\nmod ", "#[cfg(all(test, not(shuttle)))]\nmod "];
    marks.iter().fold(code, |code, mark| code.split(mark).next().unwrap_or(code))
}

/// Whether `code` has `word` and not only a longer word that contains it. A `word` that ends in
/// punctuation (`log::`) may be followed by anything.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let open_end = !word.ends_with(is_word);
        !before.is_some_and(is_word) && (open_end || !after.is_some_and(is_word))
    })
}

/// The functions that have a body. Relies on rustfmt: a body ends where a `}` stands below the
/// first letter of the line with its `fn`.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let lines: Vec<&str> = code.lines().map(str::trim_end).collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut found = Vec::new();
    for (start, first) in lines.iter().enumerate() {
        let Some(name) = function_name(first) else { continue };
        for (end, line) in lines.iter().enumerate().skip(start) {
            let own = end == start || indent(line) == indent(first) && !line.is_empty();
            if own && line.ends_with(';') {
                break; // Declared in a trait or an extern block.
            }
            if own && (line.trim_start().starts_with('}') || line.ends_with('}')) {
                found.push(Function { line: start + 1, length: end - start + 1, name });
                break;
            }
        }
    }
    found
}

/// The name in a line that begins a function.
pub(crate) fn function_name(line: &str) -> Option<String> {
    let (before, after) = match line.trim_start().strip_prefix("fn ") {
        Some(after) => ("", after),
        None => line.split_once(" fn ")?,
    };
    let qualifiers = ["const", "async", "unsafe", "extern", "default", "in", "crate", "super"];
    let only_qualifiers = before
        .split(|c: char| !is_word(c))
        .all(|word| word.is_empty() || word == "pub" || qualifiers.contains(&word));
    let name: String = after.chars().take_while(|&c| is_word(c)).collect();
    (only_qualifiers && !name.is_empty()).then_some(name)
}

/// The modules that a file declares and keeps elsewhere (`mod name;`).
pub(crate) fn modules(code: &str) -> Vec<String> {
    let declared = |line: &str| {
        let words = line.trim().strip_suffix(';')?;
        let name = words.rsplit_once("mod ")?;
        let visible = name.0.is_empty() || name.0.starts_with("pub");
        (visible && name.1.chars().all(is_word)).then(|| name.1.to_owned())
    };
    code.lines().filter_map(declared).collect()
}

#[test]
fn comments_and_strings_are_blanked() {
    let text = "let a = \"un\\\"safe { \"; // fn x() {\nlet b = 'x'; let c = '\\''; f::<'a>();\n";
    let code = code_only(text);
    assert_eq!(code.lines().count(), 2);
    assert!(!code.contains("safe") && !code.contains("fn x") && code.contains("f::<'a>"));
    let raw = code_only("let r = r#\"a \" { \"#; /* b /* c */ d */ e");
    assert!(!raw.contains('{') && !raw.contains('d') && raw.ends_with(" e"));
}

#[test]
fn functions_are_measured() {
    let code =
        "trait T {\n    fn a();\n}\npub(crate) fn b(\n    x: u8,\n) -> u8 {\n    x\n}\nfn c() {}\n";
    let found: Vec<_> = functions(code).into_iter().map(|f| (f.name, f.line, f.length)).collect();
    assert_eq!(found, [("b".to_owned(), 4, 5), ("c".to_owned(), 9, 1)]);
}
