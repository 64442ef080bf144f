//! Labelled lines, as a plan and its checks are told: broken to a width, each with its sign and its label.
//!
//! ```text
//! takes           about 70 s until all pods are ready
//! ✔ permission    may patch deployments in production
//! ▲ autoscaler    hpa/app may change the number of pods while it runs
//!                 → wait for it, or scale by hand
//! ```

use super::text::{clean, wrap};
use super::{Brush, View};
use crate::rollback::CheckOutcome;
use crate::rollback::describe::{Line, Sign, Weight};
use crate::tui::theme::Slot;
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of the labels, the gap behind them included.
pub(super) const LABEL: u16 = 17;
/// From this width on labels have a column of their own; below it they stand in the text.
const WIDE: u16 = 60;
/// Columns of a sign and the gap behind it.
const SIGN: u16 = 2;
/// A space at which no line is broken.
pub(super) const UNBROKEN: &str = "\u{a0}";

/// A line as it is on the screen: one of those that a longer one was broken into.
pub(super) struct Laid<'a> {
    /// What it is a part of.
    pub(super) line: &'a Line,
    /// Its place among the lines it was made of.
    pub(super) index: usize,
    margin: u16,
    is_first: bool,
    text: String,
}

/// Breaks lines to so many columns.
pub(super) fn lay<'a>(view: &View<'_>, lines: &'a [Line], columns: u16) -> Vec<Laid<'a>> {
    let mut laid = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        let margin = margin(line, columns);
        let label = if margin < LABEL && !line.label.is_empty() { format!("{}: ", line.label) } else { String::new() };
        let text = format!("{label}{}{}", remark(line), line.text);
        let text = view.glyphs.plain(clean(&text)).into_owned();
        let mut parts = wrap(&text, columns.saturating_sub(margin)).into_iter();
        let first = parts.next().unwrap_or("").replace(UNBROKEN, " ");
        laid.push(Laid { line, index, margin, is_first: true, text: first });
        laid.extend(parts.map(|part| Laid { line, index, margin, is_first: false, text: part.replace(UNBROKEN, " ") }));
    }
    laid
}

/// Where a line's text begins: behind a column of labels where there is room for one, and where it has a label.
fn margin(line: &Line, columns: u16) -> u16 {
    let is_title = line.weight == Weight::Heading && line.label.is_empty();
    if is_title || columns < WIDE { SIGN } else { LABEL }
}

/// What a check's sign alone would leave open: whether it stops everything.
fn remark(line: &Line) -> &'static str {
    match line.sign {
        Some(Sign::Check(CheckOutcome::Typed)) if !line.label.is_empty() => "type the environment name to confirm: ",
        Some(Sign::Check(CheckOutcome::Blocked)) if !line.label.is_empty() => "blocked: ",
        _ => "",
    }
}

/// A sign and the colour that goes with it.
pub(super) fn sign(view: &View<'_>, sign: Sign) -> (&'static str, Slot) {
    match sign {
        Sign::Check(outcome) => {
            let slot = match outcome {
                CheckOutcome::Ok => Slot::Clear,
                CheckOutcome::Warning => Slot::Warning,
                CheckOutcome::Typed | CheckOutcome::Blocked => Slot::RedFlag,
            };
            (view.glyphs.check(outcome), slot)
        }
        Sign::Awaited => (view.glyphs.ellipsis(), Slot::Muted),
    }
}

/// Gives the signs of levels in a line their colour.
pub(super) fn tint(buffer: &mut Buffer, view: &View<'_>, area: Rect, y: u16) {
    let y = area.y + y;
    for x in area.x..area.right() {
        let symbol = buffer[(x, y)].symbol();
        let level = [Level::RedFlag, Level::Warning].into_iter().find(|level| view.glyphs.level(*level) == symbol);
        // A plain letter is no sign.
        let stands_alone = x + 1 < area.right() && buffer[(x + 1, y)].symbol() == " ";
        if let Some(level) = level.filter(|_| stands_alone && !symbol.is_ascii()) {
            buffer[(x, y)].set_style(view.ink(level));
        }
    }
}

/// Paints one line of an area.
pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect, y: u16, laid: &Laid<'_>) {
    let Laid { line, margin, is_first, text, .. } = laid;
    let margin = *margin;
    let mut brush = Brush::new(buffer, view, area, y);
    match line.sign {
        Some(of) if *is_first => {
            let (sign, slot) = sign(view, of);
            brush.cell(sign, SIGN, slot);
            if margin > SIGN {
                brush.cell(&line.label, margin - SIGN - 2, Slot::Text).gap(2);
            }
        }
        None if *is_first && margin > SIGN => {
            brush.cell(&line.label, margin - 2, Slot::Muted).gap(2);
        }
        _ => {
            brush.gap(margin);
        }
    }
    let slot = match line.weight {
        Weight::Heading => Slot::Strong,
        Weight::Plain => Slot::Text,
        Weight::Quiet => Slot::Muted,
        Weight::Warning => Slot::Warning,
        Weight::Alarm => Slot::RedFlag,
    };
    brush.put(text, slot);
}
