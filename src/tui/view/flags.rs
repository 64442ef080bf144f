//! Pane 1: what is wrong or unknown, worst first, each with its sentence; what is ok in one line.
//!
//! ```text
//! ✖ RED FLAG        error rate  2.4 % (118 of 4 912 requests), was 0.05 % before the deploy; above 1 % for 2 min
//! ? no data         db pool     Datadog has not answered for 2 min: too many requests
//! ✔ ok              memory · cpu · 5xx · rollout · probe · new issues
//! ```

use super::text::{clean, width, wrap};
use super::{Brush, View};
use crate::signal::SignalId;
use crate::tui::keymap::Pane;
use crate::tui::rows::{self, Row};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use crate::verdict::says::Why;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

/// Columns of the level's word, the least: `not enough data` needs more, and only where it is said.
const WORD: u16 = 13;
/// A sentence may take this many lines where there is room.
const MOST_LINES: usize = 3;

struct Flag {
    /// The signal, or the first of several that are unknown for the same reason.
    id: SignalId,
    name: String,
    sentence: String,
}

fn flags(view: &View<'_>) -> Vec<Flag> {
    let flag = |ids: Vec<SignalId>| {
        let finding = view.watch.finding(ids[0]);
        let seen = if finding.acknowledged { "(seen) " } else { "" };
        let why = finding.says.why_unknown().filter(|_| ids.len() > 1);
        let said = why.map_or_else(|| finding.sentence(), Why::to_string);
        let sentence = view.glyphs.plain(clean(&said));
        match ids.as_slice() {
            [id] => Flag { id: *id, name: view.name(*id), sentence: format!("{seen}{sentence}") },
            several => {
                let name = format!("{} signals", several.len());
                Flag { id: ids[0], name, sentence: format!("{sentence} ({})", names(view, several)) }
            }
        }
    };
    rows::flags(view.watch, view.service()).into_iter().map(flag).collect()
}

/// The names of several signals, each once: on a board many services have the same.
fn names(view: &View<'_>, ids: &[SignalId]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for id in ids {
        let name = view.watch.setup().signal(*id).name.as_str();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

/// How wide the columns are.
#[derive(Clone, Copy)]
struct Columns {
    /// Of the level's word.
    word: u16,
    /// Of the signal's name.
    name: u16,
}

impl Columns {
    fn of(view: &View<'_>, flags: &[Flag], inner_width: u16) -> Self {
        let words = flags.iter().map(|flag| width(view.watch.finding(flag.id).level.label()) + 1);
        let names = flags.iter().map(|flag| width(&flag.name)).max().unwrap_or(0);
        Self { word: words.max().unwrap_or(0).max(WORD), name: names.clamp(10, (inner_width / 4).max(10)) }
    }

    /// Where sentences begin.
    const fn start(self) -> u16 {
        2 + self.word + self.name + 2
    }
}

/// How many lines the pane would like.
pub(super) fn wish(view: &View<'_>, inner_width: u16) -> u16 {
    let flags = flags(view);
    let room = inner_width.saturating_sub(Columns::of(view, &flags, inner_width).start());
    let lines: usize = flags.iter().map(|flag| wrap(&flag.sentence, room).len().clamp(1, MOST_LINES)).sum();
    lines as u16
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Flags, Pane::Flags.title());
    let flags = flags(view);
    let columns = Columns::of(view, &flags, inner.width);
    let room = inner.width.saturating_sub(columns.start());
    // The last line is for what is ok, or for how much more there is.
    let needs_last = ok_names(view).is_some() || flags.len() > usize::from(inner.height);
    let last = u16::from(needs_last).min(inner.height.saturating_sub(1));
    let height = usize::from(inner.height - last.min(inner.height));

    let rows: Vec<Row> = flags.iter().map(|flag| Row::Signal(flag.id)).collect();
    let (first, cursor) = view.scrolled(Pane::Flags, &rows, height as u16);
    let shown = &flags[first.min(flags.len())..];
    let mut spare = height.saturating_sub(shown.len());
    let mut line = 0;
    for (index, flag) in shown.iter().enumerate() {
        if usize::from(line) >= height {
            break;
        }
        let mut sentence = wrap(&flag.sentence, room);
        let most = MOST_LINES.min(1 + spare);
        let cut = sentence.len() > most;
        // What does not fit stays in the last line, where it is cut with a sign that it goes on.
        let rest = if cut { tail(&flag.sentence, &sentence[..most - 1]) } else { "" };
        sentence.truncate(most);
        if cut && let Some(last) = sentence.last_mut() {
            *last = rest;
        }
        let lines = sentence.len().max(1);
        spare -= lines - 1;
        if view.ui.focus == Pane::Flags && first + index == cursor {
            view.point_at(buffer, inner, line, lines as u16);
        }
        draw_flag(buffer, view, inner, line, columns, flag, &sentence);
        view.link(buffer, inner, (line, lines as u16), Row::Signal(flag.id));
        line += lines as u16;
    }
    let hidden = flags.len().saturating_sub(first + shown.len().min(height));
    draw_ok(buffer, view, inner, line, hidden, columns.word);
}

