//! Pane 6: each source's health, the age of its last answer and when it is asked next.
//!
//! ```text
//! ✔ grafana      5 s old   next in 10 s
//! ✖ datadog    3 min old   next in 40 s   too many requests
//! ```

use super::text::{coarse, width};
use super::{Brush, View};
use crate::poll::Ago;
use crate::setup::Delivery;
use crate::signal::SourceId;
use crate::store::{Health, SourceState};
use crate::tui::keymap::Pane;
use crate::tui::rows::Row;
use crate::tui::theme::Slot;
use chrono::TimeDelta;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of the age.
const AGE: u16 = 11;
/// Columns of the next poll.
const NEXT: u16 = 13;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Sources, Pane::Sources.title());
    let rows = view.rows(Pane::Sources);
    let names = view.watch.setup().sources.iter().map(|source| width(&source.name));
    let name_width = names.max().unwrap_or(0).clamp(6, 20);
    let (first, cursor) = view.scrolled(Pane::Sources, &rows, inner.height);
    for (line, (index, row)) in rows.iter().enumerate().skip(first).take(usize::from(inner.height)).enumerate() {
        let Row::Source(id) = *row else { continue };
        let line = line as u16;
        if view.ui.focus == Pane::Sources && index == cursor {
            view.point_at(buffer, inner, line, 1);
        }
        let (info, state) = (view.watch.setup().source(id), view.watch.store().source(id));
        let mut brush = Brush::new(buffer, view, inner, line);
        brush.put(view.glyphs.health(&state.health), Slot::from(&state.health)).gap(1);
        brush.cell(&info.name, name_width, Slot::Text).gap(2);
        brush.number(&age(view, id), AGE, Slot::Muted).gap(2);
        match trouble(state) {
            Some(trouble) if brush.left() >= NEXT + 2 + 20 => {
                brush.cell(&next(view, id), NEXT, Slot::Muted).gap(2).put(&trouble, Slot::from(&state.health));
            }
            Some(trouble) => {
                brush.put(&trouble, Slot::from(&state.health));
            }
            None => {
                brush.put(&next(view, id), Slot::Muted);
            }
        }
    }
}

/// How old its last answer is; `live` for a stream that speaks.
fn age(view: &View<'_>, id: SourceId) -> String {
    let state = view.watch.store().source(id);
    match (view.watch.setup().source(id).delivery, &state.health, state.age(view.watch.now())) {
        (_, _, None) => "no answer".to_owned(),
        (Delivery::Streamed, Health::Up | Health::Partial(..), Some(_)) => "live".to_owned(),
        (_, _, Some(age)) => format!("{} old", coarse(age)),
    }
}

fn next(view: &View<'_>, id: SourceId) -> String {
    let state = view.watch.store().source(id);
    if view.watch.setup().source(id).delivery == Delivery::Streamed {
        return String::new();
    }
    if state.asking {
        return "asking".to_owned();
    }
    let wait = state.next_poll - view.watch.now();
    if wait <= TimeDelta::zero() {
        return "due".to_owned();
    }
    format!("next in {}", coarse(wait + TimeDelta::milliseconds(4999)))
}

/// What is wrong with it.
fn trouble(state: &SourceState) -> Option<String> {
    match &state.health {
        Health::Down(error) => Some(error.to_string()),
        Health::Partial(count, error) => Some(format!("{count} of its queries fail: {error}")),
        Health::Waiting | Health::Up => state.warnings.first().cloned().or_else(|| past(state)),
    }
}

/// Why it does not answer about an earlier day.
fn past(state: &SourceState) -> Option<String> {
    let (ago, error) = state.past.as_ref()?;
    Some(match ago {
        Ago::Day => format!("yesterday is unknown: {error}"),
        Ago::Week => format!("a week ago is unknown: {error}"),
    })
}

/// All of them in one line, those that do not answer first.
pub(super) fn draw_line(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let mut brush = Brush::new(buffer, view, area, 0);
    brush.gap(1).cell(Pane::Sources.title(), 9, Slot::Muted);
    for row in view.rows(Pane::Sources) {
        let Row::Source(id) = row else { continue };
        let (info, state) = (view.watch.setup().source(id), view.watch.store().source(id));
        let slot = Slot::from(&state.health);
        let age = match state.health {
            Health::Up => String::new(),
            _ => format!(" {}", age(view, id)),
        };
        let text = format!("{}{age}", info.name);
        if brush.left() < 2 + width(&text) {
            brush.put(view.glyphs.ellipsis(), Slot::Muted);
            return;
        }
        brush.put(view.glyphs.health(&state.health), slot).gap(1).put(&text, Slot::Text).gap(2);
    }
}
