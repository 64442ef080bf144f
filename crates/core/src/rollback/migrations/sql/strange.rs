//! Text that is not SQL of any database, or a template placeholder.

/// Something that is no SQL of any database, or that a program puts something else for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strange {
    /// The line, from 1.
    pub(super) line: usize,
    /// What it is: `a string that does not end`.
    pub(super) what: &'static str,
}

/// What is strange about a text before anything of it is read: one for each kind, on its first line.
pub(super) fn of(text: &str) -> Vec<Strange> {
    let mut found: Vec<Strange> = Vec::new();
    let mut tell = |line: usize, what: &'static str| {
        if found.iter().all(|known| known.what != what) {
            found.push(Strange { line, what });
        }
    };
    for (index, line) in text.split('\n').enumerate() {
        let line_without_end = line.strip_suffix('\r').unwrap_or(line);
        // A lone carriage return ends a comment in some databases, and so may other line ends.
        if line_without_end.chars().any(|c| (c.is_control() && c != '\t') || is_invisible(c)) {
            tell(index + 1, "non-text characters");
        }
        if ["${", "$(", "{{", "{%", "<%", "#{"].iter().any(|mark| line.contains(mark)) {
            tell(index + 1, "a template placeholder");
        }
    }
    found
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{FFFD}' | '\u{FEFF}' | '\u{2028}' | '\u{2029}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}')
}
