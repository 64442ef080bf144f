//! What a text is that is not TOML: what people write instead, with the way out. The parser's own words say what it
//! expected, which tells nobody that their editor has made the quotes pretty.

use crate::config::at::Span;
use crate::config::problem::Problem;
use toml::de::DeTable;

/// The problem with a text that the parser refused at a place, in these words.
pub(super) fn problem(text: &str, span: &Span, said: &str) -> Problem {
    const REST: &str = "the rest is checked once this is TOML";
    match found(text, span) {
        Some((span, message, way_out)) => Problem::new(&span, message).way_out(format!("{way_out}; {REST}")),
        None => Problem::new(span, format!("this is not TOML: {}", said.trim())).way_out(REST),
    }
}

type Found = Option<(Span, String, String)>;

fn found(text: &str, span: &Span) -> Found {
    let at = floor(text, span.start);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let line = Line { text: &text[start..end], start };
    other_language(text)
        .or_else(|| bare_return(text, at))
        .or_else(|| line.odd_sign())
        .or_else(|| line.quotes_in_quotes(at))
        .or_else(|| line.colon())
        .or_else(|| line.bare_value())
}

/// A text that is something else from its beginning on.
fn other_language(text: &str) -> Found {
    const SHOWN: &str = "redflag config example shows it";
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let written = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        if written.is_empty() || written.starts_with('#') {
            continue;
        }
        let span = at..at + written.len();
        let yaml = written == "---" || written.starts_with("- ") || key_before(written, ':').is_some();
        if yaml && !written.contains('=') {
            let way_out = format!("in TOML a table is [sources.grafana], and a setting is key = \"value\": {SHOWN}");
            return Some((span, "this is YAML, and the configuration is TOML".to_owned(), way_out));
        }
        if written.starts_with('{') {
            return Some((span, "this is JSON, and the configuration is TOML".to_owned(), SHOWN.to_owned()));
        }
        if written.starts_with('<') {
            let way_out = "this is a page, perhaps of a sign-in: fetch the file itself".to_owned();
            return Some((span, "this is HTML, and the configuration is TOML".to_owned(), way_out));
        }
        return None;
    }
    None
}

/// Lines that end with a carriage return alone.
fn bare_return(text: &str, at: usize) -> Found {
    let at = text[at..].find('\r').map(|found| at + found).filter(|at| !text[at + 1..].starts_with('\n'))?;
    // The parser stops right there, or it is another mistake.
    let near = text[..at].trim_end_matches(|c: char| c != '\n' && c != '\r').len();
    let message = "a line ends with a carriage return alone".to_owned();
    (at - near < 400).then(|| (at..at + 1, message, "save the file with line feeds, as Unix does".to_owned()))
}

/// The key at the beginning of a line, up to a sign.
fn key_before(line: &str, sign: char) -> Option<&str> {
    let (key, rest) = line.split_once(sign)?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '"' | '\'');
    let key = key.trim();
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', '\r']);
    (!key.is_empty() && key.chars().all(word) && ends).then_some(key)
}

/// The line at which the parser stopped.
struct Line<'a> {
    text: &'a str,
    start: usize,
}

