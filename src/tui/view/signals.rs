//! Pane 2: each signal's value, its change over the baseline and its course; alone, with a large chart.
//!
//! ```text
//! ✖ error rate      2.4 %     48×  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁┊▂▃▅▆▇█┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄     1 %
//! ? db pool             ?          ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂┊▂▂▂  last 14:11, 76 %
//! ```

use super::chart::{self, Axis, Dots, Scale};
use super::text::{hour_minute, width};
use super::{Brush, View};
use crate::signal::{Signal, SignalId};
use crate::store::Series;
use crate::tui::glyphs::Glyphs;
use crate::tui::keymap::Pane;
use crate::tui::rows::Row;
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of a value with its unit.
const VALUE: u16 = 10;
/// Columns of the change over the baseline.
const CHANGE: u16 = 8;
/// Columns of a limit's label.
const LIMIT: u16 = 9;
/// The least height at which a large chart says anything.
const LEAST_CHART: u16 = 8;

pub(super) fn wish(view: &View<'_>) -> u16 {
    view.rows(Pane::Signals).len() as u16
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let inner = view.pane(buffer, area, Pane::Signals, Pane::Signals.title());
    let rows = view.rows(Pane::Signals);
    if rows.is_empty() {
        Brush::new(buffer, view, inner, 0).put("no signals but the rollout", Slot::Muted);
        return;
    }
    let axis = Axis::of(view.watch, view.service());
    let chart_height = inner.height.saturating_sub(rows.len() as u16 + 1).max(inner.height / 2);
    let large = view.ui.zoomed && view.ui.focus == Pane::Signals && chart_height >= LEAST_CHART;
    let list = Rect { height: if large { inner.height - chart_height } else { inner.height }, ..inner };
    let (first, cursor) = view.scrolled(Pane::Signals, &rows, list.height);
    let name_width = rows.iter().map(|row| row_name(view, *row)).map(width).max().unwrap_or(0).clamp(8, 20);
    for (line, (index, row)) in rows.iter().enumerate().skip(first).take(usize::from(list.height)).enumerate() {
        if view.ui.focus == Pane::Signals && index == cursor {
            view.point_at(buffer, list, line as u16, 1);
        }
        if let Row::Signal(id) = *row {
            draw_row(buffer, view, list, line as u16, id, name_width, &axis);
        }
    }
    if large && let Some(Row::Signal(id)) = rows.get(cursor) {
        let area = Rect { y: inner.bottom() - chart_height, height: chart_height, ..inner };
        draw_large(buffer, view, area, *id, &axis);
    }
}

fn row_name<'a>(view: &'a View<'_>, row: Row) -> &'a str {
    match row {
        Row::Signal(id) => &view.watch.setup().signal(id).name,
        _ => "",
    }
}

fn draw_row(buffer: &mut Buffer, view: &View<'_>, inner: Rect, line: u16, id: SignalId, name_width: u16, axis: &Axis) {
    let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
    let level = view.watch.finding(id).level;
    let (glyph, style) = view.level(level);
    let mut brush = Brush::new(buffer, view, inner, line);
    brush.put(glyph, style).gap(1).cell(&signal.name, name_width, Slot::Text);
    // A value that is too old to say anything of now is not shown as if it did.
    let current = series.last_value().filter(|_| !matches!(level, Level::NoData | Level::Stale));
    let (value, change) = match current {
        Some((_, value)) => (signal.unit.format(value), chart::change(signal, series, value).unwrap_or_default()),
        None => ("?".to_owned(), String::new()),
    };
    let value_style = if level >= Level::Warning { style } else { view.style(Slot::Strong) };
    brush.number(&value, VALUE, value_style).number(&change, CHANGE, Slot::Muted).gap(2);
    let room = brush.left().saturating_sub(LIMIT + 1);
    draw_course(&mut brush, view, signal, series, axis, room, current.is_none());
    let label = chart::limit(signal, series).map(|limit| signal.unit.format(limit)).unwrap_or_default();
    brush.gap_until_left(LIMIT).number(&label, LIMIT, Slot::Limit);
}

/// The course in one line: before the deploy, its mark, since; then the limit's line to its label.
fn draw_course(
    brush: &mut Brush<'_>,
    view: &View<'_>,
    signal: &Signal,
    series: &Series,
    axis: &Axis,
    columns: u16,
    is_old: bool,
) {
    let count = usize::from(columns);
    if count == 0 {
        return;
    }
    let bins = chart::bins(series, signal, axis, view.watch.now(), count);
    let limit = chart::limit(signal, series);
    let scale = Scale::of(&bins, signal, series, limit);
    let mark = axis.deploy.and_then(|at| axis.column(at, count));
    let now = axis.column(view.watch.now(), count).unwrap_or(count - 1);
    let heights = view.glyphs.heights();
    for (column, bin) in bins.iter().enumerate() {
        match bin {
            _ if Some(column) == mark => brush.put(view.glyphs.deploy_mark(), Slot::Deploy),
            Some(value) => {
                let height = (scale.share(*value) * 7.0).round() as usize;
                brush.put(heights[height.min(7)], course_slot(signal, *value, limit, mark, column))
            }
            None if column > now => break,
            None => brush.gap(1),
        };
    }
    let left = columns.saturating_sub(now as u16 + 1);
    if is_old && let Some((at, value)) = series.last_value() {
        let value = signal.unit.format(value);
        let long = format!(" last {}, {value}", hour_minute(at, view.zone));
        let short = format!(" last {value}");
        let fitting = [long, short].into_iter().find(|text| width(text) <= left);
        brush.put(&fitting.unwrap_or_default(), Slot::Unknown);
    } else if limit.is_some() {
        brush.repeat(view.glyphs.limit_line(), left, Slot::Limit);
    } else {
        brush.gap(left);
    }
}

