//! Pane 7: whether a rollback would work now, where it would go and why there, what it would do, each check with
//! its way out, and how near the automation is. There before anybody asks: at a glance, and whole under the cursor.
//!
//! ```text
//! ▲ deployment/app   1.9.0 → 1.8.3
//! takes           about 70 s until all pods are ready
//! why this one    it served before this deploy, and survived its watch
//! ▲ autoscaler    hpa/app may change the number of pods while it runs
//! does            1. deployment/app gets the template of revision 41 again (1.8.3)
//! automatic       countdown of 60 s: not armed, 6 of 9 conditions hold
//! ```

use super::lines::{self, lay};
use super::text::{clean, width};
use super::{Brush, View};
use crate::deploy::WorkloadId;
use crate::rollback::describe::Line;
use crate::tui::keymap::Pane;
use crate::tui::rows::Row;
use crate::tui::standings::{Extent, Standings};
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns by which what belongs to a workload stands in from its line.
const INDENT: u16 = 2;

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Rollback, Pane::Rollback.title());
    let standings = &view.standings;
    let extent = if view.ui.focus == Pane::Rollback { Extent::Whole } else { Extent::Glance };
    match standings.only() {
        Some(id) => draw_only(buffer, view, inner, &standings.all(id, extent)),
        None => draw_many(buffer, view, inner, standings, extent),
    }
}

/// The only workload, line by line under the cursor.
fn draw_only(buffer: &mut Buffer, view: &View<'_>, inner: Rect, all: &[Line]) {
    let rows: Vec<Row> = (0..all.len()).map(Row::Line).collect();
    let cursor = view.ui.cursor(Pane::Rollback, &rows);
    let focused = view.ui.focus == Pane::Rollback;
    let laid = lay(view, all, inner.width);
    let height = usize::from(inner.height);
    // The cursor's line is seen whole.
    let end = laid.iter().rposition(|part| part.index <= cursor).map_or(0, |last| last + 1);
    let first = if focused { end.saturating_sub(height) } else { 0 };
    for (y, part) in laid.iter().skip(first).take(height).enumerate() {
        if focused && part.index == cursor {
            view.point_at(buffer, inner, y as u16, 1);
        }
        lines::draw(buffer, view, inner, y as u16, part);
    }
    say_more(buffer, view, inner, laid.len().saturating_sub(first + height));
}

/// Several workloads, one line each; under the cursor's all that is known of it.
fn draw_many(buffer: &mut Buffer, view: &View<'_>, inner: Rect, standings: &Standings<'_>, extent: Extent) {
    let above = standings.above();
    let mut y = 0;
    for part in lay(view, &above, inner.width).iter().take(usize::from(inner.height)) {
        lines::draw(buffer, view, inner, y, part);
        y += 1;
    }
    let list = Rect { y: inner.y + y, height: inner.height.saturating_sub(y), ..inner };
    let ids = standings.sorted();
    let rows: Vec<Row> = ids.iter().copied().map(Row::Workload).collect();
    let cursor = view.ui.cursor(Pane::Rollback, &rows);
    let focused = view.ui.focus == Pane::Rollback;
    let (mut detail, rest) =
        ids.get(cursor).filter(|_| focused).map(|id| standings.detail(*id, extent)).unwrap_or_default();
    detail.extend(rest);
    let below = Rect { x: list.x + INDENT.min(list.width), width: list.width.saturating_sub(INDENT), ..list };
    let detail = lay(view, &detail, below.width);
    // As much of it as leaves its own line in sight.
    let detail = &detail[..detail.len().min(usize::from(list.height.saturating_sub(1)))];
    let first = if focused { (cursor + 1 + detail.len()).saturating_sub(usize::from(list.height)) } else { 0 };
    let name = ids.iter().map(|id| width(&reference(view, *id))).max().unwrap_or(0).min(list.width / 2);
    let mut y = 0;
    for (index, id) in ids.iter().enumerate().skip(first.min(cursor)) {
        if y >= list.height {
            break;
        }
        let is_selected = focused && index == cursor;
        if is_selected {
            view.point_at(buffer, list, y, 1);
        }
        draw_workload(buffer, view, list, y, (standings, *id, name));
        y += 1;
        for part in detail.iter().filter(|_| is_selected) {
            lines::draw(buffer, view, below, y, part);
            y += 1;
        }
    }
    let conditions = standings.conditions(extent);
    let left = Rect { y: list.y + y.min(list.height), height: list.height.saturating_sub(y), ..list };
    for (y, part) in lay(view, &conditions, left.width).iter().take(usize::from(left.height)).enumerate() {
        lines::draw(buffer, view, left, y as u16, part);
    }
    if !focused {
        say_more(buffer, view, list, ids.len().saturating_sub(usize::from(list.height)));
    }
}

fn reference(view: &View<'_>, id: WorkloadId) -> String {
    view.watch.setup().workload(id).reference.to_string()
}

fn draw_workload(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    y: u16,
    (standings, id, name): (&Standings<'_>, WorkloadId, u16),
) {
    let (sign, text) = standings.brief(id);
    let (sign, slot) = sign.map_or(("", Slot::Muted), |sign| lines::sign(view, sign));
    let mut brush = Brush::new(buffer, view, area, y);
    brush.cell(sign, 2, slot).cell(&reference(view, id), name, Slot::Strong).gap(2);
    brush.put(&clean(&text), Slot::Text);
}

/// That the pane goes on, over its last line.
fn say_more(buffer: &mut Buffer, view: &View<'_>, inner: Rect, hidden: usize) {
    if hidden == 0 || inner.height == 0 {
        return;
    }
    let last = Rect { y: inner.bottom() - 1, height: 1, ..inner };
    // What stands there is not told by halves.
    for x in last.x..last.right() {
        buffer[(x, last.y)].reset();
    }
    buffer.set_style(last, view.style(Slot::Text));
    let key = Pane::Rollback.number();
    let text = if view.ui.zoomed || view.ui.focus == Pane::Rollback {
        format!("{} more below", hidden + 1)
    } else {
        format!("{} more: {key} and Enter show all", hidden + 1)
    };
    Brush::new(buffer, view, last, 0).put(&text, Slot::Muted);
}