impl Line<'_> {
    fn span(&self, from: usize, to: usize) -> Span {
        self.start + from..self.start + to
    }

    /// A quote that is none, or a space that is none, outside of the texts of the line.
    fn odd_sign(&self) -> Found {
        let mut quote: Option<char> = None;
        for (at, c) in self.text.char_indices() {
            match (quote, c) {
                (None, '#') => return None,
                (None, '"' | '\'') => quote = Some(c),
                (Some(open), c) if c == open => quote = None,
                (None, '“' | '”' | '„' | '‟' | '″' | '‘' | '’' | '‚' | '′' | '«' | '»') => {
                    let message = format!("{c} is a typographic quote, and no quote to TOML");
                    let way_out = "write straight ones, \"…\" or '…': an editor or a chat has replaced them".to_owned();
                    return Some((self.span(at, at + c.len_utf8()), message, way_out));
                }
                (None, '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{200b}' | '\u{3000}' | '\u{feff}') => {
                    let message = format!("there is an invisible character, U+{:04X}", u32::from(c));
                    let way_out = "write an ordinary space: it came with a copy from a page".to_owned();
                    return Some((self.span(at, at + c.len_utf8()), message, way_out));
                }
                (None, '\0') => {
                    let message = "there is a zero byte, as in UTF-16".to_owned();
                    return Some((self.span(at, at + 1), message, "save the file as UTF-8".to_owned()));
                }
                _ => {}
            }
        }
        None
    }

    /// A text in double quotes that ends at a double quote of its own: `query = "x{code="500"}"`.
    fn quotes_in_quotes(&self, at: usize) -> Found {
        let value = self.value()?;
        let quote = self.text[value..].chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let rest = &self.text[value + 1..];
        let three = format!("{quote}{quote}{quote}");
        if self.text[value..].starts_with(&three) {
            return None;
        }
        let mut escaped = false;
        let closing = rest.char_indices().find(|(_, c)| {
            let closes = *c == quote && !escaped;
            escaped = quote == '"' && *c == '\\' && !escaped;
            closes
        });
        let second = value + 1 + closing?.0;
        let after = self.text[second + 1..].trim_start();
        // Behind the second quote a line or its comment ends, or a list goes on.
        let goes_on = !after.is_empty() && !after.starts_with(['#', ',', ']', '}', '\r']);
        if !goes_on || at < self.start + second || !self.text[second + 1..].contains(quote) {
            return None;
        }
        let (message, way_out) = if quote == '"' {
            ("this double quote ends the text", "write the whole in single quotes: query = 'x{code=\"500\"}'")
        } else {
            ("this single quote ends the text", "write the whole in three of them: query = '''…'''")
        };
        Some((self.span(second, second + 1), message.to_owned(), way_out.to_owned()))
    }

    /// `key: value`.
    fn colon(&self) -> Found {
        let written = self.text.trim();
        if written.contains('=') || written.starts_with(['#', '[']) {
            return None;
        }
        let item = written.strip_prefix("- ").unwrap_or(written);
        key_before(item, ':')?;
        let from = self.text.len() - self.text.trim_start().len();
        let message = "this is a line of YAML".to_owned();
        Some((self.span(from, from + written.len()), message, "in TOML it is key = \"value\"".to_owned()))
    }

    /// A value that is a text without its quotes. It may be a secret, and is not repeated.
    fn bare_value(&self) -> Found {
        let value = self.value()?;
        let written = self.text[value..].split('#').next().unwrap_or_default().trim_end();
        let first = written.chars().next()?;
        let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '~' | '$' | '.' | '*' | '-' | '_');
        // What is a value is no text without its quotes: something else is wrong with the line.
        let is_value = DeTable::parse(&format!("value = {written}")).is_ok();
        if !word(first) || is_value || written.contains(['"', '\'']) {
            return None;
        }
        let way_out = match written.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => "write true",
            "false" | "no" | "off" => "write false",
            "null" | "none" | "nil" => "leave the line out",
            _ => "write it in quotes: key = \"…\"",
        };
        let message = match way_out {
            "leave the line out" => "TOML has no null",
            "write true" | "write false" => "this is neither true nor false",
            _ => "strings need quotes",
        };
        Some((self.span(value, value + written.len()), message.to_owned(), way_out.to_owned()))
    }

    /// Where the value of the line begins.
    fn value(&self) -> Option<usize> {
        let equals = self.text.find('=')?;
        key_before(&self.text[..=equals], '=')?;
        let rest = &self.text[equals + 1..];
        Some(equals + 1 + rest.len() - rest.trim_start().len())
    }
}

/// The nearest place at or before an offset where a text may be cut.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
#[path = "syntax_tests.rs"]
mod tests;
