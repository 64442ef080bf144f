//! Python cut into lines of pieces: names, strings, brackets. What it cannot cut as Python would, it says.

/// A piece of source.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    /// A string that is exactly this.
    Text(String),
    /// A string that is something else when it runs: an f-string, bytes, escapes that are not read here.
    Formatted(String),
    Number,
    Open(char),
    Close,
    Comma,
    Colon,
    Dot,
    Equals,
    Minus,
    /// Any other operator.
    Else,
}

/// A piece and the line on which it begins, from 1.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    pub(super) token: Token,
    pub(super) line: usize,
}

/// A line as Python counts it: brackets and backslashes make one of several.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// How far it is indented.
    pub(super) indent: usize,
    /// Never empty.
    pub(super) pieces: Vec<Piece>,
}

/// All that is in a source.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    /// That it could not be cut as Python would.
    pub(super) is_broken: bool,
}

/// Cuts the source into lines.
pub(super) fn lines(source: &str) -> Lines {
    // Python takes a lone carriage return for the end of a line, and so of a comment.
    let text = source.strip_prefix('\u{FEFF}').unwrap_or(source).replace("\r\n", "\n").replace('\r', "\n");
    let has_strange = text.chars().any(|c| c == '\u{FFFD}' || (c.is_control() && c != '\n' && c != '\t'));
    // What a declared encoding makes of a comment may be code.
    let declares = text.lines().take(2).any(|line| {
        let small = line.to_lowercase();
        small.trim_start().starts_with('#')
            && small.contains("coding")
            && !small.contains("utf-8")
            && !small.contains("utf8")
    });
    let mut cutter = Cutter {
        rest: &text,
        line: 1,
        open: Vec::new(),
        indent: indent(&text),
        pieces: Vec::new(),
        found: Lines { lines: Vec::new(), is_broken: has_strange || declares },
    };
    cutter.run();
    cutter.found
}

/// How far the line at the start of `text` is indented: a tab goes to the next eighth column.
fn indent(text: &str) -> usize {
    let spaces = text.chars().take_while(|c| *c == ' ' || *c == '\t');
    spaces.fold(0, |column, c| if c == '\t' { column / 8 * 8 + 8 } else { column + 1 })
}

struct Cutter<'a> {
    rest: &'a str,
    line: usize,
    open: Vec<char>,
    indent: usize,
    pieces: Vec<Piece>,
    found: Lines,
}

impl Cutter<'_> {
    fn run(&mut self) {
        while let Some(first) = self.rest.chars().next() {
            self.piece(first);
        }
        self.found.is_broken |= !self.open.is_empty();
        self.end_line();
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }

    fn push(&mut self, token: Token, length: usize) {
        self.pieces.push(Piece { token, line: self.line });
        self.skip(length);
    }

    fn end_line(&mut self) {
        if !self.pieces.is_empty() {
            let pieces = std::mem::take(&mut self.pieces);
            self.found.lines.push(Line { indent: self.indent, pieces });
        }
    }

    fn piece(&mut self, first: char) {
        let rest = self.rest;
        match first {
            '#' => self.skip(rest.find('\n').unwrap_or(rest.len())),
            '\n' => {
                self.skip(1);
                if self.open.is_empty() {
                    self.end_line();
                    self.indent = indent(self.rest);
                }
            }
            '\\' if rest[1..].starts_with('\n') => self.skip(2),
            '"' | '\'' => self.string(""),
            '(' | '[' | '{' => {
                self.open.push(first);
                self.push(Token::Open(first), 1);
            }
            ')' | ']' | '}' => {
                let closes = matches!((self.open.pop(), first), (Some('('), ')') | (Some('['), ']') | (Some('{'), '}'));
                self.found.is_broken |= !closes;
                self.push(Token::Close, 1);
            }
            ':' | '=' if rest[1..].starts_with('=') => self.push(Token::Else, 2),
            ',' => self.push(Token::Comma, 1),
            ':' => self.push(Token::Colon, 1),
            '.' => self.push(Token::Dot, 1),
            '=' => self.push(Token::Equals, 1),
            ' ' | '\t' => self.skip(1),
            c if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                let word = &rest[..length];
                let is_prefix = word.len() <= 3 && word.chars().all(|c| "rRbBuUfFtT".contains(c));
                if is_prefix && rest[length..].starts_with(['"', '\'']) {
                    self.string(word);
                } else {
                    // Python takes other letters for the plain ones that they look like.
                    self.found.is_broken |= !word.is_ascii();
                    self.push(Token::Name(word.to_owned()), length);
                }
            }
            c if c.is_ascii_digit() => {
                let length =
                    rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
                self.push(Token::Number, length);
            }
            '-' if !rest[1..].starts_with(['=', '>']) => self.push(Token::Minus, 1),
            // `+=`, `!=`, `->` and the like must not look like an assignment.
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '!' | '|' | '&' | '^' | '~' | '@' | ';' => {
                let length = rest[1..].find(|c| c != '=' && c != '>').unwrap_or(rest.len() - 1) + 1;
                self.push(Token::Else, length);
            }
            other => {
                self.found.is_broken = true;
                self.push(Token::Else, other.len_utf8());
            }
        }
    }

    /// The string that begins behind its prefix.
    fn string(&mut self, prefix: &str) {
        let has = |letters: [char; 2]| prefix.contains(letters);
        let is_formatted = has(['f', 'F']) || has(['t', 'T']);
        let body = &self.rest[prefix.len()..];
        let Some(read) = read_string(body, has(['r', 'R'])) else {
            self.found.is_broken = true;
            return self.push(Token::Formatted(body.to_owned()), self.rest.len());
        };
        let written = &body[..read.length];
        if is_formatted && written.contains('{') {
            // What is in its braces may hold quotes of its own, which end the string or do not, by Python's age.
            let quotes = written.matches(['"', '\'']).count();
            let is_open = written.matches('{').count() != written.matches('}').count();
            self.found.is_broken |= is_open || (quotes != 2 && quotes != 6);
        }
        let is_text = !is_formatted && !has(['b', 'B']) && read.is_exact;
        let token = if is_text { Token::Text(read.text) } else { Token::Formatted(read.text) };
        self.push(token, prefix.len() + read.length);
    }
}

struct Read {
    text: String,
    /// With its quotes.
    length: usize,
    /// Whether every escape was read.
    is_exact: bool,
}

/// The string at the start; `None` when it does not end where Python wants it to.
fn read_string(body: &str, is_raw: bool) -> Option<Read> {
    let quote = body.get(..1)?;
    let long = quote.repeat(3);
    let end = if body.starts_with(&long) { long.as_str() } else { quote };
    let mut read = Read { text: String::new(), length: end.len(), is_exact: true };
    loop {
        let rest = &body[read.length..];
        if rest.starts_with(end) {
            read.length += end.len();
            return Some(read);
        }
        let c = rest.chars().next()?;
        read.length += c.len_utf8();
        match c {
            '\n' if end.len() == 1 => return None,
            '\\' => {
                let next = rest[1..].chars().next()?;
                read.length += next.len_utf8();
                match next {
                    _ if is_raw => read.text.extend([c, next]),
                    '\n' => {}
                    'n' => read.text.push('\n'),
                    't' => read.text.push('\t'),
                    '\\' | '\'' | '"' => read.text.push(next),
                    other => {
                        read.is_exact = false;
                        read.text.push(other);
                    }
                }
            }
            c => read.text.push(c),
        }
    }
}
