//! Pane 5: everything that happened, newest at the bottom; it follows the news until the cursor is moved up.
//!
//! ```text
//! 14:02  ┊ deployment/app: rolled out, 12 pods of 1.9.0 in 70 s
//! 14:10  ✖ error rate: 2.4 % (118 of 4 912 requests) …
//! ```

use super::text::{clean, hour_minute, wrap};
use super::{Brush, View};
use crate::timeline::Entry;
use crate::tui::keymap::Pane;
use crate::tui::rows::{self, Row};
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of the time and the sign.
const MARGIN: u16 = 9;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Timeline, Pane::Timeline.title());
    let (places, entries): (Vec<usize>, Vec<&Entry>) = rows::entries(view.watch, view.service()).unzip();
    let rows: Vec<Row> = places.into_iter().map(Row::Entry).collect();
    let cursor = view.ui.cursor(Pane::Timeline, &rows);
    let follows = cursor + 1 >= entries.len();
    // The entries up to the cursor's, as many as fit from the bottom up.
    let height = usize::from(inner.height);
    let end = if follows { entries.len() } else { (cursor + 1).max(height).min(entries.len()) };
    let first = end.saturating_sub(height);
    // Where the pane has the screen for itself, sentences may take a second line.
    let wraps = view.ui.zoomed && view.ui.focus == Pane::Timeline;
    let mut line = 0;
    let mut skip = first;
    if wraps {
        let lines = |entry: &&Entry| wrap(&clean(&entry.text), inner.width.saturating_sub(MARGIN)).len().max(1);
        while skip < end && entries[skip..end].iter().map(lines).sum::<usize>() > height {
            skip += 1;
        }
    }
    for (index, entry) in entries.iter().enumerate().take(end).skip(skip) {
        if view.ui.focus == Pane::Timeline && index == cursor && !follows {
            view.point_at(buffer, inner, line, 1);
        }
        let slot = Slot::from(entry.mark);
        let mut brush = Brush::new(buffer, view, inner, line);
        brush.put(&hour_minute(entry.at, view.zone), Slot::Muted).gap(2);
        brush.put(view.glyphs.mark(entry.mark), slot).gap(1);
        let text = clean(&entry.text);
        if wraps {
            for (offset, part) in wrap(&text, inner.width.saturating_sub(MARGIN)).iter().enumerate() {
                Brush::new(buffer, view, inner, line + offset as u16).gap(MARGIN).put(part, text_slot(entry));
            }
            line += wrap(&text, inner.width.saturating_sub(MARGIN)).len().max(1) as u16;
        } else {
            brush.put(&text, text_slot(entry));
            line += 1;
        }
    }
}

/// The sentence stays quiet: its sign carries the severity.
const fn text_slot(entry: &Entry) -> Slot {
    match entry.mark {
        crate::timeline::Mark::Event => Slot::Muted,
        _ => Slot::Text,
    }
}
