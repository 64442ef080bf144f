//! Pane 2: the large chart of the worst signal, in peace of the one nearest to its limit; below it each signal's value,
//! what it was, its change, its course up to its limit. When something is red, what is ok takes one line.
//!
//! ```text
//! ✖ error rate    2.4 %   0.05 %    48×  ▁▁▁▁▁▁▁▁▁▁▁┊▂▃██████████      1 %   14:10
//! ? db pool           ?     41 %         ▃▃▃▃▃▃▃▃▃▃▃┊▃▃▃  last 14:11, 76 %
//! ✔ ok  requests 39 /s · memory 42 % · probe 1 ms
//! ```

use super::chart::{self, Axis};
use super::text::{fit, hour_minute, width};
use super::{Brush, View, plot};
use crate::headline::limit;
use crate::signal::{Kind, Signal, SignalId};
use crate::tui::keymap::Pane;
use crate::tui::rows::Row;
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Columns of a value with its unit.
pub(super) const VALUE: u16 = 10;
/// Columns of the change over the baseline.
const CHANGE: u16 = 8;
/// Columns of a limit's label.
const LIMIT: u16 = 10;
/// Columns of the time since when a level is what it is.
const SINCE: u16 = 7;
/// From this width on what it was and since when have columns of their own.
const WIDE: u16 = 100;
/// The least height at which a large chart says anything, its rule and its times included.
const LEAST_CHART: u16 = 7;

/// Whether a row is folded into the line of what is ok.
fn folds(view: &View<'_>, row: Row) -> bool {
    let is_ok = |row: Row| matches!(row, Row::Signal(id) if view.watch.finding(id).level == Level::Clear);
    let red = view.headlines.iter().any(|headline| headline.level() == Level::RedFlag);
    // Whoever goes through the signals sees all of them.
    red && view.ui.focus != Pane::Signals && is_ok(row)
}

/// The rows that are shown one by one, and those that are folded.
fn parted(view: &View<'_>) -> (Vec<Row>, Vec<Row>) {
    view.rows(Pane::Signals).into_iter().partition(|row| !folds(view, *row))
}

pub(super) fn wish(view: &View<'_>) -> u16 {
    let (rows, folded) = parted(view);
    rows.len() as u16 + u16::from(!folded.is_empty())
}

/// Whether there is anything that a large chart could show.
pub(super) fn has_course(view: &View<'_>) -> bool {
    let known = |row: Row| matches!(row, Row::Signal(id) if view.watch.store().series(id).last_value().is_some());
    view.rows(Pane::Signals).into_iter().any(known)
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let (rows, folded) = parted(view);
    let lines = rows.len() as u16 + u16::from(!folded.is_empty());
    let axis = view.courses.axis();
    // Where the pane has the screen for itself the chart has at least half of it.
    let alone = view.ui.zoomed && view.ui.focus == Pane::Signals;
    let spare = area.height.saturating_sub(lines + 1);
    let height = if alone { spare.max(area.height / 2) } else { spare };
    let cursor = view.ui.cursor(Pane::Signals, &rows);
    let pointed = rows.get(cursor).filter(|_| view.ui.focus == Pane::Signals);
    let shown = match pointed {
        Some(Row::Signal(id)) => Some(*id),
        _ => view.headlines.first().and_then(crate::headline::Headline::shown),
    };
    let is_drawn = |id: &SignalId| view.watch.setup().signal(*id).kind != Kind::Rollout;
    let first =
        || view.rows(Pane::Signals).into_iter().find_map(|row| if let Row::Signal(id) = row { Some(id) } else { None });
    let mut table = area;
    if let Some(id) = shown.filter(is_drawn).or_else(first).filter(|_| height >= LEAST_CHART && has_course(view)) {
        let chart = Rect { height, ..area };
        plot::draw(buffer, view, chart, id, axis);
        table = Rect { y: area.y + height, height: area.height - height, ..area };
    }
    let inner = view.pane(buffer, table, Pane::Signals, Pane::Signals.title());
    if rows.is_empty() && folded.is_empty() {
        Brush::new(buffer, view, inner, 0).put("no signals but the rollout", Slot::Muted);
        return;
    }
    let name_width = rows.iter().map(|row| row_name(view, *row)).map(width).max().unwrap_or(0).clamp(8, 20);
    if table.height > 0 {
        heading(buffer, view, Rect { height: 1, y: table.y, ..inner }, name_width);
    }
    let beneath = u16::from(!folded.is_empty() || rows.len() > usize::from(inner.height)).min(inner.height);
    let list = Rect { height: inner.height - beneath, ..inner };
    let (first, _) = view.scrolled(Pane::Signals, &rows, list.height);
    let mut beyond = Vec::new();
    for (line, (index, row)) in rows.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate() {
        if view.ui.focus == Pane::Signals && index == cursor {
            view.point_at(buffer, list, line as u16, 1);
        }
        if let Row::Signal(id) = *row {
            let mut brush = Brush::new(buffer, view, list, line as u16);
            beyond = draw_row(&mut brush, view, id, name_width, axis, &beyond);
            let name = Rect { width: (2 + name_width).min(list.width), ..list };
            view.link(buffer, name, (line as u16, 1), *row);
        }
    }
    if beneath > 0 {
        let shown = rows.len().saturating_sub(first).min(usize::from(list.height));
        let hidden = rows.len() - first.min(rows.len()) - shown;
        let line = Rect { y: list.y + (shown as u16).min(list.height), height: 1, ..list };
        fold(buffer, view, line, &folded, hidden);
    }
}