fn course_slot(signal: &Signal, value: f64, limit: Option<f64>, mark: Option<usize>, column: usize) -> Slot {
    if mark.is_some_and(|mark| column < mark) {
        return Slot::Baseline;
    }
    let beyond = |limit: Option<f64>| limit.is_some_and(|limit| chart::beyond(value, limit, signal));
    match (beyond(limit), beyond(signal.limits.warning)) {
        (true, _) if limit != signal.limits.warning => Slot::RedFlag,
        (true, _) | (_, true) => Slot::Warning,
        _ => Slot::Chart,
    }
}

/// The large chart: a heading, the course over the baseline's band and the limit's line, the times below.
fn draw_large(buffer: &mut Buffer, view: &View<'_>, area: Rect, id: SignalId, axis: &Axis) {
    let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
    let mut heading = Brush::new(buffer, view, area, 0);
    heading.put(&signal.name, Slot::Strong).gap(2);
    if let Some(baseline) = series.baseline() {
        let (low, high) = (signal.unit.format(baseline.low), signal.unit.format(baseline.high));
        let text = format!("baseline {} ({low} to {high})", signal.unit.format(baseline.median));
        heading.put(view.glyphs.band(), Slot::Band).gap(1).put(&text, Slot::Muted).gap(2);
    }
    let limit = chart::limit(signal, series);
    if let Some(limit) = limit {
        let text = format!("limit {}", signal.unit.format(limit));
        heading.put(view.glyphs.limit_line(), Slot::Limit).gap(1).put(&text, Slot::Limit);
    }

    let plot = Rect {
        x: area.x + VALUE + 1,
        y: area.y + 1,
        width: area.width.saturating_sub(VALUE + 1),
        height: area.height.saturating_sub(2),
    };
    let (columns, rows) = (usize::from(plot.width), usize::from(plot.height));
    if columns < 2 || rows < 2 {
        return;
    }
    let bins = chart::bins(series, signal, axis, view.watch.now(), columns * 2);
    let mut scale = Scale::of(&bins, signal, series, limit);
    if let Some(baseline) = series.baseline() {
        scale.high = scale.high.max(baseline.high);
        scale.low = scale.low.min(baseline.low);
    }
    let dots = Dots::line(&bins, scale, rows);
    let row_of = |value: f64| ((1.0 - scale.share(value)) * (rows - 1) as f64).round() as usize;
    let band = series.baseline().map(|baseline| row_of(baseline.high)..=row_of(baseline.low));
    let limit_row = limit.filter(|limit| *limit <= scale.high && *limit >= scale.low).map(row_of);
    let mark = axis.deploy.and_then(|at| axis.column(at, columns));
    for row in 0..rows {
        let mut brush = Brush::new(buffer, view, plot, row as u16);
        for column in 0..columns {
            let value = bins[column * 2].or(bins.get(column * 2 + 1).copied().flatten());
            match dots.cell(column, row) {
                Some(sign) => {
                    let slot = course_slot(signal, value.unwrap_or(0.0), limit, mark, column);
                    let mut utf8 = [0; 4];
                    let sign = if view.glyphs == Glyphs::Ascii { "*" } else { sign.encode_utf8(&mut utf8) };
                    brush.put(sign, slot)
                }
                None if Some(column) == mark => brush.put(view.glyphs.deploy_mark(), Slot::Deploy),
                None if Some(row) == limit_row => brush.put(view.glyphs.limit_line(), Slot::Limit),
                None if band.as_ref().is_some_and(|band| band.contains(&row)) => {
                    brush.put(view.glyphs.band(), Slot::Band)
                }
                None => brush.gap(1),
            };
        }
    }
    draw_labels(buffer, view, area, signal, scale, limit.zip(limit_row), rows);
    draw_times(buffer, view, plot, axis);
}

/// The values at the left: top, bottom, and the limit where it does not collide with them.
fn draw_labels(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    signal: &Signal,
    scale: Scale,
    limit: Option<(f64, usize)>,
    rows: usize,
) {
    let mut label = |row: usize, value: f64, slot: Slot| {
        Brush::new(buffer, view, area, row as u16 + 1).number(&signal.unit.format(value), VALUE, slot);
    };
    label(0, scale.high, Slot::Muted);
    label(rows - 1, scale.low, Slot::Muted);
    if let Some((value, row)) = limit {
        label(row, value, Slot::Limit);
    }
}

/// The times below: the left edge, the deploy, now and the window's end, as far as they do not collide.
fn draw_times(buffer: &mut Buffer, view: &View<'_>, plot: Rect, axis: &Axis) {
    let columns = usize::from(plot.width);
    let moments =
        [(axis.deploy, "deploy "), (Some(view.watch.now()), "now "), (Some(axis.from), ""), (Some(axis.to), "")];
    let mut taken: Vec<(u16, u16)> = Vec::with_capacity(moments.len());
    for (at, word) in moments {
        let Some((at, column)) = at.and_then(|at| Some((at, axis.column(at, columns)? as u16))) else { continue };
        let text = format!("{word}{}", hour_minute(at, view.zone));
        let start = column.saturating_sub(width(&text) / 2).min(plot.width.saturating_sub(width(&text)));
        let end = start + width(&text);
        if taken.iter().all(|(from, to)| end + 1 < *from || start > *to + 1) {
            let line = Rect { y: plot.bottom(), height: 1, ..plot };
            Brush::new(buffer, view, line, 0).gap(start).put(&text, Slot::Muted);
            taken.push((start, end));
        }
    }
}
