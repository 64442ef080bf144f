//! The large chart of one signal: its rule with the numbers, the course over what was usual and under its limit, the
//! marks of the deploy and of a rollback, the times below.

use super::chart::{self, Axis, Dots, Scale};
use super::signals::{VALUE, beyond_slot};
use super::text::{hour_minute, width};
use super::{Brush, View};
use crate::headline::limit;
use crate::signal::{Signal, SignalId};
use crate::store::Series;
use crate::tui::glyphs::Glyphs;
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, id: SignalId, axis: &Axis) {
    let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
    view.rule(buffer, Rect { height: area.height.min(1), ..area }, &view.name(id), false);
    numbers(buffer, view, area, id);
    let plot = Rect {
        x: area.x + VALUE + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(VALUE + 3),
        height: area.height.saturating_sub(2),
    };
    let (columns, rows) = (usize::from(plot.width), usize::from(plot.height));
    if columns < 2 || rows < 2 {
        return;
    }
    let bins = view.courses.bins(view.watch, id, columns * 2);
    let limit = limit(signal, series);
    let mut scale = Scale::of(&bins, signal, series, limit);
    if let Some(baseline) = series.baseline() {
        scale.high = scale.high.max(baseline.high);
        scale.low = scale.low.min(baseline.low);
    }
    let limit_row =
        limit.filter(|limit| *limit <= scale.high && *limit >= scale.low).map(|limit| scale.row(limit, rows));
    let course = Course { view, signal, bins: &bins, limit, limit_row, axis, scale };
    course.draw(buffer, plot, series);
    labels(buffer, view, area, signal, scale, limit.zip(limit_row), rows);
    times(buffer, view, plot, axis);
}

/// What it is now, was, and may be, at the right of the rule.
fn numbers(buffer: &mut Buffer, view: &View<'_>, area: Rect, id: SignalId) {
    let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
    let level = view.watch.finding(id).level;
    let is_old = matches!(level, Level::NoData | Level::Stale);
    let word = if is_old { "last" } else { "now" };
    let now = series.last_value().map_or_else(|| "?".to_owned(), |(_, value)| signal.unit.format(value));
    let before = series.baseline().map(|baseline| signal.unit.format(baseline.median));
    let limit = limit(signal, series).map(|limit| signal.unit.format(limit));
    let parts = [Some((word, now)), before.map(|text| ("before", text)), limit.map(|text| ("limit", text))];
    let parts: Vec<(&str, String)> = parts.into_iter().flatten().collect();
    let columns: u16 = parts.iter().map(|(word, text)| width(word) + width(text) + 4).sum();
    if columns + width(&view.name(id)) + 12 > area.width {
        return;
    }
    let mut brush = Brush::new(buffer, view, area, 0);
    brush.gap_until_left(columns + 3).put(" ", Slot::Text);
    for (index, (word, text)) in parts.iter().enumerate() {
        let ink = if index == 0 && level >= Level::Warning {
            view.ink(level)
        } else {
            let ink = view.style(if index == 0 { Slot::Strong } else { Slot::Text });
            // It stands on the rule, and is not to have its colour.
            if ink.fg.is_none() { ink.fg(Color::Reset) } else { ink }
        };
        brush.put(word, Slot::Muted).put(" ", Slot::Text).put(text, ink).put("   ", Slot::Text);
    }
}

/// All that a cell of the plot may show.
struct Course<'a> {
    view: &'a View<'a>,
    signal: &'a Signal,
    bins: &'a [Option<f64>],
    limit: Option<f64>,
    limit_row: Option<usize>,
    axis: &'a Axis,
    scale: Scale,
}