/// What the columns are, on the rule above them.
fn heading(buffer: &mut Buffer, view: &View<'_>, line: Rect, name_width: u16) {
    if line.width < WIDE {
        return;
    }
    let column = |buffer: &mut Buffer, end: u16, word: &str| {
        let text = format!(" {word} ");
        let start = (line.x + end).saturating_sub(width(&text) - 1);
        let part = Rect { x: start, width: line.right().saturating_sub(start), ..line };
        Brush::new(buffer, view, part, 0).put(&text, Slot::Muted);
    };
    let values = 2 + name_width;
    column(buffer, values + VALUE, "now");
    column(buffer, values + VALUE * 2, "before");
    column(buffer, values + VALUE * 2 + CHANGE, "change");
    column(buffer, line.width - SINCE - 1, "limit");
    column(buffer, line.width - 1, "since");
}

fn row_name<'a>(view: &'a View<'_>, row: Row) -> &'a str {
    match row {
        Row::Signal(id) => &view.watch.setup().signal(id).name,
        _ => "",
    }
}

/// What is ok, each with its value, in one line; and how many rows there are below.
fn fold(buffer: &mut Buffer, view: &View<'_>, line: Rect, folded: &[Row], hidden: usize) {
    let mut brush = Brush::new(buffer, view, line, 0);
    if hidden > 0 {
        brush.put(&format!("{hidden} more below"), Slot::Muted).gap(2);
    }
    if folded.is_empty() {
        return;
    }
    let (glyph, style) = view.level(Level::Clear);
    brush.put(glyph, style).gap(1).put(&format!("{} ok", folded.len()), style).gap(2);
    for (index, row) in folded.iter().enumerate() {
        let Row::Signal(id) = *row else { continue };
        let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
        let value =
            series.last_value().map_or_else(String::new, |(_, value)| format!(" {}", signal.unit.format(value)));
        let name = format!("{}{value}", signal.name);
        if brush.left() < width(&name) + 10 {
            brush.put(&format!("{} more", folded.len() - index), Slot::Muted);
            return;
        }
        brush.put(&name, Slot::Muted).gap(3);
    }
}

