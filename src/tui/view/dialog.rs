//! Small things over the panes: a note being typed, the question before quitting, a link.

use super::text::{clean, width, wrap};
use super::{Brush, View};
use crate::tui::keymap::Action;
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

/// Opens a box in the middle of the screen, as large as wished or as the screen allows; returns its inside.
pub(super) fn open(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    title: &str,
    wish: (u16, u16),
    border: Slot,
) -> Rect {
    let (width, height) = (wish.0.min(area.width), wish.1.min(area.height));
    let frame = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(frame, buffer);
    buffer.set_style(frame, view.style(Slot::Text));
    buffer.set_style(frame, view.style(Slot::Dialog));
    let title = Line::styled(format!(" {title} "), view.style(Slot::Strong));
    view.boxed(buffer, frame, title, view.style(border), true)
}

/// Said while the keys that answer are not taken yet.
pub(super) const READ_IT_FIRST: &str = "active in a moment: release all keys";

/// The line of keys that answer something that changes production: one that does it, all others that do not.
pub(super) fn answers(buffer: &mut Buffer, view: &View<'_>, line: Rect, does: &str, takes_keys: bool) {
    let mut brush = Brush::new(buffer, view, line, 0);
    let Some(key) = view.keymap.label(Action::Confirm) else {
        brush.put("no key is set for `confirm`: any key closes", Slot::Warning);
        return;
    };
    brush.put(&key, if takes_keys { Slot::Key } else { Slot::Muted }).gap(1);
    brush.put(does, if takes_keys { Slot::Strong } else { Slot::Muted }).gap(3);
    brush.put("Esc", Slot::Key).put(" cancel", Slot::Muted);
}

pub(super) fn note(buffer: &mut Buffer, view: &View<'_>, area: Rect, text: &str) {
    let inner = open(buffer, view, area, "note for the timeline", (70, 5), Slot::BorderFocus);
    field(buffer, view, inner, 0, text);
    let mut brush = Brush::new(buffer, view, inner, 2);
    brush.put("Enter", Slot::Key).gap(1).put("write", Slot::Muted).gap(2);
    brush.put("Esc", Slot::Key).gap(1).put("close", Slot::Muted);
}

/// A line of text being typed: its end is seen, and where the next sign goes; returns how many columns it took.
pub(super) fn field(buffer: &mut Buffer, view: &View<'_>, inner: Rect, line: u16, text: &str) -> u16 {
    let room = inner.width.saturating_sub(1);
    let mut start = 0;
    while width(&text[start..]) > room {
        start += text[start..].chars().next().map_or(1, char::len_utf8);
    }
    let cursor = view.style(Slot::Text).add_modifier(Modifier::REVERSED);
    Brush::new(buffer, view, inner, line).put(&text[start..], Slot::Text).put(" ", cursor);
    width(&text[start..]) + 1
}

pub(super) fn quit(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let text = "A rollback is in progress. It continues in the cluster without redflag, but nobody watches it.";
    let lines = wrap(text, 56);
    let inner = open(buffer, view, area, "quit?", (60, lines.len() as u16 + 4), Slot::Warning);
    for (line, part) in lines.iter().enumerate() {
        Brush::new(buffer, view, inner, line as u16).put(part, Slot::Text);
    }
    let mut brush = Brush::new(buffer, view, inner, inner.height.saturating_sub(1));
    if let Some(key) = view.keymap.label(Action::Confirm) {
        brush.put(&key, Slot::Key).gap(1).put("quit anyway", Slot::Muted).gap(2);
    }
    brush.put("Esc", Slot::Key).gap(1).put("stay", Slot::Muted);
}

pub(super) fn link(buffer: &mut Buffer, view: &View<'_>, area: Rect, link: &str) {
    let link = clean(link);
    let columns = area.width.saturating_sub(8).min(100);
    let lines = wrap(&link, columns.saturating_sub(4));
    let inner = open(buffer, view, area, "link", (columns, lines.len() as u16 + 4), Slot::BorderFocus);
    for (line, part) in lines.iter().enumerate() {
        Brush::new(buffer, view, inner, line as u16).put(part, Slot::Text);
    }
    let height = (lines.len() as u16).min(inner.height);
    view.hyperlinks.mark(buffer, Rect { height, ..inner }, &link);
    let text = match &view.ui.copied {
        Some(copied) => format!("{}; any key closes", copied.sentence()),
        None => "any key closes".to_owned(),
    };
    Brush::new(buffer, view, inner, inner.height.saturating_sub(1)).put(&text, Slot::Muted);
}
