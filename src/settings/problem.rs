//! What is wrong with a file, shown where it stands: the line, a caret, what was expected and the way out.

use super::at::Span;
use std::fmt;
use unicode_width::UnicodeWidthStr;

/// The text of a file, what it is called, and what of it may not be shown.
#[derive(Clone)]
pub(crate) struct Document {
    label: String,
    text: String,
    hidden: Vec<Span>,
}

impl Document {
    /// A text, what it is called, and what of it may not be shown.
    pub(crate) fn new(label: &str, text: &str, hidden: Vec<Span>) -> Self {
        Self { label: label.to_owned(), text: text.to_owned(), hidden }
    }

    /// A problem with everything that is shown of it.
    pub(crate) fn diagnose(&self, problem: Problem) -> Diagnostic {
        let start = floor(&self.text, problem.span.start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |newline| start + newline);
        let before = self.shown(line_start..start);
        // A caret never ends in the next line, and there is always one.
        let end = floor(&self.text, problem.span.end).clamp(start, line_end);
        let under = self.shown(start..end);
        Diagnostic {
            file: self.label.clone(),
            line: self.text[..start].matches('\n').count() + 1,
            column: self.text[line_start..start].chars().count() + 1,
            message: problem.message,
            source: self.shown(line_start..line_end).trim_end().to_owned(),
            caret: (before.width(), under.width().max(1)),
            label: problem.label,
            way_out: problem.way_out,
        }
    }

    /// The file and the line of a place: `redflag.toml:12`.
    pub(crate) fn line_of(&self, span: &Span) -> String {
        let start = floor(&self.text, span.start);
        format!("{}:{}", self.label, self.text[..start].matches('\n').count() + 1)
    }

    /// A part of one line as it may be shown: what is hidden is an ellipsis.
    fn shown(&self, part: Span) -> String {
        let mut out = String::new();
        let mut hiding = false;
        for (offset, c) in self.text[part.clone()].char_indices() {
            let at = part.start + offset;
            let hide = self.hidden.iter().any(|span| span.contains(&at));
            match (hide, hiding) {
                (true, false) => out.push('…'),
                (true, true) => {}
                (false, _) if c == '\t' => out.push(' '),
                (false, _) if c.is_control() => {}
                (false, _) => out.push(c),
            }
            hiding = hide;
        }
        out
    }
}

/// The secrets that a refused file may hold stay out of any log.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("label", &self.label).finish_non_exhaustive()
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

/// Something wrong, and where.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    span: Span,
    message: String,
    label: Option<String>,
    way_out: Option<String>,
    /// What must have been read whole for it to be one.
    needs: Vec<Part>,
}

/// A part of the file that may have been read only as far as it could be: what was refused there was reported, and that
/// something is missing follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The table itself.
    Table,
    /// The environment that it stands in.
    Environment,
}

/// Which parts were read whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole {
    /// See [`Part::Table`].
    pub(crate) table: bool,
    /// See [`Part::Environment`].
    pub(crate) environment: bool,
}

impl Problem {
    /// What is wrong, in a sentence without a full stop.
    pub(crate) fn new(span: &Span, message: impl Into<String>) -> Self {
        Self { span: span.clone(), message: message.into(), label: None, way_out: None, needs: Vec::new() }
    }

    /// That it is a problem only where this part was read whole, for it speaks of what is missing.
    pub(crate) fn needs(mut self, part: Part) -> Self {
        self.needs.push(part);
        self
    }

    /// What belongs right beside the caret: the nearest right name, what was expected.
    pub(crate) fn label(mut self, text: impl Into<String>) -> Self {
        self.label = Some(text.into());
        self
    }

    /// What the user can do about it.
    pub(crate) fn way_out(mut self, text: impl Into<String>) -> Self {
        self.way_out = Some(text.into());
        self
    }

    /// Suggests the nearest of the right names beside the caret, and lists them all below.
    pub(crate) fn names<S: AsRef<str>>(mut self, written: &str, right: &[S], of: &str) -> Self {
        self.label = nearest(written, right).map(|name| format!("did you mean `{name}`?"));
        self.way_out(format!("{of}: {}", list(right)))
    }
}

/// The names that the user may choose from, as a sentence lists them.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}

/// The name that was most likely meant, where one is near enough to be worth saying: a few typing errors away
/// for its length, or much alike from its beginning on.
pub(crate) fn nearest<'a, S: AsRef<str>>(written: &str, right: &'a [S]) -> Option<&'a str> {
    const ALIKE: f64 = 0.85;
    let written = written.to_lowercase();
    let slips_allowed = written.chars().count().div_ceil(3).min(written.chars().count().saturating_sub(1));
    right
        .iter()
        .map(AsRef::as_ref)
        .filter_map(|name| {
            let lower = name.to_lowercase();
            let alike = strsim::jaro_winkler(&written, &lower);
            let near = alike > ALIKE || strsim::damerau_levenshtein(&written, &lower) <= slips_allowed;
            near.then_some((name, alike))
        })
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(name, _)| name)
}