fn draw_row(
    brush: &mut Brush<'_>,
    view: &View<'_>,
    id: SignalId,
    name_width: u16,
    axis: &Axis,
    above: &[bool],
) -> Vec<bool> {
    let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
    let finding = view.watch.finding(id);
    let level = finding.level;
    let (glyph, style) = view.level(level);
    let wide = brush.left() >= WIDE;
    brush.put(glyph, style).gap(1).cell(&signal.name, name_width, Slot::Text);
    // A value that is too old to say anything of now is not shown as if it did.
    let current = series.last_value().filter(|_| !matches!(level, Level::NoData | Level::Stale));
    let (value, change) = match current {
        Some((_, value)) => (signal.unit.format(value), chart::change(signal, series, value).unwrap_or_default()),
        None => ("?".to_owned(), String::new()),
    };
    let ink = view.ink(if level >= Level::Warning { Slot::from(level) } else { Slot::Strong });
    brush.number(&value, VALUE, ink);
    if wide {
        let before = series.baseline().map(|baseline| signal.unit.format(baseline.median));
        brush.number(&before.unwrap_or_default(), VALUE, Slot::Muted);
    }
    brush.number(&change, CHANGE, Slot::Muted).gap(2);
    let right = LIMIT + if wide { SINCE } else { 0 };
    let room = brush.left().saturating_sub(right + 1);
    let beyond = draw_course(brush, view, id, (axis, room), current.is_none(), above);
    let label = limit(signal, series).map(|limit| signal.unit.format(limit)).unwrap_or_default();
    brush.gap_until_left(right).number(&label, LIMIT, Slot::Limit);
    if wide && level >= Level::Warning {
        brush.number(&hour_minute(finding.since, view.zone), SINCE, Slot::Muted);
    }
    beyond
}

/// The course in one line, its limit at the top of the cell: before the deploy, its mark, since.
fn draw_course(
    brush: &mut Brush<'_>,
    view: &View<'_>,
    id: SignalId,
    (axis, columns): (&Axis, u16),
    is_old: bool,
    above: &[bool],
) -> Vec<bool> {
    let count = usize::from(columns);
    if count == 0 {
        return Vec::new();
    }
    let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
    let bins = view.courses.bins(view.watch, id, count);
    let limit = limit(signal, series);
    let most = bins.iter().flatten().copied().fold(0.0, f64::max);
    let mark = axis.deploy.and_then(|at| axis.column(at, count));
    let back = axis.back.and_then(|at| axis.column(at, count));
    let now = axis.column(view.watch.now(), count).unwrap_or(count - 1);
    let level = view.watch.finding(id).level;
    let mut beyond = vec![false; count];
    for (column, bin) in bins.iter().enumerate() {
        let before = mark.is_some_and(|mark| column < mark);
        match bin {
            _ if Some(column) == mark => brush.sign(view.glyphs.deploy_mark(), Slot::Deploy),
            _ if Some(column) == back => brush.sign(view.glyphs.mark(crate::timeline::Mark::Rollback), Slot::Strong),
            Some(value) => {
                let touches = above.get(column).copied().unwrap_or_default();
                let (block, ink) = block(view, signal, *value, (limit, most), (before, level), touches);
                beyond[column] = limit.is_some_and(|limit| chart::beyond(*value, limit, signal));
                brush.sign(block, ink)
            }
            None if column > now => break,
            None => brush.gap(1),
        };
    }
    let left = columns.saturating_sub(now as u16 + 1);
    if is_old && let Some((at, value)) = series.last_value() {
        let value = signal.unit.format(value);
        let text = format!(" last {}, {value}", hour_minute(at, view.zone));
        brush.put(&fit(&text, left, view.glyphs.ellipsis()), Slot::Unknown);
    } else {
        brush.gap(left);
    }
    beyond
}

/// One bin of a small course: the height under its limit in the level's colour, or the whole cell beyond it; less an eighth
/// below one that is full as well, so that rows never touch.
pub(super) fn block(
    view: &View<'_>,
    signal: &Signal,
    value: f64,
    (limit, most): (Option<f64>, f64),
    (before, level): (bool, Level),
    is_below_full: bool,
) -> (&'static str, Style) {
    if let Some(height) = chart::height(value, limit, most, signal) {
        let slot = if before { Slot::Baseline } else { level.into() };
        return (view.glyphs.heights()[height], view.ink(slot));
    }
    let full = if is_below_full { view.glyphs.nearly_full() } else { view.glyphs.full() };
    (full, view.ink(beyond_slot(signal, limit, before)))
}

/// The colour of what is beyond the shown limit: red where that is where a red flag begins.
pub(super) fn beyond_slot(signal: &Signal, limit: Option<f64>, before: bool) -> Slot {
    match (before, limit == signal.limits.warning && limit != signal.limits.red_flag) {
        (true, _) => Slot::Baseline,
        (false, true) => Slot::Warning,
        (false, false) => Slot::RedFlag,
    }
}
