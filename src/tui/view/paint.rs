//! The brush: one line at a time, from the left, never beyond its end nor outside the screen.

use super::View;
use super::text::{clean, fit, is_plain, width};
use crate::tui::theme::Slot;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::borrow::Cow;

/// One line being painted.
pub(super) struct Brush<'a> {
    buffer: &'a mut Buffer,
    view: &'a View<'a>,
    x: u16,
    y: u16,
    end: u16,
}

impl<'a> Brush<'a> {
    /// Begins a line of an area, counted from its top. One below its bottom takes no paint.
    pub(super) fn new(buffer: &'a mut Buffer, view: &'a View<'a>, area: Rect, line: u16) -> Self {
        let area = area.intersection(buffer.area);
        let y = area.y.saturating_add(line);
        let end = if y < area.bottom() { area.right() } else { area.x };
        Self { buffer, view, x: area.x, y, end }
    }

    /// How many columns are left.
    pub(super) fn left(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Paints text as far as it fits.
    pub(super) fn put(&mut self, text: &str, style: impl Into<Ink>) -> &mut Self {
        let left = self.left();
        self.column(text, left, style, Align::Ragged)
    }

    /// Paints text only where all of it fits.
    pub(super) fn put_whole(&mut self, text: &str, style: impl Into<Ink>) -> &mut Self {
        if width(text) <= self.left() { self.put(text, style) } else { self }
    }

    /// Paints text into a column of its own, aligned left.
    pub(super) fn cell(&mut self, text: &str, columns: u16, style: impl Into<Ink>) -> &mut Self {
        self.column(text, columns, style, Align::Left)
    }

    /// Paints text into a column of its own, aligned right.
    pub(super) fn number(&mut self, text: &str, columns: u16, style: impl Into<Ink>) -> &mut Self {
        self.column(text, columns, style, Align::Right)
    }

    /// Paints one of the glyphs, which takes one column.
    pub(super) fn sign(&mut self, sign: &str, style: impl Into<Ink>) -> &mut Self {
        self.repeat(sign, 1, style)
    }

    /// Paints a sign so many times.
    pub(super) fn repeat(&mut self, sign: &str, times: u16, style: impl Into<Ink>) -> &mut Self {
        let style = style.into().style(self.view);
        for _ in 0..times.min(self.left()) {
            self.buffer[(self.x, self.y)].set_symbol(sign).set_style(style);
            self.x += 1;
        }
        self
    }

    /// Leaves so many columns as they are.
    pub(super) fn gap(&mut self, columns: u16) -> &mut Self {
        self.x = self.x.saturating_add(columns).min(self.end);
        self
    }

    /// Leaves columns as they are, until only so many are left.
    pub(super) fn gap_until_left(&mut self, columns: u16) -> &mut Self {
        let gap = self.left().saturating_sub(columns);
        self.gap(gap)
    }

    fn column(&mut self, text: &str, columns: u16, style: impl Into<Ink>, align: Align) -> &mut Self {
        let columns = columns.min(self.left());
        if columns == 0 {
            return self;
        }
        let style = style.into().style(self.view);
        let text = clean(text);
        if !is_plain(&text) || text.len() > usize::from(columns) {
            return self.foreign(text, columns, style, align);
        }
        // Nearly all that is painted, and a column for each byte: nothing is measured nor taken apart.
        let used = text.len() as u16;
        let start = self.buffer.index_of(align.start(self.x, columns, used), self.y);
        let cells = &mut self.buffer.content[start..start + text.len()];
        for (cell, byte) in cells.iter_mut().zip(text.bytes()) {
            cell.set_char(char::from(byte)).set_style(style);
        }
        self.x += align.moves(columns, used);
        self
    }

    /// Text of other signs than ASCII's, or too long for its columns.
    fn foreign(&mut self, text: Cow<'_, str>, columns: u16, style: Style, align: Align) -> &mut Self {
        let text = self.view.glyphs.plain(text);
        let text = fit(&text, columns, self.view.glyphs.ellipsis());
        let used = width(&text).min(columns);
        self.buffer.set_stringn(align.start(self.x, columns, used), self.y, &text, usize::from(used), style);
        self.x += align.moves(columns, used);
        self
    }
}

#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
    Ragged,
}

impl Align {
    /// Where a text begins in columns from `x` on, of which it needs so many.
    const fn start(self, x: u16, columns: u16, used: u16) -> u16 {
        match self {
            Self::Right => x + columns - used,
            Self::Left | Self::Ragged => x,
        }
    }

    /// How many columns are gone then.
    const fn moves(self, columns: u16, used: u16) -> u16 {
        match self {
            Self::Ragged => used,
            Self::Left | Self::Right => columns,
        }
    }
}

/// What a brush paints with: a slot of the theme, or a style made of some.
#[derive(Clone, Copy)]
pub(super) enum Ink {
    /// The theme's style of a slot.
    Slot(Slot),
    /// A style.
    Style(Style),
}

impl Ink {
    fn style(self, view: &View<'_>) -> Style {
        match self {
            Self::Slot(slot) => view.style(slot),
            Self::Style(style) => style,
        }
    }
}

impl From<Slot> for Ink {
    fn from(slot: Slot) -> Self {
        Self::Slot(slot)
    }
}

impl From<Style> for Ink {
    fn from(style: Style) -> Self {
        Self::Style(style)
    }
}