/// What of a sentence follows its first lines.
fn tail<'a>(sentence: &'a str, lines: &[&str]) -> &'a str {
    let mut rest = sentence.trim_start();
    for line in lines {
        rest = rest[line.len().min(rest.len())..].trim_start();
    }
    rest
}

fn draw_flag(
    buffer: &mut Buffer,
    view: &View<'_>,
    inner: Rect,
    line: u16,
    columns: Columns,
    flag: &Flag,
    sentence: &[&str],
) {
    let finding = view.watch.finding(flag.id);
    let (glyph, style) = view.level(finding.level);
    let text = match finding.level {
        Level::RedFlag if !finding.acknowledged => view.style(Slot::Strong),
        Level::RedFlag | Level::Warning => view.style(Slot::Text),
        _ => view.style(Slot::Muted),
    };
    let mut brush = Brush::new(buffer, view, inner, line);
    brush.put(glyph, style).gap(1).cell(
        finding.level.label(),
        columns.word,
        style.remove_modifier(Modifier::UNDERLINED),
    );
    brush.cell(&flag.name, columns.name, text.add_modifier(Modifier::BOLD)).gap(2);
    let indent = inner.width.saturating_sub(brush.left());
    for (offset, part) in sentence.iter().enumerate() {
        let mut brush = Brush::new(buffer, view, inner, line + offset as u16);
        brush.gap(indent).put(part, text);
    }
}

/// The names of what is ok, or how many they are; `None` where nothing is, and beside the signals, which tell it.
fn ok_names(view: &View<'_>) -> Option<String> {
    if !view.ui.zoomed {
        return None;
    }
    let fine = || rows::signals(view.watch, view.service()).filter(|id| view.watch.finding(*id).level == Level::Clear);
    fine().next()?;
    let setup = view.watch.setup();
    if rows::is_board(view.watch, view.service()) {
        return Some(format!("{} signals of {} services", fine().count(), setup.services.len()));
    }
    let names: Vec<&str> = fine().map(|id| setup.signal(id).name.as_str()).collect();
    Some(names.join(&format!(" {} ", view.glyphs.dot())))
}

/// What is ok, in as few lines as it takes; or that there is more than fits.
fn draw_ok(buffer: &mut Buffer, view: &View<'_>, inner: Rect, line: u16, hidden: usize, word: u16) {
    if hidden > 0 {
        let last = inner.height.saturating_sub(1);
        let text = format!("{hidden} more below");
        Brush::new(buffer, view, inner, last).gap(2).put(&text, Slot::Muted);
        return;
    }
    let Some(names) = ok_names(view) else { return };
    let (glyph, style) = view.level(Level::Clear);
    let mut brush = Brush::new(buffer, view, inner, line);
    brush.put(glyph, style).gap(1).cell(Level::Clear.label(), word, style);
    let parts = wrap(&names, inner.width.saturating_sub(2 + word));
    if parts.len() > usize::from(inner.height.saturating_sub(line)) {
        brush.put(&names, Slot::Muted);
        return;
    }
    for (part, line) in parts.iter().zip(line..) {
        Brush::new(buffer, view, inner, line).gap(2 + word).put(part, Slot::Muted);
    }
}