impl Course<'_> {
    fn draw(&self, buffer: &mut Buffer, plot: Rect, series: &Series) {
        let (view, glyphs) = (self.view, self.view.glyphs);
        let (columns, rows) = (usize::from(plot.width), usize::from(plot.height));
        let dots = Dots::line(self.bins, self.scale, rows);
        let band = series.baseline().map(|usual| self.scale.row(usual.high, rows)..=self.scale.row(usual.low, rows));
        let mark = self.axis.deploy.and_then(|at| self.axis.column(at, columns));
        let back = self.axis.back.and_then(|at| self.axis.column(at, columns));
        for row in 0..rows {
            let mut brush = Brush::new(buffer, view, plot, row as u16);
            for column in 0..columns {
                let first = self.bins[column * 2];
                let value = match (first, self.bins.get(column * 2 + 1).copied().flatten()) {
                    (Some(one), Some(other)) if self.signal.kind.lower_is_worse() => Some(one.min(other)),
                    (Some(one), Some(other)) => Some(one.max(other)),
                    (one, other) => one.or(other),
                };
                match dots.cell(column, row) {
                    Some(sign) => {
                        let style = self.style(value, row, mark.is_some_and(|mark| column < mark));
                        let mut utf8 = [0; 4];
                        let sign = if glyphs == Glyphs::Ascii { "*" } else { sign.encode_utf8(&mut utf8) };
                        brush.sign(sign, style)
                    }
                    None if Some(column) == mark => brush.sign(glyphs.deploy_mark(), Slot::Deploy),
                    None if Some(column) == back => brush.sign(glyphs.deploy_mark(), Slot::Strong),
                    None if Some(row) == self.limit_row => brush.sign(glyphs.limit_line(), Slot::Limit),
                    None if band.as_ref().is_some_and(|band| band.contains(&row)) => {
                        brush.sign(glyphs.band(), Slot::Band)
                    }
                    None => brush.gap(1),
                };
            }
        }
    }

    /// Red is the part of the curve that is beyond the limit, and nothing else.
    fn style(&self, value: Option<f64>, row: usize, before: bool) -> Style {
        let beyond = value.zip(self.limit).is_some_and(|(value, limit)| chart::beyond(value, limit, self.signal));
        let on_that_side = self
            .limit_row
            .is_none_or(|limit| if self.signal.kind.lower_is_worse() { row >= limit } else { row <= limit });
        let slot = match (before, beyond && on_that_side) {
            (_, true) => beyond_slot(self.signal, self.limit, before),
            (true, false) => Slot::Baseline,
            (false, false) => Slot::Chart,
        };
        self.view.ink(slot)
    }
}

/// The values at the left: top, bottom, the middle, and the limit where it does not collide with them.
fn labels(
    buffer: &mut Buffer,
    view: &View<'_>,
    area: Rect,
    signal: &Signal,
    scale: Scale,
    limit: Option<(f64, usize)>,
    rows: usize,
) {
    let taken = limit.map(|(_, row)| row);
    let mut label = |row: usize, value: f64, slot: Slot| {
        Brush::new(buffer, view, area, row as u16 + 1).number(&signal.unit.format(value), VALUE, slot);
    };
    let middle = rows / 2;
    let share = |row: usize| scale.high - (scale.high - scale.low) * row as f64 / (rows - 1) as f64;
    for row in [0, middle, rows - 1] {
        if taken.is_none_or(|taken| taken.abs_diff(row) > usize::from(row == middle)) {
            label(row, share(row), Slot::Muted);
        }
    }
    if let Some((value, row)) = limit {
        label(row, value, Slot::Limit);
    }
    for row in 0..rows {
        let column = Rect { x: area.x + VALUE + 1, width: area.width.min(1), ..area };
        Brush::new(buffer, view, column, row as u16 + 1).sign(view.glyphs.axis(), Slot::Border);
    }
}

/// The times below: the left edge, the deploy, a rollback and now, as far as they do not collide.
fn times(buffer: &mut Buffer, view: &View<'_>, plot: Rect, axis: &Axis) {
    let columns = usize::from(plot.width);
    let moments =
        [(axis.deploy, "deploy "), (axis.back, "rollback "), (Some(view.watch.now()), "now "), (Some(axis.from), "")];
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