/// Everything found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Checks a table that was read as far as it could be. What only follows from what was refused is not reported.
    pub(crate) fn of_table<T>(&mut self, whole: Whole, check: impl FnOnce(&mut Self) -> T) -> T {
        let mut found = Self::default();
        let result = check(&mut found);
        self.0.extend(found.0.into_iter().filter_map(|problem| {
            let told = problem.needs.iter().all(|part| match part {
                Part::Table => whole.table,
                Part::Environment => whole.environment,
            });
            told.then_some(Problem { needs: Vec::new(), ..problem })
        }));
        result
    }

    /// Leaves out what is told already, at the same place in the same words.
    pub(crate) fn once(&mut self) {
        let mut told: Vec<(Span, String)> = Vec::new();
        self.0.retain(|problem| {
            let one = (problem.span.clone(), problem.message.clone());
            let is_new = !told.contains(&one);
            told.push(one);
            is_new
        });
    }

    /// Adds those that were found elsewhere.
    pub(crate) fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// What is wrong, in sentences without their places.
    pub(crate) fn sentences(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|problem| problem.message.as_str())
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them in the file's order, as they are shown; fine when there are none.
    pub(crate) fn into_result(mut self, document: &Document) -> Result<(), Vec<Diagnostic>> {
        if self.0.is_empty() {
            return Ok(());
        }
        self.0.sort_by_key(|problem| problem.span.start);
        Err(self.0.into_iter().map(|problem| document.diagnose(problem)).collect())
    }
}

/// One problem with a file, ready to be shown. `Display` shows it over several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What the file is called: its path as it was given.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// The line, without what looks like a secret.
    source: String,
    /// Where the caret begins under `source`, and its width, in columns.
    caret: (usize, usize),
    label: Option<String>,
    way_out: Option<String>,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, source, caret: (indent, width), .. } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{file}:{line}:{column}: {message}")?;
        writeln!(f, " {margin} |")?;
        writeln!(f, "{}", format!(" {number} | {source}").trim_end())?;
        write!(f, " {margin} | {}{}", " ".repeat(*indent), "^".repeat(*width))?;
        if let Some(label) = &self.label {
            write!(f, " {label}")?;
        }
        if let Some(way_out) = &self.way_out {
            write!(f, "\n {margin} = {way_out}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_shown_where_it_stands() {
        let document = Document::new("redflag.toml", "theme = \"dark\"\nthme = \"mono\" # ä\n", vec![]);
        let problem =
            Problem::new(&(15..19), "unknown key `thme`").label("did you mean `theme`?").way_out("known: theme");
        assert_eq!(
            document.diagnose(problem).to_string(),
            "redflag.toml:2:1: unknown key `thme`\n   |\n 2 | thme = \"mono\" # ä\n   | ^^^^ did you mean `theme`?\n   = known: theme"
        );
    }

    #[test]
    fn the_end_of_the_file_can_be_pointed_at() {
        let document = Document::new("f", "a = ", vec![]);
        let shown = document.diagnose(Problem::new(&(4..9), "nothing here")).to_string();
        assert_eq!(shown, "f:1:5: nothing here\n   |\n 1 | a =\n   |     ^");
        assert!(
            Document::new("f", "", vec![])
                .diagnose(Problem::new(&(0..0), "empty"))
                .to_string()
                .starts_with("f:1:1: empty")
        );
    }

    #[test]
    fn the_caret_keeps_its_place_behind_wide_and_hidden_text() {
        let text = "a = { 名 = \"hunter2\", b = 5 }";
        let place = |part: &str| text.find(part).map_or(0..0, |start| start..start + part.len());
        let document = Document::new("f", text, vec![place("\"hunter2\"")]);
        let shown = document.diagnose(Problem::new(&place("5"), "no")).to_string();
        assert_eq!(shown, "f:1:26: no\n   |\n 1 | a = { 名 = …, b = 5 }\n   |                   ^");
    }

    #[test]
    fn a_name_is_suggested_only_when_it_is_near() {
        assert_eq!(nearest("latncy", &["latency", "memory"]), Some("latency"));
        assert_eq!(nearest("Grafna", &["grafana", "sentry"]), Some("grafana"));
        assert_eq!(nearest("ulr", &["user", "url"]), Some("url"));
        assert_eq!(nearest("prod", &["staging", "production"]), Some("production"));
        assert_eq!(nearest("xyz", &["latency", "memory"]), None);
        assert_eq!(nearest("a", &["b"]), None);
    }
}
