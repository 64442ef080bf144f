//! A report as Markdown, for GitHub, Notion or Slack: tables and lists, no HTML.

use super::facts::{Report, SignalTold};
use super::{escape, words};
use chrono::FixedOffset;

/// The page.
pub(super) fn page(report: &Report, zone: FixedOffset) -> String {
    let mut page = Page::default();
    page.line(&format!("# {}: {}", text(&words::title(report)), text(&words::verdict(report))));
    page.line(&format!("**{}**", text(&report.said.sentence)));
    if !report.said.facts.is_empty() {
        page.line(&text(&report.said.facts.join(" · ")));
    }
    page.table(&["", ""], summary(report, zone));

    page.line("## Flags");
    if report.flags.is_empty() {
        page.line("None rose.");
    }
    let flags = report.flags.iter().map(|flag| {
        [
            words::signal(report, &flag.service, &flag.signal),
            words::level(flag.level).to_owned(),
            words::clock(flag.rose, zone),
            words::ended(flag, zone),
            words::span(flag.seconds),
            flag.sentence.clone(),
        ]
    });
    page.table(&["signal", "level", "rose", "ended", "for", "what it said"], flags);

    page.line("## What was done");
    if report.rollbacks.is_empty() {
        page.line("Nothing was rolled back.");
    }
    for done in &report.rollbacks {
        page.line(&format!("At {}; {}", text(&words::rollback(done, zone)), text(&words::ending(done))));
        page.table(&["since the key", ""], words::took(done).map(|(what, when)| [what.to_owned(), when]));
    }
    if !report.notes.is_empty() {
        page.line("## Notes");
        page.list(report.notes.iter().map(|note| format!("{}: {}", words::clock(note.at, zone), note.text)));
    }
    if !report.not_known.is_empty() {
        page.line("## Not known");
        page.list(report.not_known.iter().cloned());
    }
    page.line("## Timeline");
    let timeline = report.timeline.iter();
    page.table(
        &["time", "", ""],
        timeline.map(|moment| [words::clock(moment.at, zone), moment.kind.label().to_owned(), moment.text.clone()]),
    );
    page.line("## Signals at the end");
    page.rows(&["signal", "level", "what it says"], report.signals.iter().map(|signal| signal_row(report, signal)));
    page.line(&format!("*{}*", text(&words::source(report, zone))));
    page.out
}

fn text(text: &str) -> String {
    escape::markdown(text)
}

fn summary(report: &Report, zone: FixedOffset) -> Vec<[String; 2]> {
    let deploys = report.deploys.iter().map(|deploy| ["deployed".to_owned(), words::deployed(deploy, zone)]);
    let mut rows: Vec<[String; 2]> = deploys.collect();
    if rows.is_empty() {
        rows.push(["deployed".to_owned(), "no deploy found".to_owned()]);
    }
    rows.push(["time to detect".to_owned(), words::detected(report)]);
    rows.push(["time to restore".to_owned(), words::restored(report)]);
    rows.extend(words::at_the_end(report).map(|said| ["at the end".to_owned(), said]));
    rows
}

fn signal_row(report: &Report, signal: &SignalTold) -> String {
    let name = text(&words::signal(report, &signal.service, &signal.name));
    let name = match &signal.link {
        Some(link) => format!("[{name}](<{}>)", escape::address(link)),
        None => name,
    };
    format!("{name} | {} | {}", words::level(signal.level), text(&signal.sentence))
}

/// What is written so far: blocks with an empty line between them.
#[derive(Default)]
struct Page {
    out: String,
}

impl Page {
    /// Begins a block.
    fn line(&mut self, line: &str) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// A list of foreign texts.
    fn list(&mut self, items: impl Iterator<Item = String>) {
        self.out.push('\n');
        for item in items {
            // The bullet is followed by a word of ours or by a text whose first sign cannot begin another block.
            self.out.push_str(&format!("- {}\n", item_text(&item)));
        }
    }

    /// A table of foreign texts; none where there are no rows.
    fn table<const N: usize>(&mut self, heads: &[&str; N], rows: impl IntoIterator<Item = [String; N]>) {
        let rows = rows.into_iter().map(|row| row.map(|cell| text(&cell)).join(" | "));
        self.rows(heads, rows);
    }

    /// The same of rows that are Markdown already.
    fn rows(&mut self, heads: &[&str], rows: impl Iterator<Item = String>) {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return;
        }
        self.out.push_str(&format!("\n| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(heads.len())));
        for row in rows {
            self.out.push_str(&format!("| {row} |\n"));
        }
    }
}

/// A foreign text at the beginning of a list's item: there a sign or a number can begin another list.
fn item_text(item: &str) -> String {
    let escaped = text(item);
    let begins_a_block = |sign: char| matches!(sign, '-' | '+' | '=' | ':');
    if escaped.starts_with(begins_a_block) {
        return format!("\\{escaped}");
    }
    let digits = escaped.chars().take_while(char::is_ascii_digit).count();
    match escaped[digits..].chars().next() {
        Some('.' | ')') if digits > 0 => format!("{}\\{}", &escaped[..digits], &escaped[digits..]),
        _ => escaped,
    }
}
